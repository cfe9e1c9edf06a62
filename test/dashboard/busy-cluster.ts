/**
 * A cluster with something of everything on it: gangs that run and that wait, jobs that fail, that
 * are retried and that can never run, graphs, several users, and names made to break a page.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Actor,
  type Client,
  connect,
  type Future,
  type LaunchOptions,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import { clean, convert, evaluate, fit, Ledger, load, reduceAll, summarise } from "./busy-tasks.ts";

const gib = 2 ** 30;
const workerCount = 4;
const partCount = 48;
const seedCount = 96;

/** Markup in what people write: it must stay text wherever it is shown. */
export const hostileText = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;

const shell = (script: string): readonly string[] => ["/bin/sh", "-c", script];

const training = `
step=0
while :; do
  step=$((step + 1))
  echo "step $step  rank $CAPSTAN_TASK_INDEX  loss $((9000 / (step + 3)))e-3"
  [ $((step % 10)) = 0 ] && echo "step $step: gradient norm above 4, clipped" >&2
  sleep 0.5
done`;

/** Fails for every seventh index. */
const sweeping = `
i=$CAPSTAN_TASK_INDEX
echo "parameter set $i"
sleep $((1 + i % 4))
[ $((i % 7)) = 6 ] && { echo "ValueError: rate $i is out of range" >&2; exit 3; }
echo "done $i"`;

const member = { cpu: 3, memory: "2g", device: { kind: "gpu", count: 2 } } as const;

const jobs: readonly LaunchOptions[] = [
  {
    ...{ name: "/ada/train-llm", user: "ada", band: "production", replicas: 2 },
    ...{ command: shell(training), resources: member, coscheduling: { groupBy: "rack" } },
    grace: "1s",
  },
  {
    ...{ name: "/ada/train-llm-wide", user: "ada", replicas: 4, grace: "1s" },
    ...{ command: shell(training), resources: member, coscheduling: { groupBy: "rack" } },
  },
  {
    ...{ name: "/grace/sweep", user: "grace", replicas: 60 },
    ...{ command: shell(sweeping), maxTaskFailures: 30, maxRetriesFailure: 2 },
  },
  { name: "/grace/ingest", user: "grace", replicas: 6, command: shell("echo read; echo kept") },
  {
    ...{ name: "/lin/report", user: "lin", command: shell("echo 'no such table' >&2; exit 2") },
    maxRetriesFailure: 1,
  },
  {
    ...{ name: "/lin/finetune", user: "lin", command: shell("true") },
    resources: { cpu: 4, device: { kind: "gpu", variant: "h100", count: 8 } },
  },
  {
    ...{ name: "/lin/hostile", user: "lin", env: { NOTE: hostileText }, grace: "1s" },
    command: shell(`while :; do echo '${hostileText}'; sleep 1; done`),
    resources: { cpu: 0.25 },
  },
];

export class BusyCluster {
  readonly #directory = mkdtempSync(join(tmpdir(), "capstan-dashboard-"));
  #cluster: LocalCluster | null = null;
  #client: Client | null = null;
  #rounds: Promise<unknown> = Promise.resolve();
  #actorId = "";
  #closing = false;

  /** Starts it; `port` 0 is any free one. */
  async start(port = 0): Promise<string> {
    this.#cluster = await startLocalCluster({
      workers: workerCount,
      port,
      dataDir: this.dataDirectory,
      workerOptions: (index) => ({
        ...{ cpu: 8, memory: 16 * gib, disk: 100 * gib, threads: 4, commandSlots: 16 },
        devices: [{ kind: "gpu", variant: "a100", countMilli: 4_000, indices: [] }],
        attributes: { rack: index < 2 ? "r1" : "r2", zone: index % 2 === 0 ? "north" : "south" },
      }),
    });
    this.#client = await connect(this.#cluster.url);
    return this.#cluster.url;
  }

  /** Where its journal is. */
  get dataDirectory(): string {
    return join(this.#directory, "data");
  }

  get cluster(): LocalCluster {
    if (this.#cluster === null) throw new Error("the cluster was not started");
    return this.#cluster;
  }

  get client(): Client {
    if (this.#client === null) throw new Error("the cluster was not started");
    return this.#client;
  }

  /** The task of an actor that has calls in line. */
  get actorId(): string {
    return this.#actorId;
  }

  /** Launches the jobs, and one graph after the other until the cluster is closed. */
  async work(): Promise<void> {
    for (const job of jobs) await this.client.launchJob(job);
    await this.client.launchJob({
      ...{ name: "/grace/all-reduce", user: "grace", task: reduceAll, args: [600, 1_000] },
      ...{ replicas: 2, coscheduling: { groupBy: "zone" }, ports: ["ring"], executor: "process" },
      resources: { cpu: 0.5 },
    });
    await this.#sayProgress("/ada/train-llm/0");
    const actor = await this.#createActor();
    this.#rounds = Promise.all([this.#computeGraphs(), this.#useActor(actor), this.#convert()]);
  }

  /** As the program of the task would say it. */
  async #sayProgress(taskId: string): Promise<void> {
    for (;;) {
      const answer = await this.client.call("GetTaskStatus", { taskId });
      const { task } = answer as { task: { attempts: { attemptId: string; state: string }[] } };
      const attempt = task.attempts.at(-1);
      if (attempt?.state === "RUNNING") {
        const said = { fraction: 0.428, note: "epoch 3 of 7" };
        await this.client.call("ReportProgress", {
          ...{ taskId, attemptId: attempt.attemptId },
          ...said,
        });
        return;
      }
      await pause(50);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#client?.close();
    await this.#rounds;
    await this.#cluster?.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #createActor(): Promise<Actor<InstanceType<typeof Ledger>>> {
    const actor = this.client.createActor(Ledger, [], { name: "ledger" });
    await actor.call("record", [0, 0]).result();
    this.#actorId = actor.id;
    return actor;
  }

  /** There are always calls in its line. */
  async #useActor(actor: Actor<InstanceType<typeof Ledger>>): Promise<void> {
    const calls: Future<number>[] = [];
    while (!this.#closing) {
      while (calls.length < 5) calls.push(actor.call("record", [1, 1_500]));
      await calls
        .shift()
        ?.result()
        .catch(() => undefined);
    }
  }

  async #convert(): Promise<void> {
    for (let part = 0; !this.#closing; part++) {
      const converted = this.client.submit(convert, [part], { executor: "process" });
      await converted.result().catch(() => undefined);
    }
  }

  async #computeGraphs(): Promise<void> {
    while (!this.#closing) await this.#computeGraph().catch(() => undefined);
  }

  /** Parts are cleaned, neighbours are fitted, models are evaluated; some evaluations fail. */
  async #computeGraph(): Promise<void> {
    const client = this.client;
    const parts = client.map(
      load,
      Array.from({ length: partCount }, (_, part) => [part] as const),
    );
    const cleaned = parts.map((part) => client.submit(clean, [part]));
    const models = cleaned.slice(1).map((right, i) => client.submit(fit, [cleaned[i], right]));
    const scores = Array.from({ length: seedCount }, (_, seed) =>
      client.submit(evaluate, [models[seed % models.length], seed]),
    );
    const good = scores.filter((_, seed) => seed % 23 !== 22);
    const sum = client.submit(summarise, [good]);
    await sum.result();
  }
}
