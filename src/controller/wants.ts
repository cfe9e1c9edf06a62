/**
 * What clients ask of tasks that exist: their outcome, their end, another try.
 *
 * @module
 */

import { U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import type { Cancel, Retry } from "../protocol/messages.ts";
import { tellAccepted } from "./acknowledge.ts";
import type { ClientIndex } from "./events.ts";
import { orderUpload } from "./offers.ts";
import type { Outbox } from "./outbox.ts";
import { retractBehind } from "./prefetching.ts";
import { isAudiencePresent, stopCurrentAttempt } from "./reports.ts";
import { sendAttempt } from "./send-attempt.ts";
import { type FailedRoot, failTasks, plainFailure, tellFailures } from "./settle.ts";
import { neededByOthers } from "./shared-needs.ts";
import { type Client, type ControllerState, isHealthy, openClient, shapeOf } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";
import { UploadRecipients } from "./upload-recipients.ts";
import { deliverTo, deliverValue, dropWants, recomputeNeeded, reviveAll } from "./values.ts";

/** What a client wants to know. */
interface Want {
  readonly client: ClientIndex;
  readonly numbers: Iterable<number>;
  readonly at: Micros;
  /** It asks for what it asked for before: what it offers was not taken, or was on its way. */
  readonly again?: boolean;
}

/** Sends the outcome of these tasks now, or as soon as it is known. */
export function onWant(
  state: ControllerState,
  out: Outbox,
  { client: index, numbers, at, again = false }: Want,
): void {
  const client = openClient(state, index);
  const recipients = new UploadRecipients(state);
  const awaited = new U32Column();
  const told = new U32Column();
  const failed = new Map<number, number>();
  const gone: number[] = [];
  const unknown: number[] = [];
  for (const number of new Set(numbers)) {
    const task = client.handles.get(number);
    if (task < 0) {
      unknown.push(number);
      continue;
    }
    const code = state.tasks.state[task];
    const isOwed = state.tasks.hasFlag(task, taskFlag.awaited);
    if (code > taskStateCode.SUCCEEDED) failed.set(number, task);
    else if (code < taskStateCode.SUCCEEDED) {
      awaited.push(task);
      orderUpload(state, out, recipients, { client: index, number, task, again });
    } else if (state.tasks.hasFlag(task, taskFlag.valueGone)) {
      awaited.push(task);
      gone.push(task);
    } else if (isOwed && isAudiencePresent(state, task)) {
      deliverValue(state, out, task);
      told.push(task);
    } else deliverTo(state, out, { client: index, number, task });
  }
  if (told.length > 0) {
    out.record(state, { type: "outcomes-awaited", tasks: told.take(), awaited: false });
  }
  if (awaited.length > 0) {
    out.record(state, { type: "outcomes-awaited", tasks: awaited.take(), awaited: true });
  }
  tellFailures(state, out, index, failed);
  denyUnknown(state, out, client, unknown);
  recomputeNeeded(state, out, { tasks: gone, at });
}

/** What the client asks for was refused or released: it must not wait for it. */
function denyUnknown(
  state: ControllerState,
  out: Outbox,
  client: Client,
  numbers: readonly number[],
): void {
  if (numbers.length === 0) return;
  const failure = {
    code: "NOT_FOUND",
    message: "the task was refused or released; no controller knows it",
    blame: "",
    workerId: "",
    attempts: 0,
    failure: null,
  };
  out.toClient(state, client.index, {
    type: "failures",
    tasks: numbers,
    causes: numbers.map(() => 0),
    failures: [failure],
    states: numbers.map(() => "FAILED"),
  });
}

/** Kills these tasks for this client; one that others need too goes on for them. */
export function onCancel(
  state: ControllerState,
  out: Outbox,
  { client: index, cancel, at }: { client: ClientIndex; cancel: Cancel; at: Micros },
): void {
  const client = openClient(state, index);
  if (!takeSequence(state, out, client, cancel.sequence)) return;
  const open = new Map<number, number>();
  for (const number of cancel.tasks) {
    const task = client.handles.get(number);
    if (task >= 0 && !isTerminalCode(state.tasks.state[task])) open.set(number, task);
  }
  const needed = neededByOthers(state, client, [...open.values()]);
  const own = [...new Set(open.values())].filter((task) => !needed.has(task));
  const shared = [...open].filter(([, task]) => needed.has(task)).map(([number]) => number);
  const message = `cancelled for ${client.user}; others still need it`;
  leaveShared(state, out, client, { numbers: shared, message });
  killTasks(state, out, {
    tasks: own,
    code: "TASK_CANCELLED",
    message: cancel.reason === "" ? `cancelled by ${client.user}` : cancel.reason,
    at,
  });
}

/** Whether the sequence is new; it is taken then. */
export function takeSequence(
  state: ControllerState,
  out: Outbox,
  client: Client,
  sequence: number,
): boolean {
  const isNew = sequence > client.lastSequence;
  if (isNew) out.record(state, { type: "sequence-taken", client: client.index, sequence });
  tellAccepted(state, out, client);
  return isNew;
}

/** For this client these are cancelled, and its handles go; for the others they go on. */
export function leaveShared(
  state: ControllerState,
  out: Outbox,
  client: Client,
  { numbers, message }: { readonly numbers: readonly number[]; readonly message: string },
): void {
  if (numbers.length === 0) return;
  const failures = numbers.map((number) =>
    plainFailure(state, client.handles.get(number), { code: "TASK_CANCELLED", message }),
  );
  out.toClient(state, client.index, {
    type: "failures",
    tasks: numbers,
    causes: numbers.map((_, index) => index),
    failures,
    states: numbers.map(() => "KILLED"),
  });
  dropWants(state, out, { client: client.index, numbers: Uint32Array.from(numbers) });
}

/** Ends these tasks as KILLED; what runs of them is stopped and charged until it has ended. */
export function killTasks(
  state: ControllerState,
  out: Outbox,
  killing: {
    readonly tasks: readonly number[];
    readonly code: string;
    readonly message: string;
    readonly at: Micros;
  },
): void {
  const { tasks, code, message, at } = killing;
  const roots: FailedRoot[] = [];
  for (const task of tasks) {
    stopCurrentAttempt(state, out, task);
    const failure = plainFailure(state, task, { code, message });
    roots.push({ task, state: taskStateCode.KILLED, failure });
  }
  failTasks(state, out, { roots, at });
}

/** A person asks for another try. */
export function onRetry(
  state: ControllerState,
  out: Outbox,
  { client: index, retry, at }: { client: ClientIndex; retry: Retry; at: Micros },
): void {
  const client = openClient(state, index);
  if (!takeSequence(state, out, client, retry.sequence)) return;
  const rows = retry.tasks.map((number) => client.handles.get(number));
  retryTasks(state, out, { tasks: rows.filter((task) => task >= 0), at });
  // What is not known, or has a value by now, is answered at once.
  onWant(state, out, { client: index, numbers: retry.tasks, at });
}

/**
 * Runs those of these tasks that failed again, with the failed tasks that they depend on. How many
 * run again.
 *
 * @param retry `by` is who asked for it through the API.
 */
export function retryTasks(
  state: ControllerState,
  out: Outbox,
  retry: { readonly tasks: readonly number[]; readonly at: Micros; readonly by?: string },
): number {
  const { tasks: named, at, by } = retry;
  const revived = new Set<number>();
  const work = [...named];
  for (let task = work.pop(); task !== undefined; task = work.pop()) {
    if (revived.has(task) || state.tasks.state[task] <= taskStateCode.SUCCEEDED) continue;
    revived.add(task);
    for (let position = 0; position < state.tasks.dependencyCount[task]; position++) {
      work.push(state.tasks.dependency(task, position));
    }
  }
  reviveAll(state, out, { tasks: revived, cause: "retry", at, by });
  // What has no recipe stays as it ended, and what needs it has failed again.
  const open = [...revived].filter((task) => !isTerminalCode(state.tasks.state[task]));
  const awaited = open.filter((task) => state.tasks.wants[task] > 0);
  if (awaited.length > 0) {
    const tasks = Uint32Array.from(awaited);
    out.record(state, { type: "outcomes-awaited", tasks, awaited: true });
  }
  for (const task of open) adoptStray(state, out, task, at);
  return open.length;
}

/** A revived task whose old attempt still runs takes that attempt's grant, on that worker. */
function adoptStray(state: ControllerState, out: Outbox, task: number, at: Micros): void {
  const stray = state.strayOfTask.get(task);
  if (stray === undefined || state.tasks.waitingOn[task] > 0) return;
  if (shapeOf(state, task).part !== null) return; // An object, or its turn, is not handed over.
  const worker = state.workers[state.attempts.worker[stray]];
  if (!isHealthy(worker) || !state.attempts.hasFlag(stray, attemptFlag.stopping)) return;
  if (!mayHandOver(state, stray)) return; // It waits until its old attempt has ended.
  worker.strangers.set(state.attempts.id[stray], state.tasks.ref(task));
  out.record(state, { type: "attempt-superseded", at, attempt: stray, task });
  const row = state.tasks.attempt[task];
  if (row === noSlot) return;
  sendAttempt(state, out, row);
  retractBehind(state, out, row);
}

/**
 * Whether the grant of an attempt is still its own when the order of the next one arrives. If it
 * ends before, its worker gives the grant to what waits for one, and that would be a second one.
 */
function mayHandOver({ attempts, workers }: ControllerState, row: number): boolean {
  const entry = workers[attempts.worker[row]].shapes.get(attempts.shape[row]);
  if (attempts.hasFlag(row, attemptFlag.hasYielded)) return false; // It may be more than there is.
  return attempts.isGranted(row) && entry !== undefined && entry.prefetched === 0;
}
