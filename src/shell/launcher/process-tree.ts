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
  /** Kills all of it. What was just being born may survive: look again. */
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
  const kill = async (): Promise<void> => {
    if (!groups.killAtOnce()) killEach(await members());
  };
  return { members, kill };
}

/** By looking: what clears its environment and leaves its session and parents is not found. */
export function scannedTree(scanner: TreeScanner, mark: TreeMark): ProcessTree {
  const members = (): Promise<readonly ProcessIdentity[]> => scanner.membersOf(mark);
  return { members, kill: async () => killEach(await members()) };
}

function killEach(members: readonly ProcessIdentity[]): void {
  for (const member of members) signalProcess(member, "SIGKILL");
}
