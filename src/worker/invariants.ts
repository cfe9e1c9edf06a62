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
import { memoryRules } from "./invariants/memory.ts";
import { recordRules } from "./invariants/records.ts";
import { taskRules } from "./invariants/tasks.ts";
import { transferRules } from "./invariants/transfers.ts";
import type { TaskRecord, WorkerState } from "./state.ts";

const recordSentences = Object.keys(recordRules);
const recordChecks = Object.values(recordRules);
const rulesOfRecords = { ...taskRules, ...memoryRules };
const rulesOfAll = { ...executionRules, ...transferRules, ...rulesOfRecords };
const wholeSentences = Object.keys(rulesOfAll);
const wholeChecks = Object.values(rulesOfAll);
// Those of executions and transfers, of which there are few, go first.
const runningCount = wholeSentences.length - Object.keys(rulesOfRecords).length;

/** Every rule by its sentence. */
export const workerRules: readonly string[] = [...recordSentences, ...wholeSentences];

/** A rule that does not hold, and where. */
export interface WorkerViolation {
  readonly rule: string;
  readonly message: string;
}

/** Throws InvariantError with every rule that is broken. Cost: the size of the state. */
export function checkWorkerInvariants(state: WorkerState): void {
  assertNone(findWorkerViolations(state));
}

/** Every rule that is broken, with the first record that breaks it. */
export function findWorkerViolations(state: WorkerState): WorkerViolation[] {
  return violationsOf(state, [...state.tasks.values()], wholeChecks.length);
}

/** The rules about these records, and those about what runs and is fetched. */
export function checkWorkerRecords(state: WorkerState, records: readonly TaskRecord[]): void {
  assertNone(violationsOf(state, records, runningCount));
}

function violationsOf(
  state: WorkerState,
  records: readonly TaskRecord[],
  wholeCount: number,
): WorkerViolation[] {
  const found: WorkerViolation[] = [];
  for (let i = 0; i < recordChecks.length; i++) {
    try {
      for (const record of records) recordChecks[i](state, record);
    } catch (error) {
      found.push({ rule: recordSentences[i], message: messageOf(error) });
    }
  }
  for (let i = 0; i < wholeCount; i++) {
    try {
      wholeChecks[i](state);
    } catch (error) {
      found.push({ rule: wholeSentences[i], message: messageOf(error) });
    }
  }
  return found;
}

function messageOf(error: unknown): string {
  if (error instanceof InvariantError) return error.message;
  throw error;
}

function assertNone(violations: readonly WorkerViolation[]): void {
  if (violations.length === 0) return;
  const [{ rule, message }, ...others] = violations;
  const story = others.map((one) => `${one.rule}: ${one.message}`);
  throw new InvariantError(rule, [message, ...story]);
}
