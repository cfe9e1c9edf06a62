/**
 * Watches a run and ends it where a rule about more than one state is broken: about what a step
 * decided, about what the two sides of a connection believe, or about what the API answers.
 *
 * @module
 */

import type { ControllerEvent } from "../controller/events.ts";
import type { Output } from "../controller/outbox.ts";
import type { ControllerState } from "../controller/state.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { WorkerStep } from "../worker/step.ts";
import { AgreementRules, type LiveWorker } from "./agreement-rules.ts";
import { AnswerRules } from "./answer-rules.ts";
import { CopyRules } from "./copy-rules.ts";
import { DataWaitRules } from "./data-wait-rules.ts";
import { DecisionRules } from "./decision-rules.ts";
import { ExecutionRules } from "./execution-rules.ts";
import type { Observer } from "./observer.ts";
import { RestartRules } from "./restart-rules.ts";

export class HistoryRules implements Observer {
  readonly #decisions = new DecisionRules();
  readonly #agreement = new AgreementRules();
  readonly #executions = new ExecutionRules();
  readonly #copies = new CopyRules();
  readonly #dataWaits = new DataWaitRules();
  readonly #restarts = new RestartRules();
  readonly #answers = new AnswerRules();
  readonly #workers: () => Iterable<LiveWorker>;

  /** @param workers The processes that live now. */
  constructor(workers: () => Iterable<LiveWorker>) {
    this.#workers = workers;
  }

  onControllerStep(
    { state }: { readonly state: ControllerState },
    event: ControllerEvent,
    output: Output,
  ): void {
    this.#decisions.check(state, event, output);
    this.#agreement.check(state, event, output, this.#workers());
    this.#copies.check(state, output);
    this.#dataWaits.check(state, output.facts);
    this.#restarts.check(state, output.facts);
    this.#answers.check(state);
  }

  onWorkerStep(worker: LiveWorker, events: readonly WorkerEvent[], { facts }: WorkerStep): void {
    this.#agreement.onWorkerFacts(worker, facts);
    this.#executions.check(worker, events, facts);
  }
}
