/**
 * Writes the pages under `docs/` that repeat what the code says: `docs/limits.md` from every
 * `limits.ts` and `…-limits.ts` below `src/`, and `docs/reference/errors.md` from the error
 * registry. A tidy test fails when a page is not what this would write; `npm run docs` writes
 * them.
 *
 * @module
 */

import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { errorRegistry } from "../src/model/errors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A named bound of the code. `meaning` says what it bounds and what happens past it. */
export interface Limit {
  readonly file: string;
  readonly name: string;
  readonly value: unknown;
  readonly unit: string;
  readonly meaning: string;
}

/** A page and what it should hold. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** Every page, rendered from the code as it is now. */
export async function renderPages(): Promise<readonly Page[]> {
  return [
    { path: "docs/limits.md", text: limitsPage(await readLimits()) },
    { path: "docs/reference/errors.md", text: errorsPage() },
  ];
}

/** Every exported constant of every `limits.ts`, in the order of files and of lines. */
export async function readLimits(): Promise<readonly Limit[]> {
  const limits: Limit[] = [];
  for (const file of globSync("src/**/*limits.ts", { cwd: root }).sort(compareTexts)) {
    const values: { readonly [name: string]: unknown } = await import(
      pathToFileURL(join(root, file)).href
    );
    const meanings = meaningsOf(readFileSync(join(root, file), "utf8"));
    for (const [name, meaning] of meanings) {
      limits.push({ file, name, value: values[name], unit: unitOf(name), meaning });
    }
  }
  return limits;
}

const declaration = /^export const (\w+)(?:: \w+)? = /;

/** The docstring of each exported constant; constants without a line between them share one. */
export function meaningsOf(text: string): ReadonlyMap<string, string> {
  const meanings = new Map<string, string>();
  let comment = "";
  for (const line of withCommentsOnOneLine(text).split("\n")) {
    const name = declaration.exec(line)?.[1];
    const documented = /^\/\*\* (.*) \*\/$/.exec(line)?.[1];
    if (documented !== undefined) comment = documented;
    else if (name !== undefined) meanings.set(name, comment);
    else if (line.trim() === "") comment = "";
  }
  return meanings;
}

function withCommentsOnOneLine(text: string): string {
  return text.replace(/\/\*\*[\s\S]*?\*\//g, (comment) => {
    const words = comment.slice(3, -2).replace(/^\s*\* ?/gm, "");
    return `/** ${words.replace(/\s+/g, " ").trim()} */`;
  });
}

const units: readonly (readonly [RegExp, string])[] = [
  [/Bytes/, "bytes"],
  [/Ms(?![a-z])/, "milliseconds"],
  [/Us(?![a-z])/, "microseconds"],
  [/Char(?:acter)?s/, "characters"],
  [/Digits/, "digits"],
  [/Rows/, "rows"],
  [/Pages/, "pages"],
  [/Depth/, "levels"],
];

/** The unit stands in the name; what has none is counted. */
export function unitOf(name: string): string {
  return units.find(([pattern]) => pattern.test(name))?.[1] ?? "count";
}

function limitsPage(limits: readonly Limit[]): string {
  const lines = [
    "# Limits",
    "",
    "Every queue, batch, cache, wait and retry has a bound, and every bound is a named constant",
    "in a `limits.ts` under `src/`. The last column says what it bounds and what happens past it.",
    "",
    "This page is written by `npm run docs`; a test keeps it equal to the code.",
  ];
  let file = "";
  for (const limit of limits) {
    if (limit.file !== file) {
      file = limit.file;
      lines.push("", `## ${file}`, "", "| name | value | unit | what it bounds, and past it |");
      lines.push("| --- | ---: | --- | --- |");
    }
    const { name, unit, meaning } = limit;
    lines.push(`| \`${name}\` | ${showNumber(limit.value)} | ${unit} | ${cell(meaning)} |`);
  }
  return `${lines.join("\n")}\n`;
}

function errorsPage(): string {
  const lines = [
    "# Errors",
    "",
    "Every failure at a boundary has a code of this closed set: in the body of an HTTP error, in",
    "`CapstanError.code` of the SDK, and with `--json` on the standard error of the CLI:",
    "",
    "```json",
    '{ "error": { "code": "NOT_FOUND", "message": "…", "details": {}, "retryable": false } }',
    "```",
    "",
    "*Retryable* means that the same call may succeed later without a change.",
    "",
    "This page is written by `npm run docs`; a test keeps it equal to `src/model/errors.ts`.",
    "",
    "| code | HTTP status | exit code | retryable | meaning |",
    "| --- | ---: | ---: | --- | --- |",
  ];
  for (const [code, { httpStatus, exitCode, retryable, meaning }] of Object.entries(
    errorRegistry,
  )) {
    const again = retryable ? "yes" : "no";
    lines.push(`| \`${code}\` | ${httpStatus} | ${exitCode} | ${again} | ${cell(meaning)} |`);
  }
  return `${lines.join("\n")}\n`;
}

/** Whole numbers with a comma every three digits; anything else as JSON. */
function showNumber(value: unknown): string {
  if (typeof value !== "number") return `\`${JSON.stringify(value)}\``;
  const [whole, fraction] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

if (import.meta.main) {
  for (const { path, text } of await renderPages()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(path);
  }
}
