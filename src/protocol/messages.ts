/**
 * Every message between a client, the controller and a worker.
 *
 * Hot messages are about many tasks at once and are columns: entry `i` of each column speaks of the
 * same task. Cold messages are plain objects in the codec that the shell plugs in. One ordered
 * stream carries both, so what is said about one task arrives in the order of its transitions.
 * Bundles and large values travel beside the stream, over HTTP and between workers.
 *
 * Tasks have two names. Between a client and the controller a task is the client's own *number*
 * (dense, from 0, chosen by the client, so that a submit needs no round trip). Between the
 * controller and a worker it is a `TaskRef`.
 *
 * @module
 */

import type { Attributes } from "../model/constraints.ts";
import type { AttemptFailure, AttemptUsage, TaskFailure } from "../model/failure.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { DeviceAmount, Resources } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { AttemptCause } from "../model/states.ts";
import type { WorkerEmptied, WorkerEmptying, WorkerLeaving } from "./leave-messages.ts";
import type { PlainOrder } from "./order-messages.ts";
import type { MessagesOf } from "./schema.ts";
import type { SharedAnswer, SharedRequest } from "./shared-messages.ts";

/** The source of an input whose bytes travel with the order. */
export const inlineSource = 0xffffffff;

/** A value up to this size travels inside the report; a larger one stays with its worker. */
export const inlineValueBytesMax = 64 * 1024;

/** What `reports.kinds` holds. */
export const reportKind = {
  /** The attempt runs now. */
  started: 1,
  /** The function returned: `sizes` has the value's bytes, `values` the value itself if small. */
  finished: 2,
  /**
   * The attempt never ran, or may run elsewhere at no charge: `reasons` says why, `others` names
   * the task at fault.
   */
  handedBack: 3,
  /** What was ordered to stop has stopped: its grant is free. */
  abandoned: 4,
  /** The worker holds a copy of the task's value now (fetched from a peer). */
  have: 5,
  /** The value is gone although nobody ordered it. */
  lost: 6,
  /** `forget` could not be obeyed: the value is being read. */
  kept: 7,
  /** No source is left for an input that an attempt here needs. */
  needsSources: 8,
  /** The retract came too late: the attempt had started. */
  retractRefused: 9,
  /** The attempt's work directory is being made. */
  building: 10,
  /** It waits for tasks of its own, and its slot and CPU are free meanwhile. */
  yielded: 11,
  /** It goes on, and holds its slot and CPU again. */
  rejoined: 12,
  /** A copy that was ordered does not come: nobody asked has it, or it may not be made here. */
  notCopied: 13,
} as const;

/** What `reports.reasons` holds for `handedBack`. */
export const handBackReason = {
  retracted: 1,
  dependencyFailed: 2,
  dependencyLost: 3,
  refused: 4,
  shutdown: 5,
} as const;

/** What `reports.reasons` holds for `needsSources`. */
export const needsSourcesReason = {
  /** Whoever was asked does not have it, or is gone. */
  absent: 0,
  /** Whoever was asked last could not be reached. */
  unreachable: 1,
  /** It was asked before, and there was no answer yet: nobody has been tried since. */
  again: 2,
} as const;

/** Hot messages, both directions. Opcodes are for ever. */
export const hotMessages = {
  // client → controller
  submit: {
    opcode: 1,
    fields: {
      /** Rises with each submit of this client session; replays are recognised by it. */
      sequence: "u32",
      /** Number of the first task; the others follow without a gap. */
      first: "u32",
      /** Runs of tasks with one spec: `groupCounts[g]` tasks of client spec `groupSpecs[g]`. */
      groupSpecs: "u32s",
      groupCounts: "u32s",
      /** The encoded arguments of each task. */
      args: "blobs",
      /** Dependencies of each task in argument order; both empty when no task has any. */
      dependencyCounts: "u32s",
      dependencies: "u32s",
      /** Explicit keys, "" for none; empty when no task has one. */
      keys: "strings",
    },
  },
  /** The handles of these tasks are gone: their values may go once the tasks have ended. */
  release: { opcode: 2, fields: { tasks: "u32s" } },
  /** Send the outcome of these tasks (again) as soon as it is known. */
  want: { opcode: 3, fields: { tasks: "u32s" } },

  // controller → client
  /** Every submit up to `sequence` is durable. */
  accepted: { opcode: 20, fields: { sequence: "u32" } },
  started: { opcode: 21, fields: { tasks: "u32s" } },
  results: { opcode: 22, fields: { tasks: "u32s", values: "blobs" } },
  /** Values too large to travel here: fetch `refs[i]` from worker `holders[i]` (see `peer`). */
  located: {
    opcode: 23,
    fields: { tasks: "u32s", refs: "f64s", sizes: "f64s", holders: "u32s" },
  },

  // controller → worker
  compute: {
    opcode: 40,
    fields: {
      attempts: "f64s",
      tasks: "f64s",
      specs: "u32s",
      /**
       * Attempts of one shape ask for the same resources: a prefetched one takes over a grant of
       * its shape.
       */
      shapes: "u32s",
      /** 1: holds no grant yet (prefetched). 0: granted. */
      prefetched: "u8s",
      args: "blobs",
      /**
       * An `AttemptContext` as JSON for each attempt that has one, "" for the others; no entries
       * at all when none has.
       */
      contexts: "strings",
      /** Inputs of each attempt, in argument order. */
      inputCounts: "u32s",
      inputTasks: "f64s",
      /**
       * `inlineSource`: the bytes are in `inputs`. Else the worker to fetch from (own index:
       * already here).
       */
      inputSources: "u32s",
      /** Bytes of each input that is to be fetched; 0 for the others. */
      inputSizes: "f64s",
      /** One entry for each input; empty unless its source is `inlineSource`. */
      inputs: "blobs",
    },
  },
  /** These prefetched attempts hold a grant from now on. */
  grant: { opcode: 41, fields: { attempts: "f64s", tasks: "f64s" } },
  /** Give these back unless they have started. */
  retract: { opcode: 42, fields: { attempts: "f64s", tasks: "f64s" } },
  /** Stop these: answered `abandoned` when the running thing has really ended. */
  stop: { opcode: 43, fields: { attempts: "f64s", tasks: "f64s" } },
  /**
   * Drop the values of these tasks, if held, and every record of them. `heard` is how many messages
   * of this connection the controller had heard then: a value that the worker spoke of in a later
   * one stays, since that word is answered by itself.
   */
  forget: { opcode: 44, fields: { tasks: "f64s", heard: "f64" } },
  /**
   * Sources for inputs that `needsSources` asked for: `counts[i]` of `sources` belong to
   * `tasks[i]`.
   */
  sources: { opcode: 45, fields: { tasks: "f64s", counts: "u32s", sources: "u32s" } },
  /**
   * Every message of the worker up to `sequence` is durable: its answers may be dropped. Not
   * counted among the controller's messages: it comes from the shell, which alone knows what is
   * durable.
   */
  acknowledge: { opcode: 46, fields: { sequence: "f64" } },
  /**
   * Fetch these values and keep them, whether or not anything here reads them: `tasks[i]`, of
   * `sizes[i]` bytes, from worker `sources[i]`. Each is answered by `have` or `notCopied`.
   */
  copy: { opcode: 47, fields: { tasks: "f64s", sources: "u32s", sizes: "f64s" } },
  /** These need not be copied any more, unless they are here already. Not answered. */
  uncopy: { opcode: 48, fields: { tasks: "f64s" } },

  // worker → controller
  reports: {
    opcode: 60,
    fields: {
      kinds: "u8s",
      attempts: "f64s",
      tasks: "f64s",
      reasons: "u8s",
      /**
       * The attempt that took over the grant (`finished`, `abandoned`, `handedBack`), in
       * `others` the other task (`handedBack`); 0 for none.
       */
      successors: "f64s",
      others: "f64s",
      /** Bytes of the value (`finished`, `have`). */
      sizes: "f64s",
      /** Microseconds that the function ran (`finished`). */
      durations: "u32s",
      /** The value of each small `finished`; an empty entry elsewhere. */
      values: "blobs",
    },
  },
  /** The full truth of a worker, first message after its hello. */
  inventory: {
    opcode: 61,
    fields: {
      attempts: "f64s",
      attemptTasks: "f64s",
      /** 0 not started, 1 running, 2 stopping. */
      phases: "u8s",
      values: "f64s",
      valueSizes: "f64s",
    },
  },
  /** How values travelled since the last such message; goes before a heartbeat. */
  traffic: {
    opcode: 63,
    fields: {
      /** As in `trafficKind`. */
      kinds: "u8s",
      /** Of a fetch that brought several values, the first of `counts`. */
      tasks: "f64s",
      counts: "u32s",
      sizes: "f64s",
      /** Microseconds from the end to this message, and from the start to the end. */
      agos: "f64s",
      durations: "f64s",
      /** Who had it: of a fetch; 0 for others. */
      peers: "u32s",
      /** Further ones, which are not told. */
      omitted: "u32",
    },
  },
  /** How far these attempts say they are, if that is news; goes before a heartbeat. */
  progress: {
    opcode: 64,
    fields: {
      attempts: "f64s",
      tasks: "f64s",
      /** From 0 to 1. */
      fractions: "f64s",
      /** "" for none. */
      notes: "strings",
    },
  },
  heartbeat: {
    opcode: 62,
    fields: {
      /** Sequence of the last controller message applied (counted from 1 on each connection). */
      applied: "f64",
      /** Sequence of the worker's own last message before this one. */
      sent: "f64",
      attemptsDigest: "u32",
      valuesDigest: "u32",
      rssBytes: "f64",
      /** Of all values here, and of those that are on the disk. */
      valueBytes: "f64",
      spilledBytes: "f64",
      /** Values to the disk and back since the process began, and how often that failed. */
      spillCount: "f64",
      loadCount: "f64",
      spillFailureCount: "f64",
      /** Values that came from peers since the process began. */
      fetchCount: "f64",
      fetchedBytes: "f64",
      /** Processes that run functions, their bytes in `rssBytes`, and how many were replaced. */
      processCount: "f64",
      processBytes: "f64",
      processRecycledCount: "f64",
    },
  },
} as const;

/** What a worker says of its memory with each heartbeat. */
export type WorkerMemory = Pick<
  HotMessageOf<"heartbeat">,
  | "rssBytes"
  | "spilledBytes"
  | "spillCount"
  | "loadCount"
  | "spillFailureCount"
  | "fetchCount"
  | "fetchedBytes"
  | keyof typeof noProcesses
>;

export const noProcesses = { processCount: 0, processBytes: 0, processRecycledCount: 0 };

export const noMemory: WorkerMemory = {
  ...{ rssBytes: 0, spilledBytes: 0, spillCount: 0, loadCount: 0, spillFailureCount: 0 },
  ...{ fetchCount: 0, fetchedBytes: 0, ...noProcesses },
};

export type HotMessage = MessagesOf<typeof hotMessages>;
export type HotMessageOf<T extends HotMessage["type"]> = Extract<HotMessage, { type: T }>;

/** Spec `spec` of the sender, from now on. Sent once, before its first use. */
export interface DefineSpec {
  readonly type: "define-spec";
  readonly spec: number;
  readonly definition: TaskSpec;
  /** To a worker: whose tasks these are. A client says nothing: it is known. */
  readonly user?: string | undefined;
}

/** The address of worker `index`, before its first mention on this connection. */
export interface Peer {
  readonly type: "peer";
  readonly index: WorkerIndex;
  readonly workerId: string;
  readonly incarnation: string;
  /** `host:port` of the worker's data listener. */
  readonly address: string;
}

export interface PeerGone {
  readonly type: "peer-gone";
  readonly index: WorkerIndex;
  readonly incarnation: string;
}

/** Kills these tasks: queued ones never start, running ones are stopped. */
export interface Cancel {
  readonly type: "cancel";
  readonly sequence: number;
  readonly tasks: readonly number[];
  readonly reason: string;
}

/**
 * Runs these failed or cancelled tasks again, with the failed tasks that they depend on. Failures
 * of them that are told before it is accepted are of their old runs; all later ones are new.
 */
export interface Retry {
  readonly type: "retry";
  readonly sequence: number;
  readonly tasks: readonly number[];
}

/** The session ends: what only it wanted is cancelled and forgotten. */
export interface CloseSession {
  readonly type: "close-session";
}

/** A submit, cancel or retry that was refused whole. */
export interface Refused {
  readonly type: "refused";
  readonly sequence: number;
  readonly error: { readonly code: string; readonly message: string; readonly details: unknown };
}

/** Tasks that ended without a value. */
export interface Failures {
  readonly type: "failures";
  readonly tasks: readonly number[];
  /** `causes[i]` is an index into `failures`: many dependents share one root. */
  readonly causes: readonly number[];
  readonly failures: readonly TaskFailure[];
  /** `"FAILED"`, `"KILLED"`, … of each task. */
  readonly states: readonly string[];
}

/** Tasks that were accepted but that no present worker could run. */
export interface Warning {
  readonly type: "warning";
  readonly code: string;
  readonly message: string;
}

/** An API call over the stream: the methods of `POST /v1/rpc/<Method>`. */
export interface ApiCall {
  readonly type: "call";
  readonly id: number;
  readonly method: string;
  readonly request: unknown;
}

export interface ApiReply {
  readonly type: "reply";
  readonly id: number;
  readonly result: unknown;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: unknown;
  } | null;
}

/** An attempt failed by itself. */
export interface AttemptFailed {
  readonly type: "attempt-failed";
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  /** The attempt that took over the grant, or 0. */
  readonly successor: AttemptId;
  readonly cause: Extract<
    AttemptCause,
    | "failed"
    | "timeout"
    | "oom"
    | "exited"
    | "module-unloadable"
    | "build-failed"
    | "killed"
    | "setup-failed"
    | "rescheduled"
    | "actor-lost"
  >;
  readonly failure: AttemptFailure;
}

/** What a command, or a member of a gang, must know of itself. */
export interface AttemptContext {
  readonly taskId: string;
  readonly jobId: string;
  /** `"3.17"`. */
  readonly attemptId: string;
  readonly index: number;
  readonly replicas: number;
  /** The granted devices, with indices. */
  readonly devices: readonly DeviceAmount[];
  /** Speaks for the job tree; "" for none, and for functions, which ask for theirs. */
  readonly token: string;
}

/** Where a member of a gang can be reached. */
export interface GangMember {
  /** The host under which its worker is reached. */
  readonly host: string;
  readonly ports: { readonly [name: string]: number };
}

/**
 * A member of a gang has its grant, its work directory and its ports, and waits for `start-gang`.
 * Said again on each connection, also when it runs: whoever starts later needs its address.
 */
export interface AttemptPrepared {
  readonly type: "attempt-prepared";
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly member: GangMember;
}

/** All members are prepared: `members[i]` is task `i`. The attempt starts now. */
export interface StartGang {
  readonly type: "start-gang";
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly members: readonly GangMember[];
}

/** What a command used and how it ended; goes before the answer of its attempt. */
export interface AttemptMeasured {
  readonly type: "attempt-measured";
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly usage: AttemptUsage;
}

/** Whether the worker can run anything: its own checks of disk, work directory and executors. */
export interface WorkerHealth {
  readonly type: "health";
  /** "" while it is well; else why not, as a sentence. */
  readonly trouble: string;
}

export type ColdMessage =
  | DefineSpec
  | Peer
  | PeerGone
  | Cancel
  | Retry
  | SharedRequest
  | CloseSession
  | SharedAnswer
  | Refused
  | Failures
  | Warning
  | ApiCall
  | ApiReply
  | AttemptFailed
  | AttemptPrepared
  | StartGang
  | AttemptMeasured
  | WorkerHealth
  | PlainOrder
  | WorkerEmptying
  | WorkerEmptied
  | WorkerLeaving;

export type Message = HotMessage | ColdMessage;

/** What a client may say. */
export type ClientMessage =
  | HotMessageOf<"submit" | "release" | "want">
  | DefineSpec
  | Cancel
  | Retry
  | SharedRequest
  | CloseSession
  | ApiCall;

/** What the controller says to a client. */
export type ToClientMessage =
  | HotMessageOf<"accepted" | "started" | "results" | "located">
  | Peer
  | PeerGone
  | Refused
  | Failures
  | Warning
  | SharedAnswer
  | ApiReply;

/** What a worker may say after its hello. */
export type WorkerMessage =
  | HotMessageOf<"reports" | "inventory" | "heartbeat" | "traffic" | "progress">
  | AttemptFailed
  | AttemptPrepared
  | AttemptMeasured
  | WorkerHealth
  | WorkerEmptying
  | WorkerLeaving;

/** What the controller orders. */
export type ToWorkerMessage =
  | HotMessageOf<"compute" | "grant" | "retract" | "stop" | "forget" | "sources" | "acknowledge">
  | HotMessageOf<"copy" | "uncopy">
  | DefineSpec
  | StartGang
  | Peer
  | PeerGone
  | WorkerEmptied
  | PlainOrder;

export const protocolVersion = 1;

/** First frame of a client, JSON. */
export interface ClientHello {
  readonly role: "client";
  readonly protocolVersion: number;
  readonly clientId: string;
  readonly user: string;
  /** The cluster this session began on, or "" on its first connection. */
  readonly clusterId: string;
}

/** First frame of a worker, JSON; its `inventory` follows. */
export interface WorkerHello {
  readonly role: "worker";
  readonly protocolVersion: number;
  readonly workerId: string;
  /** New at every start of the worker process. */
  readonly incarnation: string;
  /** The cluster this incarnation serves, or "" before its first connection. */
  readonly clusterId: string;
  /** Highest controller epoch seen; a lower one is refused by the worker. */
  readonly epoch: number;
  /** `host:port` of the data listener. */
  readonly address: string;
  readonly pid: number;
  readonly capacity: Resources;
  /** How many functions may run at once. */
  readonly slots: number;
  /** How many commands may run at once. */
  readonly commandSlots: number;
  readonly attributes: Attributes;
}

/** First frame of the controller, JSON: the hello was accepted. */
export interface ControllerHello {
  readonly role: "controller";
  readonly protocolVersion: number;
  readonly clusterId: string;
  readonly epoch: number;
  /** For a worker: its index. For a client: 0. */
  readonly index: number;
  /** For a client: the graph job of its session, and its highest durable submit sequence. */
  readonly jobId: string;
  readonly sequence: number;
  readonly heartbeatMs: number;
  /** What workers demand of whoever fetches values; "" if this controller has no token. */
  readonly dataToken: string;
  /** The same for logs, which only the controller fetches: for a worker. For a client: "". */
  readonly logToken: string;
}

/** First frame of the controller when it refuses, before it closes. */
export interface HelloRefused {
  readonly role: "refused";
  readonly error: { readonly code: string; readonly message: string; readonly details: unknown };
}
