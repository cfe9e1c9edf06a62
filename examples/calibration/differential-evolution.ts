/**
 * Differential evolution (Storn and Price 1997, rand/1/bin) as ask and tell: a plain optimiser that
 * knows nothing of studies, clusters or models.
 *
 * It draws from its own seed alone. So a search that is run again asks for the same points, which a
 * study then finds in its record.
 *
 * @module
 */

import { type RandomStream, randomStream } from "../epidemic/random.ts";

/** What is searched: each name between its two bounds. */
export type Bounds = { readonly [name: string]: readonly [low: number, high: number] };

/** A point within the bounds. */
export type Point<B extends Bounds> = { readonly [name in keyof B]: number };

interface Member<B extends Bounds> {
  readonly point: Point<B>;
  readonly loss: number;
}

/** How far a step goes, and how likely each coordinate takes it. */
const weight = 0.6;
const crossover = 0.9;
/** Points are rounded to so many digits, so that they can be read. */
const digits = 5;

export class DifferentialEvolution<B extends Bounds> {
  readonly #bounds: B;
  readonly #size: number;
  readonly #random: RandomStream;
  #members: readonly Member<B>[] = [];

  /** `size` points a wave, at least 4. */
  constructor(bounds: B, size: number, seed: number) {
    if (size < 4) throw new RangeError("differential evolution needs at least 4 points a wave");
    this.#bounds = bounds;
    this.#size = size;
    this.#random = randomStream(seed);
  }

  /** The next wave: at first points all over the box, then one challenger for each member. */
  ask(): readonly Point<B>[] {
    if (this.#members.length > 0) return this.#members.map((_, i) => this.#challenger(i));
    const point = () => this.#pointOf((low, high) => low + this.#random() * (high - low));
    return Array.from({ length: this.#size }, point);
  }

  /** The losses of the wave that was asked for last, in its order; NaN for what has none. */
  tell(points: readonly Point<B>[], losses: readonly number[]): void {
    const wave = points.map((point, i) => {
      return { point, loss: Number.isNaN(losses[i]) ? Number.POSITIVE_INFINITY : losses[i] };
    });
    const old = this.#members;
    this.#members =
      old.length === 0 ? wave : wave.map((one, i) => (one.loss < old[i].loss ? one : old[i]));
  }

  /** The best point so far. */
  get best(): Member<B> {
    return this.#members.reduce((best, one) => (one.loss < best.loss ? one : best));
  }

  #challenger(index: number): Point<B> {
    const own = this.#members[index].point;
    const [a, b, c] = this.#others(index);
    const names = Object.keys(this.#bounds);
    const forced = names[Math.floor(this.#random() * names.length)];
    return this.#pointOf((low, high, name) => {
      const takes = this.#random() < crossover || name === forced;
      if (!takes) return own[name];
      const step = a[name] + weight * (b[name] - c[name]);
      return step < low || step > high ? low + this.#random() * (high - low) : step;
    });
  }

  /** Three other members, each another one. */
  #others(index: number): readonly Point<B>[] {
    const others = this.#members.map((_, i) => i).filter((i) => i !== index);
    return [0, 1, 2].map(() => {
      const [taken] = others.splice(Math.floor(this.#random() * others.length), 1);
      return this.#members[taken].point;
    });
  }

  #pointOf(coordinate: (low: number, high: number, name: string) => number): Point<B> {
    const entries = Object.entries(this.#bounds).map(([name, [low, high]]) => {
      return [name, Number(coordinate(low, high, name).toFixed(digits))] as const;
    });
    return Object.fromEntries(entries) as Point<B>;
  }
}
