/**
 * The states of a job's tasks by index, a character each: a hundred thousand at a glance, and of a
 * change only the row that it is in.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { findJob } from "./jobs.ts";
import { endsStep, type Scan } from "./scan.ts";
import type { ControllerState, Job } from "./state.ts";

/** A request of GetTaskGrid as it was parsed. */
export interface TaskGridRequest {
  readonly jobId?: string;
  /** Default: the first that is remembered. */
  readonly fromIndex?: number;
  readonly cellsMax?: number;
}

export interface TaskGrid {
  readonly jobId: string;
  /** Tasks that are remembered. */
  readonly taskCount: number;
  /** The lowest index of these. */
  readonly indexBegin: number;
  /** One past the highest; 0 without tasks. */
  readonly indexEnd: number;
  /** Of the first cell. */
  readonly fromIndex: number;
  readonly rows: readonly string[];
}

const cellsDefault = 20_000;
const cellsOfRow = 500;
/** Where no task is, or none that is remembered. */
const noTask = 255;

/** The GetTaskGrid response. Throws NOT_FOUND, or INVALID_ARGUMENT without a job. */
export function* taskGrid(state: ControllerState, request: TaskGridRequest): Scan<TaskGrid> {
  const { jobId = "", cellsMax = cellsDefault } = request;
  if (jobId === "")
    throw new CapstanError("INVALID_ARGUMENT", "jobId: expected a non-empty string");
  const job = findJob(state, jobId);
  let taskCount = 0;
  let indexBegin = Number.MAX_SAFE_INTEGER;
  let indexEnd = 0;
  yield* eachTaskOf(state, job, (_task, index) => {
    taskCount++;
    indexBegin = Math.min(indexBegin, index);
    indexEnd = Math.max(indexEnd, index + 1);
  });
  if (taskCount === 0) indexBegin = 0;
  const fromIndex = request.fromIndex ?? indexBegin;
  const codes = new Uint8Array(Math.max(0, Math.min(cellsMax, indexEnd - fromIndex))).fill(noTask);
  yield* eachTaskOf(state, job, (task, index) => {
    const cell = index - fromIndex;
    if (cell >= 0 && cell < codes.length) codes[cell] = state.tasks.state[task];
  });
  return { jobId: job.id, taskCount, indexBegin, indexEnd, fromIndex, rows: rowsOf(codes) };
}

/** In steps: what comes meanwhile may be missed, and is there the next time. */
function* eachTaskOf(
  { tasks }: ControllerState,
  job: Job,
  look: (task: number, index: number) => void,
): Scan<void> {
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.isLive(task) && tasks.job[task] === job.index) look(task, tasks.index[task]);
    if (endsStep(task)) yield;
  }
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
