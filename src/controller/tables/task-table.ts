/**
 * Every live task, as columns: 73 bytes each, no object and no string per task.
 *
 * Only `apply` writes here. A slot is reused after its task was forgotten, with the next
 * generation, so a `TaskRef` that somebody kept is recognised as stale.
 *
 * @module
 */

import { generationOfTask, slotOfTask, type TaskRef, taskRef } from "../../model/ids.ts";
import { capacityFor, growAhead, imageOf, restoreImage } from "./columns.ts";
import { EdgePool, edgeColumns, noEdge } from "./edges.ts";

/** Where a PENDING task is, and `none` for the others. */
export const stage = {
  none: 0,
  /** Some input has no value yet. */
  waiting: 1,
  /** In its shape's queue. */
  queued: 2,
  /** Sits out a back-off. */
  delayed: 3,
  /** An earlier attempt of it is still stopping. */
  held: 4,
  /** A client is to bring its value. */
  offered: 5,
  /** A call that has its inputs, in the line of its actor. */
  called: 6,
} as const;

export const taskFlag = {
  /** Was running at least once: its scheduling timeout is over. */
  everStarted: 1,
  /** SUCCEEDED, but no worker holds the value any more. */
  valueGone: 2,
  /** Volatile: a connected client waits for the outcome and has not been sent it. */
  awaited: 4,
  /** Woken by its last dependency: goes before tasks that never waited. */
  woken: 8,
  /** A worker died with it: it runs only with a grant of its own, so that guilt can be told. */
  suspect: 16,
  /** It ended with a restart: its key, if it has one, does not name it any more. */
  keyless: 32,
} as const;

/** The flags that are not durable. */
export const volatileFlags = taskFlag.awaited;

export const noSlot = 0xffffffff;

const durableColumns = [
  "generation",
  "state",
  "stage",
  "flags",
  "spec",
  "job",
  "index",
  "attempt",
  "waitingOn",
  "dependentsHead",
  "dependenciesStart",
  "dependencyCount",
  "wants",
  "pendingDependents",
  "dependentCount",
  "submission",
  "failureCount",
  "lossCount",
  "holder",
  "valueBytes",
] as const;

export class TaskTable {
  generation = new Uint16Array(64);
  /** Index into `taskStates`. */
  state = new Uint8Array(64);
  stage = new Uint8Array(64);
  flags = new Uint8Array(64);
  spec = new Uint32Array(64);
  /** Place of its job in the state's `jobs`; `noSlot` marks a free row. */
  job = new Uint32Array(64);
  /** The task's number in its job. */
  index = new Uint32Array(64);
  /** Row of its current attempt, or `noSlot`. */
  attempt = new Uint32Array(64);
  /** How many of its edges lead to a task without a value. */
  waitingOn = new Uint32Array(64);
  dependentsHead = new Uint32Array(64);
  dependenciesStart = new Uint32Array(64);
  dependencyCount = new Uint32Array(64);
  /** How many client handles name it. */
  wants = new Uint32Array(64);
  /** Edges from tasks that have not ended: they need the value. */
  pendingDependents = new Uint32Array(64);
  /** Edges from tasks that are not forgotten: they need the recipe. */
  dependentCount = new Uint32Array(64);
  /** Place of its submission in the state's `submissions`. Of a free row: the free row after it. */
  submission = new Uint32Array(64);
  failureCount = new Uint32Array(64);
  lossCount = new Uint32Array(64);
  /** The worker that holds the value, for certain or until it says otherwise; `noSlot` for none. */
  holder = new Uint32Array(64);
  valueBytes = new Float64Array(64);
  readonly edges = new EdgePool();
  /** The row at which the next column grows. */
  growAt = 0;
  /** Rows in use or free; every row is below it. */
  length = 0;
  live = 0;
  /** The free row that is used next, or `noSlot`; the others follow in `submission`. */
  firstFree = noSlot;

  /** A row for a new task; the caller fills it. Its generation is set. */
  allocate(): number {
    let slot = this.firstFree;
    if (slot !== noSlot) this.firstFree = this.submission[slot];
    else {
      slot = this.length++;
      if (slot >= this.growAt) this.growAt = growAhead(this, durableColumns, slot);
    }
    this.live++;
    this.stage[slot] = stage.none;
    this.flags[slot] = 0;
    this.attempt[slot] = noSlot;
    this.waitingOn[slot] = 0;
    this.dependentsHead[slot] = noEdge;
    this.dependencyCount[slot] = 0;
    this.wants[slot] = 0;
    this.pendingDependents[slot] = 0;
    this.dependentCount[slot] = 0;
    this.failureCount[slot] = 0;
    this.lossCount[slot] = 0;
    this.holder[slot] = noSlot;
    this.valueBytes[slot] = 0;
    return slot;
  }

  release(slot: number): void {
    this.generation[slot]++;
    this.job[slot] = noSlot;
    this.stage[slot] = stage.none;
    this.submission[slot] = this.firstFree;
    this.firstFree = slot;
    this.live--;
  }

  isLive(slot: number): boolean {
    return slot < this.length && this.job[slot] !== noSlot;
  }

  /** The rows of the tasks that are remembered. */
  *rows(): Generator<number> {
    for (let slot = 0; slot < this.length; slot++) if (this.isLive(slot)) yield slot;
  }

  ref(slot: number): TaskRef {
    return taskRef(slot, this.generation[slot]);
  }

  /** The row that `ref` names, or -1 if that task was forgotten or never was. */
  find(ref: TaskRef): number {
    const slot = slotOfTask(ref);
    if (!this.isLive(slot) || this.generation[slot] !== generationOfTask(ref)) return -1;
    return slot;
  }

  hasFlag(slot: number, flag: number): boolean {
    return (this.flags[slot] & flag) !== 0;
  }

  /** The task that dependency `position` of `slot` names. */
  dependency(slot: number, position: number): number {
    return this.edges.target[this.dependenciesStart[slot] + position];
  }

  image(): TaskTableImage {
    const columns = imageOf(this, durableColumns, this.length);
    const flags = columns.flags as Uint8Array;
    for (let slot = 0; slot < flags.length; slot++) flags[slot] &= ~volatileFlags;
    return {
      columns,
      edges: imageOf(this.edges, edgeColumns, this.edges.length),
      freeRuns: this.edges.freeRuns(),
      length: this.length,
      live: this.live,
      firstFree: this.firstFree,
    };
  }

  restore(image: TaskTableImage): void {
    restoreImage(this, image.columns, capacityFor(image.length));
    this.growAt = 0;
    const edgeRows = image.edges.owner.length;
    restoreImage(this.edges, image.edges, capacityFor(edgeRows));
    this.edges.growAt = 0;
    this.edges.length = edgeRows;
    this.edges.restoreFreeRuns(image.freeRuns);
    this.length = image.length;
    this.live = image.live;
    this.firstFree = image.firstFree;
  }
}

/** A task table at rest. */
export interface TaskTableImage {
  readonly columns: ReturnType<typeof imageOf>;
  readonly edges: ReturnType<typeof imageOf>;
  readonly freeRuns: ReturnType<EdgePool["freeRuns"]>;
  readonly length: number;
  readonly live: number;
  readonly firstFree: number;
}
