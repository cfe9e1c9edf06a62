/**
 * One parameter set of a running study: which replicates are still to do, and what became of the
 * others. The values themselves are in the record.
 *
 * @module
 */

import { foldReplicates, listedFailuresMax } from "./limits.ts";
import type { RecordPlace } from "./record-file.ts";
import { replicateSeed } from "./study-ids.ts";
import type { RecordedFailure, RecordedSet, StudyRecord } from "./study-record.ts";
import type { ReplicateFailure, SetResult, SetState } from "./study-results.ts";

/** What all sets of a run share. */
export interface SetContext {
  readonly record: StudyRecord;
  readonly series: number;
  readonly studySeed: number;
  readonly replicates: number;
}

export class SetProgress {
  readonly index: number;
  readonly recorded: RecordedSet;
  readonly reused: number;
  /** About what the arguments of one replicate take. */
  readonly argumentBytes: number;
  readonly #context: SetContext;
  state: SetState = "WAITING";
  value: unknown = null;
  error = "";
  succeeded: number;
  failed = 0;
  /** Replicates to be submitted again, before the next ones. */
  readonly #again: number[] = [];
  /** Every replicate below it was submitted or has a value. */
  #next = 0;
  /** Replicates of each part that are not settled, and who waits for the part. */
  readonly #unsettled: Uint16Array;
  readonly #waiters = new Map<number, (() => void)[]>();

  constructor(context: SetContext, recorded: RecordedSet, index: number) {
    this.#context = context;
    this.recorded = recorded;
    this.index = index;
    this.argumentBytes = 64 + JSON.stringify(recorded.parameters).length;
    const { replicates } = context;
    this.#unsettled = Uint16Array.from({ length: Math.ceil(replicates / foldReplicates) }, (_, i) =>
      Math.min(foldReplicates, replicates - i * foldReplicates),
    );
    let reused = 0;
    this.#places().forEach((place, replicate) => {
      if (place === undefined || replicate >= replicates) return;
      reused++;
      this.#unsettled[Math.floor(replicate / foldReplicates)]--;
    });
    this.reused = reused;
    this.succeeded = reused;
  }

  /** Every replicate has a value or has failed. */
  get isSettled(): boolean {
    return this.succeeded + this.failed === this.#context.replicates;
  }

  /** Up to `count` replicates that are to be submitted now. */
  take(count: number): number[] {
    const taken = this.#again.splice(0, count);
    const places = this.#places();
    const { replicates } = this.#context;
    for (; taken.length < count && this.#next < replicates; this.#next++) {
      if (places[this.#next] === undefined) taken.push(this.#next);
    }
    return taken;
  }

  /** Resolves when every replicate of a part (256 in a row, from 0) has a value or has failed. */
  async partSettled(part: number): Promise<void> {
    if (this.#unsettled[part] === 0) return;
    await new Promise<void>((settled) => {
      this.#waiters.set(part, [...(this.#waiters.get(part) ?? []), settled]);
    });
  }

  giveBack(replicate: number): void {
    this.#again.push(replicate);
  }

  seedOf(replicate: number): number {
    return replicateSeed(this.#context.studySeed, this.recorded.id, replicate);
  }

  addValue(replicate: number, value: unknown): void {
    const { record, series } = this.#context;
    record.addValue(series, this.recorded.number, replicate, value);
    this.succeeded++;
    this.#settle(replicate);
  }

  addFailure(replicate: number, failure: RecordedFailure): void {
    const { record, series } = this.#context;
    record.addFailure(series, this.recorded.number, replicate, failure);
    this.failed++;
    this.#settle(replicate);
  }

  /** Where the values of the replicates `from` to below `until` are, without those that failed. */
  placesBetween(from: number, until: number): readonly RecordPlace[] {
    return this.#places()
      .slice(from, Math.min(until, this.#context.replicates))
      .filter((place) => place !== undefined);
  }

  snapshot(): SetResult {
    const { id, parameters } = this.recorded;
    const { index, state, succeeded, failed, reused, value, error } = this;
    return {
      ...{ id, index, parameters, state, succeeded, failed, reused, value, error },
      failures: this.#failures(),
    };
  }

  #settle(replicate: number): void {
    const part = Math.floor(replicate / foldReplicates);
    if (--this.#unsettled[part] > 0) return;
    for (const settled of this.#waiters.get(part) ?? []) settled();
    this.#waiters.delete(part);
  }

  #places(): readonly (RecordPlace | undefined)[] {
    const { record, series } = this.#context;
    return record.placesOf(series, this.recorded.number);
  }

  #failures(): readonly ReplicateFailure[] {
    const { record, series } = this.#context;
    const all = [...record.failuresOf(series, this.recorded.number)];
    return all
      .filter(([replicate]) => replicate < this.#context.replicates)
      .sort(([left], [right]) => left - right)
      .slice(0, listedFailuresMax)
      .map(([replicate, failure]) => ({ replicate, seed: this.seedOf(replicate), ...failure }));
  }
}
