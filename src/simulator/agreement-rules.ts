/**
 * Rules that hold between the controller and its workers, which nobody inside the system can see
 * whole: what runs is paid for, and what was answered is heard.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { FactOf } from "../controller/facts.ts";
import type { Output } from "../controller/outbox.ts";
import type { ControllerState } from "../controller/state.ts";
import { type AttemptId, formatAttemptId } from "../model/ids.ts";
import { attemptCauseCode } from "../model/states.ts";
import type { WorkerFact } from "../worker/facts.ts";
import type { WorkerState } from "../worker/state.ts";

/** A worker process that lives. */
export interface LiveWorker {
  readonly workerId: string;
  readonly incarnation: string;
  readonly state: WorkerState;
}

const neverHadIt = attemptCauseCode("never-had-it");

export class AgreementRules {
  /** Incarnations that were given up: what they still run is not paid for any more. */
  readonly #lost = new Set<string>();
  /** Incarnation → every attempt that it has taken up. */
  readonly #accepted = new Map<string, Set<AttemptId>>();
  /** Attempts whose running thing the next attempt of their task has taken over. */
  readonly #superseded = new Set<AttemptId>();
  /** Row → id, as it was before the step. */
  #ids = new Map<number, AttemptId>();

  onWorkerFacts({ incarnation }: LiveWorker, facts: readonly WorkerFact[]): void {
    let accepted = this.#accepted.get(incarnation);
    if (accepted === undefined) {
      accepted = new Set();
      this.#accepted.set(incarnation, accepted);
    }
    for (const fact of facts) if (fact.type === "run-accepted") accepted.add(fact.attempt);
  }

  /** Throws InvariantError if the two sides part. */
  check(state: ControllerState, { facts, sends }: Output, workers: Iterable<LiveWorker>): void {
    const leaves = facts.some(({ type }) => type === "worker-lost");
    for (const fact of facts) {
      if (fact.type === "worker-lost") this.#lost.add(state.workers[fact.worker].incarnation);
      if (fact.type === "attempt-superseded") this.#superseded.add(this.#idOf(fact.attempt));
      if (fact.type === "attempts-ended" && !leaves) this.#checkHeard(fact);
    }
    for (const send of sends) {
      const isDoubt = send.type === "disconnect-worker" && send.reason.startsWith("its digest");
      if (isDoubt) fail("a worker has what it is believed to have", [String(send.worker)]);
    }
    this.#remember(state);
    for (const worker of workers) this.#checkPaid(state, worker);
  }

  #idOf(row: number): AttemptId {
    return this.#ids.get(row) ?? 0;
  }

  #remember({ attempts }: ControllerState): void {
    this.#ids = new Map();
    for (let row = 0; row < attempts.length; row++) {
      if (attempts.id[row] !== 0) this.#ids.set(row, attempts.id[row]);
    }
  }

  /** What a worker has taken up ends by its word, not because nothing was heard of it. */
  #checkHeard({ attempts, causes }: FactOf<"attempts-ended">): void {
    for (const [entry, row] of attempts.entries()) {
      if (causes[entry] !== neverHadIt) continue;
      const id = this.#idOf(row);
      for (const [incarnation, accepted] of this.#accepted) {
        if (!accepted.has(id) || this.#lost.has(incarnation)) continue;
        fail("what ends as never had was never there", [incarnation, formatAttemptId(id)]);
      }
    }
  }

  /** What runs on a worker that counts as alive is an attempt that has not ended. */
  #checkPaid(state: ControllerState, worker: LiveWorker): void {
    const index = state.workersById.get(worker.workerId);
    const record = index === undefined ? undefined : state.workers[index];
    if (record === undefined || record.lost || this.#lost.has(worker.incarnation)) return;
    if (record.incarnation !== worker.incarnation) return;
    const live = new Set(this.#ids.values());
    for (const { run, silent } of worker.state.executions.values()) {
      const { attempt } = run;
      if (silent || live.has(attempt) || this.#superseded.has(attempt)) continue;
      fail("what runs has not ended", [worker.workerId, formatAttemptId(attempt)]);
    }
  }
}

function fail(rule: string, ids: readonly string[]): never {
  throw new InvariantError(rule, [ids.join(" ")]);
}
