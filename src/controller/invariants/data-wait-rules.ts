/**
 * What must be true of attempts that stand in line where their inputs are, and of what the time
 * that they wait is estimated from.
 *
 * @module
 */

import { taskStateCode } from "../../model/states.ts";
import { dataWaitUsMax } from "../limits.ts";
import { attemptFlag } from "../tables/attempt-table.ts";
import type { Inspection, WholeRule } from "./inspection.ts";

/** Deadlines are rounded up by less than this, microseconds. */
const roundedUs = 10_000;

/** Who waits for its inputs' sake has not begun, and its wait ends by itself, soon. */
function waitsForInputsAreBounded(look: Inspection): void {
  const { state } = look;
  const { waits, deadlines } = state.dataWaits;
  const due = new Set<string>();
  deadlines.forEach((until, ref) => {
    due.add(`${ref} ${until}`);
  });
  for (const [task, { until, worker }] of waits) {
    if (!state.tasks.isLive(task)) {
      look.report([], `nobody waits for the inputs of a forgotten task: row ${task}`);
      continue;
    }
    const code = state.tasks.state[task];
    if (code !== taskStateCode.PENDING && code !== taskStateCode.ASSIGNED)
      look.ofTask(task, "waits for its inputs' sake, and has begun or ended");
    if (until > state.at + dataWaitUsMax + roundedUs) look.ofTask(task, "waits for too long");
    if (worker >= state.workers.length) look.ofTask(task, "waits for a worker that is none");
    if (until > state.at && !due.has(`${state.tasks.ref(task)} ${until}`))
      look.ofTask(task, "waits for its inputs' sake, and nothing ends that");
  }
}

/** Since when the attempts of a queue run on a worker equals its recount. */
function runningSinceEqualsItsRecount(look: Inspection): void {
  const { attempts, workers } = look.state;
  const found = new Map<string, number>();
  for (const row of attempts.rows()) {
    if (!attempts.hasFlag(row, attemptFlag.started)) continue;
    const key = `${attempts.worker[row]} ${attempts.shape[row]}`;
    const startedMs = Math.floor(attempts.startedAt[row] / 1000);
    found.set(key, (found.get(key) ?? 0) + startedMs);
  }
  for (const { index, shapes } of workers) {
    for (const [shape, { startedMs }] of shapes) {
      const sum = found.get(`${index} ${shape}`) ?? 0;
      if (startedMs !== sum)
        look.ofWorker(index, `shape ${shape}: runs since ${startedMs}, ${sum}`);
    }
  }
}

export const dataWaitRules: readonly WholeRule[] = [
  waitsForInputsAreBounded,
  runningSinceEqualsItsRecount,
];
