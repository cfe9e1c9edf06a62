/**
 * Values that clients bring: scattered ones.
 *
 *     offered ─▶ (the client is told where) ─▶ brought: a worker says so ─▶ succeeded
 *
 * A task whose value is brought never runs and has no recipe: its waker is the client that has the
 * value. When the last such client goes the task fails, and so it does when its last copy is lost
 * while somebody needs it.
 *
 * @module
 */

import { noWorker, type WorkerIndex } from "../model/ids.ts";
import { hasRecipe } from "../model/spec.ts";
import { taskStateCode } from "../model/states.ts";
import { isSameOffer } from "./apply-shared.ts";
import { isActor, isCall } from "./call-lines.ts";
import { mayUse } from "./eligibility.ts";
import { introduceHolder } from "./introduce-holder.ts";
import type { Outbox } from "./outbox.ts";
import { type FailedRoot, plainFailure } from "./settle.ts";
import type { Offer } from "./shared-state.ts";
import { type ControllerState, isHealthy, openClient, shapeOf, specOf } from "./state.ts";
import { stage } from "./tables/task-table.ts";
import { UploadRecipients } from "./upload-recipients.ts";

/** Whether a task can run for its value, also again; what may run once only if it never began. */
export function isComputed(state: ControllerState, task: number): boolean {
  const { run, exclusive } = specOf(state, task);
  return hasRecipe(run) && (exclusive !== true || neverBegan.has(state.tasks.state[task]));
}

/** In these no attempt of an exclusive task can have begun. */
const neverBegan: ReadonlySet<number> = new Set([
  taskStateCode.PENDING,
  taskStateCode.UPSTREAM_FAILED,
  taskStateCode.UNSCHEDULABLE,
]);

/** Why a task that is not computed does not run for its value (again). */
export function whyNeverAgain(state: ControllerState, task: number): string {
  if (isCall(state, task)) return "it is of a call of an actor, and no call runs twice; call again";
  if (isActor(state, task)) return "its object is gone; create another actor";
  if (specOf(state, task).exclusive === true) return "its task is exclusive: it ran once";
  return (
    "it has no recipe: a client scattered it; scatter it again, with `broadcast` to more " +
    "workers, or compute it in a task"
  );
}

/** The end of a task whose value is gone for good. */
export function lostForGood(state: ControllerState, task: number): FailedRoot {
  const message = `the value was lost with its last holder, and ${whyNeverAgain(state, task)}`;
  const failure = plainFailure(state, task, { code: "VALUE_LOST", message });
  return { task, state: taskStateCode.FAILED, failure };
}

/** The ends of those of `tasks` that no client will bring any more. */
export function neverBrought(state: ControllerState, tasks: Iterable<number>): FailedRoot[] {
  const roots: FailedRoot[] = [];
  if (state.shared.offers.size === 0) return roots;
  for (const task of new Set(tasks)) {
    if (state.tasks.stage[task] !== stage.offered) continue;
    if (state.shared.offers.get(task)?.length !== 0) continue;
    const message = "the client that has the value let go of it before it had brought it";
    const failure = plainFailure(state, task, { code: "VALUE_LOST", message });
    roots.push({ task, state: taskStateCode.FAILED, failure });
  }
  return roots;
}

/** What is to be brought, by whom, and of which client it is asked. */
interface Bringing extends Offer {
  readonly task: number;
}

/** Whether the client has offered the value, and is there to bring it. */
function mayBring(state: ControllerState, { client, number, task }: Bringing): boolean {
  const offers = state.shared.offers.get(task);
  if (offers?.some((one) => isSameOffer(one, { client, number })) !== true) return false;
  return specOf(state, task).run.kind === "value" && openClient(state, client).connected;
}

/** Whether the value is on its way to a worker that is there and may hold it. */
function isDirected(state: ControllerState, task: number): boolean {
  const index = state.shared.uploads.get(task);
  if (index === undefined) return false;
  const worker = state.workers[index];
  return isHealthy(worker) && mayUse(worker, shapeOf(state, task));
}

/**
 * Tells a client where to bring a value that it has offered, if any worker can take it now; `again`
 * if it did not do where it was to go before: then to another worker, if any is as good.
 */
export function orderUpload(
  state: ControllerState,
  out: Outbox,
  recipients: UploadRecipients,
  { again, ...bringing }: Bringing & { readonly again: boolean },
): void {
  if (!mayBring(state, bringing)) return;
  if (again || !isDirected(state, bringing.task)) direct(state, out, recipients, bringing.task);
  tellWhere(state, out, bringing);
}

function direct(
  state: ControllerState,
  out: Outbox,
  recipients: UploadRecipients,
  task: number,
): void {
  const before = state.shared.uploads.get(task) ?? noWorker;
  const worker = recipients.choose(task, before);
  if (worker !== before) out.record(state, { type: "upload-directed", task, worker });
}

function tellWhere(state: ControllerState, out: Outbox, { client, number, task }: Bringing): void {
  const worker = state.shared.uploads.get(task);
  if (worker === undefined) return; // Said as soon as a worker comes.
  introduceHolder(state, out, client, worker);
  // Further workers have it from the first one: `copies.ts`.
  const [ref, workers] = [state.tasks.ref(task), [worker]];
  out.toClient(state, client, { type: "upload", task: number, ref, workers });
}

/**
 * Workers came or went: what is on its way to nobody is ordered, and what was to go to `returned`
 * and is not there: that it had come may have been said to nobody, and it may be lost since.
 */
export function orderUploads(state: ControllerState, out: Outbox, returned: WorkerIndex): void {
  if (state.shared.offers.size === 0) return;
  const recipients = new UploadRecipients(state);
  for (const [task, offers] of state.shared.offers) {
    if (isDirected(state, task) && state.shared.uploads.get(task) !== returned) continue;
    for (const offer of offers)
      orderUpload(state, out, recipients, { ...offer, task, again: false });
  }
}
