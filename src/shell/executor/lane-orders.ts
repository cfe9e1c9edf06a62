/**
 * Owner side: the orders that a lane's thread has not ended, in lane order, and those that wait
 * because the thread has enough. Sequences are u32 and wrap.
 *
 * @module
 */

import type { AttemptId } from "../../model/ids.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { ExecutionOrder } from "./execution.ts";
import { slotOf } from "./lane-memory.ts";
import { laneSlotCount } from "./limits.ts";

/** An order in the hands of the thread. */
export interface SentOrder {
  readonly order: ExecutionOrder;
  readonly sequence: number;
  isAborting: boolean;
  isReportedStarted: boolean;
}

/** The window of sent orders, `head` (oldest not ended) to `tail` (next to be sent). */
export class LaneOrders {
  readonly #slots: (SentOrder | null)[] = new Array(laneSlotCount).fill(null);
  readonly #waiting: ExecutionOrder[] = [];
  /** What yielded its place in the line, by sequence. */
  readonly #beside = new Map<number, SentOrder>();
  #head = 0;
  #tail = 0;
  #live = 0;
  /**
   * The thread gets nothing more: what comes waits for the next one. But for while something is
   * beside the line, which may wait for what comes.
   */
  isHeld = false;

  /** Orders that have not ended, sent and waiting. */
  get count(): number {
    return this.#live + this.#waiting.length;
  }

  /** True if the thread has nothing, in line or beside it. */
  get isThreadFree(): boolean {
    return this.#live === 0;
  }

  /** Those in line: not what has yielded its place. */
  get inLine(): number {
    return this.count - this.#beside.size;
  }

  /** The sent order, or null (and the order waits) when the thread may not have it yet. */
  add(order: ExecutionOrder): SentOrder | null {
    if (this.#waiting.length > 0 || !this.#isOpen) {
      this.#waiting.push(order);
      return null;
    }
    return this.#send(order);
  }

  /** Sends one that waited, if there is one and the thread may have it. */
  sendWaiting(): SentOrder | null {
    if (!this.#isOpen) return null;
    const order = this.#waiting.shift();
    return order === undefined ? null : this.#send(order);
  }

  /** The order of `sequence`, or null if it has ended or was taken back. */
  at(sequence: number): SentOrder | null {
    const sent = this.#slots[slotOf(sequence)];
    if (sent?.sequence === sequence) return sent;
    return this.#beside.get(sequence) ?? null;
  }

  /** It leaves the line, and so its slot; false if it had done so before. */
  setBeside(sent: SentOrder): boolean {
    if (this.#beside.has(sent.sequence)) return false;
    this.#slots[slotOf(sent.sequence)] = null;
    this.#beside.set(sent.sequence, sent);
    return true;
  }

  isBeside(sent: SentOrder): boolean {
    return this.#beside.has(sent.sequence);
  }

  beside(): SentOrder[] {
    return [...this.#beside.values()];
  }

  /** The oldest order in line that has not ended. */
  first(): SentOrder | null {
    for (let s = this.#head; s !== this.#tail; s = (s + 1) >>> 0) {
      const sent = this.#slots[slotOf(s)];
      if (sent !== null) return sent;
    }
    return null;
  }

  find(execution: ExecutionId): SentOrder | null {
    return this.#first(({ order }) => order.execution === execution);
  }

  /** The sent order of an attempt, or null. */
  ofAttempt(attempt: AttemptId): SentOrder | null {
    return this.#first(({ order }) => order.attempt === attempt);
  }

  #first(isIt: (sent: SentOrder) => boolean): SentOrder | null {
    for (let s = this.#head; s !== this.#tail; s = (s + 1) >>> 0) {
      const sent = this.#slots[slotOf(s)];
      if (sent !== null && isIt(sent)) return sent;
    }
    return this.beside().find(isIt) ?? null;
  }

  end(sent: SentOrder): void {
    if (!this.#beside.delete(sent.sequence)) this.#slots[slotOf(sent.sequence)] = null;
    this.#live--;
  }

  /** True if `execution` was waiting: it is not any more. */
  removeWaiting(execution: ExecutionId): boolean {
    const index = this.#waiting.findIndex((order) => order.execution === execution);
    if (index === -1) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** The thread is past everything before `sequence`: slots of ended orders are free again. */
  passTo(sequence: number): void {
    while (this.#head !== sequence && this.#slots[slotOf(this.#head)] === null) {
      this.#head = (this.#head + 1) >>> 0;
    }
  }

  /** What has not ended in line, in order; afterwards there is nothing. For a new thread. */
  takeAll(): ExecutionOrder[] {
    const taken: ExecutionOrder[] = [];
    for (let s = this.#head; s !== this.#tail; s = (s + 1) >>> 0) {
      const sent = this.#slots[slotOf(s)];
      if (sent !== null) taken.push(sent.order);
      this.#slots[slotOf(s)] = null;
    }
    taken.push(...this.#waiting.splice(0));
    this.#beside.clear();
    this.#head = 0;
    this.#tail = 0;
    this.#live = 0;
    this.isHeld = false;
    return taken;
  }

  get #isOpen(): boolean {
    if (this.isHeld && this.#beside.size === 0) return false;
    return (this.#tail - this.#head) >>> 0 < laneSlotCount;
  }

  #send(order: ExecutionOrder): SentOrder {
    const sequence = this.#tail;
    const sent = { order, sequence, isAborting: false, isReportedStarted: false };
    this.#slots[slotOf(sequence)] = sent;
    this.#tail = (sequence + 1) >>> 0;
    this.#live++;
    return sent;
  }
}
