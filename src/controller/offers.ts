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

import { hasRecipe } from "../model/spec.ts";
import { taskStateCode } from "../model/states.ts";
import { isSameOffer } from "./apply-shared.ts";
import { isActor, isCall } from "./call-lines.ts";
import { mayUse } from "./eligibility.ts";
import { introduceHolder } from "./introduce-holder.ts";
import type { Outbox } from "./outbox.ts";
import { type FailedRoot, plainFailure } from "./settle.ts";
import type { Offer } from "./shared-state.ts";
import {
  type ControllerState,
  isHealthy,
  isOpen,
  openClient,
  shapeOf,
  specOf,
  type Worker,
} from "./state.ts";
import { stage } from "./tables/task-table.ts";

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

/** Tells a client where to bring a value that it has offered, if any worker can take it now. */
export function orderUpload(
  state: ControllerState,
  out: Outbox,
  { client, number, task }: Offer & { readonly task: number },
): void {
  const offers = state.shared.offers.get(task) ?? [];
  if (!offers.some((one) => isSameOffer(one, { client, number }))) return;
  const { run } = specOf(state, task);
  if (run.kind !== "value" || !openClient(state, client).connected) return;
  // Further workers have it from the first one: `copies.ts`.
  const [chosen] = workersFor(state, task);
  if (chosen === undefined) return; // Said as soon as a worker comes.
  introduceHolder(state, out, client, chosen.index);
  const workers = [chosen.index];
  const ref = state.tasks.ref(task);
  out.toClient(state, client, { type: "upload", task: number, ref, workers });
}

/** The workers that may hold the value: those that take work first, and who has least. */
function workersFor(state: ControllerState, task: number): Worker[] {
  const shape = shapeOf(state, task);
  const able = state.workers.filter((worker) => isHealthy(worker) && mayUse(worker, shape));
  const closed = (worker: Worker) => Number(!isOpen(worker));
  return able.sort(
    (a, b) => closed(a) - closed(b) || a.heldValueBytes - b.heldValueBytes || a.index - b.index,
  );
}

/** Workers came or went: all that is offered is ordered anew. */
export function orderAllUploads(state: ControllerState, out: Outbox): void {
  for (const [task, offers] of state.shared.offers) {
    for (const offer of offers) orderUpload(state, out, { ...offer, task });
  }
}
