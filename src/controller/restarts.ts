/**
 * Restart, of one session or of the cluster: what was submitted ends, and what runs functions is
 * made anew.
 *
 * A task that has ended so is KILLED, whatever it was before, and says who did it and why. It gives
 * up its value, so that memory is free, and its key: what is submitted under that key afterwards is
 * another task, and whatever is still said of the old one cannot be taken for it. What runs is
 * stopped and charged until it has ended, as after any cancel.
 *
 * What a name wants stays, with all that it is made of; in a session, what others need does too.
 * Launched jobs are not concerned. A restart is one step, so it happens whole or not at all
 * ([ADR 36](../../docs/adr/0036-a-restart-is-one-step.md)).
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { Principal } from "../model/job.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import type { RestartSession } from "../protocol/shared-messages.ts";
import type { ApiAnswer } from "./access.ts";
import type { ApiRequest, ClientIndex } from "./events.ts";
import { breakLocks } from "./locks.ts";
import type { Outbox } from "./outbox.ts";
import { failTasks, plainFailure } from "./settle.ts";
import { neededByNames, neededByOthers } from "./shared-needs.ts";
import { type Client, type ControllerState, jobOf, openClient } from "./state.ts";
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
  if (sequence > client.lastSequence) {
    const why = sentence(`the session was restarted by ${client.user}`, reason);
    out.record(state, { type: "sequence-taken", client: index, sequence });
    restartSession(state, out, { client, why, at });
  }
  out.toClient(state, index, { type: "accepted", sequence: client.lastSequence });
}

function restartSession(
  state: ControllerState,
  out: Outbox,
  { client, why, at }: { client: Client; why: string; at: Micros },
): void {
  const reach = tasksOfSession(state, client);
  const needed = neededByOthers(state, client, [...reach]);
  const tasks = [...reach].filter((task) => !needed.has(task));
  endTasks(state, out, { tasks, why, at });
  const shared: number[] = [];
  client.handles.forEach((number, task) => {
    if (needed.has(task)) shared.push(number);
  });
  leaveShared(state, out, client, { numbers: shared, message: `${why}; others still need it` });
  breakLocks(state, out, { clients: [client.index], why, at });
}

/** What a session submitted, and what else it has handles on. Linear in all tasks. */
function tasksOfSession({ tasks }: ControllerState, client: Client): Set<number> {
  const reach = new Set<number>();
  for (const task of tasks.rows()) if (tasks.job[task] === client.job) reach.add(task);
  client.handles.forEach((_, task) => {
    reach.add(task);
  });
  return reach;
}

/** RestartCluster: the same for every session, and workers are to make their executors anew. */
export function onRestartCluster(
  state: ControllerState,
  out: Outbox,
  event: {
    readonly principal: Principal;
    readonly request: Extract<ApiRequest, { type: "restart-cluster" }>;
    readonly at: Micros;
  },
): ApiAnswer {
  const { principal, request, at } = event;
  const { user: by } = principal;
  const { reason } = request;
  const why = sentence(`the cluster was restarted by ${by}`, reason);
  out.record(state, { type: "cluster-restarted", at, by, reason });
  const sessions = state.clients.filter((client) => client !== null);
  const kept = neededByNames(state);
  const isOver = (task: number) => jobOf(state, task).launch === null && !kept.has(task);
  const tasks = [...state.tasks.rows()].filter(isOver);
  const ended = endTasks(state, out, { tasks, why, at });
  const clients = sessions.map(({ index }) => index);
  const lockCount = breakLocks(state, out, { clients, why, at });
  let workerCount = 0;
  for (const { index, connected } of state.workers) {
    if (connected) workerCount++;
    orderRenewal(state, out, index);
  }
  return { result: { ...ended, lockCount, sessionCount: sessions.length, workerCount } };
}

function sentence(who: string, reason: string): string {
  return reason === "" ? who : `${who}: ${reason}`;
}

/** Ends these tasks, in whatever state they are. How many were open, and how many values go. */
function endTasks(
  state: ControllerState,
  out: Outbox,
  { tasks, why: message, at }: { tasks: readonly number[]; why: string; at: Micros },
): { readonly taskCount: number; readonly valueCount: number } {
  const { state: states, holder } = state.tasks;
  if (tasks.length > 0) {
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
  return { taskCount: open.length, valueCount: held.length };
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
