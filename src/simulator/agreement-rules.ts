/**
 * Rules that hold between the controller and its workers, which nobody inside the system can see
 * whole: what runs is paid for, and what was answered is heard.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import type { Fact, FactOf } from "../controller/facts.ts";
import type { Output } from "../controller/outbox.ts";
import { type ControllerState, jobOf, taskIdOf } from "../controller/state.ts";
import { attemptFlag } from "../controller/tables/attempt-table.ts";
import { noSlot } from "../controller/tables/task-table.ts";
import { type AttemptId, formatAttemptId } from "../model/ids.ts";
import { attemptCauseCode } from "../model/states.ts";
import type { WorkerFact } from "../worker/facts.ts";
import type { WorkerState } from "../worker/state.ts";
import { checkQuiet } from "./quiet-rules.ts";

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
  /** Attempts that said that they are prepared. */
  readonly #prepared = new Set<AttemptId>();
  /** Workers of those, until they connect anew. */
  readonly #takenOver = new Set<number>();
  /** By row, as they were before the step; 0 or nothing for none. */
  readonly #ids: AttemptId[] = [];
  /** The same attempts. */
  readonly #live = new Set<AttemptId>();

  onWorkerFacts({ incarnation }: LiveWorker, facts: readonly WorkerFact[]): void {
    let accepted = this.#accepted.get(incarnation);
    if (accepted === undefined) {
      accepted = new Set();
      this.#accepted.set(incarnation, accepted);
    }
    for (const fact of facts) if (fact.type === "run-accepted") accepted.add(fact.attempt);
  }

  /** Throws InvariantError if the two sides part. */
  check(
    state: ControllerState,
    event: ControllerEvent,
    { facts, sends }: Output,
    workers: Iterable<LiveWorker>,
  ): void {
    this.#hearPrepared(event);
    const leaves = facts.some(({ type }) => type === "worker-lost");
    for (const fact of facts) {
      if (fact.type === "worker-lost") this.#lost.add(state.workers[fact.worker].incarnation);
      if (fact.type === "attempt-superseded") this.#onSuperseded(state, fact);
      if (fact.type === "worker-present") this.#takenOver.delete(fact.worker);
      if (fact.type === "attempts-ended" && !leaves) this.#checkHeard(fact);
    }
    for (const send of sends) {
      this.#checkDoubt(state, send);
      this.#checkGangStart(state, send);
    }
    checkAnswer(state, event, sends);
    this.#remember(state);
    this.#takeSuperseded(facts, sends);
    for (const worker of workers) this.#checkPaid(state, worker);
    checkQuiet(state, event, workers);
  }

  #onSuperseded({ attempts, tasks }: ControllerState, fact: FactOf<"attempt-superseded">): void {
    this.#superseded.add(this.#idOf(fact.attempt));
    const row = tasks.attempt[fact.task];
    this.#takenOver.add(attempts.worker[row] ?? -1);
  }

  /** What was ordered and superseded in one step had no row that anybody else could see. */
  #takeSuperseded(facts: readonly Fact[], sends: readonly ControllerSend[]): void {
    if (facts.filter(({ type }) => type === "attempt-superseded").length < 2) return;
    for (const send of sends) {
      if (send.type !== "send-to-worker" || send.message.type !== "compute") continue;
      for (const id of send.message.attempts) if (!this.#live.has(id)) this.#superseded.add(id);
    }
  }

  #hearPrepared(event: ControllerEvent): void {
    if (event.type !== "worker-messaged" || event.message.type !== "attempt-prepared") return;
    this.#prepared.add(event.message.attempt);
  }

  /** A gang starts when all its members of this round are prepared. */
  #checkGangStart(state: ControllerState, send: ControllerSend): void {
    if (send.type !== "send-to-worker" || send.message.type !== "start-gang") return;
    const { tasks, attempts } = state;
    const task = tasks.find(send.message.task);
    const rows = task < 0 ? [] : (jobOf(state, task).launch?.rows ?? []);
    for (const row of rows) {
      const attempt = tasks.attempt[row];
      if (attempt === noSlot || this.#prepared.has(attempts.id[attempt])) continue;
      fail("a gang starts when all its members are prepared", [taskIdOf(state, row)]);
    }
  }

  /** Nothing is lost within a connection, so nobody has a reason to doubt what the other has. */
  #checkDoubt({ workers }: ControllerState, send: ControllerSend): void {
    if (send.type !== "disconnect-worker" || !send.reason.startsWith("its digest")) return;
    const { workerId, unapplied } = workers[send.worker];
    // A value that is to be forgotten may be gone before the order comes.
    if (unapplied.some(({ values }) => values !== 0)) return;
    // Of an attempt that another has taken over the worker says later that it is gone.
    if (this.#takenOver.has(send.worker)) return;
    fail("a worker has what it is believed to have", [workerId]);
  }

  #idOf(row: number): AttemptId {
    return this.#ids[row] ?? 0;
  }

  #remember({ attempts }: ControllerState): void {
    const rows = Math.max(attempts.length, this.#ids.length); // A restart may have left fewer.
    const idNow = (row: number) => (row < attempts.length ? attempts.id[row] : 0);
    for (let row = 0; row < this.#ids.length; row++) {
      if (this.#ids[row] !== idNow(row)) this.#live.delete(this.#ids[row]);
    }
    for (let row = 0; row < rows; row++) {
      const id = idNow(row);
      if (this.#ids[row] === id) continue;
      this.#ids[row] = id;
      if (id !== 0) this.#live.add(id);
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
    for (const { run, silent } of worker.state.executions.values()) {
      const { attempt } = run;
      if (silent || this.#live.has(attempt) || this.#superseded.has(attempt)) continue;
      if (this.#wasGivenUp(attempt)) continue;
      fail("what runs has not ended", [worker.workerId, formatAttemptId(attempt)]);
    }
  }

  /** Whether an agent took it up that was given up since: the next one finds it still running. */
  #wasGivenUp(attempt: AttemptId): boolean {
    for (const incarnation of this.#lost) {
      if (this.#accepted.get(incarnation)?.has(attempt)) return true;
    }
    return false;
  }
}

/** Whoever connects is told to stop what it has and should not have. */
function checkAnswer(
  state: ControllerState,
  event: ControllerEvent,
  sends: readonly ControllerSend[],
): void {
  if (event.type !== "worker-connected") return;
  const stopped = new Set<AttemptId>();
  for (const send of sends) {
    if (send.type === "disconnect-worker") return;
    if (send.type !== "send-to-worker" || send.message.type !== "stop") continue;
    for (const id of send.message.attempts) stopped.add(id);
  }
  const wanted = new Set<AttemptId>();
  const { attempts } = state;
  for (let row = 0; row < attempts.length; row++) {
    if (attempts.id[row] === 0 || attempts.hasFlag(row, attemptFlag.stopping)) continue;
    wanted.add(attempts.id[row]);
  }
  for (const id of event.inventory.attempts) {
    if (wanted.has(id) || stopped.has(id)) continue;
    fail("what nobody waits for is told to stop", [event.hello.workerId, formatAttemptId(id)]);
  }
}

function fail(rule: string, ids: readonly string[]): never {
  throw new InvariantError(rule, [ids.join(" ")]);
}
