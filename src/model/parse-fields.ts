/**
 * From what a person or a peer wrote to a checked value, one field at a time. Every refusal is a
 * `CapstanError` INVALID_ARGUMENT that names the field, shows the offending value and says what was
 * expected. Nothing here repairs a value or guesses.
 *
 * @module
 */

import { CapstanError } from "./errors.ts";
import { hintOf, nearestName } from "./nearest-name.ts";

const shownCharactersMax = 80;

/** An object whose keys have been checked against the known ones. */
export type Fields<Name extends string> = { readonly [N in Name]?: unknown };

/** `field: value is not expected`, e.g. `memory: "8x" is not an amount of memory, …`. */
export function invalidArgument(field: string, value: unknown, expected: string): CapstanError {
  const shown = showValue(value);
  return new CapstanError("INVALID_ARGUMENT", `${field}: ${shown} is not ${expected}`, {
    details: { field, value: shown, expected },
  });
}

/** A specification that contradicts itself or asks for what cannot be. `why` is a sentence. */
export function invalidSpec(field: string, why: string): CapstanError {
  return new CapstanError("INVALID_SPEC", `${field}: ${why}`, { details: { field } });
}

/** A value as a message shows it: short, on one line, never the contents of an object. */
export function showValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return `${String(value)}n`;
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function shortened(text: string): string {
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`;
}

/** A plain object whose keys are all among `known`. A field that is undefined counts as absent. */
export function parseFields<Name extends string>(
  field: string,
  value: unknown,
  known: readonly Name[],
): Fields<Name> {
  const object = parsePlainObject(field, value);
  for (const name of Object.keys(object)) {
    if (!(known as readonly string[]).includes(name)) throw unknownName(field, name, known);
  }
  return object as Fields<Name>;
}

/** An object literal, or what JSON made of one; not an array, a Map or an instance of a class. */
export function parsePlainObject(
  field: string,
  value: unknown,
): { readonly [name: string]: unknown } {
  if (typeof value !== "object" || value === null || !isPlain(value)) {
    throw invalidArgument(field === "" ? "options" : field, value, "a plain object");
  }
  return value as { readonly [name: string]: unknown };
}

/** True of `{…}` in any realm: the prototype is null or is the end of the chain. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The refusal of a name that is not among `known`, with the one probably meant, if any. */
export function unknownName(field: string, name: string, known: readonly string[]): CapstanError {
  const nearest = nearestName(name, known);
  const path = fieldPath(field, shortened(name));
  const meant = `${hintOf(nearest)}Known: ${known.join(", ")}`;
  return new CapstanError(
    "INVALID_ARGUMENT",
    `${path}: unknown name ${showValue(name)}; ${meant}`,
    {
      details: { field: path, value: shortened(name), nearest, known },
    },
  );
}

/** `resources` and `cpu` make `resources.cpu`; at the top the name stands alone. */
export function fieldPath(field: string, name: string): string {
  return field === "" ? name : `${field}.${name}`;
}

/** A whole number from `least` to `most`, both included. */
export function parseInteger(field: string, value: unknown, least: number, most: number): number {
  const ok =
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
  if (!ok) throw invalidArgument(field, value, `a whole number from ${least} to ${most}`);
  return value;
}

/** A string of 1 to `charactersMax` characters. */
export function parseText(field: string, value: unknown, charactersMax: number): string {
  const ok = typeof value === "string" && value.length > 0 && value.length <= charactersMax;
  if (!ok) throw invalidArgument(field, value, `a string of 1 to ${charactersMax} characters`);
  return value;
}

/** `true` or `false`; nothing is taken for one of them. */
export function parseBoolean(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw invalidArgument(field, value, "true or false");
  return value;
}

/** Something that can be called; what it takes and returns is the caller's word. */
export function parseFunction(field: string, value: unknown): void {
  if (typeof value !== "function") throw invalidArgument(field, value, "a function");
}

/** One of a closed set of strings. */
export function parseOneOf<T extends string>(field: string, value: unknown, set: readonly T[]): T {
  const found = set.find((member) => member === value);
  if (found !== undefined) return found;
  throw invalidArgument(field, value, `one of ${set.map((member) => `"${member}"`).join(", ")}`);
}

/** An array of at most `countMax` entries. */
export function parseArray(field: string, value: unknown, countMax: number): readonly unknown[] {
  const ok = Array.isArray(value) && value.length <= countMax;
  if (!ok) throw invalidArgument(field, value, `an array of at most ${countMax}`);
  return value;
}
