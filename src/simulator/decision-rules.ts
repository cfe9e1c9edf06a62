/**
 * Rules about what the controller decides: each looks at the facts of one step, at the attempts as
 * they were before it, and at the state after it. They know nothing of how the kernel decides.
 *
 * What a state alone shows is for the invariants of the kernel.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import type { ControllerEvent } from "../controller/events.ts";
import { charge, type Fact, type FactOf } from "../controller/facts.ts";
import { lostAfterUs, reschedulesMax, suspectAfterUs } from "../controller/limits.ts";
import type { Output } from "../controller/outbox.ts";
import { rescheduleCount } from "../controller/reschedules.ts";
import {
  type ControllerState,
  jobOf,
  type Launch,
  shapeOf,
  specOf,
  taskIdOf,
  userOf,
} from "../controller/state.ts";
import { attemptFlag } from "../controller/tables/attempt-table.ts";
import { taskFlag } from "../controller/tables/task-table.ts";
import { budgetOf } from "../controller/users.ts";
import { type AttemptCause, attemptCauses, bandCode, taskStateCode } from "../model/states.ts";
import { dimension } from "../scheduler/dimensions.ts";
import { checkSentAhead } from "./order-rules.ts";

/** An attempt as it was before a step, and what the step has said of it so far. */
interface KnownAttempt {
  task: number;
  band: number;
  /** Whether its task still counts on it: what was told to stop pays, and says nothing more. */
  current: boolean;
  started: boolean;
  granted: boolean;
  suspect: boolean;
  /** Of a gang that is not complete: nobody was told to start. */
  untold: boolean;
}

const isBegun = attemptFlag.started | attemptFlag.building;

export class DecisionRules {
  /** By row. */
  readonly #attempts = new Map<number, KnownAttempt>();
  /** A record for each row, written again after each step. */
  readonly #records: KnownAttempt[] = [];
  /** By worker: when it was last heard, or when listening began. */
  readonly #heardAt = new Map<number, Micros>();

  /** Throws InvariantError if a decision of this step breaks a rule. */
  check(state: ControllerState, event: ControllerEvent, { facts }: Output): void {
    this.#listen(state, event, facts);
    const step = new StepRules(state, this.#attempts);
    for (const fact of facts) step.check(fact);
    step.checkGangs();
    checkSentAhead(state, facts);
    this.#checkSilence(state, facts);
    checkReservations(state);
    this.#remember(state);
  }

  #remember(state: ControllerState): void {
    const { attempts, tasks } = state;
    this.#attempts.clear();
    for (let row = 0; row < attempts.length; row++) {
      this.#records[row] ??= unknownAttempt();
      if (attempts.id[row] === 0) continue;
      const known = this.#records[row];
      known.task = attempts.task[row];
      known.band = attempts.band[row];
      known.current = tasks.attempt[known.task] === row;
      known.started = attempts.hasFlag(row, isBegun);
      known.granted = attempts.isGranted(row);
      known.suspect = tasks.hasFlag(known.task, taskFlag.suspect);
      const { launch } = jobOf(state, known.task);
      known.untold = launch?.gang ? launch.gang.members.size < launch.rows.length : false;
      this.#attempts.set(row, known);
    }
  }

  #listen(state: ControllerState, event: ControllerEvent, facts: readonly Fact[]): void {
    const everybody = state.workers.keys();
    if (event.type === "controller-started") {
      for (const index of everybody) this.#heardAt.set(index, event.at);
    } else if (event.type === "controller-paused") {
      for (const [index, at] of this.#heardAt) this.#heardAt.set(index, at + event.pausedUs);
    }
    for (const fact of facts) {
      if (fact.type === "worker-present" || fact.type === "worker-heard") {
        this.#heardAt.set(fact.worker, fact.at);
      }
    }
  }

  /** Only a silence that somebody could have heard is one. */
  #checkSilence(state: ControllerState, facts: readonly Fact[]): void {
    for (const fact of facts) {
      const isLoss = fact.type === "worker-lost" && fact.reason.startsWith("silent");
      const isSuspicion = fact.type === "worker-suspected" && fact.suspect;
      if (!isLoss && !isSuspicion) continue;
      const heardAt = this.#heardAt.get(fact.worker);
      const boundUs = isLoss ? lostAfterUs : suspectAfterUs;
      if (heardAt === undefined || state.at - heardAt >= boundUs) continue;
      const { workerId } = state.workers[fact.worker];
      fail("a worker is given up after its silence and not before", workerId);
    }
  }
}

function unknownAttempt(): KnownAttempt {
  const flags = { current: false, started: false, granted: false, suspect: false, untold: false };
  return { task: 0, band: 0, ...flags };
}

/** The rules of one step; facts come in their order. */
class StepRules {
  readonly #state: ControllerState;
  readonly #attempts: Map<number, KnownAttempt>;
  /** By task: the attempt that ended or was told to stop, and why. */
  readonly #ends = new Map<number, { cause: AttemptCause; attempt: KnownAttempt }>();
  /** By the job of a gang: its members that were placed. */
  readonly #placed = new Map<number, Set<number>>();
  /** The queue for which capacity was reserved last. */
  #beneficiary = -1;

  constructor(state: ControllerState, attempts: Map<number, KnownAttempt>) {
    this.#state = state;
    this.#attempts = attempts;
  }

  check(fact: Fact): void {
    switch (fact.type) {
      case "attempts-started":
      case "attempts-building":
        for (const row of fact.attempts) this.#note(row, { started: true });
        return;
      case "attempts-granted":
        for (const row of fact.attempts) this.#onGranted(row);
        return;
      case "capacity-reserved":
        this.#beneficiary = fact.reservation.shape;
        return;
      case "attempts-stopping":
        return this.#onStopping(fact);
      case "attempts-ended":
        return this.#onEnded(fact);
      case "tasks-requeued":
        return this.#onRequeued(fact);
      case "attempts-assigned":
        return this.#onAssigned(fact);
      case "tasks-failed":
        return this.#onFailed(fact);
      case "progress-told":
        return this.#onProgress(fact);
      case "job-ended":
        return this.#onJobEnded(fact);
      default: // Says nothing that is ruled here.
    }
  }

  /** Once all facts of the step are known. */
  checkGangs(): void {
    const { jobs } = this.#state;
    for (const [index, placed] of this.#placed) {
      const { id, launch } = jobs[index];
      if (placed.size !== launch?.rows.length) fail("a gang is placed whole, or not at all", id);
    }
  }

  #note(row: number, change: Partial<KnownAttempt>): void {
    const known = this.#attempts.get(row);
    if (known !== undefined) Object.assign(known, change);
  }

  #onGranted(row: number): void {
    this.#note(row, { granted: true });
    const { attempts } = this.#state;
    if (attempts.id[row] !== 0) this.#checkCap(attempts.task[row]);
  }

  #onStopping({ attempts, reason }: FactOf<"attempts-stopping">): void {
    const cause = attemptCauses[reason];
    for (const row of attempts) {
      const attempt = this.#attempts.get(row);
      if (attempt === undefined) {
        // Placed in this very step: what ended the one before has been charged.
        this.#ends.delete(this.#state.attempts.task[row]);
        continue;
      }
      this.#ends.set(attempt.task, { cause, attempt });
      attempt.current = false;
      if (cause === "preempted") this.#checkEviction(attempt);
    }
  }

  /** For somebody, of a better band than the victim was placed in. */
  #checkEviction({ task, band }: KnownAttempt): void {
    const { shapes } = this.#state;
    const id = taskIdOf(this.#state, task);
    if (this.#beneficiary < 0) fail("what an eviction frees is kept for somebody", id);
    else if (bandCode[shapes[this.#beneficiary].band] >= band) {
      fail("work is evicted for work of a better band only", id);
    }
  }

  #onEnded({ attempts, causes, successors }: FactOf<"attempts-ended">): void {
    for (const [entry, row] of attempts.entries()) {
      const attempt = this.#attempts.get(row);
      this.#attempts.delete(row); // What has the row next is another one.
      // A grant that is handed on keeps its band.
      if (attempt?.granted === true) this.#note(successors[entry], { band: attempt.band });
      const cause = attemptCauses[causes[entry]];
      if (attempt?.current !== true) continue;
      this.#ends.set(attempt.task, { cause, attempt });
      if (cause !== "stopped") continue;
      fail("only what was told to stop is stopped", taskIdOf(this.#state, attempt.task));
    }
  }

  #onRequeued({ tasks, charges }: FactOf<"tasks-requeued">): void {
    const state = this.#state;
    for (const [entry, task] of tasks.entries()) {
      if (!state.tasks.isLive(task)) continue; // Forgotten in this very step.
      const end = this.#ends.get(task);
      const isGang = Boolean(jobOf(state, task).launch?.gang);
      const isRight =
        end === undefined
          ? charges[entry] === charge.nothing || isPlacedNow(state, task)
          : chargesFor(state, end.cause, end.attempt, isGang).includes(charges[entry]);
      if (!isRight) fail("a task is charged with what ended its attempt", taskIdOf(state, task));
      this.#checkBudget(task);
    }
  }

  #checkBudget(task: number): void {
    const state = this.#state;
    const { maxRetriesFailure, maxRetriesPreemption } = specOf(state, task);
    const { launch } = jobOf(state, task);
    const { failureCount, lossCount } = state.tasks;
    const failures = launch?.gang ? launch.failureCount : failureCount[task];
    const losses = launch?.gang ? launch.preemptionCount : lossCount[task];
    const counted = launch?.gang ? [...launch.rows] : [task];
    const reschedules = counted.reduce((sum, row) => sum + rescheduleCount(state, row), 0);
    const isOver = failures > maxRetriesFailure || losses > maxRetriesPreemption;
    if (isOver || reschedules > reschedulesMax) {
      fail("a task is tried no more often than it may be", taskIdOf(state, task));
    }
  }

  #onAssigned({ tasks, workers, prefetched }: FactOf<"attempts-assigned">): void {
    for (const [entry, task] of tasks.entries()) {
      this.#checkIsOpen(workers[entry], shapeOf(this.#state, task).part === "call");
      if (prefetched[entry] === 0) this.#checkCap(task);
      this.#checkName(task);
      this.#notePlaced(task);
    }
  }

  #notePlaced(task: number): void {
    const { index, launch } = jobOf(this.#state, task);
    if (!launch?.gang) return;
    for (const before of this.#attempts.values()) {
      if (before.task !== task) continue;
      fail("a gang waits for those of its members that stop", taskIdOf(this.#state, task));
    }
    const placed = this.#placed.get(index) ?? new Set();
    this.#placed.set(index, placed.add(task));
  }

  /** What runs there is called, also where nothing new may begin. */
  #checkIsOpen(index: number, isCall: boolean): void {
    const worker = this.#state.workers[index];
    const { connected, lost, suspect, cordoned, draining, trouble } = worker;
    const isClosed = !isCall && (cordoned || draining);
    if (!connected || lost || suspect || isClosed || trouble !== "") {
      fail("new work goes to workers that take it", worker.workerId);
    }
  }

  #checkCap(task: number): void {
    const user = userOf(this.#state, task);
    const { cap } = budgetOf(this.#state, user.name);
    if (cap === null) return;
    // Who is over a cap that was lowered may still get what counts nothing towards it.
    const { cpuMilli, memoryBytes } = specOf(this.#state, task).resources;
    const isOver = (index: number, asked: number, most: number) =>
      most > 0 && asked > 0 && user.used[index] > most;
    const isOverCpu = isOver(dimension.cpu, cpuMilli, cap.cpuMilli);
    if (isOverCpu || isOver(dimension.memory, memoryBytes, cap.memoryBytes)) {
      fail("nobody gets more than the cap", user.name);
    }
  }

  /** A job that replaces another one of its name waits until that one's attempts have ended. */
  #checkName(task: number): void {
    const own = jobOf(this.#state, task);
    if (own.launch === null) return;
    for (const job of this.#state.jobs) {
      const runs = !job.pruned && (job.launch?.liveAttempts ?? 0) > 0;
      if (job !== own && runs && job.id === own.id) fail("one job of a name runs", own.id);
    }
  }

  #onFailed({ tasks, states }: FactOf<"tasks-failed">): void {
    for (const [entry, task] of tasks.entries()) {
      if (states[entry] !== taskStateCode.UNSCHEDULABLE) continue;
      if (this.#state.tasks.hasFlag(task, taskFlag.everStarted)) {
        fail("what has started once is not unschedulable", taskIdOf(this.#state, task));
      }
    }
  }

  /** Simulated functions and programs say which task they are. */
  #onProgress({ attempts, progress }: FactOf<"progress-told">): void {
    const { attempts: table, tasks } = this.#state;
    for (const [entry, row] of attempts.entries()) {
      const task = table.task[row];
      const names = [String(tasks.ref(task)), taskIdOf(this.#state, task)];
      if (names.includes(progress[entry].note)) continue;
      fail("progress is of the task that said it", taskIdOf(this.#state, task));
    }
  }

  #onJobEnded({ job: index, state: ended }: FactOf<"job-ended">): void {
    const { jobs } = this.#state;
    const { launch } = jobs[index];
    if (launch === null || (ended !== "SUCCEEDED" && !takesChildren(launch))) return;
    for (const child of launch.children) {
      if (jobs[child].launch?.ended === null) fail("children go with their parent", jobs[child].id);
    }
  }
}

/** Nothing is kept for longer than was said; checked when anything happens at all. */
function checkReservations(state: ControllerState): void {
  for (const { id, expiresAt } of state.reservations.values()) {
    if (expiresAt <= state.at) fail("a reservation ends in time", String(id));
  }
}

function takesChildren({ spec, rows }: Launch): boolean {
  return spec.children === "TERMINATE" || (spec.children === "AUTO" && rows.length === 1);
}

/** Whether the task was placed and let go of in one step: nothing was known of that attempt. */
function isPlacedNow(state: ControllerState, task: number): boolean {
  return state.strayOfTask.has(task);
}

/** Causes that lie in the task itself. */
const ownFaults: readonly AttemptCause[] = [
  "failed",
  "oom",
  "exited",
  "timeout",
  "module-unloadable",
  "build-failed",
];

/** How an attempt that ended so may be charged. */
function chargesFor(
  state: ControllerState,
  cause: AttemptCause,
  attempt: KnownAttempt,
  isGang: boolean,
): readonly number[] {
  const charges = ownFaults.includes(cause) ? [charge.failure] : [faultlessCharge(cause)];
  if (cause === "rescheduled") charges[0] = charge.reschedule;
  if (cause === "preempted") charges[0] = attempt.started ? charge.loss : charge.nothing;
  if (cause === "worker-lost") charges[0] = chargeOfDeath(state, attempt);
  if (!isGang) return charges;
  // Of a gang one member is charged, and what died of another's death is charged as that.
  return [...charges, charge.nothing, ...(ownFaults.includes(cause) ? [charge.loss] : [])];
}

function faultlessCharge(cause: AttemptCause): number {
  return cause === "killed" || cause === "start-timeout" ? charge.loss : charge.nothing;
}

function chargeOfDeath(state: ControllerState, attempt: KnownAttempt): number {
  if (attempt.started) return charge.loss;
  if (attempt.untold) return charge.nothing;
  const { isCommand, isProcess, part } = shapeOf(state, attempt.task);
  // The thread of an actor may have ended its worker.
  if ((isCommand && part === null) || isProcess) return charge.nothing;
  if (!attempt.granted) return charge.bystander;
  return attempt.suspect ? charge.loss : charge.suspicion;
}

function fail(rule: string, id: string): never {
  throw new InvariantError(rule, [id]);
}
