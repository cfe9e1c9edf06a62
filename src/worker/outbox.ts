/**
 * What a step hands out: the facts that it recorded and the sends that follow from them.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { TaskRef } from "../model/ids.ts";
import { apply } from "./apply.ts";
import type { WorkerSend } from "./events.ts";
import type { WorkerFact } from "./facts.ts";
import type { Execution, WorkerState } from "./state.ts";

export interface Outbox {
  /** The time of the event under way. */
  at: Micros;
  readonly facts: WorkerFact[];
  readonly sends: WorkerSend[];
  /** Tasks whose closing rule is due: they came to rest while others may need them. */
  readonly closing: TaskRef[];
  /** Executions whose thread took them up: told at the end if they still run then. */
  readonly started: Execution[];
}

export function newOutbox(): Outbox {
  return { at: 0, facts: [], sends: [], closing: [], started: [] };
}

/** Applies a fact at once and puts it out. Every change of the state goes through here. */
export function record(state: WorkerState, out: Outbox, fact: WorkerFact): void {
  apply(state, fact);
  out.facts.push(fact);
}
