/**
 * Where what lies in a worker's work directory. Whoever started the worker finds it there too.
 *
 * @module
 */

import { resolve } from "node:path";

/** One directory for each attempt of a command: where it runs, what it leaves, what it wrote. */
export function attemptsDirectoryOf(workDir: string): string {
  return resolve(workDir, "attempts");
}

/** What the launcher needs to be found again. */
export function launcherDirectoryOf(workDir: string): string {
  return resolve(workDir, "launcher");
}

/** Modules of functions, by their hash. */
export function bundlesDirectoryOf(workDir: string): string {
  return resolve(workDir, "bundles");
}

/** Values that do not fit in memory. Nothing of it outlives the process. */
export function spilledDirectoryOf(workDir: string): string {
  return resolve(workDir, "spilled");
}

/** Archives that commands unpack, by their hash. */
export function workspacesDirectoryOf(workDir: string): string {
  return resolve(workDir, "workspaces");
}

/** The processes that run functions: their door, and what they say of themselves. */
export function processesDirectoryOf(workDir: string): string {
  return resolve(workDir, "processes");
}
