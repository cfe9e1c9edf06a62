/**
 * How facts about clients, specs and workers change the state.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { digestWithout } from "../base/digest.ts";
import { NumberMap } from "../base/number-map.ts";
import { getRare } from "../base/rare.ts";
import { U32Ring } from "../base/ring.ts";
import { resourcesKey } from "../model/canonical-resources.ts";
import { formatMemory } from "../model/format-quantities.ts";
import { noResources } from "../model/resources.ts";
import { partOf, runsInProcess, type TaskSpec } from "../model/spec.ts";
import { noMemory } from "../protocol/messages.ts";
import { capacityVector, requestVector, type SlotKind } from "../scheduler/dimensions.ts";
import { resourceValue } from "../scheduler/resource-value.ts";
import { chargeGrant } from "./apply-attempts.ts";
import { dropOffer, dropRestartOf } from "./apply-shared.ts";
import { isActor, touchActors } from "./call-lines.ts";
import { touchCopiesOf, touchNeeds } from "./copies-state.ts";
import { meetDimensions } from "./demand.ts";
import { taintsOf } from "./eligibility.ts";
import type { FactOf } from "./facts.ts";
import { newJob } from "./new-job.ts";
import {
  type Client,
  type ControllerState,
  type Job,
  type Shape,
  specRecord,
  touchWorker,
  type Worker,
} from "./state.ts";
import { taskFlag } from "./tables/task-table.ts";
import { tellEvent } from "./tell-event.ts";
import { countCapacity } from "./users.ts";

export function applyClientOpened(state: ControllerState, fact: FactOf<"client-opened">): void {
  const index = state.clients.length;
  const job = addJob(state, {
    id: fact.jobId,
    user: fact.user,
    client: index,
    launch: null,
    submittedAt: fact.at,
  });
  state.clients.push(newClient(fact, index, job.index));
  state.clientsById.set(fact.clientId, index);
  tellEvent(state, { type: "session-opened", id: fact.jobId, message: `by ${fact.user}` });
}

/** A new job, in the place of a pruned one if there is any. */
export function addJob(
  state: ControllerState,
  fields: Pick<Job, "id" | "user" | "client" | "launch" | "submittedAt">,
): Job {
  const index = state.freeJobs.pop() ?? state.jobs.length;
  const userIndex = internUser(state, fields.user);
  const job = newJob({ ...fields, index, userIndex, sequence: ++state.jobCounter });
  state.jobs[index] = job;
  state.jobsById.set(job.id, index);
  if (job.launch !== null) state.jobsByTokenHash.set(job.launch.tokenHash, index);
  return job;
}

/** The place of a user, made at the first mention. */
export function internUser(state: ControllerState, name: string): number {
  const known = state.usersByName.get(name);
  if (known !== undefined) return known;
  const index = state.users.length;
  const used = new Float64Array(state.dimensions.count);
  state.users.push({ index, name, used, spend: 0, openTasks: 0, lastServed: 0, shapes: new Set() });
  state.usersByName.set(name, index);
  return index;
}

/** Adds an event about the cluster to the story. */
function newClient(fact: FactOf<"client-opened">, index: number, job: number): Client {
  return {
    index,
    clientId: fact.clientId,
    user: fact.user,
    job,
    lastSequence: 0,
    nextNumber: 0,
    handles: new NumberMap(),
    specs: new Map(),
    connected: false,
    absentSince: fact.at,
    knownPeers: new Map(),
    warnedShapes: new Set(),
  };
}

export function applyClientClosed(state: ControllerState, fact: FactOf<"client-closed">): void {
  const client = present(state.clients[fact.client], "an open client is closed once");
  const job = state.jobs[client.job];
  job.sessionEnded = true;
  if (job.liveTasks === 0) job.finishedAt = fact.at;
  tellEvent(state, { type: "session-closed", id: job.id, message: "" });
  // Under its id there may be another session by now.
  if (!state.closing.sessions.delete(fact.client)) state.clientsById.delete(client.clientId);
  state.clients[fact.client] = null;
  dropRestartOf(state.shared, fact.client);
}

export function applyWantsDropped(state: ControllerState, fact: FactOf<"wants-dropped">): void {
  const client = present(state.clients[fact.client], "only an open client drops wants");
  for (const number of fact.numbers) {
    const task = client.handles.get(number);
    if (task < 0) continue;
    client.handles.delete(number);
    dropOffer(state.shared, task, { client: client.index, number });
    state.tasks.wants[task]--;
    if (state.tasks.wants[task] === 0 && isActor(state, task)) state.calls.touched.add(task);
    // A name wants the value, and awaits no outcome.
    const names = getRare(state.shared.publishedCounts, task) ?? 0;
    if (state.tasks.wants[task] === names) state.tasks.flags[task] &= ~taskFlag.awaited;
    const aliases = state.aliases.get(task);
    if (aliases === undefined) continue;
    const left = aliases.filter((one) => one.client !== client.index || one.number !== number);
    if (left.length === 0) state.aliases.delete(task);
    else state.aliases.set(task, left);
  }
}

export function applySpecDefined(state: ControllerState, fact: FactOf<"spec-defined">): void {
  const client = present(state.clients[fact.client], "only an open client defines specs");
  client.specs.set(fact.number, internSpec(state, client.user, fact.definition));
}

/** Equal definitions of one user share one spec. */
function internSpec(state: ControllerState, user: string, definition: TaskSpec): number {
  const key = specKey(user, definition);
  const known = state.specsByKey.get(key);
  if (known !== undefined) return known;
  const index = addSpec(state, definition, { user, depth: 0, treeOrder: 0, gang: -1 });
  state.specsByKey.set(key, index);
  return index;
}

export function specKey(user: string, definition: TaskSpec): string {
  return `${user}\n${JSON.stringify(definition)}`;
}

/** Whose queue a spec belongs to. */
export interface QueueOwner {
  readonly user: string;
  /** Of a child job: depth, and submission order of its tree's root. 0 and 0 for others. */
  readonly depth: number;
  readonly treeOrder: number;
  /** The job of a gang, whose tasks have a queue of their own; -1 for others. */
  readonly gang: number;
}

/** Adds a spec; returns its index, which is never used again. */
export function addSpec(state: ControllerState, definition: TaskSpec, owner: QueueOwner): number {
  const shape = internShape(state, requestOf(definition), owner);
  state.shapes[shape].specCount++;
  state.specs.push({ definition, shape });
  return state.specs.length - 1;
}

/** The last task of a spec is forgotten, and with its last spec a shape. */
export function dropSpec(state: ControllerState, spec: number): void {
  const { shape: index } = specRecord(state, spec);
  state.specs[spec] = null;
  state.runTimes.forget(spec);
  const shape = state.shapes[index];
  shape.specCount--;
  if (shape.specCount > 0) return;
  state.shapesByKey.delete(shape.key);
  state.users[shape.user].shapes.delete(index);
  for (const worker of state.workers) worker.shapes.delete(index);
  state.untriedShapes.delete(index);
  state.freeShapes.push(index);
}

/** What of a spec placement looks at. */
export type ShapeRequest = Pick<
  Shape,
  | "resources"
  | "constraints"
  | "band"
  | "priority"
  | "isCommand"
  | "isProcess"
  | "timeoutUs"
  | "part"
>;

function requestOf(definition: TaskSpec): ShapeRequest {
  const { resources, constraints, band, priority } = definition;
  const { run } = definition;
  const part = partOf(run);
  const isCommand = run.kind === "command" || part === "actor";
  const isProcess = !isCommand && runsInProcess(run);
  // Only a command is stopped at its limit for certain: only there does the limit prove anything.
  const timeoutUs = run.kind === "command" ? definition.timeoutMs * 1000 : 0;
  return { resources, constraints, band, priority, isCommand, isProcess, timeoutUs, part };
}

/** What makes two specs compete in one queue. */
function shapeKey(request: ShapeRequest, owner: QueueOwner): string {
  const { band, priority } = request;
  const { user, depth, treeOrder, gang } = owner;
  return JSON.stringify([user, depth, treeOrder, gang, band, priority, requestKeyOf(request)]);
}

function requestKeyOf(request: ShapeRequest): string {
  const { resources, constraints, isCommand, isProcess, timeoutUs, part } = request;
  const kind = [isCommand, isProcess, timeoutUs, ...(part === null ? [] : [part])];
  return JSON.stringify([resourcesKey(resources), constraints, ...kind]);
}

/** The queue of a request, made at its first mention. */
function internShape(state: ControllerState, request: ShapeRequest, owner: QueueOwner): number {
  const known = state.shapesByKey.get(shapeKey(request, owner));
  if (known !== undefined) return known;
  const index = state.freeShapes.pop() ?? state.shapes.length;
  addShape(state, index, request, owner);
  return index;
}

/** What an attempt takes a place of: a call runs where its actor has one. */
function slotOf({ isCommand, part }: ShapeRequest): SlotKind | null {
  if (part === "call") return null;
  return isCommand ? "command slots" : "slots";
}

/** A shape at a place of its own. */
export function addShape(
  state: ControllerState,
  index: number,
  request: ShapeRequest,
  owner: QueueOwner,
): void {
  const { resources, constraints, band, priority, isCommand, isProcess, timeoutUs, part } = request;
  const key = shapeKey(request, owner);
  const user = internUser(state, owner.user);
  const { depth, treeOrder, gang } = owner;
  state.shapes[index] = {
    ...{ index, key, requestKey: requestKeyOf(request), user, depth, treeOrder, gang },
    ...{ resources, constraints, band, priority, isCommand, isProcess, timeoutUs, part },
    request: requestVector(state.dimensions, resources, slotOf(request)),
    value: resourceValue(resources),
    prefetchable: resources.devices.length === 0 && gang < 0 && part === null,
    specCount: 0,
    fresh: new U32Ring(),
    woken: new U32Ring(),
    queued: 0,
    askedCount: 0,
    queuedSince: 0,
    meanUs: 0,
    prefetched: 0,
    retracting: 0,
  };
  state.users[user].shapes.add(index);
  if (part !== null) state.calls.hasParts = true;
  state.shapesByKey.set(key, index);
}

export function applyWorkerRegistered(
  state: ControllerState,
  { at, hello }: FactOf<"worker-registered">,
): void {
  const known = state.workersById.get(hello.workerId);
  const worker = known === undefined ? addWorker(state, hello.workerId) : state.workers[known];
  describeWorker(state, worker, hello, at);
  worker.lost = false;
  worker.lostReason = "";
  worker.shapes.clear();
  meetDimensions(state);
  tellEvent(state, {
    type: "worker-registered",
    id: hello.workerId,
    message: `pid ${hello.pid} at ${hello.address}, ${hello.slots} slots`,
  });
}

/** A new agent took over what its predecessor ran: the attempts stay, all else is as it says. */
export function applyWorkerAdopted(
  state: ControllerState,
  { at, hello }: FactOf<"worker-adopted">,
): void {
  const worker = state.workers[present(state.workersById.get(hello.workerId), "it is known")];
  const { attempts } = state;
  const rows = [...attempts.rows()].filter((row) => attempts.worker[row] === worker.index);
  const granted = rows.filter((row) => attempts.isGranted(row));
  for (const row of granted) chargeGrant(state, row, -1);
  describeWorker(state, worker, hello, at);
  for (const row of granted) chargeGrant(state, row, 1);
  tellEvent(state, {
    type: "worker-adopted",
    id: hello.workerId,
    message: `pid ${hello.pid} at ${hello.address} took over ${rows.length} attempts`,
  });
}

function describeWorker(
  state: ControllerState,
  worker: Worker,
  hello: FactOf<"worker-registered">["hello"],
  at: number,
): void {
  const { slots, commandSlots } = hello;
  const capacity = capacityVector(state.dimensions, hello.capacity, slots, commandSlots);
  if (!worker.lost) countCapacity(state, worker, -1);
  if (worker.incarnation !== hello.incarnation) worker.restartsBefore = state.shared.restarts;
  worker.incarnation = hello.incarnation;
  worker.address = hello.address;
  worker.pid = hello.pid;
  worker.registeredAt = at;
  worker.resources = hello.capacity;
  worker.slots = slots;
  worker.commandSlots = commandSlots;
  worker.attributes = { ...hello.attributes, "worker-id": hello.workerId };
  worker.taints = taintsOf(hello.attributes);
  worker.capacity = capacity;
  state.fleet.takenGroups.clear();
  countCapacity(state, worker, 1);
  worker.used = new Float64Array(capacity.length);
  beginDeviceUse(state, worker);
  worker.lastHeardAt = at;
  worker.suspect = false;
  worker.trouble = "";
  stayAgain(state, worker);
  touchWorker(state, worker.index);
}

/** Every device of a worker, unused. */
export function beginDeviceUse(state: ControllerState, worker: Worker): void {
  worker.deviceUse.clear();
  for (const [index, name] of state.dimensions.names.entries()) {
    if (!name.startsWith("device:") || !(worker.capacity[index] > 0)) continue;
    worker.deviceUse.set(index, new Array(Math.ceil(worker.capacity[index] / 1000)).fill(0));
  }
}

export function applyWorkerClosedToWork(
  state: ControllerState,
  fact: FactOf<"worker-closed-to-work">,
): void {
  const worker = state.workers[fact.worker];
  worker.cordoned = fact.cordoned;
  worker.draining = fact.draining;
  worker.drainBy = fact.drainBy;
  worker.givenUp = null;
  touchWorker(state, worker.index);
  touchCopiesOf(state, worker);
  touchNeeds(state); // What a worker holds that is not drained any more is enough.
  const type = fact.draining
    ? "worker-draining"
    : fact.cordoned
      ? "worker-cordoned"
      : "worker-open";
  const message = fact.by === undefined ? "" : `by ${fact.by}`;
  tellEvent(state, { type, id: worker.workerId, message });
}

export function applyWorkerHealth(state: ControllerState, fact: FactOf<"worker-health">): void {
  const worker = state.workers[fact.worker];
  worker.trouble = fact.trouble;
  touchActors(state);
  touchWorker(state, worker.index);
  touchCopiesOf(state, worker);
  const type = fact.trouble === "" ? "worker-well" : "worker-unusable";
  tellEvent(state, { type, id: worker.workerId, message: fact.trouble });
}

function addWorker(state: ControllerState, workerId: string): Worker {
  const worker = emptyWorker(state.workers.length, workerId);
  state.workers.push(worker);
  state.workersById.set(workerId, worker.index);
  return worker;
}

/** A worker that has not said anything yet. */
export function emptyWorker(index: number, workerId: string): Worker {
  return {
    index,
    workerId,
    incarnation: "",
    restartsBefore: 0,
    address: "",
    pid: 0,
    registeredAt: 0,
    resources: noResources,
    slots: 0,
    commandSlots: 0,
    attributes: {},
    taints: [],
    cordoned: false,
    draining: false,
    drainBy: 0,
    givenUp: null,
    leavesBy: 0,
    capacity: new Float64Array(0),
    used: new Float64Array(0),
    lost: false,
    lostReason: "",
    liveAttempts: 0,
    prefetched: 0,
    attemptsDigest: 0,
    shapes: new Map(),
    deviceUse: new Map(),
    reservations: [],
    connected: false,
    suspect: false,
    trouble: "",
    lastHeardAt: 0,
    memory: noMemory,
    heldValues: 0,
    heldValueBytes: 0,
    valuesDigest: 0,
    sentCount: 0,
    receivedCount: 0,
    unapplied: [],
    knownSpecs: new Set(),
    knownPeers: new Map(),
    strangers: new Map(),
    foundlings: new Set(),
    namedAnswers: new Set(),
    keptValues: new Set(),
  };
}

export function applyWorkerLost(state: ControllerState, fact: FactOf<"worker-lost">): void {
  const worker = state.workers[fact.worker];
  if (!worker.lost) countCapacity(state, worker, -1);
  worker.lost = true;
  state.fleet.changes.mark(worker.index);
  worker.lostReason = fact.reason;
  tellEvent(state, { type: "worker-lost", id: worker.workerId, message: fact.reason });
  worker.connected = false;
  worker.suspect = false;
  worker.trouble = "";
  stayAgain(state, worker);
  worker.memory = noMemory;
  forgetKeptValues(worker);
  worker.shapes.clear();
  touchCopiesOf(state, worker);
}

/** What its process before this one had to do before it left is nobody's any more. */
function stayAgain({ copies }: ControllerState, worker: Worker): void {
  worker.leavesBy = 0;
  copies.emptying.delete(worker.index);
}

export function applyDrainGaveUp(state: ControllerState, fact: FactOf<"drain-gave-up">): void {
  const worker = state.workers[fact.worker];
  const { values, bytes } = fact;
  worker.givenUp = { values, bytes };
  touchNeeds(state);
  if (values === 0) return;
  const message = `${values} values (${formatMemory(bytes)}) have no copy elsewhere`;
  tellEvent(state, { type: "worker-values-given-up", id: worker.workerId, message });
}

/** What a worker kept because it was read is told anew, if at all, by its next inventory. */
function forgetKeptValues(worker: Worker): void {
  for (const task of worker.keptValues) {
    worker.valuesDigest = digestWithout(worker.valuesDigest, task);
  }
  worker.keptValues.clear();
}

export function applyWorkerPresent(state: ControllerState, fact: FactOf<"worker-present">): void {
  const worker = state.workers[fact.worker];
  worker.connected = true;
  worker.suspect = false;
  touchActors(state);
  worker.trouble = ""; // It says so again if it still has any.
  worker.lastHeardAt = fact.at;
  worker.sentCount = 0;
  worker.receivedCount = 0;
  worker.unapplied.length = 0;
  worker.knownSpecs.clear();
  worker.knownPeers.clear();
  worker.strangers.clear();
  worker.foundlings.clear();
  worker.namedAnswers.clear();
  forgetKeptValues(worker);
  touchWorker(state, worker.index);
  touchCopiesOf(state, worker);
}

export function applyWorkerSuspected(
  state: ControllerState,
  fact: FactOf<"worker-suspected">,
): void {
  const worker = state.workers[fact.worker];
  worker.suspect = fact.suspect;
  touchActors(state);
  const type = fact.suspect ? "worker-suspect" : "worker-heard-again";
  tellEvent(state, { type, id: worker.workerId, message: "" });
  touchWorker(state, worker.index);
  touchCopiesOf(state, worker);
}

export function applyOutcomesAwaited(
  state: ControllerState,
  fact: FactOf<"outcomes-awaited">,
): void {
  for (const task of fact.tasks) {
    if (fact.awaited) state.tasks.flags[task] |= taskFlag.awaited;
    else state.tasks.flags[task] &= ~taskFlag.awaited;
  }
}
