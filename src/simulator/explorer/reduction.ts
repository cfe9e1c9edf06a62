/**
 * Partial-order reduction: where the moves of one node commute with all that others can do, now
 * and later, only they are looked at; every other order leads to the same states at rest.
 *
 * The moves of one worker, or of one client, are such a set (a *persistent set*) when
 * - nothing may go wrong any more: a fault would touch the node or its links;
 * - no worker's timer may fire early and no heartbeat is on its way: only an answer to one makes
 *   the controller cut a healthy connection;
 * - something is on its way to the node: the head of that queue stays its head whatever the others
 *   do, since they only append;
 * - no worker reads values of another.
 *
 * Each chosen move takes something off a queue, ends a run or answers, so no state is looked at
 * for ever in a circle of chosen moves.
 *
 * @module
 */

import { budgetLeft, clientSlot, slot, workerSlot } from "./layout.ts";
import { type Move, nodeOfMove } from "./move-kinds.ts";
import { isEndangered } from "./moves.ts";
import type { Tuple, World } from "./world.ts";

/** Moves that stand for all others in this state; null when all must be looked at. */
export function persistentMoves(
  world: World,
  tuple: Tuple,
  calm: readonly Move[],
): readonly Move[] | null {
  if (calm.length < 2 || isEndangered(tuple) || tuple[slot.isUp] === 0) return null;
  if (budgetLeft(tuple[slot.budget], "workerTicks") > 0) return null;
  const { workerCount, clientCount } = world.layout;
  for (let place = 0; place < workerCount; place++) {
    const at = world.layout.worker(place);
    if (world.workerOf(tuple, place).fetches.length > 0) return null;
    if (world.carriesHeartbeat(tuple[at + workerSlot.there])) return null;
  }
  for (let place = 0; place < workerCount; place++) {
    if (tuple[world.layout.worker(place) + workerSlot.back] === 0) continue;
    return calm.filter((move) => nodeOfMove(move) === `worker ${place}`);
  }
  for (let place = 0; place < clientCount; place++) {
    if (tuple[world.layout.client(place) + clientSlot.back] === 0) continue;
    return calm.filter((move) => nodeOfMove(move) === `client ${place}`);
  }
  return null;
}
