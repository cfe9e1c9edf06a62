/**
 * The audit of a live controller: every invariant, every leak, every stuck task.
 *
 * @module
 */

import { releaseAttribute } from "../model/constraints.ts";
import { formatAttemptId } from "../model/ids.ts";
import { isTerminalCode, taskStates } from "../model/states.ts";
import { auditInSteps } from "./audit.ts";
import { wakersOf } from "./explain.ts";
import { hungAttempts } from "./hangs.ts";
import { idleMatchesInSteps } from "./invariants/queue-rules.ts";
import { hasWaker } from "./invariants/task-rules.ts";
import { invariantCount } from "./invariants.ts";
import { endsStep, type Scan } from "./scan.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import { auditUsage } from "./usage-audit.ts";

/**
 * The GetDoctorReport response, less what only the shell knows. What may hang is named and is no
 * finding: no promise is broken by it.
 */
export function* doctorReport(state: ControllerState): Scan<object> {
  const found = yield* auditInSteps(state);
  const violations = found.map((violation) => ({ ...violation, story: [] }));
  const stuck = yield* stuckTasks(state);
  const idle = yield* idleMatchesInSteps(state);
  yield;
  const usageMismatches = auditUsage(state);
  const orphans = [...state.strays].map(([id, row]) => ({
    attemptId: formatAttemptId(id),
    taskId: taskIdOf(state, state.attempts.task[row]),
    workerId: state.workers[state.attempts.worker[row]].workerId,
  }));
  return {
    ok: [violations, usageMismatches, stuck, idle].every(({ length }) => length === 0),
    invariantsChecked: invariantCount,
    violations,
    usageMismatches,
    orphans,
    stuck,
    hung: hungAttempts(state),
    releases: workerReleases(state),
    watchdogFired: idle.length,
  };
}

/** By which release the workers that are there run, as far as they say so. */
function workerReleases({ workers }: ControllerState): WorkerRelease[] {
  return workers.flatMap(({ workerId, lost, attributes }) => {
    const version = attributes[releaseAttribute];
    return lost || version === undefined ? [] : [{ workerId, version: String(version) }];
  });
}

/** What a worker says of itself. */
export interface WorkerRelease {
  readonly workerId: string;
  readonly version: string;
}

/** Tasks that have not ended and that nothing named will move. */
function* stuckTasks(state: ControllerState): Scan<StuckTask[]> {
  const stuck: StuckTask[] = [];
  const { tasks } = state;
  for (let task = 0; task < tasks.length; task++) {
    if (endsStep(task)) yield;
    if (!tasks.isLive(task) || isTerminalCode(tasks.state[task]) || hasWaker(state, task)) continue;
    const [waker] = wakersOf(state, task);
    const name = taskStates[tasks.state[task]];
    const id = taskIdOf(state, task);
    stuck.push({ id, state: name, sinceMs: 0, waker: waker?.message ?? null });
  }
  return stuck;
}

interface StuckTask {
  readonly id: string;
  readonly state: string;
  readonly sinceMs: number;
  readonly waker: string | null;
}
