/**
 * Live queries: what subscribers were told, kept up to date. The same question of the same
 * principal is asked once, however many want the answer:
 *
 *     due ─▶ read ─▶ (durable) text ─▶ changed? ─▶ changes ─▶ every subscriber that is not busy
 *
 * A query is due when the journal went on, at most every `liveRefreshMs`, and now and then for what
 * is in no journal. All reads together have a share of the loop's CPU time: with more subscribers
 * they come less often. A subscriber that is still busy with a message gets none; later it is told
 * everything that changed since at once. So nothing queues.
 *
 * @module
 */

import { changesBetween } from "../../base/changes.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { CallOrder, CallOutcome } from "./http-api.ts";
import {
  liveCreditMsMax,
  liveIdleRefreshMs,
  liveQueriesMax,
  liveRefreshMs,
  liveShare,
} from "./live-limits.ts";

/** What live queries read. */
export interface LiveSource {
  /** How far the journal is. */
  sequence(): number;
  /** The time of the cluster, RFC 3339. */
  at(): string;
  /** Carries out a read and answers, later, when what it says is durable. */
  read(order: CallOrder, answer: (outcome: CallOutcome) => void): () => void;
}

/** Whoever wants to know. */
export interface LiveSubscriber {
  /** The last message to it has not left yet: it is told nothing. */
  readonly busy: boolean;
  /** The tail of a message without its braces, and whether it is the value or what changed. */
  tell(type: "value" | "change", fields: string): void;
  /** The last thing that it hears. */
  fail(error: CapstanError): void;
}

interface LiveQuery {
  readonly key: string;
  readonly order: CallOrder;
  /** The value that each of them knows; undefined for none. */
  readonly subscribers: Map<LiveSubscriber, unknown>;
  drop: (() => void) | null;
  /** As it was read last; undefined before. */
  value: unknown;
  text: string;
  /** `"sequence":…,"at":…` of the last read that changed something. */
  position: string;
  readSequence: number;
  readMs: number;
}

export class LiveQueries {
  readonly #source: LiveSource;
  readonly #queries = new Map<string, LiveQuery>();
  #timer: NodeJS.Timeout | null = null;
  #creditMs = liveCreditMsMax;
  #creditedMs = performance.now();
  /** Reads since the process began, and the CPU time that they and what was told of them took. */
  readCount = 0;
  busyMs = 0;

  constructor(source: LiveSource) {
    this.#source = source;
  }

  get queryCount(): number {
    return this.#queries.size;
  }

  /** Whether one more question may be asked. */
  get isFull(): boolean {
    return this.#queries.size >= liveQueriesMax;
  }

  /** Tells the subscriber the answer, then what changes in it, until the returned is called. */
  subscribe(order: CallOrder, subscriber: LiveSubscriber): () => void {
    const key = keyOf(order);
    let query = this.#queries.get(key);
    if (query === undefined) {
      query = newQuery(key, order);
      this.#queries.set(key, query);
    }
    query.subscribers.set(subscriber, undefined);
    if (query.value !== undefined) this.#tell(query, subscriber);
    this.#timer ??= setInterval(() => this.#refresh(), liveRefreshMs);
    setImmediate(() => this.#refresh());
    return () => this.#leave(query, subscriber);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { drop } of this.#queries.values()) drop?.();
    this.#queries.clear();
  }

  #leave(query: LiveQuery, subscriber: LiveSubscriber): void {
    query.subscribers.delete(subscriber);
    if (query.subscribers.size > 0) return;
    query.drop?.();
    if (this.#queries.get(query.key) === query) this.#queries.delete(query.key);
    if (this.#queries.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Reads what is due, oldest first, as far as the credit goes; the rest waits for the next. */
  #refresh(): void {
    this.#earnCredit();
    const sequence = this.#source.sequence();
    const nowMs = performance.now();
    const due = [...this.#queries.values()]
      .filter((query) => isDue(query, sequence, nowMs))
      .sort((a, b) => a.readMs - b.readMs);
    for (const query of due) {
      if (this.#creditMs <= 0) break;
      this.#read(query);
    }
    for (const query of this.#queries.values()) this.#tellAll(query, null);
  }

  #earnCredit(): void {
    const nowMs = performance.now();
    const earnedMs = (nowMs - this.#creditedMs) * liveShare;
    this.#creditedMs = nowMs;
    this.#creditMs = Math.min(liveCreditMsMax, this.#creditMs + earnedMs);
  }

  #read(query: LiveQuery): void {
    query.readSequence = this.#source.sequence();
    query.readMs = performance.now();
    this.readCount++;
    const at = this.#source.at();
    this.#charged(() => {
      const onWork = (tookMs: number) => this.#charge(tookMs);
      query.drop = this.#source.read({ ...query.order, onWork }, (outcome) => {
        query.drop = null;
        this.#charged(() => this.#onRead(query, outcome, at));
      });
    });
  }

  /** Whatever a read costs, before and after it is durable, is charged. */
  #charged(act: () => void): void {
    const before = process.threadCpuUsage();
    act();
    this.#charge(cpuMsSince(before));
  }

  #charge(tookMs: number): void {
    this.#creditMs -= tookMs;
    this.busyMs += tookMs;
  }

  #onRead(query: LiveQuery, outcome: CallOutcome, at: string): void {
    if (outcome.error !== null) {
      this.#queries.delete(query.key);
      for (const subscriber of [...query.subscribers.keys()]) subscriber.fail(outcome.error);
      return;
    }
    const text = JSON.stringify(outcome.result);
    if (text === query.text) return;
    const before = query.value;
    query.text = text;
    // A copy: what the kernel answered with may have parts of its state in it, which go on.
    query.value = JSON.parse(text);
    query.position = `"sequence":${outcome.sequence},"at":${JSON.stringify(at)}`;
    this.#tellAll(query, before);
  }

  /** Most know the value before, so what changed since that is written once. */
  #tellAll(query: LiveQuery, before: unknown): void {
    if (query.value === undefined) return;
    let shared: string | null = null;
    for (const [subscriber, known] of query.subscribers) {
      if (known === query.value || subscriber.busy) continue;
      if (known !== undefined && known === before) shared ??= changesText(query, before);
      this.#tell(query, subscriber, known === before ? shared : null);
    }
  }

  #tell(query: LiveQuery, subscriber: LiveSubscriber, shared: string | null = null): void {
    const known = query.subscribers.get(subscriber);
    query.subscribers.set(subscriber, query.value);
    if (known === undefined) {
      subscriber.tell("value", `${query.position},"value":${query.text}`);
      return;
    }
    subscriber.tell("change", shared ?? changesText(query, known));
  }
}

/** CPU time of this thread: what else a busy machine does meanwhile is not ours. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function newQuery(key: string, order: CallOrder): LiveQuery {
  return {
    ...{ key, order, subscribers: new Map(), drop: null },
    ...{ value: undefined, text: "", position: "", readSequence: -1, readMs: -Infinity },
  };
}

function isDue(query: LiveQuery, sequence: number, nowMs: number): boolean {
  if (query.drop !== null) return false;
  const ageMs = nowMs - query.readMs;
  if (ageMs >= liveIdleRefreshMs) return true;
  // A timer may be early by less than a millisecond.
  return sequence !== query.readSequence && ageMs >= liveRefreshMs - 1;
}

/** Who asks matters: users see their own. */
function keyOf({ principal, method, request }: CallOrder): string {
  const { user, role, jobId } = principal;
  return JSON.stringify([method, user, role, jobId, request ?? {}]);
}

/** What changed, unless the whole is shorter: then that, as one operation on the root. */
function changesText(query: LiveQuery, known: unknown): string {
  const text = JSON.stringify(changesBetween(known, query.value));
  const changes = text.length <= query.text.length ? text : `[{"path":[],"value":${query.text}}]`;
  return `${query.position},"changes":${changes}`;
}
