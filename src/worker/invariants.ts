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
import { recordRules } from "./invariants/records.ts";
import { taskRules } from "./invariants/tasks.ts";
import { transferRules } from "./invariants/transfers.ts";
import type { TaskRecord, WorkerState } from "./state.ts";

const recordSentences = Object.keys(recordRules);
const recordChecks = Object.values(recordRules);
const rulesOfAll = { ...executionRules, ...transferRules, ...taskRules };
const wholeSentences = Object.keys(rulesOfAll);
const wholeChecks = Object.values(rulesOfAll);
// Those of executions and transfers, of which there are few, go first.
const runningCount = wholeSentences.length - Object.keys(taskRules).length;

/** Every rule by its sentence. */
export const workerRules: readonly string[] = [...recordSentences, ...wholeSentences];

/** The rule that is being checked. */
let rule = "";

/** Throws InvariantError, naming the rule, if one is broken. Cost: the size of the state. */
export function checkWorkerInvariants(state: WorkerState): void {
  naming(() => {
    checkRecords(state, [...state.tasks.values()]);
    checkWhole(state, wholeChecks.length);
  });
}

/** The rules about these records, and those about what runs and is fetched. */
export function checkWorkerRecords(state: WorkerState, records: readonly TaskRecord[]): void {
  naming(() => {
    checkRecords(state, records);
    checkWhole(state, runningCount);
  });
}

function checkRecords(state: WorkerState, records: readonly TaskRecord[]): void {
  for (let i = 0; i < recordChecks.length; i++) {
    rule = recordSentences[i];
    for (const record of records) recordChecks[i](state, record);
  }
}

function checkWhole(state: WorkerState, count: number): void {
  for (let i = 0; i < count; i++) {
    rule = wholeSentences[i];
    wholeChecks[i](state);
  }
}

function naming(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
    throw new InvariantError(rule, [error.message]);
  }
}
