/**
 * The state of a worker: what is wanted and what is held, and the running things that pay.
 *
 * A task record is in one of twelve states and says only what is wanted and held. Executions and
 * transfers are records of their own that own what they consume until they really end:
 *
 *     released ─▶ waiting ─▶ ready|blocked ─▶ executing ─▶ memory|failed|rescheduled
 *     released ─▶ to-fetch ─▶ in-flight ─▶ memory  (an input from a peer)
 *                    └─▶ missing (no source is left)
 *
 * There is no `cancelled` and no `resumed`: a task that is stopped lets go of its execution, which
 * goes on as an *orphan* that pays for its lane, grant and inputs until it ends. Nothing but
 * `apply` writes any of this.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { Progress } from "../model/progress.ts";
import type { Resources } from "../model/resources.ts";
import { partOf, type TaskRun, type TaskSpec } from "../model/spec.ts";
import type {
  AttemptFailed,
  AttemptMeasured,
  GangMember,
  HotMessageOf,
} from "../protocol/messages.ts";
import type { ExecutionId, ExecutionInput, FileId, TransferId } from "./events.ts";
import { type Amounts, type Capacity, capacityOf } from "./ledger.ts";
import { commandSlotsDefault, heartbeatMsDefault } from "./limits.ts";
import { ReportColumns } from "./report-columns.ts";
import { newResidence, type Place, type Residence } from "./residence.ts";
import type { RunQueue } from "./run-queue.ts";
import { TrafficColumns } from "./traffic-columns.ts";

/** What a worker is told about itself when it starts. */
export interface WorkerConfig {
  /** Lanes, which are executor threads: one granted execution runs on each. */
  readonly slots: number;
  /** Commands that may run at once; default 256. At 0 it takes none. */
  readonly commandSlots?: number;
  /** What the executions that run may hold together. */
  readonly capacity: Resources;
  /** Milliseconds between heartbeats; default 1000. */
  readonly heartbeatMs?: number;
  /** Bytes of values in memory, above which some go to the disk; default: none ever does. */
  readonly memoryTargetBytes?: number;
  /** Bytes in use, of the process or of values, above which nothing starts; default: never. */
  readonly memoryPauseBytes?: number;
}

/**
 * What is run on lanes of its own: functions on threads that they share, commands each in its own
 * process. An actor has a thread of its own, and counts as a command.
 */
export type RunKind = Exclude<TaskRun["kind"], "value">;

/** A specification with what this worker derived from it. Never changed, never half filled. */
export interface Spec {
  readonly id: number;
  readonly definition: TaskSpec;
  readonly kind: RunKind;
  /** What an execution takes. */
  readonly amounts: Amounts;
  /** What it still holds while it has yielded: all but CPU. */
  readonly amountsYielded: Amounts;
  /** Whether this worker could run it if it were empty. */
  readonly couldRun: boolean;
  /** Asks for more than CPU: its ready tasks are called `blocked`. */
  readonly asksBeyondCpu: boolean;
  /** Calls an object that an actor keeps: its runs go to the executor of that. */
  readonly isCall: boolean;
}

/** Runs of one kind that ask for the same: one may take over the grant of another. */
export interface Shape {
  readonly id: number;
  readonly kind: RunKind;
  /** Its runs are calls of actors. */
  readonly isCall: boolean;
  /** Ready, with a grant. */
  readonly granted: RunQueue;
  /** Ready, waiting for a grant. */
  readonly prefetched: RunQueue;
  /** Moving mean of the run time, whole microseconds; -1 until the first one finished. */
  meanUs: number;
}

/** The controller's order to run a task once: its attempt. One terminal answer is owed for it. */
export interface Run {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: Spec;
  readonly shape: Shape;
  granted: boolean;
  readonly args: Uint8Array;
  /**
   * What it must know of itself: an `AttemptContext` as JSON, or ""; of a call its place in the
   * order of submission.
   */
  readonly context: string;
  /** In argument order. */
  readonly inputs: readonly ExecutionInput[];
  /** The distinct tasks whose values are read from the store. */
  readonly dependencies: readonly TaskRef[];
  /** Rises with each order: the second key of the comparator. */
  readonly arrival: number;
  /** It yielded once: what it has may be more than there is, so nobody inherits its grant. */
  hasYielded: boolean;
  /** Where it is queued while ready, else null; null too while an orphan of its task still runs. */
  queue: RunQueue | null;
}

/**
 * Bytes in the store, or on the disk. Executions hold it by reference: a forced loss leaves their
 * pin intact.
 */
export interface Value {
  readonly task: TaskRef;
  readonly sizeBytes: number;
  /** Live executions that read it, orphans too. */
  pins: number;
  /** Lost by force while it was pinned. */
  gone: boolean;
  /** It came from another worker. */
  readonly copied: boolean;
  /**
   * The number of the message of this connection that last says it is here; 0 if the inventory
   * does.
   */
  toldIn: number;
  /** Where the bytes are. */
  place: Place;
  /** Its file, unless it is simply in memory: then `noFile`. */
  file: FileId;
  /** When its bytes were last sent to the disk, or back. */
  sentAt: Micros;
}

/** The worker is short of memory: nothing starts. */
export interface Pause {
  readonly since: Micros;
  /** As the controller is told. */
  readonly reason: string;
  /** It lasts so long that what had not started was handed back. */
  outlasted: boolean;
}

/** A call that was handed back. */
export interface ReturnedCall {
  readonly attempt: AttemptId;
  /** Its place in the order of submission. */
  readonly order: number;
}

export type TaskState =
  | { readonly type: "released" }
  | { readonly type: "waiting"; readonly run: Run; readonly missing: Set<TaskRef> }
  | { readonly type: "ready"; readonly run: Run }
  | { readonly type: "blocked"; readonly run: Run }
  | { readonly type: "executing"; readonly execution: Execution }
  | { readonly type: "to-fetch"; readonly sources: ReadonlySet<WorkerIndex> }
  | { readonly type: "missing"; readonly askedAt: Micros }
  | {
      readonly type: "in-flight";
      readonly transfer: Transfer;
      readonly sources: ReadonlySet<WorkerIndex>;
    }
  | { readonly type: "memory"; readonly value: Value }
  | { readonly type: "failed"; readonly kind: "execution" | "transfer" }
  /** As in `handBackReason`; 0: its function asked for it. */
  | { readonly type: "rescheduled"; readonly reason: number };

export const abandoned: Withheld = { type: "abandoned" };

export interface TaskRecord {
  readonly task: TaskRef;
  state: TaskState;
  /** Bytes of its value, as who ordered something that reads it said; 0 if nobody has. */
  toldBytes: number;
  /** A run of it was ordered here and it was not forgotten since: only `forget` may erase it. */
  hadRun: boolean;
  /** A copy of its value was ordered, and is on its way: an answer is owed. */
  copyOrdered: boolean;
  /** Tasks in waiting, ready or blocked that read its value; null for none. */
  neededBy: Set<TaskRef> | null;
}

/** Why a revoke was sent, which says what follows when it succeeds. */
export type RevokeIntent = "stop" | "retract" | "requeue" | "shutdown";

/** The answer of a run that never started, kept back until what it follows has ended. */
export type Withheld =
  | { readonly type: "abandoned" }
  | { readonly type: "handed-back"; readonly reason: number; readonly other: TaskRef };

/** Something in the executor. It pays for its lane and grant from head of lane until it ends. */
export interface Execution {
  readonly id: ExecutionId;
  lane: Lane;
  /** Whose answer is owed. */
  run: Run;
  /** No task wants it any more. */
  orphan: boolean;
  /** No answer is owed: the controller that ordered it is gone. */
  silent: boolean;
  /** What an orphan says of its run at its end. */
  told: Withheld;
  /** Head of its lane: its run holds a grant. */
  paying: boolean;
  /** Its function waits for tasks of its own. */
  waits: boolean;
  /** Its slot and its CPU are free for others meanwhile. */
  yielded: boolean;
  /** When it became head of its lane. */
  since: Micros;
  /** When its thread took it up, or -1 while that is not known. */
  startedAt: Micros;
  /** The abort that was sent, if any; after it there is no adoption. */
  abort: "stopped" | "timeout" | "shutdown" | null;
  /** The revoke that was sent and not yet answered. */
  revoke: RevokeIntent | null;
  /** Its work directory is being made, which was told. */
  building: boolean;
  /** How far it says it is; null while it has said nothing. */
  progress: Progress | null;
  /** Of a gang: its address, once it is prepared. */
  member: GangMember | null;
  /** Of a gang: all are prepared, and it may start. */
  released: boolean;
  readonly values: readonly Value[];
}

/**
 * One executor thread and what was given to it, in its order; or the place of one command, behind
 * which nothing queues; or that of one execution which has yielded its lane.
 */
export interface Lane {
  /** `besideLanes` for the place of one that has yielded. */
  readonly index: number;
  readonly entries: Execution[];
}

export const besideLanes = -1;

/** A fetch from one peer. It counts against the peer until it ends, whatever is still wanted. */
export interface Transfer {
  readonly id: TransferId;
  readonly peer: WorkerIndex;
  readonly tasks: readonly TaskRef[];
  /** What it is said to bring. */
  readonly sizeBytes: number;
  readonly startedAt: Micros;
  readonly wanted: Set<TaskRef>;
}

export interface Peer {
  readonly index: WorkerIndex;
  readonly incarnation: string;
  /** Tasks in `to-fetch` that it may have, in the order of asking. */
  readonly queue: Set<TaskRef>;
  transfers: number;
  /** Left alone until then. */
  busyUntil: Micros;
  /** Refusals since it last gave something. */
  refusals: number;
}

export type AnswerMessage = HotMessageOf<"reports"> | AttemptFailed | AttemptMeasured;

/**
 * Terminal answers, and the measures that go before them, that the controller has not
 * acknowledged; sequence 0 was never sent.
 */
export interface KeptAnswers {
  readonly sequence: number;
  readonly message: AnswerMessage;
}

/** The stream to the controller. Sequences count messages from 1 on each connection. */
export interface Connection {
  up: boolean;
  epoch: number;
  index: WorkerIndex;
  applied: number;
  sent: number;
  heartbeatAt: Micros;
}

export interface WorkerState {
  readonly slots: number;
  readonly commandSlots: number;
  readonly heartbeatUs: number;
  readonly capacity: Capacity;
  readonly connection: Connection;
  readonly specs: Map<number, Spec>;
  /** Shapes of functions. */
  readonly shapes: Map<number, Shape>;
  readonly commandShapes: Map<number, Shape>;
  readonly callShapes: Map<number, Shape>;
  readonly peers: Map<WorkerIndex, Peer>;
  readonly tasks: Map<TaskRef, TaskRecord>;
  readonly executions: Map<ExecutionId, Execution>;
  readonly transfers: Map<TransferId, Transfer>;
  /** Of functions, one for each slot. */
  readonly lanes: readonly Lane[];
  /** Of commands, one for each slot; more if more were recovered. */
  readonly commandLanes: Lane[];
  keptAnswers: KeptAnswers[];
  readonly residence: Residence;
  pause: Pause | null;
  /** Why it can run nothing, as a sentence; "" while it is well. */
  trouble: string;
  /** The latest restart of the cluster that it was told of; 0 for none. */
  renewedFor: number;
  /** What was placed before then has a number below it. */
  renewedFrom: ExecutionId;
  /** When a leaving worker goes whatever is owed; -1 while it stays. */
  leaveBy: Micros;
  /** How long it may then wait for copies of its values, microseconds; 0: it does not. */
  emptyUs: Micros;
  /** When it waits for them no longer; -1 until it waits. */
  emptyBy: Micros;
  /** Whether it waits for them no more, or never had to. */
  emptied: boolean;
  saidLeaving: boolean;
  left: boolean;
  nextArrival: number;
  nextExecution: number;
  /** Executions below it were recovered, and may hold more than there is. */
  recoveredBelow: ExecutionId;
  nextTransfer: number;

  // Derived; each can be rebuilt from the records, and the invariants do.
  /** Amounts held by paying executions, by dimension. */
  readonly used: number[];
  idleLanes: number;
  /** Live executions of commands. */
  readonly commands: Set<Execution>;
  /** Orphans by task: while one lives, no other execution of its task starts. */
  readonly orphans: Map<TaskRef, Execution>;
  /** Heads of lanes that wait, and yield as soon as nothing queues behind them. */
  readonly yielding: Set<Execution>;
  /** Executions whose progress is news for the controller. */
  readonly progressed: Set<Execution>;
  /** Executions beside the lanes that may run for so long only. */
  readonly besideTimed: Set<Execution>;
  /** Orphans to which nothing was sent yet, with the moment of their stop. */
  readonly unsentStops: Map<Execution, Micros>;
  /** Shapes of functions with ready runs that hold a grant. */
  readonly startable: Set<Shape>;
  readonly startableCommands: Set<Shape>;
  readonly startableCalls: Set<Shape>;
  /** Ready runs of functions without a grant, over all shapes. */
  prefetchedReady: number;
  /**
   * Actor → calls that were handed back, until the controller is known to know: what comes after
   * them in the order of submission, and was sent before it knew, would overtake them.
   */
  readonly returnedCalls: Map<TaskRef, Map<TaskRef, ReturnedCall>>;
  /** Peers whose queue is not empty. */
  readonly fetchable: Set<Peer>;
  readonly missing: Set<TaskRef>;
  /** Runs without a terminal answer, silent ones apart. */
  openRuns: number;
  /** How values travelled since that was last told. */
  readonly traffic: TrafficColumns;
  attemptsDigest: number;
  valuesDigest: number;
  valueBytes: number;

  /** Scratch of the current step; empty between steps. */
  readonly reports: ReportColumns;
}

function lanesOf(count: number): Lane[] {
  return Array.from({ length: count }, (_, index) => ({ index, entries: [] }));
}

function requireSlots(name: string, slots: number, min: number): void {
  if (Number.isSafeInteger(slots) && slots >= min) return;
  throw new RangeError(`${name} must be an integer of at least ${min}, not ${slots}`);
}

/** A worker that has just started. Throws RangeError if its slots are no numbers to count to. */
export function newWorkerState(config: WorkerConfig): WorkerState {
  const { slots, commandSlots = commandSlotsDefault } = config;
  requireSlots("slots", slots, 1);
  requireSlots("commandSlots", commandSlots, 0);
  const capacity = capacityOf(config.capacity);
  const { memoryTargetBytes = Infinity, memoryPauseBytes = Infinity } = config;
  return {
    slots,
    commandSlots,
    heartbeatUs: (config.heartbeatMs ?? heartbeatMsDefault) * 1_000,
    capacity,
    connection: { up: false, epoch: 0, index: 0, applied: 0, sent: 0, heartbeatAt: 0 },
    specs: new Map(),
    shapes: new Map(),
    commandShapes: new Map(),
    callShapes: new Map(),
    peers: new Map(),
    tasks: new Map(),
    executions: new Map(),
    transfers: new Map(),
    lanes: lanesOf(slots),
    commandLanes: lanesOf(commandSlots),
    keptAnswers: [],
    residence: newResidence(memoryTargetBytes, memoryPauseBytes),
    pause: null,
    trouble: "",
    ...{ renewedFor: 0, renewedFrom: 0 },
    leaveBy: -1,
    ...{ emptyUs: 0, emptyBy: -1, emptied: false },
    saidLeaving: false,
    left: false,
    nextArrival: 1,
    nextExecution: 1,
    recoveredBelow: 0,
    nextTransfer: 1,
    used: capacity.amounts.map(() => 0),
    idleLanes: slots,
    commands: new Set(),
    orphans: new Map(),
    yielding: new Set(),
    progressed: new Set(),
    besideTimed: new Set(),
    unsentStops: new Map(),
    startable: new Set(),
    startableCommands: new Set(),
    startableCalls: new Set(),
    prefetchedReady: 0,
    returnedCalls: new Map(),
    fetchable: new Set(),
    missing: new Set(),
    openRuns: 0,
    traffic: new TrafficColumns(),
    attemptsDigest: 0,
    valuesDigest: 0,
    valueBytes: 0,
    reports: new ReportColumns(),
  };
}

/** The run of a state that has not started: waiting, ready or blocked. */
export function unstartedRun(state: TaskState): Run | null {
  switch (state.type) {
    case "waiting":
    case "ready":
    case "blocked":
      return state.run;
    default:
      return null;
  }
}

/** The run that a task has, started or not. */
export function runOfState(state: TaskState): Run | null {
  return state.type === "executing" ? state.execution.run : unstartedRun(state);
}

/** Whether it is a member of a gang, which starts when all members are prepared. */
export function isGang(spec: Spec): boolean {
  return spec.definition.groupBy !== "";
}

/** The execution of the actor that a call is for, if that can still be called; else null. */
export function actorOf(state: WorkerState, { inputs }: Run): Execution | null {
  if (inputs.length === 0) return null;
  const taken = state.tasks.get(inputs[0].task)?.state;
  if (taken?.type !== "executing" || taken.execution.abort !== null) return null;
  return partOf(taken.execution.run.spec.definition.run) === "actor" ? taken.execution : null;
}

/** Whether another command may start beside those that run. */
export function hasIdleCommandLane(state: WorkerState): boolean {
  return state.commands.size < state.commandSlots;
}

/** Where a shape stands that has ready runs with a grant. */
export function startableOf(state: WorkerState, { kind, isCall }: Shape): Set<Shape> {
  if (isCall) return state.startableCalls;
  return kind === "command" ? state.startableCommands : state.startable;
}

/**
 * The shapes of the kind of a spec, by number. The controller gives the number of a shape that it
 * has forgotten to another one, of any kind.
 */
export function shapesOf(
  state: WorkerState,
  { kind, isCall }: Pick<Spec, "kind" | "isCall">,
): Map<number, Shape> {
  if (isCall) return state.callShapes;
  return kind === "command" ? state.commandShapes : state.shapes;
}

export function isNeeded(record: TaskRecord): boolean {
  return record.neededBy !== null && record.neededBy.size > 0;
}

export function holdsValue(state: WorkerState, task: TaskRef): boolean {
  return state.tasks.get(task)?.state.type === "memory";
}
