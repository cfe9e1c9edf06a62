/**
 * Constraints as people write them: `{ key: "region", op: "in", values: ["eu-west4"] }`. What could
 * never be satisfied, whatever workers join, is refused here; everything else waits for its worker.
 *
 * @module
 */

import type { Constraint, ConstraintOperator } from "./constraints.ts";
import { constraintOperators } from "./constraints.ts";
import { constraintCountMax, constraintValueCountMax, nameCharactersMax } from "./limits.ts";
import {
  fieldPath,
  invalidArgument,
  invalidSpec,
  parseArray,
  parseFields,
  parseOneOf,
  parseText,
} from "./parse-fields.ts";

/** A condition on an attribute of the worker. */
export interface ConstraintOptions {
  readonly key: string;
  readonly op: ConstraintOperator;
  /** One for comparisons, one or more for `in`, none for `exists` and `not-exists`. */
  readonly values?: readonly (string | number | boolean)[] | undefined;
  /** Default `"REQUIRED"`; `"PREFERRED"` only ranks the workers. */
  readonly mode?: "REQUIRED" | "PREFERRED" | undefined;
}

const constraintNames = ["key", "op", "values", "mode"] as const;
const modes = ["REQUIRED", "PREFERRED"] as const;

/**
 * A list of constraints, all of which hold together.
 *
 * @throws CapstanError INVALID_ARGUMENT, or INVALID_SPEC when they contradict each other
 */
export function parseConstraints(field: string, value: unknown): readonly Constraint[] {
  const entries = parseArray(field, value, constraintCountMax);
  const constraints = entries.map((entry, index) => parseConstraint(`${field}[${index}]`, entry));
  checkConstraintsAgree(field, constraints);
  return constraints;
}

/**
 * One constraint; numbers and booleans among its values become strings, as attributes are.
 *
 * @throws CapstanError INVALID_ARGUMENT or INVALID_SPEC
 */
export function parseConstraint(field: string, value: unknown): Constraint {
  const raw = parseFields(field, value, constraintNames);
  const { values = [], mode = "REQUIRED" } = raw;
  const op = parseOneOf(fieldPath(field, "op"), raw.op, constraintOperators);
  return {
    key: parseText(fieldPath(field, "key"), raw.key, nameCharactersMax),
    op,
    values: parseValues(fieldPath(field, "values"), op, values),
    mode: parseOneOf(fieldPath(field, "mode"), mode, modes),
  };
}

function parseValues(field: string, op: ConstraintOperator, value: unknown): readonly string[] {
  const entries = parseArray(field, value, constraintValueCountMax);
  checkValueCount(field, op, entries.length);
  const parse = isOrdering(op) ? parseNumber : parseValue;
  return entries.map((entry, index) => parse(`${field}[${index}]`, entry));
}

function checkValueCount(field: string, op: ConstraintOperator, count: number): void {
  if (op === "in") {
    if (count === 0) throw invalidSpec(field, "`in` with no values can never be satisfied");
    return;
  }
  const expected = op === "exists" || op === "not-exists" ? 0 : 1;
  if (count === expected) return;
  const wanted = expected === 0 ? "no values" : "exactly one value";
  throw invalidSpec(field, `\`${op}\` takes ${wanted}, not ${count}`);
}

function parseValue(field: string, value: unknown): string {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string" && value.length <= nameCharactersMax) return value;
  const expected = `a string of at most ${nameCharactersMax} characters, a number, true or false`;
  throw invalidArgument(field, value, expected);
}

/** The ordering operators compare numbers: `"a100" > "v100"` has no meaning. */
function parseNumber(field: string, value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && text.trim() !== "" && Number.isFinite(Number(text))) return text;
  throw invalidArgument(field, value, "a number, which this operator compares");
}

function isOrdering(op: ConstraintOperator): boolean {
  return op === ">" || op === ">=" || op === "<" || op === "<=";
}

/** Refuses required constraints on one attribute that exclude each other plainly. */
function checkConstraintsAgree(field: string, constraints: readonly Constraint[]): void {
  const required = constraints.filter((constraint) => constraint.mode === "REQUIRED");
  for (const key of new Set(required.map((constraint) => constraint.key))) {
    const clauses = required.filter((constraint) => constraint.key === key);
    if (excludeEachOther(clauses)) {
      throw invalidSpec(
        field,
        `those on "${key}" contradict each other: nothing satisfies them all`,
      );
    }
  }
}

function excludeEachOther(clauses: readonly Constraint[]): boolean {
  if (clauses.some(({ op }) => op === "not-exists") && clauses.some(needsAttribute)) return true;
  const lists = clauses.filter(({ op }) => op === "=" || op === "in").map(({ values }) => values);
  if (lists.length === 0) return false;
  const excluded = clauses.filter(({ op }) => op === "!=").flatMap(({ values }) => values);
  const possible = lists[0].filter(
    (value) => !excluded.includes(value) && lists.every((list) => list.includes(value)),
  );
  return possible.length === 0;
}

/** False for the two operators that a missing attribute satisfies. */
function needsAttribute({ op }: Constraint): boolean {
  return op !== "not-exists" && op !== "!=";
}
