/**
 * How facts about clients, specs and workers change the state.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { NumberMap } from "../base/number-map.ts";
import { U32Ring } from "../base/ring.ts";
import { resourcesKey } from "../model/canonical-resources.ts";
import { noResources } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import { capacityVector, requestVector } from "../scheduler/dimensions.ts";
import type { FactOf } from "./facts.ts";
import { type Client, type ControllerState, newJob, type Worker } from "./state.ts";
import { taskFlag } from "./tables/task-table.ts";

export function applyClientOpened(state: ControllerState, fact: FactOf<"client-opened">): void {
  const index = state.clients.length;
  const job = newJob({
    index: state.jobs.length,
    id: fact.jobId,
    user: fact.user,
    client: index,
    submittedAt: fact.at,
  });
  state.jobs.push(job);
  state.clients.push(newClient(fact, index, job.index));
  state.clientsById.set(fact.clientId, index);
  tellEvent(state, { type: "session-opened", id: fact.jobId, message: `by ${fact.user}` });
}

/** Adds an event about the cluster to the story. */
export function tellEvent(
  state: ControllerState,
  event: { readonly type: string; readonly id: string; readonly message: string },
): void {
  state.story.addEvent({ ...event, at: state.at });
}

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
  state.clientsById.delete(client.clientId);
  state.clients[fact.client] = null;
}

export function applyWantsDropped(state: ControllerState, fact: FactOf<"wants-dropped">): void {
  const client = present(state.clients[fact.client], "only an open client drops wants");
  for (const number of fact.numbers) {
    const task = client.handles.get(number);
    if (task < 0) continue;
    client.handles.delete(number);
    state.tasks.wants[task]--;
    if (state.tasks.wants[task] === 0) state.tasks.flags[task] &= ~taskFlag.awaited;
    const aliases = state.aliases.get(task);
    if (aliases === undefined) continue;
    const left = aliases.filter((one) => one.client !== client.index || one.number !== number);
    if (left.length === 0) state.aliases.delete(task);
    else state.aliases.set(task, left);
  }
}

export function applySpecDefined(state: ControllerState, fact: FactOf<"spec-defined">): void {
  const client = present(state.clients[fact.client], "only an open client defines specs");
  client.specs.set(fact.number, internSpec(state, fact.definition));
}

/** Equal definitions share one spec, and equal requests one shape, whoever sent them. */
function internSpec(state: ControllerState, definition: TaskSpec): number {
  const known = state.specsByKey.get(JSON.stringify(definition));
  return known ?? addSpec(state, definition);
}

/** Adds a spec that is not there yet; returns its index. */
export function addSpec(state: ControllerState, definition: TaskSpec): number {
  state.specs.push({ definition, shape: internShape(state, definition) });
  state.specsByKey.set(JSON.stringify(definition), state.specs.length - 1);
  return state.specs.length - 1;
}

/** What makes two specs compete in one queue. */
export function shapeKey(definition: TaskSpec): string {
  const { resources, constraints, band, priority } = definition;
  return JSON.stringify([resourcesKey(resources), constraints, band, priority]);
}

function internShape(state: ControllerState, definition: TaskSpec): number {
  const key = shapeKey(definition);
  const known = state.shapesByKey.get(key);
  if (known !== undefined) return known;
  const index = state.shapes.length;
  state.shapes.push({
    index,
    key,
    resources: definition.resources,
    request: requestVector(state.dimensions, definition.resources),
    constraints: definition.constraints,
    band: definition.band,
    priority: definition.priority,
    prefetchable: definition.resources.devices.length === 0,
    fresh: new U32Ring(),
    woken: new U32Ring(),
    queued: 0,
    meanUs: 0,
    prefetched: 0,
    retracting: 0,
  });
  state.shapesByKey.set(key, index);
  return index;
}

export function applyWorkerRegistered(
  state: ControllerState,
  { at, hello }: FactOf<"worker-registered">,
): void {
  const known = state.workersById.get(hello.workerId);
  const worker = known === undefined ? addWorker(state, hello.workerId) : state.workers[known];
  const capacity = capacityVector(state.dimensions, hello.capacity, hello.slots);
  worker.incarnation = hello.incarnation;
  worker.address = hello.address;
  worker.pid = hello.pid;
  worker.resources = hello.capacity;
  worker.slots = hello.slots;
  worker.attributes = { ...hello.attributes, "worker-id": hello.workerId };
  worker.capacity = capacity;
  worker.used = new Float64Array(capacity.length);
  worker.lost = false;
  worker.lostReason = "";
  worker.lastHeardAt = at;
  worker.suspect = false;
  worker.shapes.clear();
  state.touchedWorkers.add(worker.index);
  tellEvent(state, {
    type: "worker-registered",
    id: hello.workerId,
    message: `pid ${hello.pid} at ${hello.address}, ${hello.slots} slots`,
  });
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
    address: "",
    pid: 0,
    resources: noResources,
    slots: 0,
    attributes: {},
    capacity: new Float64Array(0),
    used: new Float64Array(0),
    lost: false,
    lostReason: "",
    liveAttempts: 0,
    attemptsDigest: 0,
    shapes: new Map(),
    connected: false,
    suspect: false,
    lastHeardAt: 0,
    rssBytes: 0,
    heldValueBytes: 0,
    valuesDigest: 0,
    sentCount: 0,
    receivedCount: 0,
    unapplied: [],
    knownSpecs: new Set(),
    knownPeers: new Map(),
    keptValues: new Set(),
  };
}

export function applyWorkerLost(state: ControllerState, fact: FactOf<"worker-lost">): void {
  const worker = state.workers[fact.worker];
  worker.lost = true;
  worker.lostReason = fact.reason;
  tellEvent(state, { type: "worker-lost", id: worker.workerId, message: fact.reason });
  worker.connected = false;
  worker.suspect = false;
  worker.rssBytes = 0;
  worker.keptValues.clear();
  worker.shapes.clear();
}

export function applyWorkerPresent(state: ControllerState, fact: FactOf<"worker-present">): void {
  const worker = state.workers[fact.worker];
  worker.connected = true;
  worker.suspect = false;
  worker.lastHeardAt = fact.at;
  worker.sentCount = 0;
  worker.receivedCount = 0;
  worker.unapplied.length = 0;
  worker.knownSpecs.clear();
  worker.knownPeers.clear();
  worker.keptValues.clear();
  state.touchedWorkers.add(worker.index);
}

export function applyWorkerSuspected(
  state: ControllerState,
  fact: FactOf<"worker-suspected">,
): void {
  const worker = state.workers[fact.worker];
  worker.suspect = fact.suspect;
  const type = fact.suspect ? "worker-suspect" : "worker-heard-again";
  tellEvent(state, { type, id: worker.workerId, message: "" });
  if (!fact.suspect) state.touchedWorkers.add(worker.index);
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
