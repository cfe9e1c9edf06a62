/**
 * The memory that a lane's thread and its owner share: control words, one claim per execution and
 * the ring of small results.
 *
 * A claim is how "has it begun?" gets one answer: the thread and the owner both compare-and-swap it
 * away from `queued`, and whoever comes first wins. The ring is how a result is never lost or late:
 * it is in the owner's memory the moment it exists, also when the thread dies in the next function
 * or is busy with a long one and cannot post.
 *
 *     owner:   queued ─▶ revoked            thread:  queued ─▶ claimed
 *
 * One writer and one reader per side; neither blocks the other, except that the thread waits when
 * the ring is full. Nothing here knows what a value is.
 *
 * @module
 */

import { laneSlotCount, resultRingBytes } from "./limits.ts";

/** What a claim holds. */
export const claimState = { queued: 0, claimed: 1, revoked: 2 } as const;

/** What a record of the ring is about. */
export const recordKind = {
  /** Its bytes are the value. */
  value: 1,
  /** It came as a message (a failure or a large value), posted before this record was written. */
  message: 2,
  /** Padding up to the end of the ring. */
  gap: 3,
} as const;

/** Indices of the control words. */
const word = { tail: 0, head: 1, notified: 2, passed: 3, loading: 4, current: 5 } as const;

const controlBytes = 64;
const claimsBytes = laneSlotCount * 4;
const headerBytes = 16;

/** A result taken from the ring. `value` is a private copy; empty for `message` records. */
export interface ResultRecord {
  readonly sequence: number;
  readonly kind: number;
  readonly durationUs: number;
  readonly value: Uint8Array;
}

/** Both sides' view of one lane's shared memory. Sequences are u32 and wrap. */
export class LaneMemory {
  readonly shared: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #claims: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(shared = new SharedArrayBuffer(controlBytes + claimsBytes + resultRingBytes)) {
    this.shared = shared;
    this.#control = new Int32Array(shared, 0, controlBytes / 4);
    this.#claims = new Int32Array(shared, controlBytes, laneSlotCount);
    this.#bytes = new Uint8Array(shared, controlBytes + claimsBytes, resultRingBytes);
    this.#words = new Uint32Array(shared, controlBytes + claimsBytes, resultRingBytes / 4);
  }

  /** Owner: the slot of `sequence` is free for a new execution. */
  resetClaim(sequence: number): void {
    Atomics.store(this.#claims, slotOf(sequence), claimState.queued);
  }

  /** Thread: true if the execution is the thread's now. */
  claim(sequence: number): boolean {
    return this.#takeClaim(sequence, claimState.claimed);
  }

  /** Owner: true if the thread will never begin it. */
  revoke(sequence: number): boolean {
    return this.#takeClaim(sequence, claimState.revoked);
  }

  isClaimed(sequence: number): boolean {
    return Atomics.load(this.#claims, slotOf(sequence)) === claimState.claimed;
  }

  /** Thread: everything before `sequence` is done or was skipped. */
  setPassed(sequence: number): void {
    Atomics.store(this.#control, word.passed, sequence | 0);
  }

  get passed(): number {
    return Atomics.load(this.#control, word.passed) >>> 0;
  }

  /** Thread: a module is being imported (its exit would be the module's doing). */
  setLoading(loading: boolean): void {
    Atomics.store(this.#control, word.loading, loading ? 1 : 0);
  }

  get isLoading(): boolean {
    return Atomics.load(this.#control, word.loading) === 1;
  }

  /** Thread: what it runs now. Read it only together with `isClaimed`. */
  setCurrent(sequence: number): void {
    Atomics.store(this.#control, word.current, sequence | 0);
  }

  get current(): number {
    return Atomics.load(this.#control, word.current) >>> 0;
  }

  /** Thread: true if the owner must be told; false if it was told and has not looked yet. */
  raiseNotice(): boolean {
    return Atomics.exchange(this.#control, word.notified, 1) === 0;
  }

  /** Owner: looks now, so the next result is worth a notice again. */
  lowerNotice(): void {
    Atomics.store(this.#control, word.notified, 0);
  }

  /** Thread: true if a record of `length` bytes fits now. */
  hasRoomFor(length: number): boolean {
    const size = recordSize(length);
    const tail = Atomics.load(this.#control, word.tail) >>> 0;
    const toEnd = resultRingBytes - (tail % resultRingBytes);
    return this.#free(tail) >= (toEnd < size ? toEnd + size : size);
  }

  /** Thread: sleeps until the owner has read something, or `timeoutMs` have passed. */
  waitForRoom(timeoutMs: number): void {
    const head = Atomics.load(this.#control, word.head);
    Atomics.wait(this.#control, word.head, head, timeoutMs);
  }

  /** Thread: adds a record; `hasRoomFor` must hold. */
  write(sequence: number, kind: number, durationUs: number, value: Uint8Array | null): void {
    const length = value === null ? 0 : value.length;
    let tail = Atomics.load(this.#control, word.tail) >>> 0;
    const toEnd = resultRingBytes - (tail % resultRingBytes);
    if (toEnd < recordSize(length)) {
      this.#words[(tail % resultRingBytes) / 4 + 1] = recordKind.gap;
      tail = (tail + toEnd) >>> 0;
    }
    const at = tail % resultRingBytes;
    this.#words[at / 4] = sequence;
    this.#words[at / 4 + 1] = kind;
    this.#words[at / 4 + 2] = length;
    this.#words[at / 4 + 3] = durationUs;
    if (value !== null) copyBytes(value, 0, this.#bytes, at + headerBytes, length);
    Atomics.store(this.#control, word.tail, (tail + recordSize(length)) | 0);
  }

  /** Owner: hands each new record to `take`, oldest first, until it returns false. */
  read(take: (record: ResultRecord) => boolean): void {
    const tail = Atomics.load(this.#control, word.tail) >>> 0;
    let head = Atomics.load(this.#control, word.head) >>> 0;
    const from = head;
    while (head !== tail) {
      const at = head % resultRingBytes;
      if (this.#words[at / 4 + 1] === recordKind.gap) {
        head = (head + resultRingBytes - at) >>> 0;
        continue;
      }
      const record = this.#recordAt(at);
      if (!take(record)) break;
      head = (head + recordSize(this.#words[at / 4 + 2])) >>> 0;
    }
    if (head === from) return;
    Atomics.store(this.#control, word.head, head | 0);
    Atomics.notify(this.#control, word.head);
  }

  #recordAt(at: number): ResultRecord {
    const length = this.#words[at / 4 + 2];
    const value = new Uint8Array(length);
    copyBytes(this.#bytes, at + headerBytes, value, 0, length);
    return {
      sequence: this.#words[at / 4],
      kind: this.#words[at / 4 + 1],
      durationUs: this.#words[at / 4 + 3],
      value,
    };
  }

  #takeClaim(sequence: number, to: number): boolean {
    const slot = slotOf(sequence);
    const before = Atomics.compareExchange(this.#claims, slot, claimState.queued, to);
    return before === claimState.queued;
  }

  #free(tail: number): number {
    const head = Atomics.load(this.#control, word.head) >>> 0;
    return resultRingBytes - ((tail - head) >>> 0);
  }
}

/** Where a sequence has its claim and its order. */
export function slotOf(sequence: number): number {
  return sequence % laneSlotCount;
}

function recordSize(length: number): number {
  return headerBytes + ((length + 15) & ~15);
}

/** Small copies in a loop: cheaper than making the views that `set` needs. */
function copyBytes(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  if (length > 64) to.set(from.subarray(fromAt, fromAt + length), toAt);
  else for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i];
}
