/**
 * What must be true of every attempt that has not ended.
 *
 * @module
 */

import { attemptCauseCode, bandCode, isTerminalCode } from "../../model/states.ts";
import { dimension } from "../../scheduler/dimensions.ts";
import { attemptFlag } from "../tables/attempt-table.ts";
import type { Inspection, RecordRule } from "./inspection.ts";

/** S-13: an attempt is the current one of its task, or a stray that stops. */
function attemptsAreKnownToTheirTasks(look: Inspection, row: number): void {
  const { tasks, attempts, strays } = look.state;
  const task = attempts.task[row];
  if (!tasks.isLive(task)) look.report([], `attempt row ${row} belongs to a forgotten task`);
  else if (tasks.attempt[task] !== row && strays.get(attempts.id[row]) !== row)
    look.ofTask(task, "an attempt that its task does not know");
}

/** Attempts of ended tasks are stopping, and nothing else of them runs. */
function endedTasksHaveNoAttempt(look: Inspection, row: number): void {
  const { tasks, attempts } = look.state;
  const task = attempts.task[row];
  if (tasks.attempt[task] === row && isTerminalCode(tasks.state[task]))
    look.report([String(attempts.id[row])], "its task ended, and it is current");
}

/** A6: an attempt holds what its shape asks for, on a worker and in a shape that exist. */
function attemptsHoldTheirRequest(look: Inspection, row: number): void {
  const { attempts, shapes } = look.state;
  const grant = attempts.grants[row];
  const { request } = shapes[attempts.shape[row]];
  if (grant === request.amounts) return;
  const hasYielded = attempts.hasFlag(row, attemptFlag.yielded);
  for (const index of request.used) {
    if (hasYielded && (index === dimension.cpu || index === dimension.slots)) {
      if (grant?.[index] !== 0) look.ofTask(attempts.task[row], "it yielded, and holds CPU");
      continue;
    }
    if (grant !== null && grant[index] >= request.amounts[index]) continue;
    look.ofTask(attempts.task[row], "its attempt does not hold what it asks for");
  }
}

const preemptedCode = attemptCauseCode("preempted");

/** Z-11: nothing is evicted for work of its own band or a better one. */
function evictionsServeBetterBands(look: Inspection, row: number): void {
  const { attempts } = look.state;
  const isEvicted =
    attempts.band[row] === bandCode.production &&
    attempts.hasFlag(row, attemptFlag.stopping) &&
    attempts.stopReason[row] === preemptedCode;
  if (isEvicted) look.report([String(attempts.id[row])], "production work was evicted");
}

export const attemptRules: readonly RecordRule[] = [
  attemptsAreKnownToTheirTasks,
  endedTasksHaveNoAttempt,
  attemptsHoldTheirRequest,
  evictionsServeBetterBands,
];
