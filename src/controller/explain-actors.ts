/**
 * Why a call has not begun: its actor, or the calls before it.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { taskStateCode, taskStates } from "../model/states.ts";
import { wereSentBefore, workerOfActor } from "./actors.ts";
import { actorOf, callCounts, isCall } from "./call-lines.ts";
import type { ActorCalls } from "./call-state.ts";
import { type ControllerState, specOf, taskIdOf } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot } from "./tables/task-table.ts";
import { stateReason } from "./views.ts";
import type { NextWaker } from "./wakers.ts";

/** What a call waits for that has all its arguments. */
export function turnOf(state: ControllerState, call: number): string {
  const actor = actorOf(state, call);
  const name = `${specOf(state, actor).name} (${taskIdOf(state, actor)})`;
  const calls = lineOf(state, actor);
  const first = calls.rows[calls.head];
  if (workerOfActor(state, actor) === null) {
    return `waits for its actor ${name}: ${whyNotCalled(state, actor)}`;
  }
  if (first !== call) return `waits for its turn: ${taskIdOf(state, first)} goes before it`;
  const { sent } = calls;
  if (wereSentBefore(state, actor, calls)) {
    const what = sent === 1 ? "a call" : `${sent} calls`;
    return `waits for word of ${what}, sent before ${name} began anew`;
  }
  return `waits for its turn: ${sent === 1 ? "1 call" : `${sent} calls`} of ${name} underway`;
}

/** The calls of an actor, of which one waits at least. */
function lineOf({ calls }: ControllerState, actor: number): ActorCalls {
  return present(calls.byActor.get(actor), "a call that waits stands in the line of its actor");
}

/** Why an actor takes no calls now: it is not there yet, or what is wrong with its worker. */
function whyNotCalled({ tasks, attempts, workers }: ControllerState, actor: number): string {
  const row = tasks.attempt[actor];
  const code = tasks.state[actor];
  if (code !== taskStateCode.RUNNING || row === noSlot) return taskStates[code];
  const worker = workers[attempts.worker[row]];
  return `its worker ${worker.workerId} takes nothing now: ${stateReason(worker)}`;
}

/** Whom it waits for: what is first in its line, what is underway before it, or its actor. */
export function turnWaker(state: ControllerState, call: number): NextWaker {
  const actor = actorOf(state, call);
  const calls = lineOf(state, actor);
  const first = calls.rows[calls.head];
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

/**
 * The call that the actor is at while this one, which was sent behind it, has not begun; else
 * `noSlot`.
 */
export function callBefore(state: ControllerState, task: number): number {
  const { tasks, attempts } = state;
  const hasBegun = (one: number) => {
    const row = tasks.attempt[one];
    return row !== noSlot && attempts.hasFlag(row, attemptFlag.started);
  };
  if (!isCall(state, task) || tasks.attempt[task] === noSlot || hasBegun(task)) return noSlot;
  let edge = tasks.dependentsHead[actorOf(state, task)];
  for (; edge !== noEdge; edge = tasks.edges.next[edge]) {
    if (hasBegun(tasks.edges.owner[edge])) return tasks.edges.owner[edge];
  }
  return noSlot;
}

/** What an actor that runs is asked to do. */
export function callsOf(state: ControllerState, actor: number): string {
  const { waitingCount, underwayCount } = callCounts(state, actor);
  if (waitingCount + underwayCount === 0) return "; nobody calls it now";
  const underway = underwayCount === 1 ? "1 of its calls is" : `${underwayCount} of its calls are`;
  return `; ${underway} underway, ${waitingCount} wait`;
}
