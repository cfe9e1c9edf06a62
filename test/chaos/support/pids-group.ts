/**
 * A control group that bounds how many processes and threads there may be in it.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { firstObstacle, needRoot } from "./machine.ts";

const versionOne = "/sys/fs/cgroup/pids";
const versionTwo = "/sys/fs/cgroup";

/** "" if such a group can be made, else why not. */
export function pidsGroupObstacle(): string {
  return firstObstacle(needRoot(), parentOf() === null ? "needs a control group for pids" : "");
}

function parentOf(): string | null {
  if (existsSync(join(versionOne, "cgroup.procs"))) return versionOne;
  const enabled = join(versionTwo, "cgroup.subtree_control");
  return existsSync(enabled) && /\bpids\b/.test(readFileSync(enabled, "utf8")) ? versionTwo : null;
}

export class PidsGroup implements AsyncDisposable {
  readonly #directory: string;

  /** Holds no process yet, and bounds nothing before `limit`. */
  constructor(name: string) {
    this.#directory = join(parentOf() ?? versionOne, `capstan-chaos-${process.pid}-${name}`);
    mkdirSync(this.#directory);
  }

  /** Put before a program, it runs in the group. */
  get prefix(): readonly string[] {
    const file = join(this.#directory, "cgroup.procs");
    return ["sh", "-c", `echo $$ > ${file} && exec "$0" "$@"`];
  }

  get count(): number {
    return Number(readFileSync(join(this.#directory, "pids.current"), "utf8"));
  }

  /** No more than so many threads from now on; those that are there stay. */
  limit(threads: number | "max"): void {
    writeFileSync(join(this.#directory, "pids.max"), String(threads));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      try {
        rmdirSync(this.#directory);
        return;
      } catch {
        await pause(50); // What was killed in it is not buried yet.
      }
    }
  }
}
