/**
 * What a worker leaves on its machine when its own process is killed: its launcher, and what the
 * launcher runs. Found and ended without asking anybody, for whoever started the worker.
 *
 * Linux only, as the launcher is. Must not touch what belongs to another work directory.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { processDirectoryVariable } from "../shell/executor/process-messages.ts";
import { findLauncher } from "../shell/launcher/claims.ts";
import {
  listPids,
  type ProcessIdentity,
  readEnvironment,
  sightProcess,
  signalProcess,
} from "../shell/launcher/process-table.ts";
import {
  attemptsDirectoryOf,
  launcherDirectoryOf,
  processesDirectoryOf,
} from "../shell/worker-process/work-directory.ts";
import { killRoundsMax } from "./limits.ts";

/** The launcher of the worker with this work directory, if it lives; else null. */
export function launcherOf(workDir: string): ProcessIdentity | null {
  const stateDirectory = launcherDirectoryOf(workDir);
  return existsSync(stateDirectory) ? findLauncher(stateDirectory) : null;
}

/**
 * Kills the launcher of this work directory and every command of it, at once, and returns when
 * they are gone. The worker's own process must be gone, stopped or killed with it: it would start
 * another launcher.
 */
export function killHostProcesses(workDir: string): void {
  // What is just being born escapes one look, and what is dying is seen once more.
  for (let round = 0; round < killRoundsMax; round++) {
    // The launcher first: it would tell of the ends of the others, and report them as killed.
    const launcher = launcherOf(workDir);
    if (launcher !== null) signalProcess(launcher, "SIGKILL");
    const found = commandsOf(workDir);
    if (found.length === 0 && launcher === null) return;
    for (const each of found) signalProcess(each, "SIGKILL");
  }
}

/**
 * Every living process whose environment says that it was started for an attempt in there, or to
 * run functions.
 */
export function commandsOf(workDir: string): readonly ProcessIdentity[] {
  const directory = attemptsDirectoryOf(workDir);
  if (!existsSync(directory)) return [];
  const markers = [
    `CAPSTAN_WORKDIR=${directory}/`,
    `${processDirectoryVariable}=${processesDirectoryOf(workDir)}/`,
  ].map((marker) => `\0${Buffer.from(marker).toString("latin1")}`); // As environments are read.
  const isOurs = (environment: string) => markers.some((each) => environment.includes(each));
  return listPids()
    .filter((pid) => isOurs(`\0${readEnvironment(pid)}`))
    .map(sightProcess)
    .filter((sight) => sight !== null)
    .filter(({ isAlive }) => isAlive);
}
