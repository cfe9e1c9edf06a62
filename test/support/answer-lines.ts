/**
 * The answers of the API as lines of a transcript.
 *
 * @module
 */

import { CapstanError } from "../../src/model/errors.ts";
import type { ControllerHarness } from "./controller-builders.ts";

/** A value that fits is one line; a larger one has a line for each of its fields. */
const lineColumnsMax = 96;

/** What `METHOD field=value…` answers, whole; values are JSON, or text that is none. */
export function answerOf(harness: ControllerHarness, [method, ...fields]: readonly string[]) {
  const request = fieldsOf(fields);
  try {
    return linesOf(shortened(harness.call(method, request)), "");
  } catch (error) {
    if (error instanceof CapstanError) return [`refused ${error.code}: ${error.message}`];
    throw error;
  }
}

/** `field=value…` as an object. */
export function fieldsOf(fields: readonly string[]): { readonly [name: string]: unknown } {
  return Object.fromEntries(fields.map(fieldOf));
}

function fieldOf(text: string): [string, unknown] {
  const cut = text.indexOf("=");
  const value = text.slice(cut + 1);
  try {
    return [text.slice(0, cut), JSON.parse(value)];
  } catch {
    return [text.slice(0, cut), value];
  }
}

/** Fields that say nothing are left out. */
function saysNothing(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return [null, 0, ""].includes(value as null);
  return Object.values(value).every(saysNothing);
}

function shortened(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shortened);
  const told = Object.entries(value).filter(([, field]) => !saysNothing(field));
  return Object.fromEntries(told.map(([name, field]) => [name, shortened(field)]));
}

function linesOf(value: unknown, indent: string): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([name, field]) => {
    const head = Array.isArray(value) ? `${indent}-` : `${indent}${name}:`;
    const line = `${head} ${JSON.stringify(field)}`;
    if (typeof field !== "object" || field === null || line.length <= lineColumnsMax) return [line];
    const lines = linesOf(field, `${indent}  `);
    return Array.isArray(value)
      ? [`${head} ${lines[0].trimStart()}`, ...lines.slice(1)]
      : [head, ...lines];
  });
}
