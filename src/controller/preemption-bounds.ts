/**
 * How little harm an eviction on a worker could do at best, from a look at the attempts there and
 * at nothing else: so that most workers need not be planned for.
 *
 * @module
 */

import { freeAmount } from "../scheduler/fit.ts";
import type { EvictionOffers } from "../scheduler/fleet-index.ts";
import { type Harm, type HostOffer, noHarm } from "../scheduler/preemption.ts";
import { grantedRows } from "./granted-rows.ts";
import type { ControllerState, Shape, Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { effectiveBand } from "./users.ts";

/** Rows of the attempts on a worker that may be evicted for a band. */
export function victimRows(state: ControllerState, worker: number, band: number): number[] {
  const { starts, rows } = grantedRows(state);
  const found: number[] = [];
  for (let i = starts[worker]; i < starts[worker + 1]; i++) {
    if (isVictim(state, rows[i], band)) found.push(rows[i]);
  }
  return found;
}

function isVictim({ attempts }: ControllerState, row: number, band: number): boolean {
  return attempts.band[row] > band && !attempts.hasFlag(row, attemptFlag.stopping);
}

/** Of these workers those on which an eviction may make room for the shape. */
export function offersFor(
  state: ControllerState,
  shape: Shape,
  candidates: readonly Worker[],
): HostOffer[] {
  const known = offersOf(state, shape);
  const shortage = new Shortage(shape);
  const offers: HostOffer[] = [];
  for (const worker of candidates) {
    const offer = offerOn(state, known, worker, { shape, band: known.band, shortage });
    if (offer !== null) offers.push(offer);
  }
  return offers;
}

/** Whether an eviction on the worker may make room for the shape. */
export function hasOffer(state: ControllerState, worker: Worker, shape: Shape): boolean {
  const known = offersOf(state, shape);
  return offerOn(state, known, worker, { shape, band: known.band }) !== null;
}

function offerOn(
  state: ControllerState,
  { byWorker }: EvictionOffers,
  worker: Worker,
  wanted: Wanted,
): HostOffer | null {
  const known = byWorker[worker.index];
  if (known !== undefined) return known;
  const atLeast = leastHarm(state, worker, wanted);
  const offer = atLeast === null ? null : { worker: worker.index, atLeast };
  byWorker[worker.index] = offer;
  return offer;
}

/** What is known of the workers that have not changed. */
function offersOf(state: ControllerState, shape: Shape): EvictionOffers {
  const { changes } = state.fleet;
  const offers = state.fleet.offers(shape.index, shape);
  const band = effectiveBand(state, shape);
  if (offers.band !== band || offers.seen < changes.start) {
    offers.band = band;
    offers.byWorker = new Array(state.workers.length);
  } else {
    changes.forEachSince(offers.seen, (worker) => {
      offers.byWorker[worker] = undefined;
    });
  }
  offers.seen = changes.read();
  return offers;
}

/**
 * The least that an eviction on this worker for the shape could cost, or null if all victims there
 * together would not make room. Where no single victim is enough there are two, or as many as the
 * largest of a dimension that is short.
 */
export function leastHarm(
  state: ControllerState,
  worker: Worker,
  { shape, band, shortage = new Shortage(shape) }: Wanted,
): Harm | null {
  const { starts, rows } = grantedRows(state);
  shortage.begin(worker);
  for (let i = starts[worker.index]; i < starts[worker.index + 1]; i++) {
    if (isVictim(state, rows[i], band)) shortage.add(state, rows[i]);
  }
  return shortage.leastHarm();
}

interface Wanted {
  readonly shape: Shape;
  readonly band: number;
  /** Of that shape; for whoever asks about many workers. */
  readonly shortage?: Shortage;
}

/** What a worker lacks for a shape, and what its victims would free of that. */
class Shortage {
  readonly #request: Shape["request"];
  /** Dimensions that are short, and how much of each; as many as `#count`. */
  readonly #dimensions: number[];
  readonly #missing: Float64Array;
  readonly #most: Float64Array;
  readonly #sums: Float64Array;
  #count = 0;
  #lowestBand = -1;
  #value = Number.POSITIVE_INFINITY;
  /** Of a victim that is enough by itself. */
  #singleValue = Number.POSITIVE_INFINITY;

  constructor({ request }: Shape) {
    const { length } = request.used;
    this.#request = request;
    this.#dimensions = request.used.slice();
    this.#missing = new Float64Array(length);
    this.#most = new Float64Array(length);
    this.#sums = new Float64Array(length);
  }

  /** It is about this worker from now on. */
  begin(worker: Worker): void {
    const { used, amounts } = this.#request;
    this.#count = 0;
    this.#lowestBand = -1;
    this.#value = Number.POSITIVE_INFINITY;
    this.#singleValue = Number.POSITIVE_INFINITY;
    for (let i = 0; i < used.length; i++) {
      const missing = amounts[used[i]] - freeAmount(worker, used[i]);
      if (missing <= 0) continue;
      this.#dimensions[this.#count] = used[i];
      this.#missing[this.#count] = missing;
      this.#most[this.#count] = 0;
      this.#sums[this.#count++] = 0;
    }
  }

  add({ attempts, shapes }: ControllerState, row: number): void {
    const { value } = shapes[attempts.shape[row]];
    const grant = attempts.grantOf(row);
    let isEnough = true;
    for (let i = 0; i < this.#count; i++) {
      const amount = grant[this.#dimensions[i]] ?? 0;
      if (amount < this.#missing[i]) isEnough = false;
      if (amount > this.#most[i]) this.#most[i] = amount;
      this.#sums[i] += amount;
    }
    this.#lowestBand = Math.max(this.#lowestBand, attempts.band[row]);
    this.#value = Math.min(this.#value, value);
    if (isEnough) this.#singleValue = Math.min(this.#singleValue, value);
  }

  leastHarm(): Harm | null {
    if (this.#lowestBand < 0) return null;
    if (this.#count === 0) return noHarm; // It is devices, or what is kept for others.
    const about = { band: this.#lowestBand, gangs: 0 };
    if (this.#singleValue < Number.POSITIVE_INFINITY) {
      return { ...about, victims: 1, value: this.#singleValue };
    }
    let victims = 2;
    for (let i = 0; i < this.#count; i++) {
      if (this.#sums[i] < this.#missing[i]) return null;
      victims = Math.max(victims, Math.ceil(this.#missing[i] / this.#most[i]));
    }
    return { ...about, victims, value: victims * this.#value };
  }
}
