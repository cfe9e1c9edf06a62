/**
 * Follows one job to its end: its lines, its state, why it does not run; and cancels it when asked.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { CapstanError } from "../model/errors.ts";
import { followUntilEnded } from "./follow.ts";
import { isTerminalJob } from "./job-end.ts";
import type { JobScreen } from "./job-screen.ts";
import { LogFollower } from "./log-follower.ts";
import { isOutage, type PatientCalls } from "./patient-calls.ts";
import { QuietExplainer } from "./quiet-explainer.ts";
import type { JobView } from "./responses.ts";

/** Whether somebody pressed Ctrl-C; `wake` ends pauses when that happens. */
export interface Interrupt {
  readonly wake: AbortSignal;
}

export interface JobWatch {
  readonly calls: PatientCalls;
  readonly screen: JobScreen;
  readonly jobId: string;
  readonly interrupt: Interrupt;
  /** How long the last lines may take to come, milliseconds. */
  readonly lastLinesMs: number;
}

/** Resolves with the job as it ended, after its last lines. Throws what the API answers. */
export async function watchJob(watch: JobWatch): Promise<JobView> {
  const { screen, interrupt } = watch;
  const stopAnnouncing = announceInterrupt(watch);
  const logs = new OptionalLines(watch);
  const seen: { job: JobView | null } = { job: null };
  const look = lookAt(watch, seen);
  await followUntilEnded({ look, pull: () => logs.pull(), wake: interrupt.wake });
  await logs.drain();
  stopAnnouncing();
  screen.close();
  assert(seen.job !== null, "a job ends only by a look at it");
  return seen.job;
}

/** One look: cancels first if that was asked for, then shows the state and why nothing runs. */
function lookAt({ calls, screen, jobId, interrupt }: JobWatch, seen: { job: JobView | null }) {
  const explainer = new QuietExplainer(calls, (message) => screen.notice(message));
  let cancelled = false;
  return async (): Promise<boolean> => {
    if (interrupt.wake.aborted && !cancelled) {
      cancelled = true;
      await cancelJob(calls, jobId);
    }
    const { job } = await calls.call("GetJobStatus", { jobId });
    seen.job = job;
    if (isTerminalJob(job)) return true;
    screen.showState(job);
    if (!cancelled) await explainer.update(job);
    return false;
  };
}

/** Answers Ctrl-C at once, also while nobody else does. Returns what ends that. */
function announceInterrupt({ screen, jobId, interrupt: { wake } }: JobWatch): () => void {
  const announce = () =>
    screen.notice(`cancelling ${jobId}; Ctrl-C again leaves it to end by itself`);
  if (wake.aborted) announce();
  wake.addEventListener("abort", announce, { once: true });
  return () => wake.removeEventListener("abort", announce);
}

async function cancelJob(calls: PatientCalls, jobId: string): Promise<void> {
  await calls.call("TerminateJob", { jobId, reason: "interrupted at the command line" });
}

/** The lines of a job. That they cannot be had is worth telling, and no reason to leave the job. */
class OptionalLines {
  readonly #watch: JobWatch;
  readonly #logs: LogFollower;
  #refused = false;

  constructor(watch: JobWatch) {
    this.#watch = watch;
    this.#logs = new LogFollower(watch.calls, { jobId: watch.jobId }, watch.screen);
  }

  async pull(): Promise<number> {
    if (this.#refused) return 0;
    try {
      return await this.#logs.pull();
    } catch (error) {
      this.#refuse(error);
      return 0;
    }
  }

  /** Children that are still open would be waited for without an end: they are followed no more. */
  async drain(): Promise<void> {
    if (this.#refused) return;
    const { screen, jobId, lastLinesMs } = this.#watch;
    const openCount = await this.#countOpenChildren();
    if (openCount > 0) {
      const how = `capstan job list --prefix ${jobId}/ shows them`;
      screen.notice(`${openCount} child jobs of ${jobId} go on; ${how}`);
      return;
    }
    await this.#logs.drain(lastLinesMs).catch((error: unknown) => this.#refuse(error));
  }

  async #countOpenChildren(): Promise<number> {
    const { totalCount } = await this.#watch.calls.call("ListJobs", {
      filter: { namePrefix: `${this.#watch.jobId}/`, states: ["PENDING", "RUNNING"] },
      pageSize: 1,
    });
    return totalCount;
  }

  #refuse(error: unknown): void {
    if (!(error instanceof CapstanError) || isOutage(error)) throw error;
    this.#refused = true;
    this.#watch.screen.notice(`its lines cannot be shown: ${error.message}`);
  }
}
