/**
 * One kind of fault against real processes: what it needs of the machine, and how it is injected
 * and judged. The tests run each a few rounds, `npm run chaos` many; both run the same code.
 *
 * @module
 */

import { Prng } from "../../../src/base/prng.ts";

/** A kind of fault. */
export interface Fault {
  /** `"R1"`, as in the table of docs/proof.md. */
  readonly id: string;
  /** What is done and what must be true afterwards, as a sentence. */
  readonly title: string;
  /** How often it is done in a test, and in a soak that does not say otherwise. */
  readonly rounds: { readonly test: number; readonly soak: number };
  /** Why it cannot be done on this machine; "" if it can. */
  readonly obstacle: () => string;
  /** Rejects with what is wrong. */
  readonly run: (trial: Trial) => Promise<void>;
}

/** One run of a fault: how often, from which seed, and what was seen. */
export class Trial {
  readonly rounds: number;
  /** For what only a long run has time for. */
  readonly isSoak: boolean;
  readonly random: Prng;
  faults = 0;
  readonly #samples = new Map<string, number[]>();

  constructor(options: {
    readonly rounds: number;
    readonly seed: number;
    readonly isSoak: boolean;
  }) {
    this.rounds = options.rounds;
    this.isSoak = options.isSoak;
    this.random = new Prng(options.seed);
  }

  /** Counts what was injected. */
  injected(count = 1): void {
    this.faults += count;
  }

  /** Keeps one sample of a figure, such as `"scheduling again, ms"`. */
  measured(figure: string, value: number): void {
    const samples = this.#samples.get(figure) ?? [];
    samples.push(value);
    this.#samples.set(figure, samples);
  }

  /** Each figure with the number of its samples, their median and their largest. */
  figures(): readonly Figure[] {
    return [...this.#samples].map(([name, samples]) => {
      const sorted = samples.toSorted((a, b) => a - b);
      const at = (index: number): number => Math.round(sorted[index]);
      return {
        name,
        count: sorted.length,
        median: at(sorted.length >> 1),
        max: at(sorted.length - 1),
      };
    });
  }
}

/** Samples of one figure, summed up; whole numbers in the unit that the name says. */
export interface Figure {
  readonly name: string;
  readonly count: number;
  readonly median: number;
  readonly max: number;
}
