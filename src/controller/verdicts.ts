/**
 * What becomes of a task whose current attempt has ended without a value: another try, or the end.
 *
 * @module
 */

import { F64Column, U8Column, U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import type { AttemptFailure } from "../model/failure.ts";
import { type AttemptCause, taskStateCode } from "../model/states.ts";
import { retryDelayUs } from "./apply-tasks.ts";
import { charge } from "./facts.ts";
import type { Outbox } from "./outbox.ts";
import { type FailedRoot, failDoomed, failTasks } from "./settle.ts";
import { type ControllerState, specOf, taskIdOf } from "./state.ts";
import { taskFlag } from "./tables/task-table.ts";

/** An attempt that ended without a value. */
export interface Loss {
  readonly task: number;
  readonly cause: AttemptCause;
  readonly workerId: string;
  readonly started: boolean;
  readonly granted: boolean;
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
  const roots: FailedRoot[] = [];
  for (const loss of losses) {
    const charged = chargeOf(state, loss);
    if (isExhausted(state, loss, charged)) {
      roots.push(failedRoot(state, loss));
      continue;
    }
    const delay = charged === charge.failure ? retryDelayUs(state, loss.task) : 0;
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
    });
    failDoomed(state, out, { tasks: requeued, at });
  }
  failTasks(state, out, { roots, at });
}

function chargeOf(state: ControllerState, loss: Loss): number {
  switch (loss.cause) {
    case "failed":
    case "oom":
    case "exited":
    case "timeout":
    case "module-unloadable":
      return charge.failure;
    case "worker-lost":
      return chargeOfDeath(state, loss);
    default:
      return charge.nothing;
  }
}

/**
 * A short function may kill its worker before anybody heard that it had started. So whatever was
 * there becomes a suspect, which costs nothing; a suspect runs only with a grant of its own, and if
 * its worker dies again, it is charged.
 */
function chargeOfDeath(state: ControllerState, loss: Loss): number {
  const isSuspect = state.tasks.hasFlag(loss.task, taskFlag.suspect);
  if (loss.started || (loss.granted && isSuspect)) return charge.loss;
  return loss.granted ? charge.suspicion : charge.bystander;
}

/** A timeout and a module that cannot be loaded are never tried again. */
function isExhausted(state: ControllerState, loss: Loss, charged: number): boolean {
  if (charged !== charge.failure && charged !== charge.loss) return false;
  const spec = specOf(state, loss.task);
  if (charged === charge.loss) {
    return state.tasks.lossCount[loss.task] >= spec.maxRetriesWorkerLoss;
  }
  if (loss.cause === "timeout" || loss.cause === "module-unloadable") return true;
  return state.tasks.failureCount[loss.task] >= spec.maxRetriesFailure;
}

const codes: { readonly [cause: string]: string } = {
  failed: "TASK_FAILED",
  oom: "TASK_OUT_OF_MEMORY",
  exited: "TASK_EXITED",
  timeout: "TASK_TIMED_OUT",
  "module-unloadable": "TASK_MODULE_UNLOADABLE",
  "worker-lost": "WORKER_DIED",
};

function failedRoot(state: ControllerState, loss: Loss): FailedRoot {
  const { task } = loss;
  const code = codes[loss.cause] ?? "BUG";
  const died = loss.cause === "worker-lost";
  const failure = {
    code,
    message: messageOf(state, loss),
    blame: taskIdOf(state, task),
    workerId: loss.workerId,
    attempts: state.tasks.failureCount[task] + state.tasks.lossCount[task] + 1,
    failure: loss.failure,
  };
  return {
    task,
    state: died ? taskStateCode.WORKER_FAILED : taskStateCode.FAILED,
    failure,
  };
}

function messageOf(state: ControllerState, loss: Loss): string {
  const spec = specOf(state, loss.task);
  const error = loss.failure?.error;
  switch (loss.cause) {
    case "worker-lost": {
      const deaths = state.tasks.lossCount[loss.task] + 1;
      const last = `the last, ${loss.workerId}: ${loss.reason}`;
      return `${spec.name}: ${deaths} workers died under it; ${last}`;
    }
    case "timeout":
      return `${spec.name} ran longer than its timeout of ${spec.timeoutMs} ms on ${loss.workerId}`;
    default:
      return error === undefined ? spec.name : `${spec.name}: ${error.name}: ${error.message}`;
  }
}
