/**
 * Values that clients want on several workers.
 *
 * The number is of the task, whoever said it last; it is durable, and goes with the task.
 * `copies.ts` keeps to it: also when a holder is lost, and when there are workers enough for the
 * first time.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { Replicate } from "../protocol/shared-messages.ts";
import type { ApiAnswer } from "./access.ts";
import { isActor } from "./call-lines.ts";
import type { ApiRequest, ClientIndex } from "./events.ts";
import { noSuchTask, taskNamed } from "./lookup.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, jobOf, openClient, taskIdOf } from "./state.ts";
import { holdersOf } from "./values.ts";
import { takeSequence } from "./wants.ts";

type ReplicateValue = Extract<ApiRequest, { type: "replicate-value" }>;

/** Those that are not known any more need nothing; a task need not have its value yet. */
export function onReplicate(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: Replicate; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, copies, tasks } = message;
  if (!takeSequence(state, out, client, sequence)) return;
  const rows = tasks.map((number) => client.handles.get(number)).filter((task) => task >= 0);
  want(state, out, { tasks: rows, copies, at });
}

/** What a program did has no value, and what is said already is not said again. */
function want(
  state: ControllerState,
  out: Outbox,
  said: { readonly tasks: readonly number[]; readonly copies: number; readonly at: Micros },
): void {
  const { copies, at } = said;
  const isNew = (task: number) =>
    jobOf(state, task).launch === null && (state.shared.copies.get(task) ?? 1) !== copies;
  const tasks = Uint32Array.from(new Set(said.tasks.filter(isNew)));
  if (tasks.length > 0) out.record(state, { type: "copies-wanted", at, tasks, copies });
}

/** ReplicateValue: the same, by the id of a task, and who holds its value now. */
export function onReplicateValue(
  state: ControllerState,
  out: Outbox,
  { request, at }: { request: ReplicateValue; at: Micros },
): ApiAnswer {
  const { copies, taskId: named } = request;
  const task = taskNamed(state, named);
  if (task < 0) return { error: noSuchTask(named) };
  const taskId = taskIdOf(state, task);
  if (jobOf(state, task).launch !== null) {
    const message = `taskId: ${taskId} is of a job that was launched: it has no value to be copied`;
    return { error: new CapstanError("INVALID_ARGUMENT", message) };
  }
  if (isActor(state, task)) {
    const message = `taskId: ${taskId} is an actor, which has no value: its calls have`;
    return { error: new CapstanError("INVALID_ARGUMENT", message) };
  }
  want(state, out, { tasks: [task], copies, at });
  const workerIds = holdersOf(state, task).map((worker) => state.workers[worker].workerId);
  return { result: { taskId, copies, valueBytes: state.tasks.valueBytes[task], workerIds } };
}
