/**
 * Where a gang goes: all members at once, each on a worker of its own, all workers with the same
 * value of one attribute.
 *
 * The choice, its explanation and the group to wait for count the same members in the same way. It
 * reserves nothing and evicts nothing: that is for `backfill.ts` and `preemption.ts` to advise and
 * for the controller to do.
 *
 * @module
 */

import { assert } from "../base/assert.ts";

/** A worker that satisfies what the gang requires of attributes, as the gang sees it. */
export interface GangCandidate {
  readonly worker: number;
  /** The worker's value of the attribute `groupBy`. Undefined or empty: it has no group. */
  readonly group: string | undefined;
  /** Its place within the group: the attribute `tpu-worker-id`, or 0. */
  readonly hostIndex: number;
  readonly workerId: string;
  /** One member fits now. */
  readonly fits: boolean;
  /** One member would fit if the worker were empty. */
  readonly couldFit: boolean;
  /** How many of the preferred constraints it satisfies. */
  readonly preference: number;
}

/** A group and the workers of it that were chosen. */
export interface GangChoice {
  readonly group: string;
  readonly workers: readonly number[];
}

/** A group as people see it. */
export interface GangGroup {
  readonly group: string;
  /** Workers with this value of the attribute. */
  readonly members: number;
  /** How many of them could take a member if they were empty. */
  readonly able: number;
  /** How many of them could take one now. */
  readonly free: number;
}

export interface GangExplanation {
  /** Workers that have the attribute, of `total`. */
  readonly withAttribute: number;
  readonly total: number;
  /** By name. */
  readonly groups: readonly GangGroup[];
  /**
   * `NO_ATTRIBUTE`: no worker has it. `TOO_SMALL`: no group could ever take all members. `BUSY`:
   * one could, but not now. `FITS`: one can now.
   */
  readonly verdict: "NO_ATTRIBUTE" | "TOO_SMALL" | "BUSY" | "FITS";
}

/**
 * The group whose `size` best workers can all take a member now, or null.
 *
 * Among the groups with enough of them it is the one with the highest sum of preferences of the
 * workers chosen, then the one with the fewest to spare, then the first by name. `workers[i]` is
 * the host of the gang's task i: by host index, then by worker id.
 */
export function chooseGang(candidates: readonly GangCandidate[], size: number): GangChoice | null {
  assert(size >= 1, "a gang has a member");
  const ranked = groupsOf(candidates)
    .filter(({ free }) => free >= size)
    .map((group) => rankGroup(group, size))
    .sort(compareRanked);
  if (ranked.length === 0) return null;
  const [{ group, chosen }] = ranked;
  return { group, workers: rankMembers(chosen) };
}

/** Why a gang of `size` does not run now, or that it could: counts for people. */
export function explainGang(candidates: readonly GangCandidate[], size: number): GangExplanation {
  const groups = groupsOf(candidates);
  const withAttribute = groups.reduce((sum, { members }) => sum + members.length, 0);
  return {
    withAttribute,
    total: candidates.length,
    groups: groups.map(({ group, members, able, free }) => ({
      group,
      members: members.length,
      able,
      free,
    })),
    verdict: verdictOf(groups, size),
  };
}

/**
 * The group that could take the gang soonest, and the workers of it to keep for the gang: one with
 * enough workers that could take a member if empty; of these the one with the most that could now,
 * then the first by name. Null if there is none.
 *
 * The workers are those that fit first, then by host index, then by worker id: not yet ranked.
 *
 * @param taken Groups that another gang waits for: not to be chosen.
 */
export function chooseGangToWaitFor(
  candidates: readonly GangCandidate[],
  size: number,
  taken: ReadonlySet<string>,
): GangChoice | null {
  assert(size >= 1, "a gang has a member");
  let best: Group | null = null;
  for (const group of groupsOf(candidates)) {
    if (group.able < size || taken.has(group.group)) continue;
    if (best === null || group.free > best.free) best = group; // Groups come by name.
  }
  if (best === null) return null;
  const chosen = best.members
    .filter(({ couldFit }) => couldFit)
    .sort((a, b) => Number(b.fits) - Number(a.fits) || compareHosts(a, b))
    .slice(0, size);
  return { group: best.group, workers: chosen.map(({ worker }) => worker) };
}

/** The workers of a gang in the order of its task indices: by host index, then by worker id. */
export function rankMembers(
  members: readonly Pick<GangCandidate, "worker" | "hostIndex" | "workerId">[],
): readonly number[] {
  return [...members].sort(compareHosts).map(({ worker }) => worker);
}

interface Group {
  readonly group: string;
  readonly members: GangCandidate[];
  able: number;
  free: number;
}

/** The groups by name. Workers without the attribute are in none. */
function groupsOf(candidates: readonly GangCandidate[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const candidate of candidates) {
    const name = candidate.group;
    if (name === undefined || name === "") continue; // An empty value is no place to share.
    const group = groups.get(name) ?? { group: name, members: [], able: 0, free: 0 };
    groups.set(name, group);
    group.members.push(candidate);
    if (candidate.couldFit) group.able++;
    if (candidate.fits) group.free++;
  }
  return [...groups.values()].sort((a, b) => compareTexts(a.group, b.group));
}

function verdictOf(groups: readonly Group[], size: number): GangExplanation["verdict"] {
  if (groups.length === 0) return "NO_ATTRIBUTE";
  if (groups.some(({ free }) => free >= size)) return "FITS";
  return groups.some(({ able }) => able >= size) ? "BUSY" : "TOO_SMALL";
}

interface RankedGroup {
  readonly group: string;
  readonly chosen: readonly GangCandidate[];
  readonly preference: number;
  /** Workers that would fit, chosen or not. */
  readonly free: number;
}

function rankGroup({ group, members, free }: Group, size: number): RankedGroup {
  const chosen = members
    .filter(({ fits }) => fits)
    .sort((a, b) => b.preference - a.preference || compareHosts(a, b))
    .slice(0, size);
  const preference = chosen.reduce((sum, one) => sum + one.preference, 0);
  return { group, chosen, preference, free };
}

function compareRanked(a: RankedGroup, b: RankedGroup): number {
  return b.preference - a.preference || a.free - b.free || compareTexts(a.group, b.group);
}

function compareHosts(
  a: Pick<GangCandidate, "hostIndex" | "workerId">,
  b: Pick<GangCandidate, "hostIndex" | "workerId">,
): number {
  return a.hostIndex - b.hostIndex || compareTexts(a.workerId, b.workerId);
}

/** Of two names, which are never the same. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : 1;
}
