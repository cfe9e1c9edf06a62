/**
 * Which attempts on one host would have to end so that a request fits there, at the least harm.
 *
 * An *eviction* is the smallest thing that can end: a single attempt, or a gang with all its
 * members wherever they run. A set is found by levels of harm: first without gangs in the lowest
 * band, then with gangs, then the next band. On a level everything is taken, and what is not needed
 * is given back, the least useful first: so a set is found on the first level on which there is
 * one, and nothing in it is needless. It is not always the smallest set, which would cost
 * exponential time; without gangs it is, if one victim is enough or only one dimension is short.
 *
 * It only computes. Who may be evicted at all, and how often, is decided by who fills the lists.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { victimExchangesMax } from "./limits.ts";

/** An attempt that may be evicted: it has its grant, is not stopping, and has evictions left. */
export interface Victim {
  /** A number from 0 up that names the attempt. */
  readonly id: number;
  /** The band it was assigned in: fixed while it runs. */
  readonly band: number;
  /** What its grant is worth, see `resourceValue`. */
  readonly value: number;
  /** Larger for what started later, which loses less. */
  readonly startedOrder: number;
  /** What its end gives back, by dimension. */
  readonly amounts: Float64Array;
  /** Its gang, from 0 up, which is evicted whole; -1 for none. */
  readonly unit: number;
  /** How often its task was evicted before. */
  readonly evictions: number;
}

/** A worker on which the request may run: its attributes and its capacity allow it. */
export interface PreemptionHost {
  readonly worker: number;
  /** By dimension. A negative amount is a debt, which evictions pay first. */
  readonly free: Float64Array;
  readonly victims: readonly Victim[];
  /**
   * Whether the request would also get what amounts do not show, such as whole devices, after the
   * end of these victims of this host. More victims must never make it false. Absent: it would.
   */
  readonly admits?: (victims: readonly number[]) => boolean;
}

/** What room is wanted for. */
export interface Preemptor {
  readonly amounts: Float64Array;
  /** The dimensions in which `amounts` asks for something. */
  readonly used: readonly number[];
  readonly band: number;
  /** All members of a gang, over all hosts. */
  readonly unitVictims: (unit: number) => readonly Victim[];
}

/** What evictions cost, most important first. Smaller is better, but for `band`. */
export interface Harm {
  /** The best band that loses something; `noHarm.band` if none does. */
  readonly band: number;
  /** 1 if a gang ends, else 0. */
  readonly gangs: number;
  readonly victims: number;
  readonly value: number;
}

export const noHarm: Harm = { band: Number.MAX_SAFE_INTEGER, gangs: 0, victims: 0, value: 0 };

/** Below zero if `a` is less harm. */
export function compareHarm(a: Harm, b: Harm): number {
  return b.band - a.band || a.gangs - b.gangs || a.victims - b.victims || a.value - b.value;
}

/** One victim, or a gang with all its members. */
export interface Eviction {
  /** The victim's id, or `-1 - unit` of a gang: the same on every host. */
  readonly key: number;
  /** The gang, or -1. */
  readonly unit: number;
  readonly members: readonly Victim[];
  /** Those on this host. */
  readonly local: readonly Victim[];
  /** What its end frees on this host, by position in the preemptor's `used`. */
  readonly frees: readonly number[];
  /** The best band of its members. */
  readonly band: number;
  readonly value: number;
}

export interface VictimSet {
  readonly evictions: readonly Eviction[];
  readonly harm: Harm;
}

/** What evictions cost together; each is counted once. */
export function harmOf(evictions: readonly Eviction[]): Harm {
  let { band, gangs, victims, value } = noHarm;
  for (const eviction of evictions) {
    band = Math.min(band, eviction.band);
    if (eviction.unit >= 0) gangs = 1;
    victims += eviction.members.length;
    value += eviction.value;
  }
  return { band, gangs, victims, value };
}

/** Everything on the host that is of a strictly lower band than the preemptor, gangs as a whole. */
export function evictionsOn(host: PreemptionHost, preemptor: Preemptor): readonly Eviction[] {
  const units = new Map<number, Victim[]>();
  const evictions: Eviction[] = [];
  for (const victim of host.victims) {
    if (victim.unit < 0) evictions.push(evictionOf([victim], [victim], preemptor.used));
    else if (units.get(victim.unit)?.push(victim) === undefined) units.set(victim.unit, [victim]);
  }
  for (const [unit, local] of units) {
    const members = preemptor.unitVictims(unit);
    assert(members.length >= local.length, "a gang has at least the members that one host has");
    evictions.push(evictionOf(members, local, preemptor.used));
  }
  return evictions.filter(({ band }) => band > preemptor.band);
}

function evictionOf(
  members: readonly Victim[],
  local: readonly Victim[],
  used: readonly number[],
): Eviction {
  const unit = local[0].unit;
  return {
    key: unit < 0 ? local[0].id : -1 - unit,
    unit,
    members,
    local,
    frees: used.map((index) => local.reduce((sum, one) => sum + (one.amounts[index] ?? 0), 0)),
    band: members.reduce((best, one) => Math.min(best, one.band), noHarm.band),
    value: members.reduce((sum, one) => sum + one.value, 0),
  };
}

/** What a request still misses on a host, while evictions are tried and taken back. */
export class HostTally {
  readonly #host: PreemptionHost;
  /** By position in `used`; zero or less is enough. */
  readonly #missing: number[];
  readonly #evicted = new Set<Eviction>();

  constructor(host: PreemptionHost, { amounts, used }: Preemptor) {
    this.#host = host;
    this.#missing = used.map((index) => amounts[index] - (host.free[index] ?? 0));
  }

  get suffices(): boolean {
    if (this.#missing.some((amount) => amount > 0)) return false;
    if (this.#host.admits === undefined) return true;
    return this.#host.admits([...this.#evicted].flatMap(({ local }) => idsOf(local)));
  }

  evict(eviction: Eviction): void {
    this.#evicted.add(eviction);
    for (const [position, amount] of eviction.frees.entries()) this.#missing[position] -= amount;
  }

  keep(eviction: Eviction): void {
    this.#evicted.delete(eviction);
    for (const [position, amount] of eviction.frees.entries()) this.#missing[position] += amount;
  }

  /** How much of what is missing an eviction covers, for each victim that it costs. */
  useOf(eviction: Eviction): number {
    let covered = 0;
    for (const [position, missing] of this.#missing.entries()) {
      if (missing > 0) covered += Math.min(eviction.frees[position], missing) / missing;
    }
    return covered / eviction.members.length;
  }
}

export function idsOf(victims: readonly Victim[]): readonly number[] {
  return victims.map(({ id }) => id);
}

/**
 * The least harmful set of evictions after which the preemptor fits the host; null if there is
 * none, or if it must be more harm than `limit`. The set is empty where the preemptor fits already.
 *
 * @param gone Gangs that are evicted anyway: what they free here costs nothing.
 */
export function cheapestSet(
  host: PreemptionHost,
  preemptor: Preemptor,
  { gone, limit }: { readonly gone: ReadonlySet<number>; readonly limit: Harm | null },
): VictimSet | null {
  const tally = new HostTally(host, preemptor);
  const evictions = evictionsOn(host, preemptor);
  for (const eviction of evictions) if (gone.has(eviction.unit)) tally.evict(eviction);
  if (tally.suffices) return { evictions: [], harm: noHarm };
  const open = byUse(
    tally,
    evictions.filter(({ unit }) => !gone.has(unit)),
  );
  for (const level of levelsOf(open)) {
    if (limit !== null && compareHarm(level, limit) > 0) return null;
    const allowed = open.filter(
      ({ band, unit }) => band >= level.band && (unit < 0 || level.gangs > 0),
    );
    const chosen = chooseAmong(tally, allowed);
    if (chosen !== null) return { evictions: chosen, harm: harmOf(chosen) };
  }
  return null;
}

/** The levels on which a set may be found, least first; each is the least harm of its level. */
function levelsOf(evictions: readonly Eviction[]): readonly Harm[] {
  const bands = [...new Set(evictions.map(({ band }) => band))].sort((a, b) => b - a);
  const gangs = evictions.some(({ unit }) => unit >= 0) ? [0, 1] : [0];
  return bands.flatMap((band) => gangs.map((gang) => ({ ...noHarm, band, gangs: gang })));
}

/** The least useful first; of equal use, what it would be the greatest pity to lose. */
function byUse(tally: HostTally, evictions: readonly Eviction[]): readonly Eviction[] {
  return evictions
    .map((eviction) => ({ eviction, use: tally.useOf(eviction), past: pastOf(eviction) }))
    .sort(
      (a, b) =>
        a.use - b.use ||
        b.eviction.value - a.eviction.value ||
        a.eviction.band - b.eviction.band ||
        b.past.evictions - a.past.evictions ||
        a.past.startedOrder - b.past.startedOrder ||
        b.eviction.key - a.eviction.key,
    )
    .map(({ eviction }) => eviction);
}

/** How often the most evicted member was evicted, and when the last one started. */
function pastOf({ members }: Eviction): { evictions: number; startedOrder: number } {
  return members.reduce(
    (past, one) => ({
      evictions: Math.max(past.evictions, one.evictions),
      startedOrder: Math.max(past.startedOrder, one.startedOrder),
    }),
    { evictions: 0, startedOrder: Number.MIN_SAFE_INTEGER },
  );
}

/** A set of `allowed`, the least useful first, that suffices and needs each; or null. */
function chooseAmong(tally: HostTally, allowed: readonly Eviction[]): readonly Eviction[] | null {
  for (const eviction of allowed) tally.evict(eviction);
  if (tally.suffices) {
    const needed = keepNeedless(tally, allowed);
    return keepNeedless(tally, exchange(tally, needed, allowed));
  }
  for (const eviction of allowed) tally.keep(eviction);
  return null;
}

/** Takes back, in their order, the evictions without which the rest still suffices. */
function keepNeedless(tally: HostTally, evictions: readonly Eviction[]): readonly Eviction[] {
  const needed: Eviction[] = [];
  for (const eviction of evictions) {
    tally.keep(eviction);
    if (tally.suffices) continue;
    tally.evict(eviction);
    needed.push(eviction);
  }
  return needed;
}

/** Replaces evictions, the costliest first, by ones of less value that do as well. */
function exchange(
  tally: HostTally,
  chosen: readonly Eviction[],
  allowed: readonly Eviction[],
): readonly Eviction[] {
  const before = new Set(chosen);
  const spared = allowed.filter((eviction) => !before.has(eviction)).sort(compareCost);
  const after: Eviction[] = [];
  const trials = { left: victimExchangesMax };
  for (const costly of [...chosen].sort((a, b) => compareCost(b, a))) {
    tally.keep(costly);
    const found = findCheaper(tally, spared, costly, trials);
    const taken = found < 0 ? costly : spared.splice(found, 1)[0];
    tally.evict(taken);
    after.push(taken);
  }
  return after;
}

/** The position in `spared`, the cheapest first, of what can stand in for `costly`; -1 for none. */
function findCheaper(
  tally: HostTally,
  spared: readonly Eviction[],
  costly: Eviction,
  trials: { left: number },
): number {
  for (const [position, cheaper] of spared.entries()) {
    if (cheaper.value >= costly.value || trials.left === 0) return -1;
    trials.left--;
    if (doesAsWell(tally, cheaper, costly)) return position;
  }
  return -1;
}

function doesAsWell(tally: HostTally, cheaper: Eviction, costly: Eviction): boolean {
  if (cheaper.members.length > costly.members.length) return false;
  tally.evict(cheaper);
  const suffices = tally.suffices;
  tally.keep(cheaper);
  return suffices;
}

function compareCost(a: Eviction, b: Eviction): number {
  return a.value - b.value || a.key - b.key;
}
