/**
 * A journal that forgets: for clusters without a data directory. Everything handed in counts as
 * durable at once, so nothing is ever held back.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import type { FoldKernel, Journal, Restored } from "./journal.ts";

export class MemoryJournal<Fact> implements Journal<Fact> {
  readonly clusterId = randomUUID();
  readonly epoch = 1;
  readonly congested = false;
  readonly diskLow = false;
  readonly oldest = null;
  sequence = 0;
  onDurable: Journal<Fact>["onDurable"] = () => undefined;
  onFailure: Journal<Fact>["onFailure"] = () => undefined;
  onNotice: Journal<Fact>["onNotice"] = () => undefined;

  get durableSequence(): number {
    return this.sequence;
  }

  append(facts: readonly Fact[]): number {
    this.sequence += facts.length;
    return this.sequence;
  }

  restore<State>(kernel: FoldKernel<State, Fact>): Restored<State> {
    return { state: kernel.newState(), at: 0, facts: 0, snapshotSequence: 0 };
  }

  async close(): Promise<void> {}
}
