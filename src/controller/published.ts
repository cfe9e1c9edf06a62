/**
 * Published values: a name of a user wants a value, whoever comes and goes.
 *
 *     published ─▶ (fetched by name, any number of times) ─▶ unpublished
 *
 * Durable, and not of any session: it outlives the client that published it, and the controller.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { taskStates } from "../model/states.ts";
import type { FetchPublished, Publish } from "../protocol/shared-messages.ts";
import type { ApiAnswer } from "./access.ts";
import { tellAccepted } from "./acknowledge.ts";
import { isActor } from "./call-lines.ts";
import type { ClientIndex } from "./events.ts";
import { publishedPerUserMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { refuse } from "./refuse.ts";
import { nameKey, type Publication } from "./shared-state.ts";
import { type Client, type ControllerState, jobOf, openClient, taskIdOf } from "./state.ts";
import { killUnwanted } from "./unwanted.ts";
import { holdersOf } from "./values.ts";
import { formatTime } from "./views.ts";
import { onWant, takeSequence } from "./wants.ts";

export function onPublish(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: Publish; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, name } = message;
  const isNew = sequence > client.lastSequence;
  const refusal = isNew ? refusalOf(state, client, message) : null;
  if (refusal !== null) return refuse(state, out, client, { sequence, refusal });
  if (!takeSequence(state, out, client, sequence)) return;
  const { user } = client;
  if (state.shared.published.has(nameKey(user, name))) return; // It is what is published already.
  const task = client.handles.get(message.task);
  out.record(state, { type: "value-published", at, user, name, task });
}

function refusalOf(state: ControllerState, client: Client, message: Publish): CapstanError | null {
  const { user } = client;
  const { name } = message;
  const task = client.handles.get(message.task);
  const { published } = state.shared;
  if (task < 0) {
    return new CapstanError("NOT_FOUND", "future: it was released or refused; publish another");
  }
  if (isActor(state, task)) {
    return new CapstanError("INVALID_ARGUMENT", "future: an actor has no value to publish");
  }
  const before = published.get(nameKey(user, name));
  if (before !== undefined && before.task !== task) {
    return new CapstanError(
      "ALREADY_EXISTS",
      `name: ${JSON.stringify(name)} is ${taskIdOf(state, before.task)} already; unpublish it ` +
        "first, or choose another name",
      { details: { name } },
    );
  }
  if (before !== undefined) return null;
  const own = [...published.values()].filter((one) => one.user === user);
  if (own.length < publishedPerUserMax) return null;
  return new CapstanError(
    "QUOTA_EXCEEDED",
    `name: ${user} has ${publishedPerUserMax} published values, which is the limit; unpublish some`,
  );
}

export function onFetchPublished(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: FetchPublished; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, name, task: number } = message;
  if (sequence > client.lastSequence) {
    const task = state.shared.published.get(nameKey(client.user, name))?.task ?? -1;
    const refusal = task < 0 ? notPublished(client.user, name) : staleNumber(client, number);
    if (refusal !== null) return refuse(state, out, client, { sequence, refusal });
    out.record(state, { type: "value-fetched", at, client: index, sequence, number, task });
    onWant(state, out, { client: index, numbers: [number], at });
  }
  tellAccepted(state, out, client);
}

function staleNumber({ nextNumber }: Client, number: number): CapstanError | null {
  if (number >= nextNumber) return null;
  const message = `task: number ${number} was used before; expected at least ${nextNumber}`;
  return new CapstanError("INVALID_ARGUMENT", message);
}

function notPublished(user: string, name: string): CapstanError {
  return new CapstanError(
    "NOT_FOUND",
    `name: ${user} has published nothing as ${JSON.stringify(name)}; ` +
      "`capstan value list` shows what there is",
    { details: { name } },
  );
}

/** The name is free again; what only it wanted goes, and is ended if its session is over. */
export function onUnpublish(
  state: ControllerState,
  out: Outbox,
  { user, name, at }: { user: string; name: string; at: Micros },
): ApiAnswer {
  const found = state.shared.published.get(nameKey(user, name));
  if (found === undefined) return { error: notPublished(user, name) };
  out.record(state, { type: "value-unpublished", at, user, name });
  out.releaseCandidates.push(found.task);
  const job = jobOf(state, found.task);
  const why = `${JSON.stringify(name)} was unpublished, and nobody else wants it`;
  if (job.sessionEnded) {
    killUnwanted(state, out, { job: job.index, among: state.tasks.rows(), why, at });
  }
  return { result: { user, name } };
}

/** What is published, by user and name. */
export function publishedView(state: ControllerState) {
  const all = [...state.shared.published.values()];
  all.sort((a, b) => (nameKey(a.user, a.name) < nameKey(b.user, b.name) ? -1 : 1));
  return all.map((publication) => publicationView(state, publication));
}

function publicationView(state: ControllerState, { user, name, task, at }: Publication) {
  const workerIds = holdersOf(state, task).map((index) => state.workers[index].workerId);
  workerIds.sort((a, b) => (a < b ? -1 : 1));
  return {
    user,
    name,
    taskId: taskIdOf(state, task),
    state: taskStates[state.tasks.state[task]],
    valueBytes: state.tasks.valueBytes[task],
    workerId: workerIds[0] ?? "",
    workerIds,
    publishedAt: formatTime(at),
  };
}
