/**
 * The states of a job's tasks by index, a character each: a hundred thousand at a glance, and of a
 * change only the row that it is in.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { findJob } from "./jobs.ts";
import { endsStep, type Scan } from "./scan.ts";
import type { ControllerState } from "./state.ts";

/** A request of GetTaskGrid as it was parsed. */
export interface TaskGridRequest {
  readonly jobId?: string;
  readonly fromIndex?: number;
  readonly cellsMax?: number;
}

export interface TaskGrid {
  readonly jobId: string;
  /** Tasks that are remembered. */
  readonly taskCount: number;
  readonly fromIndex: number;
  /** One past the highest index; 0 without tasks. */
  readonly indexEnd: number;
  readonly rows: readonly string[];
}

const cellsDefault = 20_000;
const cellsOfRow = 500;
/** Where no task is, or none that is remembered. */
const noTask = 255;

/** The GetTaskGrid response. Throws NOT_FOUND, or INVALID_ARGUMENT without a job. */
export function* taskGrid(state: ControllerState, request: TaskGridRequest): Scan<TaskGrid> {
  const { jobId = "", fromIndex = 0, cellsMax = cellsDefault } = request;
  if (jobId === "")
    throw new CapstanError("INVALID_ARGUMENT", "jobId: expected a non-empty string");
  const job = findJob(state, jobId);
  const { tasks } = state;
  const codes = new Uint8Array(cellsMax).fill(noTask);
  let taskCount = 0;
  let indexEnd = 0;
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.isLive(task) && tasks.job[task] === job.index) {
      const index = tasks.index[task];
      taskCount++;
      indexEnd = Math.max(indexEnd, index + 1);
      if (index >= fromIndex && index < fromIndex + cellsMax) {
        codes[index - fromIndex] = tasks.state[task];
      }
    }
    if (endsStep(task)) yield;
  }
  const cells = Math.max(0, Math.min(cellsMax, indexEnd - fromIndex));
  return { jobId: job.id, taskCount, fromIndex, indexEnd, rows: rowsOf(codes.subarray(0, cells)) };
}

function rowsOf(codes: Uint8Array): string[] {
  const rows: string[] = [];
  for (let from = 0; from < codes.length; from += cellsOfRow) {
    let row = "";
    for (const code of codes.subarray(from, from + cellsOfRow)) {
      row += code === noTask ? "-" : code.toString(36);
    }
    rows.push(row);
  }
  return rows;
}
