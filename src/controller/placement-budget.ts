/**
 * How much placement one turn of the loop may do. A pass that has more to do is paused: what it has
 * not settled is tried again in the next turn, for which `nextDeadline` asks at once. So a large
 * cluster that is empty is filled turn by turn, and in between the controller hears everybody.
 *
 * It counts work and reads no clock: the same events make the same passes.
 *
 * @module
 */

import type { ControllerEvent } from "./events.ts";
import { commandUnits, functionUnits } from "./limits.ts";
import type { ControllerState, Shape } from "./state.ts";

/** Each moment, and each tick, has a budget of its own. */
export function renewBudget(state: ControllerState, event: ControllerEvent): void {
  if (event.at > state.at || event.type === "tick") state.fleet.spentUnits = 0;
}

/** Whether this turn places nothing more. */
export function isSpent({ fleet }: ControllerState): boolean {
  return fleet.spentUnits >= fleet.turnUnits;
}

/** Whether something is left for the next turn. */
export function isPlacementPaused(state: ControllerState): boolean {
  return isSpent(state) && state.touchedWorkers.size + state.untriedShapes.size > 0;
}

/** How many tasks of a shape this turn can still place; one more may be under way. */
export function affordable({ fleet }: ControllerState, shape: Shape): number {
  return Math.ceil((fleet.turnUnits - fleet.spentUnits) / unitsOf(shape));
}

export function payFor({ fleet }: ControllerState, shape: Shape, placed: number): void {
  fleet.spentUnits += placed * unitsOf(shape);
}

function unitsOf({ isCommand }: Shape): number {
  return isCommand ? commandUnits : functionUnits;
}
