/**
 * A worker as a plan needs one: it begins what it is ordered at once, and everything ends when its
 * time is over. It has no faults, and messages take no time.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { blobsOf } from "../base/blobs.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import {
  type HotMessageOf,
  handBackReason,
  reportKind,
  type ToWorkerMessage,
  type WorkerMessage,
} from "../protocol/messages.ts";

/** An attempt on the worker. */
export interface Running {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  /** Its shape in the controller: a grant passes only to one of the same. */
  readonly shape: number;
}

type Compute = HotMessageOf<"compute">;

interface Report {
  readonly kind: number;
  readonly of: Running;
  readonly successor?: AttemptId;
  readonly durationUs?: number;
}

export class ModelWorker {
  readonly #running = new Map<AttemptId, Running>();
  /** Sent ahead of need, by shape, oldest first. */
  readonly #waiting = new Map<number, Running[]>();
  readonly #onStart: (started: Running) => void;

  constructor(onStart: (started: Running) => void) {
    this.#onStart = onStart;
  }

  /** What it answers to an order, at once. */
  take(message: ToWorkerMessage): WorkerMessage | null {
    switch (message.type) {
      case "compute":
        return this.#compute(message);
      case "grant":
        return reportsOf(this.#grant(message.attempts));
      case "retract":
        return reportsOf(this.#retract(message.attempts));
      case "stop":
        return reportsOf(this.#stop(message.attempts));
      default:
        return null; // What it would remember for later is of no matter here.
    }
  }

  has(attempt: AttemptId): boolean {
    return this.#running.has(attempt);
  }

  /** An attempt is over: the answer, and after it what begins in its place. */
  finish(attempt: AttemptId, durationUs: number): WorkerMessage[] {
    const running = this.#take(attempt);
    const next = this.#next(running.shape);
    const of = { kind: reportKind.finished, of: running, durationUs };
    const answer = reportsOf([{ ...of, successor: next?.attempt ?? 0 }]);
    return [answer, next === null ? null : this.#begin([next])].filter((one) => one !== null);
  }

  /** An attempt has reached its time limit. */
  timeOut(attempt: AttemptId, limitUs: number): WorkerMessage[] {
    const { task, shape } = this.#take(attempt);
    const next = this.#next(shape);
    const message = `stopped at its time limit of ${limitUs / 1e6} s`;
    const failed: WorkerMessage = {
      ...{ type: "attempt-failed", attempt, task, successor: next?.attempt ?? 0 },
      cause: "timeout",
      failure: {
        ...{ error: { name: "TimeoutError", message, stack: "", causes: [] } },
        ...noExit,
      },
    };
    return [failed, next === null ? null : this.#begin([next])].filter((one) => one !== null);
  }

  #take(attempt: AttemptId): Running {
    const running = this.#running.get(attempt);
    assert(running !== undefined, "only what runs can end");
    this.#running.delete(attempt);
    return running;
  }

  #compute(message: Compute): WorkerMessage | null {
    const granted: Running[] = [];
    for (const [i, attempt] of message.attempts.entries()) {
      const one = { attempt, task: message.tasks[i], shape: message.shapes[i] };
      if (message.prefetched[i] === 0) granted.push(one);
      else this.#line(one.shape).push(one);
    }
    return this.#begin(granted);
  }

  #begin(started: readonly Running[]): WorkerMessage | null {
    for (const one of started) {
      this.#running.set(one.attempt, one);
      this.#onStart(one);
    }
    return reportsOf(started.map((of) => ({ kind: reportKind.started, of })));
  }

  #grant(attempts: Iterable<AttemptId>): Report[] {
    const granted = this.#leave(new Set(attempts));
    for (const one of granted) {
      this.#running.set(one.attempt, one);
      this.#onStart(one);
    }
    return granted.map((of) => ({ kind: reportKind.started, of }));
  }

  #retract(attempts: Iterable<AttemptId>): Report[] {
    return this.#leave(new Set(attempts)).map((of) => ({ kind: reportKind.handedBack, of }));
  }

  #stop(attempts: Iterable<AttemptId>): Report[] {
    const reports: Report[] = [];
    for (const attempt of attempts) {
      const running = this.#running.get(attempt);
      if (running === undefined) {
        const [of] = this.#leave(new Set([attempt]));
        if (of !== undefined) reports.push({ kind: reportKind.abandoned, of });
        continue;
      }
      this.#running.delete(attempt);
      const next = this.#next(running.shape);
      reports.push({ kind: reportKind.abandoned, of: running, successor: next?.attempt ?? 0 });
      if (next === null) continue;
      this.#running.set(next.attempt, next);
      this.#onStart(next);
      reports.push({ kind: reportKind.started, of: next });
    }
    return reports;
  }

  #line(shape: number): Running[] {
    const line = this.#waiting.get(shape) ?? [];
    this.#waiting.set(shape, line);
    return line;
  }

  #next(shape: number): Running | null {
    return this.#waiting.get(shape)?.shift() ?? null;
  }

  /** Takes these out of the lines in which they wait. */
  #leave(attempts: ReadonlySet<AttemptId>): Running[] {
    const left: Running[] = [];
    for (const [shape, line] of this.#waiting) {
      left.push(...line.filter(({ attempt }) => attempts.has(attempt)));
      this.#waiting.set(
        shape,
        line.filter(({ attempt }) => !attempts.has(attempt)),
      );
    }
    return left;
  }
}

const noExit = { exitCode: null, signal: null, oom: false, stderrTail: "" } as const;

function reportsOf(reports: readonly Report[]): WorkerMessage | null {
  if (reports.length === 0) return null;
  const finished = (one: Report) => one.kind === reportKind.finished;
  return {
    type: "reports",
    kinds: Uint8Array.from(reports, ({ kind }) => kind),
    attempts: Float64Array.from(reports, ({ of }) => of.attempt),
    tasks: Float64Array.from(reports, ({ of }) => of.task),
    reasons: Uint8Array.from(reports, ({ kind }) =>
      kind === reportKind.handedBack ? handBackReason.retracted : 0,
    ),
    successors: Float64Array.from(reports, ({ successor = 0 }) => successor),
    others: new Float64Array(reports.length),
    sizes: Float64Array.from(reports, (one) => (finished(one) ? value.length : 0)),
    durations: Uint32Array.from(reports, ({ durationUs = 0 }) => Math.min(durationUs, 0xffffffff)),
    values: blobsOf(reports.map((one) => (finished(one) ? value : nothing))),
  };
}

const value = Uint8Array.of(0);
const nothing = new Uint8Array(0);
