/**
 * Checks the rules of a worker after every event at the price of what the event changed.
 *
 * What only the stream knows of (a message was sent, an order was applied) breaks no rule but that
 * of answers, and is looked at with the next change. A small state is looked at whole; of a larger
 * one the records that the facts name, their neighbours, and what runs; and now and then all.
 *
 * @module
 */

import type { TaskRef } from "../model/ids.ts";
import type { WorkerFact } from "./facts.ts";
import { checkWorkerInvariants, checkWorkerRecords } from "./invariants.ts";
import { runOfState, type TaskRecord, type WorkerState } from "./state.ts";

/** Facts about the stream to the controller. */
const ofTheStream: ReadonlySet<WorkerFact["type"]> = new Set([
  "order-applied",
  "message-sent",
  "answers-acknowledged",
  "heartbeat-sent",
  "leaving-said",
  "value-travelled",
  "traffic-told",
  "progress-told",
] as const);

/** Facts after which any record may be another one. */
const ofEverything: ReadonlySet<WorkerFact["type"]> = new Set([
  "worker-reset",
  "executions-recovered",
  "peer-left",
  "health-changed",
  "worker-paused",
  "pause-outlasted",
] as const);

/** When a worker's state is looked at whole. */
export interface WorkerCheckOptions {
  /** Up to so many task records after every change; default 30. */
  readonly wholeUpTo?: number;
  /** Every so many events in any case; default 64. */
  readonly wholeEvery?: number;
}

export class WorkerInvariantChecker {
  readonly #wholeUpTo: number;
  readonly #wholeEvery: number;
  readonly #touched = new Set<TaskRecord>();
  #untilWhole = 0;

  constructor({ wholeUpTo = 30, wholeEvery = 64 }: WorkerCheckOptions = {}) {
    this.#wholeUpTo = wholeUpTo;
    this.#wholeEvery = wholeEvery;
  }

  /** After a step that recorded these facts. Throws InvariantError that names the rule. */
  check(state: WorkerState, facts: readonly WorkerFact[]): void {
    const isDue = --this.#untilWhole <= 0;
    if (!isDue && facts.every(({ type }) => ofTheStream.has(type))) return;
    const isWhole = isDue || state.tasks.size <= this.#wholeUpTo;
    if (isWhole || facts.some(({ type }) => ofEverything.has(type))) {
      this.#untilWhole = this.#wholeEvery;
      return checkWorkerInvariants(state);
    }
    this.#touched.clear();
    for (const fact of facts) this.#addNamed(state, fact);
    checkWorkerRecords(state, [...this.#touched]);
  }

  #addNamed(state: WorkerState, fact: WorkerFact): void {
    if ("task" in fact) this.#addAround(state, fact.task);
    if ("tasks" in fact) for (const task of fact.tasks) this.#addAround(state, task);
    if (!("execution" in fact)) return;
    const execution = state.executions.get(fact.execution);
    if (execution !== undefined) this.#addAround(state, execution.run.task);
  }

  /** A task, what its run reads, and who reads its value. */
  #addAround(state: WorkerState, task: TaskRef): void {
    const record = state.tasks.get(task);
    if (record === undefined) return;
    this.#touched.add(record);
    for (const input of runOfState(record.state)?.dependencies ?? []) this.#add(state, input);
    for (const dependent of record.neededBy ?? []) this.#add(state, dependent);
  }

  #add(state: WorkerState, task: TaskRef): void {
    const record = state.tasks.get(task);
    if (record !== undefined) this.#touched.add(record);
  }
}
