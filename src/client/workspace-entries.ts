/**
 * The entries of a directory that go into its workspace, in an order that depends on nothing but
 * their names.
 *
 * Everything that could not be unpacked as it is here is refused by its name, never left out.
 *
 * @module
 */

import type { Dirent } from "node:fs";
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { CapstanError } from "../model/errors.ts";
import { workspaceBytesMax, workspaceEntriesMax } from "./limits.ts";
import { type IgnoreRule, parseIgnoreRule } from "./workspace-ignore.ts";

/** Where a directory says what does not belong to its workspace. */
export const ignoreFile = ".capstanignore";

/**
 * Relative paths with `/` between names, parents before what they hold. Rejects with
 * INVALID_ARGUMENT naming the entry: a link that leads out, what is no file, too much of anything.
 */
export async function listEntries(directory: string): Promise<readonly string[]> {
  const root = await readableRoot(directory);
  const walk = new Walk(root, parseIgnoreRule(await readIgnoreFile(root)));
  await walk.run();
  return walk.paths;
}

/** What is wrong with the workspace at `path`. */
export function workspaceError(path: string, why: string, cause?: unknown): CapstanError {
  const message = `workspace: ${JSON.stringify(path)} ${why}`;
  return new CapstanError("INVALID_ARGUMENT", message, {
    details: { field: "workspace", path },
    cause,
  });
}

async function readableRoot(directory: string): Promise<string> {
  try {
    const root = await realpath(directory);
    if ((await lstat(root)).isDirectory()) return root;
  } catch (error) {
    throw workspaceError(directory, `cannot be read: ${messageOf(error)}`, error);
  }
  throw workspaceError(directory, "is not a directory");
}

async function readIgnoreFile(root: string): Promise<string> {
  try {
    return await readFile(join(root, ignoreFile), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw workspaceError(ignoreFile, `cannot be read: ${messageOf(error)}`, error);
  }
}

class Walk {
  readonly paths: string[] = [];
  readonly #root: string;
  readonly #isIgnored: IgnoreRule;
  #bytes = 0;
  #largest = { path: "", bytes: 0 };

  constructor(root: string, isIgnored: IgnoreRule) {
    this.#root = root;
    this.#isIgnored = isIgnored;
  }

  async run(): Promise<void> {
    for (const open = [""]; open.length > 0; ) {
      const directory = open.pop() ?? "";
      const below = await this.#directory(directory);
      open.push(...below.toReversed());
    }
  }

  /** Takes what lies directly in a directory; the directories among it are still to be read. */
  async #directory(directory: string): Promise<string[]> {
    const entries = await this.#read(directory);
    const directories: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (this.#isIgnored(path, entry.isDirectory())) continue;
      if (entry.isDirectory()) directories.push(path);
      else await this.#checkEntry(path, entry);
      this.paths.push(path);
      this.#checkCount();
    }
    return directories;
  }

  async #read(directory: string): Promise<Dirent[]> {
    try {
      return await readdir(join(this.#root, directory), { withFileTypes: true });
    } catch (error) {
      throw workspaceError(directory, `cannot be read: ${messageOf(error)}`, error);
    }
  }

  async #checkEntry(path: string, entry: Dirent): Promise<void> {
    if (entry.isFile()) return this.#countFile(path);
    if (entry.isSymbolicLink()) return this.#checkLink(path);
    const why = "is neither a file nor a directory nor a link";
    throw workspaceError(path, `${why}; list it in ${ignoreFile}`);
  }

  async #countFile(path: string): Promise<void> {
    const { size } = await lstat(join(this.#root, path));
    this.#bytes += size;
    if (size > this.#largest.bytes) this.#largest = { path, bytes: size };
    if (this.#bytes <= workspaceBytesMax) return;
    const { path: largest, bytes } = this.#largest;
    throw workspaceError(
      this.#root,
      `holds more than ${workspaceBytesMax} bytes; list what tasks do not need in ${ignoreFile}. ` +
        `The largest file so far is ${JSON.stringify(largest)} (${bytes} bytes)`,
    );
  }

  #checkCount(): void {
    if (this.paths.length <= workspaceEntriesMax) return;
    const why = `holds more than ${workspaceEntriesMax} files, links and directories`;
    throw workspaceError(this.#root, `${why}; list what tasks do not need in ${ignoreFile}`);
  }

  /** A link is kept as a link: where it leads must be there on the worker too. */
  async #checkLink(path: string): Promise<void> {
    const target = await readlink(join(this.#root, path));
    const directory = join(this.#root, path, "..");
    if (isAbsolute(target) || !isWithin(this.#root, join(directory, target))) {
      throw leadsOut(path, target);
    }
    try {
      if (isWithin(this.#root, await realpath(join(this.#root, path)))) return;
    } catch (error) {
      // It leads to nothing, here as there; its text stays within.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw workspaceError(path, `cannot be followed: ${messageOf(error)}`, error);
    }
    throw leadsOut(path, target);
  }
}

function leadsOut(path: string, target: string): CapstanError {
  const why = `is a link to ${JSON.stringify(target)}, which no worker has`;
  return workspaceError(path, `${why}; list it in ${ignoreFile}, or copy what it leads to`);
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
