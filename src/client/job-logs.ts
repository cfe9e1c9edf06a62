/**
 * What the tasks of a job wrote, line by line, from wherever they ran.
 *
 * Reading goes page by page with a cursor, so that a controller that is away costs no line and
 * repeats none. Lines that were not kept and workers that cannot be asked are told as warnings.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { parseFields } from "../model/parse-fields.ts";
import { callPatiently, type JobHost, PollDelays } from "./job-calls.ts";
import type { JobLogLine, JobLogOptions } from "./job-types.ts";
import { logPageLines, logTailLinesMax } from "./limits.ts";

/** The answer of `FetchLogs`. */
interface LogPage {
  readonly lines: readonly Omit<JobLogLine, "index">[];
  readonly cursor: string;
  readonly droppedBytes: number;
  readonly complete: boolean;
  readonly unavailable: readonly {
    readonly attemptId: string;
    readonly workerId: string;
    readonly reason: string;
    /** It will never be there. */
    readonly final: boolean;
  }[];
}

/**
 * The lines of a job. Without `follow` it ends when it has caught up, with it when the job has
 * ended and all is read. Rejects with the signal's reason, INVALID_ARGUMENT or NOT_FOUND.
 */
export async function* readJobLogs(
  host: JobHost,
  jobId: string,
  options: JobLogOptions,
): AsyncGenerator<JobLogLine, void, undefined> {
  const reader = new LogReader(host, logRequest(jobId, options), options);
  for (const delays = new PollDelays(host.clock); ; ) {
    const { lines, isLast } = await reader.next();
    for (const line of lines) yield { ...line, index: indexOf(line.taskId) };
    if (isLast) return;
    if (lines.length > 0) delays.reset();
    else await delays.pause(reader.signal);
  }
}

class LogReader {
  readonly signal: AbortSignal;
  readonly #host: JobHost;
  readonly #follows: boolean;
  readonly #startedAtMs: number;
  readonly #told = new Set<string>();
  #request: { readonly cursor: string; readonly maxLines: number };
  #droppedBytes = 0;

  constructor(host: JobHost, request: LogRequest, { follow = false, signal }: JobLogOptions) {
    this.#host = host;
    this.#startedAtMs = host.clock.unixMs();
    this.#request = request;
    this.#follows = follow;
    this.signal = signal ?? new AbortController().signal;
  }

  async next(): Promise<{ readonly lines: LogPage["lines"]; readonly isLast: boolean }> {
    const request = this.#request;
    const page = await callPatiently<LogPage>(this.#host, "FetchLogs", request, this.signal);
    this.#tellGaps(page);
    const isLast = page.complete || (!this.#follows && this.#hasCaughtUp(page, request.maxLines));
    const { maxLines: _, tail: __, ...rest } = request as LogRequest;
    this.#request = { ...rest, cursor: page.cursor, maxLines: logPageLines };
    return { lines: page.lines, isLast };
  }

  /** A job that writes all the time has no last page: what is new since the start can wait. */
  #hasCaughtUp({ lines }: LogPage, maxLines: number): boolean {
    const last = lines.at(-1);
    if (last === undefined) return true;
    return lines.length < maxLines && Date.parse(last.at) >= this.#startedAtMs;
  }

  #tellGaps({ droppedBytes, unavailable }: LogPage): void {
    if (droppedBytes > this.#droppedBytes) {
      this.#droppedBytes = droppedBytes;
      this.#host.warn("LOGS_DROPPED", `${droppedBytes} bytes of these logs were not kept.`);
    }
    for (const { attemptId, workerId, reason, final } of unavailable) {
      if (this.#follows && !final) continue; // Its worker is away for a moment: asked again.
      const message = `The log of attempt ${attemptId} on ${workerId} is unavailable: ${reason}`;
      if (this.#told.has(message)) continue;
      this.#told.add(message);
      this.#host.warn("LOGS_UNAVAILABLE", message);
    }
  }
}

interface LogRequest {
  readonly jobId?: string;
  readonly taskId?: string;
  readonly attemptId?: string;
  readonly since?: string | number;
  readonly tail?: number;
  readonly cursor: string;
  readonly maxLines: number;
}

function logRequest(jobId: string, options: JobLogOptions): LogRequest {
  parseFields("", options, ["follow", "since", "tail", "taskIndex", "attempt", "signal"]);
  const { since, tail, taskIndex, attempt } = options;
  checkCount("tail", tail, logTailLinesMax);
  checkCount("taskIndex", taskIndex, Number.MAX_SAFE_INTEGER);
  return {
    ...(taskIndex === undefined ? { jobId } : { taskId: `${jobId}/${taskIndex}` }),
    ...(attempt === undefined ? {} : { attemptId: attempt }),
    ...(since === undefined ? {} : { since }),
    ...(tail === undefined ? {} : { tail }),
    cursor: "",
    maxLines: Math.max(logPageLines, tail ?? 0),
  };
}

function checkCount(field: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= most)) return;
  const message = `${field}: ${String(value)} is not a whole number from 0 to ${most}`;
  throw new CapstanError("INVALID_ARGUMENT", message);
}

/** `/ada/train/3` is task 3. */
function indexOf(taskId: string): number {
  return Number(taskId.slice(taskId.lastIndexOf("/") + 1));
}
