/**
 * Whom a request may push aside: plans that name both the victims and the place they free, so that
 * who asked for it is the one who gets it.
 *
 * Victims are of a strictly lower band, gangs end whole, and a plan is made only if the request
 * fits after it. The least harm wins: the best band that loses something is as low as possible,
 * then no gang is broken, then the fewest victims, then the smallest value, then the first host.
 *
 * It orders no stop. A plan is about the moment in which it was made; capacity is free only when
 * the victims have ended.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type {
  Eviction,
  Harm,
  PreemptionHost,
  Preemptor,
  Victim,
  VictimSet,
} from "./victim-sets.ts";
import {
  cheapestSet,
  compareHarm,
  evictionsOn,
  HostTally,
  harmOf,
  idsOf,
  noHarm,
} from "./victim-sets.ts";

export type { Harm, PreemptionHost, Preemptor, Victim } from "./victim-sets.ts";
export { noHarm } from "./victim-sets.ts";

/** Where a request goes after the end of these victims, by id. */
export interface PreemptionPlan {
  readonly worker: number;
  /** Rising. Empty if the request fits without. Gangs with all members, on whatever host. */
  readonly victims: readonly number[];
}

/** The same for a gang: one worker for each member, rising and not yet ranked. */
export interface GangPreemptionPlan {
  readonly group: string;
  readonly workers: readonly number[];
  readonly victims: readonly number[];
}

/**
 * The least harmful victims on one host after whose end `amounts` fit there; null if no victims
 * suffice on any host. The order of hosts and victims does not matter.
 *
 * @param used The dimensions in which `amounts` asks for something.
 * @param band Of the request. Victims are of larger bands only.
 * @param unitVictims All members of a gang, over all hosts. If one of them is of the request's band
 *   or a better one, the gang stays.
 */
export function planPreemption(
  hosts: readonly PreemptionHost[],
  amounts: Float64Array,
  used: readonly number[],
  band: number,
  unitVictims: (unit: number) => readonly Victim[],
): PreemptionPlan | null {
  const byWorker = new Map(hosts.map((host) => [host.worker, host]));
  const offers = hosts.map(({ worker }) => ({ worker, atLeast: noHarm }));
  const look = (worker: number) => byWorker.get(worker) ?? null;
  return planAmong(offers, look, { amounts, used, band, unitVictims });
}

/** A host that is looked at only if it may be better than the best so far. */
export interface HostOffer {
  readonly worker: number;
  /** No set of victims there is less harm than this. */
  readonly atLeast: Harm;
}

/**
 * The same as {@link planPreemption}, without a look at most hosts where one victim is enough.
 *
 * @param look The host of an offer; null: the request may not run there after all.
 */
export function planAmong(
  offers: Iterable<HostOffer>,
  look: (worker: number) => PreemptionHost | null,
  preemptor: Preemptor,
): PreemptionPlan | null {
  let best: HostPlan | null = null;
  for (const offer of offers) {
    if (best !== null && !mayBeBetter(offer, best)) continue;
    const host = look(offer.worker);
    if (host === null) continue;
    const set = cheapestSet(host, preemptor, { gone: noUnits, limit: best?.set.harm ?? null });
    if (set === null) continue;
    const plan = { host, set };
    if (best === null || comparePlans(plan, best) < 0) best = plan;
  }
  if (best === null) return null;
  return { worker: best.host.worker, victims: victimsOf(best.set.evictions) };
}

function mayBeBetter({ atLeast, worker }: HostOffer, best: HostPlan): boolean {
  const gap = compareHarm(atLeast, best.set.harm);
  return gap < 0 || (gap === 0 && worker < best.host.worker);
}

/**
 * The least harmful victims in one group after whose end a member of `amounts` fits on each of
 * `size` of its hosts; null if no group can have that. Of equal harm, the first group by name.
 *
 * Hosts are taken one by one, the least harm first. A gang that ends for one host is free for all
 * others; what it makes needless is spared again.
 *
 * @param groups Their hosts are distinct.
 */
export function planGangPreemption(
  groups: readonly { readonly group: string; readonly hosts: readonly PreemptionHost[] }[],
  size: number,
  amounts: Float64Array,
  used: readonly number[],
  band: number,
  unitVictims: (unit: number) => readonly Victim[],
): GangPreemptionPlan | null {
  assert(size >= 1, "a gang has a member");
  const preemptor = { amounts, used, band, unitVictims };
  let best: GroupPlan | null = null;
  for (const { group, hosts } of groups) {
    const chosen = chooseHosts(hosts, size, preemptor);
    if (chosen === null) continue;
    const evictions = spareNeedless(chosen, preemptor);
    const plan = { group, chosen, evictions, harm: harmOf(evictions) };
    if (best === null || compareGroups(plan, best) < 0) best = plan;
  }
  if (best === null) return null;
  const workers = best.chosen.map(({ host }) => host.worker).sort((a, b) => a - b);
  return { group: best.group, workers, victims: victimsOf(best.evictions) };
}

const noUnits: ReadonlySet<number> = new Set();

interface HostPlan {
  readonly host: PreemptionHost;
  readonly set: VictimSet;
}

interface GroupPlan {
  readonly group: string;
  readonly chosen: readonly HostPlan[];
  readonly evictions: readonly Eviction[];
  readonly harm: Harm;
}

function comparePlans(a: HostPlan, b: HostPlan): number {
  return compareHarm(a.set.harm, b.set.harm) || a.host.worker - b.host.worker;
}

function compareGroups(a: GroupPlan, b: GroupPlan): number {
  return compareHarm(a.harm, b.harm) || (a.group < b.group ? -1 : 1);
}

function victimsOf(evictions: readonly Eviction[]): readonly number[] {
  return evictions.flatMap(({ members }) => idsOf(members)).sort((a, b) => a - b);
}

/** The `size` hosts that cost least, one after the other; null if there are not so many. */
function chooseHosts(
  hosts: readonly PreemptionHost[],
  size: number,
  preemptor: Preemptor,
): readonly HostPlan[] | null {
  const gone = new Set<number>();
  // The cheapest is last, so that taking it costs nothing.
  let open = planEach(hosts, gone, preemptor);
  const chosen: HostPlan[] = [];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    chosen.push(next);
    if (chosen.length === size) return chosen;
    const broken = next.set.evictions.filter(({ unit }) => unit >= 0).map(({ unit }) => unit);
    if (broken.length === 0) continue;
    for (const unit of broken) gone.add(unit);
    open = replan(open, gone, preemptor);
  }
  return null;
}

function planEach(
  hosts: readonly PreemptionHost[],
  gone: ReadonlySet<number>,
  preemptor: Preemptor,
): HostPlan[] {
  return hosts
    .flatMap((host) => {
      const set = cheapestSet(host, preemptor, { gone, limit: null });
      return set === null ? [] : [{ host, set }];
    })
    .sort((a, b) => comparePlans(b, a));
}

/** Plans anew where a gang had members that are gone now. */
function replan(
  open: readonly HostPlan[],
  gone: ReadonlySet<number>,
  preemptor: Preemptor,
): HostPlan[] {
  const touched = ({ host }: HostPlan) => host.victims.some(({ unit }) => gone.has(unit));
  const fresh = planEach(
    open.filter(touched).map(({ host }) => host),
    gone,
    preemptor,
  );
  const same = open.filter((plan) => !touched(plan));
  return [...same, ...fresh].sort((a, b) => comparePlans(b, a));
}

/** An eviction, and each chosen host on which it frees something. */
interface Placed {
  readonly eviction: Eviction;
  readonly places: { readonly tally: HostTally; readonly local: Eviction }[];
}

/** All evictions of the chosen hosts, each once, without those that the others make needless. */
function spareNeedless(chosen: readonly HostPlan[], preemptor: Preemptor): readonly Eviction[] {
  const needed: Eviction[] = [];
  for (const { eviction, places } of placesOf(chosen, preemptor)) {
    for (const { tally, local } of places) tally.keep(local);
    if (places.every(({ tally }) => tally.suffices)) continue;
    for (const { tally, local } of places) tally.evict(local);
    needed.push(eviction);
  }
  return needed;
}

/** The costliest first. */
function placesOf(chosen: readonly HostPlan[], preemptor: Preemptor): readonly Placed[] {
  const wanted = new Set(chosen.flatMap(({ set }) => set.evictions.map(({ key }) => key)));
  const placed = new Map<number, Placed>();
  for (const { host } of chosen) {
    const tally = new HostTally(host, preemptor);
    for (const local of evictionsOn(host, preemptor)) {
      if (!wanted.has(local.key)) continue;
      tally.evict(local);
      const known = placed.get(local.key) ?? { eviction: local, places: [] };
      known.places.push({ tally, local });
      placed.set(local.key, known);
    }
  }
  return [...placed.values()].sort((a, b) => compareCosts(b.eviction, a.eviction));
}

function compareCosts(a: Eviction, b: Eviction): number {
  return compareHarm(harmOf([a]), harmOf([b])) || a.key - b.key;
}
