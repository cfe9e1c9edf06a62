/**
 * Constraints on worker attributes. A missing attribute satisfies only `not-exists` and `!=`.
 *
 * @module
 */

export const constraintOperators = [
  "=",
  "!=",
  "in",
  "exists",
  "not-exists",
  ">",
  ">=",
  "<",
  "<=",
] as const;

export type ConstraintOperator = (typeof constraintOperators)[number];

/** `values` has one entry for comparisons, any number for `in`, none for `exists`. */
export interface Constraint {
  readonly key: string;
  readonly op: ConstraintOperator;
  readonly values: readonly string[];
  readonly mode: "REQUIRED" | "PREFERRED";
}

/** A worker's attributes, all strings; the ordering operators compare them as numbers. */
export type Attributes = { readonly [key: string]: string };

/** The value of an attribute, or undefined; what every object inherits is none. */
export function attributeOf(attributes: Attributes, key: string): string | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
}

/** Of a worker: the release of Capstan that it runs. */
export const releaseAttribute = "capstan-version";
