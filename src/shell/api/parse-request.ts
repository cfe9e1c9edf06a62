/**
 * From what a caller sent to a checked request, or to the error that names the field, shows its
 * value and says what was expected. Of several mistakes the first is told, and a name that is not
 * known before any other: it is often the cause of the rest.
 *
 * @module
 */

import type { z } from "zod";
import { CapstanError } from "../../model/errors.ts";
import { invalidArgument, showValue } from "../../model/parse-fields.ts";
import { type MethodName, methods, type ParsedRequests } from "./schemas.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Characters of the name of a field that an error shows. */
const shownCharactersMax = 80;

/** Checks the request of a method. Throws INVALID_ARGUMENT. */
export function parseRequest<Name extends MethodName>(
  method: Name,
  request: unknown,
): ParsedRequests[Name] {
  const given = request ?? {};
  refuseReservedName(given);
  const parsed = methods[method].request.safeParse(given);
  if (parsed.success) return parsed.data as ParsedRequests[Name];
  throw errorOf(parsed.error.issues, given);
}

/** The one key that means something else to the language: silently lost unless it is refused. */
const reservedName = "__proto__";

function refuseReservedName(request: unknown): void {
  const left = [request];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
    if (Object.hasOwn(value, reservedName)) {
      const message = `${reservedName}: no field can have this name; leave it out`;
      throw new CapstanError("INVALID_ARGUMENT", message, { details: { field: reservedName } });
    }
    for (const inner of Object.values(value)) if (inner !== undefined) left.push(inner);
  }
}

function errorOf(issues: readonly Issue[], request: unknown): CapstanError {
  const unknownName = issues.find(({ code }) => code === "unrecognized_keys");
  const issue = innermost(unknownName ?? issues[0], []);
  const field = fieldOf(issue.path);
  if (issue.code === "unrecognized_keys") {
    const name = fieldOf([...issue.path, issue.keys[0]]);
    const message = `${name}: ${issue.message}`;
    return new CapstanError("INVALID_ARGUMENT", message, { details: { field: name } });
  }
  const value = valueAt(request, issue.path);
  if (value === undefined) {
    return new CapstanError("INVALID_ARGUMENT", `${field}: is missing; give ${expected(issue)}`, {
      details: { field, value: showValue(value), expected: expected(issue) },
    });
  }
  return invalidArgument(field, value, expected(issue));
}

/** Of a union, the branch that went deepest: the one that was meant. The path becomes whole. */
function innermost(issue: Issue, above: Path): Issue {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flat();
    const deeper =
      inner.find(({ code }) => code === "unrecognized_keys") ??
      inner.find((one) => one.path.length > 0 || one.code === "custom");
    if (deeper !== undefined) return innermost(deeper, path);
  }
  return { ...issue, path };
}

/** `a.b[2]`; the request itself is called so. */
function fieldOf(path: Path): string {
  let field = "";
  for (const part of path) {
    const name = shortName(String(part));
    if (typeof part === "number") field += `[${name}]`;
    else field += field === "" ? name : `.${name}`;
  }
  return field === "" ? "request" : field;
}

/** A name that a caller made up may be as long as its request. */
function shortName(name: string): string {
  return name.length <= shownCharactersMax ? name : `${name.slice(0, shownCharactersMax)}…`;
}

function valueAt(request: unknown, path: Path): unknown {
  let value = request;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as { readonly [name: PropertyKey]: unknown })[part];
  }
  return value;
}

const typeWords: { readonly [type: string]: string } = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

/** What should have been there. */
function expected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeWords[issue.expected] ?? issue.expected;
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_big":
      return `${sized(issue.origin)} at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "too_small":
      return `${sized(issue.origin)} at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "invalid_union": {
      const words = issue.errors.flatMap((branch) => branch.map((one) => expected(one)));
      return [...new Set(words)].join(", or ");
    }
    case "invalid_format":
      return issue.format === "datetime" ? "a time as in RFC 3339" : issue.message;
    default:
      return issue.message;
  }
}

function sized(origin: string): string {
  if (origin === "string") return "a string of";
  return origin === "array" ? "an array of" : "a number of";
}

function unitOf(origin: string): string {
  return origin === "string" ? " characters" : "";
}
