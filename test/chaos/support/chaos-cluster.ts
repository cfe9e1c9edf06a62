/**
 * A cluster of real processes that a fault is let loose on: a controller on a journal, workers, one
 * client, each in surroundings of its own, all in one directory whose path every process of it has
 * in its arguments or environment. So nothing of it can hide.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExitStatus } from "../../../src/backends/child.ts";
import { killHostProcesses } from "../../../src/backends/host-processes.ts";
import { type Client, connect } from "../../../src/client/index.ts";
import { signalProcess } from "../../../src/shell/launcher/process-table.ts";
import { ChaosProcess, type Surroundings } from "./chaos-process.ts";
import { processesWith, untilNothing } from "./machine.ts";

/** How the controller runs; what is not said is as usual. */
export interface ControllerPlace extends Surroundings {
  /** `host:port`; default a free port of 127.0.0.1. */
  readonly listen?: string;
  readonly advertise?: string;
  readonly dataDir?: string;
  readonly token?: string;
}

/** How one worker runs. */
export interface WorkerPlace extends Surroundings {
  readonly workDir?: string;
  readonly controllerUrl?: string;
  readonly listen?: string;
}

export interface ChaosClusterOptions {
  /** Default 2. */
  readonly workers?: number;
  /** Of each worker; default 4. */
  readonly cpu?: number;
  readonly controller?: ControllerPlace;
  readonly worker?: (index: number) => WorkerPlace;
  /** Where all processes log; default: in the cluster's directory. */
  readonly logFile?: string;
  /** Where the client connects; default: where the controller listens. */
  readonly clientUrl?: string;
}

const stopGraceMs = 8_000;

export class ChaosCluster implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "capstan-chaos-"));
  readonly #options: ChaosClusterOptions;
  readonly #workers: (ChaosProcess | null)[] = [];
  readonly #clients: Client[] = [];
  #controller: ChaosProcess | null = null;
  #url = "";

  private constructor(options: ChaosClusterOptions) {
    this.#options = options;
    process.once("exit", this.#killEverything);
  }

  /** Starts all of it; nothing is left if that fails. */
  static async start(options: ChaosClusterOptions = {}): Promise<ChaosCluster> {
    const cluster = new ChaosCluster(options);
    try {
      await cluster.startController();
      const places = Array.from({ length: options.workers ?? 2 }, (_, index) => index);
      await Promise.all(places.map((index) => cluster.startWorker(index)));
      await cluster.connect();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return this.#url;
  }

  get client(): Client {
    return this.#clients[0];
  }

  get controller(): ChaosProcess {
    if (this.#controller === null) throw new Error("no controller runs");
    return this.#controller;
  }

  get dataDir(): string {
    return this.#options.controller?.dataDir ?? this.path("data");
  }

  get logFile(): string {
    return this.#options.logFile ?? this.path("log");
  }

  /** What all processes of the cluster have logged. */
  readLog(): string {
    return readFileSync(this.logFile, "utf8");
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  worker(index: number): ChaosProcess {
    const worker = this.#workers[index];
    if (worker === null || worker === undefined) throw new Error(`no worker runs in ${index}`);
    return worker;
  }

  workDir(index: number): string {
    return this.#options.worker?.(index).workDir ?? this.path(`worker-${index}`);
  }

  async connect(): Promise<Client> {
    const { clientUrl, controller } = this.#options;
    const token = controller?.token;
    const client = await connect(clientUrl ?? this.#url, { token, onWarning: () => undefined });
    this.#clients.push(client);
    return client;
  }

  /** On the same port and data directory as before. Rejects with `StartRefused`. */
  async startController(instead: Surroundings = {}): Promise<ChaosProcess> {
    const place = { ...this.#options.controller, ...instead };
    const { advertise, prefix, env, token } = place;
    const listen = this.#url === "" ? (place.listen ?? "127.0.0.1:0") : new URL(this.#url).host;
    const secret = token === undefined ? undefined : { CAPSTAN_TOKEN: token };
    this.#controller = await ChaosProcess.start({
      entry: "controller",
      settings: {
        listen,
        dataDir: this.dataDir,
        ...(advertise === undefined ? {} : { advertise }),
      },
      logFile: this.logFile,
      prefix,
      env: { ...env, ...secret },
    });
    this.#url = `http://${new URL(String(this.#controller.announcement.listening)).host}`;
    return this.#controller;
  }

  async killController(): Promise<ExitStatus> {
    return this.controller.killHard();
  }

  async startWorker(index: number, instead: Surroundings = {}): Promise<ChaosProcess> {
    const place = { ...this.#options.worker?.(index), ...instead };
    const token = this.#options.controller?.token;
    const workDir = this.workDir(index);
    mkdirSync(workDir, { recursive: true });
    const cpuMilli = 1_000 * (this.#options.cpu ?? 4);
    const worker = await ChaosProcess.start({
      entry: "worker",
      settings: {
        controllerUrl: place.controllerUrl ?? this.#url,
        workerId: `w-${index}`,
        attributes: { place: `w-${index}` },
        slots: 1,
        capacity: { cpuMilli, memoryBytes: 2 ** 40, diskBytes: 2 ** 40, devices: [], custom: {} },
        workDir,
        ...(place.listen === undefined ? {} : { listen: place.listen }),
      },
      logFile: this.logFile,
      prefix: place.prefix,
      env: { ...place.env, ...(token === undefined ? undefined : { CAPSTAN_TOKEN: token }) },
    });
    this.#workers[index] = worker;
    return worker;
  }

  async killWorker(index: number): Promise<ExitStatus> {
    const worker = this.worker(index);
    this.#workers[index] = null;
    return worker.killHard();
  }

  /** The worker, its launcher and all that this runs, as when a machine loses its power. */
  async killHost(index: number): Promise<void> {
    const worker = this.worker(index);
    this.#workers[index] = null;
    worker.kill("SIGSTOP");
    killHostProcesses(this.workDir(index));
    await worker.killHard();
  }

  /** Ends everything, and rejects if a process is left all the same. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const client of this.#clients) await client.close();
      await Promise.all(this.#workers.map((worker) => worker?.stop(stopGraceMs)));
      for (const index of this.#workers.keys()) killHostProcesses(this.workDir(index));
      await this.#controller?.stop(stopGraceMs);
      await untilNothing("processes are left", () => this.#processes(), 5_000);
    } finally {
      process.off("exit", this.#killEverything);
      this.#killEverything();
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  #processes(): readonly string[] {
    return processesWith(this.directory).map(({ pid, command }) => `${pid} ${command}`);
  }

  readonly #killEverything = (): void => {
    for (const each of processesWith(this.directory)) signalProcess(each, "SIGKILL");
  };
}
