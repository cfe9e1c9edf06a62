/**
 * Client sessions: opened by a first connection, kept through reconnects, ended by `close-session`
 * or when a client stays away longer than its grace.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { closeSession } from "./closing.ts";
import { onDetach } from "./detached.ts";
import type { ClientIndex, ControllerEvent } from "./events.ts";
import { clientGraceUs } from "./limits.ts";
import { onLock, onRenewLocks, onUnlock, tellHeldLocks } from "./locks.ts";
import type { Outbox } from "./outbox.ts";
import { onFetchPublished, onPublish } from "./published.ts";
import { onReplicate } from "./replicated.ts";
import { onRestartSession } from "./restarts.ts";
import type { ControllerState } from "./state.ts";
import { onSubmit } from "./submit.ts";
import { dropWants } from "./values.ts";
import { onCancel, onRetry, onWant } from "./wants.ts";

type ClientMessaged = Extract<ControllerEvent, { type: "client-messaged" }>;
type Message = ClientMessaged["message"];

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
  if (client === undefined) return;
  out.record(state, { type: "client-present", client });
  tellHeldLocks(state, out, client);
}

export function onClientDisconnected(
  state: ControllerState,
  out: Outbox,
  { client, at }: { client: ClientIndex; at: Micros },
): void {
  if (state.clients[client] === null) return;
  state.shared.heardLater.delete(client); // It says all of it again when it is back.
  out.record(state, { type: "client-absent", at, client });
}

export function onClientMessaged(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: ClientMessaged,
): void {
  const client = state.clients[index];
  if (!client || state.closing.sessions.has(index)) return; // It said more after it had closed.
  if (message.type === "close-session") {
    return closeSession(state, out, { client, why: "its session was closed", at });
  }
  if (state.shared.restarting.has(index)) return hearLater(state, index, message);
  switch (message.type) {
    case "submit":
      return onSubmit(state, out, { client: index, submit: message, at });
    case "release":
      return dropWants(state, out, { client: index, numbers: message.tasks });
    case "want":
      return onWant(state, out, { client: index, numbers: message.tasks, at, again: true });
    case "cancel":
      return onCancel(state, out, { client: index, cancel: message, at });
    case "retry":
      return onRetry(state, out, { client: index, retry: message, at });
    case "publish":
      return onPublish(state, out, { client: index, message, at });
    case "fetch-published":
      return onFetchPublished(state, out, { client: index, message, at });
    case "detach":
      return onDetach(state, out, { client: index, message });
    case "restart-session":
      return onRestartSession(state, out, { client: index, message, at });
    case "replicate":
      return onReplicate(state, out, { client: index, message, at });
    case "lock":
      return onLock(state, out, { client: index, message, at });
    case "unlock":
      return onUnlock(state, out, { client: index, message, at });
    case "renew-locks":
      return onRenewLocks(state, out, { client: index, message, at });
    case "define-spec": {
      const { spec: number, definition } = message;
      if (client.specs.has(number)) return; // Sent again after a reconnect.
      out.record(state, { type: "spec-defined", client: index, number, definition });
      return;
    }
  }
}

/**
 * What a session says while it is restarted is taken up when that is over, so that for the session
 * the restart is one step. Bounded by what clients send without an acknowledgement.
 */
function hearLater({ shared }: ControllerState, index: ClientIndex, message: Message): void {
  const waiting = shared.heardLater.get(index);
  if (waiting === undefined) shared.heardLater.set(index, [message]);
  else waiting.push(message);
}

/** Takes up what sessions have said whose restart is over. */
export function hearWhatWaited(state: ControllerState, out: Outbox, at: Micros): void {
  const { restarting, heardLater } = state.shared;
  for (const [client, messages] of [...heardLater]) {
    if (restarting.has(client)) continue;
    heardLater.delete(client);
    for (const message of messages) {
      onClientMessaged(state, out, { type: "client-messaged", client, message, at });
    }
  }
}

/** Ends the sessions of clients that stayed away too long. */
export function closeAbandonedSessions(state: ControllerState, out: Outbox, at: Micros): void {
  for (const client of state.clients) {
    if (client === null || client.connected || state.closing.sessions.has(client.index)) continue;
    if (at < client.absentSince + clientGraceUs) continue;
    closeSession(state, out, { client, why: "its client went away and did not come back", at });
  }
}
