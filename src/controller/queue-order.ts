/**
 * Where a queue stands in the order of placement, and which queues it must not pass.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { compareWithinUser, type QueueKey } from "../scheduler/fair-order.ts";
import { rankOf, type Waiting } from "../scheduler/queue-policy.ts";
import { type ControllerState, orderOf, type Shape, submissionOf } from "./state.ts";
import { capCount, effectiveBand } from "./users.ts";

/** The task that the shape would place next; its queue must not be empty. */
export function headTask(shape: Shape): number {
  assert(shape.queued > 0, "only a shape with a queue has a head");
  return shape.woken.length > 0 ? shape.woken.at(0) : shape.fresh.at(0);
}

/** The place in the order of placement of a queue, or of another task as if it were its head. */
export function queueKeyOf(
  state: ControllerState,
  shape: Shape,
  head: number = headTask(shape),
): QueueKey {
  return {
    band: effectiveBand(state, shape),
    user: shape.user,
    rank: rankOf(state.policy, waitingOf(state, shape, head)),
    priority: shape.priority,
    depth: shape.depth,
    treeOrder: shape.treeOrder,
    headOrder: orderOf(state, head),
    index: shape.index,
  };
}

/** What a policy asks of a queue: that of the task that it would place next. */
export function waitingOf(
  state: ControllerState,
  shape: Shape,
  head: number = headTask(shape),
): Waiting {
  return {
    headOrder: orderOf(state, head),
    waitedUs: state.at - submissionOf(state, head).at,
    expectedUs: shape.timeoutUs > 0 ? shape.timeoutUs : shape.meanUs,
  };
}

/** The same without what its head waited for its inputs, before anything stood in line here. */
export function lineWaitOf(state: ControllerState, shape: Shape): Waiting {
  const waiting = waitingOf(state, shape);
  return { ...waiting, waitedUs: Math.min(waiting.waitedUs, state.at - shape.queuedSince) };
}

/** A queue that would get what attempts of another one give back. */
export interface Rival {
  readonly shape: Shape;
  /** Otherwise it takes turns with it. */
  readonly goesFirst: boolean;
}

/** The rivals of a queue. */
export function rivalsOf(state: ControllerState, shape: Shape): Rival[] {
  const own = queueKeyOf(state, shape);
  const rivals: Rival[] = [];
  for (const index of state.queuedShapes) {
    const other = state.shapes[index];
    if (other === shape || !waitsForRoom(state, other)) continue;
    const key = queueKeyOf(state, other);
    if (isRival(key, own)) rivals.push({ shape: other, goesFirst: goesBefore(key, own) });
  }
  return rivals;
}

/**
 * Whether what comes free may help. A gang has holds of its own, and a user's cap is no lack of
 * room.
 */
export function waitsForRoom(state: ControllerState, shape: Shape): boolean {
  return shape.gang < 0 && capCount(state, shape, 1) > 0;
}

/** Whether it goes before, or is of another user in the same band, who takes turns. */
export function isRival(other: QueueKey, own: QueueKey): boolean {
  return goesBefore(other, own) || (other.band === own.band && other.user !== own.user);
}

/** Whether the order puts it first, however much anybody holds. */
export function goesBefore(other: QueueKey, own: QueueKey): boolean {
  if (other.band !== own.band) return other.band < own.band;
  return other.user === own.user && compareWithinUser(other, own) < 0;
}
