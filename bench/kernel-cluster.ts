/**
 * The controller kernel with a client and workers that are played: its real `step`, fed by a client
 * that submits and by workers that finish everything at once. Facts are produced and dropped;
 * nothing is written, sent or encoded.
 *
 * @module
 */

import { type Blobs, blobsOf } from "../src/base/blobs.ts";
import { U32Ring } from "../src/base/ring.ts";
import type { ControllerEvent, ControllerSend } from "../src/controller/events.ts";
import { type ControllerState, newControllerState } from "../src/controller/state.ts";
import { step } from "../src/controller/step.ts";
import { defaultRequest, noResources } from "../src/model/resources.ts";
import { specDefaults, type TaskSpec } from "../src/model/spec.ts";
import { type HotMessageOf, protocolVersion, reportKind } from "../src/protocol/messages.ts";

type Compute = HotMessageOf<"compute">;
type Submit = HotMessageOf<"submit">;

const spec: TaskSpec = {
  ...specDefaults,
  run: { kind: "function", bundle: "0".repeat(64), functionName: "noop", executor: "thread" },
  name: "noop",
  resources: defaultRequest,
  constraints: [],
  maxRetriesFailure: 0,
  maxRetriesPreemption: 3,
};

/** What each task brings, bytes. */
export const argumentBytes = 40;

export interface KernelClusterOptions {
  readonly workers: number;
  readonly slotsPerWorker: number;
}

export class KernelCluster {
  readonly state: ControllerState = newControllerState();
  /** Orders by worker that are not answered yet. */
  readonly #orders: Compute[][];
  /** Workers with such orders, first come, first served. */
  readonly #due = new U32Ring();
  /** Attempts that were given a grant after they had been ordered without one. */
  readonly #promoted = new Set<number>();
  #at = 1_000_000;
  #sequence = 1;
  nextNumber = 0;
  finished = 0;
  /** The longest single step so far, milliseconds of CPU time of this thread. */
  longestStepMs = 0;

  constructor({ workers, slotsPerWorker }: KernelClusterOptions) {
    this.#orders = Array.from({ length: workers }, () => []);
    this.step({ type: "controller-started", at: this.#at, epoch: 1 });
    for (let index = 0; index < workers; index++) {
      this.step(workerConnected(index, slotsPerWorker, this.#at));
    }
    this.step({ type: "client-connected", at: this.#at, clientId: "bench", user: "bench" });
    const define = { type: "define-spec", spec: 0, definition: spec } as const;
    this.step({ type: "client-messaged", at: this.#at, client: 0, message: define });
  }

  /** One submission of `count` tasks without dependencies. */
  submit(count: number, keys: readonly string[] = []): void {
    const message: Submit = {
      type: "submit",
      sequence: this.#sequence++,
      first: this.nextNumber,
      groupSpecs: Uint32Array.of(0),
      groupCounts: Uint32Array.of(count),
      args: argumentsOf(count),
      dependencyCounts: new Uint32Array(0),
      dependencies: new Uint32Array(0),
      keys: [...keys],
    };
    this.nextNumber += count;
    this.step({ type: "client-messaged", at: this.#at, client: 0, message });
  }

  /** `count` tasks in submissions of `size`. */
  submitAll(count: number, size: number): void {
    for (let left = count; left > 0; left -= size) this.submit(Math.min(size, left));
  }

  /** The workers finish what they were ordered, until nothing is ordered any more. */
  drain(): void {
    while (this.#due.length > 0) this.finishNext();
  }

  /** The next worker that has been ordered anything finishes all of it. */
  finishNext(): void {
    const worker = this.#due.popFront();
    const computes = this.#orders[worker];
    this.#orders[worker] = [];
    const message = finishedAll(computes, this.#promoted);
    this.finished += message.attempts.length;
    this.state.workers[worker].unapplied.length = 0; // As each heartbeat does.
    this.step({ type: "worker-messaged", at: this.#at, worker, message });
  }

  /** The client lets go of every task from `first` on, so that the tables are empty again. */
  releaseFrom(first: number): void {
    const tasks = new Uint32Array(this.nextNumber - first);
    for (let i = 0; i < tasks.length; i++) tasks[i] = first + i;
    const message: HotMessageOf<"release"> = { type: "release", tasks };
    this.step({ type: "client-messaged", at: this.#at, client: 0, message });
  }

  step(event: ControllerEvent): void {
    this.#at += 10;
    const before = process.threadCpuUsage();
    const { sends } = step(this.state, { ...event, at: this.#at });
    const { user, system } = process.threadCpuUsage(before);
    this.longestStepMs = Math.max(this.longestStepMs, (user + system) / 1_000);
    for (const send of sends) if (send.type === "send-to-worker") this.#take(send);
  }

  #take({ worker, message }: Extract<ControllerSend, { type: "send-to-worker" }>): void {
    if (message.type === "grant") for (const id of message.attempts) this.#promoted.add(id);
    if (message.type !== "compute") return;
    if (this.#orders[worker].length === 0) this.#due.pushBack(worker);
    this.#orders[worker].push(message);
  }
}

function workerConnected(index: number, slots: number, at: number): ControllerEvent {
  return {
    type: "worker-connected",
    at,
    hello: {
      ...{ role: "worker", protocolVersion, workerId: `w-${index}`, incarnation: `i-${index}` },
      ...{ clusterId: "bench", epoch: 1, address: `127.0.0.1:${9_000 + index}`, pid: 1 + index },
      capacity: { ...noResources, cpuMilli: slots * 1_000 },
      slots,
      commandSlots: 0,
      attributes: {},
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

/** The same bytes for every task, but as many as if each had its own. */
function argumentsOf(count: number): Blobs {
  const offsets = new Uint32Array(count + 1);
  for (let i = 0; i <= count; i++) offsets[i] = i * argumentBytes;
  return { offsets, data: new Uint8Array(count * argumentBytes) };
}

/** Granted attempts end first, each handing its grant to a prefetched one, which ends next. */
function finishedAll(computes: readonly Compute[], promoted: Set<number>): HotMessageOf<"reports"> {
  const isWaiting = ({ prefetched, attempts }: Compute, i: number) =>
    prefetched[i] === 1 && !promoted.has(attempts[i]);
  let count = 0;
  let granted = 0;
  for (const compute of computes) {
    count += compute.attempts.length;
    for (let i = 0; i < compute.attempts.length; i++) if (!isWaiting(compute, i)) granted++;
  }
  if (granted === 0) throw new Error("a worker was given work and no grant");
  const message = emptyReports(count);
  let nextGranted = 0;
  let nextWaiting = granted;
  for (const compute of computes) {
    for (let i = 0; i < compute.attempts.length; i++) {
      const waits = isWaiting(compute, i);
      const place = waits ? nextWaiting++ : nextGranted++;
      message.attempts[place] = compute.attempts[i];
      message.tasks[place] = compute.tasks[i];
      if (waits) message.successors[place - granted] = compute.attempts[i];
    }
  }
  return message;
}

function emptyReports(count: number): HotMessageOf<"reports"> {
  return {
    type: "reports",
    kinds: new Uint8Array(count).fill(reportKind.finished),
    attempts: new Float64Array(count),
    tasks: new Float64Array(count),
    reasons: new Uint8Array(count),
    successors: new Float64Array(count),
    others: new Float64Array(count),
    sizes: new Float64Array(count).fill(1),
    durations: new Uint32Array(count).fill(10),
    values: valuesOf(count),
  };
}

const cachedValues = new Map<number, Blobs>();

/** A value of one byte for each. */
function valuesOf(count: number): Blobs {
  const known = cachedValues.get(count);
  if (known !== undefined) return known;
  const values = blobsOf(Array(count).fill(Uint8Array.of(1)));
  cachedValues.set(count, values);
  return values;
}
