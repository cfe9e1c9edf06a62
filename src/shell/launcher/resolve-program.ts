/**
 * Finds the program of an order before anything is started, so that a start that cannot succeed is
 * told in words that name the field and not by an error number.
 *
 * @module
 */

import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { LaunchOrder } from "./launch-order.ts";
import { programFoundMs, programsFoundMax } from "./limits.ts";

/** Where a program is looked for when the order has no PATH. */
const pathWithoutPath = "/usr/local/bin:/usr/bin:/bin";

/** As much as Linux reads of a script's first line. */
const beginningBytes = 256;

/** The program's file, or why the order cannot be carried out. */
export type Resolved =
  | { readonly type: "found"; readonly file: string }
  | { readonly type: "refused"; readonly message: string };

type Wanted = Pick<LaunchOrder, "argv" | "env" | "cwd" | "logDirectory">;

/** Checks the directories and finds `argv[0]` as `execvp` would, relative to `cwd`. */
export function resolveProgram({ argv, env, cwd, logDirectory }: Wanted): Resolved {
  if (!isDirectory(cwd)) {
    return refused(`cwd: ${JSON.stringify(cwd)} is not a directory on this worker; create it`);
  }
  if (!isDirectory(logDirectory)) {
    return refused(`logDirectory: ${JSON.stringify(logDirectory)} is not a directory; create it`);
  }
  const key = cacheKey(argv[0], env.PATH ?? pathWithoutPath);
  const known = key === "" ? null : cachedFile(key);
  if (known !== null) return found(known);
  const resolved = findProgram(argv[0], env, cwd);
  if (resolved.type === "found" && key !== "") remember(key, resolved.file);
  return resolved;
}

/** A job's commands are the same a thousand times. What was found is believed for a moment. */
const cache = new Map<string, { readonly file: string; readonly foundAt: number }>();

/** "" if it depends on the directory. */
function cacheKey(name: string, path: string): string {
  if (name.includes("/")) return name.startsWith("/") ? name : "";
  return path.split(":").every((each) => each.startsWith("/")) ? `${name}\0${path}` : "";
}

function cachedFile(key: string): string | null {
  const entry = cache.get(key);
  if (entry === undefined) return null;
  if (performance.now() - entry.foundAt <= programFoundMs) return entry.file;
  cache.delete(key);
  return null;
}

function remember(key: string, file: string): void {
  if (cache.size >= programsFoundMax) cache.clear();
  cache.set(key, { file, foundAt: performance.now() });
}

function findProgram(name: string, env: Wanted["env"], cwd: string): Resolved {
  const shown = JSON.stringify(name);
  if (name === "") return refused('argv[0]: "" is not a program; name one');
  if (name.includes("/")) {
    const why = whyNot(resolve(cwd, name));
    if (why !== "") return refused(`argv[0]: ${shown} ${why}`);
    return checkInterpreter(name, resolve(cwd, name));
  }
  const path = env.PATH ?? pathWithoutPath;
  const file = path
    .split(":")
    .map((directory) => resolve(cwd, directory, name))
    .find((candidate) => whyNot(candidate) === "");
  if (file !== undefined) return checkInterpreter(name, file);
  const advice = "install it on the worker, set env.PATH, or give its full path";
  return refused(`argv[0]: ${shown} is no executable file in PATH (${path}); ${advice}`);
}

/** A script is no use without the program that its first line names. */
function checkInterpreter(name: string, file: string): Resolved {
  const interpreter = /^#!\s*(\S+)/.exec(readBeginning(file))?.[1];
  if (interpreter === undefined || !interpreter.startsWith("/")) return found(file);
  const why = whyNot(interpreter);
  if (why === "") return found(file);
  return refused(`argv[0]: the interpreter of ${JSON.stringify(name)}, ${interpreter}, ${why}`);
}

/** "" if it may not be read, which does not keep a program from being run. */
function readBeginning(file: string): string {
  let end = -1;
  try {
    end = openSync(file, "r");
    const bytes = Buffer.alloc(beginningBytes);
    return bytes.toString("latin1", 0, readSync(end, bytes, 0, beginningBytes, 0));
  } catch {
    return "";
  } finally {
    if (end !== -1) closeSync(end);
  }
}

function whyNot(file: string): string {
  try {
    if (statSync(file).isDirectory()) return "is a directory, not a program";
    accessSync(file, constants.X_OK);
    return "";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES") return "may not be executed (EACCES); chmod +x it";
    return `does not exist on this worker (${code}); install it or name another`;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const found = (file: string): Resolved => ({ type: "found", file });
const refused = (message: string): Resolved => ({ type: "refused", message });
