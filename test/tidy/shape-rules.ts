/**
 * The shape of files: headers, lengths, names, words.
 *
 * @module
 */

import { blankCode } from "./blank-code.ts";
import type { Problem, SourceFile } from "./repository.ts";
import { isCode, isTest, lineAt } from "./repository.ts";

export const fileLinesMax = 600;
export const testLinesMax = 800;
export const lineColumnsMax = 100;
export const functionLinesMax = 70;
export const functionLinesMedianMax = 12;

/** The first thing in a file is its header, and it says `@module`. */
export function checkHeader(file: SourceFile): readonly Problem[] {
  const header = /^(?:#![^\n]*\n)?\/\*\*[\s\S]*?\*\//.exec(file.text)?.[0] ?? "";
  if (/^ \* @module$/m.test(header)) return [];
  return [{ path: file.path, line: 1, message: "no header comment with @module" }];
}

export function checkFileLength(file: SourceFile): readonly Problem[] {
  const most = isTest(file) ? testLinesMax : fileLinesMax;
  const lines = file.text.split("\n").length - 1;
  if (lines <= most) return [];
  return [{ path: file.path, line: lines, message: `${lines} lines, at most ${most}` }];
}

export function checkLineLength(file: SourceFile): readonly Problem[] {
  return file.text.split("\n").flatMap((line, index) => {
    if (line.length <= lineColumnsMax) return [];
    return [{ path: file.path, line: index + 1, message: `${line.length} columns` }];
  });
}

/** A function's body in braces, and how many lines it takes from its head to its end. */
export interface FunctionSpan {
  readonly line: number;
  readonly lines: number;
}

const notFunctions = /^(?:if|for|while|switch|catch|with|else|do|try|class|interface|enum)\b/;
const methodHead = /^(?:[\w#$[\].*]+\s+)*[\w#$[\].*]+\s*(?:<[^(]*>)?\([\s\S]*\)/;

/**
 * Finds functions by their braces: `function …{`, `=> {` and `name(…) {` in classes and objects.
 * A heuristic: it does not see an arrow function whose body is an expression, and a type in the
 * position of a body would fool it. Nested functions count for themselves and for what holds them;
 * the function that `describe` groups tests in is not one.
 */
export function functionsOf(text: string): readonly FunctionSpan[] {
  const code = blankCode(text, { keepStrings: false });
  const spans: FunctionSpan[] = [];
  const open: { head: number; body: boolean }[] = [];
  let head = 0;
  for (let at = 0; at < code.length; at++) {
    const char = code[at];
    if (char === "(" || char === "[" || char === "{") {
      open.push({ head, body: char === "{" && isFunction(code, head, at) });
      head = at + 1;
    } else if (char === ")" || char === "]" || char === "}") {
      const opened = open.pop();
      if (opened?.body === true) spans.push(spanOf(code, opened.head, at));
      head = opened === undefined || endsStatement(code, at) ? at + 1 : opened.head;
    } else if (char === ";" || char === ",") head = at + 1;
  }
  return spans;
}

const testGroup = /\b(?:describe|suite)\([^()]*,\s*(?:async\s*)?\(\s*\)\s*=>\s*$/;

/** True if the brace at `at`, whose statement begins at `start`, opens the body of a function. */
function isFunction(code: string, start: number, at: number): boolean {
  const head = code.slice(start, at).trim();
  if (testGroup.test(code.slice(Math.max(0, at - 300), at))) return false;
  if (/=>$/.test(head)) return true;
  if (notFunctions.test(head) || /[=:]$/.test(head)) return false;
  return /\bfunction\b/.test(head) || methodHead.test(head);
}

/** A brace closed a statement unless what follows goes on with it: `): { a: number } {`. */
function endsStatement(code: string, at: number): boolean {
  return code[at] === "}" && !/^\s*[{|&[=>).,;]/.test(code.slice(at + 1, at + 60));
}

function spanOf(code: string, head: number, end: number): FunctionSpan {
  const start = head + code.slice(head, end).search(/\S/);
  const line = lineAt(code, start);
  return { line, lines: lineAt(code, end) - line + 1 };
}

export function checkFunctionLength(file: SourceFile): readonly Problem[] {
  return functionsOf(file.text)
    .filter(({ lines }) => lines > functionLinesMax)
    .map(({ line, lines }) => ({
      path: file.path,
      line,
      message: `a function of ${lines} lines, at most ${functionLinesMax}`,
    }));
}

const kebabName = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/;
const emptyNames = new Set(["utils", "util", "helpers", "helper", "manager", "misc", "common"]);

/** Folders and files, but a README, are in kebab case and are called after what they hold. */
export function checkName(file: SourceFile): readonly Problem[] {
  return file.path.split("/").flatMap((part) => {
    const words = part.replace(/\.[a-z]+$/, "").split(/[-.]/);
    const empty = words.some((word) => emptyNames.has(word));
    if (empty) return [{ path: file.path, line: 0, message: `"${part}" says nothing` }];
    if (kebabName.test(part) || part === "README.md") return [];
    return [{ path: file.path, line: 0, message: `"${part}" is not in kebab case` }];
  });
}

/** Written in pieces, so that this file does not break its own rules. */
const words: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b${"TO"}${"DO"}\\b|\\b${"FIX"}${"ME"}\\b|\\b${"XX"}${"X"}\\b`), "unfinished work"],
  [new RegExp(`@ts-${"ignore"}|@ts-${"nocheck"}`), "the compiler is silenced"],
  [new RegExp(`${"biome"}-ignore|${"eslint"}-disable`), "the linter is silenced"],
  [new RegExp(`(?:^|[^\\w./-])/${"work"}/|/${"home"}/[a-z]`), "a path of one machine"],
  [
    new RegExp(`\\b(?:sub${"agent"}|chat${"gpt"}|cla${"ude"}|copi${"lot"})s?\\b`, "i"),
    "who wrote it",
  ],
];

export function checkWords(file: SourceFile): readonly Problem[] {
  return file.text
    .split("\n")
    .flatMap((line, index) =>
      words
        .filter(([pattern]) => pattern.test(line))
        .map(([, message]) => ({ path: file.path, line: index + 1, message })),
    );
}

/** Hosts that a text may name; everything else could be where somebody happened to work. */
const knownHosts = new Set([
  "localhost",
  "127.0.0.1",
  "0.0.0.0",
  "[::1]",
  "doi.org",
  "github.com",
  "json-schema.org",
  "keepachangelog.com",
  "nodejs.org",
  "semver.org",
  "www.apache.org",
  "www.w3.org",
]);

export function checkHosts(file: SourceFile): readonly Problem[] {
  return [...file.text.matchAll(/\b(?:https?|wss?):\/\/(\[[^\]\s]*\]|[a-z0-9.-]+)/gi)]
    .filter(([, host]) => !isKnownHost(host.toLowerCase()))
    .map((match) => ({
      path: file.path,
      line: lineAt(file.text, match.index),
      message: `the host ${match[1]} is not on the list of the tidy rules`,
    }));
}

function isKnownHost(host: string): boolean {
  if (!host.startsWith("[") && !host.includes(".")) return true; // A name made up in an example.
  return knownHosts.has(host) || /(?:^|\.)(?:example(?:\.com|\.org)?|invalid|test)$/.test(host);
}

const bannedCode: readonly (readonly [RegExp, string])[] = [
  [/\bexport\s+default\b|\bas\s+default\b/g, "a default export"],
  [/\bas\s+any\b|:\s*any\b(?!\s*[:?(.])|<any>/g, "any"],
  [/\b(?:const\s+)?enum\s+\w+\s*\{/g, "an enum"],
  [/\bnamespace\s+\w+\s*\{/g, "a namespace"],
];

export function checkBannedCode(file: SourceFile): readonly Problem[] {
  const code = blankCode(file.text, { keepStrings: false });
  return bannedCode.flatMap(([pattern, message]) =>
    [...code.matchAll(pattern)].map((match) => ({
      path: file.path,
      line: lineAt(code, match.index),
      message,
    })),
  );
}

/** A comment that expects a type error is for the tests of types. */
export function checkExpectedErrors(file: SourceFile): readonly Problem[] {
  if (!isCode(file) || file.path.startsWith("test/types/")) return [];
  const at = file.text.search(new RegExp(`@ts-${"expect"}-error`));
  if (at === -1) return [];
  return [{ path: file.path, line: lineAt(file.text, at), message: "an expected type error" }];
}

/** What turns text into markup or code: what people name things must stay text. */
export function checkMarkup(file: SourceFile): readonly Problem[] {
  const wrong = /\b(?:innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|eval)\b/g;
  return [...file.text.matchAll(wrong)].map((match) => ({
    path: file.path,
    line: lineAt(file.text, match.index),
    message: `${match[0]}: text becomes markup`,
  }));
}
