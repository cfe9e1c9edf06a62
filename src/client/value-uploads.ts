/**
 * Values that this client brings to workers itself: scattered ones.
 *
 * The controller says where; the bytes are kept here until the task has an outcome. A value is
 * brought to one worker after the other. If none takes it, the controller is asked again, less and
 * less often.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import type { Peer } from "../protocol/messages.ts";
import type { Upload } from "../protocol/shared-messages.ts";
import type { FutureTable, Watcher } from "./future-table.ts";
import { reconnectDelayMaxMs, reconnectDelayMinMs, uploadsMax, uploadTriesMax } from "./limits.ts";
import type { Transport } from "./transport.ts";

/** What the uploads ask of their session. */
export interface UploadHost {
  readonly transport: Transport;
  readonly table: FutureTable;
  /** What is presented to workers. */
  readonly dataToken: string;
  readonly clusterId: string;
  /** The worker at an index, if it is known. */
  peer(index: WorkerIndex): Peer | undefined;
  /** Asks the controller where the value of a task is to be brought. */
  askAgain(number: number): void;
  /** Nobody takes it. */
  giveUp(number: number, reason: string): void;
}

interface Entry {
  readonly bytes: Uint8Array;
  /** The latest order, while it was not begun. */
  order: Upload | null;
  isBusy: boolean;
  isSettled: boolean;
  /** Orders in a row by which nobody took it. */
  failures: number;
}

export class ValueUploads implements Watcher {
  readonly #host: UploadHost;
  readonly #entries = new Map<number, Entry>();
  readonly #closed = new AbortController();
  readonly #turns: (() => void)[] = [];
  #running = 0;

  constructor(host: UploadHost) {
    this.#host = host;
  }

  /** Keeps the value of a task until the task has an outcome. */
  add(number: number, bytes: Uint8Array): void {
    const entry = { bytes, order: null, isBusy: false, isSettled: false, failures: 0 };
    this.#entries.set(number, entry);
    const { table } = this.#host;
    // Whoever lets go of the future has what depends on it still wait for the value.
    table.pin(number);
    if (!table.watch(number, this)) this.onSettled(table, number);
  }

  onSettled(_table: FutureTable, number: number): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) return;
    entry.isSettled = true;
    if (!entry.isBusy) this.#drop(number);
  }

  onUpload(order: Upload): void {
    const entry = this.#entries.get(order.task);
    if (entry === undefined) return; // It is there already.
    entry.order = order;
    if (!entry.isBusy) void this.#bring(order.task, entry);
  }

  close(reason: unknown): void {
    this.#closed.abort(reason);
    for (const number of [...this.#entries.keys()]) this.#drop(number);
  }

  #drop(number: number): void {
    if (this.#entries.delete(number)) this.#host.table.unpin(number);
  }

  async #bring(number: number, entry: Entry): Promise<void> {
    entry.isBusy = true;
    await this.#turn();
    try {
      while (entry.order !== null && !this.#closed.signal.aborted) {
        const { order } = entry;
        entry.order = null;
        await this.#follow(number, entry, order);
      }
    } catch (error) {
      if (!this.#closed.signal.aborted) throw error;
    } finally {
      entry.isBusy = false;
      this.#running--;
      this.#turns.shift()?.();
      if (entry.isSettled) this.#drop(number);
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= uploadsMax) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    this.#running++;
  }

  async #follow(number: number, entry: Entry, { ref, workers }: Upload): Promise<void> {
    let taken = 0;
    let why = "";
    for (const index of workers) {
      if (this.#closed.signal.aborted) return;
      why = await this.#bringTo(index, ref, entry.bytes);
      if (why === "") taken++;
    }
    if (taken > 0) entry.failures = 0;
    else await this.#onNobody(number, entry, why);
  }

  async #onNobody(number: number, entry: Entry, why: string): Promise<void> {
    if (entry.isSettled || entry.order !== null) return;
    entry.failures++;
    if (entry.failures >= uploadTriesMax) return this.#host.giveUp(number, why);
    const delayMs = reconnectDelayMinMs * 2 ** Math.min(entry.failures - 1, 10);
    const { clock } = this.#host.transport;
    await clock.pause(Math.min(delayMs, reconnectDelayMaxMs), this.#closed.signal);
    if (entry.order === null && !entry.isSettled) this.#host.askAgain(number);
  }

  /** "" when the worker has it, else why not. */
  async #bringTo(index: WorkerIndex, task: TaskRef, bytes: Uint8Array): Promise<string> {
    const { transport, dataToken, clusterId } = this.#host;
    const peer = this.#host.peer(index);
    if (peer === undefined) return "its worker is gone";
    const { address, workerId } = peer;
    const { signal } = this.#closed;
    const request = { address, token: dataToken, clusterId, task, bytes, signal };
    const why = await transport.bringValue(request);
    return why === "" ? "" : `worker ${workerId} at ${address}: ${why}`;
  }
}
