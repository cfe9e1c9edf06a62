/**
 * The durable state as plain data, and back. Indexes that follow from the tables (queues, wakers,
 * digests, usage) are rebuilt, not stored: a snapshot cannot disagree with itself.
 *
 * @module
 */

import { digestWith } from "../base/digest.ts";
import { NumberMap } from "../base/number-map.ts";
import type { AttemptUsage, TaskFailure } from "../model/failure.ts";
import type { DeviceAmount } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { GangMember } from "../protocol/messages.ts";
import { type AccessImage, imageOfAccess, restoreAccess } from "./access-image.ts";
import { chargeGrant, countStarted, shapeOnWorker } from "./apply-attempts.ts";
import {
  addShape,
  beginDeviceUse,
  emptyWorker,
  internUser,
  type QueueOwner,
  type ShapeRequest,
  specKey,
} from "./apply-sessions.ts";
import { callsOf, countSent, isCall, joinCallLine } from "./call-lines.ts";
import { imageOfSentCalls, type SentCallsImage } from "./call-state.ts";
import type { Closing } from "./closing.ts";
import { openTasks } from "./job-state.ts";
import { keyOfTask, listKey } from "./keys.ts";
import { startMaxUs } from "./limits.ts";
import type { Reschedules } from "./reschedules.ts";
import { applyCapacityReserved } from "./reservations.ts";
import type { RunTimesImage } from "./run-times.ts";
import { imageOfShared, restoreShared, type SharedImage } from "./shared-image.ts";
import {
  type AttemptRecord,
  type Client,
  type ControllerState,
  type Gang,
  type Job,
  jobOf,
  type Launch,
  newControllerState,
  orderOf,
  type Reservation,
  type Shape,
  type SpecRecord,
  type Submission,
  shapeOf,
  type Worker,
} from "./state.ts";
import type { AttemptTableImage } from "./tables/attempt-table.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage, type TaskTableImage, taskFlag } from "./tables/task-table.ts";
import { countOpenTasks } from "./users.ts";

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
  "restartsBefore",
  "address",
  "pid",
  "registeredAt",
  "resources",
  "slots",
  "commandSlots",
  "attributes",
  "taints",
  "cordoned",
  "draining",
  "drainBy",
  "givenUp",
  "capacity",
  "lost",
  "lostReason",
] as const;

type WorkerImage = Pick<Worker, (typeof durableWorkerFields)[number]>;

/** The durable state, structured-cloneable. */
export interface Snapshot {
  readonly format: 3;
  readonly epoch: number;
  readonly attemptCounter: number;
  readonly orderCounter: number;
  readonly recomputedCount: number;
  /** Absent in what older versions wrote. */
  readonly journaled?: number;
  readonly tasks: TaskTableImage;
  readonly attempts: AttemptTableImage;
  readonly jobs: readonly JobImage[];
  readonly freeJobs: readonly number[];
  readonly jobCounter: number;
  readonly users: readonly string[];
  readonly access: AccessImage;
  /** Absent in what older versions wrote. */
  readonly shared?: SharedImage;
  readonly histories: readonly (readonly [number, readonly AttemptRecord[]])[];
  readonly usages: readonly (readonly [number, AttemptUsage])[];
  /** Older ones have none. */
  readonly hung?: readonly (readonly [number, { readonly usualUs: number }])[];
  readonly runTimes?: RunTimesImage;
  readonly deviceGrants: readonly (readonly [number, readonly DeviceAmount[]])[];
  readonly reservations: readonly Reservation[];
  readonly reservationCounter: number;
  readonly clients: readonly (ClientImage | null)[];
  /** Older ones have none. */
  readonly closing?: readonly (readonly [number, Closing])[];
  readonly workers: readonly WorkerImage[];
  readonly dimensions: readonly string[];
  readonly shapes: readonly ShapeImage[];
  readonly freeShapes: readonly number[];
  readonly specs: readonly (SpecImage | null)[];
  readonly submissions: readonly (Submission | null)[];
  readonly freeSubmissions: readonly number[];
  readonly aliases: readonly (readonly [number, readonly { client: number; number: number }[]])[];
  readonly failures: readonly (readonly [number, TaskFailure])[];
  /** Older ones have none. */
  readonly reschedules?: readonly (readonly [number, Reschedules])[];
  readonly notBefore: readonly (readonly [number, number])[];
  readonly startBy: readonly (readonly [number, number])[];
  /** Older ones have none. */
  readonly sentCalls?: readonly SentCallsImage[];
}

export function snapshotOf(state: ControllerState): Snapshot {
  return {
    format: 3,
    epoch: state.epoch,
    attemptCounter: state.attemptCounter,
    orderCounter: state.orderCounter,
    recomputedCount: state.recomputedCount,
    journaled: state.journaled,
    tasks: state.tasks.image(),
    attempts: state.attempts.image(),
    jobs: state.jobs.map(imageOfJob),
    freeJobs: [...state.freeJobs],
    jobCounter: state.jobCounter,
    users: state.users.map((user) => user.name),
    access: imageOfAccess(state.access),
    shared: imageOfShared(state.shared),
    histories: [...state.histories].map(([row, records]) => [row, [...records]] as const),
    usages: [...state.usages],
    hung: [...state.hung],
    runTimes: state.runTimes.image(),
    deviceGrants: [...state.deviceGrants],
    reservations: [...state.reservations.values()],
    reservationCounter: state.reservationCounter,
    clients: state.clients.map((client) => (client === null ? null : imageOfClient(client))),
    closing: [...state.closing.sessions],
    workers: state.workers.map(imageOfWorker),
    dimensions: state.dimensions.names,
    shapes: state.shapes.map((shape) => imageOfShape(state, shape)),
    freeShapes: [...state.freeShapes],
    specs: state.specs.map((spec) => imageOfSpec(state, spec)),
    submissions: state.submissions.map((one) => (one === null ? null : { ...one })),
    freeSubmissions: [...state.freeSubmissions],
    aliases: [...state.aliases],
    failures: [...state.failures],
    reschedules: [...state.reschedules],
    notBefore: [...state.notBefore],
    startBy: [...state.startBy],
    sentCalls: imageOfSentCalls(state.calls),
  };
}

/** A queue, without what is in it. */
interface ShapeImage {
  readonly request: ShapeRequest;
  readonly owner: QueueOwner;
}

function imageOfShape(state: ControllerState, shape: Shape): ShapeImage {
  const { resources, constraints, band, priority, isCommand, isProcess, timeoutUs } = shape;
  const { depth, treeOrder, gang } = shape;
  const owner = { user: state.users[shape.user].name, depth, treeOrder, gang };
  const kind = { isCommand, isProcess, part: shape.part };
  return { request: { resources, constraints, band, priority, ...kind, timeoutUs }, owner };
}

interface SpecImage {
  readonly definition: TaskSpec;
  readonly shape: number;
  /** Shared by equal definitions of one user. */
  readonly isInterned: boolean;
}

function imageOfSpec(state: ControllerState, spec: SpecRecord | null): SpecImage | null {
  if (spec === null) return null;
  const { definition, shape } = spec;
  const user = state.users[state.shapes[shape].user].name;
  const known = state.specsByKey.get(specKey(user, definition));
  const isInterned = known !== undefined && state.specs[known] === spec;
  return { definition, shape, isInterned };
}

export type JobImage = Omit<Job, "launch"> & { readonly launch: LaunchImage | null };
type LaunchImage = Omit<Launch, "children" | "gang"> & {
  readonly children: readonly number[];
  readonly gang: GangImage | null;
};
type GangImage = Omit<Gang, "members"> & {
  /** Absent in what older versions wrote. */
  readonly members?: readonly (readonly [number, GangMember])[];
};

function imageOfJob(job: Job): JobImage {
  const { launch } = job;
  return {
    ...job,
    stateCounts: job.stateCounts.slice(),
    launch: launch === null || job.pruned ? null : imageOfLaunch(launch),
  };
}

function imageOfLaunch(launch: Launch): LaunchImage {
  const { gang, children } = launch;
  return {
    ...launch,
    rows: launch.rows.slice(),
    children: [...children],
    gang: gang === null ? null : { ...gang, members: [...gang.members] },
  };
}

function restoreJob(state: ControllerState, image: JobImage): void {
  const { launch } = image;
  state.jobs.push({
    ...image,
    stateCounts: image.stateCounts.slice(),
    launch:
      launch === null
        ? null
        : {
            ...launch,
            children: new Set(launch.children),
            gang: launch.gang === null ? null : gangOf(launch.gang),
          },
  });
}

function gangOf(image: GangImage): Gang {
  return { ...image, members: new Map(image.members) };
}

/** Of several jobs of one name the latest is meant by it. */
function rebuildNames(state: ControllerState): void {
  const named = state.jobs.filter((job) => !job.pruned).sort((a, b) => a.sequence - b.sequence);
  for (const job of named) {
    state.jobsById.set(job.id, job.index);
    if (job.launch !== null) state.jobsByTokenHash.set(job.launch.tokenHash, job.index);
    countOpenTasks(state, job, openTasks(job));
  }
}

function restoreSpec(state: ControllerState, image: SpecImage | null): void {
  if (image === null) {
    state.specs.push(null);
    return;
  }
  const { definition, shape, isInterned } = image;
  state.shapes[shape].specCount++;
  state.specs.push({ definition, shape });
  const user = state.users[state.shapes[shape].user].name;
  if (isInterned) state.specsByKey.set(specKey(user, definition), state.specs.length - 1);
}

function restoreShapes(state: ControllerState, snapshot: Snapshot): void {
  for (const [index, { request, owner }] of snapshot.shapes.entries()) {
    addShape(state, index, request, owner);
  }
  // What is free only keeps its place.
  for (const index of snapshot.freeShapes) {
    state.shapesByKey.delete(state.shapes[index].key);
    state.users[state.shapes[index].user].shapes.delete(index);
    state.freeShapes.push(index);
  }
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
  state.journaled = snapshot.journaled ?? Number.NaN;
  state.tasks.restore(snapshot.tasks);
  state.attempts.restore(snapshot.attempts);
  state.dimensions.restore(snapshot.dimensions);
  for (const user of snapshot.users) internUser(state, user);
  for (const job of snapshot.jobs) restoreJob(state, job);
  rebuildNames(state);
  state.freeJobs.push(...snapshot.freeJobs);
  state.jobCounter = snapshot.jobCounter;
  restoreShapes(state, snapshot);
  for (const spec of snapshot.specs) restoreSpec(state, spec);
  for (const [client, closing] of snapshot.closing ?? [])
    state.closing.sessions.set(client, closing);
  for (const client of snapshot.clients) restoreClient(state, client);
  for (const worker of snapshot.workers) restoreWorker(state, worker);
  for (const one of snapshot.submissions) {
    state.submissions.push(one === null ? null : { ...one });
  }
  state.freeSubmissions.push(...snapshot.freeSubmissions);
  restoreMaps(state, snapshot);
  rebuildLedger(state);
  rebuildQueues(state);
  rebuildCalls(state, snapshot.sentCalls ?? []);
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
  if (!state.closing.sessions.has(image.index)) state.clientsById.set(image.clientId, image.index);
}

function restoreWorker(state: ControllerState, image: WorkerImage): void {
  const worker = emptyWorker(image.index, image.workerId);
  Object.assign(worker, image);
  worker.capacity = image.capacity.slice();
  worker.used = new Float64Array(worker.capacity.length);
  beginDeviceUse(state, worker);
  state.workers.push(worker);
  state.workersById.set(image.workerId, image.index);
}

function restoreMaps(state: ControllerState, snapshot: Snapshot): void {
  const shared = restoreShared(snapshot.shared);
  Object.assign(state, { access: restoreAccess(snapshot.access), shared });
  for (const [row, records] of snapshot.histories) state.histories.set(row, [...records]);
  for (const [row, usage] of snapshot.usages) state.usages.set(row, usage);
  for (const [row, hang] of snapshot.hung ?? []) state.hung.set(row, hang);
  state.runTimes.restore(snapshot.runTimes ?? []);
  for (const [row, devices] of snapshot.deviceGrants) state.deviceGrants.set(row, devices);
  for (const reservation of snapshot.reservations) applyCapacityReserved(state, reservation);
  state.reservationCounter = snapshot.reservationCounter;
  rebuildKeys(state);
  for (const [row, aliases] of snapshot.aliases) state.aliases.set(row, [...aliases]);
  for (const [row, failure] of snapshot.failures) state.failures.set(row, failure);
  for (const [row, known] of snapshot.reschedules ?? []) state.reschedules.set(row, known);
  for (const [row, at] of snapshot.notBefore) {
    state.notBefore.set(row, at);
    state.delays.push(at, state.tasks.ref(row));
  }
  for (const [row, at] of snapshot.startBy) {
    state.startBy.set(row, at);
    state.schedulingDeadlines.push(at, state.tasks.ref(row));
  }
}

function rebuildKeys(state: ControllerState): void {
  if (state.submissions.every((one) => one === null || one.keys.offsets.length === 1)) return;
  for (const task of state.tasks.rows()) {
    const key = keyOfTask(state, task);
    if (key !== "") listKey(state, task, key);
  }
}

function rebuildLedger(state: ControllerState): void {
  const { attempts, tasks } = state;
  const rows = [...attempts.rows()].sort((a, b) => attempts.id[a] - attempts.id[b]);
  for (const row of rows) {
    const worker = state.workers[attempts.worker[row]];
    worker.liveAttempts++;
    worker.attemptsDigest = digestWith(worker.attemptsDigest, attempts.id[row]);
    const entry = shapeOnWorker(worker, attempts.shape[row]);
    if (attempts.hasFlag(row, attemptFlag.started)) countStarted(state, row, 1);
    if (attempts.isGranted(row)) {
      entry.granted++;
      chargeGrant(state, row, 1);
    } else {
      entry.prefetched++;
      worker.prefetched++;
      entry.waiting.pushBack(row);
      state.shapes[attempts.shape[row]].prefetched++;
    }
    boundStart(state, row);
    if (attempts.hasFlag(row, attemptFlag.stopping) && tasks.attempt[attempts.task[row]] !== row) {
      state.strays.set(attempts.id[row], row);
      state.strayOfTask.set(attempts.task[row], row);
    }
  }
}

function boundStart(state: ControllerState, row: number): void {
  const task = state.attempts.task[row];
  if (jobOf(state, task).launch === null) return;
  state.startDeadlines.push(state.attempts.assignedAt[row] + startMaxUs, state.tasks.ref(task));
}

function rebuildQueues(state: ControllerState): void {
  const { tasks } = state;
  const rows = [...tasks.rows()].filter((row) => tasks.stage[row] === stage.queued);
  rows.sort((a, b) => orderOf(state, a) - orderOf(state, b));
  for (const row of rows) {
    const shape = shapeOf(state, row);
    (tasks.hasFlag(row, taskFlag.woken) ? shape.woken : shape.fresh).pushBack(row);
    shape.queued++;
    state.queuedShapes.add(shape.index);
    state.untriedShapes.add(shape.index);
  }
}

/** The calls that wait for each actor, and how many it was sent. */
function rebuildCalls(state: ControllerState, sent: readonly SentCallsImage[]): void {
  const { tasks, attempts } = state;
  for (const row of tasks.rows()) {
    if (tasks.stage[row] !== stage.none && isCall(state, row)) joinCallLine(state, row);
  }
  for (const row of attempts.rows()) {
    const task = attempts.task[row];
    if (isCall(state, task)) countSent(state, task, attempts.id[row]);
  }
  for (const [actor, last] of sent) Object.assign(callsOf(state, actor), last);
}

function rebuildHoldings(state: ControllerState): void {
  const { tasks } = state;
  for (const row of tasks.rows()) {
    if (tasks.holder[row] === noSlot) continue;
    const worker = state.workers[tasks.holder[row]];
    worker.valuesDigest = digestWith(worker.valuesDigest, tasks.ref(row));
    worker.heldValues++;
    worker.heldValueBytes += tasks.valueBytes[row];
  }
}

/**
 * The durable state as text: equal for two states exactly when their durable parts are, however
 * many facts made them so.
 */
export function durableText(state: ControllerState): string {
  const { journaled: _, ...image } = snapshotOf(state);
  return JSON.stringify(image, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
  );
}
