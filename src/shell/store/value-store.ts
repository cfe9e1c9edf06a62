/**
 * The bytes of a worker's values, in memory and on the disk.
 *
 * The kernel decides what is kept and where; this knows only bytes. What has just come, from the
 * executor or a peer, is *pending* under its execution or transfer until the kernel names the task
 * that it belongs to, or discards it.
 *
 * Values above `inlineValueBytesMax` live in shared memory: made there by the thread that computed
 * them or by the socket that received them, read there by every thread and peer. The process's main
 * thread never copies them.
 *
 * @module
 */

import type { TaskRef } from "../../model/ids.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import type { ExecutionId, FileId, TransferId, UploadId } from "../../worker/events.ts";
import type { ValueFile, ValueSource } from "../data-plane/data-listener.ts";
import type { SpillFiles } from "./spill-files.ts";

/** A value that is in its file and not in memory. */
interface Spilled {
  readonly file: FileId;
  readonly length: number;
}

export class ValueStore implements ValueSource {
  readonly #values = new Map<TaskRef, Uint8Array>();
  readonly #spilled = new Map<TaskRef, Spilled>();
  readonly #files: SpillFiles | null;
  /** How often a value is being sent right now. */
  readonly #lent = new Map<TaskRef, number>();
  readonly #returns = new Map<TaskRef, () => void>();
  readonly #results = new Map<ExecutionId, Uint8Array>();
  readonly #fetched = new Map<TransferId, Map<TaskRef, Uint8Array>>();
  readonly #uploads = new Map<UploadId, Uint8Array>();
  #valueBytes = 0;
  #spilledBytes = 0;
  #pendingBytes = 0;
  /** Told when peers or clients have been sent these values. */
  onSent: (tasks: readonly TaskRef[]) => void = () => {};
  /** Told when a file could not be read for a peer or a client. */
  onUnreadable: (file: FileId, reason: unknown) => void = () => {};

  /** Without files every value stays in memory. */
  constructor(files: SpillFiles | null = null) {
    this.#files = files;
  }

  /** Bytes of the values that are kept in memory. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  /** Bytes of the values that are kept on the disk. */
  get spilledBytes(): number {
    return this.#spilledBytes;
  }

  /** Bytes that came and were neither kept nor discarded yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get valueCount(): number {
    return this.#values.size + this.#spilled.size;
  }

  /** The value of a task, if it is in memory. Not to be written to. */
  get(task: TaskRef): Uint8Array | undefined {
    return this.#values.get(task);
  }

  fileOf(task: TaskRef): ValueFile | undefined {
    const spilled = this.#spilled.get(task);
    if (spilled === undefined) return undefined;
    return { length: spilled.length, chunks: () => this.#chunksOf(task, spilled) };
  }

  async *#chunksOf(task: TaskRef, { file, length }: Spilled): AsyncGenerator<Uint8Array> {
    let isBegun = false;
    try {
      for await (const chunk of this.#files?.stream(file, length) ?? []) {
        isBegun = true;
        yield chunk;
      }
    } catch (error) {
      // It may have been read back, and its file removed, since it was asked for.
      const value = this.#values.get(task);
      if (!isBegun && value?.length === length) return yield value;
      this.onUnreadable(file, error);
      throw error;
    }
  }

  lend(tasks: readonly TaskRef[]): () => void {
    if (this.#files === null) return () => {};
    for (const task of tasks) this.#lent.set(task, (this.#lent.get(task) ?? 0) + 1);
    return () => {
      for (const task of tasks) this.#takeBack(task);
      this.onSent(tasks);
    };
  }

  #takeBack(task: TaskRef): void {
    const count = (this.#lent.get(task) ?? 1) - 1;
    if (count > 0) this.#lent.set(task, count);
    else {
      this.#lent.delete(task);
      this.#returns.get(task)?.();
      this.#returns.delete(task);
    }
  }

  /** Resolves when the value is not being sent. At most one waits for each. */
  async whenReturned(task: TaskRef): Promise<void> {
    if (this.#lent.has(task)) {
      await new Promise<void>((resolve) => this.#returns.set(task, resolve));
    }
  }

  /** The value is in this file from now on, and not in memory. */
  unload(task: TaskRef, file: FileId): void {
    const value = this.#values.get(task);
    if (value === undefined) return;
    this.drop(task);
    this.#spilled.set(task, { file, length: value.length });
    this.#spilledBytes += value.length;
  }

  /** Bytes of the value of a task in this file, or -1 if it is not there. */
  lengthIn(file: FileId, task: TaskRef): number {
    const spilled = this.#spilled.get(task);
    return spilled?.file === file ? spilled.length : -1;
  }

  /** The value is in memory again. */
  reload(task: TaskRef, value: Uint8Array): void {
    this.#keep(task, value);
  }

  addResult(execution: ExecutionId, value: Uint8Array): void {
    this.#results.set(execution, value);
    this.#pendingBytes += value.length;
  }

  /** The execution's result becomes the task's value. False if there is no such result. */
  storeResult(execution: ExecutionId, task: TaskRef): boolean {
    const value = this.#takeResult(execution);
    if (value !== undefined) this.#keep(task, value);
    return value !== undefined;
  }

  discardResult(execution: ExecutionId): void {
    this.#takeResult(execution);
  }

  addFetched(transfer: TransferId, task: TaskRef, value: Uint8Array): void {
    let values = this.#fetched.get(transfer);
    if (values === undefined) {
      values = new Map();
      this.#fetched.set(transfer, values);
    }
    values.set(task, value);
    this.#pendingBytes += value.length;
  }

  /** The fetched bytes become the task's value. False if the transfer did not bring it. */
  storeFetched(transfer: TransferId, task: TaskRef): boolean {
    const value = this.#takeFetched(transfer, task);
    if (value !== undefined) this.#keep(task, value);
    return value !== undefined;
  }

  discardFetched(transfer: TransferId, task: TaskRef): void {
    this.#takeFetched(transfer, task);
  }

  /** Discards what of a transfer was not stored. */
  endTransfer(transfer: TransferId): void {
    const values = this.#fetched.get(transfer);
    if (values === undefined) return;
    for (const value of values.values()) this.#pendingBytes -= value.length;
    this.#fetched.delete(transfer);
  }

  /** What a client brought. */
  addUpload(upload: UploadId, value: Uint8Array): void {
    this.#uploads.set(upload, value);
    this.#pendingBytes += value.length;
  }

  /** What was brought becomes the task's value. False if there is no such upload. */
  storeUpload(upload: UploadId, task: TaskRef): boolean {
    const value = this.#takeUpload(upload);
    if (value !== undefined) this.#keep(task, value);
    return value !== undefined;
  }

  discardUpload(upload: UploadId): void {
    this.#takeUpload(upload);
  }

  drop(task: TaskRef): void {
    const value = this.#values.get(task);
    const spilled = this.#spilled.get(task);
    if (this.#values.delete(task)) this.#valueBytes -= value?.length ?? 0;
    if (this.#spilled.delete(task)) this.#spilledBytes -= spilled?.length ?? 0;
  }

  #keep(task: TaskRef, value: Uint8Array): void {
    this.drop(task);
    this.#values.set(task, value);
    this.#valueBytes += value.length;
  }

  #takeResult(execution: ExecutionId): Uint8Array | undefined {
    const value = this.#results.get(execution);
    if (value === undefined) return undefined;
    this.#results.delete(execution);
    this.#pendingBytes -= value.length;
    return value;
  }

  #takeUpload(upload: UploadId): Uint8Array | undefined {
    const value = this.#uploads.get(upload);
    if (value === undefined) return undefined;
    this.#uploads.delete(upload);
    this.#pendingBytes -= value.length;
    return value;
  }

  #takeFetched(transfer: TransferId, task: TaskRef): Uint8Array | undefined {
    const values = this.#fetched.get(transfer);
    const value = values?.get(task);
    if (values === undefined || value === undefined) return undefined;
    values.delete(task);
    if (values.size === 0) this.#fetched.delete(transfer);
    this.#pendingBytes -= value.length;
    return value;
  }
}

/** Room for a value that is about to come: shared memory if it is large. */
export function allocateValue(length: number): Uint8Array {
  if (length <= inlineValueBytesMax) return new Uint8Array(length);
  return new Uint8Array(new SharedArrayBuffer(length));
}
