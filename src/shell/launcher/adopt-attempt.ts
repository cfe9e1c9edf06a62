/**
 * Takes over an attempt from a launcher that was killed. Its processes may still run; their pipes
 * ended with that launcher, and nobody will be told their exit status.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { AttemptParts } from "./attempt.ts";
import type { AttemptFile } from "./attempt-files.ts";
import { adoptedPollMs } from "./limits.ts";
import { isAlive, type ProcessIdentity } from "./process-table.ts";
import type { ProcessTree } from "./process-tree.ts";

const survived =
  "the launcher was killed and another one took over while it ran: its exit status is not known, " +
  "and what it wrote to stdout and stderr after that is lost (EPIPE or SIGPIPE)";
const gone =
  "the launcher was killed while it ran, and it was gone when the next one looked: " +
  "its exit status and its last output are not known";
const rebooted = "the machine was restarted while it ran";
const notSeen =
  "the launcher was killed while it started this, and nothing of it was found: " +
  "whether it ran is not known";

/** What an attempt that goes on needs beyond its tree. */
export interface Adopted extends Pick<AttemptParts, "file" | "exit" | "message"> {
  /** Nothing of it lives any more. */
  readonly isOver: boolean;
}

/** Its end comes when its last process is gone: at once, if there is none. */
export async function adoptAttempt(
  file: AttemptFile,
  tree: ProcessTree,
  bootId: string,
): Promise<Adopted> {
  if (file.bootId !== bootId) return over({ ...file, pid: 0, groups: [] }, rebooted);
  const members = await tree.members();
  if (file.pid === 0) {
    // It was killed before its pid was noted. The oldest one is the main process.
    const oldest = oldestOf(members.filter(({ pid }) => pid !== file.leaderPid));
    if (oldest === undefined) return over(file, notSeen);
    const { pid, startTicks } = oldest;
    const leader = file.leaderPid > 0 ? {} : { leaderPid: pid, leaderStartTicks: startTicks };
    return adopt({ ...file, pid, startTicks, ...leader });
  }
  return isAlive(file) || members.length > 0 ? adopt(file) : over(file, gone);
}

function oldestOf(members: readonly ProcessIdentity[]): ProcessIdentity | undefined {
  return members.toSorted((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)[0];
}

function adopt(file: AttemptFile): Adopted {
  return { file, exit: waitUntilGone(file), message: survived, isOver: false };
}

function over(file: AttemptFile, message: string): Adopted {
  return { file, exit: Promise.resolve(null), message, isOver: true };
}

/** Nobody is told when a process ends that is not one's own child. */
async function waitUntilGone(main: ProcessIdentity): Promise<null> {
  while (isAlive(main)) await delay(adoptedPollMs);
  return null;
}
