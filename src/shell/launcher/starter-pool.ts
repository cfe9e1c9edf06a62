/**
 * The starters of one launcher: made when there are none idle, kept while they are few, and given
 * up for ever where the machine's shell does not say what must be known.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { present } from "../../base/assert.ts";
import { AttemptGroups, makeStarterGroups, removeGroups, startInside } from "./attempt-groups.ts";
import type { Hierarchy } from "./control-groups.ts";
import { idleStarterMs, idleStartersMax, startersPerBatch } from "./limits.ts";
import { makeNamedPipes } from "./pipes.ts";
import { sightProcess } from "./process-table.ts";
import { Starter } from "./starter.ts";
import { preludeOf, probeOf, type StarterPaths } from "./starter-script.ts";

const directoryPrefix = "starters-";
const report = /^(?:([SEFP]) (\d+) (\d+)|\[\d+\]\s*[+-]?\s*(\d+)\s+(\S.*?)\s*)$/;

export class StarterPool {
  readonly #directory: string;
  readonly #hierarchies: readonly Hierarchy[];
  readonly #byNumber = new Map<number, Starter>();
  readonly #jobs = new Map<number, string>();
  readonly #removals = new Set<Promise<void>>();
  readonly #restsSince = new WeakMap<Starter, number>();
  #idle: Starter[] = [];
  #sweep: NodeJS.Timeout | null = null;
  /** Whose pipes are made. */
  #prepared: number[] = [];
  #nextNumber = 1;
  /** Both ends, so that it never ends. */
  #reports = -1;
  #reader: Socket | null = null;
  #rest = "";
  #suitable: "unknown" | "asked" | "yes" | "no" = "unknown";

  constructor(stateDirectory: string, hierarchies: readonly Hierarchy[]) {
    this.#directory = join(stateDirectory, `${directoryPrefix}${process.pid}`);
    this.#hierarchies = hierarchies;
  }

  /**
   * One that is idle; null as long as it is not known that this machine's shell will do. Throws
   * what the system throws that has nothing left for one.
   */
  take(): Starter | null {
    if (this.#suitable === "unknown") this.#probe();
    if (this.#suitable !== "yes") return null;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isAlive) return idle;
    }
    return this.#make();
  }

  /** It has nothing to do any more. `isClean`: and nothing of its last attempt is left. */
  giveBack(starter: Starter, isClean: boolean): void {
    const isKept = isClean && starter.isAlive && this.#idle.length < idleStartersMax;
    if (!isKept) return starter.close();
    this.#idle.push(starter);
    this.#restsSince.set(starter, performance.now());
    this.#sweep ??= setTimeout(() => this.#endRested(), idleStarterMs).unref();
  }

  /** The longest idle are first in the list: the last one given back is the next one taken. */
  #endRested(): void {
    this.#sweep = null;
    const before = performance.now() - idleStarterMs;
    while (this.#idle.length > 0 && (this.#restsSince.get(this.#idle[0]) ?? 0) <= before) {
      this.#idle.shift()?.close();
    }
    if (this.#idle.length === 0) return;
    this.#sweep = setTimeout(() => this.#endRested(), idleStarterMs).unref();
  }

  /** Ends all of them, when none has anything to do. Resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#suitable = "no";
    for (const starter of this.#byNumber.values()) starter.close();
    await Promise.all(this.#removals);
    this.#reader?.destroy();
    if (this.#reports !== -1) closeSync(this.#reports);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The first one answers whether its kind will do; until then others are started otherwise. */
  #probe(): void {
    this.#suitable = "asked";
    const starter = this.#make();
    const { exit } = starter.run(probeOf(starter.parts.paths));
    exit.then(() => {
      if (this.#suitable === "asked") this.#suitable = "no"; // It ended without an answer.
      if (this.#suitable === "no") starter.close();
    });
  }

  #make(): Starter {
    const number = this.#prepare();
    const groups = makeStarterGroups(this.#hierarchies, number);
    const owned = new AttemptGroups(groups);
    const opened: number[] = [];
    const open = (path: string, flags: number): number => {
      opened.push(openSync(path, flags));
      return opened[opened.length - 1];
    };
    try {
      const paths = this.#pathsOf(number);
      const orderPath = this.#pathOf(number, "orders");
      const orders = open(orderPath, constants.O_RDWR);
      const nonBlocking = constants.O_RDONLY | constants.O_NONBLOCK;
      const readEnds = {
        stdout: open(paths.stdout, nonBlocking),
        stderr: open(paths.stderr, nonBlocking),
      };
      const child = startInside(this.#hierarchies, groups, () =>
        spawn("/bin/sh", [orderPath], {
          ...{ cwd: "/", env: {}, detached: true },
          stdio: ["ignore", this.#reports, "ignore"],
        }),
      );
      child.on("error", () => undefined); // Of one that could not be started: there is no pid.
      if (child.pid === undefined) throw new StarterShortage("/bin/sh could not be started");
      const startTicks = sightProcess(child.pid)?.startTicks ?? 0;
      const identity = { pid: child.pid, startTicks };
      owned.starterPid = child.pid;
      const starter = new Starter({ child, identity, groups: owned, paths, orders, readEnds });
      this.#enter(number, starter);
      starter.tell(preludeOf(owned.apart, paths));
      return starter;
    } catch (error) {
      for (const end of opened) closeSync(end);
      removeGroups(groups);
      throw error;
    }
  }

  #enter(number: number, starter: Starter): void {
    this.#byNumber.set(number, starter);
    const removal = starter.gone.then(async () => {
      starter.close();
      this.#idle = this.#idle.filter((each) => each !== starter);
      await starter.parts.groups.remove();
      for (const kind of pipeKinds) rmSync(this.#pathOf(number, kind), { force: true });
      this.#byNumber.delete(number);
      this.#removals.delete(removal);
    });
    this.#removals.add(removal);
  }

  /** The number of a starter whose pipes are there. */
  #prepare(): number {
    if (this.#reports === -1) this.#open();
    if (this.#prepared.length === 0) {
      const numbers = Array.from({ length: startersPerBatch }, () => this.#nextNumber++);
      makeNamedPipes(numbers.flatMap((each) => pipeKinds.map((kind) => this.#pathOf(each, kind))));
      this.#prepared = numbers;
    }
    return present(this.#prepared.pop(), "a batch of starters is not empty");
  }

  #open(): void {
    mkdirSync(this.#directory, { mode: 0o700 });
    const path = this.#reportsPath();
    makeNamedPipes([path]);
    this.#reports = openSync(path, constants.O_RDWR);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#reader = new Socket({ fd, readable: true, writable: false });
    this.#reader.on("data", (chunk: Buffer) => this.#read(chunk.toString("latin1")));
  }

  #read(text: string): void {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line);
  }

  #onLine(line: string): void {
    const [, type, number, value, pid, state] = report.exec(line) ?? [];
    if (pid !== undefined) this.#jobs.set(Number(pid), state);
    const starter = this.#byNumber.get(Number(number));
    if (starter === undefined) return;
    if (type === "S") starter.onStarted(Number(value));
    else if (type === "F") starter.onNeverRan();
    else if (type === "P") this.#onProbed(starter, Number(value));
    else if (type === "E") this.#onEnded(starter, Number(value));
  }

  #onEnded(starter: Starter, status: number): void {
    if (this.#suitable === "asked") return; // The probe's own: its answer follows.
    starter.onEnded(status, this.#jobs);
  }

  #onProbed(starter: Starter, pid: number): void {
    if (this.#suitable === "asked") {
      const isSaid = /^Done ?\(137\)/.test(this.#jobs.get(pid) ?? "");
      this.#suitable = isSaid ? "yes" : "no";
    }
    this.#jobs.delete(pid);
    starter.onEnded(0, this.#jobs);
    if (this.#suitable === "yes") this.giveBack(starter, true);
  }

  #pathsOf(number: number): StarterPaths {
    const [stdout, stderr] = [this.#pathOf(number, "stdout"), this.#pathOf(number, "stderr")];
    return { number, reports: this.#reportsPath(), stdout, stderr };
  }

  #pathOf(number: number, kind: string): string {
    return join(this.#directory, `${number}-${kind}`);
  }

  #reportsPath(): string {
    return join(this.#directory, "reports");
  }
}

/** Node tells the reason later; whatever it is, it is none of the order's. */
class StarterShortage extends Error {
  readonly code = "EAGAIN";
}

const pipeKinds = ["orders", "stdout", "stderr"] as const;

/**
 * What launchers that were killed left. A program that was about to open its pipes then waits for a
 * reader: it gets one, and goes on without.
 */
export function removeStarterRests(stateDirectory: string): void {
  for (const name of readdirSync(stateDirectory)) {
    if (!name.startsWith(directoryPrefix)) continue;
    const directory = join(stateDirectory, name);
    for (const each of readdirSync(directory)) {
      closeSync(openSync(join(directory, each), constants.O_RDONLY | constants.O_NONBLOCK));
    }
    rmSync(directory, { recursive: true, force: true });
  }
}
