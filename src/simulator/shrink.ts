/**
 * Makes a run that fails small: fewer steps of the workload, fewer kinds of faults, fewer machines
 * and clients, and draws that are zero, as long as it still fails for the same reason.
 *
 * Every try is a whole run, so the number of tries is bounded, not the time.
 *
 * @module
 */

import { type ClusterOptions, SimulatedCluster } from "./cluster.ts";
import type { ZeroedStretch } from "./draws.ts";
import { type Faults, noFaults } from "./faults.ts";
import type { Profile } from "./profiles.ts";
import { TraceRecorder } from "./trace-recorder.ts";

/** A run, as plain data: together with the code it decides everything. */
export interface RunRecipe {
  readonly seed: number;
  readonly profile: Profile;
  /** Steps of the workload. */
  readonly actionCount: number;
  readonly workerCount?: number;
  readonly clientCount?: number;
  readonly without: readonly (keyof Faults)[];
  /** Steps that are left out. */
  readonly skip: readonly number[];
  readonly zeroed: readonly ZeroedStretch[];
}

/** How a run failed. */
export interface RunFailure {
  readonly message: string;
  /** The message without its numbers: two runs with the same one fail for the same reason. */
  readonly kind: string;
}

export interface Shrunk {
  readonly recipe: RunRecipe;
  readonly failure: RunFailure;
  readonly tries: number;
  /** The end of the run. */
  readonly lines: readonly string[];
}

export function optionsOf(recipe: RunRecipe): ClusterOptions {
  const { skip, ...rest } = recipe;
  return { ...rest, skip: new Set(skip) };
}

/** Runs it; null if nothing went wrong. */
export function failureOfRun(
  recipe: RunRecipe,
  options: Partial<ClusterOptions> = {},
): RunFailure | null {
  try {
    new SimulatedCluster({ ...optionsOf(recipe), ...options }).run(recipe.actionCount);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, kind: kindOf(message) };
  }
}

/** The last steps of a run that fails. */
export function endOfRun(
  recipe: RunRecipe,
  options: Partial<ClusterOptions> = {},
): readonly string[] {
  let cluster: SimulatedCluster | null = null;
  const recorder = new TraceRecorder(() => cluster?.timeline.now ?? 0);
  try {
    const observers = [recorder, ...(options.observers ?? [])];
    cluster = new SimulatedCluster({ ...optionsOf(recipe), ...options, observers });
    cluster.run(recipe.actionCount);
  } catch {
    // It fails: that is why we are here.
  }
  return recorder.lines;
}

/** The first line, with every number and every name of a thing as `#`. */
function kindOf(message: string): string {
  const [first] = message.split("\n");
  const isRule = /^[A-Z]\w*-?\d+ /.exec(first);
  const text = isRule === null ? first : first.slice(isRule[0].length);
  return (isRule?.[0] ?? "") + text.replace(/\/[\w/.-]+/g, "#").replace(/\w*\d+\w*/g, "#");
}

export interface ShrinkOptions {
  /** How the recipe fails. */
  readonly failure: RunFailure;
  /** Runs that may be made. */
  readonly triesMax: number;
  /** What else every run is made of; a new one for each. */
  readonly optionsOfRun?: () => Partial<ClusterOptions>;
}

export class Shrinker {
  #recipe: RunRecipe;
  #failure: RunFailure;
  readonly #triesMax: number;
  readonly #optionsOfRun: () => Partial<ClusterOptions>;
  tries = 0;

  constructor(recipe: RunRecipe, { failure, triesMax, optionsOfRun = () => ({}) }: ShrinkOptions) {
    this.#recipe = recipe;
    this.#failure = failure;
    this.#triesMax = triesMax;
    this.#optionsOfRun = optionsOfRun;
  }

  shrink(): Shrunk {
    let size = Number.POSITIVE_INFINITY;
    while (this.#size() < size && this.tries < this.#triesMax) {
      size = this.#size();
      this.#endEarlier();
      this.#dropSteps();
      this.#dropFaults();
      this.#dropPeers();
      this.#zeroStreams();
    }
    return {
      recipe: this.#recipe,
      failure: this.#failure,
      tries: this.tries,
      lines: endOfRun(this.#recipe, this.#optionsOfRun()),
    };
  }

  #size(): number {
    const { actionCount, skip, without, zeroed, workerCount = 9, clientCount = 9 } = this.#recipe;
    const dull = zeroed.reduce((sum, { from, to }) => sum + to - from, 0);
    return (
      (actionCount - skip.length) * 1_000_000 +
      (workerCount + clientCount) * 10_000 -
      without.length * 1_000 -
      dull / 1_000
    );
  }

  /** Takes the change if the run still fails so. */
  #try(change: Partial<RunRecipe>): boolean {
    if (this.tries >= this.#triesMax) return false;
    this.tries++;
    const recipe = { ...this.#recipe, ...change };
    const failure = failureOfRun(recipe, this.#optionsOfRun());
    if (failure?.kind !== this.#failure.kind) return false;
    this.#recipe = recipe;
    this.#failure = failure;
    return true;
  }

  #endEarlier(): void {
    let low = 0;
    while (low < this.#recipe.actionCount) {
      const middle = (low + this.#recipe.actionCount) >> 1;
      if (!this.#try({ actionCount: middle })) low = middle + 1;
    }
  }

  /** In ever smaller stretches. */
  #dropSteps(): void {
    for (let size = this.#recipe.actionCount >> 1; size >= 1; size >>= 1) {
      for (let from = 0; from < this.#recipe.actionCount; from += size) {
        const skip = new Set(this.#recipe.skip);
        const before = skip.size;
        for (let i = from; i < Math.min(from + size, this.#recipe.actionCount); i++) skip.add(i);
        if (skip.size > before) this.#try({ skip: [...skip].sort((a, b) => a - b) });
      }
    }
  }

  #dropFaults(): void {
    for (const fault of Object.keys(noFaults) as (keyof Faults)[]) {
      const { without } = this.#recipe;
      if (!without.includes(fault)) this.#try({ without: [...without, fault] });
    }
  }

  #dropPeers(): void {
    for (let count = 1; count <= 3; count++) {
      const { workerCount = 9, clientCount = 9 } = this.#recipe;
      if (count < workerCount && this.#try({ workerCount: count })) break;
      if (count < clientCount) this.#try({ clientCount: count });
    }
  }

  /** Each stream as a whole, then its halves. */
  #zeroStreams(): void {
    const cluster = new SimulatedCluster({ ...optionsOf(this.#recipe), ...this.#optionsOfRun() });
    try {
      cluster.run(this.#recipe.actionCount);
    } catch {
      // It fails: that is why we are here.
    }
    for (const { name, count } of cluster.randomness.streams.values()) {
      const isZeroed = this.#recipe.zeroed.some(({ stream }) => stream === name);
      if (!isZeroed) this.#zero(name, 0, count);
    }
  }

  #zero(stream: string, from: number, to: number): void {
    if (to - from < 1) return;
    if (this.#try({ zeroed: [...this.#recipe.zeroed, { stream, from, to }] })) return;
    if (to - from < 16) return;
    const middle = (from + to) >> 1;
    this.#zero(stream, from, middle);
    this.#zero(stream, middle, to);
  }
}
