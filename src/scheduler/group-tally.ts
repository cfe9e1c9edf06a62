/**
 * How many workers of each group could take a member of a gang: now, and if they were empty. Kept
 * worker by worker, so that a gang that waits costs its groups and not its workers.
 *
 * @module
 */

/** What is known of a group. */
export interface GroupCount {
  /** Workers that could take a member if they were empty. */
  readonly able: ReadonlySet<number>;
  /** How many of them could take one now. */
  readonly free: number;
}

interface Count extends GroupCount {
  readonly able: Set<number>;
  free: number;
}

/** A worker as a gang sees it. */
export interface GroupMember {
  /** Undefined or empty: it has no group. */
  readonly group: string | undefined;
  /** One member fits now; only if one could. */
  readonly fits: boolean;
  readonly couldFit: boolean;
}

const nobody: GroupMember = { group: undefined, fits: false, couldFit: false };

export class GroupTally {
  /** Position in the change log up to which it is right. */
  seen = -1;
  /** Reservation → how it stood to the queue when its workers were last looked at for that. */
  readonly stances = new Map<number, number>();
  readonly #members: (GroupMember | undefined)[] = [];
  readonly #groups = new Map<string, Count>();

  /** By the name of the group; those without any able worker are left out. */
  get groups(): ReadonlyMap<string, GroupCount> {
    return this.#groups;
  }

  clear(): void {
    this.#members.length = 0;
    this.#groups.clear();
  }

  set(worker: number, member: GroupMember): void {
    const before = this.#members[worker] ?? nobody;
    this.#members[worker] = member;
    this.#count(worker, before, -1);
    this.#count(worker, member, 1);
  }

  #count(worker: number, { group, fits, couldFit }: GroupMember, sign: 1 | -1): void {
    if (group === undefined || group === "" || !couldFit) return;
    let count = this.#groups.get(group);
    if (count === undefined) {
      count = { able: new Set(), free: 0 };
      this.#groups.set(group, count);
    }
    if (fits) count.free += sign;
    if (sign > 0) count.able.add(worker);
    else count.able.delete(worker);
    if (count.able.size === 0) this.#groups.delete(group);
  }
}
