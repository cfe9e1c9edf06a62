/**
 * Client sessions: opened by a first connection, kept through reconnects, ended by `close-session`
 * or when a client stays away longer than its grace.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { isTerminalCode } from "../model/states.ts";
import type { ClientIndex, ControllerEvent } from "./events.ts";
import { clientGraceUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { neededFromOutside } from "./shared-needs.ts";
import type { Client, ControllerState } from "./state.ts";
import { onSubmit } from "./submit.ts";
import { dropWants } from "./values.ts";
import { killTasks, onCancel, onRetry, onWant } from "./wants.ts";

type ClientMessaged = Extract<ControllerEvent, { type: "client-messaged" }>;

export function onClientConnected(
  state: ControllerState,
  out: Outbox,
  { clientId, user, at }: { clientId: string; user: string; at: Micros },
): void {
  if (!state.clientsById.has(clientId)) {
    const jobId = `/${user}/graph-${state.jobCounter + 1}`;
    out.record(state, { type: "client-opened", at, clientId, user, jobId });
  }
  const client = state.clientsById.get(clientId);
  if (client !== undefined) out.record(state, { type: "client-present", client });
}

export function onClientDisconnected(
  state: ControllerState,
  out: Outbox,
  { client, at }: { client: ClientIndex; at: Micros },
): void {
  if (state.clients[client] !== null) out.record(state, { type: "client-absent", at, client });
}

export function onClientMessaged(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: ClientMessaged,
): void {
  const client = state.clients[index];
  if (client === null || client === undefined) return; // It said more after it had closed.
  switch (message.type) {
    case "submit":
      return onSubmit(state, out, { client: index, submit: message, at });
    case "release":
      return dropWants(state, out, { client: index, numbers: message.tasks });
    case "want":
      return onWant(state, out, { client: index, numbers: message.tasks, at });
    case "cancel":
      return onCancel(state, out, { client: index, cancel: message, at });
    case "retry":
      return onRetry(state, out, { client: index, retry: message, at });
    case "define-spec": {
      const { spec: number, definition } = message;
      if (client.specs.has(number)) return; // Sent again after a reconnect.
      out.record(state, { type: "spec-defined", client: index, number, definition });
      return;
    }
    case "close-session":
      return closeSession(state, out, { client, why: "its session was closed", at });
  }
}

/** Ends a session: what only it wanted is killed and forgotten. */
export function closeSession(
  state: ControllerState,
  out: Outbox,
  { client, why, at }: { client: Client; why: string; at: Micros },
): void {
  const numbers: number[] = [];
  client.handles.forEach((number) => {
    numbers.push(number);
  });
  dropWants(state, out, { client: client.index, numbers: Uint32Array.from(numbers) });
  const { tasks } = state;
  const unwanted = new Set<number>();
  for (const task of tasks.rows()) {
    if (tasks.job[task] !== client.job) continue;
    if (isTerminalCode(tasks.state[task])) out.releaseCandidates.push(task);
    else if (tasks.wants[task] === 0) unwanted.add(task);
  }
  const needed = neededFromOutside(state, unwanted);
  const orphans = [...unwanted].filter((task) => !needed.has(task));
  killTasks(state, out, { tasks: orphans, code: "TASK_CANCELLED", message: why, at });
  for (const task of orphans) out.releaseCandidates.push(task);
  if (client.connected) {
    out.sends.push({ type: "disconnect-client", client: client.index, reason: why });
  }
  out.record(state, { type: "client-closed", at, client: client.index });
}

/** Ends the sessions of clients that stayed away too long. */
export function closeAbandonedSessions(state: ControllerState, out: Outbox, at: Micros): void {
  for (const client of state.clients) {
    if (client === null || client.connected || at < client.absentSince + clientGraceUs) continue;
    closeSession(state, out, { client, why: "its client went away and did not come back", at });
  }
}
