/**
 * Rest: nothing is on its way, nothing runs, and nothing is owed to anybody. And going there: the
 * calm continuation of a state, in which nothing goes wrong any more and time passes when nothing
 * else is left to do.
 *
 * @module
 */

import { hashWords, StateHash } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import { linkState, slot, workerSlot } from "./layout.ts";
import type { Move } from "./move-kinds.ts";
import { apply, movesOf, nextTimer } from "./moves.ts";
import { Broken, type Tuple, type World } from "./world.ts";

/** Moves that a calm world may need to come to rest. */
const calmMovesMax = 4_000;

/** What keeps a state with no calm moves left from being at rest, as a sentence; null if it is. */
export function restlessness(world: World, tuple: Tuple): string | null {
  const { owed } = world.controllerOf(tuple);
  if (tuple[slot.isUp] === 0) return "the controller is down";
  if (owed !== null) return owed;
  for (let place = 0; place < world.layout.clientCount; place++) {
    const { owed: missing } = world.clientOf(tuple, place);
    if (missing !== null) return missing;
  }
  for (let place = 0; place < world.layout.workerCount; place++) {
    const { busy, owedAnswers } = world.workerOf(tuple, place);
    if (busy !== null) return busy;
    // Whoever is kept out because another has its id has nobody to answer to.
    const isLinked = tuple[world.layout.worker(place) + workerSlot.link] !== linkState.none;
    const { workerId } = world.configuration.workers[place];
    if (isLinked && owedAnswers > 0) return `${workerId} owes ${owedAnswers} answers`;
  }
  return disagreement(world, tuple);
}

/** With nothing on its way, both sides believe the same. */
function disagreement(world: World, tuple: Tuple): string | null {
  const { workers } = world.controllerOf(tuple);
  for (const [place, { workerId }] of world.configuration.workers.entries()) {
    if (tuple[world.layout.worker(place) + workerSlot.link] !== linkState.registered) continue;
    const belief = workers.get(workerId);
    const truth = world.workerOf(tuple, place);
    if (belief === undefined || !belief.connected) return `${workerId} is not known as connected`;
    if (belief.attemptsDigest !== truth.attemptsDigest) {
      return `the controller and ${workerId} disagree about its attempts`;
    }
    if (belief.valuesDigest !== truth.valuesDigest) {
      return `the controller and ${workerId} disagree about its values`;
    }
  }
  return null;
}

/** Finds out for many states whether the calm world brings them to rest; remembers those it did. */
export class Calm {
  readonly #world: World;
  readonly #resting = new HashTable();
  readonly #hash = new StateHash();

  constructor(world: World) {
    this.#world = world;
  }

  /** Why a state never comes to rest, and the moves until that is plain; null if it does. */
  continue(from: Tuple): { readonly reason: string; readonly moves: readonly Move[] } | null {
    const world = this.#world;
    const met = new Set<string>();
    const moves: Move[] = [];
    const passed: (readonly [number, number])[] = [];
    let tuple = from;
    for (;;) {
      hashWords(tuple, 0, tuple.length, this.#hash);
      const { low, high } = this.#hash;
      if (this.#resting.has(low, high)) break;
      if (met.has(`${low} ${high}`)) return { reason: this.#owed(tuple, "for ever"), moves };
      met.add(`${low} ${high}`);
      passed.push([low, high]);
      const { calm } = movesOf(world, tuple);
      if (calm.length === 0 && restlessness(world, tuple) === null) break;
      const move = calm.length > 0 ? calm[0] : nextTimer(world, tuple);
      if (move < 0) return { reason: this.#owed(tuple, "and nothing will happen"), moves };
      if (moves.length > calmMovesMax) return { reason: this.#owed(tuple, "still"), moves };
      moves.push(move);
      try {
        tuple = apply(world, tuple, move, { isFree: true });
      } catch (error) {
        if (error instanceof Broken) return { reason: error.message, moves };
        throw error;
      }
    }
    for (const [low, high] of passed) this.#resting.add(low, high);
    return null;
  }

  #owed(tuple: Tuple, howLong: string): string {
    const reason = restlessness(this.#world, tuple) ?? "timers fire and change nothing";
    return `it never comes to rest: ${reason}, ${howLong}`;
  }
}
