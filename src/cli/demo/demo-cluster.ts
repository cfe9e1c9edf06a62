/**
 * A cluster that lives as long as a demo: real processes, a journal on the disk, a directory of its
 * own for everything, and nothing left of any of it afterwards.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { commandsOf } from "../../backends/host-processes.ts";
import { type LocalProcesses, startLocalProcesses } from "../../backends/local.ts";
import type { LocalOptions } from "../../backends/local-options.ts";
import { callApi } from "../api.ts";
import { exitCodes } from "../context.ts";
import type { Requests, Responses, Unchanging, WorkerView } from "../responses.ts";
import { onStopSignal } from "../stop-signals.ts";
import { demoPatienceMs, demoPollMs } from "./limits.ts";

/** Shape of the cluster: `workers` of them, each as `workerOptions` says. */
export type DemoClusterOptions = Required<Pick<LocalOptions, "workers" | "workerOptions">>;

export class DemoCluster {
  readonly processes: LocalProcesses;
  /** For the files of the demo; goes with the cluster. */
  readonly directory: string;
  /** How long it took until every worker had registered, in seconds. */
  readonly startSeconds: number;
  readonly #dataDir: string;

  private constructor(processes: LocalProcesses, directory: string, startSeconds: number) {
    this.processes = processes;
    this.directory = directory;
    this.startSeconds = startSeconds;
    this.#dataDir = join(directory, "data");
  }

  /**
   * Starts one, lends it to `use`, and ends it whatever happens. Resolves to the exit code of
   * `use`, or to that of an interruption: Ctrl-C ends the cluster, whatever `use` is at.
   */
  static async run(
    options: DemoClusterOptions,
    use: (cluster: DemoCluster) => Promise<number>,
  ): Promise<number> {
    const directory = mkdtempSync(join(tmpdir(), "capstan-demo-"));
    const startedAt = performance.now();
    const interruption = Promise.withResolvers<number>();
    const stopListening = onStopSignal(() => interruption.resolve(exitCodes.interrupted));
    try {
      const dataDir = join(directory, "data");
      const processes = await startLocalProcesses({ ...options, dataDir });
      const seconds = (performance.now() - startedAt) / 1_000;
      const work = use(new DemoCluster(processes, directory, seconds));
      work.catch(() => undefined); // Nobody hears it when it was interrupted.
      return await Promise.race([work, interruption.promise]).finally(() => processes.close());
    } finally {
      stopListening();
      rmSync(directory, { recursive: true, force: true });
    }
  }

  call<M extends keyof Responses>(
    method: M,
    request: Unchanging<Requests[M]>,
  ): Promise<Responses[M]> {
    const { url, token } = this.processes;
    return callApi({ url, token, jobId: "" }, method, request);
  }

  job(jobId: string): Promise<Responses["GetJobStatus"]> {
    return this.call("GetJobStatus", { jobId });
  }

  /** All workers, in the order of their places. */
  async workers(): Promise<readonly WorkerView[]> {
    const { workers } = await this.call("ListWorkers", {});
    return workers.toSorted((a, b) => placeOf(a.workerId) - placeOf(b.workerId));
  }

  /** Processes of commands on the worker in this place, whether or not anybody knows of them. */
  commandsIn(place: number): number {
    return commandsOf(join(this.#dataDir, "workers", `local-${place}`)).length;
  }
}

/** The place of a worker of a local cluster: `local-7` is in place 7. */
export function placeOf(workerId: string): number {
  return Number(workerId.slice("local-".length));
}

/** Looks again and again until what it sees is right, or for too long; gives what it saw last. */
export async function lookUntil<T>(
  look: () => Promise<T>,
  isRight: (seen: T) => boolean,
  patienceMs = demoPatienceMs,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (isRight(seen) || performance.now() > deadline) return seen;
    await pause(demoPollMs);
  }
}
