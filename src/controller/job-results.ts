/**
 * What functions of launched jobs have returned: kept when they succeed, and told.
 *
 * A job has no futures, so nobody wants the values of its tasks and workers drop them. What is so
 * small that it came with the report is kept here, in the journal: it outlives the worker, and no
 * gang has to run again for it. What a task returns again, because its gang began again, takes the
 * place of what it had returned ([ADR 38](../../docs/adr/0038-what-jobs-return-is-small.md)).
 *
 * @module
 */

import { type Blobs, BlobsBuilder } from "../base/blobs.ts";
import { encodeBase64 } from "../model/base64.ts";
import { CapstanError } from "../model/errors.ts";
import { type TaskState, taskStateCode, taskStates } from "../model/states.ts";
import type { JobResult } from "./job-results-state.ts";
import { findJob } from "./jobs.ts";
import { resultsPageBytesMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type ListRequest, pageOf } from "./pages.ts";
import { type ControllerState, jobOf, specOf } from "./state.ts";
import { formatTime } from "./views.ts";

/** What a worker has reported of tasks that have succeeded. */
interface Returned {
  readonly tasks: readonly number[] | Uint32Array;
  /** Of each: where it stands in the columns. */
  readonly entries: readonly number[] | Uint32Array;
  readonly sizes: Float64Array;
  /** Empty where it is too large to come with a report. */
  readonly values: Blobs;
}

/** Keeps what those of these tasks have returned that are of launched jobs. */
export function keepReturned(
  state: ControllerState,
  out: Outbox,
  { tasks, entries, sizes, values }: Returned,
): void {
  const rows: number[] = [];
  const sizesBytes: number[] = [];
  const kept = new BlobsBuilder();
  for (let i = 0; i < tasks.length; i++) {
    if (jobOf(state, tasks[i]).launch === null || !returnsValues(state, tasks[i])) continue;
    rows.push(tasks[i]);
    sizesBytes.push(sizes[entries[i]]);
    kept.pushFrom(values, entries[i]);
  }
  if (rows.length === 0) return;
  out.record(state, {
    type: "results-returned",
    tasks: Uint32Array.from(rows),
    sizes: Float64Array.from(sizesBytes),
    values: kept.take(),
  });
}

function returnsValues(state: ControllerState, task: number): boolean {
  return specOf(state, task).run.kind === "function";
}

/** One task as GetJobResults describes it. */
interface ResultView {
  readonly index: number;
  readonly state: TaskState;
  readonly sizeBytes: number;
  readonly value: string | null;
  readonly missing: "" | "NOT_SUCCEEDED" | "COMMAND" | "TOO_LARGE" | "LEFT";
}

/** The GetJobResults response: a page of tasks by index. Throws NOT_FOUND or INVALID_ARGUMENT. */
export function jobResults(state: ControllerState, request: ListRequest) {
  const { jobId } = request;
  if (typeof jobId !== "string" || jobId === "")
    throw new CapstanError("INVALID_ARGUMENT", "jobId: expected a non-empty string");
  const job = findJob(state, jobId);
  if (job.launch === null) {
    const why = "is a session, whose futures have its values; expected a launched job";
    throw new CapstanError("INVALID_ARGUMENT", `jobId: ${job.id} ${why}`);
  }
  const { rows } = job.launch;
  const { start, size } = pageOf(request);
  const results: ResultView[] = [];
  let bytes = 0;
  let index = start;
  for (; index < Math.min(rows.length, start + size) && bytes < resultsPageBytesMax; index++) {
    const view = resultView(state, rows[index], index);
    bytes += view.value?.length ?? 0;
    results.push(view);
  }
  const nextPageToken = index < rows.length ? String(index) : "";
  const submittedAt = formatTime(job.submittedAt);
  return { jobId: job.id, submittedAt, replicas: rows.length, results, nextPageToken };
}

function resultView(state: ControllerState, task: number, index: number): ResultView {
  const code = state.tasks.state[task];
  const result = state.shared.results.byTask.get(task);
  const hasSucceeded = code === taskStateCode.SUCCEEDED;
  const bytes = hasSucceeded ? (result?.bytes ?? null) : null;
  return {
    index,
    state: taskStates[code],
    sizeBytes: hasSucceeded ? (result?.sizeBytes ?? 0) : 0,
    value: bytes === null ? null : encodeBase64(bytes),
    missing: whyMissing(state, task, result),
  };
}

function whyMissing(
  state: ControllerState,
  task: number,
  result: JobResult | undefined,
): ResultView["missing"] {
  if (!returnsValues(state, task)) return "COMMAND";
  if (state.tasks.state[task] !== taskStateCode.SUCCEEDED) return "NOT_SUCCEEDED";
  if (result === undefined) return "LEFT";
  return result.bytes === null ? "TOO_LARGE" : "";
}
