/**
 * What a client knows of each of its tasks, in pages of columns: a state, and where its outcome is.
 *
 *     pending ─▶ running ─▶ encoded | located ─▶ decoded
 *        │          └─────▶ failed | cancelled
 *        └─▶ refused                            any ─▶ lost (the cluster or the client is gone)
 *
 * Nothing here is a promise: whoever waits registers a watcher, one for any number of tasks. A page
 * whose tasks are all released goes away, so that a long session costs what it still holds.
 *
 * @module
 */

import { type Blobs, blobAt } from "../base/blobs.ts";
import type { CapstanError } from "../model/errors.ts";
import type { TaskFailure } from "../model/failure.ts";
import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import { decodeValue } from "../shell/values/value-codec.ts";
import type { FutureStatus } from "./future.ts";
import { pinnedResultBytesMax } from "./limits.ts";
import { machineClock, type WaitClock } from "./wait-clock.ts";

/** State of one task as the client sees it. */
export const futureState = {
  pending: 0,
  running: 1,
  /** The bytes of the value are here. */
  encoded: 2,
  /** The value is with a worker. */
  located: 3,
  /** The value is here and was asked for. */
  decoded: 4,
  failed: 5,
  cancelled: 6,
  /** The submit was refused: the controller does not know the task. */
  refused: 7,
  lost: 8,
  released: 9,
} as const;

/** Where a large value is. */
export interface Located {
  readonly ref: TaskRef;
  readonly sizeBytes: number;
  readonly holder: WorkerIndex;
}

/** Told once, when a task that it watches has an outcome. Must not throw. */
export interface Watcher {
  onSettled(table: FutureTable, number: number): void;
}

const pageBits = 10;
const pageSize = 1 << pageBits;
const slotMask = pageSize - 1;

interface Page {
  readonly states: Uint8Array;
  /** By state: column or bytes of the value, `Located`, the value, `TaskFailure`, an error. */
  readonly entries: unknown[];
  /** Which entry of a column of values. */
  readonly indices: Uint32Array;
  watchers: (Watcher | Watcher[] | undefined)[] | null;
  /** Tasks of this page that are not released. */
  held: number;
}

export class FutureTable {
  readonly #pages = new Map<number, Page>();
  /** Tasks with a reader at work: a release waits for the end of it. */
  readonly #pins = new Map<number, number>();
  readonly #releaseLater = new Set<number>();
  #next = 0;
  /** Set when the client is closed: what every open wait ends with. */
  closedWith: CapstanError | null = null;
  /** Called for each task that is released and that the controller knows. */
  onRelease: (number: number) => void = () => {};

  /** What waits for its tasks go by. */
  readonly clock: WaitClock;

  constructor(clock: WaitClock = machineClock) {
    this.clock = clock;
  }

  /** The number of the next task. */
  get next(): number {
    return this.#next;
  }

  /** Takes `count` numbers, all pending, and returns the first. */
  allocate(count: number): number {
    const first = this.#next;
    this.#next += count;
    for (let number = first; number < this.#next; number++) {
      let page = this.#pages.get(number >>> pageBits);
      if (page === undefined) {
        page = newPage();
        this.#pages.set(number >>> pageBits, page);
      }
      page.held++;
    }
    return first;
  }

  state(number: number): number {
    const page = this.#pages.get(number >>> pageBits);
    return page === undefined ? futureState.released : page.states[number & slotMask];
  }

  isSettled(number: number): boolean {
    return this.state(number) > futureState.running;
  }

  /** What the state says it is; see `Page.entries`. */
  entry(number: number): unknown {
    return this.#pages.get(number >>> pageBits)?.entries[number & slotMask];
  }

  /** Whether the value needs no fetching. */
  isHere(number: number): boolean {
    const state = this.state(number);
    return state === futureState.encoded || state === futureState.decoded;
  }

  /** The value, which is here. Throws PROTOCOL_ERROR if its bytes make no sense. */
  valueHere(number: number): unknown {
    if (this.state(number) === futureState.decoded) return this.entry(number);
    const value = decodeValue(this.encodedBytes(number));
    this.setDecoded(number, value);
    return value;
  }

  /** The bytes of an `encoded` value. */
  encodedBytes(number: number): Uint8Array {
    const page = this.#pages.get(number >>> pageBits);
    const entry = page?.entries[number & slotMask];
    if (entry instanceof Uint8Array) return entry;
    return blobAt(entry as Blobs, page?.indices[number & slotMask] ?? 0);
  }

  setEncoded(number: number, bytes: Uint8Array): void {
    this.#put(number, futureState.encoded, bytes);
  }

  /** Keeps the error that was made of the task's failure. */
  setError(number: number, error: CapstanError): void {
    this.#put(number, this.state(number), error);
  }

  setDecoded(number: number, value: unknown): void {
    this.#put(number, futureState.decoded, value);
  }

  markRunning(tasks: Uint32Array): void {
    for (let i = 0; i < tasks.length; i++) {
      const page = this.#pageOf(tasks[i]);
      if (page === undefined) continue;
      const slot = tasks[i] & slotMask;
      const state = page.states[slot];
      if (state === futureState.pending) page.states[slot] = futureState.running;
    }
  }

  settleResults(tasks: Uint32Array, values: Blobs): void {
    const { offsets } = values;
    for (let i = 0; i < tasks.length; i++) {
      const number = tasks[i];
      const page = this.#pageOf(number);
      if (page === undefined) continue;
      if (isFinal(page.states[number & slotMask], futureState.encoded)) continue;
      const large = offsets[i + 1] - offsets[i] > pinnedResultBytesMax && tasks.length > 1;
      page.indices[number & slotMask] = i;
      this.#settleIn(page, number, futureState.encoded, large ? blobAt(values, i).slice() : values);
    }
  }

  settleLocated(number: number, located: Located): void {
    this.#settle(number, futureState.located, located);
  }

  settleFailed(number: number, state: "failed" | "cancelled", failure: TaskFailure): void {
    this.#settle(number, futureState[state], failure);
  }

  settleRefused(number: number, error: CapstanError): void {
    this.#settle(number, futureState.refused, error);
  }

  /** Ends every task without an outcome, and every located one: their cluster or client is gone. */
  settleAllLost(error: CapstanError): void {
    for (const number of this.numbersIn(isOpenOrLocated)) {
      this.#settle(number, futureState.lost, error);
    }
  }

  /** The task runs again, or its value is looked for again: it has no outcome for now. */
  reopen(number: number): void {
    this.#put(number, futureState.pending, undefined);
  }

  /** Every task that has no outcome, ascending. */
  unsettled(): number[] {
    return this.numbersIn(isOpen);
  }

  numbersIn(test: (state: number) => boolean): number[] {
    const numbers: number[] = [];
    for (const [index, page] of this.#pages) {
      const first = index << pageBits;
      const count = Math.min(pageSize, this.#next - first);
      for (let slot = 0; slot < count; slot++) {
        if (test(page.states[slot])) numbers.push(first + slot);
      }
    }
    return numbers;
  }

  /** Registers a watcher; false if the task has its outcome already (nothing is registered). */
  watch(number: number, watcher: Watcher): boolean {
    const page = this.#pages.get(number >>> pageBits);
    const slot = number & slotMask;
    if (page === undefined || page.states[slot] > futureState.running) return false;
    page.watchers ??= new Array(pageSize);
    const present = page.watchers[slot];
    if (present === undefined) page.watchers[slot] = watcher;
    else if (Array.isArray(present)) present.push(watcher);
    else page.watchers[slot] = [present, watcher];
    return true;
  }

  /** Takes back one registration of the watcher, if it is there. */
  unwatch(number: number, watcher: Watcher): void {
    const watchers = this.#pages.get(number >>> pageBits)?.watchers;
    if (watchers === undefined || watchers === null) return;
    const present = watchers[number & slotMask];
    if (present === watcher) watchers[number & slotMask] = undefined;
    else if (Array.isArray(present)) {
      const at = present.indexOf(watcher);
      if (at >= 0) present.splice(at, 1);
    }
  }

  pin(number: number): void {
    this.#pins.set(number, (this.#pins.get(number) ?? 0) + 1);
  }

  unpin(number: number): void {
    const pins = (this.#pins.get(number) ?? 1) - 1;
    if (pins > 0) this.#pins.set(number, pins);
    else {
      this.#pins.delete(number);
      if (this.#releaseLater.delete(number)) this.release(number);
    }
  }

  /** Lets go of the task's outcome. Once is enough; again is nothing. Waits for open readers. */
  release(number: number): void {
    const page = this.#pages.get(number >>> pageBits);
    const slot = number & slotMask;
    if (page === undefined || page.states[slot] === futureState.released) return;
    if (this.#pins.has(number)) {
      this.#releaseLater.add(number);
      return;
    }
    const state = page.states[slot];
    this.#settleIn(page, number, futureState.released, undefined);
    page.held--;
    const complete = (number | slotMask) < this.#next;
    if (page.held === 0 && complete) this.#pages.delete(number >>> pageBits);
    if (state !== futureState.refused && state !== futureState.lost) this.onRelease(number);
  }

  #put(number: number, state: number, entry: unknown): void {
    const page = this.#pages.get(number >>> pageBits);
    if (page === undefined || page.states[number & slotMask] === futureState.released) return;
    page.states[number & slotMask] = state;
    page.entries[number & slotMask] = entry;
  }

  #settle(number: number, state: number, entry: unknown): void {
    const page = this.#pageOf(number);
    if (page !== undefined) this.#settleIn(page, number, state, entry);
  }

  /** The page of a number that a peer named: undefined if it was never given out, or is gone. */
  #pageOf(number: number): Page | undefined {
    return number < this.#next ? this.#pages.get(number >>> pageBits) : undefined;
  }

  #settleIn(page: Page, number: number, state: number, entry: unknown): void {
    const slot = number & slotMask;
    if (page.states[slot] === futureState.released) return;
    if (isFinal(page.states[slot], state)) return;
    page.states[slot] = state;
    page.entries[slot] = entry;
    const watchers = page.watchers?.[slot];
    if (page.watchers === null || watchers === undefined) return;
    page.watchers[slot] = undefined;
    if (!Array.isArray(watchers)) watchers.onSettled(this, number);
    else for (const watcher of watchers) watcher.onSettled(this, number);
  }
}

function newPage(): Page {
  return {
    states: new Uint8Array(pageSize),
    entries: new Array(pageSize).fill(undefined),
    indices: new Uint32Array(pageSize),
    watchers: null,
    held: 0,
  };
}

/**
 * Whether an outcome stays when another is told: a value that has come is not undone by being said
 * again after a reconnect, nor because the cluster lost it since. Before it is read, somebody may
 * take it back.
 */
function isFinal(known: number, told: number): boolean {
  if (told === futureState.released) return false;
  if (known === futureState.encoded) return told !== futureState.cancelled;
  return known === futureState.decoded;
}

function isOpen(state: number): boolean {
  return state <= futureState.running;
}

function isOpenOrLocated(state: number): boolean {
  return isOpen(state) || state === futureState.located;
}

/** What each state is called, by its number. */
export const statusOfState: readonly FutureStatus[] = [
  "pending",
  "running",
  "succeeded",
  "succeeded",
  "succeeded",
  "failed",
  "cancelled",
  "failed",
  "lost",
  "lost",
];
