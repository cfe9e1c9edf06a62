/**
 * Making a directory that a process keeps its files in.
 *
 * @module
 */

import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CapstanError } from "../model/errors.ts";

/**
 * Makes the directory with its parents, for its owner alone; one that is there stays as it is.
 * `what` names it in the error.
 *
 * One by one: a recursive `mkdir` never returns below a directory in which none can be made and
 * whose file system answers ENOENT, such as `/proc`.
 *
 * @throws CapstanError DISK_FAILED
 */
export function makeDirectory(path: string, what: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  try {
    for (const directory of missing.reverse()) makeOne(directory);
    mkdirSync(path, { recursive: true, mode: 0o700 }); // Throws if a file is there.
  } catch (error) {
    const message = `${what} ${path} cannot be created: ${(error as Error).message}`;
    throw new CapstanError("DISK_FAILED", message, { cause: error });
  }
}

function makeOne(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(directory)) throw error; // Else somebody else has made it meanwhile.
  }
}
