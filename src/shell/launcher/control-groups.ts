/**
 * Where this machine lets the launcher make control groups (cgroups): found once, at the start, and
 * tried out before it is relied on. Version 2 and version 1 may both be there, as on hybrid
 * machines: then trees are followed in version 2 and limits are set in version 1.
 *
 * A launcher's groups are all below one of its own, `capstan-<pid>-<start>`, in each hierarchy.
 * Groups of other programs are not changed. Below the launcher's own group it makes some only if
 * the launcher runs inside an attempt itself, so that the outer attempt still holds all that the
 * inner ones start.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join, relative } from "node:path";
import { isAlive, type ProcessIdentity } from "./process-table.ts";

/** What a hierarchy can be used for. */
export type Controller = "memory" | "cpu" | "cpuacct" | "pids";

/** One mounted tree of control groups that this process may use. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
  /** The group that all attempts' groups are made in. */
  readonly parent: string;
  /**
   * It is the one that trees are followed in: there the launcher goes into an attempt's group, so
   * that the attempt is born in it, and returns to this group, where it came from. In the other
   * hierarchies the launcher stays where it is: its own memory must not count as an attempt's.
   */
  readonly home: string | null;
}

interface Mount {
  readonly version: 1 | 2;
  readonly point: string;
  readonly controllers: readonly Controller[];
  readonly origin: string;
}

const wanted: readonly Controller[] = ["memory", "cpu", "cpuacct", "pids"];
const ourName = /^capstan-(\d+)-(\d+)$/;

/** The usable hierarchies, with an empty group of this launcher's own in each. */
export function openHierarchies(launcher: ProcessIdentity): readonly Hierarchy[] {
  const mountInfo = readFileSync("/proc/self/mountinfo", "utf8");
  const ownGroups = readFileSync("/proc/self/cgroup", "utf8");
  const name = `capstan-${launcher.pid}-${launcher.startTicks}`;
  const mounts = neededMounts(findMounts(mountInfo, ownGroups));
  for (const { point } of mounts) sweepDead(point);
  // Version 2 first: it tells of a whole tree in one word, and kills it with one.
  const inOrder = mounts.toSorted((a, b) => b.version - a.version);
  const opened: Hierarchy[] = [];
  for (const mount of inOrder) {
    const isTracker = opened.every(({ home }) => home === null);
    const hierarchy = openFirst(mount, name, isTracker);
    if (hierarchy !== null) opened.push(hierarchy);
  }
  return opened;
}

/** Version 2 counts time in every group. */
function neededMounts(mounts: readonly Mount[]): readonly Mount[] {
  const countsTime = mounts.some(({ version }) => version === 2);
  return mounts.filter(({ version, controllers }) => {
    return version === 2 || !countsTime || controllers.some((each) => each !== "cpuacct");
  });
}

/** Removes the launcher's own groups; those that still hold processes stay. */
export function closeHierarchies(hierarchies: readonly Hierarchy[]): void {
  for (const { parent } of hierarchies) removeGroup(parent);
}

/** Mounts of both versions that have something for us. Exported for tests. */
export function findMounts(mountInfo: string, ownGroups: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of mountInfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const [type, , options] = (right ?? "").split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const [, , , root, point] = left.split(" ").map(unescapeMount);
    const version = type === "cgroup2" ? 2 : 1;
    const controllers = wanted.filter((each) => options.split(",").includes(each));
    if (version === 1 && controllers.length === 0) continue;
    const path = ownGroup(ownGroups, controllers[0] ?? "");
    const origin = path === null ? null : join(point, relative(root, path));
    if (origin === null || origin.includes("..")) continue; // Mounted from elsewhere.
    if (!mounts.some((mount) => mount.point === point)) {
      mounts.push({ version, point, controllers, origin });
    }
  }
  return mounts;
}

/** The path of `id:controllers:path`; version 2 is the line without controllers. */
function ownGroup(text: string, controller: string): string | null {
  for (const line of text.split("\n")) {
    const [, controllers, ...path] = line.split(":");
    if ((controllers ?? "-").split(",").includes(controller)) return path.join(":");
  }
  return null;
}

function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function openFirst(mount: Mount, name: string, isTracker: boolean): Hierarchy | null {
  for (const place of placesIn(mount)) {
    const parent = join(place, name);
    if (!tryTo(() => mkdirSync(parent))) continue;
    const { version, origin } = mount;
    const controllers = version === 1 ? mount.controllers : enableControllers(parent);
    if (version === 1) prepareParent(parent, controllers);
    const home = isTracker ? tryOut(parent, origin) : null;
    const isUsable = isTracker ? home !== null : tryOutByChild(parent);
    if (isUsable) return { version, controllers, parent, home };
    removeGroup(parent);
  }
  return null;
}

/**
 * The root of the mount is where schedulers make their groups. Without the right to do that, what
 * was delegated to us: beside our own group (which may not have groups with limits below it while
 * it holds processes), or below it.
 */
function placesIn({ point, origin }: Mount): readonly string[] {
  const beside = origin === point ? point : dirname(origin);
  const isNested = relative(point, origin)
    .split("/")
    .some((part) => ourName.test(part));
  return isNested ? [origin, point] : [...new Set([point, beside, origin])];
}

/** Version 2: what the group above passes on to ours, and ours to those of the attempts. */
function enableControllers(parent: string): readonly Controller[] {
  const enable = (directory: string, controller: Controller): boolean =>
    tryTo(() => writeFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`));
  return (["memory", "cpu", "pids"] as const).filter((controller) => {
    enable(dirname(parent), controller);
    return enable(parent, controller);
  });
}

/**
 * Really makes a group, goes into it and comes back: rights are only known when they are used.
 * Answers where the launcher is from now on: if the way back is closed it stays in the group that
 * was made for trying. Null if not even the way in is open.
 */
function tryOut(parent: string, origin: string): string | null {
  const probe = join(parent, "probe");
  const isIn = tryTo(() => {
    mkdirSync(probe);
    moveTo(probe);
  });
  if (isIn && !tryTo(() => moveTo(origin))) return probe;
  removeGroup(probe);
  return isIn ? origin : null;
}

/** The same with a process of no importance, which does not come back. */
function tryOutByChild(parent: string): boolean {
  const probe = join(parent, "probe");
  const isMade = tryTo(() => mkdirSync(probe));
  const script = 'echo $$ > "$0"';
  const args = ["-c", script, join(probe, "cgroup.procs")];
  const isIn = isMade && spawnSync("/bin/sh", args, { stdio: "ignore" }).status === 0;
  removeGroup(probe);
  return isIn;
}

/** Version 1 weighs our whole group against single processes beside it: it gets every core. */
function prepareParent(parent: string, controllers: readonly Controller[]): void {
  if (controllers.includes("cpu")) {
    tryTo(() => writeFileSync(join(parent, "cpu.shares"), String(1024 * cpus().length)));
  }
  if (controllers.includes("memory")) {
    tryTo(() => writeFileSync(join(parent, "memory.use_hierarchy"), "1"));
  }
}

/**
 * Moves this process into a group; what it starts next is born there. Throws if it may not. A
 * launcher that cannot get out again must end: it would be killed with the attempt.
 */
export function moveTo(directory: string): void {
  writeFileSync(join(directory, "cgroup.procs"), String(process.pid));
}

/** False if it still holds processes or groups. A group that is not there counts as removed. */
export function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** The groups below one, deepest first: an attempt may have made its own. */
export function groupsBelow(directory: string): readonly string[] {
  if (hasNothingBelow(directory)) return [];
  const found: string[] = [];
  const open = [directory];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of readEntries(next)) {
      if (!entry.isDirectory()) continue;
      found.unshift(join(next, entry.name));
      open.push(join(next, entry.name));
    }
  }
  return found;
}

/** A directory is a link in its parent, in itself, and in each directory below. */
function hasNothingBelow(directory: string): boolean {
  return statSync(directory, { throwIfNoEntry: false })?.nlink === 2;
}

/** What launchers that are gone left behind and that holds no process any more. */
function sweepDead(point: string): void {
  for (const entry of readEntries(point)) {
    const [, pid, startTicks] = ourName.exec(entry.name) ?? [];
    if (pid === undefined) continue;
    if (isAlive({ pid: Number(pid), startTicks: Number(startTicks) })) continue;
    const directory = join(point, entry.name);
    for (const group of groupsBelow(directory)) removeGroup(group);
    removeGroup(directory);
  }
}

function readEntries(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function tryTo(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
