/**
 * The bytes of a worker's values.
 *
 * The kernel decides what is kept; this knows only bytes. What has just come, from the executor or
 * a peer, is *pending* under its execution or transfer until the kernel names the task that it
 * belongs to, or discards it.
 *
 * Values above `inlineValueBytesMax` live in shared memory: made there by the thread that computed
 * them or by the socket that received them, read there by every thread and peer. The process's main
 * thread never copies them.
 *
 * @module
 */

import type { TaskRef } from "../../model/ids.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import type { ExecutionId, TransferId, UploadId } from "../../worker/events.ts";

export class ValueStore {
  readonly #values = new Map<TaskRef, Uint8Array>();
  readonly #results = new Map<ExecutionId, Uint8Array>();
  readonly #fetched = new Map<TransferId, Map<TaskRef, Uint8Array>>();
  readonly #uploads = new Map<UploadId, Uint8Array>();
  #valueBytes = 0;
  #pendingBytes = 0;

  /** Bytes of the values that are kept. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  /** Bytes that came and were neither kept nor discarded yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get valueCount(): number {
    return this.#values.size;
  }

  /** The value of a task. Not to be written to. */
  get(task: TaskRef): Uint8Array | undefined {
    return this.#values.get(task);
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
    if (value === undefined) return;
    this.#values.delete(task);
    this.#valueBytes -= value.length;
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
