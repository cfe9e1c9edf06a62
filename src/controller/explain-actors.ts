/**
 * Why a call has not begun: its actor, or the calls before it.
 *
 * @module
 */

import { taskStateCode, taskStates } from "../model/states.ts";
import { workerOfActor } from "./actors.ts";
import { actorOf, waitingCount } from "./call-lines.ts";
import { type ControllerState, specOf, taskIdOf } from "./state.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot } from "./tables/task-table.ts";
import type { NextWaker } from "./wakers.ts";

/** What a call waits for that has all its arguments. */
export function turnOf(state: ControllerState, call: number): string {
  const actor = actorOf(state, call);
  const name = `${specOf(state, actor).name} (${taskIdOf(state, actor)})`;
  const calls = state.calls.byActor.get(actor);
  const first = calls === undefined ? call : calls.rows[calls.head];
  if (workerOfActor(state, actor) === null) {
    const code = state.tasks.state[actor];
    const why = code === taskStateCode.RUNNING ? "its worker is not heard" : `${taskStates[code]}`;
    return `waits for its actor ${name}: ${why}`;
  }
  if (first !== call) return `waits for its turn: ${taskIdOf(state, first)} goes before it`;
  return `waits for its turn: ${calls?.sent ?? 0} calls of ${name} are underway`;
}

/** Whom it waits for: what is first in its line, what is underway before it, or its actor. */
export function turnWaker(state: ControllerState, call: number): NextWaker {
  const actor = actorOf(state, call);
  const calls = state.calls.byActor.get(actor);
  const first = calls === undefined ? call : calls.rows[calls.head];
  const before = first !== call ? first : callUnderway(state, actor);
  const next = before === noSlot || workerOfActor(state, actor) === null ? actor : before;
  const id = taskIdOf(state, next);
  const what = next === actor ? "its actor" : "a call before it";
  const message = `waits for ${id} (${taskStates[state.tasks.state[next]]}), ${what}`;
  return { waker: { kind: "DEPENDENCY", id, message }, next };
}

/** A call of the actor that was sent and has not ended, or `noSlot`. */
function callUnderway({ tasks }: ControllerState, actor: number): number {
  for (let edge = tasks.dependentsHead[actor]; edge !== noEdge; edge = tasks.edges.next[edge]) {
    const call = tasks.edges.owner[edge];
    if (tasks.attempt[call] !== noSlot) return call;
  }
  return noSlot;
}

/** What an actor that runs is asked to do. */
export function callsOf(state: ControllerState, actor: number): string {
  const calls = state.calls.byActor.get(actor);
  if (calls === undefined) return "; nobody calls it now";
  return `; ${calls.sent} of its calls are underway, ${waitingCount(calls)} wait`;
}
