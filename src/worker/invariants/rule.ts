/**
 * What a rule of the worker is.
 *
 * @module
 */

import type { WorkerState } from "../state.ts";

/** Rules by their sentence; W-numbers are those of the reference table. */
export type WorkerRules = { readonly [sentence: string]: (state: WorkerState) => void };
