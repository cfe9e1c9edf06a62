/**
 * The controller's real kernel on virtual time, with clients and workers that are played here.
 *
 * Each event is one step, as in production. What the kernel orders a worker is done and answered
 * at the same instant; nothing is lost and nothing is late. So a plan shows what the scheduler
 * decides, and not what a network adds.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { BlobsBuilder } from "../base/blobs.ts";
import { Heap } from "../base/heap.ts";
import type { Micros } from "../base/time.ts";
import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import { isPlacementPaused } from "../controller/placement-budget.ts";
import { type ControllerState, newControllerState } from "../controller/state.ts";
import { step } from "../controller/step.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import { type CommandRun, specDefaults, type TaskSpec } from "../model/spec.ts";
import { type HotMessageOf, protocolVersion, type WorkerMessage } from "../protocol/messages.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";
import { ModelWorker, type Running } from "./model-worker.ts";
import type { MachineClass, PlannedTask } from "./workload.ts";

/** What a plan wants to know of the run. `task` is a place in the workload. */
export interface Watcher {
  readonly onStart: (task: number, worker: number, at: Micros) => void;
  readonly onEnd: (task: number, worker: number, at: Micros) => void;
}

/** Kernel time before which nothing happens: 0 means "never" in some of its fields. */
const beginUs = 1_000_000;

/** Finished tasks are let go of in batches of this size. */
const releaseSize = 1_024;

interface Session {
  readonly client: number;
  sequence: number;
  /** Number of a task in the session → its place in the workload. */
  readonly tasks: number[];
  readonly specs: Map<string, number>;
  readonly done: number[];
}

/** Where a task of the workload is in the kernel. */
interface Place {
  readonly session: Session;
  readonly number: number;
}

interface Ending {
  readonly task: number;
  readonly worker: number;
  readonly attempt: AttemptId;
  readonly runUs: number;
  readonly isTimeout: boolean;
}

export class Drive {
  readonly state: ControllerState = newControllerState();
  /** Attempts that were granted. */
  placements = 0;
  /** Steps of the kernel. */
  steps = 0;
  readonly #watcher: Watcher;
  readonly #workers: ModelWorker[] = [];
  readonly #sessions = new Map<string, Session>();
  readonly #byClient: Session[] = [];
  readonly #tasks: readonly PlannedTask[];
  /** Those that others depend on. */
  readonly #needed: ReadonlySet<number>;
  readonly #places: (Place | undefined)[] = [];
  readonly #endings: (Ending | null)[] = [];
  readonly #ends = new Heap();
  #at = beginUs;
  /** When every worker was last as good as heard. */
  #heardAt = beginUs;

  constructor(tasks: readonly PlannedTask[], watcher: Watcher, policy: QueuePolicy = "fair") {
    this.#tasks = tasks;
    this.#needed = new Set(tasks.flatMap(({ dependencies }) => dependencies));
    this.#watcher = watcher;
    this.#take({ type: "controller-started", at: this.#at, epoch: 1, policy });
  }

  /** The time of the plan, microseconds. */
  get now(): Micros {
    return this.#at - beginUs;
  }

  addMachines(machines: MachineClass): void {
    for (let i = 0; i < machines.count; i++) {
      const index = this.#workers.length;
      const worker = new ModelWorker((started) => this.#onStart(index, started));
      this.#workers.push(worker);
      const name = machines.count === 1 ? machines.name : `${machines.name}-${i}`;
      this.#take(workerConnected(name, machines, this.#at));
    }
  }

  /** Submits tasks of the workload together, in their order. One user's, please. */
  submit(indices: readonly number[]): void {
    const session = this.#session(this.#tasks[indices[0]].user);
    const first = session.tasks.length;
    const args = new BlobsBuilder();
    const counts: number[] = [];
    const dependencies: number[] = [];
    const groups: { spec: number; count: number }[] = [];
    for (const index of indices) {
      const task = this.#tasks[index];
      const spec = this.#spec(session, task);
      if (groups.at(-1)?.spec === spec) (groups.at(-1) as { count: number }).count++;
      else groups.push({ spec, count: 1 });
      args.push(noArguments);
      counts.push(task.dependencies.length);
      for (const one of task.dependencies) dependencies.push(this.#place(one).number);
      this.#places[index] = { session, number: session.tasks.length };
      session.tasks.push(index);
    }
    const message: HotMessageOf<"submit"> = {
      type: "submit",
      sequence: session.sequence++,
      first,
      groupSpecs: Uint32Array.from(groups, ({ spec }) => spec),
      groupCounts: Uint32Array.from(groups, ({ count }) => count),
      args: args.take(),
      dependencyCounts: dependencies.length === 0 ? new Uint32Array(0) : Uint32Array.from(counts),
      dependencies: Uint32Array.from(dependencies),
      keys: [],
    };
    this.#fromClient(session, message);
  }

  /** Takes tasks back that have not started. */
  cancel(index: number): void {
    const { session, number } = this.#place(index);
    const sequence = session.sequence++;
    this.#fromClient(session, { type: "cancel", sequence, tasks: [number], reason: "no room" });
    this.#letGo(session, number);
  }

  /** When something ends next; Infinity if nothing will. */
  nextEnd(): Micros {
    return this.#ends.length === 0 ? Number.POSITIVE_INFINITY : this.#ends.peekKey() - beginUs;
  }

  /** Ends the one attempt that is due first. */
  endNext(): void {
    this.advance(this.nextEnd());
    const key = this.#ends.pop();
    const ending = this.#endings[key];
    assert(ending !== null, "an attempt ends once");
    this.#endings[key] = null;
    const worker = this.#workers[ending.worker];
    if (!worker.has(ending.attempt)) return; // It was stopped.
    const { session, number } = this.#place(ending.task);
    this.#watcher.onEnd(ending.task, ending.worker, this.now);
    const answers = ending.isTimeout
      ? worker.timeOut(ending.attempt, ending.runUs)
      : worker.finish(ending.attempt, ending.runUs);
    for (const message of answers) this.#fromWorker(ending.worker, message);
    this.#letGo(session, number);
  }

  /** Time goes on; the kernel's own deadlines up to then are kept. */
  advance(until: Micros): void {
    for (;;) {
      const due = nextTimer(this.state);
      if (due > until + beginUs) break;
      this.#at = Math.max(this.#at, due);
      // Nobody is silent here: the heartbeats of this while are not played.
      const pausedUs = this.#at - this.#heardAt;
      this.#heardAt = this.#at;
      this.#take({ type: "controller-paused", at: this.#at, pausedUs });
      this.#take({ type: "tick", at: this.#at });
    }
    this.#at = Math.max(this.#at, until + beginUs);
  }

  #onStart(worker: number, { attempt, task: ref }: Running): void {
    const task = this.#taskOf(ref);
    const { runUs, limitUs } = this.#tasks[task];
    this.placements++;
    this.#watcher.onStart(task, worker, this.now);
    const isTimeout = limitUs > 0 && runUs > limitUs;
    const lasts = isTimeout ? limitUs : runUs;
    if (lasts === Number.POSITIVE_INFINITY) return;
    this.#endings.push({ task, worker, attempt, runUs: lasts, isTimeout });
    this.#ends.push(this.#at + lasts, this.#endings.length - 1);
  }

  #taskOf(ref: TaskRef): number {
    const { tasks, jobs } = this.state;
    const row = tasks.find(ref);
    const session = this.#byClient[jobs[tasks.job[row]].client];
    return session.tasks[tasks.index[row]];
  }

  #session(user: string): Session {
    const known = this.#sessions.get(user);
    if (known !== undefined) return known;
    this.#take({ type: "client-connected", at: this.#at, clientId: `plan-${user}`, user });
    const client = this.#byClient.length;
    const session: Session = { client, sequence: 1, tasks: [], specs: new Map(), done: [] };
    this.#byClient.push(session);
    this.#sessions.set(user, session);
    return session;
  }

  #spec(session: Session, task: PlannedTask): number {
    const { resources, constraints, band, priority, limitUs } = task;
    const key = JSON.stringify([resources, constraints, band, priority, limitUs]);
    const known = session.specs.get(key);
    if (known !== undefined) return known;
    const spec = session.specs.size;
    session.specs.set(key, spec);
    this.#fromClient(session, { type: "define-spec", spec, definition: specFor(task) });
    return spec;
  }

  #place(index: number): Place {
    const place = this.#places[index];
    assert(place !== undefined, "a task is submitted before it is spoken of");
    return place;
  }

  /** The client's handle goes, and with it what the kernel remembers, unless others need it. */
  #letGo(session: Session, number: number): void {
    if (this.#needed.has(session.tasks[number])) return;
    session.done.push(number);
    if (session.done.length < releaseSize) return;
    const tasks = Uint32Array.from(session.done.splice(0));
    this.#fromClient(session, { type: "release", tasks });
  }

  #fromClient(
    session: Session,
    message: Extract<ControllerEvent, { type: "client-messaged" }>["message"],
  ): void {
    this.#take({ type: "client-messaged", at: this.#at, client: session.client, message });
  }

  #fromWorker(worker: number, message: WorkerMessage): void {
    this.#take({ type: "worker-messaged", at: this.#at, worker, message });
  }

  /** One step, and all that follows from it at the same instant. */
  #take(event: ControllerEvent): void {
    const events: ControllerEvent[] = [event];
    for (let i = 0; i < events.length; i++) {
      this.steps++;
      const { sends } = step(this.state, events[i]);
      for (const send of sends) {
        const answer = this.#answerTo(send);
        if (answer !== null) events.push(answer);
      }
      // It goes on in another turn, at the same instant here.
      const isLast = i + 1 === events.length;
      if (isLast && isPlacementPaused(this.state)) events.push({ type: "tick", at: this.#at });
    }
  }

  #answerTo(send: ControllerSend): ControllerEvent | null {
    if (send.type !== "send-to-worker") return null;
    const { worker, message } = send;
    const answer = this.#workers[worker].take(message);
    if (answer === null) return null;
    return { type: "worker-messaged", at: this.#at, worker, message: answer };
  }
}

/** When the kernel itself has something to do: back-offs, deadlines, reservations that end. */
function nextTimer(state: ControllerState): Micros {
  let next = Number.POSITIVE_INFINITY;
  for (const heap of [state.delays, state.schedulingDeadlines, state.startDeadlines]) {
    if (heap.length > 0) next = Math.min(next, heap.peekKey());
  }
  for (const { expiresAt } of state.reservations.values()) next = Math.min(next, expiresAt);
  return next;
}

const run: CommandRun = {
  kind: "command",
  argv: ["true"],
  env: {},
  cwd: "",
  workspace: "",
  ports: [],
  stdin: "",
  result: { type: "none" },
};

/** A program, so that its time limit is known to bind. */
function specFor({ resources, constraints, band, priority, limitUs }: PlannedTask): TaskSpec {
  const timeoutMs = Math.ceil(limitUs / 1_000);
  const request = { resources, constraints, band, priority, timeoutMs };
  return { ...specDefaults, run, name: "planned", ...request };
}

function workerConnected(
  workerId: string,
  { capacity, attributes, commandSlots }: MachineClass,
  at: Micros,
): ControllerEvent {
  return {
    type: "worker-connected",
    at,
    hello: {
      ...{ role: "worker", protocolVersion, workerId, incarnation: workerId, clusterId: "plan" },
      ...{ epoch: 1, address: "127.0.0.1:1", pid: 1, capacity, slots: 0, commandSlots, attributes },
    },
    inventory: {
      type: "inventory",
      attempts: new Float64Array(0),
      attemptTasks: new Float64Array(0),
      phases: new Uint8Array(0),
      values: new Float64Array(0),
      valueSizes: new Float64Array(0),
    },
  };
}

const noArguments = new Uint8Array(0);
