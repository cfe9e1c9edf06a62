/**
 * The controller's state: the fold of its durable facts, and beside it what is volatile (who is
 * connected, who was heard when, copies of small values). Written by `apply` and nobody else.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import type { Blobs } from "../base/blobs.ts";
import { Heap } from "../base/heap.ts";
import type { NumberMap } from "../base/number-map.ts";
import type { U32Ring } from "../base/ring.ts";
import type { Micros } from "../base/time.ts";
import type { Attributes, Constraint } from "../model/constraints.ts";
import type { AttemptUsage, TaskFailure } from "../model/failure.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { Progress } from "../model/progress.ts";
import type { DeviceAmount, Resources } from "../model/resources.ts";
import type { ActorPart, TaskSpec } from "../model/spec.ts";
import { type AttemptCause, type Band, bands, type JobState } from "../model/states.ts";
import type { GangMember, WorkerMemory } from "../protocol/messages.ts";
import { Dimensions, type RequestVector } from "../scheduler/dimensions.ts";
import { FleetIndex } from "../scheduler/fleet-index.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";
import { type AccessState, newAccessState } from "./access-state.ts";
import { type CallState, newCallState } from "./call-state.ts";
import { type ClosingState, newClosingState } from "./closing.ts";
import { type CopiesState, newCopiesState } from "./copies-state.ts";
import { type DataWaitState, newDataWaitState } from "./data-wait-state.ts";
import { type DemandState, newDemandState } from "./demand-state.ts";
import type { InlineValues } from "./inline-values.ts";
import type { Reschedules } from "./reschedules.ts";
import { RunLog } from "./run-log.ts";
import { RunTimes } from "./run-times.ts";
import { newSharedState, type SharedState } from "./shared-state.ts";
import { StoryLog } from "./story.ts";
import { AttemptTable } from "./tables/attempt-table.ts";
import { HashIndex } from "./tables/hash-index.ts";
import { TaskTable } from "./tables/task-table.ts";
import { noTraffic, type TrafficCounts, TrafficLog } from "./traffic.ts";

/** One submission; for graphs, one client session. Its state is derived from the counts. */
export interface Job {
  readonly index: number;
  /** `/user/graph-<number>`, or the name that it was launched under. */
  readonly id: string;
  readonly user: string;
  /** Place of its user in `users`. */
  readonly userIndex: number;
  /** The session that owns it: index into `clients`; -1 for a launched job. */
  readonly client: number;
  /** What a launched job has besides; null for the job of a session. */
  readonly launch: Launch | null;
  /** Rises with each job: the order of submission, also where an index is used again. */
  readonly sequence: number;
  /** Tasks of this job by state code, the forgotten ones too. */
  readonly stateCounts: Uint32Array;
  /** Tasks that are not forgotten. */
  liveTasks: number;
  readonly submittedAt: Micros;
  startedAt: Micros;
  /** 0 until a launched job is terminal, or the session has ended and no task lives. */
  finishedAt: Micros;
  sessionEnded: boolean;
  /** Forgotten: the place is free, and no list shows it. */
  pruned: boolean;
}

/** The part of a job that was launched by name. */
export interface Launch {
  readonly spec: JobSpec;
  /** Its tasks' spec in `specs`; its own, and gone with it. */
  readonly specIndex: number;
  /** Index of the job under whose name it stands; -1 for a root, or when that is forgotten. */
  parent: number;
  /** Submission order of the root of its tree: started trees finish first. */
  readonly treeOrder: number;
  /** 1 for a root. */
  readonly depth: number;
  /** The rows of its tasks, by task index. */
  readonly rows: Uint32Array;
  readonly token: string;
  readonly tokenHash: string;
  /** Indices of its child jobs that are not pruned. */
  readonly children: Set<number>;
  /** The job that it replaces and whose attempts must end first; -1 for none. */
  predecessor: number;
  /** The job that waits for its attempts to end; -1 for none. */
  successor: number;
  /** Its terminal state, once and for ever; null while it is open. */
  ended: JobState | null;
  error: TaskFailure | null;
  /** Attempts that have not ended. */
  liveAttempts: number;
  /** Attempts that ended and were charged, by what they were charged to. */
  failureCount: number;
  preemptionCount: number;
  /** Null for tasks that are placed one by one. */
  readonly gang: Gang | null;
}

/** All tasks of a job that are placed together. */
export interface Gang {
  /** Rounds in a row that were returned before all members had started. */
  returns: number;
  /** How often its hold has expired since it last ran. */
  holdExpiries: number;
  /** When it may hold again, microseconds. */
  holdAgainAt: Micros;
  /** Task index → where that member is reached: of the current round. */
  readonly members: Map<number, GangMember>;
}

/** Free capacity that is kept for one queue: a gang that waits, or what a preemption frees. */
export interface Reservation {
  readonly id: number;
  readonly shape: number;
  /** `turn`: it is first in the order, and what goes ahead must not delay it. */
  readonly reason: "gang" | "preemption" | "turn";
  readonly workers: readonly WorkerIndex[];
  readonly expiresAt: Micros;
}

/** Somebody who submits: what fairness is about. */
export interface User {
  readonly index: number;
  readonly name: string;
  /** Σ grants of the user's attempts that have not ended. */
  used: Float64Array;
  /** Σ resource value of the user's granted attempts, batch apart. */
  spend: number;
  /** Tasks of the user's jobs that have not ended. */
  openTasks: number;
  /** The latest attempt that was placed for the user: who has waited longest. Not durable. */
  lastServed: AttemptId;
  /** The user's shapes. */
  readonly shapes: Set<number>;
}

/** What remains of an attempt of a launched job when it has ended. */
export interface AttemptRecord {
  readonly id: AttemptId;
  readonly workerId: string;
  readonly incarnation: string;
  readonly cause: AttemptCause;
  readonly assignedAt: Micros;
  readonly startedAt: Micros;
  readonly endedAt: Micros;
  readonly granted: Resources;
  readonly usage: AttemptUsage | null;
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
  /** Of those, the ones that their worker said to run: they are not as short as the mean may be. */
  started: number;
  /** Σ of when these began, in whole milliseconds: sums of microseconds would not be exact. */
  startedMs: number;
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
  /** Restarts of the cluster before this incarnation registered first: it is newer than those. */
  restartsBefore: number;
  address: string;
  pid: number;
  /** When this incarnation did. */
  registeredAt: Micros;
  resources: Resources;
  slots: number;
  commandSlots: number;
  attributes: Attributes;
  /** Attributes that keep away what does not name them. */
  taints: readonly string[];
  /** Takes no new work, by an administrator's word. */
  cordoned: boolean;
  /** Asked to empty itself; what still runs at `drainBy` (0: never) is moved. */
  draining: boolean;
  drainBy: Micros;
  /** Values that its drain does not wait for any more: it holds them alone. Null: it waits. */
  givenUp: { readonly values: number; readonly bytes: number } | null;
  /** By then it leaves, and what only it holds is copied; 0: it stays. Volatile. */
  leavesBy: Micros;
  capacity: Float64Array;
  /** Σ grants of the attempts on it that have not ended. */
  used: Float64Array;
  /** Declared lost: holds nothing, gets nothing, until it registers again. */
  lost: boolean;
  lostReason: string;
  /** Attempts on it that have not ended, and those of them that hold no grant. */
  liveAttempts: number;
  prefetched: number;
  /** Digest of the ids of its attempts that have not ended. */
  attemptsDigest: number;
  readonly shapes: Map<number, ShapeOnWorker>;
  /** Device dimension → thousandths in use of each index. */
  readonly deviceUse: Map<number, number[]>;
  /** Those that keep capacity here, oldest first. */
  reservations: readonly Reservation[];
  // Volatile:
  connected: boolean;
  suspect: boolean;
  /** Why it can run nothing, by its own checks; "" while it is well. */
  trouble: string;
  lastHeardAt: Micros;
  /** As its last heartbeat said. */
  memory: WorkerMemory;
  /** Values that it is believed to hold, and their bytes. */
  heldValues: number;
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
  /**
   * Attempts that it still has and we do not, and their tasks: it was told to stop them, and says
   * when it has.
   */
  readonly strangers: Map<AttemptId, TaskRef>;
  /** Those of them that its inventory brought: which devices they use nobody knows. */
  readonly foundlings: Set<AttemptId>;
  /**
   * Attempts that no task waits for, which its inventory named with their values: that they have
   * finished adds nothing to what it told of those.
   */
  readonly namedAnswers: Set<AttemptId>;
  /** Values that it could not drop yet because something read them. */
  readonly keptValues: Set<number>;
}

/** An interned (user, tree, request, constraints, band, priority): what placement works on. */
export interface Shape {
  readonly index: number;
  readonly key: string;
  /** What it asks for, whoever asks. */
  readonly requestKey: string;
  readonly user: number;
  /** Depth and root order of the job tree; 0 and 0 for what is no child job. */
  readonly depth: number;
  readonly treeOrder: number;
  /** The job whose gang it is, or -1. */
  readonly gang: number;
  /** Of one attempt, in units of the budgets. */
  readonly value: number;
  readonly timeoutUs: number;
  readonly resources: Resources;
  readonly request: RequestVector;
  readonly constraints: readonly Constraint[];
  readonly band: Band;
  readonly priority: number;
  /** Whether attempts may wait on a worker for a grant: not when they need devices. */
  readonly prefetchable: boolean;
  /** Takes a place for processes and not a thread: commands, and actors, which have their own. */
  readonly isCommand: boolean;
  /** Functions that run in processes. On a worker's lane none of them follows one in a thread. */
  readonly isProcess: boolean;
  /** Which part of an actor its tasks are; null for none. Calls have no queue: see `actors.ts`. */
  readonly part: ActorPart | null;
  /** Specs that have it; without any its place is free. */
  specCount: number;
  /** Rows of tasks that never waited. Dead entries are skipped by whoever pops. */
  readonly fresh: U32Ring;
  /** Rows of tasks that their last dependency woke: they go first, so started work ends first. */
  readonly woken: U32Ring;
  /** Tasks in the queue that are alive. */
  queued: number;
  // Volatile:
  /** Tasks of it that were submitted, if it asks for devices. */
  askedCount: number;
  /** When its queue was last empty; 0 for not known. */
  queuedSince: Micros;
  /** Mean run time, microseconds; 0 until one ended. */
  meanUs: number;
  prefetched: number;
  /** Of those, ordered back and not answered yet. */
  retracting: number;
}

/** Null in `specs` once the job that had it is pruned: a number never means another spec. */
export interface SpecRecord {
  readonly definition: TaskSpec;
  readonly shape: number;
}

/** What the tasks of one submission share, until the last of them is forgotten. */
export interface Submission {
  /** The arguments of each, by entry. All tasks of a launched job have the same: entry 0. */
  readonly args: Blobs;
  /** Explicit keys by entry, as texts, empty for none; no entries where no task has one. */
  readonly keys: Blobs;
  /** The number of its first task in its job, and the order of that task among all tasks. */
  readonly first: number;
  readonly firstOrder: number;
  readonly sharesArgs: boolean;
  readonly at: Micros;
  live: number;
}

export interface ControllerState {
  epoch: number;
  /** As this controller was started. */
  policy: QueuePolicy;
  /** Attempts of this epoch so far. */
  attemptCounter: number;
  /** Submissions so far. */
  orderCounter: number;
  /** Executions that were done again: lost with their worker, or for their lost value. */
  recomputedCount: number;
  /** Durable facts so far: how far the journal is. NaN where an older one did not count them. */
  journaled: number;
  at: Micros;
  readonly tasks: TaskTable;
  readonly attempts: AttemptTable;
  readonly jobs: Job[];
  /** Places in `jobs` of pruned ones. */
  readonly freeJobs: number[];
  jobCounter: number;
  /** Name → index of the latest job of that name. */
  readonly jobsById: Map<string, number>;
  /** SHA-256 of the token of a remembered job → its index. */
  readonly jobsByTokenHash: Map<string, number>;
  readonly users: User[];
  readonly usersByName: Map<string, number>;
  readonly access: AccessState;
  readonly shared: SharedState;
  /** Row of a launched job's task → its ended attempts, oldest first. */
  readonly histories: Map<number, AttemptRecord[]>;
  /** Attempt row → how it ended and what it used, until its end is recorded. */
  readonly usages: Map<number, AttemptUsage>;
  /** Attempt row → what is usual of its kind: it runs much longer. */
  readonly hung: Map<number, { readonly usualUs: Micros }>;
  /** How long tasks of each spec ran. */
  readonly runTimes: RunTimes;
  /** Attempt row → its devices, with indices. */
  readonly deviceGrants: Map<number, readonly DeviceAmount[]>;
  /** Granted attempts by the band that they were stamped with. */
  readonly grantedByBand: Uint32Array;
  readonly reservations: Map<number, Reservation>;
  reservationCounter: number;
  /** (time, TaskRef): by then an attempt of a launched job must run. */
  readonly startDeadlines: Heap;
  readonly clients: (Client | null)[];
  /** Without those whose sessions end. */
  readonly clientsById: Map<string, number>;
  readonly closing: ClosingState;
  readonly workers: Worker[];
  readonly workersById: Map<string, WorkerIndex>;
  readonly dimensions: Dimensions;
  readonly shapes: Shape[];
  readonly shapesByKey: Map<string, number>;
  readonly freeShapes: number[];
  /** Shapes whose queue is not empty. */
  readonly queuedShapes: Set<number>;
  readonly specs: (SpecRecord | null)[];
  readonly specsByKey: Map<string, number>;
  readonly submissions: (Submission | null)[];
  readonly freeSubmissions: number[];
  /** Tasks with an explicit key, by user and key (`keys.ts`). */
  readonly keys: HashIndex;
  /** More handles on a task than its own job's: row → (client, number) pairs. */
  readonly aliases: Map<number, { readonly client: number; readonly number: number }[]>;
  readonly failures: Map<number, TaskFailure>;
  /** By task row: of those that asked to run later. */
  readonly reschedules: Map<number, Reschedules>;
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
  // Scratch of one step, empty between steps:
  /** Launched jobs whose counts changed: is one of them over? */
  readonly touchedJobs: Set<number>;
  /** Gangs of which a member left while others are active. */
  readonly brokenGangs: Set<number>;
  readonly calls: CallState;
  // Volatile:
  /** Workers that hold a copy besides `tasks.holder`. */
  readonly extraHolders: Map<number, WorkerIndex[]>;
  readonly copies: CopiesState;
  readonly dataWaits: DataWaitState;
  readonly inline: InlineValues;
  /** What placement knows of the workers without looking at them: made anew where it is missing. */
  readonly fleet: FleetIndex;
  /** Workers whose room grew since the last placement pass. */
  readonly touchedWorkers: Set<WorkerIndex>;
  /** How often the value of a task (by row) could not be loaded by somebody. */
  readonly inputFailures: Map<number, number>;
  /** Task row → when a holder of its value could not be reached, first and last in a row. */
  readonly unreachable: Map<number, { readonly since: Micros; readonly last: Micros }>;
  /** Shapes whose queue must be tried against all workers. */
  readonly untriedShapes: Set<number>;
  nextSilenceCheckAt: Micros;
  /** Where the next look for what hangs begins. */
  hangLookRow: number;
  /** What is usually asked of devices. */
  readonly demand: DemandState;
  /** What happened, for people. */
  readonly story: StoryLog;
  /** What ran where, for people. */
  readonly runs: RunLog;
  /** Attempt row → how far it says it is, for people. */
  readonly progress: Map<number, Progress & { readonly at: Micros }>;
  /** How values travelled, for people. */
  readonly traffic: TrafficLog;
  readonly trafficCounts: TrafficCounts;
}

export function newControllerState(): ControllerState {
  return {
    epoch: 0,
    policy: "fair",
    attemptCounter: 0,
    orderCounter: 0,
    recomputedCount: 0,
    journaled: 0,
    at: 0,
    tasks: new TaskTable(),
    attempts: new AttemptTable(),
    jobs: [],
    freeJobs: [],
    jobCounter: 0,
    jobsById: new Map(),
    jobsByTokenHash: new Map(),
    users: [],
    usersByName: new Map(),
    access: newAccessState(),
    shared: newSharedState(),
    histories: new Map(),
    ...{ usages: new Map(), hung: new Map() },
    runTimes: new RunTimes(),
    deviceGrants: new Map(),
    grantedByBand: new Uint32Array(bands.length),
    reservations: new Map(),
    reservationCounter: 0,
    startDeadlines: new Heap(),
    ...{ touchedJobs: new Set<number>(), brokenGangs: new Set<number>() },
    calls: newCallState(),
    clients: [],
    clientsById: new Map(),
    closing: newClosingState(),
    workers: [],
    workersById: new Map(),
    dimensions: new Dimensions(),
    shapes: [],
    shapesByKey: new Map(),
    freeShapes: [],
    queuedShapes: new Set(),
    specs: [],
    specsByKey: new Map(),
    submissions: [],
    freeSubmissions: [],
    keys: new HashIndex(),
    aliases: new Map(),
    ...{ failures: new Map(), reschedules: new Map(), progress: new Map() },
    strays: new Map(),
    strayOfTask: new Map(),
    notBefore: new Map(),
    delays: new Heap(),
    schedulingDeadlines: new Heap(),
    startBy: new Map(),
    ...{ extraHolders: new Map(), copies: newCopiesState(), dataWaits: newDataWaitState() },
    inline: { bytes: new Map(), totalBytes: 0 },
    fleet: new FleetIndex(),
    touchedWorkers: new Set(),
    ...{ inputFailures: new Map(), unreachable: new Map() },
    untriedShapes: new Set(),
    nextSilenceCheckAt: 0,
    hangLookRow: 0,
    demand: newDemandState(),
    story: new StoryLog(),
    runs: new RunLog(),
    traffic: new TrafficLog(),
    trafficCounts: noTraffic(),
  };
}

/** The client of a session that is open: whose message this is, or who closes it. */
export function openClient(state: ControllerState, client: number): Client {
  return present(state.clients[client], "a message is of a session that is open");
}

/** The spec of a number that a live task or client has. */
export function specRecord(state: ControllerState, spec: number): SpecRecord {
  return present(state.specs[spec], "a spec lives as long as its tasks");
}

export function specOf(state: ControllerState, task: number): TaskSpec {
  return specRecord(state, state.tasks.spec[task]).definition;
}

export function shapeOf(state: ControllerState, task: number): Shape {
  return state.shapes[specRecord(state, state.tasks.spec[task]).shape];
}

export function submissionOf(state: ControllerState, task: number): Submission {
  return present(
    state.submissions[state.tasks.submission[task]],
    "a submission lives as long as its tasks",
  );
}

/** The place of a task in the order of submission: first come, first served between queues. */
export function orderOf(state: ControllerState, task: number): number {
  const { first, firstOrder } = submissionOf(state, task);
  return firstOrder + state.tasks.index[task] - first;
}

export function jobOf(state: ControllerState, task: number): Job {
  return state.jobs[state.tasks.job[task]];
}

export function userOf(state: ControllerState, task: number): User {
  return state.users[shapeOf(state, task).user];
}

/** The latest job of a name. */
export function jobNamed(state: ControllerState, id: string): Job | undefined {
  const index = state.jobsById.get(id);
  return index === undefined ? undefined : state.jobs[index];
}

/** The launch of a job that was launched, as whatever names it by its index knows. */
export function launchAt(state: ControllerState, job: number): Launch {
  return present(state.jobs[job].launch, "a job with a tree, a gang or an end was launched");
}

/** The gang that the tasks of a job are, as whatever names it by its index knows. */
export function gangAt(state: ControllerState, job: number): Gang {
  return present(launchAt(state, job).gang, "its tasks are placed together");
}

/** `/user/graph-7/12`: what people call a task. */
export function taskIdOf(state: ControllerState, task: number): string {
  return `${state.jobs[state.tasks.job[task]].id}/${state.tasks.index[task]}`;
}

/** Whether the worker is there and heard: values can be fetched from it, it obeys orders. */
export function isHealthy(worker: Worker): boolean {
  return worker.connected && !worker.lost && !worker.suspect;
}

/** The worker may be able to take more than before: the next pass tries what waits there. */
export function touchWorker({ touchedWorkers, fleet }: ControllerState, worker: WorkerIndex): void {
  touchedWorkers.add(worker);
  fleet.changes.mark(worker);
}

/** Whether placement may use the worker now. */
export function isOpen(worker: Worker): boolean {
  return isHealthy(worker) && !worker.cordoned && !worker.draining && worker.trouble === "";
}
