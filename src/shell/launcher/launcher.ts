/**
 * The launcher: it starts, watches and ends all attempts of one worker, and outlives the worker.
 * It decides nothing about tasks. What ended is kept until the worker has acknowledged it.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertNever } from "../../base/assert.ts";
import { adoptAttempt } from "./adopt-attempt.ts";
import { Attempt, type Leases } from "./attempt.ts";
import { type AttemptFile, readExitRecord, writeExitRecord } from "./attempt-files.ts";
import { AttemptGroups, removeEmptyParents, trackerOf } from "./attempt-groups.ts";
import { noOutput } from "./attempt-output.ts";
import { closeHierarchies } from "./control-groups.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import type { ExitRecord } from "./exit-record.ts";
import type { LaunchOrder } from "./launch-order.ts";
import { logLine } from "./launcher-log.ts";
import { idleEndMs, launcherAttemptsMax, memoryWatchMs, workerConnectionsMax } from "./limits.ts";
import { type LauncherCapabilities, launcherProtocol, type ToLauncher } from "./messages.ts";
import { isAlive } from "./process-table.ts";
import { groupedTree, type ProcessTree, scannedTree } from "./process-tree.ts";
import {
  type FailedStart,
  newAttemptFile,
  type StartedProgram,
  type StartPlace,
  startAttempt,
} from "./start-attempt.ts";
import { TreeScanner } from "./tree-scanner.ts";
import type { ConnectionHost, WorkerConnection } from "./worker-connection.ts";

/** An end that is not acknowledged. */
interface Ended {
  readonly logDirectory: string;
  /** Only if it could not be written to the disk. */
  readonly record: ExitRecord | null;
}

export class Launcher implements ConnectionHost {
  readonly #place: StartPlace;
  readonly #onOver: () => void;
  readonly #scanner = new TreeScanner();
  readonly #leases: Leases = { renewedAt: Number.NEGATIVE_INFINITY };
  readonly #starting = new Set<string>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #ended = new Map<string, Ended>();
  readonly #connections = new Set<WorkerConnection>();
  readonly #idle = new DeadlineTimer(() => this.#over());
  #removals = 0;
  #watch: NodeJS.Timeout | null = null;
  #isShuttingDown = false;
  #isOver = false;

  /** `onOver` is called when there is nothing left to do here. */
  constructor(place: StartPlace, onOver: () => void) {
    this.#place = place;
    this.#onOver = onOver;
  }

  /** Takes over what launchers before this one have left. Call it once, before any worker. */
  async restore(): Promise<void> {
    this.#leases.renewedAt = this.#readRenewal();
    const files = this.#place.files.readAll((name, error) => {
      logLine(`of the attempts this cannot be read: ${name}: ${String(error)}`);
    });
    await Promise.all(files.map((file) => this.#restoreAttempt(file)));
    this.#lookForIdleness();
  }

  /** A worker has connected. */
  accept(connection: WorkerConnection): void {
    if (this.#connections.size >= workerConnectionsMax) return void connection.close();
    this.#connections.add(connection);
    const running = [...this.#attempts.values()].map(({ survivor }) => survivor);
    const capabilities = this.#capabilities();
    const { pid } = process;
    const protocol = launcherProtocol;
    connection.send({ type: "inventory", protocol, pid, running, capabilities });
    for (const attemptId of this.#ended.keys()) connection.sendEnd(attemptId);
    this.#lookForIdleness();
  }

  onMessage(message: ToLauncher): void {
    switch (message.type) {
      case "launch":
        return this.#launch(message.order);
      case "stop":
        return this.#attempts.get(message.attemptId)?.stop("stopped", message.graceMs);
      case "acknowledge":
        return this.#acknowledge(message.attemptId);
      case "renew-leases":
        return this.#renewLeases();
      case "shutdown":
        return this.shutdown();
      default:
        return assertNever(message);
    }
  }

  onClose(connection: WorkerConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) {
      for (const attempt of this.#attempts.values()) attempt.onWorkerGone();
    }
    this.#lookForIdleness();
  }

  recordOf(attemptId: string): ExitRecord | null {
    const ended = this.#ended.get(attemptId);
    if (ended === undefined) return null;
    return ended.record ?? readExitRecord(ended.logDirectory, attemptId);
  }

  /** Stops everything, with the grace of each order, and is over then. Nothing new is started. */
  shutdown(): void {
    this.#isShuttingDown = true;
    for (const attempt of this.#attempts.values()) attempt.stopForGood();
    this.#lookForIdleness();
  }

  #launch(order: LaunchOrder): void {
    const { attemptId } = order;
    const isKnown =
      this.#starting.has(attemptId) || this.#attempts.has(attemptId) || this.#ended.has(attemptId);
    if (isKnown) return; // Ordered again by a worker that did not know that we have it.
    const file = newAttemptFile(this.#place, order);
    const refusal = this.#refusal();
    if (refusal !== "") return this.#failStart(file, { message: refusal, isShortage: true });
    const outcome = startAttempt(this.#place, order, file);
    if ("then" in outcome) {
      this.#starting.add(attemptId);
      outcome.then((failed) => {
        this.#starting.delete(attemptId);
        this.#failStart(file, failed);
      });
    } else if (outcome.type === "failed") this.#failStart(file, outcome);
    else this.#started(outcome);
  }

  #refusal(): string {
    if (this.#isShuttingDown) return "the launcher is being shut down; start the worker again";
    const count = this.#starting.size + this.#attempts.size + this.#ended.size;
    if (count < launcherAttemptsMax) return "";
    return `the launcher has ${count} attempts that run or are not acknowledged; wait for some`;
  }

  #started({ file, groups, output, begun, exit, starter }: StartedProgram): void {
    const tree = this.#treeOf(file, groups);
    const parts = { file, tree, groups, leases: this.#leases, output, begun, exit, message: "" };
    const { attemptId } = file.order;
    begun.then((pid) => {
      for (const connection of this.#connections) {
        connection.send({ type: "started", attemptId, pid });
      }
    });
    const release = () => {
      if (starter === null) this.#removeGroups(groups);
      else this.#place.starters.giveBack(starter, output.isComplete);
    };
    void this.#run(file, new Attempt(parts), release);
  }

  #treeOf(file: AttemptFile, groups: AttemptGroups): ProcessTree {
    if (groups.tracker() !== undefined) return groupedTree(groups);
    const leader = { pid: file.leaderPid, startTicks: file.leaderStartTicks };
    return scannedTree(this.#scanner, { leader, nonce: file.nonce }, groups.starterPid);
  }

  async #run(file: AttemptFile, attempt: Attempt, release: () => void): Promise<void> {
    this.#attempts.set(file.order.attemptId, attempt);
    this.#idle.clear();
    this.#watch ??= setInterval(() => this.#measure(), memoryWatchMs);
    const record = await attempt.run();
    this.#attempts.delete(record.attemptId);
    release();
    this.#end(file, record);
  }

  async #restoreAttempt(file: AttemptFile): Promise<void> {
    const { attemptId, logDirectory } = file.order;
    const groups = new AttemptGroups(file.groups);
    if (readExitRecord(logDirectory, attemptId) !== null) {
      this.#ended.set(attemptId, { logDirectory, record: null });
      return this.#removeGroups(groups);
    }
    // The number of a session may be a stranger's by now, unless its leader still lives.
    const leader = { pid: file.leaderPid, startTicks: file.leaderStartTicks };
    const isKnown = file.bootId === this.#place.bootId && isAlive(leader);
    const tree = this.#treeOf(isKnown ? file : { ...file, leaderPid: 0 }, groups);
    const adopted = await adoptAttempt(file, tree, this.#place.bootId);
    const begun = Promise.resolve(adopted.file.pid);
    const parts = { ...adopted, tree, groups, leases: this.#leases, output: null, begun };
    const ended = this.#run(adopted.file, new Attempt(parts), () => this.#removeGroups(groups));
    if (adopted.isOver) await ended; // A worker that connects must not take it for a survivor.
  }

  #failStart(file: AttemptFile, failed: Pick<FailedStart, "message" | "isShortage">): void {
    const { message, isShortage } = failed;
    const kind = isShortage ? "start-refused" : "start-failed";
    try {
      this.#place.files.write(file); // So that the next launcher can tell of it.
    } catch (error) {
      logLine(`a failed start could not be noted: ${String(error)}`);
    }
    const { attemptId, tag } = file.order;
    const { startedAtMs } = file;
    this.#end(file, {
      ...{ attemptId, tag, pid: 0, kind, exitCode: null, signal: null },
      ...{ oom: false, stop: "none", message, startedAtMs, endedAtMs: startedAtMs },
      ...{ peakRssBytes: 0, cpuMs: 0, ...noOutput },
    });
  }

  /** On the disk first, then to whoever listens. */
  #end(file: AttemptFile, record: ExitRecord): void {
    const { attemptId, logDirectory } = file.order;
    const isWritten = writeExitRecord(logDirectory, record);
    this.#ended.set(attemptId, { logDirectory, record: isWritten ? null : record });
    for (const connection of this.#connections) connection.sendEnd(attemptId, record);
    this.#lookForIdleness();
  }

  #removeGroups(groups: AttemptGroups): void {
    if (groups.groups.length === 0) return;
    this.#removals++;
    groups.remove().then((isRemoved) => {
      this.#removals--;
      const own = this.#place.hierarchies.map(({ parent }) => parent);
      removeEmptyParents(groups.groups, own);
      if (!isRemoved) logLine(`not removed: ${JSON.stringify(groups.groups)}`);
      this.#lookForIdleness();
    });
  }

  #acknowledge(attemptId: string): void {
    if (!this.#ended.delete(attemptId)) return;
    this.#place.files.remove(attemptId);
    this.#lookForIdleness();
  }

  #renewLeases(): void {
    this.#leases.renewedAt = performance.now();
    try {
      writeFileSync(this.#renewalPath(), String(Date.now()));
    } catch (error) {
      logLine(`the lease's renewal could not be written: ${String(error)}`);
    }
  }

  /** If this launcher should be killed, the next one must know how old the leases are. */
  #readRenewal(): number {
    try {
      const renewedAtMs = Number(readFileSync(this.#renewalPath(), "utf8"));
      return performance.now() - Math.max(0, Date.now() - renewedAtMs);
    } catch {
      return Number.NEGATIVE_INFINITY;
    }
  }

  #renewalPath(): string {
    return join(this.#place.stateDirectory, "leases-renewed-at");
  }

  #capabilities(): LauncherCapabilities {
    const { hierarchies } = this.#place;
    const has = (name: string) =>
      hierarchies.some(({ controllers }) => controllers.some((each) => each === name));
    return {
      tracking: trackerOf(hierarchies) === undefined ? "scan" : "cgroup",
      memory: has("memory") ? "cgroup" : "watch",
      cpu: has("cpu"),
      pids: has("pids"),
    };
  }

  #measure(): void {
    for (const attempt of this.#attempts.values()) void attempt.measure();
  }

  #lookForIdleness(): void {
    if (this.#attempts.size + this.#starting.size === 0 && this.#watch !== null) {
      clearInterval(this.#watch);
      this.#watch = null;
    }
    if (this.#attempts.size + this.#starting.size + this.#removals > 0) return;
    if (this.#isShuttingDown) this.#over();
    else if (this.#ended.size + this.#connections.size === 0) {
      this.#idle.set(performance.now() + idleEndMs);
    } else this.#idle.clear();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { starters, hierarchies, files } = this.#place;
    starters.close().then(async () => {
      closeHierarchies(hierarchies);
      files.close();
      await Promise.all([...this.#connections].map((connection) => connection.close()));
      this.#onOver();
    });
  }
}
