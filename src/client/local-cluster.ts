/**
 * A cluster of processes on this machine, for programs, notebooks and tests.
 *
 * @module
 */

import { type LocalProcesses, type LocalWorker, startLocalProcesses } from "../backends/local.ts";
import type { LocalOptions } from "../backends/local-options.ts";
import { refuseWhileImporting } from "./importing.ts";

/** A running local cluster. Its processes end with `close`, or with this process. */
export class LocalCluster {
  readonly #processes: LocalProcesses;

  /** Made by `startLocalCluster`. */
  constructor(processes: LocalProcesses) {
    this.#processes = processes;
  }

  /** What `connect` takes. */
  get url(): string {
    return this.#processes.url;
  }

  /** What `connect` needs to be let in, or undefined if it needs nothing. */
  get token(): string | undefined {
    return this.#processes.token;
  }

  get workers(): readonly LocalWorker[] {
    return this.#processes.workers;
  }

  /** The processes themselves: to kill and restart them in tests of failures. */
  get processes(): LocalProcesses {
    return this.#processes;
  }

  /** Ends worker `index` at once (default SIGKILL) and resolves when it is gone. */
  killWorker(index: number, signal?: NodeJS.Signals): Promise<void> {
    return this.#processes.killWorker(index, signal);
  }

  /** Starts one more worker. */
  addWorker(): Promise<LocalWorker> {
    return this.#processes.addWorker();
  }

  /** Stops all processes and resolves when they are gone. */
  close(): Promise<void> {
    return this.#processes.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts one controller and `options.workers` workers as processes of this machine, and waits until
 * they are ready. With `dataDir` the journal is durable; without, it lives in memory.
 *
 * Rejects with ADDRESS_IN_USE, DATA_DIRECTORY_IN_USE or INVALID_ARGUMENT; throws
 * TASK_MODULE_RUNS_PROGRAM while a worker imports a task's module.
 */
export function startLocalCluster(options: LocalOptions): Promise<LocalCluster> {
  refuseWhileImporting("startLocalCluster");
  return startLocalProcesses(options).then((processes) => new LocalCluster(processes));
}
