/**
 * What becomes of a task whose current attempt has ended without a value: another try, or the end.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { F64Column, U8Column, U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import type { AttemptFailure } from "../model/failure.ts";
import { counted } from "../model/format-quantities.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { runsInProcess, type TaskSpec } from "../model/spec.ts";
import { type AttemptCause, taskStateCode } from "../model/states.ts";
import { failureWithActor, hasLostItsObject, mayHaveRun } from "./actors.ts";
import { isActor, isCall } from "./call-lines.ts";
import { charge } from "./facts.ts";
import {
  gangReturnDelayMaxUs,
  gangReturnDelayUs,
  refusalDelayUs,
  reschedulesMax,
} from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { rescheduleCount } from "./reschedules.ts";
import { type FailedRoot, failDoomed, failTasks, triesOf } from "./settle.ts";
import {
  type ControllerState,
  type Gang,
  isHealthy,
  jobOf,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { noSlot, taskFlag } from "./tables/task-table.ts";

/** An attempt that ended without a value. */
export interface Loss {
  readonly task: number;
  readonly cause: AttemptCause;
  readonly workerId: string;
  readonly started: boolean;
  readonly granted: boolean;
  /** Its worker gave it back: then it had not begun, or may begin again. */
  readonly handedBack: boolean;
  readonly failure: AttemptFailure | null;
  /** For `worker-lost`: how the worker ended. */
  readonly reason: string;
}

/** Requeues or fails the tasks of these ended attempts. */
export function judgeLosses(
  state: ControllerState,
  out: Outbox,
  { losses, at }: { losses: readonly Loss[]; at: Micros },
): void {
  if (losses.length === 0) return;
  const tasks = new U32Column();
  const charges = new U8Column();
  const notBefore = new F64Column();
  const leaving: { entry: number; worker: WorkerIndex }[] = [];
  const roots: FailedRoot[] = [];
  const primaries = primaryLosses(state, losses);
  for (const loss of losses) {
    const charged = primaries.has(loss) ? chargeOf(state, loss) : charge.nothing;
    if (endsWithActor(state, loss) || isExhausted(state, loss, charged)) {
      roots.push(failedRoot(state, loss));
      continue;
    }
    const delay = delayOf(state, loss, charged);
    if (primaries.has(loss)) noteReturn(state, out, loss);
    if (charged === charge.reschedule) {
      leaving.push({ entry: tasks.length, worker: workerNamed(state, loss) });
    }
    tasks.push(loss.task);
    charges.push(charged);
    notBefore.push(delay > 0 ? at + delay : 0);
  }
  if (tasks.length > 0) {
    const requeued = tasks.take();
    out.record(state, {
      type: "tasks-requeued",
      at,
      tasks: requeued,
      charges: charges.take(),
      notBefore: notBefore.take(),
      ...(leaving.length > 0 ? { leaving } : {}),
    });
    for (const task of requeued) noteRestart(state, out, task);
    failDoomed(state, out, { tasks: requeued, at });
  }
  failTasks(state, out, { roots, at });
}

function workerNamed({ workersById }: ControllerState, { workerId }: Loss): WorkerIndex {
  return present(workersById.get(workerId), "an attempt was on a worker");
}

/** A job of which a task starts anew may take its children along: once, when all is told. */
function noteRestart(state: ControllerState, out: Outbox, task: number): void {
  const job = jobOf(state, task);
  if (job.launch !== null && job.launch.children.size > 0) out.restartedJobs.add(job.index);
}

/** A refusal ends the round of its gang: each one in a row makes the next wait longer. */
function noteReturn(state: ControllerState, out: Outbox, { task, cause }: Loss): void {
  const job = jobOf(state, task);
  if (cause === "refused" && job.launch?.gang) {
    out.record(state, { type: "gang-returned", job: job.index });
  }
}

/** How long a gang waits after a round that was returned, microseconds. */
export function returnDelayUs({ returns }: Gang): number {
  return Math.min(gangReturnDelayUs * 2 ** Math.min(returns, 16), gangReturnDelayMaxUs);
}

/**
 * Those that are charged. Of one gang only the first is, of what is judged together and in one
 * step: what one member's end does to the others is no fault of theirs.
 */
function primaryLosses(state: ControllerState, losses: readonly Loss[]): ReadonlySet<Loss> {
  const broken = new Set(state.brokenGangs);
  const isPrimary = ({ task }: Loss): boolean => {
    const { launch, index } = jobOf(state, task);
    if (!launch?.gang) return true;
    const isFirst = !broken.has(index);
    broken.add(index);
    return isFirst;
  };
  return new Set(losses.filter(isPrimary));
}

function chargeOf(state: ControllerState, loss: Loss): number {
  switch (loss.cause) {
    case "failed":
    case "oom":
    case "exited":
    case "timeout":
    case "module-unloadable":
    case "build-failed":
      return isEcho(state, loss) ? charge.loss : charge.failure;
    case "killed":
    case "start-timeout":
      return charge.loss;
    case "rescheduled":
      return charge.reschedule;
    case "preempted":
      return loss.started ? charge.loss : charge.nothing;
    case "worker-lost":
      return chargeOfDeath(state, loss);
    default:
      return charge.nothing;
  }
}

/**
 * A member of a gang often dies of the death of another, and of a connection to a worker that is
 * not heard any more before anybody has declared that lost: it is charged as what it is.
 */
function isEcho(state: ControllerState, { task, cause }: Loss): boolean {
  const { launch } = jobOf(state, task);
  if (!launch?.gang || cause === "oom" || cause === "timeout") return false;
  return launch.rows.some((row) => {
    const attempt = state.tasks.attempt[row];
    return row !== task && attempt !== noSlot && !isHealthy(workerOf(state, attempt));
  });
}

function workerOf(state: ControllerState, attempt: number): Worker {
  return state.workers[state.attempts.worker[attempt]];
}

/**
 * A short function may kill its worker before anybody heard that it had started. So whatever was
 * there becomes a suspect, which costs nothing; a suspect runs only with a grant of its own, and if
 * its worker dies again, it is charged. What runs in a process of its own kills no worker: what had
 * not started costs nothing.
 */
function chargeOfDeath(state: ControllerState, loss: Loss): number {
  if (loss.started) return charge.loss;
  if (runsInProcess(specOf(state, loss.task).run)) return charge.nothing;
  if (isUntold(state, loss.task)) return charge.nothing;
  const isSuspect = state.tasks.hasFlag(loss.task, taskFlag.suspect);
  if (loss.granted && isSuspect) return charge.loss;
  return loss.granted ? charge.suspicion : charge.bystander;
}

/** Of a gang that was not complete: nobody was told to start, so no function of it had begun. */
function isUntold(state: ControllerState, task: number): boolean {
  const { launch } = jobOf(state, task);
  return launch?.gang ? launch.gang.members.size < launch.rows.length : false;
}

/** How long the task sits out before it may go on, microseconds. */
function delayOf(state: ControllerState, loss: Loss, charged: number): number {
  if (charged === charge.failure)
    return retryDelayUs(state, loss.task, state.tasks.failureCount[loss.task]);
  if (charged === charge.reschedule) {
    return retryDelayUs(state, loss.task, reschedulesOf(state, loss.task));
  }
  const { launch } = jobOf(state, loss.task);
  if (launch === null) return 0;
  if (loss.cause === "refused" && launch.gang !== null) return returnDelayUs(launch.gang);
  return loss.cause === "refused" || loss.cause === "start-timeout" ? refusalDelayUs : 0;
}

/** How long a task sits out after it was tried `tries` times before, microseconds. */
function retryDelayUs(state: ControllerState, task: number, tries: number): number {
  const { retryBackoff } = specOf(state, task);
  const doublings = Math.min(tries, 30);
  return Math.min(retryBackoff.initialMs * 2 ** doublings, retryBackoff.maxMs) * 1000;
}

/** What must not begin again: a call that may have run, and an actor whose object is gone. */
function endsWithActor(state: ControllerState, loss: Loss): boolean {
  return mayHaveRun(state, loss) || hasLostItsObject(state, loss);
}

/** What is never tried again, and what has been tried as often as it may be. */
function isExhausted(state: ControllerState, loss: Loss, charged: number): boolean {
  if (isSpent(state, loss)) return true;
  if (charged === charge.reschedule) return reschedulesOf(state, loss.task) >= reschedulesMax;
  if (charged !== charge.failure && charged !== charge.loss) return false;
  const spec = specOf(state, loss.task);
  if (charged === charge.loss) return lossesOf(state, loss.task) >= spec.maxRetriesPreemption;
  if (loss.cause === "timeout" || loss.cause === "module-unloadable") return true;
  if (!isRetryable(spec, loss.failure?.exitCode ?? null)) return true;
  return failuresOf(state, loss.task) >= spec.maxRetriesFailure;
}

/** An exclusive task that may have begun. Whatever its worker gives back of these has not. */
function isSpent(state: ControllerState, { task, cause, handedBack }: Loss): boolean {
  if (specOf(state, task).exclusive !== true || handedBack) return false;
  return cause !== "never-had-it" && cause !== "setup-failed";
}

function isRetryable(spec: TaskSpec, exitCode: number | null): boolean {
  if (exitCode === null) return true;
  if (spec.noRetryExitCodes.includes(exitCode)) return false;
  return spec.retryExitCodes.length === 0 || spec.retryExitCodes.includes(exitCode);
}

/** A gang runs whole or not at all, so its rounds are counted and not those of one member. */
function failuresOf(state: ControllerState, task: number): number {
  const { launch } = jobOf(state, task);
  return launch?.gang ? launch.failureCount : state.tasks.failureCount[task];
}

function lossesOf(state: ControllerState, task: number): number {
  const { launch } = jobOf(state, task);
  return launch?.gang ? launch.preemptionCount : state.tasks.lossCount[task];
}

function reschedulesOf(state: ControllerState, task: number): number {
  const { launch } = jobOf(state, task);
  if (!launch?.gang) return rescheduleCount(state, task);
  return launch.rows.reduce((sum, row) => sum + rescheduleCount(state, row), 0);
}

const codes: { readonly [cause: string]: string } = {
  failed: "TASK_FAILED",
  oom: "TASK_OUT_OF_MEMORY",
  exited: "TASK_EXITED",
  timeout: "TASK_TIMED_OUT",
  "module-unloadable": "TASK_MODULE_UNLOADABLE",
  "build-failed": "TASK_BUILD_FAILED",
  "worker-lost": "WORKER_DIED",
  killed: "TASK_KILLED",
  preempted: "TASK_PREEMPTED",
  "start-timeout": "TASK_NOT_STARTED",
  rescheduled: "RESCHEDULE_LIMIT",
};

/** What a task ends as when its tries are spent; `FAILED` where nothing is named. */
const finalStates: { readonly [cause: string]: number } = {
  "worker-lost": taskStateCode.WORKER_FAILED,
  killed: taskStateCode.WORKER_FAILED,
  drained: taskStateCode.WORKER_FAILED,
  "start-timeout": taskStateCode.WORKER_FAILED,
  preempted: taskStateCode.PREEMPTED,
};

function failedRoot(state: ControllerState, loss: Loss): FailedRoot {
  const { task } = loss;
  const failure = {
    ...toldOf(state, loss),
    workerId: loss.workerId,
    attempts: 1 + triesOf(state, task),
    failure: loss.failure,
  };
  return { task, state: finalStates[loss.cause] ?? taskStateCode.FAILED, failure };
}

function spentMessageOf(state: ControllerState, loss: Loss): string {
  const { cause, workerId, reason, failure } = loss;
  const why = reason === "" ? (failure?.error.message ?? cause) : reason;
  const { name } = specOf(state, loss.task);
  return `${name} is exclusive and may have run on ${workerId}, where it ended (${cause}): ${why}`;
}

/** Causes for which a call ends by itself: with any other it ends with its actor. */
const ownEnds: readonly AttemptCause[] = ["failed", "timeout", "oom", "exited", "setup-failed"];

function toldOf(state: ControllerState, loss: Loss) {
  const { task, cause } = loss;
  const blame = taskIdOf(state, task);
  if (isCall(state, task) && cause === "rescheduled") {
    const { name } = specOf(state, task);
    const message = `${name}: a call cannot be rescheduled: its object is where it ran`;
    return { code: "TASK_FAILED", message, blame };
  }
  if (isCall(state, task) && !ownEnds.includes(cause)) return failureWithActor(state, loss);
  if (isSpent(state, loss) && chargeOf(state, loss) !== charge.failure) {
    return { code: "MAY_HAVE_RUN", message: spentMessageOf(state, loss), blame };
  }
  const code = codes[cause] ?? (isActor(state, task) ? "ACTOR_LOST" : "BUG");
  return { code, message: messageOf(state, loss), blame };
}

function messageOf(state: ControllerState, loss: Loss): string {
  const spec = specOf(state, loss.task);
  const error = loss.failure?.error;
  switch (loss.cause) {
    case "worker-lost": {
      const deaths = state.tasks.lossCount[loss.task] + 1;
      const last = `the last, ${loss.workerId}: ${loss.reason}`;
      return `${spec.name}: ${counted(deaths, "worker")} died under it; ${last}`;
    }
    case "killed":
      return `${spec.name}: its process was killed from outside on ${loss.workerId}`;
    case "preempted":
      return `${spec.name} was preempted on ${loss.workerId}: ${loss.reason}`;
    case "start-timeout":
      return `${spec.name} was not started in time by ${loss.workerId}`;
    case "rescheduled":
      return `${spec.name} asked to run later more than ${reschedulesMax} times: ${error?.message}`;
    case "timeout":
      return `${spec.name} ran longer than its timeout of ${spec.timeoutMs} ms on ${loss.workerId}`;
    default:
      if (error !== undefined) return `${spec.name}: ${error.name}: ${error.message}`;
      return `${spec.name} ended on ${loss.workerId}: ${loss.reason || loss.cause}`;
  }
}
