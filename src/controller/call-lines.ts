/**
 * The calls of actors that have not ended: those that wait, in the order of submission, and how
 * many are on the way to their actor or run.
 *
 *     submitted ─▶ in the line of its actor ─▶ sent, behind those before it ─▶ ended
 *
 * A call waits in the line from its submission on, also while it waits for an argument: so the one
 * behind it cannot go first. Written by `apply` and nobody else.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { type AttemptId, noAttempt } from "../model/ids.ts";
import type { ActorCalls } from "./call-state.ts";
import { type ControllerState, orderOf, shapeOf } from "./state.ts";

/** Whether the task calls an actor. */
export function isCall(state: ControllerState, task: number): boolean {
  return state.calls.hasParts && shapeOf(state, task).part === "call";
}

/** Whether the task keeps an object that is called. */
export function isActor(state: ControllerState, task: number): boolean {
  return state.calls.hasParts && shapeOf(state, task).part === "actor";
}

/** The actor that a call is for: its first dependency. */
export function actorOf({ tasks }: ControllerState, call: number): number {
  return tasks.dependency(call, 0);
}

/** Whether a call reads values besides what came with it. */
export function readsValues({ tasks }: ControllerState, call: number): boolean {
  return tasks.dependencyCount[call] > 1;
}

/** How many calls wait for an actor. */
export function waitingCount({ rows, head }: ActorCalls): number {
  return rows.length - head;
}

/** How many calls wait for an actor, and how many are on the way to it or run. */
export function callCounts(state: ControllerState, actor: number) {
  const calls = state.calls.byActor.get(actor);
  if (calls === undefined) return { waitingCount: 0, underwayCount: 0 };
  return { waitingCount: waitingCount(calls), underwayCount: calls.sent };
}

/** Before the first is sent, and when all of them have ended. */
const nothingSent = { sent: 0, sentReaders: 0, lastSent: noAttempt, lastOrder: 0 } as const;

/** What an actor is asked to do. */
export function callsOf(state: ControllerState, actor: number): ActorCalls {
  const known = state.calls.byActor.get(actor);
  if (known !== undefined) return known;
  const calls: ActorCalls = { rows: [], orders: [], head: 0, ...nothingSent };
  state.calls.byActor.set(actor, calls);
  return calls;
}

/** The first place from `head` on whose order is at least `order`. */
function placeOf({ orders, head }: ActorCalls, order: number): number {
  let low = head;
  let high = orders.length;
  if (high > low && orders[high - 1] < order) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (orders[middle] < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a call where it belongs in the line of its actor; one that is there stays. */
export function joinCallLine(state: ControllerState, call: number): void {
  const actor = actorOf(state, call);
  const calls = callsOf(state, actor);
  const order = orderOf(state, call);
  const place = placeOf(calls, order);
  state.calls.touched.add(actor);
  if (place < calls.orders.length && calls.orders[place] === order) return;
  calls.orders.splice(place, 0, order);
  calls.rows.splice(place, 0, call);
}

/** Takes a call out of the line of its actor. */
export function leaveCallLine(state: ControllerState, call: number): void {
  const actor = actorOf(state, call);
  const calls = callsOf(state, actor);
  const order = orderOf(state, call);
  const place = placeOf(calls, order);
  assert(calls.orders[place] === order, "a call that leaves its line stands in it");
  state.calls.touched.add(actor);
  removeAt(calls, place);
  dropIfEmpty(state, actor, calls);
}

/** The front is where most leave: it is cut off in one piece now and then. */
function removeAt(calls: ActorCalls, place: number): void {
  if (place > calls.head) {
    calls.rows.splice(place, 1);
    calls.orders.splice(place, 1);
    return;
  }
  calls.head++;
  if (calls.head * 2 <= calls.rows.length) return;
  calls.rows.splice(0, calls.head);
  calls.orders.splice(0, calls.head);
  calls.head = 0;
}

/** A worker takes calls again, and any actor may be there: all that are called are looked at. */
export function touchActors({ calls }: ControllerState): void {
  for (const actor of calls.byActor.keys()) calls.touched.add(actor);
}

/** An attempt of a call was sent. */
export function countSent(state: ControllerState, call: number, attempt: AttemptId): void {
  const calls = callsOf(state, actorOf(state, call));
  calls.sent++;
  if (readsValues(state, call)) calls.sentReaders++;
  calls.lastOrder = Math.max(calls.lastOrder, orderOf(state, call));
  calls.lastSent = Math.max(calls.lastSent, attempt);
}

/** An attempt of a call has ended. */
export function uncountSent(state: ControllerState, call: number): void {
  const actor = actorOf(state, call);
  const calls = callsOf(state, actor);
  calls.sent--;
  if (readsValues(state, call)) calls.sentReaders--;
  if (calls.sent === 0) Object.assign(calls, nothingSent);
  state.calls.touched.add(actor);
  dropIfEmpty(state, actor, calls);
}

function dropIfEmpty(state: ControllerState, actor: number, calls: ActorCalls): void {
  if (waitingCount(calls) + calls.sent === 0) state.calls.byActor.delete(actor);
}
