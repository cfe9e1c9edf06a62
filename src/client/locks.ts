/**
 * Locks that a client holds or waits for.
 *
 *     asked ─▶ granted ─▶ (lease confirmed) ─▶ held ⇄ renewed ─▶ released | lost
 *
 * A lease counts from the moment at which its renewal was *sent*, so it ends here before it ends at
 * the controller. A lock is given to its user only when the first renewal is confirmed.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { sharedNameCharactersMax } from "../model/limits.ts";
import { parseFields, parseText } from "../model/parse-fields.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import type { LockGranted, LockLost, LockQueued } from "../protocol/shared-messages.ts";
import { lockLeaseDefaultMs, renewalsPerLease } from "./limits.ts";
import type { WaitClock } from "./wait-clock.ts";
import { limited, type WaitLimits } from "./waiting.ts";

/** See `Client.lock`. */
export interface LockOptions extends WaitLimits {
  /**
   * How long the lock stays with this client without a word from it: `"30s"` (the default) or
   * milliseconds, from 1 s to 1 h. Shorter: a dead holder blocks for less; longer: a slow network
   * takes it from nobody.
   */
  readonly lease?: string | number | undefined;
}

/** What the locks ask of their session. */
export interface LockHost {
  readonly clock: WaitClock;
  readonly isConnected: boolean;
  /** Sent at once, or never. */
  send(message: ClientMessage): void;
  /** Sent until it is durable. Rejects when it is refused. */
  request(messageOf: (sequence: number) => ClientMessage): Promise<void>;
}

interface Entry {
  readonly id: number;
  readonly name: string;
  readonly leaseMs: number;
  readonly lost: AbortController;
  /** Ends the wait for it. */
  end: ((error: unknown) => void) | null;
  /** 0 until it is granted. */
  token: number;
  renewalSentMs: number;
  deadlineMs: number;
  /** The controller has the request on disk. */
  isAsked: boolean;
  isHeld: boolean;
  ahead: string;
  stopTimer: () => void;
}

/** A lock that this client holds. */
export class Lock {
  readonly name: string;
  /**
   * Above that of every lock that was granted before. Send it with each write to what the lock
   * guards: whoever keeps that can refuse a lower one, from a holder that has lost the lock.
   */
  readonly token: number;
  /** Aborted with LOCK_LOST when the lease runs out or the session ends. */
  readonly signal: AbortSignal;
  readonly #release: () => Promise<void>;

  /** Made by `Client.lock`. */
  constructor(
    { name, token, lost }: { name: string; token: number; lost: AbortController },
    release: () => Promise<void>,
  ) {
    this.name = name;
    this.token = token;
    this.signal = lost.signal;
    this.#release = release;
  }

  /** Gives it to whoever is next. Resolves when the controller has it on disk. */
  release(): Promise<void> {
    return this.#release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#release();
  }
}

export class Locks {
  readonly #host: LockHost;
  readonly #entries = new Map<number, Entry>();
  #lastId = 0;

  constructor(host: LockHost) {
    this.#host = host;
  }

  /** See `Client.lock`. */
  async lock(name: string, options: LockOptions): Promise<Lock> {
    parseText("name", name, sharedNameCharactersMax);
    parseFields("", options, ["lease", "signal", "timeoutMs"]);
    const { lease = lockLeaseDefaultMs, ...limits } = options;
    const leaseMs = parseDurationMs("lease", lease);
    const entry = this.#newEntry(name, leaseMs);
    const { id } = entry;
    const ask = (sequence: number) =>
      ({ type: "lock", sequence, lock: id, name, leaseMs }) as const;
    await limited(limits, this.#host.clock, {
      begin: (end) => {
        entry.end = end;
        this.#entries.set(id, entry);
        void this.#ask(entry, ask);
      },
      abandon: () => {
        entry.end = null;
        if (!entry.isHeld) void this.#leave(entry).catch(() => undefined);
      },
      describe: () => `the lock ${JSON.stringify(name)}${entry.ahead}`,
      isWork: false,
    });
    return new Lock({ name, token: entry.token, lost: entry.lost }, () => this.#leave(entry));
  }

  async #ask(entry: Entry, ask: (sequence: number) => ClientMessage): Promise<void> {
    try {
      await this.#host.request(ask);
      entry.isAsked = true;
    } catch (error) {
      this.#fail(entry, error);
    }
  }

  /** What was lost while nobody could be told of it is told now. */
  onConnected(): void {
    for (const entry of this.#entries.values()) if (entry.isAsked) this.#renew(entry);
  }

  onGranted({ lock, token }: LockGranted): void {
    const entry = this.#entries.get(lock);
    if (entry === undefined) return; // Given up; it is being said.
    entry.token = token;
    this.#renew(entry);
  }

  onQueued({ lock, ahead, holder }: LockQueued): void {
    const entry = this.#entries.get(lock);
    if (entry === undefined) return;
    const line = ahead === 1 ? "" : `; ${ahead - 1} more stood before it`;
    entry.ahead = `, which was held by ${holder} when this client asked${line}`;
  }

  onRenewed(locks: readonly number[]): void {
    for (const lock of locks) {
      const entry = this.#entries.get(lock);
      if (entry === undefined) continue;
      entry.deadlineMs = entry.renewalSentMs + entry.leaseMs;
      if (!entry.isHeld) {
        entry.isHeld = true;
        entry.end?.(null);
      }
      this.#arm(entry);
    }
  }

  onLost({ lock, reason }: LockLost): void {
    const entry = this.#entries.get(lock);
    if (entry !== undefined) this.#fail(entry, lostError(entry.name, reason));
  }

  /** The session is over, and with it every lock. */
  close(why: string): void {
    for (const entry of [...this.#entries.values()]) this.#fail(entry, lostError(entry.name, why));
  }

  #newEntry(name: string, leaseMs: number): Entry {
    return {
      ...{ id: ++this.#lastId, name, leaseMs, lost: new AbortController(), end: null },
      ...{ token: 0, renewalSentMs: 0, deadlineMs: 0, isAsked: false, isHeld: false },
      ahead: "",
      stopTimer: () => undefined,
    };
  }

  /** Nobody at the controller is told: it knows, or does not know this session any more. */
  #fail(entry: Entry, error: unknown): void {
    this.#forget(entry);
    entry.lost.abort(error);
    entry.end?.(error);
  }

  #forget(entry: Entry): boolean {
    entry.stopTimer();
    return this.#entries.delete(entry.id);
  }

  async #leave(entry: Entry): Promise<void> {
    if (!this.#forget(entry)) return; // It was lost, or released before.
    const { id: lock } = entry;
    await this.#host.request((sequence) => ({ type: "unlock", sequence, lock }));
  }

  #renew(entry: Entry): void {
    if (!this.#host.isConnected) return;
    entry.renewalSentMs = this.#host.clock.nowMs();
    this.#host.send({ type: "renew-locks", locks: [entry.id] });
  }

  #arm(entry: Entry): void {
    const { clock } = this.#host;
    entry.stopTimer();
    const left = entry.deadlineMs - clock.nowMs();
    const delayMs = Math.max(0, Math.min(left, entry.leaseMs / renewalsPerLease));
    entry.stopTimer = clock.after(delayMs, () => this.#onTimer(entry));
  }

  #onTimer(entry: Entry): void {
    const { clock } = this.#host;
    if (clock.nowMs() < entry.deadlineMs) {
      this.#renew(entry);
      return this.#arm(entry);
    }
    const error = lostError(entry.name, "its lease ran out: the controller was not heard in time");
    entry.lost.abort(error);
    // What comes too late to renew it must not find it taken for ever.
    void this.#leave(entry).catch(() => undefined);
  }
}

function lostError(name: string, why: string): CapstanError {
  return new CapstanError("LOCK_LOST", `The lock ${JSON.stringify(name)} is lost: ${why}.`);
}
