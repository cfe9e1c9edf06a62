/**
 * The virtual time of one cluster: what is due, told apart by whether it matters. Heartbeats and
 * looks at the clock go on for ever and prove nothing; what matters is what somebody waits for.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { Timeline } from "../simulator/timeline.ts";

export class VirtualTime {
  readonly timeline = new Timeline();
  /** When what matters is due. */
  readonly #mattering = new Map<number, Micros>();
  #count = 0;
  #startedAt: Micros;
  /** When something that matters was said or done last, or time was set ahead. */
  stirredAt: Micros = 0;
  /** How often. */
  stirCount = 0;

  constructor() {
    this.#startedAt = this.timeline.now;
  }

  /** The cluster is ready: elapsed time counts from now. */
  begin(): void {
    this.#startedAt = this.now;
  }

  get now(): Micros {
    return this.timeline.now;
  }

  /** Milliseconds since the cluster began. */
  get elapsedMs(): number {
    return (this.now - this.#startedAt) / 1000;
  }

  /** Something that matters: it is never skipped. What is returned takes it back. */
  after(delayUs: number, act: () => void): () => void {
    const id = ++this.#count;
    const at = this.now + Math.max(0, Math.round(delayUs));
    this.#mattering.set(id, at);
    this.timeline.at(at, () => {
      if (!this.#mattering.delete(id)) return;
      this.stir();
      act();
    });
    return () => void this.#mattering.delete(id);
  }

  /** Something that goes on in the background: a skip may make it late. */
  afterIdly(delayUs: number, act: () => void): void {
    this.timeline.after(Math.max(0, Math.round(delayUs)), act);
  }

  /** Something was said or done: what follows from it is still to come. */
  stir(): void {
    this.stirredAt = this.now;
    this.stirCount++;
  }

  /** When the next thing that matters is due; infinity for nothing. */
  nextDue(): Micros {
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#mattering.values()) next = Math.min(next, at);
    return next;
  }

  /** Whatever is due before `at` will be done then, late. */
  skipTo(at: Micros): void {
    this.timeline.now = Math.max(this.now, at);
    this.stir();
  }

  runNext(): boolean {
    return this.timeline.runNext();
  }
}
