/**
 * All processes of one attempt, found by its control group or by looking at every process of the
 * machine. An attempt has ended when its tree is empty, not when its main process ends.
 *
 * @module
 */

import type { AttemptGroups } from "./attempt-groups.ts";
import { type ProcessIdentity, sightProcess, signalProcess } from "./process-table.ts";
import type { TreeMark, TreeScanner } from "./tree-scanner.ts";

export interface ProcessTree {
  /** Those that live; the dead that nobody has buried yet are not among them. */
  members(): Promise<readonly ProcessIdentity[]>;
  /** Kills all of it. What was just being born may survive: look again, and kill again. */
  kill(): Promise<void>;
}

/** By control group: exact, and an empty group costs one read. */
export function groupedTree(groups: AttemptGroups): ProcessTree {
  const members = async (): Promise<readonly ProcessIdentity[]> => {
    return groups
      .pids()
      .map(sightProcess)
      .filter((sight) => sight !== null)
      .filter(({ isAlive }) => isAlive);
  };
  let isRepeated = false;
  const kill = async (): Promise<void> => {
    // A starter is spared, because it can say how its program ended, unless that does not help.
    const isSparing = groups.starterPid !== 0 && !isRepeated;
    isRepeated = true;
    if (isSparing || !groups.killAtOnce()) killEach(await members());
  };
  return { members, kill };
}

/** By looking: what clears its environment and leaves its session and parents is not found. */
export function scannedTree(scanner: TreeScanner, mark: TreeMark, starterPid: number): ProcessTree {
  const members = async (): Promise<readonly ProcessIdentity[]> => {
    const found = await scanner.membersOf(mark);
    return found.filter(({ pid }) => pid !== starterPid);
  };
  return { members, kill: async () => killEach(await members()) };
}

function killEach(members: readonly ProcessIdentity[]): void {
  for (const member of members) signalProcess(member, "SIGKILL");
}
