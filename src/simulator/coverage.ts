/**
 * Which rare states a run has reached, and how often: observed from events, facts and sends alone.
 *
 * @module
 */

import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import { charge, type Fact, type FactOf } from "../controller/facts.ts";
import type { Output } from "../controller/outbox.ts";
import { type ControllerState, type Job, jobOf } from "../controller/state.ts";
import { attemptFlag } from "../controller/tables/attempt-table.ts";
import { noSlot } from "../controller/tables/task-table.ts";
import type { TaskRef } from "../model/ids.ts";
import { attemptCauses, taskStates } from "../model/states.ts";
import { type HotMessageOf, reportKind } from "../protocol/messages.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { WorkerFact } from "../worker/facts.ts";
import type { Execution } from "../worker/state.ts";
import type { WorkerStep } from "../worker/step.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Observer } from "./observer.ts";
import {
  controllerFactStates,
  endState,
  jobEndState,
  type otherStates,
  rareStates,
  stopState,
  taskEndState,
  workerFactStates,
} from "./rare-states.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

const known: ReadonlySet<string> = new Set(rareStates);

const chargeStates: readonly ((typeof otherStates)[number] | null)[] = [];
Object.assign(chargeStates, {
  [charge.nothing]: null,
  [charge.failure]: "a task was charged a failure",
  [charge.loss]: "a task was charged a loss",
  [charge.suspicion]: "a task became suspect when its worker died",
  [charge.reschedule]: "a task asked to run later",
  [charge.bystander]: "a bystander became suspect when its worker died",
});

export class Coverage implements Observer {
  /** How often each state was reached; those that were not are not in it. */
  readonly counts: Map<string, number>;
  /** Of each task: its attempts so far. */
  readonly #tries = new Map<TaskRef, number>();
  #controller: SimulatedController | null = null;
  #lastAt = -1;
  #endedNow = 0;

  /** Adds to `counts`, which several runs may share. */
  constructor(counts: Map<string, number> = new Map()) {
    this.counts = counts;
  }

  note(state: (typeof otherStates)[number]): void {
    this.#count(state);
  }

  #count(state: string | undefined): void {
    if (state !== undefined) this.counts.set(state, (this.counts.get(state) ?? 0) + 1);
  }

  #countKnown(state: string): void {
    if (known.has(state)) this.#count(state);
  }

  onControllerStep(controller: SimulatedController, event: ControllerEvent, output: Output): void {
    this.#controller = controller;
    const { state } = controller;
    if (event.at === this.#lastAt) this.note("two events of one kernel fell on one instant");
    this.#lastAt = event.at;
    this.#endedNow = 0;
    for (const fact of output.facts) this.#onFact(state, fact);
    for (const send of output.sends) this.#onSend(event, send);
    this.#onEvent(event, output);
  }

  #onEvent(event: ControllerEvent, { facts }: Output): void {
    if (event.type === "controller-started" && event.epoch >= 5)
      this.note("the controller served its fifth epoch or a later one");
    if (event.type === "tick" && facts.some((fact) => fact.type === "client-closed"))
      this.note("a session ended because its client stayed away");
    if (event.type === "worker-messaged" && event.message.type === "reports")
      this.#onReports(event.message);
  }

  #onReports({ kinds }: HotMessageOf<"reports">): void {
    let ends = 0;
    for (const kind of kinds) {
      if (kind === reportKind.retractRefused) this.note("a retract crossed a start");
      if (kind === reportKind.lost)
        this.note("a worker lost a value that nobody had told it to drop");
      const isEnd = kind === reportKind.finished || kind === reportKind.handedBack;
      if (isEnd || kind === reportKind.abandoned) ends++;
    }
    if (ends > this.#endedNow) this.note("a report arrived of an attempt that had ended before");
  }

  #onSend(event: ControllerEvent, send: ControllerSend): void {
    if (send.type === "disconnect-worker" && send.reason.startsWith("its digest differs"))
      this.note("a digest differed and the worker was reconciled");
    if (!("message" in send)) return;
    const { type } = send.message;
    if (type === "peer-gone") this.note("a peer was said to be gone");
    if (type === "start-gang") this.note("a gang was told to start");
    if (type === "refused") this.note("a submit was refused");
    if (type === "stop" && event.type === "worker-connected")
      this.note("an attempt that nobody knew was stopped at a reconnect");
  }

  #onFact(state: ControllerState, fact: Fact): void {
    this.#count(controllerFactStates[fact.type]);
    switch (fact.type) {
      case "attempts-assigned":
        return this.#onAssigned(state, fact);
      case "attempts-granted":
        return this.note("a grant followed later");
      case "attempts-ended":
        return this.#onEnded(fact);
      case "attempts-stopping":
        return this.#onStopping(state, fact);
      case "tasks-succeeded":
        return this.#onSucceeded(state, fact);
      case "tasks-failed":
        return this.#onFailed(fact);
      case "tasks-requeued":
        return this.#onRequeued(state, fact);
      case "tasks-revived":
        return this.note(revivals[fact.cause]);
      case "job-ended":
        return this.#countKnown(jobEndState(fact.state));
      case "reservation-ended":
        return this.note(fact.expired ? "a reservation expired" : "a reservation helped");
      default:
        return this.#onWorkerFact(state, fact);
    }
  }

  #onWorkerFact(state: ControllerState, fact: Fact): void {
    if (fact.type === "worker-suspected") {
      const { suspect } = fact;
      this.note(suspect ? "a silent worker was suspected" : "a suspected worker was heard again");
    } else if (fact.type === "worker-lost") {
      const { reason } = fact;
      if (reason.startsWith("silent")) this.note("a worker was lost in silence");
      else if (reason.startsWith("its process ended"))
        this.note("a worker was lost because its process ended");
      else if (reason === "it was started again")
        this.note("a worker was lost because it was started again");
    } else if (fact.type === "worker-registered") {
      const index = state.workersById.get(fact.hello.workerId) ?? 0;
      if (index < state.workers.length - 1) this.note("a lost worker came back under its id");
    }
  }

  #onAssigned(state: ControllerState, fact: FactOf<"attempts-assigned">): void {
    for (let i = 0; i < fact.tasks.length; i++) {
      const ref = state.tasks.ref(fact.tasks[i]);
      this.#tries.set(ref, (this.#tries.get(ref) ?? 0) + 1);
      if (fact.prefetched[i] === 1) this.note("an attempt was assigned without a grant");
    }
    if (fact.grants.some(({ devices }) => devices.length > 0))
      this.note("devices were granted by index");
  }

  #onEnded({ attempts, causes, successors }: FactOf<"attempts-ended">): void {
    this.#endedNow += attempts.length;
    for (const cause of causes) this.#countKnown(endState(attemptCauses[cause]));
    if (successors.some((successor) => successor !== noSlot))
      this.note("a grant went to the successor on the lane");
  }

  #onStopping(state: ControllerState, { attempts, reason }: FactOf<"attempts-stopping">): void {
    const name = attemptCauses[reason];
    this.#countKnown(stopState(name));
    if (name !== "preempted") return;
    // One member is told; the others follow it in the same step.
    for (const row of attempts) {
      const job = state.jobs[state.tasks.job[state.attempts.task[row]]];
      if (isPartlyLaunched(state, job)) this.note("a gang was preempted while partly launched");
    }
  }

  #onSucceeded(state: ControllerState, { tasks }: FactOf<"tasks-succeeded">): void {
    this.#count(taskEndState("SUCCEEDED"));
    for (const task of tasks) {
      const tries = this.#tries.get(state.tasks.ref(task)) ?? 0;
      if (tries >= 3) this.note("attempt 3 or later of a task committed");
    }
  }

  #onFailed({ tasks, states, failures }: FactOf<"tasks-failed">): void {
    for (const code of states) this.#countKnown(taskEndState(taskStates[code]));
    if (failures.some(({ code }) => code === "RESCHEDULE_LIMIT")) {
      this.note("a task asked to run later more often than it may");
    }
    if (failures.some(({ code }) => code === "MAY_HAVE_RUN")) {
      this.note("an exclusive task ended because it may have run");
    }
    if (tasks.length > failures.length) this.note("a failure spread to dependents");
  }

  #onRequeued(
    state: ControllerState,
    { tasks, charges, notBefore }: FactOf<"tasks-requeued">,
  ): void {
    for (const [i, charged] of charges.entries()) {
      this.#count(chargeStates[charged] ?? undefined);
      if (charged === charge.reschedule && jobOf(state, tasks[i]).launch?.gang)
        this.note("a gang began again because a member asked to run later");
    }
    if (notBefore.some((at) => at > 0)) this.note("a task waited for a back-off");
  }

  onWorkerStep(
    { state }: SimulatedWorker,
    events: readonly WorkerEvent[],
    output: WorkerStep,
  ): void {
    for (const fact of output.facts) {
      this.#count(workerFactStates[fact.type]);
      if ("execution" in fact) this.#onExecution(state.executions.get(fact.execution), fact.type);
    }
    if (events.length > 1) this.note("a worker took several events up in one turn");
    const [{ type }] = events;
    if (type === "ordered" && state.leaveBy >= 0)
      this.note("a worker took an order while it was leaving");
    if (type === "connected" && events.length === 1 && output.sends.length > 1)
      this.note("an answer was said again after a reconnect");
    if (state.executions.size >= 10) this.note("a worker had ten executions or more");
  }

  #onExecution(execution: Execution | undefined, type: WorkerFact["type"]): void {
    if (execution === undefined || execution.member === null) return;
    if (execution.run.spec.kind !== "function") return;
    if (type === "execution-released") this.note("a function of a gang was told to start");
    if (type === "execution-yielded") this.note("a function of a gang waited for tasks of its own");
  }

  onFault(kind: FaultKind): void {
    if (!kind.startsWith("controller killed") || this.#controller === null) return;
    const loses = this.#controller.unsyncedCount > 0 || kind === "controller killed before append";
    if (loses) this.note("the controller died with facts that were not durable");
    else this.note("the controller died with nothing to lose");
  }
}

/** Whether some members of a gang run, or did until this step, and others have not begun. */
function isPartlyLaunched({ attempts }: ControllerState, { launch }: Job): boolean {
  if (!launch?.gang) return false;
  let started = 0;
  let placed = 0;
  for (let row = 0; row < attempts.length; row++) {
    if (attempts.id[row] === 0 || !launch.rows.includes(attempts.task[row])) continue;
    placed++;
    if (attempts.hasFlag(row, attemptFlag.started)) started++;
  }
  return started > 0 && started < placed;
}

const revivals = {
  retry: "a failed task was tried again by a person",
  recompute: "a value was computed again because it was lost",
  gang: "a member of a gang that had succeeded ran again",
} as const;

/** What no run has reached. */
export function neverReached(counts: ReadonlyMap<string, number>): readonly string[] {
  return rareStates.filter((state) => !counts.has(state));
}
