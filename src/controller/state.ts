/**
 * The controller's state: the fold of its durable facts, and beside it what is volatile (who is
 * connected, who was heard when, copies of small values). Written by `apply` and nobody else.
 *
 * @module
 */

import type { Blobs } from "../base/blobs.ts";
import { Heap } from "../base/heap.ts";
import type { NumberMap } from "../base/number-map.ts";
import type { U32Ring } from "../base/ring.ts";
import type { Micros } from "../base/time.ts";
import type { Attributes, Constraint } from "../model/constraints.ts";
import type { TaskFailure } from "../model/failure.ts";
import type { AttemptId, WorkerIndex } from "../model/ids.ts";
import type { Resources } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import { type Band, taskStates } from "../model/states.ts";
import { Dimensions, type RequestVector } from "../scheduler/dimensions.ts";
import { StoryLog } from "./story.ts";
import { AttemptTable } from "./tables/attempt-table.ts";
import { TaskTable } from "./tables/task-table.ts";

/** One submission; for graphs, one client session. Its state is derived from the counts. */
export interface Job {
  readonly index: number;
  /** `/user/graph-<id>`. */
  readonly id: string;
  readonly user: string;
  /** The session that owns it: index into `clients`. */
  readonly client: number;
  /** Tasks of this job by state code, the forgotten ones too. */
  readonly stateCounts: Uint32Array;
  /** Tasks that are not forgotten. */
  liveTasks: number;
  readonly submittedAt: Micros;
  startedAt: Micros;
  /** 0 until the session has ended and no task lives. */
  finishedAt: Micros;
  sessionEnded: boolean;
}

/** A session of a client, over any number of connections. */
export interface Client {
  readonly index: number;
  readonly clientId: string;
  readonly user: string;
  readonly job: number;
  /** The highest submit, cancel or retry that was taken up. */
  lastSequence: number;
  /** The lowest task number not used yet. */
  nextNumber: number;
  /** Task number → task row: the client's handles, which are its wants. */
  readonly handles: NumberMap;
  /** The client's spec numbers → ours. */
  readonly specs: Map<number, number>;
  // Volatile:
  connected: boolean;
  /** When its connection ended, or when this controller began to serve. */
  absentSince: Micros;
  readonly knownPeers: Map<WorkerIndex, string>;
  readonly warnedShapes: Set<number>;
}

/** The attempts of one shape on one worker. */
export interface ShapeOnWorker {
  granted: number;
  prefetched: number;
  /** Rows of prefetched attempts, oldest first; those that are not any more are skipped. */
  readonly waiting: U32Ring;
}

/** Effects of messages to a worker that it has not applied yet, for the digests. */
export interface Unapplied {
  readonly sequence: number;
  attempts: number;
  values: number;
}

export interface Worker {
  readonly index: WorkerIndex;
  readonly workerId: string;
  incarnation: string;
  address: string;
  pid: number;
  resources: Resources;
  slots: number;
  attributes: Attributes;
  capacity: Float64Array;
  /** Σ grants of the attempts on it that have not ended. */
  used: Float64Array;
  /** Declared lost: holds nothing, gets nothing, until it registers again. */
  lost: boolean;
  lostReason: string;
  /** Attempts on it that have not ended. */
  liveAttempts: number;
  /** Digest of the ids of its attempts that have not ended. */
  attemptsDigest: number;
  readonly shapes: Map<number, ShapeOnWorker>;
  // Volatile:
  connected: boolean;
  suspect: boolean;
  lastHeardAt: Micros;
  rssBytes: number;
  heldValueBytes: number;
  /** Digest of the tasks whose values it is believed to hold. */
  valuesDigest: number;
  // Of the stream, not of the cluster: written as messages leave (outbox.ts) or come (step.ts),
  // and begun anew with each connection.
  /** Messages on this connection, after the inventory. */
  sentCount: number;
  receivedCount: number;
  readonly unapplied: Unapplied[];
  readonly knownSpecs: Set<number>;
  readonly knownPeers: Map<WorkerIndex, string>;
  /** Values that it could not drop yet because something read them. */
  readonly keptValues: Set<number>;
}

/** An interned (request, constraints, band, priority): what placement works on. */
export interface Shape {
  readonly index: number;
  readonly key: string;
  readonly resources: Resources;
  readonly request: RequestVector;
  readonly constraints: readonly Constraint[];
  readonly band: Band;
  readonly priority: number;
  /** Whether attempts may wait on a worker for a grant: not when they need devices. */
  readonly prefetchable: boolean;
  /** Rows of tasks that never waited. Dead entries are skipped by whoever pops. */
  readonly fresh: U32Ring;
  /** Rows of tasks that their last dependency woke: they go first, so started work ends first. */
  readonly woken: U32Ring;
  /** Tasks in the queue that are alive. */
  queued: number;
  // Volatile:
  /** Mean run time, microseconds; 0 until one ended. */
  meanUs: number;
  prefetched: number;
  /** Of those, ordered back and not answered yet. */
  retracting: number;
}

export interface SpecRecord {
  readonly definition: TaskSpec;
  readonly shape: number;
}

/** The arguments of the tasks of one submit, until the last of them is forgotten. */
export interface ArgsBatch {
  readonly blobs: Blobs;
  live: number;
}

/** A value that is in memory here as well as with its holder. */
export interface InlineValues {
  readonly bytes: Map<number, Uint8Array>;
  totalBytes: number;
}

export interface ControllerState {
  epoch: number;
  /** Attempts of this epoch so far. */
  attemptCounter: number;
  /** Submissions so far. */
  orderCounter: number;
  /** Executions that were done again: lost with their worker, or for their lost value. */
  recomputedCount: number;
  at: Micros;
  readonly tasks: TaskTable;
  readonly attempts: AttemptTable;
  readonly jobs: Job[];
  readonly clients: (Client | null)[];
  readonly clientsById: Map<string, number>;
  readonly workers: Worker[];
  readonly workersById: Map<string, WorkerIndex>;
  readonly dimensions: Dimensions;
  readonly shapes: Shape[];
  readonly shapesByKey: Map<string, number>;
  readonly specs: SpecRecord[];
  readonly specsByKey: Map<string, number>;
  readonly argsBatches: (ArgsBatch | null)[];
  readonly freeArgsBatches: number[];
  /** Explicit keys: user and key → task row. */
  readonly keys: Map<string, number>;
  readonly keyOfTask: Map<number, string>;
  /** More handles on a task than its own job's: row → (client, number) pairs. */
  readonly aliases: Map<number, { readonly client: number; readonly number: number }[]>;
  readonly failures: Map<number, TaskFailure>;
  /** Attempts that run although their task has let go of them: id → row. */
  readonly strays: Map<AttemptId, number>;
  /** The same by task row: at most one each. */
  readonly strayOfTask: Map<number, number>;
  /** When a delayed task may go on, microseconds. */
  readonly notBefore: Map<number, Micros>;
  /** (time, TaskRef) of back-offs; entries of tasks that went on are skipped. */
  readonly delays: Heap;
  /** (time, TaskRef) of scheduling timeouts; entries of tasks that started are skipped. */
  readonly schedulingDeadlines: Heap;
  /** When a task with a scheduling timeout must have started, microseconds; until it has. */
  readonly startBy: Map<number, Micros>;
  // Volatile:
  /** Workers that hold a copy besides `tasks.holder`. */
  readonly extraHolders: Map<number, WorkerIndex[]>;
  readonly inline: InlineValues;
  /** Workers whose room grew since the last placement pass. */
  readonly touchedWorkers: Set<WorkerIndex>;
  /** How often the value of a task (by row) could not be loaded by somebody. */
  readonly inputFailures: Map<number, number>;
  /** Shapes whose queue must be tried against all workers. */
  readonly untriedShapes: Set<number>;
  nextSilenceCheckAt: Micros;
  /** What happened, for people. */
  readonly story: StoryLog;
}

export function newControllerState(): ControllerState {
  return {
    epoch: 0,
    attemptCounter: 0,
    orderCounter: 0,
    recomputedCount: 0,
    at: 0,
    tasks: new TaskTable(),
    attempts: new AttemptTable(),
    jobs: [],
    clients: [],
    clientsById: new Map(),
    workers: [],
    workersById: new Map(),
    dimensions: new Dimensions(),
    shapes: [],
    shapesByKey: new Map(),
    specs: [],
    specsByKey: new Map(),
    argsBatches: [],
    freeArgsBatches: [],
    keys: new Map(),
    keyOfTask: new Map(),
    aliases: new Map(),
    failures: new Map(),
    strays: new Map(),
    strayOfTask: new Map(),
    notBefore: new Map(),
    delays: new Heap(),
    schedulingDeadlines: new Heap(),
    startBy: new Map(),
    extraHolders: new Map(),
    inline: { bytes: new Map(), totalBytes: 0 },
    touchedWorkers: new Set(),
    inputFailures: new Map(),
    untriedShapes: new Set(),
    nextSilenceCheckAt: 0,
    story: new StoryLog(),
  };
}

export function newJob(fields: Pick<Job, "index" | "id" | "user" | "client" | "submittedAt">): Job {
  return {
    ...fields,
    stateCounts: new Uint32Array(taskStates.length),
    liveTasks: 0,
    startedAt: 0,
    finishedAt: 0,
    sessionEnded: false,
  };
}

export function specOf(state: ControllerState, task: number): TaskSpec {
  return state.specs[state.tasks.spec[task]].definition;
}

export function shapeOf(state: ControllerState, task: number): Shape {
  return state.shapes[state.specs[state.tasks.spec[task]].shape];
}

/** `/user/graph-7/12`: what people call a task. */
export function taskIdOf(state: ControllerState, task: number): string {
  return `${state.jobs[state.tasks.job[task]].id}/${state.tasks.index[task]}`;
}

/** Whether placement may use the worker now. */
export function isHealthy(worker: Worker): boolean {
  return worker.connected && !worker.lost && !worker.suspect;
}
