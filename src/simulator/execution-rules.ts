/**
 * Rules about what a worker does in one step: what it stops, what it starts, and whence a grant
 * comes. They know nothing of how its kernel decides.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { type Micros, microsPerMs } from "../base/time.ts";
import { type AttemptId, formatAttemptId } from "../model/ids.ts";
import { nextWorkerDeadline } from "../worker/deadlines.ts";
import type { ExecutionId, WorkerEvent } from "../worker/events.ts";
import type { WorkerFact } from "../worker/facts.ts";
import type { Execution } from "../worker/state.ts";
import type { LiveWorker } from "./agreement-rules.ts";

export class ExecutionRules {
  /** Incarnation → its attempts without an answer → whether they have a grant. */
  readonly #granted = new Map<string, Map<AttemptId, boolean>>();

  /** Incarnation → what ails it, "" for nothing. */
  readonly #trouble = new Map<string, string>();

  /** Incarnation → what ran there when its executors were made anew. */
  readonly #outlived = new Map<string, ReadonlySet<ExecutionId>>();

  /** Throws InvariantError if a step breaks a rule. */
  check(worker: LiveWorker, events: readonly WorkerEvent[], facts: readonly WorkerFact[]): void {
    const { state, workerId } = worker;
    const isHopeful = events.at(-1)?.type === "ordered";
    if (!isHopeful && state.unsentStops.size > 0) fail("what is told to stop is stopped", workerId);
    this.#checkTrouble(worker, facts);
    checkLimits(worker, events);
    for (const [i, fact] of facts.entries()) {
      checkEarly(worker, fact, events.at(-1)?.at ?? 0);
      checkTakeover(worker, fact);
      if (fact.type === "executors-renewed") this.#onRenewed(worker, facts.slice(i + 1));
      else this.#checkRenewal(worker, fact);
    }
    this.#checkGrants(worker, events, facts);
  }

  /** What is there now is of before, but for what was placed later in the same turn. */
  #onRenewed({ incarnation, state }: LiveWorker, later: readonly WorkerFact[]): void {
    const outlived = new Set(state.executions.keys());
    for (const fact of later) if (fact.type === "execution-placed") outlived.delete(fact.execution);
    this.#outlived.set(incarnation, outlived);
  }

  /** Nothing that ran before a restart of the cluster goes on as what was ordered after it. */
  #checkRenewal({ incarnation, workerId }: LiveWorker, fact: WorkerFact): void {
    if (fact.type !== "run-accepted" || fact.adopts === 0) return;
    if (this.#outlived.get(incarnation)?.has(fact.adopts))
      fail("what runs after a restart has begun after it", workerId);
  }

  #checkTrouble({ incarnation, workerId }: LiveWorker, facts: readonly WorkerFact[]): void {
    for (const fact of facts) {
      if (fact.type === "health-changed") this.#trouble.set(incarnation, fact.trouble);
      else if (fact.type === "execution-placed" && this.#trouble.get(incarnation))
        fail("a worker in trouble starts nothing", workerId);
    }
  }

  /** A grant comes by order, or is that of a run that has just been answered for. */
  #checkGrants(
    worker: LiveWorker,
    events: readonly WorkerEvent[],
    facts: readonly WorkerFact[],
  ): void {
    const runs = this.#runsOf(worker);
    const isOrdered = events.some(
      (event) => event.type === "ordered" && event.message.type === "grant",
    );
    let free = events.reduce((sum, event) => sum + grantsIn(event), 0);
    for (const fact of facts) {
      if (fact.type === "run-accepted") {
        runs.set(fact.attempt, fact.granted);
        if (fact.granted) free--;
      } else if (fact.type === "run-answered") {
        if (runs.get(fact.attempt) === true) free++;
        runs.delete(fact.attempt);
      } else if (fact.type === "run-granted") {
        runs.set(fact.attempt, true);
        free--;
        if (!isOrdered && free < 0) {
          fail("no run is granted what nobody had", formatAttemptId(fact.attempt));
        }
      }
    }
  }

  #runsOf({ incarnation }: LiveWorker): Map<AttemptId, boolean> {
    let runs = this.#granted.get(incarnation);
    if (runs === undefined) {
      runs = new Map();
      this.#granted.set(incarnation, runs);
    }
    return runs;
  }
}

/** Grants that come with an order: what is answered at once passes its own on. */
function grantsIn(event: WorkerEvent): number {
  if (event.type !== "ordered" || event.message.type !== "compute") return 0;
  return event.message.prefetched.filter((prefetched) => prefetched === 0).length;
}

/**
 * When what runs has run as long as it may, by what it was ordered with; infinity if it may run on,
 * is told to end already, or is nobody's any more.
 */
function limitOf(execution: Execution): Micros {
  const { abort, orphan } = execution;
  return abort !== null || orphan ? Infinity : timeoutOf(execution);
}

/** When it has run as long as it may, whatever became of it. */
function timeoutOf({ run, startedAt }: Execution): Micros {
  const { timeoutMs } = run.spec.definition;
  return timeoutMs === 0 || startedAt < 0 ? Infinity : startedAt + timeoutMs * microsPerMs;
}

/**
 * Whoever is woken tells what has run longer than it may to end, be it a process or a function:
 * a thread may not hear it, and is ended with it. And whoever sleeps is woken in time for that.
 */
function checkLimits({ state }: LiveWorker, events: readonly WorkerEvent[]): void {
  if (state.left) return;
  const tick = events.findLast(({ type }) => type === "tick");
  let first = Infinity;
  for (const execution of state.executions.values()) {
    const limit = limitOf(execution);
    first = Math.min(first, limit);
    const isOver = tick !== undefined && limit <= tick.at;
    // What goes on as another attempt from now on is told when it is looked at next.
    if (!isOver || events.at(-1) !== tick) continue;
    fail("what runs longer than it may is stopped", formatAttemptId(execution.run.attempt));
  }
  if (first === Infinity || (nextWorkerDeadline(state) ?? Infinity) <= first) return;
  fail("a worker wakes when what it runs has run as long as it may", String(first));
}

/** Nothing is ended for its limit while that is not reached. */
function checkEarly({ state }: LiveWorker, fact: WorkerFact, at: Micros): void {
  if (fact.type !== "execution-abort-sent" || fact.reason !== "timeout") return;
  const execution = state.executions.get(fact.execution);
  // It may have been let go of in the same turn.
  if (execution === undefined || timeoutOf(execution) <= at) return;
  fail("nothing is ended for its limit before it", formatAttemptId(execution.run.attempt));
}

/** The processes of a command know it by the attempt that it has. */
function checkTakeover({ state }: LiveWorker, fact: WorkerFact): void {
  if (fact.type !== "run-accepted" || fact.adopts === 0) return;
  if (state.specs.get(fact.spec)?.kind === "command") {
    fail("no command goes on as another attempt", formatAttemptId(fact.attempt));
  }
}

function fail(rule: string, id: string): never {
  throw new InvariantError(rule, [id]);
}
