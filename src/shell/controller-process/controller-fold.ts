/**
 * The fold of the controller's facts: what the journal, restore and the snapshot thread need of
 * the kernel, and nothing more.
 *
 * @module
 */

import { apply } from "../../controller/apply.ts";
import type { Fact } from "../../controller/facts.ts";
import { snapshotOf, stateOf } from "../../controller/snapshot.ts";
import { type ControllerState, newControllerState } from "../../controller/state.ts";
import type { FoldKernel } from "../journal/journal.ts";

/** The snapshot thread imports it by this name. */
export const foldKernel: FoldKernel<ControllerState, Fact> = {
  newState: newControllerState,
  apply,
  snapshotOf,
  stateOf,
};

/** This module, for the snapshot thread. */
export const foldModule = new URL(import.meta.url);
