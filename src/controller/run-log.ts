/**
 * The latest executions that have ended: where, when, how. A bounded, volatile index over the
 * facts, as the story is: a replay rebuilds it as far back as the last snapshot.
 *
 * Each run has a lane of its worker, so that no two of a lane overlap: of the lanes that were free
 * when it started, the one that was used last. There are never more than ran at once.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, WorkerIndex } from "../model/ids.ts";
import { taskStates } from "../model/states.ts";
import { runsMax } from "./limits.ts";

/** One execution that has ended. */
export interface EndedRun {
  readonly attempt: AttemptId;
  readonly worker: WorkerIndex;
  readonly jobId: string;
  /** The task's number in its job. */
  readonly index: number;
  /** Of the function or program. */
  readonly name: string;
  readonly assignedAt: Micros;
  readonly startedAt: Micros;
  readonly endedAt: Micros;
  /** Index into `attemptCauses`. */
  readonly cause: number;
}

/** The same with its lane. */
export interface LanedRun extends EndedRun {
  readonly lane: number;
}

/** The ring grows by doubling up to its bound, so a small cluster pays little. */
export class RunLog {
  #attempt = new Float64Array(0);
  #assignedAt = new Float64Array(0);
  #startedAt = new Float64Array(0);
  #endedAt = new Float64Array(0);
  #worker = new Uint32Array(0);
  #index = new Uint32Array(0);
  #lane = new Uint32Array(0);
  #cause = new Uint8Array(0);
  readonly #jobId: string[] = [];
  readonly #name: string[] = [];
  #count = 0;
  /** How often a task came to an end, by its state code, since this log was begun. */
  readonly endedCounts = new Float64Array(taskStates.length);
  /** Worker → when the last run of each lane ended. */
  readonly #lanes = new Map<WorkerIndex, number[]>();

  add(run: EndedRun): void {
    const capacity = this.#attempt.length;
    if (this.#count === capacity && capacity < runsMax) this.#grow(Math.max(1024, capacity * 2));
    // The capacity is a power of two.
    const row = this.#count & (this.#attempt.length - 1);
    this.#attempt[row] = run.attempt;
    this.#assignedAt[row] = run.assignedAt;
    this.#startedAt[row] = run.startedAt;
    this.#endedAt[row] = run.endedAt;
    this.#worker[row] = run.worker;
    this.#index[row] = run.index;
    this.#lane[row] = this.#takeLane(run);
    this.#cause[row] = run.cause;
    this.#jobId[row] = run.jobId;
    this.#name[row] = run.name;
    this.#count++;
  }

  /** When the last run of each lane of a worker ended; a copy. */
  lanesOf(worker: WorkerIndex): number[] {
    return [...(this.#lanes.get(worker) ?? [])];
  }

  /** How many are remembered. */
  get length(): number {
    return Math.min(this.#count, runsMax);
  }

  /** When the oldest that is remembered ended; null if none was forgotten. */
  get oldestAt(): Micros | null {
    return this.#count <= runsMax ? null : this.#endedAt[this.#rowOf(0)];
  }

  /** Those that ended at `from` or later, in the order of their ends. */
  *since(from: Micros): Generator<LanedRun> {
    for (let place = this.#placeOf(from); place < this.length; place++) {
      yield this.#run(this.#rowOf(place));
    }
  }

  #takeLane({ worker, startedAt, endedAt }: EndedRun): number {
    let lanes = this.#lanes.get(worker);
    if (lanes === undefined) {
      lanes = [];
      this.#lanes.set(worker, lanes);
    }
    const lane = freeLane(lanes, startedAt);
    lanes[lane] = endedAt;
    return lane;
  }

  /** The first place whose run ended at `from` or later: ends come in order. */
  #placeOf(from: Micros): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#endedAt[this.#rowOf(middle)] < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #rowOf(place: number): number {
    return (this.#count - this.length + place) & (this.#attempt.length - 1);
  }

  #run(row: number): LanedRun {
    return {
      attempt: this.#attempt[row],
      worker: this.#worker[row],
      lane: this.#lane[row],
      jobId: this.#jobId[row],
      index: this.#index[row],
      name: this.#name[row],
      assignedAt: this.#assignedAt[row],
      startedAt: this.#startedAt[row],
      endedAt: this.#endedAt[row],
      cause: this.#cause[row],
    };
  }

  #grow(capacity: number): void {
    const grown = <C extends Float64Array | Uint32Array | Uint8Array>(old: C, larger: C): C => {
      larger.set(old as never);
      return larger;
    };
    this.#attempt = grown(this.#attempt, new Float64Array(capacity));
    this.#assignedAt = grown(this.#assignedAt, new Float64Array(capacity));
    this.#startedAt = grown(this.#startedAt, new Float64Array(capacity));
    this.#endedAt = grown(this.#endedAt, new Float64Array(capacity));
    this.#worker = grown(this.#worker, new Uint32Array(capacity));
    this.#index = grown(this.#index, new Uint32Array(capacity));
    this.#lane = grown(this.#lane, new Uint32Array(capacity));
    this.#cause = grown(this.#cause, new Uint8Array(capacity));
  }
}

/** Of the lanes that were free at `startedAt`, the one used last; a new one if there is none. */
export function freeLane(lanes: readonly number[], startedAt: Micros): number {
  let best = -1;
  for (const [lane, endedAt] of lanes.entries()) {
    if (endedAt <= startedAt && (best < 0 || endedAt > lanes[best])) best = lane;
  }
  return best < 0 ? lanes.length : best;
}
