/**
 * The handle of one launched job. The job itself lives on the controller: it goes on when its
 * handle or its client is gone, and any client can have a handle of it.
 *
 * @module
 */

import { CapstanError, type ErrorCode } from "../model/errors.ts";
import type { JobState } from "../model/states.ts";
import type { Explanation } from "./future.ts";
import { callPatiently, type JobHost, PollDelays, runWithin, unanswered } from "./job-calls.ts";
import { readJobLogs } from "./job-logs.ts";
import { readJobResults } from "./job-results.ts";
import type {
  JobLogLine,
  JobLogOptions,
  JobStatus,
  JobTask,
  JobWaitOptions,
  JobWarning,
} from "./job-types.ts";
import { jobCallPatienceMs, jobTasksPageSize } from "./limits.ts";
import { TaskError } from "./task-error.ts";
import { checkWaitLimits, type WaitLimits } from "./waiting.ts";

export class Job<R = unknown> {
  /** The whole name, `/ada/train`. */
  readonly id: string;
  /** What there was to know when it was launched. */
  readonly warnings: readonly JobWarning[];
  readonly #host: JobHost;
  #state: JobState | null;

  /** Made by `launchJob` and `job`. */
  constructor(
    host: JobHost,
    id: string,
    known: { readonly state: JobState | null; readonly warnings: readonly JobWarning[] },
  ) {
    this.#host = host;
    this.id = id;
    this.#state = known.state;
    this.warnings = known.warnings;
  }

  /** As last heard, by `wait` or `status`; null if nobody has asked yet. */
  get state(): JobState | null {
    return this.#state;
  }

  /**
   * How the job is now. A controller that is away is asked again, for ten minutes by default.
   * Rejects with NOT_FOUND, UNREACHABLE or the signal's reason.
   */
  status(limits: WaitLimits = {}): Promise<JobStatus> {
    return this.#within(limits, "GetJobStatus", (signal) => this.#ask(signal));
  }

  /**
   * Waits until the job has ended, also while the controller is away for as long as it takes.
   * Resolves to how it ended; with `throwOnFailure` it rejects unless that is SUCCEEDED, with a
   * `TaskError` that says why. Rejects with TIMED_OUT or the signal's reason, and the job goes on;
   * with NOT_FOUND if it was forgotten.
   */
  async wait(options: JobWaitOptions = {}): Promise<JobStatus> {
    checkWaitLimits(options, ["throwOnFailure"]);
    const { signal, timeoutMs, throwOnFailure = false } = options;
    const onTimeout = (): CapstanError =>
      new CapstanError(
        "TIMED_OUT",
        `Waited ${timeoutMs} ms for the job ${this.id} (${this.#state ?? "unknown"}); it goes on.`,
      );
    const { clock } = this.#host;
    const limits = { clock, signal, timeoutMs, onTimeout };
    const status = await runWithin(limits, (ended) => this.#untilEnded(ended));
    if (throwOnFailure && status.state !== "SUCCEEDED") throw jobError(status);
    return status;
  }

  /** All tasks of the job, in the order of their index. Errors as `status`. */
  tasks(limits: WaitLimits = {}): Promise<JobTask[]> {
    return this.#within(limits, "ListTasks", (signal) => this.#allTasks(signal));
  }

  /**
   * Waits until the job has succeeded; resolves to what each of its tasks has returned, by index,
   * which in a gang is its rank: what the functions returned in the round that succeeded. Also for
   * a job that another program launched.
   *
   *     const job = await client.launchJob({ name: "train", task: train, replicas: 4 });
   *     const [{ loss }] = await job.results();
   *
   * The controller keeps up to 64 KiB of each, with the job; what is larger a task publishes:
   * `getContext().client.publish(name, client.scatter(value))`.
   *
   * Rejects as `wait({ throwOnFailure: true })`; with INVALID_ARGUMENT for a job of commands, and
   * with VALUE_LOST naming the task for what was too large, or is not kept any more.
   */
  async results(options: WaitLimits = {}): Promise<R[]> {
    const { submittedAt } = await this.wait({ ...options, throwOnFailure: true });
    const { signal } = options;
    const limits = signal === undefined ? {} : { signal };
    return this.#within(limits, "GetJobResults", async (ended) => {
      const parts = await readJobResults(this.#host, { jobId: this.id, submittedAt }, ended);
      return parts as R[];
    });
  }

  /**
   * What its tasks wrote. Without `follow` up to now, with it until the job has ended:
   *
   *     for await (const { index, text } of job.logs({ follow: true })) console.log(index, text);
   *
   * What is missing, because a log was full or its worker is gone, is told as a warning of the
   * client. Rejects with INVALID_ARGUMENT, NOT_FOUND or the signal's reason.
   */
  logs(options: JobLogOptions = {}): AsyncGenerator<JobLogLine, void, undefined> {
    return readJobLogs(this.#host, this.id, options);
  }

  /**
   * Ends the job and its children, with their grace. Resolves when the controller has decided it;
   * `wait` tells when they have stopped. One that has ended stays as it is. Errors as `status`.
   */
  async cancel(reason = "cancelled by its client"): Promise<void> {
    const request = { jobId: this.id, reason };
    await this.#within({}, "TerminateJob", (signal) =>
      callPatiently(this.#host, "TerminateJob", request, signal),
    );
  }

  /** Why it is not running, and what would start it. Errors as `status`. */
  explain(limits: WaitLimits = {}): Promise<Explanation> {
    return this.#within(limits, "Explain", (signal) =>
      callPatiently<Explanation>(this.#host, "Explain", { id: this.id }, signal),
    );
  }

  async #within<T>(
    limits: WaitLimits,
    method: string,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    checkWaitLimits(limits);
    const { signal, timeoutMs = jobCallPatienceMs } = limits;
    const { clock } = this.#host;
    return runWithin({ clock, signal, timeoutMs, onTimeout: unanswered(method) }, run);
  }

  async #ask(signal: AbortSignal): Promise<JobStatus> {
    const request = { jobId: this.id };
    const { job } = await callPatiently<{ readonly job: JobStatus }>(
      this.#host,
      "GetJobStatus",
      request,
      signal,
    );
    this.#state = job.state;
    return job;
  }

  async #untilEnded(signal: AbortSignal): Promise<JobStatus> {
    for (const delays = new PollDelays(this.#host.clock); ; ) {
      const status = await this.#ask(signal);
      if (hasEnded(status.state)) return status;
      await delays.pause(signal);
    }
  }

  async #allTasks(signal: AbortSignal): Promise<JobTask[]> {
    const tasks: JobTask[] = [];
    for (let pageToken = ""; ; ) {
      const request = { jobId: this.id, pageSize: jobTasksPageSize, pageToken };
      const page = await callPatiently<{
        readonly tasks: readonly JobTask[];
        readonly nextPageToken: string;
      }>(this.#host, "ListTasks", request, signal);
      tasks.push(...page.tasks);
      pageToken = page.nextPageToken;
      if (pageToken === "") return tasks.sort((a, b) => a.index - b.index);
    }
  }
}

function hasEnded(state: JobState): boolean {
  return state !== "PENDING" && state !== "RUNNING";
}

const codeOfState: { readonly [state in JobState]?: ErrorCode } = {
  KILLED: "TASK_CANCELLED",
  WORKER_FAILED: "WORKER_DIED",
  UNSCHEDULABLE: "TASK_UNSCHEDULABLE",
};

/** What `wait({ throwOnFailure: true })` rejects with. */
function jobError(status: JobStatus): CapstanError {
  const { jobId, state, error, failedTaskCount, replicas } = status;
  const ended = `The job ${jobId} ended ${state}`;
  if (error !== null) {
    return new TaskError(jobId, { ...error, message: `${ended}: ${error.message}` });
  }
  const message = `${ended}; ${failedTaskCount} of ${replicas} tasks failed`;
  return new CapstanError(codeOfState[state] ?? "TASK_FAILED", message, {
    details: { jobId, state, failedTaskCount },
  });
}
