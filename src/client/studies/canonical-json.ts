/**
 * One text for one JSON value, whatever order its keys were written in: RFC 8785. What JSON cannot
 * say exactly is refused with its path and never changed into something else.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { parameterDepthMax } from "./limits.ts";

/** What JSON can say. Keys whose value is `undefined` are refused, not dropped. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * The canonical text of `value`; `root` is what errors call it. Keys are sorted by their UTF-16
 * code units, numbers are written as ECMAScript does (`-0` as `0`).
 *
 * Throws INVALID_ARGUMENT with the path of what JSON cannot say: undefined, NaN, infinities,
 * bigints, lone surrogates, functions, symbols, dates and other instances, holes, more than 64
 * levels (and so circles).
 */
export function canonicalJson(value: unknown, root = "value"): string {
  return textOf(value, root, parameterDepthMax);
}

function textOf(value: unknown, path: string, levels: number): string {
  if (levels === 0) throw refusal(path, `is deeper than ${parameterDepthMax} levels`);
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (Number.isFinite(value)) return JSON.stringify(value);
      throw refusal(path, `is ${value}, which JSON cannot say`);
    case "string":
      return textOfString(value, path);
    case "object":
      return value === null ? "null" : textOfObject(value, path, levels);
    default:
      throw refusal(path, `is of type ${typeof value}, which JSON cannot say`);
  }
}

function textOfString(value: string, path: string): string {
  if (value.isWellFormed()) return JSON.stringify(value);
  throw refusal(path, "holds half of a surrogate pair, which JSON cannot say");
}

function textOfObject(value: object, path: string, levels: number): string {
  if (Array.isArray(value)) {
    // `Array.from` shows a hole as undefined, which is refused.
    const items = Array.from(value, (item, i) => textOf(item, `${path}[${i}]`, levels - 1));
    return `[${items.join(",")}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refusal(path, "is an instance of a class, which JSON cannot say");
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw refusal(path, "has a symbol as a key, which JSON cannot say");
  }
  const fields = Object.keys(value)
    .sort(byCodeUnit)
    .map((key) => {
      const field = (value as { readonly [key: string]: unknown })[key];
      return `${textOfString(key, path)}:${textOf(field, `${path}.${key}`, levels - 1)}`;
    });
  return `{${fields.join(",")}}`;
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function refusal(path: string, what: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", `${path} ${what}`, { details: { path } });
}
