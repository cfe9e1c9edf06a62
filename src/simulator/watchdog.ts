/**
 * A watchdog for lost wake-ups: whenever the controller looks at silence, which is all that it does
 * again and again, a copy of its state is placed in full, every queue against every worker. What
 * that starts or evicts should have been started or evicted by the event that made it possible.
 *
 * Nothing depends on it. Where it fires it also repairs, so that a run with it and one without it
 * tell a lost wake-up from anything else that stands still.
 *
 * @module
 */

import type { ControllerEvent } from "../controller/events.ts";
import type { Fact } from "../controller/facts.ts";
import { Outbox, type Output } from "../controller/outbox.ts";
import { placeQueued } from "../controller/placement.ts";
import { isPlacementPaused } from "../controller/placement-budget.ts";
import { type ControllerState, touchWorker } from "../controller/state.ts";
import { Copier } from "./explorer/copy.ts";
import type { Observer } from "./observer.ts";

/** A full pass that found something to do. */
export interface MissedWakeUp {
  /** Types of the facts that it would record. */
  readonly moves: readonly string[];
}

export class Watchdog implements Observer {
  /** Full passes that were tried. */
  checks = 0;
  readonly fired: MissedWakeUp[] = [];

  onControllerStep(
    { state }: { readonly state: ControllerState },
    _event: ControllerEvent,
    { facts }: Output,
  ): void {
    if (!facts.some(({ type }) => type === "silence-checked")) return;
    this.checks++;
    const moves = missedMoves(state);
    if (moves.length === 0) return;
    this.fired.push({ moves });
    wakeEverything(state); // The next step places what waits.
  }
}

/** What a full pass would do now that no event has done; empty where nothing is missed. */
function missedMoves(state: ControllerState): string[] {
  if (state.queuedShapes.size === 0 || isPlacementPaused(state)) return [];
  const copy = new Copier().copy(state);
  wakeEverything(copy);
  const out = new Outbox();
  placeQueued(copy, out, copy.at);
  return out.facts.filter(isMove).map(({ type }) => type);
}

/**
 * Whether waiting work moves by it; to wait on a worker instead of in line is not that. Nor is a
 * turn that is kept: who has it, and where, changes with time alone, and each pass decides it anew.
 */
function isMove(fact: Fact): boolean {
  if (fact.type === "attempts-assigned") return fact.prefetched.includes(0);
  if (fact.type === "capacity-reserved") return fact.reservation.reason !== "turn";
  return fact.type === "attempts-stopping";
}

/** Lets the next pass look at every queue and every worker. */
function wakeEverything(state: ControllerState): void {
  for (const shape of state.queuedShapes) state.untriedShapes.add(shape);
  for (const { index } of state.workers) touchWorker(state, index);
}
