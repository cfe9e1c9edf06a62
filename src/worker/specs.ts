/**
 * What the controller says about specifications: which there are, and which are not used any more.
 *
 * @module
 */

import type { DefineSpec } from "../protocol/messages.ts";
import type { DropSpec } from "../protocol/order-messages.ts";
import { type Outbox, record } from "./outbox.ts";
import type { WorkerState } from "./state.ts";

/** A number never changes its meaning: repeated, it changes nothing. */
export function onDefineSpec(state: WorkerState, out: Outbox, message: DefineSpec): void {
  const { spec, definition } = message;
  if (state.specs.has(spec)) return;
  record(state, out, { type: "spec-defined", spec, definition });
}

/** Runs that live keep the specification that they were ordered with. */
export function onDropSpec(state: WorkerState, out: Outbox, { spec }: DropSpec): void {
  if (state.specs.has(spec)) record(state, out, { type: "spec-dropped", spec });
}
