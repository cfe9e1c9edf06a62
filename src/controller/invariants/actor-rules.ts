/**
 * What must be true of actors and their calls.
 *
 * @module
 */

import { isTerminalCode } from "../../model/states.ts";
import { isUnneeded, nextCall, wereSentBefore, workerOfActor } from "../actors.ts";
import { actorOf, isActor, isCall, readsValues } from "../call-lines.ts";
import type { ActorCalls } from "../call-state.ts";
import { orderOf, specOf } from "../state.ts";
import { noSlot, stage } from "../tables/task-table.ts";
import type { Inspection, RecordRule, WholeRule } from "./inspection.ts";

/** C1: exactly the calls that are PENDING wait in the line of their actor. */
function callsWaitInTheLineOfTheirActor(look: Inspection, task: number): void {
  const { state } = look;
  if (!isCall(state, task)) return;
  const calls = state.calls.byActor.get(actorOf(state, task));
  const isListed = calls?.rows.indexOf(task, calls.head) ?? -1;
  if (isListed >= 0 !== (state.tasks.stage[task] !== stage.none))
    look.ofTask(task, "a call, and the line of its actor does not say whether it waits");
}

/** C2: a call takes nothing of its worker, and stands in no queue. */
function callsTakeNothing(look: Inspection, task: number): void {
  const { state } = look;
  if (!isCall(state, task)) return;
  if (state.tasks.stage[task] === stage.queued) look.ofTask(task, "a call, and in a queue");
  const row = state.tasks.attempt[task];
  if (row === noSlot) return;
  const { attempts } = state;
  if (!attempts.isGranted(row) || attempts.grantOf(row).some((amount) => amount > 0))
    look.ofTask(task, "a call, and it holds or waits for room");
}

/** C3: an actor that has not ended is held, called, or was asked to go on. */
function actorsAreNeeded(look: Inspection, task: number): void {
  const { state } = look;
  if (!isActor(state, task) || isTerminalCode(state.tasks.state[task])) return;
  if (isUnneeded(state, task)) look.ofTask(task, "an actor that nobody holds or calls");
}

/** C4: an actor has no value. */
function actorsHaveNoValue(look: Inspection, task: number): void {
  const { state } = look;
  if (isActor(state, task) && state.tasks.holder[task] !== noSlot)
    look.ofTask(task, "an actor, and it has a value");
}

/** C5: a line is in the order of submission, and what was sent is counted. */
function linesOfCallsAreExact(look: Inspection): void {
  const { state } = look;
  if (state.calls.byActor.size === 0) return;
  const sent = sentOf(look);
  for (const [actor, calls] of state.calls.byActor) {
    checkLine(look, actor, calls);
    const { all, readers } = sent.get(actor) ?? { all: 0, readers: 0 };
    if (calls.sent !== all || calls.sentReaders !== readers)
      look.ofTask(actor, `${calls.sent} calls sent, ${all} found`);
    checkObjects(look, actor, calls);
    sent.delete(actor);
  }
  for (const actor of sent.keys()) look.ofTask(actor, "calls were sent, and it has no line");
}

function checkLine(look: Inspection, actor: number, calls: ActorCalls): void {
  const { state } = look;
  let before = -1;
  for (let place = calls.head; place < calls.rows.length; place++) {
    const order = orderOf(state, calls.rows[place]);
    if (order !== calls.orders[place] || order <= before)
      look.ofTask(actor, "its calls are not in the order of submission");
    before = order;
  }
}

/** What is underway to an actor was all sent to one object of it. */
function checkObjects(look: Inspection, actor: number, calls: ActorCalls): void {
  const { tasks, attempts } = look.state;
  const row = tasks.attempt[actor];
  if (row === noSlot || calls.sent === 0 || wereSentBefore(look.state, actor, calls)) return;
  for (const one of attempts.rows()) {
    const task = attempts.task[one];
    if (!isCall(look.state, task) || actorOf(look.state, task) !== actor) continue;
    if (attempts.id[one] < attempts.id[row])
      look.ofTask(task, "a call of an object that its actor had before, and others were sent");
  }
}

function sentOf({ state }: Inspection): Map<number, { all: number; readers: number }> {
  const sent = new Map<number, { all: number; readers: number }>();
  for (const row of state.attempts.rows()) {
    const task = state.attempts.task[row];
    if (!isCall(state, task)) continue;
    const actor = actorOf(state, task);
    const counts = sent.get(actor) ?? { all: 0, readers: 0 };
    counts.all++;
    if (readsValues(state, task)) counts.readers++;
    sent.set(actor, counts);
  }
  return sent;
}

/** C6: a call whose turn it is has been sent. */
function noCallWaitsThatCouldGo(look: Inspection): void {
  const { state } = look;
  for (const actor of state.calls.byActor.keys()) {
    if (state.calls.touched.has(actor) || workerOfActor(state, actor) === null) continue;
    const next = nextCall(state, actor);
    if (next >= 0) look.ofTask(next, `${specOf(state, next).name}: its turn has come`);
  }
}

export const actorTaskRules: readonly RecordRule[] = [
  callsWaitInTheLineOfTheirActor,
  callsTakeNothing,
  actorsAreNeeded,
  actorsHaveNoValue,
];

export const actorRules: readonly WholeRule[] = [linesOfCallsAreExact, noCallWaitsThatCouldGo];
