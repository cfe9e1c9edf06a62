/**
 * A counterexample as text, and playing it back:
 *
 *     configuration X1
 *     1. c0 submits 2 tasks
 *     2. the controller hears c0
 *     breaks: it never comes to rest: c0 waits for task 1, for ever
 *
 * Each move is the sentence that names it among the moves of its state. Lines that begin with `#`
 * are comments.
 *
 * @module
 */

import type { Configuration } from "./configuration.ts";
import { type Kernels, realKernels } from "./kernels.ts";
import { apply, movesOf, nextTimer } from "./moves.ts";
import { Calm, restlessness } from "./rest.ts";
import { type Counterexample, initialState } from "./search.ts";
import { describe } from "./sentences.ts";
import { Broken, type Tuple, World } from "./world.ts";

/** The text of a counterexample. */
export function scenarioText(configuration: string, { rule, moves }: Counterexample): string {
  const numbered = moves.map((move, place) => `${place + 1}. ${move}`);
  return [`configuration ${configuration}`, ...numbered, `breaks: ${rule}`, ""].join("\n");
}

/** The configuration that a scenario is about. */
export function configurationNamedIn(text: string): string {
  const name = /^configuration (\S+)$/m.exec(text)?.[1];
  if (name === undefined) throw new SyntaxError('no line "configuration NAME" is in the scenario');
  return name;
}

/** How a scenario went. */
export interface Replay {
  /** The moves that were made, each with what was then still to do. */
  readonly told: readonly string[];
  /** The rule that broke; null if none did: then the cluster came to rest. */
  readonly broken: string | null;
}

/**
 * Plays a scenario's moves and then lets the cluster calm down. Throws RangeError when a move is
 * not possible in its state.
 */
export function replay(
  configuration: Configuration,
  text: string,
  kernels: Kernels = realKernels,
): Replay {
  const world = new World(configuration, kernels);
  const told: string[] = [];
  let tuple = initialState(world);
  try {
    for (const [, move] of text.matchAll(/^\d+\. (.*)$/gm)) {
      tuple = applyNamed(world, tuple, move, told.length + 1);
      told.push(`${told.length + 1}. ${move}  (${restlessness(world, tuple) ?? "at rest"})`);
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { told, broken: error.message };
  }
  return { told, broken: new Calm(world).continue(tuple)?.reason ?? null };
}

function applyNamed(world: World, tuple: Tuple, sentence: string, number: number): Tuple {
  const { calm, rough } = movesOf(world, tuple);
  const all = [...calm, ...rough, nextTimer(world, tuple)].filter((move) => move >= 0);
  const chosen = all.find((move) => describe(world, tuple, move) === sentence);
  if (chosen !== undefined) return apply(world, tuple, chosen, { isFree: true });
  const possible = all.map((move) => describe(world, tuple, move)).join("; ");
  throw new RangeError(`move ${number}, "${sentence}", cannot happen there; what can: ${possible}`);
}
