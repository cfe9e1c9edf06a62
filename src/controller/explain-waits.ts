/**
 * Why an assigned task stands in line: for the sake of its inputs, where that is why.
 *
 * @module
 */

import { getRare } from "../base/rare.ts";
import { formatDuration, formatMemory } from "../model/format-quantities.ts";
import { plainReason, type Reason } from "./explain-reasons.ts";
import type { ControllerState } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** `waits for w1, where 1 GiB of its input is, expected in 200ms`; null of any other task. */
export function describeDataWait(state: ControllerState, task: number): string | null {
  const { attempts, tasks, workers } = state;
  const row = tasks.attempt[task];
  const wait = getRare(state.dataWaits.waits, task);
  if (row === noSlot || wait === undefined || attempts.isGranted(row)) return null;
  if (attempts.worker[row] !== wait.worker) return null;
  const { workerId } = workers[wait.worker];
  return (
    `waits for ${workerId}, where ${formatMemory(wait.bytes)} of its input is, ` +
    `${describeExpected(wait.expectedAt - state.at)}${describeBound(wait.until - state.at)}`
  );
}

function describeExpected(leftUs: number): string {
  const time = formatDuration(Math.round(Math.abs(leftUs) / 1000));
  return leftUs >= 0 ? `expected in ${time}` : `expected ${time} ago`;
}

function describeBound(leftUs: number): string {
  if (leftUs > 0)
    return `; elsewhere in ${formatDuration(Math.round(leftUs / 1000))} at the latest`;
  return "; whoever has room takes it";
}

export function dataWaitReasons(state: ControllerState, task: number): Reason[] {
  const message = describeDataWait(state, task);
  return message === null ? [] : [plainReason("DATA_WAIT", message, 1)];
}
