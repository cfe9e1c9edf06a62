/**
 * Starts the launcher's process: small, in a session of its own, with nothing of the worker's
 * environment that could be a secret.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launcherLogBytesMax, launcherOldMebibytes, launcherYoungMebibytes } from "./limits.ts";

const logName = "launcher.log";
const logTailCharacters = 4_000;

/** What the launcher may see: where programs and temporary files are, what attempt it is in. */
const passedOn = [
  "PATH",
  "TMPDIR",
  "NODE_COMPILE_CACHE",
  "CAPSTAN_ATTEMPT_ID",
  "CAPSTAN_LAUNCH",
] as const;

/**
 * Without optimising compilers, which by themselves are larger than all that the launcher has to
 * remember: 53 MiB instead of 60, and 58 instead of 69 after 300 attempts at once. It waits for the
 * kernel most of its time; 80 MB of log lines take 0.5 s instead of 0.3.
 */
const interpretedFlags = ["--no-opt", "--no-maglev"];

/** Does not wait for it. The caller's process may end before it. */
export function startLauncher(stateDirectory: string, useCgroups: boolean): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`../launcher-entry.${extension}`, import.meta.url));
  const log = openLog(stateDirectory);
  const child = spawn(
    process.execPath,
    [
      `--max-semi-space-size=${launcherYoungMebibytes}`,
      `--max-old-space-size=${launcherOldMebibytes}`,
      ...interpretedFlags,
      "--disable-warning=ExperimentalWarning",
      entry,
      stateDirectory,
      ...(useCgroups ? [] : ["--no-cgroups"]),
    ],
    // The root is a directory that nobody wants to remove while the launcher is in it.
    { cwd: "/", detached: true, env: environment(), stdio: ["ignore", log, log] },
  );
  closeSync(log);
  child.unref();
  return child;
}

/** The end of what launchers of this directory logged. */
export function launcherLogTail(stateDirectory: string): string {
  return readFileSync(join(stateDirectory, logName), "utf8").slice(-logTailCharacters).trim();
}

function environment(): { [name: string]: string } {
  const kept: { [name: string]: string } = {};
  for (const name of passedOn) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function openLog(stateDirectory: string): number {
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const log = openSync(join(stateDirectory, logName), "a", 0o600);
  if (fstatSync(log).size > launcherLogBytesMax) ftruncateSync(log, 0);
  return log;
}
