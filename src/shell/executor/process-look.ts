/**
 * The processes of a command as the machine shows them: which there are, what each does, and in
 * which call of the machine's kernel it waits. Reads `/proc`, stops nothing.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { redactText } from "../../model/redact-text.ts";
import type { ProcessLook } from "../data-plane/stack-route.ts";
import {
  listPids,
  measureMemory,
  type ProcessSight,
  readEnvironment,
  sightProcess,
} from "../launcher/process-table.ts";
import { stackProcessesMax, stackTextCharactersMax } from "./limits.ts";

/** The processes with this variable in their environment, and all that these started. */
export function lookAtProcesses(variable: string, value: string): readonly ProcessLook[] {
  const sights = listPids()
    .map(sightProcess)
    .filter((sight) => sight !== null);
  const mark = `${variable}=${value}`;
  const isMarked = ({ pid }: ProcessSight) => readEnvironment(pid).split("\0").includes(mark);
  const found = new Map(sights.filter(isMarked).map((sight) => [sight.pid, sight]));
  // A child has a higher place in the list than its parent only as long as pids do not wrap.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const sight of sights) if (found.has(sight.parentPid)) found.set(sight.pid, sight);
  }
  return [...found.values()].slice(0, stackProcessesMax).map(lookOf);
}

function lookOf({ pid, parentPid, cpuMs }: ProcessSight): ProcessLook {
  const status = read(pid, "status");
  return {
    pid,
    parentPid,
    command: commandOf(pid, status),
    state: stateWords[fieldOf(status, "State").charAt(0)] ?? "gone",
    waitsIn: waitOf(pid),
    threads: Number(fieldOf(status, "Threads")) || 0,
    cpuMs,
    rssBytes: measureMemory(pid)?.rssBytes ?? 0,
  };
}

const stateWords: { readonly [letter: string]: string } = {
  R: "running",
  S: "sleeping",
  D: "waits for a disk",
  T: "stopped",
  t: "stopped by a debugger",
  Z: "dead",
  I: "idle",
};

/** Of one that has no arguments any more, its name. */
function commandOf(pid: number, status: string): string {
  const text = read(pid, "cmdline").replaceAll("\0", " ").trim();
  const shown = text === "" ? `[${fieldOf(status, "Name")}]` : text;
  return redactText(shown.slice(0, stackTextCharactersMax));
}

/** `do_wait`; "" of what runs, and where it is not told. */
function waitOf(pid: number): string {
  const name = read(pid, "wchan").trim();
  return name === "0" ? "" : name;
}

function fieldOf(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}

/** "" of a process that is gone, or of what may not be read. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
