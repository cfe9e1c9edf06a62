/**
 * One command on its way through the executor, and what is told of it.
 *
 * @module
 */

import type { AttemptFailure, AttemptUsage } from "../../model/failure.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import type { AttemptContext, GangMember } from "../../protocol/messages.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { AttemptPaths } from "./command-directories.ts";
import type { CommandFailureCause } from "./command-outcome.ts";
import type { NamedPorts } from "./command-ports.ts";
import type { CommandSpec } from "./command-tag.ts";
import type { ExecutionSink } from "./execution.ts";

/** A command to run. */
export interface CommandOrder {
  readonly execution: ExecutionId;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly definition: CommandSpec;
  readonly shape: number;
  /** The `AttemptContext` as JSON, or "". */
  readonly context: string;
}

/**
 * Where news of commands goes. Calls only note what happened; after them comes one `batchEnded`.
 * `measured` goes before the end.
 */
export interface CommandSink
  extends Pick<ExecutionSink, "started" | "finished" | "aborted" | "batchEnded"> {
  building(execution: ExecutionId): void;
  prepared(execution: ExecutionId, member: GangMember): void;
  measured(execution: ExecutionId, usage: AttemptUsage): void;
  failed(execution: ExecutionId, cause: CommandFailureCause, failure: AttemptFailure): void;
  /** A command was ended for its timeout by the launcher: it is time to look at the clock. */
  overdue(): void;
}

/**
 * - `building`: its directories, ports and workspace are being made;
 * - `prepared`: a member of a gang that waits for the others;
 * - `launched`: the launcher has it;
 * - `ending`: its process is gone, and its value is being read;
 * - `gone`: its end has been told, or it was taken back.
 */
export type CommandStage = "building" | "prepared" | "launched" | "ending" | "gone";

/** What never changes about a command. */
export interface AdmittedCommand extends CommandOrder {
  /** `"3.17"`. */
  readonly attemptId: string;
  readonly isMember: boolean;
  /** Null for one that an earlier agent launched. */
  readonly parsedContext: AttemptContext | null;
  readonly paths: AttemptPaths;
}

export interface Command extends AdmittedCommand {
  /** Ends the building. */
  readonly abort: AbortController;
  ports: NamedPorts;
  stage: CommandStage;
  /** Somebody here asked for its end. */
  stopping: "stopped" | "timeout" | null;
  /** Its launcher was lost, and the next one has not said that it runs. */
  isInDoubt: boolean;
}

/** True while it can be taken back at once. */
export function isUnlaunched({ stage }: Command): boolean {
  return stage === "building" || stage === "prepared";
}
