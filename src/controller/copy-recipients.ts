/**
 * Who gets the next copy of a value: of the workers that may have one, whoever holds the least.
 *
 * Made for one step, where anything is to be copied at all, so that each value costs a look at a
 * few workers and not at all of them.
 *
 * @module
 */

import { Heap } from "../base/heap.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { CopyNeed } from "./copies-state.ts";
import { mayUse } from "./eligibility.ts";
import { copyOrdersMax, copyTriesMax } from "./limits.ts";
import { isComputed } from "./offers.ts";
import { type ControllerState, isOpen, shapeOf, type Worker } from "./state.ts";
import { holdersOf } from "./values.ts";

/** Whether a worker takes copies of the value: what was brought stays where it may be. */
export function mayHold(state: ControllerState, task: number, worker: Worker): boolean {
  if (!isOpen(worker)) return false;
  return isComputed(state, task) || mayUse(worker, shapeOf(state, task));
}

export class CopyRecipients {
  readonly #state: ControllerState;
  /** By the bytes that each holds, or was told to fetch in this step. */
  readonly #free = new Heap();
  /** With as many orders as one may have. */
  readonly #busy: WorkerIndex[] = [];

  constructor(state: ControllerState) {
    this.#state = state;
    for (const worker of state.workers) {
      if (isOpen(worker)) this.#enter(worker.index, worker.heldValueBytes);
    }
  }

  #enter(worker: WorkerIndex, bytes: number): void {
    const orderCount = this.#state.copies.orders.get(worker)?.size ?? 0;
    if (orderCount < copyOrdersMax) this.#free.push(bytes, worker);
    else this.#busy.push(worker);
  }

  /**
   * Gives up to `count` workers to `order`, which tells them to fetch the value; false if there are
   * some that may have it, and all of them are busy with others.
   */
  choose(
    {
      task,
      need,
      count,
    }: { readonly task: number; readonly need: CopyNeed; readonly count: number },
    order: (workers: readonly WorkerIndex[]) => void,
  ): boolean {
    const isAble = this.#judge(task, need);
    const chosen: [worker: WorkerIndex, bytes: number][] = [];
    const passed: [worker: WorkerIndex, bytes: number][] = [];
    while (chosen.length < count && this.#free.length > 0) {
      const bytes = this.#free.peekKey();
      const worker = this.#free.pop();
      (isAble(worker) ? chosen : passed).push([worker, bytes]);
    }
    for (const [worker, bytes] of passed) this.#free.push(bytes, worker);
    if (count > 0 && chosen.length === 0 && this.#busy.some(isAble)) return false;
    order(chosen.map(([worker]) => worker));
    const { valueBytes } = this.#state.tasks;
    for (const [worker, bytes] of chosen) this.#enter(worker, bytes + valueBytes[task]);
    return true;
  }

  /** Who may be told to fetch the value next; nobody for a while if so many could not. */
  #judge(task: number, need: CopyNeed): (worker: WorkerIndex) => boolean {
    if (need.failed.length >= copyTriesMax) return () => false;
    const state = this.#state;
    const known = new Set([...holdersOf(state, task), ...need.ordered, ...need.failed]);
    const ref = state.tasks.ref(task);
    return (index) => {
      const worker = state.workers[index];
      // What could not be dropped where it is read is dropped soon.
      return !known.has(index) && !worker.keptValues.has(ref) && mayHold(state, task, worker);
    };
  }
}
