/**
 * The randomness of a run, split by purpose: each stream of draws is a function of the seed and of
 * its own name, so that one more draw in one place does not reshuffle the others.
 *
 * Every stream can be edited (stretches of it read as zero) and recorded. A draw of zero is always
 * the dull one: no fault, the shortest delay, the first choice. So a run gets simpler as more of
 * its draws become zero, which is how a failing seed shrinks.
 *
 * @module
 */

import { Prng } from "../base/prng.ts";

/** Where draws come from. */
export interface Draws {
  /** A whole number in [0, 2^32). */
  u32(): number;
  /** A whole number in [0, bound). */
  below(bound: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** Draws `from` to `to` (exclusive) of a stream read as zero. */
export interface ZeroedStretch {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

const two32 = 0x100000000;

export class DrawStream implements Draws {
  readonly name: string;
  /** How many draws were made. */
  count = 0;
  /** What they were; null unless recorded. */
  readonly recorded: number[] | null;
  readonly #prng: Prng;
  readonly #zeroed: readonly ZeroedStretch[];
  readonly #tape: Uint32Array | null;

  constructor(
    name: string,
    prng: Prng,
    options: {
      readonly record: boolean;
      readonly zeroed: readonly ZeroedStretch[];
      /** Read instead of the generator; past its end every draw is zero. */
      readonly tape: Uint32Array | null;
    },
  ) {
    this.name = name;
    this.#prng = prng;
    this.#zeroed = options.zeroed;
    this.#tape = options.tape;
    this.recorded = options.record ? [] : null;
  }

  u32(): number {
    const at = this.count++;
    let drawn = this.#tape === null ? this.#prng.u32() : (this.#tape[at] ?? 0);
    if (this.#zeroed.length > 0 && this.#isZeroed(at)) drawn = 0;
    if (this.recorded !== null) this.recorded.push(drawn);
    return drawn;
  }

  below(bound: number): number {
    return Math.floor((this.u32() / two32) * bound);
  }

  chance(probability: number): boolean {
    return this.u32() >= (1 - probability) * two32;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  #isZeroed(at: number): boolean {
    return this.#zeroed.some(({ from, to }) => at >= from && at < to);
  }
}

export interface RandomnessOptions {
  readonly seed: number;
  /** Keep every draw, for {@link Randomness.tape}; default false. */
  readonly record?: boolean;
  readonly zeroed?: readonly ZeroedStretch[];
  /** Draws that an earlier run recorded, by stream: read instead of the seed's. */
  readonly tape?: ReadonlyMap<string, Uint32Array>;
}

const noDraws = new Uint32Array(0);

/** All streams of one run. */
export class Randomness {
  readonly streams = new Map<string, DrawStream>();
  readonly #options: RandomnessOptions;

  constructor(options: RandomnessOptions) {
    this.#options = options;
  }

  /** The stream of this name; the same one for the same name. */
  stream(name: string): DrawStream {
    const known = this.streams.get(name);
    if (known !== undefined) return known;
    const { seed, record = false, zeroed = [], tape: tapes } = this.#options;
    const own = zeroed.filter((stretch) => stretch.stream === name);
    const tape = tapes === undefined ? null : (tapes.get(name) ?? noDraws);
    const options = { record, zeroed: own, tape };
    const stream = new DrawStream(name, new Prng(seedOf(seed, name)), options);
    this.streams.set(name, stream);
    return stream;
  }

  /** Every draw of every stream, if they were recorded. */
  tape(): Map<string, Uint32Array> {
    const tape = new Map<string, Uint32Array>();
    for (const { name, recorded } of this.streams.values()) {
      if (recorded !== null) tape.set(name, Uint32Array.from(recorded));
    }
    return tape;
  }
}

/** FNV-1a of the name, mixed into both halves of the seed. */
function seedOf(seed: number, name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  const low = (seed ^ hash) >>> 0;
  const high = (Math.floor(seed / two32) ^ Math.imul(hash, 0x9e3779b1)) & 0x1fffff;
  return high * two32 + low;
}
