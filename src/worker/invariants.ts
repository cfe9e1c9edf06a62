/**
 * The rules that hold after every event, each named as a sentence.
 *
 * Rules about whole histories have no place here and are tested as such: W20 (a dead id changes
 * nothing), W24 (twice equals once), W27 (the state is the fold of its facts), W28 (paused starts
 * nothing), W30 (order of what is said) and W31 (quiescence).
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { executionRules } from "./invariants/executions.ts";
import type { WorkerRules } from "./invariants/rule.ts";
import { taskRules } from "./invariants/tasks.ts";
import { transferRules } from "./invariants/transfers.ts";
import type { WorkerState } from "./state.ts";

export const workerRules: WorkerRules = { ...taskRules, ...executionRules, ...transferRules };

/** Throws InvariantError, naming the rule, if one is broken. Cost: the size of the state. */
export function checkWorkerInvariants(state: WorkerState): void {
  for (const [rule, check] of Object.entries(workerRules)) {
    try {
      check(state);
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      throw new InvariantError(rule, [error.message]);
    }
  }
}
