/**
 * Constraints as they are typed: one text, one condition on the attributes of a worker.
 *
 *     [prefer:] KEY = VALUE          KEY > NUMBER   (also >= < <=)
 *     [prefer:] KEY != VALUE         has KEY
 *     [prefer:] KEY in VALUE,VALUE   !KEY
 *
 * Spaces around an operator do not matter. `prefer:` in front only ranks the workers; elsewhere a
 * colon is part of a key, as in `taint:gpu`.
 *
 * @module
 */

import type { Constraint, ConstraintOperator } from "../model/constraints.ts";
import { CapstanError } from "../model/errors.ts";
import { parseConstraints } from "../model/parse-constraints.ts";

const key = "[A-Za-z0-9_][A-Za-z0-9._/:-]*";
const comparison = new RegExp(`^(${key})\\s*(!=|>=|<=|=|>|<)\\s*(.*)$`, "s");
const membership = new RegExp(`^(${key})\\s+in\\s+(.+)$`, "s");
const presence = new RegExp(`^has\\s+(${key})$`);
const absence = new RegExp(`^!\\s*(${key})$`);

interface Clause {
  readonly key: string;
  readonly op: ConstraintOperator;
  readonly values: readonly string[];
}

/**
 * All texts of `--constraint`, which hold together.
 *
 * @throws CapstanError INVALID_ARGUMENT naming the text and the forms, or INVALID_SPEC when two
 * contradict each other
 */
export function parseConstraintTexts(texts: readonly string[]): readonly Constraint[] {
  return parseConstraints("--constraint", texts.map(parseText));
}

function parseText(text: string): Clause & { readonly mode: Constraint["mode"] } {
  const preferred = /^\s*prefer:/.test(text);
  const clause = parseClause((preferred ? text.replace("prefer:", "") : text).trim());
  if (clause === null) throw unreadable(text);
  return { ...clause, mode: preferred ? "PREFERRED" : "REQUIRED" };
}

function parseClause(text: string): Clause | null {
  const [, present] = presence.exec(text) ?? [];
  if (present !== undefined) return { key: present, op: "exists", values: [] };
  const [, absent] = absence.exec(text) ?? [];
  if (absent !== undefined) return { key: absent, op: "not-exists", values: [] };
  return parseMembership(text) ?? parseComparison(text);
}

function parseMembership(text: string): Clause | null {
  const [, attribute, list] = membership.exec(text) ?? [];
  if (attribute === undefined) return null;
  const values = list.split(",").map((value) => value.trim());
  return values.includes("") ? null : { key: attribute, op: "in", values };
}

/** `a == b` is no comparison with "= b": whoever writes it means one equals sign. */
function parseComparison(text: string): Clause | null {
  const [, attribute, operator, value] = comparison.exec(text) ?? [];
  if (attribute === undefined || value.trim() === "" || value.startsWith("=")) return null;
  return { key: attribute, op: operator as ConstraintOperator, values: [value.trim()] };
}

function unreadable(text: string): CapstanError {
  const forms = "region=eu, region!=eu, 'region in eu,us', 'memory-gb>64', 'has gpu' or '!gpu'";
  return new CapstanError(
    "INVALID_ARGUMENT",
    `--constraint "${text}" is no condition: write ${forms}, with "prefer:" in front if it only ` +
      "ranks the workers",
  );
}
