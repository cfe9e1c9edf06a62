/**
 * A submit message while it is collected, and while it waits to be acknowledged: columns, one row a
 * task, rows of one spec in groups.
 *
 * @module
 */

import { type Blobs, BlobsBuilder, blobAt } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { submitBytesMax, submitTasksMax } from "./limits.ts";
import type { SpecEntry } from "./spec-table.ts";

/** A closed batch: tasks `first … first + count - 1`. */
export interface SubmitBatch {
  readonly first: number;
  readonly count: number;
  /** The spec of each group. */
  readonly specs: readonly SpecEntry[];
  readonly groupCounts: Uint32Array;
  readonly args: Blobs;
  /** Empty when no task has a dependency. */
  readonly dependencyCounts: Uint32Array;
  readonly dependencies: Uint32Array;
  /** The key of its only task, or "". */
  readonly key: string;
  /** The key of its only task is computed from its content when it is sent. */
  readonly pure: boolean;
  /** It is one task that may be refused for itself: nobody shares its message. */
  readonly isAlone: boolean;
  /** What it counts for in the window of unacknowledged bytes. */
  readonly bytes: number;
}

/** One task of a batch. */
export interface SubmitRow {
  readonly number: number;
  readonly spec: SpecEntry;
  readonly args: Uint8Array;
  readonly dependencies: readonly number[] | Uint32Array;
}

/** What a task that goes alone has besides. */
export interface Identity {
  readonly key: string;
  readonly pure: boolean;
}

/** Of a task that nobody names. */
export const noIdentity: Identity = { key: "", pure: false };

/** Collects rows into batches, in the order of their numbers. */
export class BatchCollector {
  #first = 0;
  #specs: SpecEntry[] = [];
  readonly #counts = new U32Column();
  readonly #args = new BlobsBuilder();
  readonly #dependencyCounts = new U32Column();
  readonly #dependencies = new U32Column();
  #groupCount = 0;
  #closed: SubmitBatch[] = [];

  get isEmpty(): boolean {
    return this.#args.count === 0 && this.#closed.length === 0;
  }

  /** Adds a task to the open batch, or to the next one if it does not fit. */
  add(row: SubmitRow): void {
    if (!this.#hasRoomFor(row)) this.#close(noIdentity, false);
    this.#push(row);
  }

  /** Adds a task as a batch of its own. */
  addAlone(row: SubmitRow, identity: Identity): void {
    this.#close(noIdentity, false);
    this.#push(row);
    this.#close(identity, true);
  }

  /** Everything collected, and begins anew. */
  take(): SubmitBatch[] {
    this.#close(noIdentity, false);
    const closed = this.#closed;
    this.#closed = [];
    return closed;
  }

  #hasRoomFor({ number, args, dependencies }: SubmitRow): boolean {
    const { count, byteLength } = this.#args;
    if (count === 0) return true;
    const before = byteLength + 4 * this.#dependencies.length;
    const after = before + args.length + 4 * dependencies.length;
    return number === this.#first + count && count < submitTasksMax && after <= submitBytesMax;
  }

  #push({ number, spec, args, dependencies }: SubmitRow): void {
    if (this.#args.count === 0) this.#first = number;
    if (this.#specs[this.#specs.length - 1] !== spec) this.#beginGroup(spec);
    this.#groupCount++;
    this.#args.push(args);
    this.#dependencyCounts.push(dependencies.length);
    for (let i = 0; i < dependencies.length; i++) this.#dependencies.push(dependencies[i]);
  }

  #beginGroup(spec: SpecEntry): void {
    if (this.#specs.length > 0) this.#counts.push(this.#groupCount);
    this.#specs.push(spec);
    this.#groupCount = 0;
  }

  #close(identity: Identity, isAlone: boolean): void {
    const { count } = this.#args;
    if (count === 0) return;
    this.#counts.push(this.#groupCount);
    this.#groupCount = 0;
    const specs = this.#specs;
    this.#specs = [];
    const args = this.#args.take();
    const counts = this.#dependencyCounts.take();
    const dependencies = this.#dependencies.take();
    this.#closed.push({
      first: this.#first,
      count,
      specs,
      groupCounts: this.#counts.take(),
      args,
      dependencyCounts: dependencies.length === 0 ? new Uint32Array(0) : counts,
      dependencies,
      ...identity,
      isAlone,
      bytes: args.data.length + 8 * count + 4 * dependencies.length + identity.key.length,
    });
  }
}

/** The rows of a batch, one by one: for what is rare, such as taking a batch apart. */
export function* rowsOf(batch: SubmitBatch): Generator<SubmitRow> {
  let group = 0;
  let left = batch.groupCounts[0];
  let from = 0;
  for (let row = 0; row < batch.count; row++) {
    if (left === 0) left = batch.groupCounts[++group];
    left--;
    const to = from + (batch.dependencyCounts.length === 0 ? 0 : batch.dependencyCounts[row]);
    yield {
      number: batch.first + row,
      spec: batch.specs[group],
      args: blobAt(batch.args, row),
      dependencies: batch.dependencies.subarray(from, to),
    };
    from = to;
  }
}

/** The message of a batch. */
export function submitMessage(
  batch: SubmitBatch,
  sequence: number,
  key: string,
): HotMessageOf<"submit"> {
  const groupSpecs = new Uint32Array(batch.specs.length);
  for (let i = 0; i < groupSpecs.length; i++) groupSpecs[i] = batch.specs[i].id;
  return {
    type: "submit",
    sequence,
    first: batch.first,
    groupSpecs,
    groupCounts: batch.groupCounts,
    args: batch.args,
    dependencyCounts: batch.dependencyCounts,
    dependencies: batch.dependencies,
    keys: key === "" ? [] : [key],
  };
}
