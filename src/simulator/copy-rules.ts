/**
 * Rules about the copies of values: what a drained worker takes along, and what is owed at rest.
 * They look at what machines really hold, and at what people were told.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { soleValuesOf } from "../controller/copies.ts";
import type { Output } from "../controller/outbox.ts";
import { type ControllerState, isOpen, taskIdOf } from "../controller/state.ts";
import { noSlot } from "../controller/tables/task-table.ts";
import { workerView } from "../controller/views.ts";
import { taskStateCode } from "../model/states.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

/** Whether people are told that a worker is empty, and may be stopped. */
export function isDrained(state: ControllerState, index: number): boolean {
  const worker = state.workers[index];
  return worker?.draining === true && workerView(state, worker).stateReason === "drained";
}

export class CopyRules {
  /** Workers that were said to be empty, or told so, when the last step had ended. */
  readonly #drained = new Set<number>();

  /** Throws InvariantError if a worker that was said to be empty takes a value along. */
  check(state: ControllerState, { facts }: Output): void {
    const lost = facts.flatMap((fact) => (fact.type === "worker-lost" ? [fact.worker] : []));
    // Of two that go at once, each may have counted on the other.
    if (lost.length === 1 && this.#drained.has(lost[0])) {
      for (const fact of facts) {
        if (fact.type === "values-gone") checkUnwanted(state, fact.tasks);
      }
    }
    this.#drained.clear();
    for (const { index, draining, leavesBy } of state.workers) {
      if (draining && isDrained(state, index)) this.#drained.add(index);
      if (leavesBy > 0 && !state.copies.emptying.has(index)) this.#addIfEmpty(state, index);
    }
  }

  /** It was told that it may go: with what nobody could take, or with nothing. */
  #addIfEmpty(state: ControllerState, index: number): void {
    const { liveAttempts } = state.workers[index];
    if (liveAttempts === 0 && soleValuesOf(state, state.workers[index]).count === 0) {
      this.#drained.add(index);
    }
  }
}

function checkUnwanted(state: ControllerState, gone: Uint32Array): void {
  const { tasks } = state;
  for (const task of gone) {
    if (!tasks.isLive(task) || tasks.wants[task] + tasks.pendingDependents[task] === 0) continue;
    const rule = "a worker that is drained takes no value along";
    throw new InvariantError(rule, [taskIdOf(state, task)]);
  }
}

/** A value that is on fewer workers than is wanted, though others could hold it; or null. */
export function owedCopy(
  state: ControllerState,
  workers: readonly SimulatedWorker[],
): string | null {
  const open = state.workers.filter(isOpen).length;
  for (const [task, count] of state.shared.copies) {
    const { tasks } = state;
    const hasValue = tasks.isLive(task) && tasks.state[task] === taskStateCode.SUCCEEDED;
    if (!hasValue || tasks.holder[task] === noSlot) continue;
    const ref = tasks.ref(task);
    const held = workers.filter(({ alive, values }) => alive && values.has(ref)).length;
    const wanted = count === 0 ? open : Math.min(count, open);
    if (held < wanted) return `${taskIdOf(state, task)} is on ${held} of ${wanted} workers`;
  }
  return null;
}
