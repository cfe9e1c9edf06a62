/**
 * The processes that run functions: started by the launcher when there is none, kept warm while
 * they are fresh, and given up before what tasks leave in them can hurt.
 *
 * A process serves one bundle under one limit of memory and one share of the CPU. It ends with its
 * worker: the launcher sees to it when this one cannot.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExitRecord } from "../launcher/exit-record.ts";
import type { LaunchOrder } from "../launcher/launch-order.ts";
import type { Survivor } from "../launcher/messages.ts";
import { measureMemory } from "../launcher/process-table.ts";
import type { Logger } from "../logging/logger.ts";
import type { LauncherUser } from "./command-launcher.ts";
import type { ExecutorStarts, StartTurn } from "./executor-starts.ts";
import { FunctionProcess, type ProcessNeeds, type ProcessUser } from "./function-process.ts";
import {
  launcherAccountMs,
  processIdleMs,
  processOrphanWaitMs,
  processRunsMax,
  processStartMsMax,
} from "./limits.ts";
import { ProcessDoor } from "./process-door.ts";
import { isProcessId, processIdOf, processOrderOf } from "./process-launch.ts";

/** What the pool asks of the launcher. */
export interface ProcessLauncher {
  readonly survivors: readonly Survivor[];
  launch(order: LaunchOrder): void;
  stop(attemptId: string, graceMs: number): void;
  acknowledge(attemptId: string): void;
}

export interface ProcessPoolOptions {
  readonly launcher: ProcessLauncher;
  /** Of the pool alone: its door, and a directory for each process. */
  readonly directory: string;
  /** One directory for each attempt; the launcher makes the logs of those that write something. */
  readonly attemptsDirectory: string;
  readonly workerId: string;
  /** Idle processes that are kept. */
  readonly idleMax: number;
  /** Milliseconds from its start after which a process is not used again. */
  readonly ageMaxMs: number;
  /** Bytes of its memory after a run from which on it is not; half of its limit if that is less. */
  readonly rssBytesMax: number;
  /** Limit of the JavaScript heap in MiB where the task says nothing; 0 is the engine's. */
  readonly heapLimitMib: number;
  readonly logger: Logger;
  /** The line in which all threads and processes of this worker wait to be started. */
  readonly starts: ExecutorStarts;
}

/** What function processes take now, and how many were not used again though they lived. */
export interface PoolUse {
  readonly processCount: number;
  readonly processBytes: number;
  readonly processRecycledCount: number;
}

export class ProcessPool implements LauncherUser {
  readonly #options: ProcessPoolOptions;
  readonly #name = randomBytes(6).toString("hex");
  readonly #byId = new Map<string, FunctionProcess>();
  /** Who has not come to the door yet. */
  readonly #expected = new Map<string, FunctionProcess>();
  /** Starts that are not over, by id. */
  readonly #starts = new Map<string, StartTurn>();
  /** Not used after what they do now, and why. */
  readonly #last = new WeakMap<FunctionProcess, string>();
  /** Of an earlier agent, by what waits for their end. */
  readonly #orphans = new Map<string, () => void>();
  #door: ProcessDoor | null = null;
  /** Longest idle first. */
  #idle: FunctionProcess[] = [];
  #sweep: NodeJS.Timeout | null = null;
  #count = 0;
  #losses = 0;
  #recycledCount = 0;
  #isClosed = false;

  constructor(options: ProcessPoolOptions) {
    this.#options = options;
  }

  /**
   * Ends what an earlier agent left, and opens the door. Before the worker has said anything:
   * what ran there has ended for the controller as soon as it hears of a new agent.
   */
  async open(): Promise<void> {
    const { launcher, directory, logger } = this.#options;
    const orphans = launcher.survivors.filter(({ attemptId }) => isProcessId(attemptId));
    const ends = orphans.map(({ attemptId }) => {
      return new Promise<void>((resolve) => this.#orphans.set(attemptId, resolve));
    });
    for (const { attemptId } of orphans) launcher.stop(attemptId, 0);
    const tooLong = sleep(processOrphanWaitMs, "late", { ref: false });
    if ((await Promise.race([Promise.all(ends), tooLong])) === "late") {
      logger.error({ processes: [...this.#orphans.keys()] }, "of an earlier agent, and still here");
    }
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#door = await ProcessDoor.open(directory, (key, socket) => this.#admit(key, socket));
  }

  owns(attemptId: string): boolean {
    return isProcessId(attemptId);
  }

  /** A process for one run: a warm one, or one that is being started. */
  take(needs: ProcessNeeds, user: ProcessUser): FunctionProcess {
    const process = this.#takeIdle(needs) ?? this.#start(needs);
    process.user = user;
    return process;
  }

  /** What it and all that it starts have in their environment as their process's directory. */
  directoryOf({ id }: FunctionProcess): string {
    return join(this.#options.directory, id);
  }

  /** Its run is over. */
  giveBack(process: FunctionProcess): void {
    process.user = null;
    const reason = this.#whyNotAgain(process);
    if (reason !== "") {
      if (!process.isEnding) this.#recycledCount++;
      this.#options.logger.debug({ process: process.id, reason }, "a process is not used again");
      return process.retire();
    }
    process.idleSinceMs = performance.now();
    this.#idle.push(process);
    if (this.#idle.length > this.#options.idleMax) this.#idle.shift()?.retire();
    this.#armSweep();
  }

  /**
   * What the processes take now. What they share, such as the program, is left out; where the
   * machine does not tell, it is what each said of itself after its last run.
   */
  measure(): PoolUse {
    let processBytes = 0;
    let processCount = 0;
    for (const { id, pid, lastRun } of this.#byId.values()) {
      if (this.#isInLine(id)) continue;
      processCount++;
      const use = pid === 0 ? null : measureMemory(pid);
      processBytes += use?.ownBytes ?? lastRun.rssBytes;
    }
    return { processCount, processBytes, processRecycledCount: this.#recycledCount };
  }

  /** Memory is short: what is idle ends. */
  endIdle(): void {
    for (const process of this.#idle.splice(0)) process.retire();
  }

  /** What is taken from now on is a process that has run nothing. */
  renew(): void {
    this.#useNoMore("the cluster was restarted");
  }

  #useNoMore(why: string): void {
    for (const process of this.#byId.values()) this.#last.set(process, why);
    this.endIdle();
  }

  /** Nothing is taken any more. Whoever shuts the launcher down ends the processes. */
  close(): void {
    this.#isClosed = true;
    for (const turn of this.#starts.values()) turn.end();
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#door?.close();
  }

  // What the launcher tells.

  /** It is of use when it comes to the door. */
  started(id: string, pid: number): void {
    const process = this.#byId.get(id);
    if (process !== undefined) process.pid = pid;
  }

  ended(record: ExitRecord): void {
    const { attemptId } = record;
    this.#options.launcher.acknowledge(attemptId);
    this.#orphans.get(attemptId)?.();
    this.#orphans.delete(attemptId);
    this.#gone(attemptId, record);
  }

  /** Nobody reads what they write, nor watches them. */
  launcherLost(): void {
    this.#losses++;
    this.#useNoMore("its launcher is another one now");
  }

  launcherReplaced(running: ReadonlySet<string>): void {
    const losses = this.#losses;
    const doubted = [...this.#byId.keys()].filter((id) => !running.has(id) && !this.#isInLine(id));
    const account = () => {
      if (losses !== this.#losses) return;
      for (const id of doubted) this.#gone(id, null);
    };
    setTimeout(account, launcherAccountMs).unref();
  }

  #takeIdle(needs: ProcessNeeds): FunctionProcess | null {
    for (const process of this.#idle.filter((each) => this.#isOld(each))) this.#recycle(process);
    const index = this.#idle.findLastIndex((each) => each.isReady && serves(each, needs));
    return index === -1 ? null : this.#idle.splice(index, 1)[0];
  }

  /** It has become too old while it was idle. */
  #recycle(process: FunctionProcess): void {
    this.#idle.splice(this.#idle.indexOf(process), 1);
    this.#recycledCount++;
    process.retire();
  }

  /** It has its turn to come. */
  #isInLine(id: string): boolean {
    return this.#starts.get(id)?.isWaiting === true;
  }

  #start(needs: ProcessNeeds): FunctionProcess {
    const id = processIdOf(this.#name, ++this.#count);
    const stop = (graceMs: number) => this.#stop(id, graceMs);
    const onStarted = () => this.#starts.get(id)?.end();
    const process = new FunctionProcess({ id, needs, stop, onStarted });
    this.#byId.set(id, process);
    this.#starts.set(
      id,
      this.#options.starts.join(() => this.#launch(process)),
    );
    return process;
  }

  #stop(id: string, graceMs: number): void {
    if (!this.#byId.has(id)) return;
    if (this.#isInLine(id)) this.#gone(id, null);
    else this.#options.launcher.stop(id, graceMs);
  }

  #launch(process: FunctionProcess): void {
    const { launcher, directory, attemptsDirectory, workerId, heapLimitMib } = this.#options;
    const { id, needs } = process;
    const key = randomBytes(16).toString("hex");
    const logDirectory = this.directoryOf(process);
    mkdirSync(logDirectory, { mode: 0o700 });
    const door = this.#door?.path ?? "";
    const compileCache = join(directory, "compiled");
    const paths = { logDirectory, compileCache, attemptsDirectory, door };
    const place = { id, ...paths, key, workerId, heapLimitMib };
    this.#expected.set(key, process);
    launcher.launch(processOrderOf(needs, place));
    const late = () => {
      if (this.#expected.delete(key)) process.end(0);
    };
    setTimeout(late, processStartMsMax).unref();
  }

  #admit(key: string, socket: Socket): FunctionProcess | null {
    const process = this.#expected.get(key) ?? null;
    this.#expected.delete(key);
    process?.admit(socket);
    return process;
  }

  #gone(id: string, record: ExitRecord | null): void {
    const process = this.#byId.get(id);
    this.#byId.delete(id);
    this.#starts.get(id)?.end();
    this.#starts.delete(id);
    const { exitCode = null, signal = null } = record ?? {};
    this.#options.logger.debug({ process: id, exitCode, signal }, "a function's process has ended");
    this.#idle = this.#idle.filter((each) => each !== process);
    void rm(join(this.#options.directory, id), { recursive: true, force: true });
    if (!this.#isClosed) process?.gone(record);
  }

  #whyNotAgain(process: FunctionProcess): string {
    const { memoryBytes } = process.needs;
    const { rssBytes, leftover } = process.lastRun;
    if (!process.isReady) return "it has ended or is ending";
    const why = this.#last.get(process);
    if (why !== undefined) return why;
    if (process.runs >= processRunsMax) return "it has run often enough";
    if (this.#isOld(process)) return "it is old enough";
    const { rssBytesMax } = this.#options;
    const rssMax = memoryBytes === 0 ? rssBytesMax : Math.min(rssBytesMax, memoryBytes / 2);
    if (rssBytes >= rssMax) return "it has become too large";
    return leftover === "" ? "" : `its task has left ${leftover}`;
  }

  #isOld({ startedMs }: FunctionProcess): boolean {
    return performance.now() - startedMs >= this.#options.ageMaxMs;
  }

  #armSweep(): void {
    this.#sweep ??= setTimeout(() => this.#endRested(), processIdleMs).unref();
  }

  #endRested(): void {
    this.#sweep = null;
    const before = performance.now() - processIdleMs;
    while (this.#idle.length > 0 && this.#idle[0].idleSinceMs <= before) {
      this.#idle.shift()?.retire();
    }
    if (this.#idle.length > 0) this.#armSweep();
  }
}

function serves({ needs }: FunctionProcess, other: ProcessNeeds): boolean {
  return (
    needs.bundlePath === other.bundlePath &&
    needs.pluginKey === other.pluginKey &&
    needs.memoryBytes === other.memoryBytes &&
    needs.cpuMilli === other.cpuMilli
  );
}
