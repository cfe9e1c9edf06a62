/**
 * A command as it is asked for, to what a worker runs. Everything that no operating system could
 * start, or that would not do what it says, is refused here and not on the worker.
 *
 * @module
 */

import {
  argvCountMax,
  commandBytesMax,
  commandStringBytesMax,
  environmentCountMax,
  pathCharactersMax,
  portCountMax,
  portNameCharactersMax,
  stdinBytesMax,
} from "./limits.ts";
import {
  fieldPath,
  invalidArgument,
  invalidSpec,
  parseArray,
  parseFields,
  parsePlainObject,
  showValue,
} from "./parse-fields.ts";
import {
  impossibleValue,
  isWellFormed,
  parseSha256,
  parseTextWithoutNul,
  utf8Length,
} from "./parse-job-fields.ts";
import type { CommandResult, CommandRun } from "./spec.ts";

/** What a command is made of, as written. Only `argv` must be there. */
export interface CommandFields {
  readonly argv?: unknown;
  readonly env?: unknown;
  readonly cwd?: unknown;
  readonly stdin?: unknown;
  readonly result?: unknown;
  readonly ports?: unknown;
  readonly workspace?: unknown;
}

/** How a field of a command is called where it was written: `argv` is `command.argv` in the API. */
export type CommandFieldPath = (name: keyof CommandFields) => string;

/** What a command's value is, as written: `{ file }` is a path in the work directory. */
export type ResultOption = "none" | "json" | "text" | { readonly file: string };

/**
 * @throws CapstanError INVALID_ARGUMENT or INVALID_SPEC, naming the field as `at` calls it
 */
export function parseCommand(written: CommandFields, at: CommandFieldPath): CommandRun {
  const { argv, env = {}, cwd = "", stdin = "", result = "none" } = written;
  const { ports = [], workspace = "" } = written;
  const run: CommandRun = {
    kind: "command",
    argv: parseArgv(at("argv"), argv),
    env: parseEnvironment(at("env"), env),
    cwd: parseDirectory(at("cwd"), cwd),
    workspace: workspace === "" ? "" : parseSha256(at("workspace"), workspace),
    ports: parsePorts(at("ports"), ports),
    stdin: parseStdin(at("stdin"), stdin),
    result: parseResult(at("result"), result),
  };
  checkSize(at("argv"), run);
  return run;
}

function parseArgv(field: string, value: unknown): readonly string[] {
  if (typeof value === "string") {
    const why = "is a string, and no shell reads it; give a list";
    throw invalidSpec(field, `${why}: ["sh", "-c", ${showValue(value)}], or one word an entry`);
  }
  const words = parseArray(field, value, argvCountMax).map((word, index) =>
    parseTextWithoutNul(`${field}[${index}]`, word, commandStringBytesMax),
  );
  if (words.length === 0) throw invalidSpec(field, "is empty; give a program and its arguments");
  if (words[0] === "") throw impossibleValue(`${field}[0]`, "", "the name or path of a program");
  return words;
}

function parseEnvironment(field: string, value: unknown): CommandRun["env"] {
  const entries = Object.entries(parsePlainObject(field, value));
  if (entries.length > environmentCountMax) {
    throw invalidSpec(field, `${entries.length} variables; at most ${environmentCountMax}`);
  }
  const parsed = entries.map(([name, text]): [string, string] => {
    checkVariableName(field, name);
    return [name, parseTextWithoutNul(fieldPath(field, name), text, commandStringBytesMax)];
  });
  return Object.fromEntries(parsed.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkVariableName(field: string, name: string): void {
  const isName = name !== "" && !/[=\0]/.test(name) && name !== "__proto__";
  if (!isName) {
    throw invalidSpec(field, `${showValue(name)} cannot be the name of a variable`);
  }
  if (name.startsWith("CAPSTAN_")) {
    const why = "names with CAPSTAN_ in front tell a task about itself; choose another";
    throw invalidSpec(fieldPath(field, name), why);
  }
}

function parseDirectory(field: string, value: unknown): string {
  const path = parseTextWithoutNul(field, value, pathCharactersMax);
  if (!path.startsWith("/") && leavesDirectory(path)) {
    throw impossibleValue(field, value, "inside the work directory; an absolute path may be");
  }
  return path;
}

/** True if one of its components is `..`, wherever the path would lead. */
function leavesDirectory(path: string): boolean {
  return path.split("/").includes("..");
}

function parseStdin(field: string, value: unknown): string {
  if (typeof value !== "string") throw invalidArgument(field, value, "a string");
  if (!isWellFormed(value)) throw impossibleValue(field, value, "text: it holds half a character");
  const bytes = utf8Length(value);
  if (bytes <= stdinBytesMax) return value;
  throw invalidSpec(field, `${bytes} bytes; at most ${stdinBytesMax}: put it in the workspace`);
}

const resultExpected = 'one of "none", "json", "text" and { file: "a path in the work directory" }';

function parseResult(field: string, value: unknown): CommandResult {
  if (value === "none" || value === "json" || value === "text") return { type: value };
  if (typeof value !== "object") throw invalidArgument(field, value, resultExpected);
  const { file } = parseFields(field, value, ["file"]);
  if (file === undefined) throw invalidArgument(field, value, resultExpected);
  const at = fieldPath(field, "file");
  const path = parseTextWithoutNul(at, file, pathCharactersMax);
  if (path === "" || path.startsWith("/") || leavesDirectory(path)) {
    throw impossibleValue(at, path, 'the path of a file in the work directory, such as "out.bin"');
  }
  return { type: "file", path };
}

const portPattern = /^[a-z][a-z0-9_-]*$/;

/** Names of ports. Throws as `parseCommand`. */
export function parsePorts(field: string, value: unknown): readonly string[] {
  const variables = new Set<string>();
  return parseArray(field, value, portCountMax).map((entry, index) => {
    const at = `${field}[${index}]`;
    const name = parseTextWithoutNul(at, entry, portNameCharactersMax);
    if (!portPattern.test(name)) {
      throw impossibleValue(at, name, 'the name of a port: a letter, then letters, digits, "_-"');
    }
    const variable = name.replaceAll("-", "_");
    if (variables.has(variable)) throw invalidSpec(at, `${showValue(name)} is given twice`);
    variables.add(variable);
    return name;
  });
}

/** What the operating system bounds together: the arguments and the environment. */
function checkSize(field: string, { argv, env }: CommandRun): void {
  const strings = [...argv, ...Object.entries(env).map(([name, text]) => `${name}=${text}`)];
  let total = 0;
  for (const text of strings) {
    const bytes = utf8Length(text) + 1;
    total += bytes;
    if (bytes <= commandStringBytesMax) continue;
    const start = showValue(text.slice(0, 20));
    const why = `an argument or variable of ${bytes} bytes, which begins with ${start}`;
    throw invalidSpec(field, `${why}; at most ${commandStringBytesMax}: put it in the workspace`);
  }
  if (total <= commandBytesMax) return;
  const why = `${total} bytes of arguments and environment; at most ${commandBytesMax}`;
  throw invalidSpec(field, `${why}: put them in a file of the workspace, or into stdin`);
}
