/**
 * Deep copies of kernel states: an object graph with the same shape, sharing only what nobody ever
 * writes (specs, requests, bytes, messages).
 *
 * Most of a state is plain objects, maps, sets and typed arrays. The few classes with private
 * fields have a rule of their own here.
 *
 * @module
 */

import { InvariantError } from "../../base/assert.ts";
import { Heap } from "../../base/heap.ts";
import { NumberMap } from "../../base/number-map.ts";
import { U32Ring } from "../../base/ring.ts";
import { RunLog } from "../../controller/run-log.ts";
import { RunTimes } from "../../controller/run-times.ts";
import { StoryLog } from "../../controller/story.ts";
import { AttemptTable } from "../../controller/tables/attempt-table.ts";
import { EdgePool } from "../../controller/tables/edges.ts";
import { HashIndex } from "../../controller/tables/hash-index.ts";
import { TaskTable } from "../../controller/tables/task-table.ts";
import { TrafficLog } from "../../controller/traffic.ts";
import { Dimensions } from "../../scheduler/dimensions.ts";
import { FleetIndex } from "../../scheduler/fleet-index.ts";
import { ReportColumns } from "../../worker/report-columns.ts";
import { RunQueue } from "../../worker/run-queue.ts";
import { TrafficColumns } from "../../worker/traffic-columns.ts";

/** Fields whose values are written once and then only read: copies share them. */
const sharedFields = new Set([
  ...["definition", "spec", "resources", "constraints", "request", "attributes", "blobs", "args"],
  ...["context", "inputs", "dependencies", "message", "failure", "usage", "taints", "identity"],
  ...["order", "program"],
]);

type Columns = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Copies one graph: an object that is met twice is copied once. */
export class Copier {
  readonly #copies = new Map<object, object>();
  /** Queues are filled last: their order is that of runs that must be whole by then. */
  readonly #last: (() => void)[] = [];

  copy<T>(value: T): T {
    const copied = this.#copy(value) as T;
    for (const finish of this.#last) finish();
    this.#last.length = 0;
    return copied;
  }

  #copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    if (Array.isArray(value)) return this.#copyArray(value);
    if (value.constructor === Object) return this.#copyPlain(value as Plain);
    if (value instanceof Map) return this.#copyMap(value);
    if (value instanceof Set) return this.#copySet(value);
    if (ArrayBuffer.isView(value)) return this.#remember(value, (value as Columns).slice());
    return this.#copyInstance(value);
  }

  #remember<T extends object>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }

  #copyArray(value: readonly unknown[]): unknown[] {
    const copy: unknown[] = this.#remember(value, []);
    for (const item of value) copy.push(this.#copy(item));
    return copy;
  }

  #copyPlain(value: Plain): Plain {
    const copy: Plain = this.#remember(value, { ...value });
    for (const name in copy) {
      const field = copy[name];
      if (typeof field !== "object" || field === null || sharedFields.has(name)) continue;
      copy[name] = this.#copy(field);
    }
    return copy;
  }

  #copyMap(value: ReadonlyMap<unknown, unknown>): Map<unknown, unknown> {
    const copy = this.#remember(value, new Map<unknown, unknown>());
    for (const [key, item] of value) copy.set(this.#copy(key), this.#copy(item));
    return copy;
  }

  #copySet(value: ReadonlySet<unknown>): Set<unknown> {
    const copy = this.#remember(value, new Set());
    for (const item of value) copy.add(this.#copy(item));
    return copy;
  }

  #copyInstance(value: object): object {
    if (value instanceof RunQueue) return this.#copyQueue(value);
    // The story is for people, and empty reports are what a step leaves: both are as good new.
    if (isForPeople(value)) return this.#remember(value, value);
    // No cluster here lives long enough for anything to be named as hung.
    if (value instanceof RunTimes) return this.#remember(value, new RunTimes());
    // An index is made anew where it is missing.
    if (value instanceof FleetIndex) return this.#remember(value, new FleetIndex());
    if (value instanceof ReportColumns) return this.#remember(value, new ReportColumns());
    if (value instanceof TrafficColumns) return this.#remember(value, new TrafficColumns());
    if (isTable(value)) return this.#copyTable(value);
    return this.#remember(value, copyOf(value));
  }

  /** The columns of a table are cut to the rows that are used: it grows again when it must. */
  #copyTable(value: Table): Table {
    const copy = this.#remember(value, Object.create(Object.getPrototypeOf(value)) as Table);
    Object.assign(copy, value);
    copy.growAt = 0;
    const fields = copy as unknown as Plain;
    const rows = Math.max(1, value.length);
    for (const name in fields) {
      const field = fields[name];
      if (ArrayBuffer.isView(field)) fields[name] = (field as Columns).slice(0, rows);
      // Nobody writes into a grant: the list is copied, what is in it is shared.
      else if (Array.isArray(field)) fields[name] = field.slice();
      else if (typeof field === "object") fields[name] = this.#copy(field);
    }
    return copy;
  }

  #copyQueue(value: RunQueue): RunQueue {
    const copy = this.#remember(value, new RunQueue());
    const runs = [...value].map((run) => this.#copy(run) as typeof run);
    this.#last.push(() => {
      for (const run of runs) copy.push(run);
    });
    return copy;
  }
}

/** Whether nothing is decided by it. */
export function isForPeople(value: object): boolean {
  return value instanceof StoryLog || value instanceof RunLog || value instanceof TrafficLog;
}

type Plain = { [name: string]: unknown };

type Table = TaskTable | AttemptTable | EdgePool;

function isTable(value: object): value is Table {
  return value instanceof TaskTable || value instanceof AttemptTable || value instanceof EdgePool;
}

function copyOf(value: object): object {
  if (value instanceof Heap) return value.clone();
  if (value instanceof U32Ring) {
    const ring = new U32Ring();
    for (let i = 0; i < value.length; i++) ring.pushBack(value.at(i));
    return ring;
  }
  if (value instanceof HashIndex) return value.clone();
  if (value instanceof NumberMap) {
    const map = new NumberMap();
    value.forEach((key, item) => {
      map.set(key, item);
    });
    return map;
  }
  if (value instanceof Dimensions) {
    const dimensions = new Dimensions();
    dimensions.restore(value.names);
    return dimensions;
  }
  throw new InvariantError(`the explorer has no rule for copying a ${value.constructor.name}`);
}
