/**
 * Restart, of one session or of the cluster: what was submitted ends, and what runs functions is
 * made anew.
 *
 *     accepted ─▶ going on, a part in each step ─▶ over, and answered
 *
 * A task that has ended so is KILLED, whatever it was before, and says who did it and why. It gives
 * up its value, so that memory is free, and its key: what is submitted under that key afterwards is
 * another task, and whatever is still said of the old one cannot be taken for it. What runs is
 * stopped and charged until it has ended, as after any cancel.
 *
 * What a name wants stays, with all that it is made of; in a session, what others need does too.
 * Launched jobs are not concerned, nor is anything that was submitted after the restart was
 * accepted ([ADR 36](../../docs/adr/0036-a-restart-is-answered-when-it-is-over.md)).
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { getRare } from "../base/rare.ts";
import type { Micros } from "../base/time.ts";
import type { Principal } from "../model/job.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import type { RestartSession } from "../protocol/shared-messages.ts";
import { tellAccepted } from "./acknowledge.ts";
import type { ApiRequest, ClientIndex } from "./events.ts";
import { taskWithKey } from "./keys.ts";
import { breakLocks } from "./locks.ts";
import type { Outbox } from "./outbox.ts";
import { isKnownToStay, type Reach, walkOn } from "./restart-walk.ts";
import { everySession, type RestartCounts, type Restarting } from "./restarts-state.ts";
import { failTasks, plainFailure } from "./settle.ts";
import { isWantedByOthers } from "./shared-needs.ts";
import { type Client, type ControllerState, jobOf, openClient, orderOf } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { releaseValues } from "./values.ts";
import { killTasks, leaveShared } from "./wants.ts";

/** A client is done with all that it submitted. Whatever it says next is new work. */
export function onRestartSession(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: RestartSession; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, reason } = message;
  if (sequence <= client.lastSequence) return tellAccepted(state, out, client);
  out.record(state, { type: "sequence-taken", client: index, sequence });
  out.record(state, {
    ...{ type: "restart-begun", at, client: index, by: client.user, reason },
    ...{ before: state.orderCounter, below: client.nextNumber },
  });
  const { why } = walkAndWordsOf(state, index);
  breakLocks(state, out, { clients: [index], why, at });
  restartPart(state, out, { index, at });
}

/** RestartCluster: the same for every session, and workers are to make their executors anew. */
export function onRestartCluster(
  state: ControllerState,
  out: Outbox,
  event: {
    readonly principal: Principal;
    readonly request: Extract<ApiRequest, { type: "restart-cluster" }>;
    /** Answered when the restart is over. */
    readonly call: number;
    readonly at: Micros;
  },
): void {
  const { principal, request, call, at } = event;
  out.record(state, {
    ...{ type: "restart-begun", at, client: everySession, by: principal.user },
    ...{ reason: request.reason, before: state.orderCounter, below: 0 },
  });
  const { walk, why } = walkAndWordsOf(state, everySession);
  const clients = state.clients.filter((client) => client !== null).map(({ index }) => index);
  walk.calls.push(call);
  walk.counts.sessionCount = clients.length;
  walk.counts.lockCount += breakLocks(state, out, { clients, why, at });
  restartPart(state, out, { index: everySession, at });
}

/** Goes on with one of the restarts; they take turns. */
export function restartOn(state: ControllerState, out: Outbox, at: Micros): void {
  const [index] = state.shared.restartWalks.keys();
  if (index !== undefined) restartPart(state, out, { index, at });
}

/** Ends the next part of what the restart is about. Its end is said with its last part. */
function restartPart(
  state: ControllerState,
  out: Outbox,
  { index, at }: { readonly index: ClientIndex; readonly at: Micros },
): void {
  const { restartWalks, endsPerStep } = state.shared;
  const { restarting, walk, why } = walkAndWordsOf(state, index);
  const reach = reachOf(state, restarting);
  const { ended, kept, isLast } = walkOn(state, walk, { reach, endsMax: endsPerStep });
  endTasks(state, out, { tasks: ended, counts: walk.counts, why, at });
  if (index !== everySession) leaveKept(state, out, { restarting, kept, why });
  if (isLast) return endRestart(state, out, { restarting, at });
  restartWalks.delete(index);
  restartWalks.set(index, walk);
}

function endRestart(
  state: ControllerState,
  out: Outbox,
  { restarting, at }: { readonly restarting: Restarting; readonly at: Micros },
): void {
  const { client: index, by, reason } = restarting;
  if (index !== everySession) {
    out.record(state, { type: "session-restarted", client: index });
    return tellAccepted(state, out, openClient(state, index));
  }
  const { calls, counts } = walkAndWordsOf(state, index).walk;
  out.record(state, { type: "cluster-restarted", at, by, reason });
  let workerCount = 0;
  for (const worker of state.workers) {
    if (worker.connected) workerCount++;
    orderRenewal(state, out, worker.index);
  }
  const { taskCount, valueCount, lockCount, sessionCount } = counts;
  const result = { taskCount, valueCount, lockCount, sessionCount, workerCount };
  for (const call of calls) out.sends.push({ type: "reply-to-call", call, result, error: null });
}

function walkAndWordsOf({ shared }: ControllerState, index: ClientIndex) {
  const restarting = present(shared.restarting.get(index), "a restart goes on until it is over");
  const walk = present(shared.restartWalks.get(index), "every restart has come somewhere");
  const { by, reason } = restarting;
  const what = index === everySession ? "the cluster" : "the session";
  const who = `${what} was restarted by ${by}`;
  return { restarting, walk, why: reason === "" ? who : `${who}: ${reason}` };
}

function reachOf(state: ControllerState, { client: index, before, below }: Restarting): Reach {
  const { tasks, shared, aliases } = state;
  if (index === everySession) {
    const has = (task: number) =>
      jobOf(state, task).launch === null && orderOf(state, task) < before;
    return { has, keeps: (task) => shared.publishedCounts.has(task), counts: has };
  }
  const client = openClient(state, index);
  const isOwn = (task: number) =>
    tasks.job[task] === client.job ||
    (getRare(aliases, task) ?? []).some((one) => one.client === index && one.number < below);
  return {
    has: (task) => isOwn(task) && orderOf(state, task) < before,
    keeps: (task) => isWantedByOthers(state, client, task),
    counts: (reader) => !isTerminalCode(tasks.state[reader]),
  };
}

/** What is to end is not what a key of a new submission means, whether it has ended yet or not. */
export function giveUpKeysAmong(
  state: ControllerState,
  out: Outbox,
  { user, keys }: { readonly user: string; readonly keys: readonly string[] },
): void {
  if (state.shared.restarting.size === 0) return;
  const given: number[] = [];
  for (const key of new Set(keys)) {
    const task = key === "" ? -1 : taskWithKey(state, user, key);
    if (task >= 0 && isToEnd(state, task)) given.push(task);
  }
  if (given.length === 0) return;
  out.record(state, { type: "keys-given-up", tasks: Uint32Array.from(given) });
}

function isToEnd(state: ControllerState, task: number): boolean {
  for (const [index, restarting] of state.shared.restarting) {
    const { walk } = walkAndWordsOf(state, index);
    const { has, keeps } = reachOf(state, restarting);
    if (has(task) && !keeps(task) && !isKnownToStay(state, walk, task)) return true;
  }
  return false;
}

/** For this session they are cancelled, and its handles of before go. */
function leaveKept(
  state: ControllerState,
  out: Outbox,
  leaving: {
    readonly restarting: Restarting;
    readonly kept: readonly number[];
    readonly why: string;
  },
): void {
  const { restarting, kept, why } = leaving;
  const client = openClient(state, restarting.client);
  const handles = kept.flatMap((task) => handlesOf(state, client, task));
  const numbers = handles.filter((number) => number < restarting.below);
  leaveShared(state, out, client, { numbers, message: `${why}; others still need it` });
}

/** The session's numbers for a task. */
function handlesOf({ tasks, aliases }: ControllerState, client: Client, task: number): number[] {
  const others = (getRare(aliases, task) ?? []).filter((one) => one.client === client.index);
  const numbers = others.map(({ number }) => number);
  const own = tasks.index[task];
  const isOwn = tasks.job[task] === client.job && client.handles.get(own) === task;
  return isOwn ? [own, ...numbers] : numbers;
}

/** Ends these tasks, in whatever state they are. Counts how many were open or had a value. */
function endTasks(
  state: ControllerState,
  out: Outbox,
  ending: {
    readonly tasks: readonly number[];
    readonly counts: RestartCounts;
    readonly why: string;
    readonly at: Micros;
  },
): void {
  const { tasks, counts, why: message, at } = ending;
  const { state: states, holder } = state.tasks;
  if (tasks.length > 0 && state.keys.size > 0) {
    out.record(state, { type: "keys-given-up", tasks: Uint32Array.from(tasks) });
  }
  const code = "TASK_CANCELLED";
  const open = tasks.filter((task) => !isTerminalCode(states[task]));
  killTasks(state, out, { tasks: open, code, message, at });
  const ended = tasks.filter((task) => states[task] !== taskStateCode.KILLED);
  const held = ended.filter((task) => holder[task] !== noSlot);
  releaseValues(state, out, Uint32Array.from(held));
  const roots = ended.map((task) => {
    const failure = plainFailure(state, task, { code, message: withError(state, task, message) });
    return { task, state: taskStateCode.KILLED, failure };
  });
  failTasks(state, out, { roots, at });
  counts.taskCount += open.length;
  counts.valueCount += held.length;
}

/** Why it had failed is not to be lost with the handle that says so. */
function withError({ failures }: ControllerState, task: number, message: string): string {
  const before = failures.get(task);
  if (before === undefined) return message;
  return `${message}; it had failed before: ${before.failure?.error.message ?? before.message}`;
}

/**
 * Tells a worker of the latest restart, unless its incarnation came after it. What was sent may
 * have been lost with its connection, so it is said on each one; it is done once.
 */
export function orderRenewal(state: ControllerState, out: Outbox, index: number): void {
  const { restarts: restart } = state.shared;
  if (state.workers[index].restartsBefore >= restart) return;
  out.toWorker(state, index, { type: "renew-executors", restart });
}
