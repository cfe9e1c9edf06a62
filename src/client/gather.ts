/**
 * The values of many futures at once.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import { type Future, handleOf, sessionOf } from "./future.ts";
import type { TaskError } from "./task-error.ts";
import { checkWaitLimits, isFailure, untilSettled, type WaitLimits } from "./waiting.ts";

/** What stands for a task without a value. */
export type Failure = TaskError | CapstanError;

type ValueOf<F> = F extends Future<infer T> ? T : never;
type Values<F extends readonly unknown[]> = { -readonly [I in keyof F]: ValueOf<F[I]> };
type ValuesOrErrors<F extends readonly unknown[]> = {
  -readonly [I in keyof F]: ValueOf<F[I]> | Failure;
};

export interface GatherOptions extends WaitLimits {
  /**
   * What a failed task does: `"raise"` (default) rejects at once with its error, `"skip"` leaves it
   * out, `"values"` puts its error in its place.
   */
  readonly errors?: "raise" | "skip" | "values" | undefined;
}

const failureModes: ReadonlySet<unknown> = new Set(["raise", "skip", "values"]);

/**
 * Waits for all futures and returns their values in order. Rejects with the first error unless
 * `errors` says otherwise, and with TIMED_OUT, the signal's reason or CLIENT_CLOSED.
 */
export function gather<const F extends readonly Future<unknown>[]>(
  futures: F,
  options?: GatherOptions & { readonly errors?: "raise" | undefined },
): Promise<Values<F>>;
export function gather<const F extends readonly Future<unknown>[]>(
  futures: F,
  options: GatherOptions & { readonly errors: "skip" },
): Promise<ValueOf<F[number]>[]>;
export function gather<const F extends readonly Future<unknown>[]>(
  futures: F,
  options: GatherOptions & { readonly errors: "values" },
): Promise<ValuesOrErrors<F>>;
export async function gather(
  futures: readonly Future<unknown>[],
  { errors = "raise", ...limits }: GatherOptions = {},
): Promise<unknown[]> {
  checkWaitLimits(limits);
  if (!failureModes.has(errors)) {
    throw invalidArgument("errors", errors, 'one of "raise", "skip", "values"');
  }
  const list = [...futures];
  const handles = list.map(handleOf);
  const stopAtFailure = errors === "raise";
  await untilSettled(handles, { ...limits, count: list.length, stopAtFailure });
  if (stopAtFailure) {
    for (const [i, { table, number }] of handles.entries()) {
      if (isFailure(table.state(number))) throw sessionOf(list[i]).errorOf(number);
    }
  }
  return readAll(list, errors);
}

/** The values, in order; those that are here without a promise each. */
async function readAll(
  futures: readonly Future<unknown>[],
  errors: "raise" | "skip" | "values",
): Promise<unknown[]> {
  const values: unknown[] = new Array(futures.length);
  const failed = new Set<number>();
  const fetches: Promise<void>[] = [];
  for (const [i, future] of futures.entries()) {
    const { table, number } = handleOf(future);
    if (isFailure(table.state(number))) {
      values[i] = sessionOf(future).errorOf(number);
      failed.add(i);
    } else if (table.isHere(number)) values[i] = table.valueHere(number);
    else fetches.push(fetchInto(values, i, failed, future, errors));
  }
  await Promise.all(fetches);
  return errors === "skip" ? values.filter((_, i) => !failed.has(i)) : values;
}

async function fetchInto(
  values: unknown[],
  index: number,
  failed: Set<number>,
  future: Future<unknown>,
  errors: "raise" | "skip" | "values",
): Promise<void> {
  try {
    values[index] = await future.result();
  } catch (error) {
    if (errors === "raise" || !(error instanceof CapstanError)) throw error;
    values[index] = error;
    failed.add(index);
  }
}
