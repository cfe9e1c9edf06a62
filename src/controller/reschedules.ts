/**
 * Tasks that asked to run later: how often, and where they did not want to stay.
 *
 * @module
 */

import { getRare } from "../base/rare.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { FactOf } from "./facts.ts";
import type { ControllerState } from "./state.ts";

/** What is remembered of a task until it is forgotten, or a person has it start over. */
export interface Reschedules {
  readonly count: number;
  /** Where it was the last time: it goes there only if no other worker takes it. */
  readonly worker: WorkerIndex;
}

export function rescheduleCount({ reschedules }: ControllerState, task: number): number {
  return getRare(reschedules, task)?.count ?? 0;
}

/** Where the task had better not go again, or -1. */
export function avoidedBy({ reschedules }: ControllerState, task: number): WorkerIndex {
  return getRare(reschedules, task)?.worker ?? -1;
}

/** Counts those of a requeue that asked to run later. */
export function noteReschedules(
  state: ControllerState,
  { tasks, leaving = [] }: FactOf<"tasks-requeued">,
): void {
  for (const { entry, worker } of leaving) {
    const count = rescheduleCount(state, tasks[entry]) + 1;
    state.reschedules.set(tasks[entry], { count, worker });
  }
}
