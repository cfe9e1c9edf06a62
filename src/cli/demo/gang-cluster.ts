/**
 * What `capstan demo gang` runs on and what it runs: two slices of hosts, and a training program
 * that does what it is told by files beside it.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LocalWorkerOptions } from "../../backends/local-options.ts";
import { isAlive, type ProcessIdentity, sightProcess } from "../../shell/launcher/process-table.ts";
import type { AttemptView, JobView, TaskView } from "../responses.ts";
import { type DemoCluster, placeOf } from "./demo-cluster.ts";

export const sliceNames = ["slice-a", "slice-b"] as const;

/** What each host declares: far more than this machine has, which is believed. */
export const hostCpu = 112;
export const hostMemoryBytes = 188_700_000_000;

/** What each member of a gang takes: two of them do not fit on one host. */
export const memberCpu = 32;
export const memberMemoryBytes = 137_438_953_472;

/** The rank that saves a checkpoint before it ends, and the one that fails when it is told to. */
export const savingRank = 0;
export const failingRank = 1;

/** Host `place` of two slices of `hostCount`. */
export function hostOptions(place: number, hostCount: number): LocalWorkerOptions {
  return {
    cpu: hostCpu,
    memory: hostMemoryBytes,
    threads: 1,
    commandSlots: 4,
    attributes: {
      "tpu-name": sliceNames[place < hostCount ? 0 : 1],
      "tpu-worker-id": String(place % hostCount),
    },
  };
}

/**
 * Each rank writes down that it began, with its attempt and its process. Rank 1 fails when the file
 * `diverges` is there; rank 0, told to end, waits for the file `saved` and then ends well.
 */
const program = `
echo "$CAPSTAN_ATTEMPT_ID $$" >> "$SIGNALS/rank-$CAPSTAN_TASK_INDEX"
if [ "$CAPSTAN_TASK_INDEX" = ${savingRank} ]; then
  trap 'until [ -e "$SIGNALS/saved" ]; do sleep 0.1; done; exit 0' TERM
  while :; do sleep 3600 & wait; done
fi
if [ "$CAPSTAN_TASK_INDEX" = ${failingRank} ]; then
  until [ -e "$SIGNALS/diverges" ]; do sleep 0.1; done
  echo "rank ${failingRank}: the loss is not a number" >&2
  exit 1
fi
exec sleep 3600`;

/** One start of a rank: which attempt it was, and the process that it was. */
export interface RankStart {
  readonly rank: number;
  readonly attemptId: string;
  readonly pid: number;
  /** Null if the process was gone when it was looked for. */
  readonly identity: ProcessIdentity | null;
}

/** A training job: `replicas` ranks, all on one slice. */
export class Gang {
  readonly name: string;
  readonly #cluster: DemoCluster;
  readonly #replicas: number;
  readonly #signals: string;
  #jobId = "";

  constructor(cluster: DemoCluster, name: string, replicas: number) {
    this.name = name;
    this.#cluster = cluster;
    this.#replicas = replicas;
    this.#signals = join(cluster.directory, name);
    mkdirSync(this.#signals);
  }

  get jobId(): string {
    return this.#jobId;
  }

  async launch(): Promise<void> {
    const { jobId } = await this.#cluster.call("LaunchJob", {
      name: this.name,
      command: { argv: ["/bin/sh", "-c", program], env: { SIGNALS: this.#signals } },
      replicas: this.#replicas,
      coscheduling: { groupBy: "tpu-name" },
      resources: { cpuMilli: memberCpu * 1_000, memoryBytes: memberMemoryBytes },
    });
    this.#jobId = jobId;
  }

  /** Tells it something: a rank waits for this file. */
  signal(file: "diverges" | "saved"): void {
    writeFileSync(join(this.#signals, file), "");
  }

  async look(): Promise<GangSight> {
    const { job, tasks } = await this.#cluster.job(this.#jobId);
    const inOrder = tasks.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0));
    return new GangSight(job, inOrder, this.#starts());
  }

  #starts(): readonly RankStart[] {
    return Array.from({ length: this.#replicas }, (_, rank) => rank).flatMap((rank) => {
      const file = join(this.#signals, `rank-${rank}`);
      const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
      return lines.map((line) => {
        const [attemptId, pid] = line.split(" ");
        return { rank, attemptId, pid: Number(pid), identity: sightProcess(Number(pid)) };
      });
    });
  }
}

/** A gang at one moment: what the controller says, and what its processes wrote. */
export class GangSight {
  readonly job: JobView;
  readonly tasks: readonly TaskView[];
  readonly starts: readonly RankStart[];

  constructor(job: JobView, tasks: readonly TaskView[], starts: readonly RankStart[]) {
    this.job = job;
    this.tasks = tasks;
    this.starts = starts;
  }

  /** The last attempt of each rank. */
  get attempts(): readonly AttemptView[] {
    return this.tasks.flatMap(({ attempts }) => attempts.slice(-1));
  }

  get attemptIds(): readonly string[] {
    return this.attempts.map(({ attemptId }) => attemptId);
  }

  /** Every rank runs, and has said so itself. */
  get runs(): boolean {
    const begun = new Set(this.starts.map(({ attemptId }) => attemptId));
    return (
      this.tasks.every(({ state }) => state === "RUNNING") &&
      this.attempts.every(({ attemptId }) => begun.has(attemptId))
    );
  }

  /** The places of the workers of its ranks. */
  get places(): readonly number[] {
    return this.attempts.map(({ workerId }) => placeOf(workerId));
  }

  /** How many attempts have begun more than once; the promise is that none has. */
  get repeatedStarts(): number {
    return this.starts.length - new Set(this.starts.map(({ attemptId }) => attemptId)).size;
  }

  /** Starts whose processes live now. */
  get living(): readonly RankStart[] {
    return this.starts.filter(({ identity }) => identity !== null && isAlive(identity));
  }
}

/** Whether all of `before` are the same processes, and alive, now. */
export function areStillAlive(before: readonly RankStart[]): boolean {
  return before.every(({ identity }) => identity !== null && isAlive(identity));
}
