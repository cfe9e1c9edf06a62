/**
 * What is done to the command line before stricli sees it: global flags may stand before the
 * command, and `rpc` takes the fields of its request as flags.
 *
 * @module
 */

import { valuedGlobalFlags } from "./global-flags.ts";

/** The command line in the one order that the commands know. */
export function arrangeArguments(argv: readonly string[]): readonly string[] {
  const moved = moveGlobalFlags(argv);
  return moved[0] === "rpc" ? gatherRequestFields(moved) : moved;
}

/** Whether errors are to be printed as JSON, also when the command line cannot be read. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).includes("--json");
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

/** `rpc controller M --job_id /x --page_size 5` becomes `rpc M {"jobId":"/x","pageSize":5}`. */
function gatherRequestFields(argv: readonly string[]): readonly string[] {
  const kept: string[] = [];
  const fields: { [name: string]: unknown } = {};
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i];
    if (i === 1 && argument === "controller" && argv.length > 2) continue;
    if (!/^--[a-z][a-z0-9_]*(=|$)/.test(argument) || isGlobal(argument)) {
      kept.push(argument);
      if (valuedGlobalFlags.includes(argument) && i + 1 < argv.length) kept.push(argv[++i]);
      continue;
    }
    const equals = argument.indexOf("=");
    const name = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
    fields[camelCase(name)] = parseValue(
      equals < 0 ? (argv[++i] ?? "") : argument.slice(equals + 1),
    );
  }
  return Object.keys(fields).length === 0 ? kept : withFields(kept, fields);
}

function isGlobal(argument: string): boolean {
  return (
    ["--json", "--help", ...valuedGlobalFlags].includes(argument) || isAssignedGlobal(argument)
  );
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/** Numbers, booleans, lists and objects as JSON; everything else is text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // A word, an id or a path: not JSON, and not meant to be.
  }
}

/** The request goes right behind the method's name. */
function withFields(kept: readonly string[], fields: object): readonly string[] {
  const method = kept.findIndex((argument, index) => index > 0 && !argument.startsWith("-"));
  const place = method < 0 ? kept.length : method + 1;
  return [...kept.slice(0, place), JSON.stringify(fields), ...kept.slice(place)];
}
