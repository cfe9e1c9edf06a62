/**
 * Every attempt that has not ended, as columns. An attempt's row is free once it has ended; what
 * became of it is in the journal.
 *
 *     sent ─▶ running ─▶ (ended)
 *       └───────┴──▶ stopping ─▶ (ended)
 *
 * @module
 */

import { present } from "../../base/assert.ts";
import type { AttemptId } from "../../model/ids.ts";
import { capacityFor, growAhead, imageOf, restoreImage } from "./columns.ts";
import { noSlot } from "./task-table.ts";

export const attemptFlag = {
  /** Its worker said that it runs. */
  started: 1,
  /** A stop was ordered. */
  stopping: 2,
  /** Holds no grant yet: it takes over that of an attempt of its shape. */
  prefetched: 4,
  /** A retract was ordered and is not answered. */
  retracting: 8,
  /** Its work directory is being made. */
  building: 16,
  /** It waits for tasks of its own: its slot and its CPU are not charged meanwhile. */
  yielded: 32,
  /** It yielded once: its slot and its CPU may be charged beyond what there is. */
  hasYielded: 64,
} as const;

const durableColumns = [
  "id",
  "task",
  "worker",
  "shape",
  "flags",
  "band",
  "stopReason",
  "assignedAt",
  "startedAt",
  "nextFree",
] as const;

const durableFlags = ~attemptFlag.retracting;

export class AttemptTable {
  /** 0 marks a free row. */
  id = new Float64Array(64);
  /** Row of its task. */
  task = new Uint32Array(64);
  worker = new Uint32Array(64);
  shape = new Uint32Array(64);
  flags = new Uint8Array(64);
  /** Index into `bands`: stamped at assignment and fixed while it lives. */
  band = new Uint8Array(64);
  /** Index into `attemptCauses`: why a stop was ordered; `stopped` until one was. */
  stopReason = new Uint8Array(64);
  /** Microseconds. */
  assignedAt = new Float64Array(64);
  startedAt = new Float64Array(64);
  nextFree = new Uint32Array(64);
  /** What each row holds, by dimension; shared with its shape unless the worker had to choose. */
  readonly grants: (Float64Array | null)[] = [];
  /** The row at which the next column grows. */
  growAt = 0;
  length = 0;
  live = 0;
  /** The free row that is used next, or `noSlot`; the others follow in `nextFree`. */
  firstFree = noSlot;

  allocate(id: AttemptId): number {
    let row = this.firstFree;
    if (row !== noSlot) this.firstFree = this.nextFree[row];
    else {
      row = this.length++;
      if (row >= this.growAt) this.growAt = growAhead(this, durableColumns, row);
    }
    this.live++;
    this.id[row] = id;
    this.flags[row] = 0;
    this.band[row] = 0;
    this.stopReason[row] = 0;
    this.startedAt[row] = 0;
    return row;
  }

  release(row: number): void {
    this.id[row] = 0;
    this.grants[row] = null;
    this.nextFree[row] = this.firstFree;
    this.firstFree = row;
    this.live--;
  }

  /** The rows of the attempts that have not ended. */
  *rows(): Generator<number> {
    for (let row = 0; row < this.length; row++) if (this.id[row] !== 0) yield row;
  }

  /** What an attempt that has not ended holds, or will hold once it is granted. */
  grantOf(row: number): Float64Array {
    return present(this.grants[row], "a live attempt has a grant");
  }

  hasFlag(row: number, flag: number): boolean {
    return (this.flags[row] & flag) !== 0;
  }

  /** Whether the attempt is charged to its worker. */
  isGranted(row: number): boolean {
    return (this.flags[row] & attemptFlag.prefetched) === 0;
  }

  image(): AttemptTableImage {
    const columns = imageOf(this, durableColumns, this.length);
    const flags = columns.flags as Uint8Array;
    for (let row = 0; row < flags.length; row++) flags[row] &= durableFlags;
    return {
      columns,
      grants: this.grants.map((grant) => (grant === null ? null : grant.slice())),
      length: this.length,
      live: this.live,
      firstFree: this.firstFree,
    };
  }

  restore(image: AttemptTableImage): void {
    restoreImage(this, image.columns, capacityFor(image.length));
    this.growAt = 0;
    for (const [row, grant] of image.grants.entries()) this.grants[row] = grant;
    this.length = image.length;
    this.live = image.live;
    this.firstFree = image.firstFree;
  }
}

/** An attempt table at rest. */
export interface AttemptTableImage {
  readonly columns: ReturnType<typeof imageOf>;
  readonly grants: readonly (Float64Array | null)[];
  readonly length: number;
  readonly live: number;
  readonly firstFree: number;
}
