/**
 * A program as a task: what `command` returns and `submit` takes in the place of a function.
 *
 * It starts nothing and knows no cluster.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import { CapstanError } from "../model/errors.ts";
import { parseCommand, type ResultOption } from "../model/parse-command.ts";
import { invalidArgument, parseFields } from "../model/parse-fields.ts";
import type { CommandRun } from "../model/spec.ts";
import { type BundleHandle, handleOf, noBundle } from "./bundle-uploads.ts";
import { packWorkspace } from "./workspace.ts";

/** Under this symbol a command carries its definition. */
export const commandSymbol: unique symbol = Symbol.for("capstan.command");

/** What `command` was told, checked. */
export interface CommandDefinition {
  /** For people: the last part of the program's path. */
  readonly name: string;
  /** All but the hash of its workspace, which is known when that is packed. */
  readonly run: CommandRun;
  /** Brings its workspace over, or `noBundle`. */
  readonly workspace: BundleHandle;
}

/** Anything that `command` returned. */
export interface AnyCommand {
  readonly [commandSymbol]: CommandDefinition;
}

declare const valueOfCommand: unique symbol;

/** A command whose value is a `T`. */
export interface Command<T> extends AnyCommand {
  /** Never there: carries the type. */
  readonly [valueOfCommand]?: () => T;
}

/** How a command runs. All of it is optional. */
export interface CommandOptions {
  /** Variables of its environment. This process's own are not copied. Default none. */
  readonly env?: { readonly [name: string]: string } | undefined;
  /** Where it starts, relative to its work directory, or absolute. Default the work directory. */
  readonly cwd?: string | undefined;
  /** Written to its standard input. Default nothing. */
  readonly stdin?: string | undefined;
  /**
   * What its value is: its standard output as `"json"` or `"text"`, a `{ file }` of its work
   * directory as bytes, or `"none"`, the default. A value that is not there fails the task.
   */
  readonly result?: ResultOption | undefined;
  /**
   * A directory of this machine whose contents are the work directory: packed when this command is
   * submitted for the first time, without what its `.capstanignore` lists. Default an empty one.
   */
  readonly workspace?: string | undefined;
  /** Names of ports that are chosen for each attempt: `CAPSTAN_PORT_<NAME>`. Default none. */
  readonly ports?: readonly string[] | undefined;
}

const optionNames = ["env", "cwd", "stdin", "result", "workspace", "ports"] as const;

/**
 * A program as a task: `client.submit(command(["python", "sim.py"], { result: "json" }), [])`.
 * `argv` is the program and its arguments; no shell reads them. It may run more than once, when its
 * worker dies. An exit code other than 0 fails it.
 *
 * Throws INVALID_ARGUMENT or INVALID_SPEC naming the option that is wrong.
 */
export function command<T = unknown>(
  argv: readonly string[],
  options: CommandOptions & { readonly result: "json" },
): Command<T>;
export function command(
  argv: readonly string[],
  options: CommandOptions & { readonly result: "text" },
): Command<string>;
export function command(
  argv: readonly string[],
  options: CommandOptions & { readonly result: { readonly file: string } },
): Command<Uint8Array>;
export function command(
  argv: readonly string[],
  options?: CommandOptions & { readonly result?: "none" | undefined },
): Command<undefined>;
export function command(argv: readonly string[], options: CommandOptions = {}): Command<unknown> {
  const { workspace, ...raw } = parseFields("", options, optionNames);
  const run = parseCommand({ ...raw, argv }, (name) => name);
  const handle = workspace === undefined ? noBundle : workspaceHandle(workspace);
  return { [commandSymbol]: { name: basename(run.argv[0]), run, workspace: handle } };
}

/** The definition of a command; null for anything else. */
export function commandDefinitionOf(value: unknown): CommandDefinition | null {
  return (value as Partial<AnyCommand> | null | undefined)?.[commandSymbol] ?? null;
}

/** The arguments of a command: none. Throws INVALID_ARGUMENT if there are some. */
export function argumentsOfCommand(args: unknown, field: string): readonly [] {
  if (args === undefined || (Array.isArray(args) && args.length === 0)) return [];
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `${field}: a command takes no arguments; write them into its argv, env, stdin or workspace. ` +
      "A future's value must be awaited first",
  );
}

function workspaceHandle(directory: unknown): BundleHandle {
  if (typeof directory !== "string" || directory === "") {
    throw invalidArgument("workspace", directory, 'the path of a directory, such as "."');
  }
  return handleOf(workspaceSource(resolve(directory)));
}

/** A directory, packed. */
export function workspaceSource(directory: string): BundleHandle["source"] {
  return {
    name: `the workspace ${directory}`,
    failure: "INVALID_ARGUMENT",
    read: async () => {
      const { hash, bytes } = await packWorkspace(directory);
      return { sha256: hash, code: bytes, exports: [] };
    },
  };
}
