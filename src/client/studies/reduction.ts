/**
 * An aggregation in parts, for fan-ins that one task could not or should not take: a task folds
 * 256 values, tasks merge 16 partial results each, one finishes.
 *
 * Which values are folded together depends on the replicates' numbers alone. So the result is the
 * same bits whatever order they end in, and whatever died meanwhile.
 *
 * @module
 */

import { defineTask, type Task } from "../task.ts";

const reductionSymbol: unique symbol = Symbol.for("capstan.reduction");

/** What a reduction consists of. Every function may change and return its first argument. */
export interface ReductionParts<P, O, S, A> {
  /** The exported name. */
  readonly name: string;
  /** The state of no values. It travels: what a task's argument may hold. */
  readonly start: () => S;
  readonly add: (state: S, value: O) => S;
  /** One state of two. `right` has the later replicates. */
  readonly merge: (left: S, right: S) => S;
  readonly finish: (state: S, parameters: P) => A;
}

/** A task that aggregates all values at once when it is called, and in parts for a study. */
export interface Reduction<P, O, A> extends Task<[values: readonly O[], parameters: P], A> {
  readonly [reductionSymbol]: true;
}

/** One part of the work, as the client asks for it. */
export type ReductionStep = "fold" | "merge" | "finish";

/**
 * Makes a reduction of its parts. The module must export it under `name`:
 *
 *     export const mean = defineReduction(import.meta.url, { name: "mean", start, add, … });
 *
 * Throws INVALID_ARGUMENT for what is no module or has no name.
 */
export function defineReduction<P, O, S, A>(
  moduleUrl: string,
  parts: ReductionParts<P, O, S, A>,
): Reduction<P, O, A> {
  const run = (first: unknown, second: unknown, third: unknown): unknown => {
    if (first === "fold") return fold(parts, second as readonly O[]);
    if (first === "merge") return (second as S[]).reduce(parts.merge);
    if (first === "finish") return parts.finish(second as S, third as P);
    return parts.finish(fold(parts, first as readonly O[]), second as P);
  };
  const task = defineTask(moduleUrl, run, { name: parts.name });
  const whole = task as unknown as Task<[values: readonly O[], parameters: P], A>;
  return Object.assign(whole, { [reductionSymbol]: true } as const);
}

/** Whether a task can be asked for its parts. */
export function isReduction(task: object): boolean {
  return (task as Partial<Reduction<never, never, unknown>>)[reductionSymbol] === true;
}

function fold<P, O, S, A>(parts: ReductionParts<P, O, S, A>, values: readonly O[]): S {
  let state = parts.start();
  for (const value of values) state = parts.add(state, value);
  return state;
}
