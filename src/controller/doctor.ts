/**
 * The audit of a live controller: every invariant, every leak, every stuck task.
 *
 * @module
 */

import { formatAttemptId } from "../model/ids.ts";
import { isTerminalCode, taskStates } from "../model/states.ts";
import { wakersOf } from "./explain.ts";
import { idleMatches } from "./invariants/queue-rules.ts";
import { hasWaker } from "./invariants/task-rules.ts";
import { findViolations, invariantCount } from "./invariants.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import { auditUsage } from "./usage-audit.ts";

/** The GetDoctorReport response, less what only the shell knows. */
export function doctorReport(state: ControllerState) {
  const violations = findViolations(state).map((violation) => ({ ...violation, story: [] }));
  const usageMismatches = auditUsage(state);
  const stuck = stuckTasks(state);
  const idle = idleMatches(state);
  const orphans = [...state.strays].map(([id, row]) => ({
    attemptId: formatAttemptId(id),
    taskId: taskIdOf(state, state.attempts.task[row]),
    workerId: state.workers[state.attempts.worker[row]].workerId,
  }));
  return {
    ok: violations.length + usageMismatches.length + stuck.length + idle.length === 0,
    invariantsChecked: invariantCount,
    violations,
    usageMismatches,
    orphans,
    stuck,
    watchdogFired: idle.length,
  };
}

/** Tasks that have not ended and that nothing named will move. */
function stuckTasks(state: ControllerState) {
  const stuck = [];
  for (const task of state.tasks.rows()) {
    if (isTerminalCode(state.tasks.state[task])) continue;
    if (hasWaker(state, task)) continue;
    const [waker] = wakersOf(state, task);
    stuck.push({
      id: taskIdOf(state, task),
      state: taskStates[state.tasks.state[task]],
      sinceMs: 0,
      waker: waker?.message ?? null,
    });
  }
  return stuck;
}
