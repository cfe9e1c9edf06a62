/**
 * The durable state as plain data, and back. Indexes that follow from the tables (queues, wakers,
 * digests, usage) are rebuilt, not stored: a snapshot cannot disagree with itself.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { digestWith } from "../base/digest.ts";
import { NumberMap } from "../base/number-map.ts";
import type { TaskFailure } from "../model/failure.ts";
import type { TaskSpec } from "../model/spec.ts";
import { shapeOnWorker } from "./apply-attempts.ts";
import { addSpec, emptyWorker } from "./apply-sessions.ts";
import {
  type ArgsBatch,
  type Client,
  type ControllerState,
  type Job,
  newControllerState,
  type Worker,
} from "./state.ts";
import type { AttemptTableImage } from "./tables/attempt-table.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage, type TaskTableImage, taskFlag } from "./tables/task-table.ts";

/** Durable fields of a client. */
interface ClientImage {
  readonly index: number;
  readonly clientId: string;
  readonly user: string;
  readonly job: number;
  readonly lastSequence: number;
  readonly nextNumber: number;
  readonly numbers: Uint32Array;
  readonly rows: Uint32Array;
  readonly specs: readonly (readonly [number, number])[];
}

const durableWorkerFields = [
  "index",
  "workerId",
  "incarnation",
  "address",
  "pid",
  "resources",
  "slots",
  "attributes",
  "capacity",
  "lost",
  "lostReason",
] as const;

type WorkerImage = Pick<Worker, (typeof durableWorkerFields)[number]>;

/** The durable state, structured-cloneable. */
export interface Snapshot {
  readonly format: 1;
  readonly epoch: number;
  readonly attemptCounter: number;
  readonly orderCounter: number;
  readonly recomputedCount: number;
  readonly tasks: TaskTableImage;
  readonly attempts: AttemptTableImage;
  readonly jobs: readonly Job[];
  readonly clients: readonly (ClientImage | null)[];
  readonly workers: readonly WorkerImage[];
  readonly dimensions: readonly string[];
  readonly specs: readonly TaskSpec[];
  readonly argsBatches: readonly (ArgsBatch | null)[];
  readonly freeArgsBatches: readonly number[];
  readonly keys: readonly (readonly [string, number])[];
  readonly aliases: readonly (readonly [number, readonly { client: number; number: number }[]])[];
  readonly failures: readonly (readonly [number, TaskFailure])[];
  readonly notBefore: readonly (readonly [number, number])[];
  readonly startBy: readonly (readonly [number, number])[];
}

export function snapshotOf(state: ControllerState): Snapshot {
  return {
    format: 1,
    epoch: state.epoch,
    attemptCounter: state.attemptCounter,
    orderCounter: state.orderCounter,
    recomputedCount: state.recomputedCount,
    tasks: state.tasks.image(),
    attempts: state.attempts.image(),
    jobs: state.jobs.map((job) => ({ ...job, stateCounts: job.stateCounts.slice() })),
    clients: state.clients.map((client) => (client === null ? null : imageOfClient(client))),
    workers: state.workers.map(imageOfWorker),
    dimensions: state.dimensions.names,
    specs: state.specs.map((spec) => spec.definition),
    argsBatches: state.argsBatches.map((batch) => (batch === null ? null : { ...batch })),
    freeArgsBatches: [...state.freeArgsBatches],
    keys: [...state.keys],
    aliases: [...state.aliases],
    failures: [...state.failures],
    notBefore: [...state.notBefore],
    startBy: [...state.startBy],
  };
}

function imageOfClient(client: Client): ClientImage {
  const numbers: number[] = [];
  const rows: number[] = [];
  client.handles.forEach((number, row) => {
    numbers.push(number);
    rows.push(row);
  });
  const { index, clientId, user, job, lastSequence, nextNumber } = client;
  return {
    ...{ index, clientId, user, job, lastSequence, nextNumber },
    numbers: Uint32Array.from(numbers),
    rows: Uint32Array.from(rows),
    specs: [...client.specs],
  };
}

function imageOfWorker(worker: Worker): WorkerImage {
  const image: { [field: string]: unknown } = {};
  for (const field of durableWorkerFields) image[field] = worker[field];
  return { ...(image as unknown as WorkerImage), capacity: worker.capacity.slice() };
}

/** The state that a snapshot stands for. */
export function stateOf(image: unknown): ControllerState {
  const snapshot = image as Snapshot;
  const state = newControllerState();
  state.epoch = snapshot.epoch;
  state.attemptCounter = snapshot.attemptCounter;
  state.orderCounter = snapshot.orderCounter;
  state.recomputedCount = snapshot.recomputedCount;
  state.tasks.restore(snapshot.tasks);
  state.attempts.restore(snapshot.attempts);
  state.dimensions.restore(snapshot.dimensions);
  for (const job of snapshot.jobs)
    state.jobs.push({ ...job, stateCounts: job.stateCounts.slice() });
  for (const definition of snapshot.specs) addSpec(state, definition);
  for (const client of snapshot.clients) restoreClient(state, client);
  for (const worker of snapshot.workers) restoreWorker(state, worker);
  for (const batch of snapshot.argsBatches) {
    state.argsBatches.push(batch === null ? null : { ...batch });
  }
  state.freeArgsBatches.push(...snapshot.freeArgsBatches);
  restoreMaps(state, snapshot);
  rebuildLedger(state);
  rebuildQueues(state);
  rebuildHoldings(state);
  return state;
}

function restoreClient(state: ControllerState, image: ClientImage | null): void {
  if (image === null) {
    state.clients.push(null);
    return;
  }
  const { numbers, rows, specs, ...fields } = image;
  const handles = new NumberMap();
  for (const [i, number] of numbers.entries()) handles.set(number, rows[i]);
  state.clients.push({
    ...fields,
    handles,
    specs: new Map(specs),
    connected: false,
    absentSince: 0,
    knownPeers: new Map(),
    warnedShapes: new Set(),
  });
  state.clientsById.set(image.clientId, image.index);
}

function restoreWorker(state: ControllerState, image: WorkerImage): void {
  const worker = emptyWorker(image.index, image.workerId);
  Object.assign(worker, image);
  worker.capacity = image.capacity.slice();
  worker.used = new Float64Array(worker.capacity.length);
  state.workers.push(worker);
  state.workersById.set(image.workerId, image.index);
}

function restoreMaps(state: ControllerState, snapshot: Snapshot): void {
  for (const [key, row] of snapshot.keys) {
    state.keys.set(key, row);
    state.keyOfTask.set(row, key);
  }
  for (const [row, aliases] of snapshot.aliases) state.aliases.set(row, [...aliases]);
  for (const [row, failure] of snapshot.failures) state.failures.set(row, failure);
  for (const [row, at] of snapshot.notBefore) {
    state.notBefore.set(row, at);
    state.delays.push(at, state.tasks.ref(row));
  }
  for (const [row, at] of snapshot.startBy) {
    state.startBy.set(row, at);
    state.schedulingDeadlines.push(at, state.tasks.ref(row));
  }
}

function rebuildLedger(state: ControllerState): void {
  const { attempts, tasks } = state;
  const rows: number[] = [];
  for (let row = 0; row < attempts.length; row++) if (attempts.id[row] !== 0) rows.push(row);
  rows.sort((a, b) => attempts.id[a] - attempts.id[b]);
  for (const row of rows) {
    const worker = state.workers[attempts.worker[row]];
    worker.liveAttempts++;
    worker.attemptsDigest = digestWith(worker.attemptsDigest, attempts.id[row]);
    const entry = shapeOnWorker(worker, attempts.shape[row]);
    if (attempts.isGranted(row)) {
      entry.granted++;
      const grant = present(attempts.grants[row], "a live attempt has a grant");
      for (let i = 0; i < worker.used.length && i < grant.length; i++) worker.used[i] += grant[i];
    } else {
      entry.prefetched++;
      entry.waiting.pushBack(row);
      state.shapes[attempts.shape[row]].prefetched++;
    }
    if (attempts.hasFlag(row, attemptFlag.stopping) && tasks.attempt[attempts.task[row]] !== row) {
      state.strays.set(attempts.id[row], row);
      state.strayOfTask.set(attempts.task[row], row);
    }
  }
}

function rebuildQueues(state: ControllerState): void {
  const { tasks } = state;
  const rows: number[] = [];
  for (let row = 0; row < tasks.length; row++) {
    if (tasks.isLive(row) && tasks.stage[row] === stage.queued) rows.push(row);
  }
  rows.sort((a, b) => tasks.order[a] - tasks.order[b]);
  for (const row of rows) {
    const shape = state.shapes[state.specs[tasks.spec[row]].shape];
    (tasks.hasFlag(row, taskFlag.woken) ? shape.woken : shape.fresh).pushBack(row);
    shape.queued++;
    state.untriedShapes.add(shape.index);
  }
}

function rebuildHoldings(state: ControllerState): void {
  const { tasks } = state;
  for (let row = 0; row < tasks.length; row++) {
    if (!tasks.isLive(row) || tasks.holder[row] === noSlot) continue;
    const worker = state.workers[tasks.holder[row]];
    worker.valuesDigest = digestWith(worker.valuesDigest, tasks.ref(row));
    worker.heldValueBytes += tasks.valueBytes[row];
  }
}

/** The durable state as text: equal for two states exactly when their durable parts are. */
export function durableText(state: ControllerState): string {
  return JSON.stringify(snapshotOf(state), (_, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
  );
}
