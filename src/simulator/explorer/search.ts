/**
 * Exhaustive breadth-first search: every state that the moves lead to, each once, until none is
 * left. So the first broken rule is met by a shortest run.
 *
 * Two more things are proved at the end. *Rest*: each state's first calm move leads to a state
 * that has one too, and so on to a state at rest (or to one that only time moves, whose calm
 * continuation is run): from everywhere the world can calm down. The graph is finite: it closed.
 *
 * @module
 */

import type { Configuration } from "./configuration.ts";
import { noFaults } from "./configuration.ts";
import { hashWords, StateHash } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import { type Kernels, realKernels } from "./kernels.ts";
import type { Move } from "./move-kinds.ts";
import { apply, movesOf } from "./moves.ts";
import { persistentMoves } from "./reduction.ts";
import { Calm } from "./rest.ts";
import { describe } from "./sentences.ts";
import { Broken, type Tuple, World } from "./world.ts";

export interface SearchOptions {
  /** The search gives up beyond; default 50 million. */
  readonly statesMax?: number;
  /** Default: those that are shipped. */
  readonly kernels?: Kernels;
  /** Leave out orders of moves that commute; default true. */
  readonly isReduced?: boolean;
  /** Called now and then. */
  readonly onProgress?: (progress: { readonly states: number; readonly frontier: number }) => void;
}

export interface Counterexample {
  /** The rule that broke, as a sentence. */
  readonly rule: string;
  /** The moves from the initial state on, as sentences. */
  readonly moves: readonly string[];
}

export interface SearchReport {
  readonly name: string;
  readonly states: number;
  readonly edges: number;
  /** Moves of the longest of all shortest runs. */
  readonly depth: number;
  /** States of single nodes that were met, and steps that kernels took. */
  readonly nodeStates: number;
  readonly kernelSteps: number;
  /** States that are at rest. */
  readonly restStates: number;
  /** Whether nothing was left to look at. */
  readonly isClosed: boolean;
  readonly counterexample: Counterexample | null;
}

const statesMaxDefault = 50_000_000;

/** Calm moves that a counterexample ends with; more are left out: a replay finds them itself. */
const toldMovesMax = 100;

/** What `calmNext` says of a state at rest, or that only time moves on and that comes to rest. */
const atRest = -1;

/** The cluster of a configuration, started and connected, with its whole budget of faults. */
export function initialState(world: World): Tuple {
  let tuple = world.endangered(world.blank(), noFaults);
  for (;;) {
    const { calm } = movesOf(world, tuple);
    const isOver = calm.length === 0 || describe(world, tuple, calm[0]).includes(" submits ");
    if (isOver || describe(world, tuple, calm[0]).includes(" calls ")) break;
    tuple = apply(world, tuple, calm[0]);
  }
  return world.endangered(tuple, world.configuration.faults);
}

/** Explores a configuration to its end, or to the first rule that breaks. */
export function explore(configuration: Configuration, options: SearchOptions = {}): SearchReport {
  return new Search(configuration, options).run();
}

class Search {
  readonly #world: World;
  readonly #options: SearchOptions;
  readonly #calm: Calm;
  readonly #known = new HashTable();
  readonly #hash = new StateHash();
  readonly #parents: Numbers = new Numbers();
  readonly #moves: Numbers = new Numbers();
  readonly #calmNext: Numbers = new Numbers();
  /** Where moves write: most lead to a state that is known, and only a new one is copied. */
  readonly #scratch: Tuple;
  #frontier: Tuple[] = [];
  #edges = 0;
  #depth = 0;
  #rests = 0;
  #found: Counterexample | null = null;

  constructor(configuration: Configuration, options: SearchOptions) {
    this.#world = new World(configuration, options.kernels ?? realKernels);
    this.#options = options;
    this.#calm = new Calm(this.#world);
    this.#scratch = this.#world.blank();
  }

  run(): SearchReport {
    const initial = initialState(this.#world);
    this.#add(initial, -1, -1);
    let current = this.#frontier;
    let first = 0;
    const statesMax = this.#options.statesMax ?? statesMaxDefault;
    while (current.length > 0 && this.#found === null && this.#known.size < statesMax) {
      this.#frontier = [];
      const next = first + current.length;
      for (let i = 0; i < current.length && this.#found === null; i++) {
        this.#expand(current[i], first + i);
        if (((first + i) & 0xffff) === 0) this.#tell();
      }
      first = next;
      current = this.#frontier;
      if (current.length > 0) this.#depth++;
    }
    const isClosed = current.length === 0 && this.#found === null;
    if (isClosed) this.#checkCalmPaths();
    return this.#report(isClosed);
  }

  #tell(): void {
    this.#options.onProgress?.({ states: this.#known.size, frontier: this.#frontier.length });
  }

  #report(isClosed: boolean): SearchReport {
    const { controllers, workers, clients, configuration } = this.#world;
    const pools = [controllers, workers, clients];
    for (const pool of pools) pool.checkNothingWasWritten();
    return {
      name: configuration.name,
      states: this.#known.size,
      edges: this.#edges,
      depth: this.#depth,
      nodeStates: pools.reduce((sum, pool) => sum + pool.size, 0),
      kernelSteps: pools.reduce((sum, pool) => sum + pool.transitionCount, 0),
      restStates: this.#rests,
      isClosed: isClosed && this.#found === null,
      counterexample: this.#found,
    };
  }

  /** Takes a state in; the number that it has, whether it is new or not. */
  #add(tuple: Tuple, parent: number, move: Move): number {
    hashWords(tuple, 0, tuple.length, this.#hash);
    const known = this.#known.add(this.#hash.low, this.#hash.high);
    if (known >= 0) return known;
    this.#parents.push(parent);
    this.#moves.push(move);
    this.#calmNext.push(atRest);
    this.#frontier.push(tuple.slice());
    return this.#known.size - 1;
  }

  #expand(tuple: Tuple, number: number): void {
    const world = this.#world;
    const moves = movesOf(world, tuple);
    const { calm } = moves;
    const isReduced = this.#options.isReduced ?? true;
    const chosen = (isReduced ? persistentMoves(world, tuple, calm) : null) ?? calm;
    for (const [place, move] of chosen.entries()) {
      const next = this.#take(tuple, number, move);
      if (next < 0) return;
      if (place === 0) this.#calmNext.set(number, next);
    }
    if (chosen.length < calm.length) return;
    for (const move of moves.rough) if (this.#take(tuple, number, move) < 0) return;
    if (calm.length === 0) this.#checkRest(tuple, number);
  }

  #take(tuple: Tuple, number: number, move: Move): number {
    this.#edges++;
    try {
      const next = apply(this.#world, tuple, move, { into: this.#scratch });
      return this.#add(next, number, move);
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.#found = this.#counterexample(error.message, number, [move]);
      return -1;
    }
  }

  /** With no calm move left it is at rest, or only time moves it on. */
  #checkRest(tuple: Tuple, number: number): void {
    this.#rests++;
    const stuck = this.#calm.continue(tuple);
    if (stuck === null) return;
    const { reason, moves } = stuck;
    this.#found = this.#counterexample(reason, number, moves.length > toldMovesMax ? [] : moves);
  }

  /** Follows the first calm moves from everywhere: none goes round in a circle. */
  #checkCalmPaths(): void {
    const rests = new Uint8Array(this.#known.size);
    const path: number[] = [];
    for (let from = 0; from < this.#known.size && this.#found === null; from++) {
      let at = from;
      while (at !== atRest && rests[at] === 0) {
        rests[at] = 1; // On this path, or on an earlier one, which came to rest.
        path.push(at);
        at = this.#calmNext.at(at);
      }
      if (at !== atRest && rests[at] === 1) {
        this.#found = this.#counterexample("calm moves go round in a circle", at, []);
      }
      for (const passed of path) rests[passed] = 2;
      path.length = 0;
    }
  }

  #counterexample(rule: string, number: number, last: readonly Move[]): Counterexample {
    const moves: Move[] = [...last].reverse();
    for (let at = number; this.#parents.at(at) >= 0; at = this.#parents.at(at)) {
      moves.push(this.#moves.at(at));
    }
    let tuple = initialState(this.#world);
    const told: string[] = [];
    for (const move of moves.reverse()) {
      told.push(describe(this.#world, tuple, move));
      try {
        tuple = apply(this.#world, tuple, move, { isFree: true });
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
      }
    }
    return { rule, moves: told };
  }
}

/** A growable column of small numbers. */
class Numbers {
  #items = new Int32Array(1 << 12);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#items.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.#length++] = value;
  }

  at(index: number): number {
    return this.#items[index];
  }

  set(index: number, value: number): void {
    this.#items[index] = value;
  }
}
