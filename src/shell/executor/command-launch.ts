/**
 * The order to the launcher that starts a command.
 *
 * @module
 */

import { resolve } from "node:path";
import type { AttemptContext, GangMember } from "../../protocol/messages.ts";
import type { LaunchOrder } from "../launcher/launch-order.ts";
import { stdoutResultBytesMax } from "../launcher/limits.ts";
import type { AttemptPaths } from "./command-directories.ts";
import { composeEnvironment } from "./command-environment.ts";
import { type CommandTag, newTag } from "./command-tag.ts";
import { agentAbsenceMaxMs, commandProcessesMax, launcherTimeoutMarginMs } from "./limits.ts";

export interface LaunchParts {
  /** `"3.17"`. */
  readonly attemptId: string;
  readonly tag: CommandTag;
  readonly context: AttemptContext;
  readonly paths: AttemptPaths;
  /** All members of its gang, in rank order; none for a command that is alone. */
  readonly members: readonly GangMember[];
  readonly controllerUrl: string;
}

/** Complete: the launcher adds nothing but its marks. */
export function launchOrderOf(parts: LaunchParts): LaunchOrder {
  const { tag, paths } = parts;
  const { run, resources, timeoutMs, graceMs } = tag.definition;
  const keepsOutput = run.result.type === "json" || run.result.type === "text";
  return {
    attemptId: parts.attemptId,
    argv: run.argv,
    env: environmentOf(parts),
    cwd: resolve(paths.work, run.cwd),
    stdin: run.stdin,
    logDirectory: paths.logs,
    memoryBytes: resources.memoryBytes,
    cpuMilli: resources.cpuMilli,
    // Nobody asks for processes: it is no more than a bound for what has control groups anyway.
    pidsMax: resources.memoryBytes > 0 ? commandProcessesMax : 0,
    stdoutResultBytesMax: keepsOutput ? stdoutResultBytesMax : 0,
    // The kernel's own clock ends it first; this one counts while no agent is here.
    timeoutMs: timeoutMs === 0 ? 0 : timeoutMs + launcherTimeoutMarginMs,
    graceMs,
    leaseMs: agentAbsenceMaxMs,
    endsWithWorker: false,
    sections: null,
    tag: newTag(tag),
  };
}

function environmentOf({ tag, context, paths, members, controllerUrl }: LaunchParts) {
  const { definition, attempt, ports, workerId } = tag;
  const own = definition.run.env;
  const where = { paths, ports, members, controllerUrl, workerId };
  return composeEnvironment({ own, context, attempt, ...where });
}
