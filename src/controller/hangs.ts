/**
 * What runs much longer than others of its kind did is named as *hung?*, once, and left alone: it
 * may only be large. Nothing is ended for it, and nothing waits less for it.
 *
 * Each look is at a bounded part of the attempts, so a look costs the same however many there are.
 *
 * @module
 */

import { U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import { formatDuration } from "../model/format-quantities.ts";
import { formatAttemptId } from "../model/ids.ts";
import { plainReason, type Reason } from "./explain-reasons.ts";
import { hangFactor, hangLookRows, hangMinUs, hungListedMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { describeProgress } from "./progress.ts";
import { type ControllerState, type Job, specOf, taskIdOf } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { formatTime } from "./views.ts";

/** Names what has run for too long of the attempts whose turn it is to be looked at. */
export function lookForHangs(state: ControllerState, out: Outbox, at: Micros): void {
  const { length } = state.attempts;
  const from = state.hangLookRow < length ? state.hangLookRow : 0;
  const to = Math.min(length, from + hangLookRows);
  const hung = new U32Column();
  const usualUs: number[] = [];
  for (let row = from; row < to; row++) {
    const usual = usualOfHung(state, row, at);
    if (usual === null) continue;
    hung.push(row);
    usualUs.push(usual);
  }
  if (hung.length > 0) {
    const attempts = hung.take();
    out.record(state, {
      type: "attempts-hung",
      at,
      attempts,
      usualUs: Float64Array.from(usualUs),
    });
  }
  const next = to < length ? to : 0;
  if (next !== state.hangLookRow) out.record(state, { type: "hangs-looked-for", next });
}

/** What is usual of its kind, if it has just run for too long. */
function usualOfHung(state: ControllerState, row: number, at: Micros): Micros | null {
  const { attempts, tasks, runTimes, hung } = state;
  if (attempts.id[row] === 0 || attempts.startedAt[row] + hangMinUs > at) return null;
  if (!isRunning(state, row) || hung.has(row)) return null;
  const usual = runTimes.p95(tasks.spec[attempts.task[row]]);
  if (usual === null || at - attempts.startedAt[row] < hangFactor * usual) return null;
  return usual;
}

/** What waits for tasks of its own is as slow as they are: they are looked at themselves. */
function isRunning({ attempts }: ControllerState, row: number): boolean {
  const { started, stopping, yielded } = attemptFlag;
  return attempts.hasFlag(row, started) && !attempts.hasFlag(row, stopping | yielded);
}

/** What may hang, the longest first. */
export function hungAttempts(state: ControllerState) {
  const { attempts, workers } = state;
  const hung = [...state.hung].filter(([row]) => isRunning(state, row));
  hung.sort(([a], [b]) => attempts.startedAt[a] - attempts.startedAt[b]);
  return hung.slice(0, hungListedMax).map(([row, { usualUs }]) => {
    const { workerId, pid } = workers[attempts.worker[row]];
    return {
      taskId: taskIdOf(state, attempts.task[row]),
      attemptId: formatAttemptId(attempts.id[row]),
      name: specOf(state, attempts.task[row]).name,
      workerId,
      workerPid: pid,
      startedAt: formatTime(attempts.startedAt[row]),
      ranMs: (state.at - attempts.startedAt[row]) / 1000,
      usualMs: usualUs / 1000,
      message: describeHung(state, row, usualUs),
    };
  });
}

/** How many may hang. */
export function hungCount(state: ControllerState): number {
  let count = 0;
  for (const row of state.hung.keys()) if (isRunning(state, row)) count++;
  return count;
}

/** The task of a job that may hang for the longest time, if there is one. */
export function hungTaskOf(state: ControllerState, { index }: Job): number | undefined {
  const { attempts, tasks } = state;
  const rows = [...state.hung.keys()].filter(
    (row) => tasks.job[attempts.task[row]] === index && isRunning(state, row),
  );
  rows.sort((a, b) => attempts.startedAt[a] - attempts.startedAt[b]);
  return rows.length === 0 ? undefined : attempts.task[rows[0]];
}

/** Why a task that runs may never end. */
export function hangReasons(state: ControllerState, task: number): Reason[] {
  const row = state.tasks.attempt[task];
  const hang = state.hung.get(row);
  if (hang === undefined) return [];
  return [plainReason("HUNG", `hung? ${describeHung(state, row, hang.usualUs)}`, 1)];
}

/** What to add to where an attempt runs: `; hung? usual is at most 320ms`, or nothing. */
export function describeUsual({ hung }: ControllerState, row: number): string {
  const hang = hung.get(row);
  if (hang === undefined) return "";
  return `; hung? usual is at most ${formatDuration(hang.usualUs / 1000)}`;
}

/** `it runs on w2 for 41m 3s; of others like it 95 in 100 took at most 320ms; …`. */
function describeHung(state: ControllerState, row: number, usualUs: Micros): string {
  const { attempts, workers } = state;
  const { workerId } = workers[attempts.worker[row]];
  const ran = formatDuration((state.at - attempts.startedAt[row]) / 1000);
  const usual = formatDuration(usualUs / 1000);
  const taskId = taskIdOf(state, attempts.task[row]);
  return (
    `it runs on ${workerId} for ${ran}; of others like it 95 in 100 took at most ${usual}` +
    `${describeProgress(state, row)}; it is left alone, ` +
    `and capstan task stack ${taskId} shows where it is`
  );
}
