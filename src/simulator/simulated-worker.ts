/**
 * A worker process as the simulator sees it: the real worker kernel, and around it an executor, a
 * store and a network that do what the seed says.
 *
 * What an execution does is its cluster's {@link Behaviour}.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import type { TaskRef } from "../model/ids.ts";
import { partOf, portsOf, type TaskSpec } from "../model/spec.ts";
import type { ToWorkerMessage, WorkerHello, WorkerMessage } from "../protocol/messages.ts";
import type { ExecutionId, ExecutionInput, WorkerEvent, WorkerSend } from "../worker/events.ts";
import { WorkerInvariantChecker } from "../worker/invariant-checker.ts";
import { newWorkerState, type WorkerState } from "../worker/state.ts";
import { nextWorkerDeadline, stepAll } from "../worker/step.ts";
import {
  type Behaviour,
  type Ending,
  endEventOf,
  failureOf,
  hasRun,
  newsOf,
  type RunningExecution,
  type SimulatedValue,
} from "./behaviour.ts";
import type { DrawStream } from "./draws.ts";
import type { Faults } from "./faults.ts";
import { Mishaps } from "./mishaps.ts";
import type { Observer } from "./observer.ts";
import { SimulatedActors, saidToRunUs } from "./simulated-actors.ts";
import { SimulatedArrivals } from "./simulated-arrivals.ts";
import { recoveredBy, SimulatedClock } from "./simulated-clock.ts";
import { drawRate } from "./simulated-controller.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import { SimulatedMembers } from "./simulated-members.ts";
import { drawStopUs } from "./stop-times.ts";
import type { Timeline } from "./timeline.ts";

type StartExecution = Extract<WorkerSend, { type: "start-execution" }>;
type PrepareExecution = Extract<WorkerSend, { type: "prepare-execution" }>;
type ReleaseExecution = Extract<WorkerSend, { type: "release-execution" }>;
type AbortExecution = Extract<WorkerSend, { type: "abort-execution" }>;

/** What the worker needs of the world around it. */
export interface WorkerSurroundings {
  readonly timeline: Timeline;
  readonly draws: DrawStream;
  readonly faults: Faults;
  readonly behaviour: Behaviour;
  /** Whether invariants are checked after every event. */
  readonly checks: boolean;
  send(worker: SimulatedWorker, message: WorkerMessage): void;
  /** The worker that is at this place of the controller's table now, if it lives. */
  peerAt(index: number): SimulatedWorker | null;
  readonly observer: Required<Observer>;
  /** It has left on purpose, and its process is over. */
  onLeft(worker: SimulatedWorker): void;
  /** Called when a function really begins to run. */
  onExecution(task: TaskRef): void;
  /** The machine that it runs on. */
  readonly host: SimulatedHost;
}

/** Clocks of different machines are apart by up to a day. */
const clockSpreadUs = 86_400_000_000;

export class SimulatedWorker {
  readonly workerId: string;
  readonly incarnation: string;
  readonly slots: number;
  readonly state: WorkerState;
  /** In memory or on the disk. */
  readonly values = new Map<TaskRef, SimulatedValue>();
  readonly mishaps = new Mishaps();
  readonly #specs = new Map<number, TaskSpec>();
  readonly #actors: SimulatedActors;
  readonly #members: SimulatedMembers;
  alive = true;
  #lanes: StartExecution[][];
  /** What runs beside the lanes since it yielded its own. */
  readonly #beside = new Set<StartExecution>();
  #results = new Map<ExecutionId, SimulatedValue>();
  readonly #arrivals: SimulatedArrivals;
  #aborting = new Set<ExecutionId>();
  /** Heads of lanes whose inputs are being read from the disk. */
  readonly #awaiting = new Set<ExecutionId>();
  readonly #disk: SimulatedDisk;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #around: WorkerSurroundings;
  readonly #clock: SimulatedClock;
  readonly #checker = new WorkerInvariantChecker();
  #heardUntil = 0;
  #isPaused = false;
  #backlog: (() => void)[] = [];
  /** Events that the turn under way has gathered. */
  #turn: WorkerEvent[] = [];
  events = 0;

  constructor(
    identity: { readonly workerId: string; readonly incarnation: string; readonly slots: number },
    around: WorkerSurroundings,
  ) {
    this.workerId = identity.workerId;
    this.incarnation = identity.incarnation;
    this.slots = identity.slots;
    this.#around = around;
    this.#lanes = Array.from({ length: identity.slots }, () => []);
    const { host, timeline, draws, faults } = around;
    const startsAt = faults.clockRatePpm > 0 ? draws.below(clockSpreadUs) : timeline.now;
    const ppm = drawRate(draws, faults.clockRatePpm);
    this.#clock = new SimulatedClock(timeline, startsAt, ppm);
    const { capacity, commandSlots } = host;
    const { memoryTargetBytes: targetBytes, memoryPauseBytes } = faults;
    const memoryTargetBytes = targetBytes === 0 ? Infinity : targetBytes;
    const bounds = { memoryTargetBytes, memoryPauseBytes };
    this.state = newWorkerState({ slots: this.slots, capacity, commandSlots, ...bounds });
    this.#disk = this.#newDisk();
    this.#actors = this.#newActors();
    const { workerId } = this;
    const later = (delayUs: number, event: () => WorkerEvent | null) => this.#later(delayUs, event);
    this.#members = new SimulatedMembers({ ...around, workerId, later });
    this.#arrivals = new SimulatedArrivals({ ...around, workerId, later });
    const recovered = host.recover((event) => this.#hear(event));
    if (recovered !== null) this.#turn.push(recoveredBy(this.#clock, recovered));
    if (this.#turn.length > 0) this.#endTurn();
    host.tellEnded();
  }

  #newDisk(): SimulatedDisk {
    const { draws, faults, observer } = this.#around;
    return new SimulatedDisk({
      draws,
      faults,
      later: (delayUs, event) => this.#later(delayUs, event),
      onFault: (kind) => observer.onFault(kind, this.workerId),
      onRead: () => {
        this.#beginWhatWaited();
        this.#actors.goOn();
      },
      onLost: (task) => this.values.delete(task),
    });
  }

  #newActors(): SimulatedActors {
    return new SimulatedActors({
      ...this.#around,
      isAlive: () => this.alive,
      later: (delayUs, event) => this.#later(delayUs, event),
      say: (event) => this.#say(event),
      tell: (type, order) => this.#tell(type, order),
      isLost: (order) => this.#missingOf(order) !== undefined,
      isOnDisk: (input) => this.#isOnDisk(input),
      runningOf: (order) => this.#runningOf(order),
      keepResult: (execution, value) => this.#results.set(execution, value),
    });
  }

  /** Its own time. */
  now(): Micros {
    return this.#clock.now();
  }

  /** Anything that may happen to a live agent. */
  tell(event: WorkerEvent): void {
    this.#hear(event);
  }

  /** The bytes of a value are gone, and the store notices. */
  loseValue(task: TaskRef): void {
    if (!this.#disk.isInMemory(task)) return;
    if (this.values.delete(task)) this.#hear({ type: "value-lost", at: 0, task });
  }

  /** So much of the machine's memory is in use. */
  measures(rssBytes: number): void {
    this.#hear({ type: "memory-measured", at: 0, rssBytes });
  }

  /** A client brings a value. */
  bring(task: TaskRef, value: SimulatedValue): void {
    this.#hear(this.#arrivals.bring(task, value));
  }

  /** Its own checks: trouble, or none. */
  feels(trouble: string): void {
    this.#hear({ type: "health-checked", at: 0, trouble });
  }

  /** It is asked to go; for so long it may wait until others have what only it holds. */
  leave(emptyMs = 0): void {
    this.#hear({ type: "leave-requested", at: 0, emptyMs });
  }

  /** Its loop stands still for so long; what it runs goes on, and what it is told waits. */
  pause(durationUs: number): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#around.timeline.after(durationUs, () => this.resume());
  }

  /** Its loop goes on, with what came meanwhile in its order. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const action of backlog) this.#whenAwake(action);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Does `action` as soon as the loop runs, if this process lives until then. */
  #whenAwake(action: () => void): void {
    if (!this.alive) return;
    if (this.#isPaused) this.#backlog.push(action);
    else action();
  }

  /** Takes an event up as soon as the loop runs, at the time that the clock shows then. */
  #hear(event: WorkerEvent): void {
    this.#whenAwake(() => {
      (event as { at: Micros }).at = this.#clock.now();
      this.#take(event);
    });
  }

  hello(clusterId: string): WorkerHello {
    return {
      role: "worker",
      protocolVersion: 1,
      workerId: this.workerId,
      incarnation: this.incarnation,
      clusterId,
      epoch: this.state.connection.epoch,
      address: `${this.workerId}:1`,
      pid: 1,
      capacity: this.#around.host.capacity,
      slots: this.slots,
      commandSlots: this.#around.host.commandSlots,
      attributes: this.#around.host.attributes,
    };
  }

  connect(index: number, epoch: number): void {
    this.#hear({ type: "connected", at: 0, epoch, index });
  }

  disconnect(): void {
    this.#hear({ type: "disconnected", at: 0 });
  }

  order(message: ToWorkerMessage): void {
    this.#whenAwake(() => {
      if (message.type === "define-spec") this.#specs.set(message.spec, message.definition);
      this.#take({ type: "ordered", at: this.#clock.now(), message });
    });
  }

  kill(): void {
    this.alive = false;
    const { workerId } = this;
    this.#around.observer.onTraffic({ type: "died", workerId, which: "functions" });
    this.#lanes = [];
    this.#beside.clear();
    this.#actors.clear();
    this.#members.clear();
    this.values.clear();
  }

  /**
   * Gathers what comes within a turn of the loop; without turns each event is one. A connection
   * that opens or closes ends the turn, as in the shell: what is said belongs to that connection.
   */
  #take(event: WorkerEvent): void {
    const { timeline, faults, draws } = this.#around;
    this.#turn.push(event);
    const endsTurn = event.type === "connected" || event.type === "disconnected";
    if (faults.turnUsMax === 0 || endsTurn) return this.#endTurn();
    if (this.#turn.length > 1) return;
    const turn = this.#turn;
    timeline.after(draws.below(faults.turnUsMax), () => {
      this.#whenAwake(() => {
        if (this.#turn === turn) this.#endTurn();
      });
    });
  }

  #endTurn(): void {
    const events = this.#turn;
    this.#turn = [];
    this.events += events.length;
    const output = stepAll(this.state, events);
    if (this.#around.checks) this.#checker.check(this.state, output.facts);
    this.#around.observer.onWorkerStep(this, events, output);
    for (const send of output.sends) this.#carryOut(send);
    if (this.#around.checks) this.#disk.check(this.state);
    this.#arm();
  }

  /** What is due once; `event` says what happened then, if anything did. */
  #later(delayUs: number, event: () => WorkerEvent | null): void {
    const { timeline, faults } = this.#around;
    const at = timeline.now + delayUs;
    const { quantumUs } = faults;
    const moment = quantumUs > 1 && delayUs > 0 ? Math.ceil(at / quantumUs) * quantumUs : at;
    timeline.at(moment, () => {
      if (!this.alive) return;
      const due = event();
      if (due !== null) this.#say(due);
    });
  }

  /** What a thread did: the loop hears of it in order, and a little later. */
  #say(event: WorkerEvent): void {
    const { timeline, faults, draws } = this.#around;
    if (faults.threadLagUsMax === 0) return this.#hear(event);
    this.#heardUntil = Math.max(
      this.#heardUntil,
      timeline.now + draws.below(faults.threadLagUsMax),
    );
    timeline.at(this.#heardUntil, () => this.#hear(event));
  }

  #arm(): void {
    const due = nextWorkerDeadline(this.state);
    if (due === null || !this.alive) return;
    const { timeline, faults, draws } = this.#around;
    const late = faults.timerLateUsMax > 0 ? draws.below(faults.timerLateUsMax) : 0;
    const moment = this.#clock.when(due) + late;
    if (moment >= this.#timerAt) return;
    this.#timerAt = moment;
    timeline.at(moment, () => {
      if (this.#timerAt !== moment) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#hear({ type: "tick", at: 0 });
    });
  }

  #carryOut(send: WorkerSend): void {
    switch (send.type) {
      case "send-message":
        return this.#around.send(this, send.message);
      case "start-execution":
        return this.#start(send);
      case "prepare-execution":
        return this.#prepare(send);
      case "release-execution":
        return this.#release(send);
      case "revoke-execution":
        return this.#revoke(send.execution);
      case "yield-execution":
        return this.#yield(send.execution);
      case "abort-execution":
        return this.#abort(send);
      case "store-result":
        this.values.set(send.task, this.#resultOf(send.execution));
        return;
      case "discard-result":
        this.#results.delete(send.execution);
        return;
      case "start-fetch":
        return this.#arrivals.startFetch(send);
      case "abort-fetch":
        return this.#arrivals.abort(send.transfer);
      case "store-fetched":
        this.values.set(send.task, this.#arrivals.fetched(send.transfer, send.task));
        return;
      case "discard-fetched":
        return this.#arrivals.discardFetched(send.transfer, send.task);
      case "store-upload":
        this.values.set(send.task, this.#arrivals.takeUpload(send.upload));
        return;
      case "discard-upload":
        return this.#arrivals.discardUpload(send.upload);
      case "drop-value":
        this.values.delete(send.task);
        return this.#disk.drop(send.task);
      case "spill-value":
        return this.#disk.spill(send);
      case "abandon-spill":
        return this.#disk.abandon(send);
      case "unload-value":
        return this.#disk.unload(send);
      case "load-value":
        return this.#disk.load(send);
      case "leave":
        this.alive = false;
        this.#around.onLeft(this);
    }
  }

  #start(send: StartExecution): void {
    const run = this.#specs.get(send.spec)?.run;
    const part = run && partOf(run);
    if (part === "actor") this.#actors.start(send);
    else if (part === "call") this.#actors.call(send);
    else if (run?.kind === "command") this.#launch(send);
    else this.#enqueue(send);
  }

  #prepare(send: PrepareExecution): void {
    const run = this.#specs.get(send.spec)?.run;
    if (run?.kind === "function") this.#members.prepare(send, portsOf(run));
    else this.#launch(send);
  }

  #release({ execution, members }: ReleaseExecution): void {
    const order = this.#members.release(execution, members);
    if (order === null) this.#around.host.release(execution, members);
    else this.#enqueue(order);
  }

  #launch(send: StartExecution | PrepareExecution): void {
    const definition = this.#specs.get(send.spec);
    assert(definition !== undefined, "a command is started by its spec");
    this.#around.onExecution(send.task);
    const { host } = this.#around;
    if (send.type === "start-execution") host.start(send, definition);
    else host.prepare(send, definition);
  }

  #resultOf(execution: ExecutionId): SimulatedValue {
    if (!this.#results.has(execution)) return { sizeBytes: 0, bytes: new Uint8Array(0) };
    const value = this.#results.get(execution);
    assert(value !== undefined, "only the result of a finished execution is stored");
    this.#results.delete(execution);
    return value;
  }

  #enqueue(order: StartExecution): void {
    const missing = this.#missingOf(order);
    if (missing !== undefined) {
      // It was lost in the turn that ordered this: the executor says so.
      assert(this.#around.faults.turnUsMax > 0, "an execution is ordered with its inputs here");
      const { execution } = order;
      return this.#hear({ type: "execution-input-failed", at: 0, execution, task: missing.task });
    }
    const lane = this.#lanes[order.lane];
    lane.push(order);
    if (lane.length === 1) this.#begin(order);
  }

  #missingOf({ inputs }: StartExecution): ExecutionInput | undefined {
    return inputs.find(({ inline, task }) => inline === null && !this.values.has(task));
  }

  /** Files were read, or could not be. */
  #beginWhatWaited(): void {
    for (const [order] of this.#lanes) {
      if (order === undefined || !this.#awaiting.has(order.execution)) continue;
      const { execution } = order;
      const missing = this.#missingOf(order);
      if (missing === undefined) {
        this.#awaiting.delete(execution);
        this.#begin(order);
      } else {
        this.#advance(order);
        this.#say({ type: "execution-input-failed", at: 0, execution, task: missing.task });
      }
    }
  }

  #isOnDisk({ inline, task }: ExecutionInput): boolean {
    return inline === null && !this.#disk.isInMemory(task);
  }

  #begin(order: StartExecution): void {
    const { timeline, behaviour } = this.#around;
    if (order.inputs.some((input) => this.#isOnDisk(input))) {
      this.#awaiting.add(order.execution);
      return;
    }
    this.#around.onExecution(order.task);
    const begunAt = timeline.now;
    this.#tell("started", order);
    const { execution } = order;
    this.#later(saidToRunUs, () => {
      const isGone = this.#running(execution) === undefined;
      return isGone ? null : { type: "execution-started", at: 0, execution };
    });
    const end = (ending: Ending) => {
      if (this.alive && this.#runs(order)) this.#say(this.#endEvent(order, ending, begunAt));
    };
    const news = newsOf(order.execution, (event) => {
      if (this.alive && this.#runs(order)) this.#say(event);
    });
    behaviour.begin(this.#runningOf(order), end, news);
  }

  /** It waits beside its lane, where the thread takes up what comes next. */
  #yield(execution: ExecutionId): void {
    const lane = this.#lanes.find(([head]) => head?.execution === execution);
    if (lane === undefined) return; // It has ended, or it is beside its lane already.
    const [order] = lane.splice(0, 1);
    this.#beside.add(order);
    const { workerId } = this;
    this.#around.observer.onTraffic({ type: "yielded", workerId, attempt: order.attempt });
    if (lane.length > 0) this.#begin(lane[0]);
  }

  #runningOf(order: StartExecution): RunningExecution {
    const { execution, task, attempt, spec, context, args, inputs } = order;
    const definition = this.#specs.get(spec);
    assert(definition !== undefined, "an execution is started by its spec");
    const members = this.#members.gangOf(execution);
    const values = inputs.map((one) => {
      const bytes = one.inline ?? this.values.get(one.task)?.bytes ?? null;
      return { task: one.task, bytes };
    });
    const { workerId } = this;
    return { workerId, task, attempt, definition, context, args, members, inputs: values };
  }

  #runs(order: StartExecution): boolean {
    return this.#lanes[order.lane]?.[0] === order || this.#beside.has(order);
  }

  #running(execution: ExecutionId): StartExecution | undefined {
    const heads = this.#lanes.map((lane) => lane[0]).filter((head) => head !== undefined);
    return [...heads, ...this.#beside].find((one) => one.execution === execution);
  }

  /** The head of its lane ends; the thread goes on to the next by itself. */
  #endEvent(order: StartExecution, ending: Ending, begunAt: number): WorkerEvent {
    this.#advance(order);
    const { execution } = order;
    if (ending.type === "finished") this.#results.set(execution, ending.value);
    const { attempt } = order;
    if (!hasRun(ending)) this.#around.observer.onTraffic({ type: "never-ran", attempt });
    const durationUs = this.#around.timeline.now - begunAt;
    return endEventOf(ending, { execution, durationUs });
  }

  #tell(type: "started" | "ended", { attempt }: StartExecution): void {
    const { timeline, observer } = this.#around;
    const { workerId } = this;
    observer.onTraffic({ type, at: timeline.now, workerId, attempt });
  }

  #advance(order: StartExecution): void {
    if (!this.#awaiting.delete(order.execution)) this.#tell("ended", order);
    this.#aborting.delete(order.execution);
    this.#members.end(order.execution);
    if (this.#beside.delete(order)) return;
    const lane = this.#lanes[order.lane];
    lane.shift();
    if (lane.length > 0) this.#begin(lane[0]);
  }

  #revoke(execution: ExecutionId): void {
    const lane = this.#lanes.find((one) => one.some((order) => order.execution === execution));
    const place = lane?.findIndex((order) => order.execution === execution) ?? -1;
    const revoked = place > 0;
    if (revoked) lane?.splice(place, 1);
    this.#later(0, () => ({ type: "execution-revoked", at: 0, execution, revoked }));
  }

  #abort(send: AbortExecution): void {
    const { execution, reason, graceMs } = send;
    const known = [...this.#lanes.flat(), ...this.#beside];
    const stopped = known.find((one) => one.execution === execution);
    const { draws, faults, observer, behaviour, host } = this.#around;
    if (stopped === undefined) {
      const isOurs = this.#actors.abort(execution) || this.#members.abort(execution);
      if (!isOurs) host.abort(send);
      return;
    }
    if (this.#aborting.has(execution)) return;
    this.#aborting.add(execution);
    if (this.#runs(stopped)) behaviour.abort?.(stopped.attempt, reason);
    this.#later(this.#stopUs(stopped, graceMs), () => {
      const order = this.#running(execution);
      if (order === undefined) return null; // It ended by itself in the meantime.
      if (!draws.chance(faults.endAtStop)) {
        this.#advance(order);
        return { type: "execution-aborted", at: 0, execution };
      }
      observer.onFault("end at the instant of a stop", this.workerId);
      const failure = failureOf("it gave up when it was stopped", null);
      return this.#endEvent(order, { type: "failed", failure }, 0);
    });
  }

  #stopUs({ attempt }: StartExecution, graceMs: number): number {
    const { workerId } = this;
    return drawStopUs(this.#around, { workerId, attempt, graceMs, promptUsMax: 3_000 });
  }
}
