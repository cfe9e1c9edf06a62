/**
 * The latest executions that have ended: where, when, how. A bounded, volatile index over the
 * facts, as the story is: a replay rebuilds it as far back as the last snapshot.
 *
 * Each run has a lane of its worker, and no two of a lane overlap: of the lanes that were free when
 * it started, the one that was used last. What ran one after the other may be told in one message,
 * as if it had ended at once: where no lane was free it follows the run before it.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, WorkerIndex } from "../model/ids.ts";
import { taskStates } from "../model/states.ts";
import { runsMax } from "./limits.ts";

/** One execution that has ended. */
export interface EndedRun extends Run {
  /** How much its worker runs at once. */
  readonly slots: number;
}

interface Run {
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
export interface LanedRun extends Run {
  readonly lane: number;
}

/** The ring grows by doubling up to its bound, so a small cluster pays little. */
export class RunLog {
  #attempt = new Float64Array(0);
  #assignedAt = new Float64Array(0);
  #startedAt = new Float64Array(0);
  #endedAt = new Float64Array(0);
  /** When its end was heard: entries are in this order. */
  #heardAt = new Float64Array(0);
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
    this.#heardAt[row] = run.endedAt;
    this.#worker[row] = run.worker;
    this.#index[row] = run.index;
    this.#takeLane(run, row);
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
    return this.#count <= runsMax ? null : this.#heardAt[this.#rowOf(0)];
  }

  /** Those whose end was heard at `from` or later, in that order. */
  *since(from: Micros): Generator<LanedRun> {
    for (let place = this.#placeOf(from); place < this.length; place++) {
      yield this.#run(this.#rowOf(place));
    }
  }

  #takeLane({ worker, slots, startedAt, endedAt }: EndedRun, row: number): void {
    let lanes = this.#lanes.get(worker);
    if (lanes === undefined) {
      lanes = [];
      this.#lanes.set(worker, lanes);
    }
    const lane = freeLane(lanes, startedAt, slots);
    const freeAt = lanes[lane] ?? 0;
    const start = Math.max(startedAt, freeAt);
    // What ends much later than it was heard of did not: then nobody knows how long it ran.
    const isLate = start - startedAt > shiftMaxUs;
    const end = isLate ? start : start + endedAt - startedAt;
    lanes[lane] = end;
    this.#lane[row] = lane;
    this.#startedAt[row] = start;
    this.#endedAt[row] = end;
  }

  /** The first place whose end was heard at `from` or later. */
  #placeOf(from: Micros): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#heardAt[this.#rowOf(middle)] < from) low = middle + 1;
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
    this.#heardAt = grown(this.#heardAt, new Float64Array(capacity));
    this.#worker = grown(this.#worker, new Uint32Array(capacity));
    this.#index = grown(this.#index, new Uint32Array(capacity));
    this.#lane = grown(this.#lane, new Uint32Array(capacity));
    this.#cause = grown(this.#cause, new Uint8Array(capacity));
  }
}

/** How far a run may be moved so that it follows the one before it, microseconds. */
const shiftMaxUs = 1_000_000;

/**
 * Of the lanes that were free at `startedAt`, the one used last; else a new one if there may be
 * `slots`; else the one that is free first.
 */
export function freeLane(lanes: readonly number[], startedAt: Micros, slots: number): number {
  let best = -1;
  let first = 0;
  for (let lane = 0; lane < lanes.length; lane++) {
    const freeAt = lanes[lane];
    if (freeAt < lanes[first]) first = lane;
    if (freeAt <= startedAt && (best < 0 || freeAt > lanes[best])) best = lane;
  }
  if (best >= 0) return best;
  return lanes.length < slots ? lanes.length : first;
}
