/**
 * Actors: tasks that keep an object, and the calls of its methods.
 *
 * An actor is placed like any task, and its attempt stays until somebody ends it. Its calls are not
 * placed: they go to the worker where it runs, take nothing of it, and run there one by one in the
 * order of submission. So that the order holds without a word from the worker, a call that reads
 * values of other tasks travels alone, because it may come back; those that bring all that they
 * need follow each other closely. An actor that has begun anew is sent nothing as long as it is not
 * known what became of the calls on their way to its former object.
 *
 * A call runs at most once: one that may have run ends with its actor, and so does what waits for
 * an actor that has ended. An actor that nobody holds and that nobody calls any more is ended.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptCause } from "../model/states.ts";
import { isTerminalCode } from "../model/states.ts";
import { actorOf, isActor, isCall, readsValues, waitingCount } from "./call-lines.ts";
import type { ActorCalls } from "./call-state.ts";
import { callsSentMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { assignAndSend } from "./place-solo.ts";
import { AssignmentRecorder } from "./recorders.ts";
import {
  type ControllerState,
  isHealthy,
  orderOf,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage } from "./tables/task-table.ts";
import type { Loss } from "./verdicts.ts";
import { killTasks } from "./wants.ts";

/** Sends the calls whose turn it is, and ends the actors that nobody needs any more. */
export function settleActors(state: ControllerState, out: Outbox, at: Micros): void {
  if (state.calls.touched.size === 0) return;
  const touched = [...state.calls.touched].filter((task) => isOpenActor(state, task));
  out.record(state, { type: "actors-tended" });
  const assignments = new AssignmentRecorder(at);
  for (const actor of touched) sendCalls(state, out, assignments, actor);
  assignments.close(state, out);
  const unneeded = touched.filter((actor) => isUnneeded(state, actor));
  const message = "released: nobody holds it, and no call waits for it";
  killTasks(state, out, { tasks: unneeded, code: "TASK_CANCELLED", message, at });
  for (const actor of unneeded) out.releaseCandidates.push(actor);
}

function isOpenActor(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  return tasks.isLive(task) && isActor(state, task) && !isTerminalCode(tasks.state[task]);
}

/** Whether no handle names the actor, no call needs it, and nobody asked that it goes on. */
export function isUnneeded(state: ControllerState, actor: number): boolean {
  const { tasks, shared } = state;
  return (
    tasks.wants[actor] === 0 && tasks.pendingDependents[actor] === 0 && !shared.detached.has(actor)
  );
}

/** The worker that runs the actor's object and takes calls now, or null. */
export function workerOfActor(state: ControllerState, actor: number): Worker | null {
  const { tasks, attempts, workers } = state;
  const row = tasks.attempt[actor];
  if (row === noSlot || !attempts.hasFlag(row, attemptFlag.started)) return null;
  const worker = workers[attempts.worker[row]];
  return isHealthy(worker) && worker.trouble === "" ? worker : null;
}

/** The call that may be sent now, or -1: the first in line, if it does not wait for anything. */
export function nextCall(state: ControllerState, actor: number): number {
  const calls = state.calls.byActor.get(actor);
  if (calls === undefined || waitingCount(calls) === 0 || calls.sent >= callsSentMax) return -1;
  const call = calls.rows[calls.head];
  if (state.tasks.stage[call] !== stage.called) return -1;
  if (calls.sent === 0) return call;
  const mayComeBack = calls.sentReaders > 0 || wereSentBefore(state, actor, calls);
  const cameBack = orderOf(state, call) <= calls.lastOrder; // So will those sent behind it.
  return mayComeBack || cameBack || readsValues(state, call) ? -1 : call;
}

/**
 * Whether the calls that are underway were sent to an object that the actor had before: where it is
 * gone they come back, and then they go first.
 */
export function wereSentBefore(
  { tasks, attempts }: ControllerState,
  actor: number,
  { sent, lastSent }: ActorCalls,
): boolean {
  const row = tasks.attempt[actor];
  return sent > 0 && row !== noSlot && lastSent < attempts.id[row];
}

function sendCalls(
  state: ControllerState,
  out: Outbox,
  assignments: AssignmentRecorder,
  actor: number,
): void {
  const worker = workerOfActor(state, actor);
  if (worker === null) return;
  const next = () => nextCall(state, actor);
  for (let task = next(); task >= 0; task = next()) {
    const order = { task, worker, prefetched: false, grant: null, wait: null };
    assignAndSend(state, out, assignments, order);
  }
}

/** Ends of attempts of which it is certain that the function did not begin. */
const unbegun: ReadonlySet<AttemptCause> = new Set<AttemptCause>([
  "retracted",
  "refused",
  "never-had-it",
  "dependency-lost",
  "input-unloadable",
]);

/** Whether a call may have run, so that it must not run again. */
export function mayHaveRun(state: ControllerState, { task, cause }: Loss): boolean {
  return isCall(state, task) && !unbegun.has(cause);
}

/** Whether an actor has lost its object and must not begin again with a new one. */
export function hasLostItsObject(state: ControllerState, { task, started }: Loss): boolean {
  return started && isActor(state, task) && specOf(state, task).maxRetriesPreemption === 0;
}

/** What is said of a call that ended with its actor. */
export function failureWithActor(state: ControllerState, loss: Loss) {
  const { task, cause, workerId, failure } = loss;
  const actor = actorOf(state, task);
  // Its worker knows that it was told to end, and not why.
  const ended = cause === "actor-lost" ? state.failures.get(actor)?.message : undefined;
  const reason = ended ?? (loss.reason || (failure?.error.message ?? ""));
  const why = reason === "" ? cause : `${cause}: ${reason}`;
  const name = `${specOf(state, actor).name} (${taskIdOf(state, actor)})`;
  const message =
    `${specOf(state, task).name}: the actor ${name} ended on ${workerId} under it (${why}); ` +
    "it may have run, and no call runs twice";
  return { code: "ACTOR_LOST", message, blame: taskIdOf(state, actor) };
}
