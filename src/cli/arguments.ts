/**
 * What is done to the command line before stricli sees it: global flags may stand before the
 * command, `rpc` takes the fields of its request as flags, and the program that `run` is given
 * stands behind `--`, where nothing is a flag of ours. `help` and `version` are words for flags.
 *
 * @module
 */

import { valuedGlobalFlags } from "./global-flags.ts";

/** A command line in the one order that the commands know. */
export interface Arranged {
  readonly argv: readonly string[];
  /** What `run` found behind `--`; null if there is no `--`, and for every other command. */
  readonly program: readonly string[] | null;
}

/** Arranges a command line as it was typed. Nothing is checked here. */
export function arrangeArguments(argv: readonly string[]): Arranged {
  const moved = spellOut(moveGlobalFlags(argv));
  if (moved[0] === "rpc") return { argv: gatherRequestFields(moved), program: null };
  const dashes = moved.indexOf("--");
  if (moved[0] !== "run" || dashes < 0) return { argv: moved, program: null };
  return { argv: moved.slice(0, dashes), program: moved.slice(dashes + 1) };
}

/** Whether errors are to be printed as JSON, also when the command line cannot be read. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).includes("--json");
}

/** `help task list` becomes `task list --help`, `version` becomes `--version`. */
function spellOut(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === "help") return [...rest.filter((word) => word !== "--help"), "--help"];
  return first === "version" && !rest.includes("--help") ? ["--version", ...rest] : argv;
}

/** `--url X task list` becomes `task list --url X`. */
function moveGlobalFlags(argv: readonly string[]): readonly string[] {
  let start = 0;
  while (start < argv.length) {
    if (valuedGlobalFlags.includes(argv[start]) && start + 1 < argv.length) start += 2;
    else if (argv[start] === "--json" || isAssignedGlobal(argv[start])) start += 1;
    else break;
  }
  const end = argv.indexOf("--");
  const rest = end < 0 ? argv.length : end;
  return [...argv.slice(start, rest), ...argv.slice(0, start), ...argv.slice(rest)];
}

function isAssignedGlobal(argument: string): boolean {
  return valuedGlobalFlags.some((flag) => argument.startsWith(`${flag}=`));
}

/** `rpc controller M --job_id /x --pageSize 5` becomes `rpc M {"jobId":"/x","pageSize":5}`. */
function gatherRequestFields(argv: readonly string[]): readonly string[] {
  const flags: string[] = [];
  const words: string[] = [];
  const fields: { [name: string]: unknown } = {};
  for (let i = 1; i < argv.length; i++) {
    const argument = argv[i];
    if (!argument.startsWith("-")) {
      words.push(argument);
    } else if (isGlobal(argument) || !fieldFlag.test(argument)) {
      flags.push(argument);
      if (valuedGlobalFlags.includes(argument) && i + 1 < argv.length) flags.push(argv[++i]);
    } else {
      const value = argument.includes("=") ? null : valueBehind(argv, i);
      if (value !== null) i++;
      addField(fields, argument, value);
    }
  }
  if (words[0] === "controller" && words.length > 1) words.shift();
  return ["rpc", ...withFields(words, fields), ...flags];
}

const fieldFlag = /^--[a-z][A-Za-z0-9_-]*(=|$)/s;

/** The next argument, unless it is a flag itself: `--unfinished` alone means true. */
function valueBehind(argv: readonly string[], index: number): string | null {
  const next = argv[index + 1];
  return next === undefined || next.startsWith("--") ? null : next;
}

function addField(
  fields: { [name: string]: unknown },
  argument: string,
  value: string | null,
): void {
  const equals = argument.indexOf("=");
  const name = camelCase(argument.slice(2, equals < 0 ? undefined : equals));
  fields[name] = equals < 0 ? parseValue(value ?? "true") : parseValue(argument.slice(equals + 1));
}

function isGlobal(argument: string): boolean {
  return (
    ["--json", "--help", ...valuedGlobalFlags].includes(argument) || isAssignedGlobal(argument)
  );
}

function camelCase(name: string): string {
  return name.replaceAll(/[_-]([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/** Numbers, booleans, lists and objects as JSON; everything else is text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // A word, an id or a path: not JSON, and not meant to be.
  }
}

/** The request goes right behind the method's name, with what was typed as JSON below it. */
function withFields(words: readonly string[], fields: object): readonly string[] {
  if (Object.keys(fields).length === 0) return words;
  const [method = "", typed = "{}", ...rest] = words;
  const base = parseValue(typed);
  if (typeof base !== "object" || base === null || Array.isArray(base)) return words;
  return [method, JSON.stringify({ ...base, ...fields }), ...rest];
}
