/**
 * A canonical 64-bit hash of kernel states, as two words of 32: equal futures hash equal.
 *
 * What only informs or counts is left out (`silentFields`), so are the columns of free table rows
 * and, of a task's attempts that ended, all but the worker of the last, where its gang may wait.
 * In a graph a record that is met twice counts as a reference to its first visit. Nothing that a
 * kernel decides by is left out, so two states that hash equal behave alike; numbering (attempts,
 * rows) and the order of insertion stay in, which merges less than it could and never too much.
 *
 * @module
 */

import { InvariantError } from "../../base/assert.ts";
import { Heap } from "../../base/heap.ts";
import { NumberMap } from "../../base/number-map.ts";
import { U32Ring } from "../../base/ring.ts";
import { RunTimes } from "../../controller/run-times.ts";
import type { ControllerState } from "../../controller/state.ts";
import { AttemptTable } from "../../controller/tables/attempt-table.ts";
import { HashIndex } from "../../controller/tables/hash-index.ts";
import { TaskTable } from "../../controller/tables/task-table.ts";
import { Dimensions } from "../../scheduler/dimensions.ts";
import { FleetIndex } from "../../scheduler/fleet-index.ts";
import { ReportColumns } from "../../worker/report-columns.ts";
import { RunQueue } from "../../worker/run-queue.ts";
import { TrafficColumns } from "../../worker/traffic-columns.ts";
import { isForPeople } from "./copy.ts";

/** Counted for people, or derived from what is hashed beside it. */
const silentFields = new Set([
  ...["recomputedCount", "journaled", "key", "requestKey", "memory"],
  ...["traffic", "trafficCounts", "counts", "names", "progress", "progressed"],
]);

/** Written once and often met: hashed once. */
const fixedFields = new Set([
  ...["definition", "spec", "resources", "constraints", "request", "attributes", "blobs", "args"],
  ...["inputs", "dependencies", "message", "failure", "usage", "identity", "order", "program"],
]);

const attemptColumns = ["task", "worker", "shape", "flags", "band", "stopReason"] as const;
const attemptTimes = ["assignedAt", "startedAt"] as const;
const taskColumns = [
  ...["generation", "state", "stage", "flags", "spec", "job", "index", "attempt"],
  ...["waitingOn", "dependentsHead", "dependenciesStart", "dependencyCount", "wants"],
  ...["pendingDependents", "dependentCount", "submission", "failureCount"],
  ...["lossCount", "holder", "valueBytes"],
] as (keyof TaskTable & ("generation" | "state"))[];

const words = new Float64Array(1);
const halves = new Uint32Array(words.buffer);

/** Every text that was met, by number: equal texts, equal numbers. */
const texts = new Map<string, number>();
const fixedHashes = new WeakMap<object, readonly [number, number]>();

function textNumber(text: string): number {
  let known = texts.get(text);
  if (known === undefined) {
    known = texts.size + 1;
    texts.set(text, known);
  }
  return known;
}

export class StateHash {
  low = 0x2545f491;
  high = 0x1b873593;
  readonly #isGraph: boolean;
  readonly #visited = new Map<object, number>();

  /** `isGraph`: records refer to each other, and which is which matters; else it is all values. */
  constructor(isGraph = false) {
    this.#isGraph = isGraph;
  }

  word(value: number): void {
    let low = Math.imul(this.low ^ Math.imul(value, 0xcc9e2d51), 0x85ebca6b);
    low ^= low >>> 15;
    let high = Math.imul(this.high + (value ^ 0x9e3779b9), 0xc2b2ae35);
    high ^= high >>> 13;
    this.low = (Math.imul(low, 5) + high) | 0;
    this.high = Math.imul(high, 0x27d4eb2f) ^ (low >>> 7);
  }

  number(value: number): void {
    if ((value | 0) === value) {
      this.word(value);
      return;
    }
    words[0] = value;
    this.word(halves[0]);
    this.word(halves[1] ^ 0x5bd1e995);
  }

  value(value: unknown): void {
    switch (typeof value) {
      case "number":
        return this.number(value);
      case "string":
        return this.word(textNumber(value) + 0x10000000);
      case "boolean":
        return this.word(value ? 0x7001 : 0x7002);
      case "undefined":
        return this.word(0x7003);
      case "object":
        return value === null ? this.word(0x7004) : this.#object(value);
      default:
        throw new InvariantError(`the explorer has no rule for hashing a ${typeof value}`);
    }
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      this.word(0x7005 + (value.length << 4));
      for (const item of value) this.value(item);
    } else if (value.constructor === Object) this.#plain(value as { [name: string]: unknown });
    else if (value instanceof Map) {
      this.word(0x7006 + (value.size << 4));
      for (const [key, item] of value) {
        this.value(key);
        this.value(item);
      }
    } else if (value instanceof Set) {
      this.word(0x7007 + (value.size << 4));
      for (const item of value) this.value(item);
    } else if (ArrayBuffer.isView(value)) this.#column(value as Uint32Array, value.byteLength);
    else this.#instance(value);
  }

  #plain(value: { [name: string]: unknown }): void {
    const known = this.#visited.get(value);
    if (known !== undefined) return this.word(0x20000000 + known);
    if (this.#isGraph) this.#visited.set(value, this.#visited.size);
    for (const name in value) {
      if (silentFields.has(name)) continue;
      const field = value[name];
      if (name === "histories") this.#histories(field as ControllerState["histories"]);
      else if (typeof field === "object" && field !== null && fixedFields.has(name))
        this.#fixed(field);
      else this.value(field);
    }
  }

  #histories(histories: ControllerState["histories"]): void {
    this.word(0x700e + (histories.size << 4));
    for (const [task, records] of histories) {
      this.word(task);
      this.value(records.at(-1)?.workerId);
    }
  }

  #fixed(value: object): void {
    let known = fixedHashes.get(value);
    if (known === undefined) {
      const hash = new StateHash();
      hash.value(value);
      known = [hash.low, hash.high];
      fixedHashes.set(value, known);
    }
    this.word(known[0]);
    this.word(known[1]);
  }

  #column(column: ArrayLike<number>, bytes: number): void {
    this.word(0x7008 + (bytes << 4));
    for (let i = 0; i < column.length; i++) this.number(column[i]);
  }

  #instance(value: object): void {
    if (isForPeople(value) || value instanceof TrafficColumns) return;
    if (value instanceof ReportColumns || value instanceof RunTimes) return;
    // What follows from what is hashed besides.
    if (value instanceof FleetIndex || value instanceof HashIndex) return;
    if (value instanceof TaskTable) this.#tasks(value);
    else if (value instanceof AttemptTable) this.#attempts(value);
    else if (value instanceof Heap) this.#heap(value);
    else if (value instanceof RunQueue) for (const run of value) this.value(run);
    else if (value instanceof Dimensions) this.word(value.count);
    else if (value instanceof U32Ring) {
      this.word(0x7009 + (value.length << 4));
      for (let i = 0; i < value.length; i++) this.word(value.at(i));
    } else if (value instanceof NumberMap) {
      this.word(0x700a + (value.size << 4));
      value.forEach((key, item) => {
        this.word(key);
        this.word(item);
      });
    } else {
      const { name } = value.constructor;
      throw new InvariantError(`the explorer has no rule for hashing a ${name}`);
    }
  }

  #heap(heap: Heap): void {
    const rest = heap.clone();
    this.word(0x700b + (rest.length << 4));
    while (rest.length > 0) {
      this.number(rest.peekKey());
      this.number(rest.pop());
    }
  }

  #tasks(tasks: TaskTable): void {
    this.word(tasks.length);
    for (let row = 0; row < tasks.length; row++) {
      if (!tasks.isLive(row)) this.word(tasks.generation[row] ^ 0x700c0000);
      else for (const name of taskColumns) this.number(tasks[name][row]);
    }
    this.#freeRows(tasks.firstFree, tasks.submission);
    const { edges } = tasks;
    this.word(edges.length);
    for (let row = 0; row < tasks.length; row++) {
      if (!tasks.isLive(row)) continue;
      const start = tasks.dependenciesStart[row];
      for (let edge = start; edge < start + tasks.dependencyCount[row]; edge++) {
        this.word(edges.target[edge]);
        this.word(edges.next[edge]);
      }
    }
    for (const [count, starts] of edges.freeRuns()) {
      this.word(count);
      for (const start of starts) this.word(start);
    }
  }

  #attempts(attempts: AttemptTable): void {
    this.word(attempts.length);
    for (let row = 0; row < attempts.length; row++) {
      this.number(attempts.id[row]);
      if (attempts.id[row] === 0) continue;
      for (const name of attemptColumns) this.word(attempts[name][row]);
      for (const name of attemptTimes) this.number(attempts[name][row]);
      this.value(attempts.grants[row]);
    }
    this.#freeRows(attempts.firstFree, attempts.nextFree);
  }

  #freeRows(first: number, next: Uint32Array): void {
    for (let row = first; row < next.length; row = next[row]) this.word(row ^ 0x700d0000);
  }
}

/** The hash of a list of words: what a state of the whole cluster is. */
export function hashWords(items: Int32Array, at: number, count: number, hash: StateHash): void {
  hash.low = 0x2545f491;
  hash.high = 0x1b873593;
  for (let i = at; i < at + count; i++) hash.word(items[i]);
}
