/**
 * Typed reading of what a peer sent as plain data. Each reader names the field that it refuses.
 * Only what is read is kept: fields that this version does not know never reach a kernel.
 *
 * @module
 */

import { protocolError } from "./frame-format.ts";

/** One object of a message. Every reader throws PROTOCOL_ERROR naming the field. */
export class Fields {
  readonly path: string;
  readonly #record: { readonly [name: string]: unknown };

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw protocolError(`${path} must be an object, not ${describe(value)}`);
    }
    this.path = path;
    this.#record = value as { readonly [name: string]: unknown };
  }

  /** The raw value: undefined when absent or inherited. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#record, name) ? this.#record[name] : undefined;
  }

  child(name: string): Fields {
    return new Fields(this.raw(name), `${this.path}.${name}`);
  }

  text(name: string): string {
    return requireText(this.raw(name), `${this.path}.${name}`);
  }

  textOrNull(name: string): string | null {
    return this.raw(name) === null ? null : this.text(name);
  }

  /** Text of at most `charsMax` units, and not empty unless `emptyAllowed`. */
  boundedText(name: string, charsMax: number, emptyAllowed = false): string {
    const text = this.text(name);
    if (text === "" && !emptyAllowed) throw this.refuse(name, "text that is not empty", text);
    if (text.length <= charsMax) return text;
    throw protocolError(
      `${this.path}.${name} has ${text.length} characters, at most ${charsMax} are allowed`,
    );
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.raw(name);
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw this.refuse(name, `one of ${allowed.join(", ")}`, value);
    return found;
  }

  flag(name: string): boolean {
    const value = this.raw(name);
    if (typeof value !== "boolean") throw this.refuse(name, "true or false", value);
    return value;
  }

  /** A safe integer >= 0. */
  count(name: string, max: number = Number.MAX_SAFE_INTEGER): number {
    return requireCount(this.raw(name), `${this.path}.${name}`, max);
  }

  integer(name: string): number {
    return requireInteger(this.raw(name), `${this.path}.${name}`);
  }

  integerOrNull(name: string): number | null {
    return this.raw(name) === null ? null : this.integer(name);
  }

  /** A list of at most `countMax` items. */
  list<T>(
    name: string,
    read: (item: unknown, path: string) => T,
    countMax: number = Number.MAX_SAFE_INTEGER,
  ): T[] {
    const value = this.raw(name);
    if (!Array.isArray(value)) throw this.refuse(name, "a list", value);
    requireEntries(`${this.path}.${name}`, value.length, countMax);
    const items: T[] = [];
    for (let i = 0; i < value.length; i++) {
      items.push(read(value[i], `${this.path}.${name}[${i}]`));
    }
    return items;
  }

  /** An object used as a dictionary of at most `countMax` keys; `__proto__` is refused as one. */
  dictionary<T>(
    name: string,
    read: (item: unknown, path: string) => T,
    countMax: number = Number.MAX_SAFE_INTEGER,
  ): { [key: string]: T } {
    const child = this.child(name);
    const entries: { [key: string]: T } = {};
    const keys = Object.keys(child.#record);
    requireEntries(child.path, keys.length, countMax);
    for (const key of keys) {
      if (key === "__proto__") throw protocolError(`${child.path} may not have the key __proto__`);
      entries[key] = read(child.#record[key], `${child.path}.${key}`);
    }
    return entries;
  }

  /** The error that says what `name` must be and what it is. */
  refuse(name: string, expected: string, value: unknown): Error {
    return refusal(`${this.path}.${name}`, expected, value);
  }
}

/** `value`, if it is a string. Throws PROTOCOL_ERROR naming `path`. */
export function requireText(value: unknown, path: string): string {
  if (typeof value !== "string") throw refusal(path, "text", value);
  return value;
}

/** `value`, if it is a safe integer. Throws PROTOCOL_ERROR naming `path`. */
export function requireInteger(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw refusal(path, "a safe integer", value);
  }
  return value;
}

/** `value`, if it is a whole number from `min` to `max`. Throws PROTOCOL_ERROR naming `path`. */
export function requireCount(
  value: unknown,
  path: string,
  max: number = Number.MAX_SAFE_INTEGER,
  min = 0,
): number {
  const count = requireInteger(value, path);
  if (count < min || count > max) {
    throw refusal(path, `a whole number from ${min} to ${max}`, value);
  }
  return count;
}

/** `value`, if it is a whole number below 2^32. Throws PROTOCOL_ERROR naming `path`. */
export function requireU32(value: unknown, path: string): number {
  return requireCount(value, path, 0xffffffff);
}

function requireEntries(path: string, count: number, countMax: number): void {
  if (count <= countMax) return;
  throw protocolError(`${path} has ${count} entries, at most ${countMax} are allowed`);
}

function refusal(path: string, expected: string, value: unknown): Error {
  return protocolError(`${path} must be ${expected}, not ${describe(value)}`);
}

const shownCharsMax = 60;

/** A value in a few words, for the end of a sentence. */
function describe(value: unknown): string {
  if (value === undefined) return "absent";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return JSON.stringify(value.slice(0, shownCharsMax));
  if (typeof value === "object" && value !== null) return "an object";
  return String(value).slice(0, shownCharsMax);
}
