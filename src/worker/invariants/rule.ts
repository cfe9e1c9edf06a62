/**
 * What a rule of the worker is: one about each task record, or one about the whole state.
 *
 * @module
 */

import { InvariantError } from "../../base/assert.ts";
import type { TaskRecord, WorkerState } from "../state.ts";

/** Rules by their sentence; W-numbers are those of `docs/invariants.md`. */
export type WorkerRules = { readonly [sentence: string]: (state: WorkerState) => void };
export type TaskRules = {
  readonly [sentence: string]: (state: WorkerState, record: TaskRecord) => void;
};

/** Says what does not hold. Called in an `if`: while all does hold, nothing is composed. */
export function broken(message: string): never {
  throw new InvariantError(message);
}
