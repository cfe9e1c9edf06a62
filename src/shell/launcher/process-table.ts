/**
 * What Linux says about processes. A process is its pid *and* its start time: a pid alone may be
 * another process by now, and it answers to signal 0 as long as nobody has buried it.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";

/** Names one process for as long as the machine is up. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Since boot, in the kernel's ticks. */
  readonly startTicks: number;
}

/** A process as `/proc/PID/stat` shows it. */
export interface ProcessSight extends ProcessIdentity {
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** False of a zombie: it only waits to be buried by its parent. */
  readonly isAlive: boolean;
  /** User and system time of it and of the children that it has buried. */
  readonly cpuMs: number;
}

/** Linux counts in hundredths of a second here, whatever its own clock does (USER_HZ). */
const msPerTick = 10;

/** Null if there is no such process. */
export function sightProcess(pid: number): ProcessSight | null {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name in parentheses may hold anything, parentheses too; the last one ends it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (index: number): number => Number(fields[index]);
  return {
    pid,
    startTicks: at(19),
    parentPid: at(1),
    groupId: at(2),
    sessionId: at(3),
    isAlive: lives(fields[0], at(17)),
    cpuMs: (at(11) + at(12) + at(13) + at(14)) * msPerTick,
  };
}

/** A first thread that ended looks like a zombie while the other threads run on. */
function lives(state: string, threads: number): boolean {
  return state === "Z" ? threads > 1 : state !== "X" && state !== "x";
}

/** True while exactly this process lives. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const sight = sightProcess(pid);
  return sight?.startTicks === startTicks && sight.isAlive;
}

/** The pids of all processes that this one can see. */
export function listPids(): readonly number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** What a process takes of the memory. */
export interface MemoryUse {
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Without what comes from files, such as the program itself, which processes share. */
  readonly ownBytes: number;
}

/** What a process and its memory weigh; null if it is gone. */
export function measureMemory(pid: number): MemoryUse | null {
  const text = readProc(`/proc/${pid}/status`);
  if (text === null) return null;
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
    return found === null ? 0 : Number(found[1]) * 1024;
  };
  const ownBytes = bytes("RssAnon") + bytes("RssShmem");
  return { rssBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM"), ownBytes };
}

/** Its fair part of what it shares with others; 0 if it is gone or may not be looked into. */
export function measureShare(pid: number): number {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/smaps_rollup`) ?? "");
  return found === null ? 0 : Number(found[1]) * 1024;
}

/** The environment that a process was started with; "" if it may not be read or is not there. */
export function readEnvironment(pid: number): string {
  return readProc(`/proc/${pid}/environ`) ?? "";
}

/** Changes with every boot: what was written before a reboot names no process. */
export function bootIdentity(): string {
  return readProc("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown";
}

/** Another one with every call, nowhere else; from the kernel, which spares us a large library. */
export function newIdentity(): string {
  return readFileSync("/proc/sys/kernel/random/uuid", "latin1").trim();
}

/** Sends a signal to exactly this process; false if it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  return isAlive(identity) && sendSignal(identity.pid, signal);
}

/** To the group of a process that is known to live or to be unburied; false if there is none. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): boolean {
  return sendSignal(-groupId, signal);
}

function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // Gone in the meantime, or it now belongs to another user.
  }
}

/** A file that vanishes with its process. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
