/**
 * The control groups of one attempt: it is born in them, is limited by them, and they know all of
 * its processes, whatever sessions and parents these have given themselves.
 *
 * Into the group that follows its tree the launcher goes itself, starts the program and comes back,
 * all in one turn of its loop: the program is started as it would be without groups, and that a
 * start failed is known at once. Measured here: 720 starts of `/bin/true` a second without a group,
 * 590 with one each. So every attempt gets this one.
 *
 * Into groups of version 1 with limits, which are others, a shell goes and then becomes the program
 * (540 a second). A shell drops variables of the environment whose names it does not like; a
 * program that has such is moved as soon as it has started, some 0.1 ms late.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InvariantError } from "../../base/assert.ts";
import {
  type Controller,
  groupsBelow,
  type Hierarchy,
  moveTo,
  removeGroup,
} from "./control-groups.ts";
import { groupRemoveMs, treePollMaxMs } from "./limits.ts";

/** What an attempt may use of its machine. 0: not limited. */
export interface AttemptLimits {
  readonly memoryBytes: number;
  readonly cpuMilli: number;
  readonly pidsMax: number;
}

/** One group of an attempt, as its record on the disk has it. */
export interface AttemptGroup {
  readonly version: 1 | 2;
  readonly directory: string;
  /** What it is there for; the others of its hierarchy are not touched. */
  readonly controllers: readonly Controller[];
  /** It is the one that says which processes the attempt has. */
  readonly isTracker: boolean;
}

/** What the kernel counted. 0: nothing did. */
export interface GroupUsage {
  readonly peakBytes: number;
  readonly cpuMs: number;
  readonly oomKills: number;
}

/** The hierarchy that trees are followed in. */
export function trackerOf(hierarchies: readonly Hierarchy[]): Hierarchy | undefined {
  return hierarchies.find(({ home }) => home !== null);
}

/** Makes the groups that an attempt needs. What cannot be made is left out. */
export function makeGroups(
  hierarchies: readonly Hierarchy[],
  name: string,
  limits: AttemptLimits,
): readonly AttemptGroup[] {
  const tracker = trackerOf(hierarchies);
  return hierarchies.flatMap((hierarchy) => {
    const isTracker = hierarchy === tracker;
    const needed = neededControllers(limits, tracker?.version === 2);
    const controllers = hierarchy.controllers.filter((each) => needed.includes(each));
    if (!isTracker && controllers.length === 0) return [];
    const directory = join(hierarchy.parent, name);
    if (!makeDirectory(directory)) return [];
    return [{ version: hierarchy.version, directory, controllers, isTracker }];
  });
}

/** Version 2 counts time in every group; version 1 wants a group for it. */
function neededControllers(limits: AttemptLimits, countsTime: boolean): readonly Controller[] {
  const needed: Controller[] = [];
  if (limits.memoryBytes > 0) needed.push("memory");
  if (limits.cpuMilli > 0) needed.push("cpu");
  if (limits.pidsMax > 0) needed.push("pids");
  if (!countsTime) needed.push("cpuacct");
  return needed;
}

/** The groups of a starter: what can be given back as it was taken. Limits of memory cannot. */
export function makeStarterGroups(
  hierarchies: readonly Hierarchy[],
  number: number,
): readonly AttemptGroup[] {
  return makeGroups(hierarchies, `starter-${number}`, starterLimits);
}

const starterLimits: AttemptLimits = { memoryBytes: 0, cpuMilli: 1_000, pidsMax: 0 };

/** True if a starter's groups are all that is needed. */
export function fitsStarter({ memoryBytes, pidsMax }: AttemptLimits): boolean {
  return memoryBytes === 0 && pidsMax === 0;
}

/** Removes groups that nothing was started in. */
export function removeGroups(groups: readonly AttemptGroup[]): void {
  for (const { directory } of groups) removeGroup(directory);
}

function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs `start` inside the group that follows the tree. Throws what it throws, and if there is no
 * way in. If there is no way back the launcher must end before it is killed with the attempt:
 * InvariantError.
 */
export function startInside<T>(
  hierarchies: readonly Hierarchy[],
  groups: readonly AttemptGroup[],
  start: () => T,
): T {
  const tracker = groups.find(({ isTracker }) => isTracker);
  const home = trackerOf(hierarchies)?.home ?? null;
  if (tracker === undefined || home === null) return start();
  moveTo(tracker.directory);
  try {
    return start();
  } finally {
    moveBack(home);
  }
}

function moveBack(home: string): void {
  try {
    moveTo(home);
  } catch (error) {
    throw new InvariantError(`the launcher can return to ${home}`, [String(error)]);
  }
}

/** The groups of one attempt that was started, by this launcher or by one before it. */
export class AttemptGroups {
  readonly groups: readonly AttemptGroup[];
  /** The shell that is in them and is no part of what it starts; 0 if there is none. */
  starterPid = 0;
  #cpuMsBefore = 0;
  #cpuMsSeen = 0;
  #cpuMilli = 0;

  constructor(groups: readonly AttemptGroup[]) {
    this.groups = groups;
  }

  /** True if the kernel enforces this. */
  has(controller: Controller): boolean {
    return this.groups.some((group) => group.controllers.includes(controller));
  }

  /** Those that the attempt has to be moved into. */
  get apart(): readonly AttemptGroup[] {
    return this.groups.filter(({ isTracker }) => !isTracker);
  }

  /** The groups are an attempt's from now on, with `cpuMilli` of weight. */
  beginAttempt(cpuMilli: number): void {
    this.#cpuMsBefore = this.#cpuMsSeen;
    if (cpuMilli === this.#cpuMilli) return;
    this.#cpuMilli = cpuMilli;
    for (const group of this.groups) {
      if (group.controllers.includes("cpu")) setCpu(group, cpuMilli === 0 ? 1_000 : cpuMilli);
    }
  }

  /** Before the start: nobody is in these groups who could be limited by mistake. */
  setLimitsApart(limits: AttemptLimits): void {
    for (const group of this.apart) setLimits(group, limits);
  }

  /** After the start, because the launcher itself was in this group. */
  setLimitsOfTracker(limits: AttemptLimits): void {
    const tracker = this.tracker();
    if (tracker !== undefined) setLimits(tracker, limits);
  }

  /** Moves what is already running, and what it starts meanwhile. */
  joinLate(mainPid: number): void {
    const moved = new Set<number>();
    for (let fresh = [mainPid]; fresh.length > 0; ) {
      for (const pid of fresh) {
        for (const group of this.apart) write(group, "cgroup.procs", pid);
        moved.add(pid);
      }
      fresh = this.pids().filter((pid) => !moved.has(pid));
    }
  }

  /** Pids, also of groups that the attempt made below its own; the dead may be among them. */
  pids(): readonly number[] {
    const tracker = this.tracker();
    if (tracker === undefined) return [];
    if (this.starterPid === 0 && isUnpopulated(tracker)) return [];
    return [tracker.directory, ...groupsBelow(tracker.directory)]
      .flatMap((directory) => readFile(join(directory, "cgroup.procs")).split("\n"))
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid && pid !== this.starterPid);
  }

  tracker(): AttemptGroup | undefined {
    return this.groups.find(({ isTracker }) => isTracker);
  }

  /** Kills every process at once, also those that are just being born; false if it cannot. */
  killAtOnce(): boolean {
    const tracker = this.tracker();
    return tracker?.version === 2 && write(tracker, "cgroup.kill", 1);
  }

  usage(): GroupUsage {
    let [peakBytes, oomKills] = [0, 0];
    for (const group of this.groups) {
      const memory = group.controllers.includes("memory") ? memoryFiles[group.version] : null;
      if (memory !== null) {
        peakBytes = Math.max(peakBytes, Number(readFile(join(group.directory, memory.peak))));
        oomKills += numberAfter(readFile(join(group.directory, memory.events)), "oom_kill");
      }
    }
    this.#cpuMsSeen = this.#cpuMs();
    return { peakBytes, cpuMs: Math.round(this.#cpuMsSeen - this.#cpuMsBefore), oomKills };
  }

  #cpuMs(): number {
    return Math.max(0, ...this.groups.map(cpuMsOf));
  }

  /** Removes them, once they are empty. False if something is in them still after all the tries. */
  async remove(): Promise<boolean> {
    const deadlineAt = performance.now() + groupRemoveMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, treePollMaxMs)) {
      const left = this.groups.filter(({ directory }) => {
        if (removeGroup(directory)) return false;
        for (const below of groupsBelow(directory)) removeGroup(below);
        return !removeGroup(directory);
      });
      if (left.length === 0) return true;
      if (performance.now() > deadlineAt) return false;
      await delay(pauseMs);
    }
  }
}

const memoryFiles = {
  1: { peak: "memory.max_usage_in_bytes", events: "memory.oom_control" },
  2: { peak: "memory.peak", events: "memory.events" },
} as const;

function setLimits(group: AttemptGroup, limits: AttemptLimits): void {
  if (group.controllers.includes("cpu")) setCpu(group, limits.cpuMilli);
  if (group.controllers.includes("pids")) write(group, "pids.max", limits.pidsMax);
  if (group.controllers.includes("memory")) setMemory(group, limits.memoryBytes);
}

/** Swap is not a way around the limit. */
function setMemory(group: AttemptGroup, memoryBytes: number): void {
  if (group.version === 1) {
    write(group, "memory.limit_in_bytes", memoryBytes);
    write(group, "memory.memsw.limit_in_bytes", memoryBytes);
    return;
  }
  write(group, "memory.swap.max", 0);
  write(group, "memory.oom.group", 1);
  write(group, "memory.max", memoryBytes); // What is above it already is killed for that.
}

/** The weights that Kubernetes gives: one core is 1024 shares, and 1 to 10000 in version 2. */
function setCpu(group: AttemptGroup, cpuMilli: number): void {
  const shares = Math.min(262_144, Math.max(2, Math.round((cpuMilli * 1024) / 1000)));
  if (group.version === 1) write(group, "cpu.shares", shares);
  else write(group, "cpu.weight", 1 + Math.floor(((shares - 2) * 9999) / 262_142));
}

function cpuMsOf(group: AttemptGroup): number {
  if (group.version === 2) {
    return numberAfter(readFile(join(group.directory, "cpu.stat")), "usage_usec") / 1000;
  }
  if (!group.controllers.includes("cpuacct")) return 0;
  return Number(readFile(join(group.directory, "cpuacct.usage"))) / 1e6;
}

function isUnpopulated({ version, directory }: AttemptGroup): boolean {
  if (version === 1) return false;
  return numberAfter(readFile(join(directory, "cgroup.events")), "populated") === 0;
}

/** `name 12` on a line of its own; 0 if there is none. */
function numberAfter(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

function write(group: AttemptGroup, name: string, value: number): boolean {
  try {
    writeFileSync(join(group.directory, name), String(value));
    return true;
  } catch {
    return false;
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Removes what a launcher before this one has left, if nothing is in it any more. */
export function removeEmptyParents(groups: readonly AttemptGroup[], own: readonly string[]): void {
  for (const { directory } of groups) {
    const parent = dirname(directory);
    if (!own.includes(parent)) removeGroup(parent);
  }
}
