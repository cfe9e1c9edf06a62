/**
 * What one step produces: facts, which are applied as they are recorded, and sends, which the shell
 * lets go when those facts are durable.
 *
 * @module
 */

import type { Blobs } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import { mixId } from "../base/digest.ts";
import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import type { ToClientMessage, ToWorkerMessage } from "../protocol/messages.ts";
import { apply } from "./apply.ts";
import {
  borrowBuilder,
  type ComputeBuilder,
  type ComputeEntry,
  returnBuilder,
} from "./compute-builder.ts";
import type { ClientIndex, ControllerSend } from "./events.ts";
import { type Fact, isDurable } from "./facts.ts";
import { ResultsBuilder } from "./results-builder.ts";
import type { ControllerState } from "./state.ts";

/** What one step leaves behind. */
export interface Output {
  readonly facts: readonly Fact[];
  readonly sends: readonly ControllerSend[];
}

export class Outbox {
  readonly facts: Fact[] = [];
  readonly sends: ControllerSend[] = [];
  /** Tasks that may have become releasable: looked at once, at the end of the step. */
  readonly releaseCandidates = new U32Column();
  /** Jobs with children of which a task was requeued in this step. */
  readonly restartedJobs = new Set<number>();
  readonly #computes = new Map<WorkerIndex, ComputeBuilder>();
  readonly #results = new Map<ClientIndex, ResultsBuilder>();
  readonly #forgets = new Map<WorkerIndex, { tasks: TaskRef[]; valuesDigest: number }>();

  /** Applies the fact and puts it out: the only way in which a step changes the state. */
  record(state: ControllerState, fact: Fact): void {
    apply(state, fact);
    this.facts.push(fact);
  }

  /** Puts out a fact whose entries a recorder applied one by one. */
  note(state: ControllerState, fact: Fact): void {
    if (isDurable(fact)) state.journaled++;
    this.facts.push(fact);
  }

  /** Sends to a connected worker; to any other nothing is sent: its next hello settles it. */
  toWorker(state: ControllerState, index: WorkerIndex, message: ToWorkerMessage): void {
    if (!state.workers[index].connected) return;
    this.#flushCompute(state, index);
    this.#pushToWorker(state, index, message);
  }

  /** Adds one attempt to the next `compute` for its worker, after what was to be forgotten. */
  compute(state: ControllerState, index: WorkerIndex, entry: ComputeEntry): void {
    if (!state.workers[index].connected) return;
    // A forget that came later would drop the value of the new attempt.
    if (this.#forgets.has(index)) {
      this.#flushCompute(state, index);
      this.#flushForgets(state, index);
    }
    let builder = this.#computes.get(index);
    if (builder === undefined) {
      builder = borrowBuilder();
      this.#computes.set(index, builder);
    }
    builder.push(entry);
    if (builder.isFull) this.#flushCompute(state, index);
  }

  /** Orders a worker to forget a task; `holdsValue` if it has the value now. */
  forget(index: WorkerIndex, task: TaskRef, holdsValue: boolean): void {
    let entry = this.#forgets.get(index);
    if (entry === undefined) {
      entry = { tasks: [], valuesDigest: 0 };
      this.#forgets.set(index, entry);
    }
    entry.tasks.push(task);
    if (holdsValue) entry.valuesDigest = (entry.valuesDigest + mixId(task)) >>> 0;
  }

  toClient(state: ControllerState, client: ClientIndex, message: ToClientMessage): void {
    if (state.clients[client]?.connected !== true) return;
    this.#flushResults(client);
    this.sends.push({ type: "send-to-client", client, message });
  }

  /** Adds one small value to the next `results` for a connected client. */
  result(client: ClientIndex, number: number, value: Uint8Array): void {
    const builder = this.#resultsFor(client);
    builder.push(number, value);
    if (builder.isFull) this.#flushResults(client);
  }

  /** The same for byte string `index` of `values`. */
  resultFrom(client: ClientIndex, number: number, values: Blobs, index: number): void {
    const builder = this.#resultsFor(client);
    builder.pushFrom(number, values, index);
    if (builder.isFull) this.#flushResults(client);
  }

  #resultsFor(client: ClientIndex): ResultsBuilder {
    let builder = this.#results.get(client);
    if (builder === undefined) {
      builder = new ResultsBuilder();
      this.#results.set(client, builder);
    }
    return builder;
  }

  /** Closes every open batch. */
  finish(state: ControllerState): Output {
    for (const [index, builder] of this.#computes) {
      this.#flushCompute(state, index);
      returnBuilder(builder);
    }
    for (const client of this.#results.keys()) this.#flushResults(client);
    for (const index of this.#forgets.keys()) this.#flushForgets(state, index);
    return { facts: this.facts, sends: this.sends };
  }

  #flushCompute(state: ControllerState, index: WorkerIndex): void {
    const builder = this.#computes.get(index);
    if (builder === undefined || builder.count === 0) return;
    const worker = state.workers[index];
    const { message, digest } = builder.take();
    this.#pushToWorker(state, index, message);
    worker.unapplied.push({ sequence: worker.sentCount, attempts: digest, values: 0 });
  }

  #flushForgets(state: ControllerState, index: WorkerIndex): void {
    const entry = this.#forgets.get(index);
    this.#forgets.delete(index);
    const worker = state.workers[index];
    if (entry === undefined || !worker.connected) return;
    const { tasks, valuesDigest } = entry;
    const heard = worker.receivedCount;
    this.#pushToWorker(state, index, { type: "forget", tasks: Float64Array.from(tasks), heard });
    worker.unapplied.push({ sequence: worker.sentCount, attempts: 0, values: valuesDigest });
  }

  #flushResults(client: ClientIndex): void {
    const builder = this.#results.get(client);
    if (builder === undefined || builder.count === 0) return;
    this.sends.push({ type: "send-to-client", client, message: builder.take() });
  }

  #pushToWorker(state: ControllerState, index: WorkerIndex, message: ToWorkerMessage): void {
    state.workers[index].sentCount++;
    this.sends.push({ type: "send-to-worker", worker: index, message });
  }
}
