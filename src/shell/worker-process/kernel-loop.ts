/**
 * Drives the worker kernel: events in, in batches; what it orders is carried out in sequence.
 *
 * Carrying out an order may produce an event at once (a revoke is answered at once); it waits until
 * the orders of the current step are done. So the kernel is never entered twice.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { WorkerEvent, WorkerSend } from "../../worker/events.ts";
import { newWorkerState, type WorkerConfig, type WorkerState } from "../../worker/state.ts";
import { nextWorkerDeadline, stepAll } from "../../worker/step.ts";
import { nowMicros } from "./clock.ts";

/** An event without its time: the loop stamps it. */
export type UntimedEvent = WorkerEvent extends infer E
  ? E extends { readonly at: Micros }
    ? Omit<E, "at">
    : never
  : never;

/** Who carries out the kernel's orders. */
export interface Carrier {
  /** May post events; must not pump. */
  perform(send: WorkerSend): void;
  /** Everything that was posted has been stepped: flush what was collected. */
  turnEnded(): void;
}

// `setTimeout` counts in 32 bits; a later deadline is armed again when it comes.
const timerMsMax = 2 ** 31 - 1;

export class KernelLoop {
  readonly #state: WorkerState;
  #carrier: Carrier | null = null;
  #queue: WorkerEvent[] = [];
  #isPumping = false;
  #timer: NodeJS.Timeout | null = null;
  #armedFor: Micros = 0;
  #lastAt: Micros = 0;

  constructor(config: WorkerConfig) {
    this.#state = newWorkerState(config);
  }

  /** Set once, before the first event. */
  set carrier(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /** Adds an event; it is stepped by the next `pump`, or by the one under way. */
  post(event: UntimedEvent): void {
    this.#queue.push({ ...event, at: this.#now() } as WorkerEvent);
  }

  /** Steps everything that was posted, carries out what follows, and arms the next deadline. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#queue.length > 0) {
      const events = this.#queue;
      this.#queue = [];
      this.#step(events);
    }
    this.#isPumping = false;
    this.#carrier?.turnEnded();
    this.#armTimer();
  }

  /** Whether a run with this spec may still have to start. Walks all tasks: not for every turn. */
  needsSpec(spec: number): boolean {
    if (this.#state.specs.has(spec)) return true;
    for (const { state } of this.#state.tasks.values()) {
      if ("run" in state && state.run.spec.id === spec) return true;
    }
    return false;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#carrier = null;
    this.#queue = [];
  }

  #step(events: readonly WorkerEvent[]): void {
    const carrier = this.#carrier;
    if (carrier === null) return;
    for (const send of stepAll(this.#state, events).sends) carrier.perform(send);
  }

  #now(): Micros {
    this.#lastAt = Math.max(this.#lastAt, nowMicros());
    return this.#lastAt;
  }

  #armTimer(): void {
    const deadline = this.#carrier === null ? null : nextWorkerDeadline(this.#state);
    if (deadline === null) return;
    if (this.#timer !== null) {
      if (this.#armedFor <= deadline) return; // It looks again when it fires.
      clearTimeout(this.#timer);
    }
    this.#armedFor = deadline;
    const delayMs = Math.max(0, Math.ceil((deadline - this.#now()) / 1000));
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(delayMs, timerMsMax));
  }

  #onTimer(): void {
    this.#timer = null;
    const deadline = nextWorkerDeadline(this.#state);
    if (deadline !== null && deadline <= this.#now()) this.post({ type: "tick" });
    this.pump();
  }
}
