/**
 * The order to the launcher that starts a process for functions, and how such processes are named.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { LaunchOrder } from "../launcher/launch-order.ts";
import type { ProcessNeeds } from "./function-process.ts";
import { agentAbsenceMaxMs, commandProcessesMax, processHeapFraction } from "./limits.ts";
import { moduleBeside } from "./module-file.ts";
import {
  type ProcessOptions,
  processDirectoryVariable,
  processOptionsVariable,
} from "./process-messages.ts";
import { environmentOfTasks } from "./task-environment.ts";

const idPrefix = "function-";

/** What the launcher calls the process `count` of a pool. `pool` is as random as a name can be. */
export function processIdOf(pool: string, count: number): string {
  return `${idPrefix}${pool}-${count}`;
}

export function isProcessId(id: string): boolean {
  return id.startsWith(idPrefix);
}

export interface ProcessPlace {
  readonly id: string;
  readonly logDirectory: string;
  readonly compileCache: string;
  readonly attemptsDirectory: string;
  readonly door: string;
  readonly key: string;
  readonly workerId: string;
  readonly heapLimitMib: number;
}

export function processOrderOf(needs: ProcessNeeds, place: ProcessPlace): LaunchOrder {
  const { memoryBytes, cpuMilli, bundlePath } = needs;
  const { door, key, workerId } = place;
  const mark = randomBytes(16).toString("hex");
  const options: ProcessOptions = { door, key, workerId, bundlePath, mark };
  return {
    attemptId: place.id,
    argv: [process.execPath, ...flagsOf(needs, place.heapLimitMib), entry],
    env: {
      // What the first one has compiled the next ones need not: that is most of a start.
      NODE_COMPILE_CACHE: place.compileCache,
      ...present(environmentOfTasks()),
      [processDirectoryVariable]: place.logDirectory,
      [processOptionsVariable]: JSON.stringify(options),
    },
    cwd: process.cwd(),
    stdin: "",
    logDirectory: place.logDirectory,
    memoryBytes,
    cpuMilli,
    pidsMax: memoryBytes > 0 ? commandProcessesMax : 0,
    stdoutResultBytesMax: 0,
    timeoutMs: 0, // Of each run the kernel's clock decides.
    graceMs: 0,
    leaseMs: agentAbsenceMaxMs,
    endsWithWorker: true,
    sections: { directory: place.attemptsDirectory, mark },
    tag: null,
  };
}

const entry = fileURLToPath(moduleBeside(import.meta.url, "./process-main"));

/** The heap stays below the limit, so that garbage is collected before the process is killed. */
function flagsOf({ memoryBytes }: ProcessNeeds, heapLimitMib: number): readonly string[] {
  const byLimit = Math.max(8, Math.floor((memoryBytes * processHeapFraction) / 2 ** 20));
  const mebibytes = heapLimitMib > 0 || memoryBytes === 0 ? heapLimitMib : byLimit;
  const heap = mebibytes > 0 ? [`--max-old-space-size=${mebibytes}`] : [];
  return ["--disable-warning=ExperimentalWarning", ...heap];
}

function present(environment: NodeJS.ProcessEnv): { [name: string]: string } {
  const all = Object.entries(environment).filter(([, value]) => value !== undefined);
  return Object.fromEntries(all) as { [name: string]: string };
}
