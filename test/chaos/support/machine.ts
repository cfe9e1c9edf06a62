/**
 * What this machine lets us do, and the commands that do it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { CapstanError } from "../../../src/client/index.ts";
import {
  listPids,
  type ProcessIdentity,
  readEnvironment,
  sightProcess,
} from "../../../src/shell/launcher/process-table.ts";

/** "" if we are root, else why not. */
export function needRoot(): string {
  return process.getuid?.() === 0 ? "" : "needs root";
}

/** "" if all of these programs are there, else which is not. */
export function needPrograms(...names: readonly string[]): string {
  const missing = names.find((name) => {
    const directories = (process.env.PATH ?? "").split(":");
    return !directories.some((directory) => existsSync(`${directory}/${name}`));
  });
  return missing === undefined ? "" : `needs the program ${missing}`;
}

/** The first reason that is one. */
export function firstObstacle(...reasons: readonly string[]): string {
  return reasons.find((reason) => reason !== "") ?? "";
}

/** Runs a program to its end; throws with what it said unless it exits with 0. */
export function execute(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

/** The same; true if it exits with 0. */
export function attempt(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Living processes whose arguments or environment contain `text`, but not we ourselves. */
export function processesWith(text: string): readonly (ProcessIdentity & { command: string })[] {
  const found: (ProcessIdentity & { command: string })[] = [];
  for (const pid of listPids()) {
    if (pid === process.pid) continue;
    const command = commandLine(pid);
    if (!command.includes(text) && !readEnvironment(pid).includes(text)) continue;
    const sight = sightProcess(pid);
    if (sight?.isAlive) found.push({ pid, startTicks: sight.startTicks, command });
  }
  return found;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  } catch {
    return ""; // It ended while we looked.
  }
}

/**
 * Looks every 20 ms until `look` finds nothing wrong; throws with what it found last. That nobody
 * could be asked is something wrong as well.
 */
export async function untilNothing(
  what: string,
  look: () => readonly string[] | Promise<readonly string[]>,
  ms: number,
): Promise<void> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await Promise.resolve(look()).catch(unreachable);
    if (found.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(`${what}, after ${ms} ms:\n${found.slice(0, 20).join("\n")}`);
    }
    await pause(20);
  }
}

function unreachable(error: unknown): readonly string[] {
  if (error instanceof CapstanError && error.code === "UNREACHABLE") return [error.message];
  throw error;
}
