/**
 * What happened to the state of a worker, in the past tense and complete: `apply` needs nothing
 * else, so the state is the fold of these. T-numbers are the transitions of the reference table.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { Progress } from "../model/progress.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { GangMember } from "../protocol/messages.ts";
import type { ExecutionId, ExecutionInput, FileId, TransferId } from "./events.ts";
import type { AnswerMessage, RevokeIntent, Withheld } from "./state.ts";
import type { Travel } from "./traffic-columns.ts";

/** A run was ordered: T1–T3, or T6 when it adopts the orphan `adopts` (0 for none). */
export interface RunAccepted {
  readonly type: "run-accepted";
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly shape: number;
  readonly granted: boolean;
  readonly args: Uint8Array;
  readonly context: string;
  readonly inputs: readonly ExecutionInput[];
  readonly dependencies: readonly TaskRef[];
  /** Bytes of each dependency, as far as they are known; else 0. */
  readonly dependencyBytes: readonly number[];
  readonly adopts: ExecutionId;
}

export type TaskFact =
  | RunAccepted
  /** An unstarted or orphaned run holds a grant now. */
  | { readonly type: "run-granted"; readonly task: TaskRef; readonly attempt: AttemptId }
  /** The terminal answer of a run was given. */
  | { readonly type: "run-answered"; readonly attempt: AttemptId }
  /** T2, T3: the last missing input arrived. */
  | { readonly type: "task-readied"; readonly task: TaskRef }
  /** T27: an input left. */
  | { readonly type: "task-unreadied"; readonly task: TaskRef }
  /** T20, T22, T23, T25. */
  | { readonly type: "task-released"; readonly task: TaskRef }
  /** T15, T17. */
  | {
      readonly type: "task-failed";
      readonly task: TaskRef;
      readonly kind: "execution" | "transfer";
    }
  /** T18, T19. */
  | { readonly type: "task-rescheduled"; readonly task: TaskRef; readonly reason: number }
  /** A call is handed back; until the controller knows, no other one reaches its actor. */
  | {
      readonly type: "call-returned";
      readonly actor: TaskRef;
      readonly call: TaskRef;
      readonly attempt: AttemptId;
      /** Its place in the order of submission. */
      readonly order: number;
    }
  /** `forget` came while others here need its value: it is forgotten when they do not. */
  | { readonly type: "task-unmentioned"; readonly task: TaskRef }
  /** T26. */
  | { readonly type: "task-forgotten"; readonly task: TaskRef }
  /** T11, T16. */
  | {
      readonly type: "value-stored";
      readonly task: TaskRef;
      readonly sizeBytes: number;
      /** It came from another worker. */
      readonly copied: boolean;
    }
  /** The controller was told again that it is here; or (off) it has asked to forget it since. */
  | { readonly type: "value-told-again"; readonly task: TaskRef }
  /** T24; what still reads it keeps its pin. */
  | { readonly type: "value-dropped"; readonly task: TaskRef }
  /** T8, T12, T14. */
  | {
      readonly type: "fetch-wanted";
      readonly task: TaskRef;
      readonly sources: readonly WorkerIndex[];
    }
  /** The sources of a transfer under way: what to try next if it fails. */
  | {
      readonly type: "sources-changed";
      readonly task: TaskRef;
      readonly sources: readonly WorkerIndex[];
    }
  /** It is to be fetched and kept, whether or not anything here reads it. */
  | { readonly type: "copy-ordered"; readonly task: TaskRef; readonly sizeBytes: number }
  /** That order was answered, or taken back. */
  | { readonly type: "copy-closed"; readonly task: TaskRef }
  /** T9, T13; asked for (again) at `at`. */
  | { readonly type: "sources-missing"; readonly task: TaskRef; readonly at: Micros };

export type ExecutionFact =
  /**
   * T4, T5: head of the lane if that was idle, and then it pays; else queued behind the head. The
   * kind of its run says whether the lane is one of functions or of commands.
   */
  | {
      readonly type: "execution-placed";
      readonly task: TaskRef;
      readonly execution: ExecutionId;
      readonly lane: number;
      readonly at: Micros;
    }
  /** What it was queued behind has ended: it is the head of its lane and pays. */
  | { readonly type: "execution-promoted"; readonly execution: ExecutionId; readonly at: Micros }
  /** The executions of an earlier agent, all numbered below `below`, are taken over. */
  | { readonly type: "executions-recovered"; readonly below: ExecutionId }
  | { readonly type: "execution-building"; readonly execution: ExecutionId }
  /** A member of a gang has its address. */
  | {
      readonly type: "execution-prepared";
      readonly execution: ExecutionId;
      readonly member: GangMember;
    }
  /** A member of a gang may start. */
  | { readonly type: "execution-released"; readonly execution: ExecutionId }
  | { readonly type: "execution-taken-up"; readonly execution: ExecutionId; readonly at: Micros }
  /** Its function waits for tasks of its own, or does not any more. */
  | {
      readonly type: "execution-waits";
      readonly execution: ExecutionId;
      readonly waits: boolean;
    }
  /** It has left its lane, which is free, and holds no CPU until it rejoins. */
  | { readonly type: "execution-yielded"; readonly execution: ExecutionId }
  /** It goes on beside the lanes, and holds its CPU again. */
  | { readonly type: "execution-rejoined"; readonly execution: ExecutionId }
  /** It says how far it is, which is told with the next heartbeat. */
  | {
      readonly type: "execution-progressed";
      readonly execution: ExecutionId;
      readonly progress: Progress;
    }
  | { readonly type: "progress-told"; readonly executions: readonly ExecutionId[] }
  /** T21. */
  | { readonly type: "execution-orphaned"; readonly execution: ExecutionId; readonly at: Micros }
  /** The next run of its task never starts: it is answered with `told` when this orphan ends. */
  | {
      readonly type: "execution-answers-for-next";
      readonly execution: ExecutionId;
      readonly told: Withheld;
    }
  | {
      readonly type: "execution-abort-sent";
      readonly execution: ExecutionId;
      readonly reason: "stopped" | "timeout" | "shutdown";
    }
  | {
      readonly type: "execution-revoke-sent";
      readonly execution: ExecutionId;
      readonly intent: RevokeIntent;
    }
  /** The revoke came too late: its thread has begun it. */
  | {
      readonly type: "execution-revoke-refused";
      readonly execution: ExecutionId;
      readonly at: Micros;
    }
  /** It was taken back from its lane; its run waits again. */
  | { readonly type: "execution-requeued"; readonly execution: ExecutionId }
  /** It has really ended. `durationUs` is -1 unless its function returned. */
  | {
      readonly type: "execution-ended";
      readonly execution: ExecutionId;
      readonly durationUs: number;
    };

export type TransferFact =
  /** T10. */
  | {
      readonly type: "transfer-started";
      readonly at: Micros;
      readonly transfer: TransferId;
      readonly peer: WorkerIndex;
      readonly tasks: readonly TaskRef[];
    }
  | { readonly type: "transfer-ended"; readonly transfer: TransferId }
  | { readonly type: "peer-joined"; readonly index: WorkerIndex; readonly incarnation: string }
  | { readonly type: "peer-left"; readonly index: WorkerIndex }
  | { readonly type: "peer-answered"; readonly index: WorkerIndex }
  | { readonly type: "peer-refused"; readonly index: WorkerIndex; readonly until: Micros };

export type ConnectionFact =
  | {
      readonly type: "connection-opened";
      readonly at: Micros;
      readonly epoch: number;
      readonly index: WorkerIndex;
    }
  | { readonly type: "connection-closed" }
  | { readonly type: "order-applied" }
  /** `answers` is the message if it ends attempts or measures one, else null. */
  | { readonly type: "message-sent"; readonly answers: AnswerMessage | null }
  /** Terminal answers that could not be sent for want of a connection. */
  | { readonly type: "answers-kept"; readonly answers: AnswerMessage }
  | { readonly type: "answers-acknowledged"; readonly sequence: number }
  | { readonly type: "heartbeat-sent"; readonly at: Micros }
  | { readonly type: "spec-defined"; readonly spec: number; readonly definition: TaskSpec }
  | { readonly type: "spec-dropped"; readonly spec: number }
  /** "" when it is well again. */
  | { readonly type: "health-changed"; readonly trouble: string }
  /** What runs functions is new, for this restart of the cluster. */
  | { readonly type: "executors-renewed"; readonly restart: number }
  | { readonly type: "leave-began"; readonly by: Micros; readonly emptyUs: Micros }
  /** It waits until others have what only it holds, at most until then. */
  | { readonly type: "emptying-began"; readonly by: Micros }
  /** It waits for no copies any more. */
  | { readonly type: "emptying-ended" }
  | { readonly type: "leaving-said" }
  | { readonly type: "worker-left" }
  /** Everything known is erased; what runs goes on as silent orphans. */
  | { readonly type: "worker-reset"; readonly at: Micros };

export type MemoryFact =
  | { readonly type: "memory-measured"; readonly rssBytes: number }
  /** Read by somebody elsewhere: they go to the disk after the others. */
  | { readonly type: "values-used"; readonly tasks: readonly TaskRef[] }
  | {
      readonly type: "spill-began";
      readonly at: Micros;
      readonly task: TaskRef;
      readonly file: FileId;
    }
  /** The value is on the disk, and not in memory any more. */
  | { readonly type: "spill-ended"; readonly file: FileId }
  /** It is to be read: it stays in memory. */
  | { readonly type: "spill-abandoned"; readonly file: FileId }
  /** It stays in memory, and no other one is sent to the disk before `until`. */
  | { readonly type: "spill-failed"; readonly file: FileId; readonly until: Micros }
  | { readonly type: "load-began"; readonly at: Micros; readonly file: FileId }
  | { readonly type: "load-ended"; readonly file: FileId }
  /** Its value is dropped next. */
  | { readonly type: "file-lost"; readonly file: FileId }
  | { readonly type: "worker-paused"; readonly at: Micros; readonly reason: string }
  /** It is told with the next heartbeat. */
  | { readonly type: "value-travelled"; readonly travel: Travel }
  | { readonly type: "traffic-told" }
  /** What waited for the end of the pause is handed back. */
  | { readonly type: "pause-outlasted" }
  | { readonly type: "worker-resumed" };

export type WorkerFact = TaskFact | ExecutionFact | TransferFact | MemoryFact | ConnectionFact;
