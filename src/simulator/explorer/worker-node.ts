/**
 * A worker process as the explorer sees it: the real kernel, its threads, and its machine with a
 * launcher and the commands that run there. What the threads and commands do next is up to the
 * explorer: `choices` lists it.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import type { Micros } from "../../base/time.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import { noResources, type Resources } from "../../model/resources.ts";
import type { TaskSpec } from "../../model/spec.ts";
import type { ToWorkerMessage, WorkerHello, WorkerMessage } from "../../protocol/messages.ts";
import type {
  ExecutionId,
  StartedExecution,
  WorkerEvent,
  WorkerSend,
} from "../../worker/events.ts";
import { newWorkerState, type WorkerState } from "../../worker/state.ts";
import { nextWorkerDeadline } from "../../worker/step.ts";
import { devicesIn } from "../device-use.ts";
import { Commands, type MachineProcess } from "./commands.ts";
import type { Kernels } from "./kernels.ts";
import { type ActorObject, Objects } from "./objects.ts";
import type { NodeKind } from "./pool.ts";

/** What is fixed about a worker. */
export interface WorkerIdentity {
  readonly workerId: string;
  readonly slots: number;
  readonly cpuMilli: number;
  readonly devices: Resources["devices"];
  readonly commandSlots: number;
  readonly slice: string;
  /** Threads say when they take a function up; else only its end does. */
  readonly announcesStarts: boolean;
}

export interface WorkerNode {
  readonly identity: WorkerIdentity;
  /** Null while no process lives. */
  kernel: WorkerState | null;
  now: Micros;
  /** Of each thread, what it was given and has not ended; the first one runs. */
  lanes: StartedExecution[][];
  readonly objects: ActorObject[];
  /** Runs of functions that a thread has said to have begun. */
  readonly announced: Set<ExecutionId>;
  readonly aborting: Set<ExecutionId>;
  readonly stored: Set<TaskRef>;
  readonly fetches: Map<number, { readonly peer: number; readonly tasks: readonly TaskRef[] }>;
  /** What a finished fetch brought and the kernel has not stored yet. */
  readonly fetched: Map<number, readonly TaskRef[]>;
  readonly specs: Map<number, { readonly definition: TaskSpec }>;
  /** Of the machine: they outlive the process. */
  readonly processes: Map<AttemptId, MachineProcess>;
}

/** What can happen to one run next. */
export type RunChoice =
  | { readonly type: "start"; readonly execution: ExecutionId }
  /** `begins`: of a call of an actor, which it is. */
  | { readonly type: "finish"; readonly execution: ExecutionId; readonly begins?: number }
  | { readonly type: "fail"; readonly execution: ExecutionId }
  | { readonly type: "obey"; readonly execution: ExecutionId }
  | { readonly type: "prepare"; readonly attempt: AttemptId }
  | { readonly type: "break"; readonly attempt: AttemptId }
  | { readonly type: "run"; readonly attempt: AttemptId }
  | { readonly type: "exit"; readonly attempt: AttemptId }
  | { readonly type: "exit-failing"; readonly attempt: AttemptId }
  | { readonly type: "die"; readonly attempt: AttemptId };

export type WorkerMove =
  | RunChoice
  | { readonly type: "start-process" }
  | { readonly type: "crash"; readonly launcherLives: boolean }
  | { readonly type: "connect"; readonly epoch: number; readonly index: number }
  | { readonly type: "disconnect" }
  | { readonly type: "count-anew" }
  | { readonly type: "hear"; readonly messages: readonly ToWorkerMessage[] }
  | { readonly type: "tick" }
  | {
      readonly type: "fetched";
      readonly transfer: number;
      readonly got: readonly TaskRef[];
      readonly absent: readonly TaskRef[];
    }
  | { readonly type: "fetch-failed"; readonly transfer: number };

export interface WorkerView {
  readonly isAlive: boolean;
  readonly isDue: boolean;
  readonly dueAt: Micros | null;
  readonly choices: readonly RunChoice[];
  readonly fetches: readonly {
    readonly transfer: number;
    readonly peer: number;
    readonly tasks: readonly TaskRef[];
  }[];
  readonly stored: ReadonlySet<TaskRef>;
  /** What it still does, as a sentence; null when nothing runs. */
  readonly busy: string | null;
  /** Answers that it owes to its controller. */
  readonly owedAnswers: number;
  readonly attemptsDigest: number;
  readonly valuesDigest: number;
  /** Messages that it took up and the controller does not know of. */
  readonly appliedCount: number;
}

/** A value of this many bytes stays with its worker. */
const largeValueBytes = 100_000;

/** Short enough to be queued on a lane behind another. */
const runUs = 500;

export function newWorkerNode(identity: WorkerIdentity): WorkerNode {
  return {
    identity,
    kernel: null,
    now: 1_000_000,
    lanes: [],
    objects: [],
    announced: new Set(),
    aborting: new Set(),
    stored: new Set(),
    fetches: new Map(),
    fetched: new Map(),
    specs: new Map(),
    processes: new Map(),
  };
}

export function helloOf(identity: WorkerIdentity, incarnation: number): WorkerHello {
  const { workerId, slots, commandSlots, slice } = identity;
  return {
    ...{ role: "worker", protocolVersion: 1, workerId, clusterId: "explored", epoch: 0 },
    ...{ incarnation: `i${incarnation}`, address: `${workerId}:1`, pid: 1, slots, commandSlots },
    capacity: capacityOf(identity),
    attributes: { slice, "tpu-worker-id": workerId.slice(1) },
  };
}

function capacityOf({ cpuMilli, devices }: WorkerIdentity): Resources {
  return { ...noResources, cpuMilli, devices, memoryBytes: 2 ** 33 };
}

export function workerKind(
  kernels: Kernels,
): NodeKind<WorkerNode, WorkerMove, WorkerMessage, WorkerView> {
  return {
    isGraph: true,
    step: (node, move) => new Turn(kernels, node).take(move),
    check: (node) => {
      if (node.kernel !== null) kernels.checkWorker(node.kernel);
      assertNothingIsUsedTwice(node);
    },
    view: viewOf,
  };
}

/** One move of a worker: the events that it stands for, and what leaves for the controller. */
class Turn {
  readonly #kernels: Kernels;
  readonly #node: WorkerNode;
  readonly #commands: Commands;
  readonly #objects: Objects;
  readonly #said: WorkerMessage[] = [];
  /** What the executors answer at once. */
  readonly #answers: WorkerEvent[] = [];

  constructor(kernels: Kernels, node: WorkerNode) {
    this.#kernels = kernels;
    this.#node = node;
    this.#commands = new Commands(node);
    this.#objects = new Objects(node);
  }

  take(move: WorkerMove): readonly WorkerMessage[] {
    const events = this.#eventsOf(move);
    if (this.#node.kernel === null) return [];
    this.#step(events);
    for (let next = this.#answers.shift(); next !== undefined; next = this.#answers.shift()) {
      this.#step([next]);
    }
    if (move.type === "hear") for (const message of move.messages) this.#forgetSent(message);
    return this.#said;
  }

  #eventsOf(move: WorkerMove): readonly WorkerEvent[] {
    const node = this.#node;
    const at = node.now;
    switch (move.type) {
      case "start-process":
        return this.#startProcess();
      case "crash":
        crash(node, move.launcherLives);
        return [];
      case "connect":
        return [{ ...move, type: "connected", at }];
      case "disconnect":
        return [{ type: "disconnected", at }];
      case "count-anew":
        return this.#countAnew();
      case "hear":
        return move.messages.map((message) => this.#ordered(message));
      case "tick":
        if (node.kernel !== null) node.now = Math.max(at, nextWorkerDeadline(node.kernel) ?? 0);
        return [{ type: "tick", at: node.now }];
      case "fetched": {
        const { transfer, got, absent } = move;
        node.fetches.delete(transfer);
        node.fetched.set(transfer, got);
        const sized = got.map((task) => ({ task, sizeBytes: largeValueBytes }));
        return [{ type: "fetch-finished", at, transfer, got: sized, absent, corrupt: [] }];
      }
      case "fetch-failed":
        node.fetches.delete(move.transfer);
        return [{ type: "fetch-failed", at, transfer: move.transfer }];
      case "start":
        node.announced.add(move.execution);
        return [{ type: "execution-started", at, execution: move.execution }];
      case "finish":
      case "fail":
      case "obey":
        return this.#objects.end(move) ?? [this.#endRun(move)];
      default:
        return this.#commands.happen(move);
    }
  }

  /** The controller counts what it hears from its latest acknowledgement on. */
  #forgetSent(message: ToWorkerMessage): void {
    const { kernel } = this.#node;
    if (message.type !== "acknowledge" || kernel === null) return;
    kernel.connection.sent -= message.sequence;
    kernel.keptAnswers = kernel.keptAnswers.map(({ sequence, message: kept }) => ({
      sequence: sequence - message.sequence,
      message: kept,
    }));
    for (const { state: held } of kernel.tasks.values()) {
      if (held.type !== "memory") continue;
      held.value.toldIn = Math.max(0, held.value.toldIn - message.sequence);
    }
  }

  /** The controller knows of all that was taken up. */
  #countAnew(): readonly WorkerEvent[] {
    const { kernel } = this.#node;
    assert(kernel !== null, "only who is connected counts");
    kernel.connection.applied = 0;
    return [];
  }

  #startProcess(): readonly WorkerEvent[] {
    const node = this.#node;
    const { slots, commandSlots } = node.identity;
    node.kernel = newWorkerState({ slots, capacity: capacityOf(node.identity), commandSlots });
    node.lanes = Array.from({ length: slots }, () => []);
    const recovered = this.#commands.recover();
    if (recovered !== null) this.#step([recovered]);
    return this.#commands.endsThatNobodyHeard();
  }

  #ordered(message: ToWorkerMessage): WorkerEvent {
    const { specs, now } = this.#node;
    if (message.type === "define-spec") {
      specs.set(message.spec, { definition: message.definition });
    }
    return { type: "ordered", at: now, message };
  }

  #step(events: readonly WorkerEvent[]): void {
    const { kernel } = this.#node;
    if (kernel === null || events.length === 0) return;
    for (const send of this.#kernels.stepWorker(kernel, events).sends) this.#carryOut(send);
  }

  #carryOut(send: WorkerSend): void {
    const node = this.#node;
    switch (send.type) {
      case "send-message":
        this.#said.push(send.message);
        return;
      case "start-execution":
        return this.#start(send);
      case "prepare-execution":
        return this.#commands.begin(send);
      case "release-execution":
        return this.#commands.release(send.execution, send.members, this.#answers);
      case "revoke-execution":
        return this.#revoke(send.execution);
      case "abort-execution":
        if (node.lanes.some((lane) => lane.some((one) => one.execution === send.execution))) {
          node.aborting.add(send.execution);
        } else if (!this.#objects.abort(send.execution, this.#answers)) {
          this.#commands.abort(send.execution);
        }
        return;
      case "store-result":
        node.stored.add(send.task);
        return;
      case "start-fetch":
        node.fetches.set(send.transfer, { peer: send.peer, tasks: send.tasks });
        return;
      case "abort-fetch":
        node.fetches.delete(send.transfer);
        node.fetched.delete(send.transfer);
        return;
      case "store-fetched": {
        const brought = node.fetched.get(send.transfer);
        assert(brought?.includes(send.task) === true, "only what a transfer brought is stored");
        node.stored.add(send.task);
        return;
      }
      case "drop-value":
        node.stored.delete(send.task);
        return;
      default: // Discarded results have no bytes here, and nobody asks a worker to leave.
    }
  }

  #start(send: Extract<WorkerSend, { type: "start-execution" }>): void {
    const part = this.#objects.partOf(send.spec);
    if (this.#commands.isCommand(send.spec)) this.#commands.begin(send);
    else if (part === "actor") this.#objects.begin(bareOrder(send));
    else if (part === "call") this.#answers.push(...this.#objects.call(bareOrder(send)));
    else this.#node.lanes[send.lane].push(bareOrder(send));
  }

  #revoke(execution: ExecutionId): void {
    const { lanes, now, announced } = this.#node;
    const lane = lanes.find((one) => one.some((order) => order.execution === execution)) ?? [];
    const place = lane.findIndex((order) => order.execution === execution);
    const revoked = place > 0 && !announced.has(execution);
    if (revoked) lane.splice(place, 1);
    this.#answers.push({ type: "execution-revoked", at: now, execution, revoked });
  }

  /** The head of a lane is over; the thread goes on to the next by itself. */
  #endRun({ type, execution }: Extract<RunChoice, { execution: number }>): WorkerEvent {
    const node = this.#node;
    const lane = node.lanes.find((one) => one[0]?.execution === execution);
    const order = lane?.shift();
    assert(order !== undefined, "only the head of a lane ends");
    node.aborting.delete(execution);
    node.announced.delete(execution);
    const at = node.now;
    if (type === "obey") return { type: "execution-aborted", at, execution };
    if (type === "fail") {
      const error = { name: "Error", message: "explored", stack: "", causes: [] };
      const failure = { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
      return { type: "execution-failed", at, execution, cause: "failed", failure };
    }
    const isLarge = node.specs.get(order.spec)?.definition.name.startsWith("large") === true;
    const sizeBytes = isLarge ? largeValueBytes : order.args.length;
    const inline = isLarge ? null : order.args;
    return { type: "execution-finished", at, execution, sizeBytes, durationUs: runUs, inline };
  }
}

function bareOrder(send: Extract<WorkerSend, { type: "start-execution" }>): StartedExecution {
  const { type: _type, ...order } = send;
  return order;
}

function crash(node: WorkerNode, launcherLives: boolean): void {
  node.kernel = null;
  node.lanes = [];
  node.objects.length = 0;
  node.announced.clear();
  node.aborting.clear();
  node.stored.clear();
  node.fetches.clear();
  node.fetched.clear();
  node.specs.clear();
  if (!launcherLives) node.processes.clear();
}

function viewOf(node: WorkerNode): WorkerView {
  const { kernel, now } = node;
  const dueAt = kernel === null ? null : nextWorkerDeadline(kernel);
  const fetches = [...node.fetches].map(([transfer, fetch]) => ({ transfer, ...fetch }));
  return {
    isAlive: kernel !== null,
    isDue: dueAt !== null && dueAt <= now,
    dueAt,
    choices: [
      ...laneChoices(node),
      ...new Objects(node).choices(),
      ...new Commands(node).choices(),
    ],
    fetches,
    stored: new Set(node.stored),
    busy: busyWith(node),
    owedAnswers: kernel?.openRuns ?? 0,
    attemptsDigest: kernel?.attemptsDigest ?? 0,
    valuesDigest: kernel?.valuesDigest ?? 0,
    appliedCount: kernel?.connection.applied ?? 0,
  };
}

function laneChoices({ lanes, aborting, announced, identity }: WorkerNode): RunChoice[] {
  const choices: RunChoice[] = [];
  for (const [order] of lanes) {
    if (order === undefined) continue;
    const { execution } = order;
    const isSilent = identity.announcesStarts && !announced.has(execution);
    if (isSilent) choices.push({ type: "start", execution });
    choices.push({ type: "finish", execution });
    if (aborting.has(execution)) choices.push({ type: "obey", execution });
    choices.push({ type: "fail", execution });
  }
  return choices;
}

function busyWith({ identity, lanes, objects, processes }: WorkerNode): string | null {
  const { workerId } = identity;
  if (objects.length > 0) return `${workerId} runs an actor`;
  if (lanes.some((lane) => lane.length > 0)) return `${workerId} runs a function`;
  return processes.size > 0 ? `${workerId} runs a command` : null;
}

/** Of what runs now, the requests fit the machine, and no device is in two hands. */
function assertNothingIsUsedTwice({ identity, lanes, processes, specs }: WorkerNode): void {
  const { workerId } = identity;
  const devices = new Map<string, number>();
  let cpuMilli = 0;
  for (const [order] of lanes) {
    if (order !== undefined) cpuMilli += specs.get(order.spec)?.definition.resources.cpuMilli ?? 0;
  }
  for (const { phase, definition, order } of processes.values()) {
    if (phase !== "running") continue;
    cpuMilli += definition.resources.cpuMilli;
    for (const [device, milli] of devicesIn(order.context)) {
      const used = (devices.get(device) ?? 0) + milli;
      devices.set(device, used);
      assert(used <= 1000, `${workerId}: ${device} is used ${used} of 1000`);
    }
  }
  assert(cpuMilli <= identity.cpuMilli, `${workerId} runs ${cpuMilli} milli-CPU`);
}
