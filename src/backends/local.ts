/**
 * A cluster on this machine: one controller process and some worker processes, started, watched and
 * stopped by the process that asked for them. Whoever starts a process sees it end, so a worker's
 * death is reported to the controller as proof, and nobody has to wait for a silence.
 *
 * Must not schedule anything, and must not leave a process behind.
 *
 * @module
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CapstanError } from "../model/errors.ts";
import { type Child, type ExitStatus, formatExit, startChild } from "./child.ts";
import {
  askReady,
  type ControllerAddress,
  type EndedWorker,
  reportWorkerExit,
} from "./controller-client.ts";
import { killHostProcesses, launcherOf } from "./host-processes.ts";
import {
  childStopGraceMs,
  clusterReadyTimeoutMs,
  exitReportTimeoutMs,
  restartDelayMaxMs,
  restartDelayMinMs,
  restartForgivenAfterMs,
} from "./limits.ts";
import {
  type LocalOptions,
  type LocalSettings,
  settingsOf,
  workerOfferOf,
} from "./local-options.ts";
import { checkNodeVersion } from "./node-version.ts";
import { forgetOwnCluster, rememberOwnCluster } from "./own-clusters.ts";

/** A worker process that lives now, or the last one of its place. */
export interface LocalWorker {
  readonly workerId: string;
  readonly incarnation: string;
  readonly pid: number;
}

/** A running local cluster. */
export interface LocalProcesses {
  /** `http://host:port` of the controller; it stays the same when the controller is restarted. */
  readonly url: string;
  readonly token: string | undefined;
  readonly workers: readonly LocalWorker[];
  readonly controllerPid: number;
  /** Where the processes log, or null when they write to this process's stderr. */
  readonly logFile: string | null;
  /** Stops all processes: workers first, then the controller. Safe to call twice. */
  close(): Promise<void>;
  /** Ends a worker process at once; resolves when it is gone. Default SIGKILL. */
  killWorker(index: number, signal?: NodeJS.Signals): Promise<void>;
  /**
   * Ends a worker process at once, with its launcher and every command that this runs: a machine
   * that died. Resolves when the worker process is gone.
   */
  killHost(index: number): Promise<void>;
  /** Ends the controller process at once; resolves when it is gone. Default SIGKILL. */
  killController(signal?: NodeJS.Signals): Promise<void>;
  /** Starts a controller on the same port and data directory, after one was killed. */
  startController(): Promise<void>;
  /** Starts one more worker and waits until it has announced itself. */
  addWorker(): Promise<LocalWorker>;
}

/**
 * Starts a controller and `workers` workers, and waits until all of them are ready.
 *
 * Throws CapstanError INVALID_ARGUMENT for a bad option, INVALID_SPEC for a Node that is too old,
 * ADDRESS_IN_USE, DATA_DIRECTORY_IN_USE and DISK_FAILED as the controller met them, TIMED_OUT when
 * the workers do not register, and BUG when a process ends for another reason. Nothing is left
 * running then.
 */
export async function startLocalProcesses(options: LocalOptions): Promise<LocalProcesses> {
  checkNodeVersion();
  const cluster = new LocalCluster(settingsOf(options));
  try {
    await cluster.start();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

/** Path of an entry of the shell: its source when we run from sources, else what was built. */
function entryPath(name: string): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../shell/${name}.${extension}`, import.meta.url));
}

/** One place for a worker: the process in it may change, its `workerId` does not. */
interface Seat {
  readonly workerId: string;
  readonly index: number;
  readonly workDir: string;
  child: Child | null;
  incarnation: string;
  pid: number;
  restartDelayMs: number;
}

class LocalCluster implements LocalProcesses {
  readonly #settings: LocalSettings;
  readonly #seats: Seat[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #controller: Child | null = null;
  #url = "";
  #closed: Promise<void> | null = null;

  constructor(settings: LocalSettings) {
    this.#settings = settings;
    process.once("exit", this.#killAll);
  }

  get url(): string {
    return this.#url;
  }

  get token(): string | undefined {
    return this.#settings.token;
  }

  get logFile(): string | null {
    return this.#settings.logFile;
  }

  get controllerPid(): number {
    return this.#controller?.pid ?? 0;
  }

  get workers(): readonly LocalWorker[] {
    return this.#seats.map(({ workerId, incarnation, pid }) => ({ workerId, incarnation, pid }));
  }

  async start(): Promise<void> {
    await this.startController();
    const { workers } = this.#settings;
    await Promise.all(Array.from({ length: workers }, () => this.addWorker()));
    await this.#becomeReady();
  }

  async startController(): Promise<void> {
    if (this.#controller !== null) throw new CapstanError("INVALID_SPEC", "the controller runs");
    const { host, port, dataDir, token, logFile, workers } = this.#settings;
    const listen = this.#url === "" ? `${formatHost(host)}:${port}` : new URL(this.#url).host;
    const settings = {
      listen,
      expectWorkers: workers,
      ...(dataDir === undefined ? {} : { dataDir }),
    };
    const entry = entryPath("controller-entry");
    const child = await startChild({
      ...{ name: "controller", entry, settings, token, logFile },
      saysRefusal: true,
    });
    this.#controller = child;
    this.#url = String(child.announcement.listening);
    rememberOwnCluster(this.#url, { token });
    this.#settings.onServing(this.#url);
    void child.exited.then((status) => this.#onControllerExit(child, status));
    if (this.#stopping.signal.aborted) await child.stop(childStopGraceMs);
  }

  async addWorker(): Promise<LocalWorker> {
    const index = this.#seats.length;
    const workerId = `local-${index}`;
    const workDir = join(this.#settings.workDir, "workers", workerId);
    const nobody = { child: null, incarnation: "", pid: 0, restartDelayMs: 0 };
    const seat: Seat = { workerId, index, workDir, ...nobody };
    this.#seats.push(seat);
    await this.#track(this.#fill(seat));
    return { workerId, incarnation: seat.incarnation, pid: seat.pid };
  }

  async killWorker(index: number, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#childIn(index);
    child.kill(signal);
    await child.exited;
  }

  async killHost(index: number): Promise<void> {
    const child = this.#childIn(index);
    // It sees nothing of the end of the others, and when it is gone they are.
    child.kill("SIGSTOP");
    killHostProcesses(this.#seats[index].workDir);
    child.kill("SIGKILL");
    await child.exited;
  }

  async killController(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#controller;
    if (child === null) throw new CapstanError("NOT_FOUND", "no controller runs");
    this.#controller = null; // Asked for: nobody is told of it.
    child.kill(signal);
    await child.exited;
  }

  close(): Promise<void> {
    this.#closed ??= this.#stopAll();
    return this.#closed;
  }

  #childIn(index: number): Child {
    const child = this.#seats[index]?.child;
    if (child !== null && child !== undefined) return child;
    throw new CapstanError("NOT_FOUND", `no worker runs in place ${index}`);
  }

  async #stopAll(): Promise<void> {
    this.#stopping.abort();
    await this.#stopWorkers();
    await Promise.allSettled(this.#pending); // A worker that was about to start ends by itself.
    // One that took too long was killed, and has not ended what it ran.
    for (const { workDir } of this.#seats) killHostProcesses(workDir);
    await this.#controller?.stop(childStopGraceMs);
    if (this.#url !== "") forgetOwnCluster(this.#url);
    process.off("exit", this.#killAll);
    const { temporary, workDir } = this.#settings;
    if (temporary) rmSync(workDir, { recursive: true, force: true });
  }

  async #stopWorkers(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.child?.stop(childStopGraceMs)));
  }

  /** The last resort, when this process ends without having closed its cluster. */
  readonly #killAll = (): void => {
    for (const seat of this.#seats) seat.child?.kill("SIGKILL");
    for (const { workDir } of this.#seats) killHostProcesses(workDir);
    this.#controller?.kill("SIGTERM");
  };

  async #fill(seat: Seat): Promise<void> {
    const { token, logFile } = this.#settings;
    const { workerId } = seat;
    const entry = entryPath("worker-entry");
    const settings = this.#workerSettings(seat);
    const child = await startChild({ name: `worker ${workerId}`, entry, settings, token, logFile });
    seat.child = child;
    seat.pid = child.pid;
    seat.incarnation = String(child.announcement.incarnation);
    if (this.#stopping.signal.aborted) await child.stop(childStopGraceMs);
    void child.exited.then((status) => this.#track(this.#onWorkerExit(seat, child, status)));
  }

  #workerSettings({ workerId, index, workDir }: Seat): object {
    return {
      controllerUrl: this.#url,
      workerId,
      ...workerOfferOf(this.#settings, index),
      listen: `${formatHost(this.#settings.host)}:0`,
      workDir,
      parentPid: process.pid,
    };
  }

  #onControllerExit(child: Child, status: ExitStatus): void {
    if (this.#controller !== child) return;
    this.#controller = null;
    if (!this.#stopping.signal.aborted) this.#settings.onControllerExit(status);
  }

  async #onWorkerExit(seat: Seat, child: Child, status: ExitStatus): Promise<void> {
    seat.child = null;
    if (this.#stopping.signal.aborted) return;
    const { workerId, incarnation, pid, workDir } = seat;
    const { restart, onWorkerExit } = this.#settings;
    // Nobody takes over what it ran if nobody takes its place.
    if (!restart) killHostProcesses(workDir);
    const launcherLives = launcherOf(workDir) !== null;
    await this.#reportExit({ workerId, incarnation, launcherLives }, status);
    onWorkerExit({ workerId, incarnation, pid, status, restarts: restart });
    if (restart) await this.#refill(seat, Date.now() - child.startedAtMs);
  }

  /** Starts a worker again, ever more slowly while it does not stay alive. */
  async #refill(seat: Seat, livedMs: number): Promise<void> {
    if (livedMs >= restartForgivenAfterMs) seat.restartDelayMs = 0;
    for (;;) {
      const delayMs = seat.restartDelayMs;
      seat.restartDelayMs = Math.min(restartDelayMaxMs, Math.max(restartDelayMinMs, 2 * delayMs));
      await this.#pause(delayMs);
      if (this.#stopping.signal.aborted) return;
      try {
        return await this.#fill(seat);
      } catch (error) {
        if (!(error instanceof CapstanError)) throw error;
        process.emitWarning(`${error.message}`, { code: error.code });
      }
    }
  }

  /** A controller that is down does not hear it: the worker's next hello says the same then. */
  async #reportExit(worker: EndedWorker, status: ExitStatus): Promise<void> {
    const answer = await reportWorkerExit(this.#address(), worker, status);
    if (answer.status === 200) return;
    void this.#track(this.#repeatReport(worker, status));
  }

  async #repeatReport(worker: EndedWorker, status: ExitStatus): Promise<void> {
    const deadline = Date.now() + exitReportTimeoutMs;
    let answer = { status: 0, body: "" };
    while (Date.now() < deadline && !this.#stopping.signal.aborted) {
      await this.#pause(200);
      answer = await reportWorkerExit(this.#address(), worker, status);
      if (answer.status === 200) return;
    }
    if (this.#stopping.signal.aborted) return;
    const ended = `worker ${worker.workerId} ended with ${formatExit(status)}`;
    process.emitWarning(`${ended}, and the controller was not told: ${answer.body}`);
  }

  #address(): ControllerAddress {
    return { url: this.#url, token: this.#settings.token };
  }

  async #becomeReady(): Promise<void> {
    const deadline = Date.now() + clusterReadyTimeoutMs;
    for (;;) {
      const answer = await askReady(this.#address());
      if (answer.status === 200) return;
      if (Date.now() > deadline) {
        const waited = `The cluster was not ready after ${clusterReadyTimeoutMs} ms`;
        throw new CapstanError("TIMED_OUT", `${waited}: ${answer.body}`);
      }
      await this.#pause(10);
    }
  }

  /** Waits, but not past the end of the cluster. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stopping;
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  /** Keeps a piece of background work in view, so that `close` leaves nothing half done. */
  #track(work: Promise<void>): Promise<void> {
    this.#pending.add(work);
    const done = () => void this.#pending.delete(work);
    work.then(done, done);
    return work;
  }
}

/** An IPv6 address needs brackets before a port. */
function formatHost(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
