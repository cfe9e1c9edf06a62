/**
 * What happened, as far back as the bound reaches: a ring of compact entries about tasks, and a
 * ring of events about the cluster. Volatile, and rebuilt by a replay like any other index.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import { eventsMax, storyEntriesMax } from "./limits.ts";

/** What an entry says; the order is what the ring stores. */
export const storyKinds = [
  "submitted",
  "assigned",
  "prefetched",
  "granted",
  "started",
  "stop-ordered",
  "ended",
  "superseded",
  "succeeded",
  "failed",
  "requeued",
  "resumed",
  "retried",
  "recomputed",
  "value-gone",
  "value-moved",
  "forgotten",
  "yielded",
  "rejoined",
] as const;

export type StoryKind = (typeof storyKinds)[number];

/** The code of each kind: what the hot path passes. */
export const storyKind: { readonly [K in StoryKind]: number } = {
  submitted: 0,
  assigned: 1,
  prefetched: 2,
  granted: 3,
  started: 4,
  "stop-ordered": 5,
  ended: 6,
  superseded: 7,
  succeeded: 8,
  failed: 9,
  requeued: 10,
  resumed: 11,
  retried: 12,
  recomputed: 13,
  "value-gone": 14,
  "value-moved": 15,
  forgotten: 16,
  yielded: 17,
  rejoined: 18,
};

/** One entry, for readers. `detail` is a code whose meaning depends on the kind. */
export interface StoryEntry {
  readonly at: Micros;
  readonly kind: StoryKind;
  readonly task: TaskRef;
  readonly attempt: AttemptId;
  readonly worker: WorkerIndex;
  readonly detail: number;
}

/** Something that happened to the cluster, for `capstan events`. */
export interface ClusterEvent {
  readonly sequence: number;
  readonly at: Micros;
  /** How far the journal was then; NaN where that is not known. */
  readonly journaled: number;
  readonly type: string;
  readonly id: string;
  readonly message: string;
}

/** The ring grows by doubling up to its bound, so a small cluster pays little. */
export class StoryLog {
  #at = new Float64Array(1024);
  #task = new Float64Array(1024);
  #attempt = new Float64Array(1024);
  #worker = new Uint32Array(1024);
  #kind = new Uint8Array(1024);
  #detail = new Uint8Array(1024);
  #count = 0;
  /** The time of what is added, set by `apply`. */
  now: Micros = 0;
  readonly events: ClusterEvent[] = [];
  #eventCount = 0;

  /** Adds an entry at `now`; `noAttempt`, `noWorker` and 0 stand for none. */
  add(kind: number, task: TaskRef, attempt: AttemptId, worker: WorkerIndex, detail: number): void {
    const capacity = this.#at.length;
    if (this.#count === capacity && capacity < storyEntriesMax) this.#grow(capacity * 2);
    // The capacity is a power of two.
    const row = this.#count & (this.#at.length - 1);
    this.#at[row] = this.now;
    this.#task[row] = task;
    this.#attempt[row] = attempt;
    this.#worker[row] = worker;
    this.#kind[row] = kind;
    this.#detail[row] = detail;
    this.#count++;
  }

  addEvent(event: Omit<ClusterEvent, "sequence">): void {
    this.events.push({ ...event, sequence: ++this.#eventCount });
    if (this.events.length > eventsMax) this.events.splice(0, eventsMax / 4);
  }

  /** The entries about a task, oldest first. Linear in the ring. */
  ofTask(task: TaskRef): StoryEntry[] {
    return this.ofTasks(new Set([task])).get(task) ?? [];
  }

  /** The same for many tasks, in one pass. */
  ofTasks(wanted: ReadonlySet<TaskRef>): Map<TaskRef, StoryEntry[]> {
    const entries = new Map<TaskRef, StoryEntry[]>();
    const length = Math.min(this.#count, this.#at.length);
    for (let i = this.#count - length; i < this.#count; i++) {
      const row = i & (this.#at.length - 1);
      const task = this.#task[row];
      if (!wanted.has(task)) continue;
      const list = entries.get(task);
      if (list === undefined) entries.set(task, [this.#entry(row)]);
      else list.push(this.#entry(row));
    }
    return entries;
  }

  #entry(row: number): StoryEntry {
    return {
      at: this.#at[row],
      kind: storyKinds[this.#kind[row]],
      task: this.#task[row],
      attempt: this.#attempt[row],
      worker: this.#worker[row],
      detail: this.#detail[row],
    };
  }

  #grow(capacity: number): void {
    const grown = <C extends Float64Array | Uint32Array | Uint8Array>(old: C, larger: C): C => {
      larger.set(old as never);
      return larger;
    };
    this.#at = grown(this.#at, new Float64Array(capacity));
    this.#task = grown(this.#task, new Float64Array(capacity));
    this.#attempt = grown(this.#attempt, new Float64Array(capacity));
    this.#worker = grown(this.#worker, new Uint32Array(capacity));
    this.#kind = grown(this.#kind, new Uint8Array(capacity));
    this.#detail = grown(this.#detail, new Uint8Array(capacity));
  }
}
