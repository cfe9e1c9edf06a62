/**
 * One run of a study: submits what has no value yet, a bounded number at a time, records what
 * becomes of it, and aggregates each set that is complete.
 *
 * Waits for nothing but its tasks. Everything that must outlive this process is in the record.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { Future } from "../future.ts";
import type { Session } from "../session.ts";
import { TaskError } from "../task-error.ts";
import { type AggregationHost, aggregateSet, QuorumMissed } from "./aggregation.ts";
import { Gate } from "./gate.ts";
import {
  failureCharactersMax,
  foldReplicates,
  lostTriesMax,
  openAggregationsMax,
  openArgumentBytesMax,
  openValueBytesMax,
} from "./limits.ts";
import type { Model } from "./model.ts";
import { SetProgress } from "./set-progress.ts";
import type { StudyPlan, Target } from "./study-options.ts";
import type { RecordedFailure, RecordedSet, StudyRecord } from "./study-record.ts";
import type { StudyProgress } from "./study-results.ts";

/** What a run is made of. */
export interface RunParts {
  readonly session: Session;
  readonly plan: StudyPlan;
  readonly record: StudyRecord;
  readonly model: Model;
  readonly series: number;
  /** What the aggregates of each target are recorded under, in the order of the targets. */
  readonly aggregateKeys: readonly string[];
  /** A set is over: it has a value or has failed. */
  readonly onSetEnded: (set: SetProgress) => void;
  /** The run cannot go on. */
  readonly onStopped: (error: unknown) => void;
}

/** First pause after a refusal that may not last. */
const backOffMs = 500;

export class StudyRun {
  readonly #parts: RunParts;
  readonly #host: AggregationHost;
  readonly #stop = new AbortController();
  readonly sets: SetProgress[] = [];
  /** The first set that may have replicates to submit. */
  #head = 0;
  /** Sets with replicates to submit once more. */
  readonly #again = new Set<SetProgress>();
  readonly #tries = new Map<string, number>();
  readonly #open = new Set<Future<unknown>>();
  #window: number;
  #openBytes = 0;
  /** Sets that were begun and are not over, though all of their replicates are settled. */
  #aggregating = 0;
  #isBackingOff = false;
  /** Why the cluster takes no more, until it does. */
  #refusal = "";
  readonly #counts = { setsSucceeded: 0, setsPartial: 0, setsFailed: 0 };
  readonly #replicates = { succeeded: 0, failed: 0, reused: 0 };
  readonly #aggregations = { succeeded: 0, failed: 0 };

  constructor(parts: RunParts) {
    const { session, plan, record } = parts;
    this.#parts = parts;
    this.#window = plan.openReplicates;
    this.#host = {
      ...{ session, record, options: plan.aggregateOptions },
      ...{ replicates: plan.replicates, quorum: plan.quorum },
      values: new Gate(openAggregationsMax, openValueBytesMax),
    };
  }

  get progress(): StudyProgress {
    const { plan } = this.#parts;
    const sets = this.sets.length;
    return {
      ...{ sets, ...this.#counts },
      replicates: sets * plan.replicates,
      replicatesSucceeded: this.#replicates.succeeded,
      replicatesFailed: this.#replicates.failed,
      replicatesReused: this.#replicates.reused,
      replicatesOpen: this.#open.size,
      aggregations: sets * plan.targets.length,
      aggregationsSucceeded: this.#aggregations.succeeded,
      aggregationsFailed: this.#aggregations.failed,
      refusal: this.#refusal,
    };
  }

  /** Takes a set on. It is begun when there is room. */
  add(recorded: RecordedSet): SetProgress {
    const { record, series, plan } = this.#parts;
    const { seed: studySeed, replicates } = plan;
    const context = { record, series, studySeed, replicates };
    const set = new SetProgress(context, recorded, this.sets.length);
    this.sets.push(set);
    this.#replicates.succeeded += set.reused;
    this.#replicates.reused += set.reused;
    return set;
  }

  /** Submits as much as there is room for. */
  pump(): void {
    if (this.#isStopped || this.#isBackingOff || this.#open.size > this.#window * 0.75) return;
    for (const set of this.#again) {
      this.#submit(set);
      if (this.#isFull) return;
      this.#again.delete(set);
    }
    while (this.#head < this.sets.length && !this.#isFull) {
      if (this.#aggregating >= openAggregationsMax) return;
      const set = this.sets[this.#head];
      if (set.state === "WAITING") this.#begin(set);
      if (!this.#submit(set)) this.#head++;
    }
  }

  /** Submits nothing more, and cancels the replicates that are open. */
  stop(why: string): void {
    if (this.#isStopped) return;
    this.#stop.abort();
    if (this.#parts.session.table.closedWith !== null) return;
    for (const future of this.#open) future.cancel(why);
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  get #isFull(): boolean {
    return (
      this.#isStopped || this.#open.size >= this.#window || this.#openBytes >= openArgumentBytesMax
    );
  }

  #begin(set: SetProgress): void {
    set.state = "RUNNING";
    if (set.isSettled) this.#aggregating++;
    void this.#finish(set).catch((error: unknown) => this.#fail(error));
  }

  /** Submits replicates of a set while there is room. False when it has no more. */
  #submit(set: SetProgress): boolean {
    while (!this.#isFull) {
      const bytes = set.argumentBytes;
      const byBytes = Math.ceil((openArgumentBytesMax - this.#openBytes) / bytes);
      const replicates = set.take(
        Math.min(Math.ceil(this.#window - this.#open.size), byBytes, submitMax),
      );
      if (replicates.length === 0) return false;
      this.#submitAll(set, replicates);
    }
    return true;
  }

  #submitAll(set: SetProgress, replicates: readonly number[]): void {
    const { parameters } = set.recorded;
    const calls = replicates.map((replicate) => {
      return { parameters, seed: set.seedOf(replicate), replicate };
    });
    let futures: readonly Future<unknown>[];
    try {
      futures = this.#parts.model.submit(calls);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#openBytes += futures.length * set.argumentBytes;
    for (const [i, future] of futures.entries()) {
      this.#open.add(future);
      void this.#follow(set, replicates[i], future).catch((error: unknown) => this.#fail(error));
    }
  }

  /** One replicate, from its submit to its record. */
  async #follow(set: SetProgress, replicate: number, future: Future<unknown>): Promise<void> {
    let outcome: { readonly value: unknown } | { readonly error: unknown };
    try {
      outcome = { value: await future.result() };
    } catch (error) {
      outcome = { error };
    }
    future.release();
    this.#open.delete(future);
    this.#openBytes -= set.argumentBytes;
    if (this.#isStopped) return;
    if ("value" in outcome) this.#recordValue(set, replicate, future.id, outcome.value);
    else this.#onError(set, replicate, future.id, outcome.error);
    if (set.isSettled) this.#aggregating++;
    this.pump();
  }

  #recordValue(set: SetProgress, replicate: number, taskId: string, value: unknown): void {
    try {
      set.addValue(replicate, value);
      this.#replicates.succeeded++;
      this.#refusal = "";
      // Halved by a refusal, one more for each that is full again: it stays near what is allowed.
      this.#window = Math.min(this.#parts.plan.openReplicates, this.#window + 1 / this.#window);
    } catch (error) {
      if (!(error instanceof CapstanError) || error.code === "DISK_FAILED") throw error;
      this.#recordFailure(set, replicate, failureOf(error, taskId));
    }
  }

  #recordFailure(set: SetProgress, replicate: number, failure: RecordedFailure): void {
    set.addFailure(replicate, failure);
    this.#replicates.failed++;
  }

  #onError(set: SetProgress, replicate: number, taskId: string, error: unknown): void {
    if (error instanceof TaskError) {
      this.#recordFailure(set, replicate, failureOf(error, taskId));
      return;
    }
    if (!isPassing(error)) throw error;
    if (!isRefusal(error) && this.#isTriedOut(`${set.index} ${replicate}`)) {
      this.#recordFailure(set, replicate, failureOf(error, taskId));
      return;
    }
    set.giveBack(replicate);
    this.#again.add(set);
    this.#backOff(error);
  }

  /** Whether it is submitted for the last time; every call counts. */
  #isTriedOut(what: string): boolean {
    const tries = (this.#tries.get(what) ?? 0) + 1;
    this.#tries.set(what, tries);
    return tries > lostTriesMax;
  }

  /** Too much for the cluster or the user's quota: fewer at a time, after a while. */
  #backOff(error: CapstanError): void {
    if (this.#isBackingOff) return; // All replicates of a message are refused together.
    this.#isBackingOff = true;
    if (isRefusal(error)) {
      this.#window = Math.max(1, Math.floor(this.#window / 2));
      this.#refusal = error.message;
    }
    const goOn = (): void => {
      this.#isBackingOff = false;
      this.pump();
    };
    this.#parts.session.clock.pause(backOffMs, this.#stop.signal).then(goOn, () => undefined);
  }

  /** A set, from its first replicate to its aggregates. */
  async #finish(set: SetProgress): Promise<void> {
    const { plan, aggregateKeys, onSetEnded } = this.#parts;
    const ends = await Promise.all(
      plan.targets.map((target, i) => this.#aggregate(set, target, aggregateKeys[i])),
    );
    if (this.#isStopped) return;
    this.#aggregating--;
    const failed = ends.find((end) => "error" in end);
    if (failed !== undefined && "error" in failed) {
      set.error = failed.error;
      set.state = "FAILED";
      this.#counts.setsFailed++;
    } else {
      set.value = valueOfSet(plan, ends);
      set.state = set.failed > 0 ? "PARTIAL" : "SUCCEEDED";
      this.#counts[set.failed > 0 ? "setsPartial" : "setsSucceeded"]++;
    }
    onSetEnded(set);
    this.pump();
  }

  async #aggregate(set: SetProgress, { name, task }: Target, key: string): Promise<AggregateEnd> {
    const { record } = this.#parts;
    const { number } = set.recorded;
    try {
      const known = await this.#recordedAggregate(set, key);
      const value = known ?? { value: await this.#compute(set, task), count: set.succeeded };
      if (this.#isStopped) return { error: "stopped" };
      if (known === undefined) record.addAggregate(number, key, value);
      this.#aggregations.succeeded++;
      return { name, value: value.value };
    } catch (error) {
      if (!(error instanceof TaskError) && !(error instanceof QuorumMissed)) throw error;
      this.#aggregations.failed++;
      const failure = failureOf(error, error instanceof TaskError ? error.task : "");
      record.addAggregateFailure(number, key, failure);
      const where = error instanceof TaskError && this.#parts.plan.targets.length > 1 ? name : "";
      return { error: where === "" ? error.message : `${where}: ${error.message}` };
    }
  }

  /** The aggregate of an earlier run, if that saw as many values as there are now. */
  async #recordedAggregate(
    set: SetProgress,
    key: string,
  ): Promise<{ readonly value: unknown; readonly count: number } | undefined> {
    const known = this.#parts.record.aggregateOf(set.recorded.number, key);
    if (known === undefined || set.isSettled)
      return known?.count === set.succeeded ? known : undefined;
    const parts = Math.ceil(this.#parts.plan.replicates / foldReplicates);
    for (let part = 0; part < parts; part++) await set.partSettled(part);
    return known.count === set.succeeded ? known : undefined;
  }

  async #compute(set: SetProgress, task: Target["task"]): Promise<unknown> {
    for (;;) {
      try {
        const value = await aggregateSet(this.#host, task, set);
        return value;
      } catch (error) {
        const isOver = (passing: CapstanError) =>
          !isRefusal(passing) && this.#isTriedOut(`${set.index} aggregate`);
        if (!isPassing(error) || isOver(error)) throw error;
        if (isRefusal(error)) this.#refusal = error.message;
        await this.#parts.session.clock.pause(backOffMs, this.#stop.signal);
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.stop("the study cannot go on");
    this.#parts.onStopped(error);
  }
}

/** Replicates in one message. */
const submitMax = 4_096;

type AggregateEnd = { readonly name: string; readonly value: unknown } | { readonly error: string };

function valueOfSet({ isSingle }: StudyPlan, ends: readonly AggregateEnd[]): unknown {
  const values = ends.flatMap((end) => ("name" in end ? [[end.name, end.value] as const] : []));
  return isSingle ? values[0]?.[1] : Object.fromEntries(values);
}

/** What another try may cure: the cluster is another one, or has no room. */
function isPassing(error: unknown): error is CapstanError {
  if (!(error instanceof CapstanError) || error instanceof TaskError) return false;
  return ["NOT_FOUND", "OVERLOADED", "QUOTA_EXCEEDED", "UNREACHABLE"].includes(error.code);
}

/** The cluster has no room, or the user no quota: for how long is not ours to say. */
function isRefusal(error: CapstanError): boolean {
  return error.code === "OVERLOADED" || error.code === "QUOTA_EXCEEDED";
}

function failureOf(error: Error, taskId: string): RecordedFailure {
  const isTask = error instanceof TaskError;
  return {
    code: error instanceof CapstanError ? error.code : error.name,
    message: error.message.slice(0, failureCharactersMax),
    taskId,
    worker: isTask ? error.worker : "",
    attempts: isTask ? error.attempts : 0,
    stderrTail: isTask ? error.stderrTail.slice(-failureCharactersMax) : "",
  };
}
