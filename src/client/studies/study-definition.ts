/**
 * A study as a module exports it for `capstan study run`: its options, and how it searches.
 *
 * @module
 */

import type { Study } from "./study.ts";
import type { Aggregated, Aggregates, StudyOptions } from "./study-options.ts";

/** Under this symbol a definition is known. */
const studySymbol: unique symbol = Symbol.for("capstan.study");

/** Chooses parameter sets wave by wave, with `study.evaluate`, and returns when it is content. */
export type Search<P, V> = (study: Study<P, V>) => Promise<void>;

/** Options, whatever they are about. */
type AnyStudyOptions = StudyOptions<never, never, Aggregates<never, never>>;

/** What `defineStudy` returns. */
export interface StudyDefinition {
  readonly [studySymbol]: true;
  readonly options: AnyStudyOptions;
  readonly search: Search<unknown, unknown> | null;
}

/**
 * Defines a study that `capstan study run FILE` finds among the exports of the module. It starts
 * nothing. Without a `search` it is over when its `parameterSets` are.
 */
export function defineStudy<P, O, const G extends Aggregates<P, Awaited<O>>>(
  options: StudyOptions<P, O, G>,
  search?: Search<P, Aggregated<G>>,
): StudyDefinition {
  return {
    [studySymbol]: true,
    options: options as unknown as AnyStudyOptions,
    search: (search ?? null) as Search<unknown, unknown> | null,
  };
}

/** Whether an export is a study. */
export function isStudyDefinition(value: unknown): value is StudyDefinition {
  return typeof value === "object" && value !== null && studySymbol in value;
}
