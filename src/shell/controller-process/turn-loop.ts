/**
 * The loop around the kernel. One turn is one pass of the event loop: every message that arrived
 * becomes an event with the turn's time, every event is stepped, and the facts of all of them go
 * to the journal together. What the kernel sends is held until the facts before it are durable:
 *
 *     events ─▶ step ─▶ facts ─▶ journal ─▶ durable ─▶ sends, in the order they were made
 *
 * One queue holds sends for every peer, so order holds per peer and between peers. Replies to API
 * calls wait in the same queue: what a reader is told is durable too.
 *
 * It must not decide anything, and it must not look into messages.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import type { QueuePolicy } from "../../scheduler/queue-policy.ts";
import type { Journal } from "../journal/journal.ts";
import type { Clock } from "./clock.ts";
import type { Kernel } from "./kernel.ts";
import { deadlineTimerMaxMs, loopCheckIntervalMs, pauseNoticedMs } from "./limits.ts";

/** What waits for durability: an order of the kernel, or an act of the shell in its place. */
export type Held = ControllerSend | { readonly type: "act"; readonly act: Act };

/** What the shell does in its turn; `sequence` is how far the journal is that it may speak of. */
export type Act = (sequence: number) => void;

interface HeldTurn {
  /** Nothing of this turn leaves before the journal is durable up to here. */
  readonly sequence: number;
  readonly held: readonly Held[];
}

export interface TurnLoopOptions<State, Fact> {
  readonly kernel: Kernel<State, Fact>;
  readonly state: State;
  readonly journal: Journal<Fact>;
  readonly clock: Clock;
  /** Carries out one order of the kernel; called in order, only when it may leave. */
  readonly deliver: (send: ControllerSend, sequence: number) => void;
  /** Everything that may leave now has been delivered. */
  readonly onDelivered: () => void;
  /** The turn's events are all stepped: last chance to `hold` something behind them. */
  readonly onTurnEnd: () => void;
  /** The kernel broke a promise while it stepped `event`: the process must end. */
  readonly onCrash: (error: unknown, event: ControllerEvent) => void;
}

export class TurnLoop<State, Fact> {
  readonly state: State;
  /** Of the last step; for pages that show whether the loop lives. */
  lastTurnAtMs = performance.now();
  readonly #options: TurnLoopOptions<State, Fact>;
  readonly #waiting: HeldTurn[] = [];
  #held: Held[] = [];
  #durableFacts: Fact[] = [];
  #turnAt: Micros | null = null;
  #lastAt: Micros = 0;
  #lastAliveMs = performance.now();
  #deadlineTimer: NodeJS.Timeout | null = null;
  #armedFor: Micros | null = null;
  #checkTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: TurnLoopOptions<State, Fact>) {
    this.#options = options;
    this.state = options.state;
    options.journal.onDurable = () => this.#release();
  }

  /** Begins to serve: the kernel learns the epoch, timers run. */
  start(epoch: number, policy: QueuePolicy): void {
    this.#lastAliveMs = performance.now();
    this.handle({ type: "controller-started", at: this.at(), epoch, policy });
    this.#checkTimer = setInterval(() => this.#noticePause(), loopCheckIntervalMs);
  }

  /** Steps nothing more and delivers nothing more. */
  stop(): void {
    this.#stopped = true;
    if (this.#deadlineTimer !== null) clearTimeout(this.#deadlineTimer);
    if (this.#checkTimer !== null) clearInterval(this.#checkTimer);
  }

  /** The time of the current turn: all its events share it. Begins a turn. */
  at(): Micros {
    if (this.#turnAt !== null) return this.#turnAt;
    this.#lastAt = Math.max(this.#lastAt, this.#options.clock.now());
    this.#turnAt = this.#lastAt;
    setImmediate(() => this.#endTurn());
    this.#noticePause();
    return this.#turnAt;
  }

  handle(event: ControllerEvent): void {
    if (this.#stopped) return;
    const { kernel, onCrash } = this.#options;
    try {
      const { facts, sends } = kernel.step(this.state, event);
      for (const fact of facts) if (kernel.isDurable(fact)) this.#durableFacts.push(fact);
      for (const send of sends) this.#held.push(send);
    } catch (error) {
      this.stop();
      onCrash(error, event);
    }
  }

  /** Runs `act` after everything sent so far, once everything decided so far is durable. */
  hold(act: Act): void {
    this.at();
    this.#held.push({ type: "act", act });
  }

  #endTurn(): void {
    if (this.#stopped) return;
    const { journal, onTurnEnd } = this.#options;
    onTurnEnd();
    const sequence = journal.append(this.#durableFacts, this.at());
    if (this.#held.length > 0) this.#waiting.push({ sequence, held: this.#held });
    this.#durableFacts = [];
    this.#held = [];
    this.#turnAt = null;
    this.lastTurnAtMs = performance.now();
    this.#release();
    this.#armDeadline();
  }

  /** Delivers, in order, every turn whose facts are durable. */
  #release(): void {
    const { journal, deliver, onDelivered } = this.#options;
    const durable = journal.durableSequence;
    let turns = 0;
    while (turns < this.#waiting.length && this.#waiting[turns].sequence <= durable) {
      if (this.#stopped) return;
      const { held: sends, sequence } = this.#waiting[turns];
      for (const held of sends) {
        if (held.type === "act") held.act(sequence);
        else deliver(held, sequence);
      }
      turns++;
    }
    if (turns > 0) this.#waiting.splice(0, turns);
    onDelivered();
  }

  /** One timer, for the moment that the kernel names. Firing early is harmless; late is not. */
  #armDeadline(): void {
    const next = this.#options.kernel.nextDeadline(this.state);
    if (next === null) return;
    if (this.#armedFor !== null && this.#armedFor <= next) return;
    if (this.#deadlineTimer !== null) clearTimeout(this.#deadlineTimer);
    const delayMs = Math.ceil((next - this.#options.clock.now()) / 1000);
    this.#armedFor = next;
    this.#deadlineTimer = setTimeout(
      () => this.#onDeadline(),
      Math.min(Math.max(delayMs, 1), deadlineTimerMaxMs),
    );
  }

  #onDeadline(): void {
    this.#armedFor = null;
    this.handle({ type: "tick", at: this.at() });
  }

  /** After a long stand-still the kernel hears of it before anything that came meanwhile. */
  #noticePause(): void {
    const nowMs = performance.now();
    const pausedMs = nowMs - this.#lastAliveMs;
    this.#lastAliveMs = nowMs;
    if (pausedMs < pauseNoticedMs) return;
    const pausedUs = Math.floor(pausedMs * 1000);
    this.handle({ type: "controller-paused", at: this.at(), pausedUs });
  }
}
