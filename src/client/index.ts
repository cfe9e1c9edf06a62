/**
 * The SDK: everything that `import … from "capstan"` gives. No code of its own.
 *
 * @module
 */

export type { LocalWorker } from "../backends/local.ts";
export { CapstanError, type ErrorCode } from "../model/errors.ts";
export type { CommandJobOptions, CommonJobOptions } from "../model/job-options.ts";
export {
  type ActorClass,
  type AnyActor,
  defineActor,
  type MethodArguments,
  type MethodName,
  type MethodResult,
  type RemoteMethods,
} from "./actor.ts";
export { Actor } from "./actor-handle.ts";
export type { ActorOptions } from "./actor-options.ts";
export { asCompleted, type Completions } from "./as-completed.ts";
export {
  Client,
  type ConnectOptions,
  connect,
  type PublishedValue,
  type RestartOptions,
  type RunOptions,
  type WorkerSummary,
} from "./client.ts";
export { type AnyCommand, type Command, type CommandOptions, command } from "./command.ts";
export {
  type Explanation,
  Future,
  type FutureStatus,
  type Story,
  type TaskProgress,
} from "./future.ts";
export { type Failure, type GatherOptions, gather } from "./gather.ts";
export { Job } from "./job.ts";
export type {
  JobAttempt,
  JobLogLine,
  JobLogOptions,
  JobStatus,
  JobTask,
  JobWaitOptions,
  JobWarning,
  LaunchOptions,
  TaskJobOptions,
} from "./job-types.ts";
export { LocalCluster, startLocalCluster } from "./local-cluster.ts";
export { Lock, type LockOptions } from "./locks.ts";
export type { PluginOptions } from "./plugins.ts";
export { reschedule } from "./reschedule.ts";
export type { ScatterOptions } from "./scatter-options.ts";
export { listStudies, readStudy, type StudyReport } from "./studies/read-study.ts";
export { defineReduction, type Reduction, type ReductionParts } from "./studies/reduction.ts";
export type { Study } from "./studies/study.ts";
export { defineStudy, type Search, type StudyDefinition } from "./studies/study-definition.ts";
export { parameterSetId, replicateSeed } from "./studies/study-ids.ts";
export {
  type Aggregate,
  type Aggregated,
  type Aggregates,
  type ProgramModel,
  type ProgramOptions,
  program,
  type Simulate,
  type StudyOptions,
} from "./studies/study-options.ts";
export type {
  ReplicateFailure,
  SetResult,
  SetState,
  StudyProgress,
} from "./studies/study-results.ts";
export type { MapOptions, SubmitOptions } from "./submit-options.ts";
export {
  type AnyTask,
  type Argument,
  type Arguments,
  defineTask,
  type Task,
  type TaskDefinition,
} from "./task.ts";
export { type GangPeer, getContext, type TaskContext, type TaskGang } from "./task-context.ts";
export { TaskError } from "./task-error.ts";
export { type WaitLimits, type WaitOptions, type WaitResult, wait } from "./waiting.ts";
