/**
 * The controller kernel alone: its real `step`, fed by a client that submits and by workers that
 * finish everything at once. Facts are produced and dropped; nothing is written, sent or encoded.
 *
 * @module
 */

import { BlobsBuilder, blobsOf, emptyBlobs } from "../src/base/blobs.ts";
import type { ControllerEvent } from "../src/controller/events.ts";
import { type ControllerState, newControllerState } from "../src/controller/state.ts";
import { step } from "../src/controller/step.ts";
import { defaultRequest, noResources } from "../src/model/resources.ts";
import { specDefaults, type TaskSpec } from "../src/model/spec.ts";
import { type HotMessageOf, protocolVersion, reportKind } from "../src/protocol/messages.ts";
import type { BenchCase, Prepared } from "./cases.ts";

const taskCount = 500_000;
const submitSize = 10_000;
const workerCount = 8;
const slotsPerWorker = 16;

const spec: TaskSpec = {
  ...specDefaults,
  run: { kind: "function", bundle: "0".repeat(64), functionName: "noop" },
  name: "noop",
  resources: defaultRequest,
  constraints: [],
  maxRetriesFailure: 0,
  maxRetriesPreemption: 3,
};

type Compute = HotMessageOf<"compute">;

/** The kernel with a client and workers that are played by this file. */
class Cluster {
  readonly state: ControllerState = newControllerState();
  /** Orders that no worker has answered yet. */
  #orders: { readonly worker: number; readonly compute: Compute }[] = [];
  #at = 1_000_000;
  #sequence = 1;
  #nextNumber = 0;
  finished = 0;

  constructor() {
    this.#step({ type: "controller-started", at: this.#at, epoch: 1 });
    for (let index = 0; index < workerCount; index++) this.#step(workerConnected(index, this.#at));
    const clientId = "bench";
    this.#step({ type: "client-connected", at: this.#at, clientId, user: "bench" });
    const define = { type: "define-spec", spec: 0, definition: spec } as const;
    this.#step({ type: "client-messaged", at: this.#at, client: 0, message: define });
  }

  submit(count: number): void {
    const message: HotMessageOf<"submit"> = {
      type: "submit",
      sequence: this.#sequence++,
      first: this.#nextNumber,
      groupSpecs: Uint32Array.of(0),
      groupCounts: Uint32Array.of(count),
      args: argumentsOf(count),
      dependencyCounts: new Uint32Array(0),
      dependencies: new Uint32Array(0),
      keys: [],
    };
    this.#nextNumber += count;
    this.#step({ type: "client-messaged", at: this.#at, client: 0, message });
  }

  /** The workers finish what they were ordered, until nothing is ordered any more. */
  drain(): void {
    while (this.#orders.length > 0) {
      const orders = this.#orders;
      this.#orders = [];
      for (const { worker, compute } of orders) {
        const message = finishedAll(compute);
        this.finished += compute.attempts.length;
        this.#step({ type: "worker-messaged", at: this.#at, worker, message });
      }
    }
  }

  /** The client lets go of every task, so that the next run finds the tables empty. */
  releaseAll(first: number): void {
    const tasks = Uint32Array.from({ length: this.#nextNumber - first }, (_unused, i) => first + i);
    const message: HotMessageOf<"release"> = { type: "release", tasks };
    this.#step({ type: "client-messaged", at: this.#at, client: 0, message });
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  #step(event: ControllerEvent): void {
    this.#at += 10;
    const { sends } = step(this.state, event);
    for (const send of sends) {
      if (send.type !== "send-to-worker" || send.message.type !== "compute") continue;
      this.#orders.push({ worker: send.worker, compute: send.message });
    }
  }
}

function workerConnected(index: number, at: number): ControllerEvent {
  return {
    type: "worker-connected",
    at,
    hello: {
      ...{ role: "worker", protocolVersion, workerId: `w-${index}`, incarnation: `i-${index}` },
      ...{ clusterId: "bench", epoch: 1, address: `127.0.0.1:${9_000 + index}`, pid: 1 + index },
      capacity: { ...noResources, cpuMilli: slotsPerWorker * 1_000 },
      slots: slotsPerWorker,
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

/** 40 bytes for each task. */
function argumentsOf(count: number) {
  const builder = new BlobsBuilder();
  const one = new Uint8Array(40);
  for (let i = 0; i < count; i++) builder.push(one);
  return builder.take();
}

/** Granted attempts end first, each handing its grant to a prefetched one, which ends next. */
function finishedAll(compute: Compute): HotMessageOf<"reports"> {
  const { attempts, tasks, prefetched } = compute;
  const count = attempts.length;
  const waiting: number[] = [];
  const order: number[] = [];
  for (let i = 0; i < count; i++) (prefetched[i] === 1 ? waiting : order).push(i);
  const successors = new Float64Array(count);
  let next = 0;
  for (let place = 0; place < order.length; place++) {
    if (next === waiting.length) continue;
    successors[place] = attempts[waiting[next]];
    order.push(waiting[next++]);
  }
  // What found no grant to take over waits for an order of its own: not in this benchmark.
  if (order.length !== count) throw new Error("an order came without any grant");
  return {
    type: "reports",
    kinds: new Uint8Array(count).fill(reportKind.finished),
    attempts: Float64Array.from(order, (i) => attempts[i]),
    tasks: Float64Array.from(order, (i) => tasks[i]),
    reasons: new Uint8Array(count),
    successors,
    others: new Float64Array(count),
    sizes: new Float64Array(count).fill(1),
    durations: new Uint32Array(count).fill(10),
    values: valuesOf(count),
  };
}

const cachedValues = new Map<number, ReturnType<typeof blobsOf>>();

function valuesOf(count: number) {
  const known = cachedValues.get(count);
  if (known !== undefined) return known;
  const values = count === 0 ? emptyBlobs : blobsOf(Array(count).fill(Uint8Array.of(1)));
  cachedValues.set(count, values);
  return values;
}

async function prepare(): Promise<Prepared> {
  const cluster = new Cluster();
  const run = async () => {
    const first = cluster.nextNumber;
    const before = cluster.finished;
    const startedAt = performance.now();
    for (let submitted = 0; submitted < taskCount; submitted += submitSize) {
      cluster.submit(submitSize);
      cluster.drain();
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    const finished = cluster.finished - before;
    if (finished !== taskCount) throw new Error(`${finished} of ${taskCount} tasks finished`);
    cluster.releaseAll(first);
    return taskCount / seconds;
  };
  return { run, pids: [], close: async () => undefined };
}

export const kernelCase: BenchCase = {
  name: "kernel",
  unit: "tasks/s",
  what: `the controller's state machine alone: ${taskCount} tasks, submit to finish, 8 workers`,
  prepare,
};
