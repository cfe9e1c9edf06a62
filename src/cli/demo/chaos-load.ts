/**
 * The load of `capstan demo chaos`: two users who submit jobs, gangs and graphs of many kinds, some
 * of which fail by themselves, until they are told to stop.
 *
 * Must not know what is killed meanwhile.
 *
 * @module
 */

import type { Prng } from "../../base/prng.ts";
import {
  type Client,
  type CommandJobOptions,
  connect,
  type Future,
  type Job,
  type JobStatus,
} from "../../client/index.ts";
import { beginLine, doneLine } from "./chaos-effects.ts";
import { slowSquare, sumUp } from "./chaos-tasks.ts";
import { chaosOpenMax } from "./limits.ts";

export const chaosUsers = ["ann", "bob"] as const;

/** Kinds of jobs. What a job of kind `once` has begun may not begin again. */
export type ChaosKind = "plain" | "once" | "flaky" | "gang" | "many";

/** A job that was launched. */
export interface ChaosJob {
  readonly kind: ChaosKind;
  readonly name: string;
  readonly replicas: number;
  readonly job: Job;
  /** How it ended; null while it has not. */
  end: JobStatus | null;
}

/** A graph: some squares and their sum. */
export interface ChaosGraph {
  readonly taskCount: number;
  readonly expected: number;
  /** Null while it is not there. */
  value: number | null;
  /** Why it failed; "" if it did not. */
  error: string;
}

const work = (seconds: string): string => `${beginLine}; sleep ${seconds}; ${doneLine}`;

/** Fails twice. What was written survives the host that died before it was told. */
const failsTwice = `${beginLine}
tries=$(wc -l < "$EFFECTS/$NAME-$CAPSTAN_TASK_INDEX")
[ "$tries" -gt 2 ] || exit 1
${doneLine}`;

/** Nothing takes the place of these. */
const unyielding = { band: "production" } as const;

const bands = ["production", "interactive", "batch"] as const;

export class ChaosLoad {
  readonly jobs: ChaosJob[] = [];
  readonly graphs: ChaosGraph[] = [];
  readonly #random: Prng;
  readonly #effects: string;
  readonly #open = new Set<Promise<void>>();
  #clients: readonly Client[] = [];
  #nextNumber = 1;
  #isStopped = false;

  /** `effects` is the directory into which commands write. */
  constructor(random: Prng, effects: string) {
    this.#random = random;
    this.#effects = effects;
  }

  get submittedTasks(): number {
    return sum(this.jobs.map(({ replicas }) => replicas)) + sum(this.graphs.map(taskCountOf));
  }

  /** Tasks of jobs and graphs that are over. */
  get endedTasks(): number {
    const jobs = this.jobs.filter(({ end }) => end !== null).map(({ replicas }) => replicas);
    const graphs = this.graphs.filter(({ value, error }) => value !== null || error !== "");
    return sum(jobs) + sum(graphs.map(taskCountOf));
  }

  async open(url: string): Promise<void> {
    const onWarning = () => undefined; // A worker that is down warns of much.
    this.#clients = await Promise.all(
      chaosUsers.map((user) => connect(url, { user, onWarning, token: "" })),
    );
  }

  /** Submits until `stop`, with so much open at a time. Resolves when nothing new comes. */
  async run(): Promise<void> {
    await Promise.all(this.#clients.map((client) => this.#submitFor(client)));
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when all that was submitted is over. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #submitFor(client: Client): Promise<void> {
    while (!this.#isStopped) {
      if (this.#random.chance(0.2)) this.#submitGraph(client);
      else await this.#launch(client);
      while (this.#open.size >= chaosOpenMax) await Promise.race(this.#open);
    }
  }

  async #launch(client: Client): Promise<void> {
    const kind = this.#random.pick(["plain", "plain", "once", "flaky", "gang", "many"] as const);
    const name = `${kind}-${this.#nextNumber++}`;
    const { script, ...options } = this.#optionsOf(kind);
    const job = await client.launchJob({
      name,
      command: ["/bin/sh", "-c", script],
      env: { EFFECTS: this.#effects, NAME: name },
      band: this.#random.pick(bands),
      priority: this.#random.below(3),
      ...options,
    });
    const entry: ChaosJob = { kind, name, job, end: null, replicas: options.replicas ?? 1 };
    this.jobs.push(entry);
    this.#track(
      job.wait().then((status) => {
        entry.end = status;
      }),
    );
  }

  #optionsOf(kind: ChaosKind): Partial<CommandJobOptions> & { readonly script: string } {
    const seconds = `0.${this.#random.below(10)}`;
    const some = 1 + this.#random.below(4);
    switch (kind) {
      case "plain":
        return { script: work(seconds), replicas: some, resources: { cpu: 0.5 } };
      case "once":
        return { script: work(seconds), replicas: some, maxRetriesPreemption: 0, ...unyielding };
      case "flaky":
        return { script: failsTwice, maxRetriesFailure: 2, retryBackoff: { initial: 100 } };
      case "gang":
        return { script: work(seconds), replicas: 2, coscheduling: { groupBy: "rack" } };
      case "many":
        return { script: work("0"), replicas: 4 * some, resources: { cpu: 0.25 } };
    }
  }

  #submitGraph(client: Client): void {
    const size = 2 + this.#random.below(12);
    const values = Array.from({ length: size }, () => this.#random.below(1_000));
    const options = { resources: { cpu: 0.1 }, retries: 100 };
    const squares = client.map(
      slowSquare,
      values.map((value) => [value, this.#random.below(100)] as const),
      options,
    );
    const total = client.submit(sumUp, [squares], options);
    const expected = sum(values.map((value) => value * value));
    const graph: ChaosGraph = { taskCount: size + 1, expected, value: null, error: "" };
    this.graphs.push(graph);
    this.#track(awaitGraph(graph, total, squares));
  }

  #track(end: Promise<void>): void {
    const tracked = end.finally(() => this.#open.delete(tracked));
    this.#open.add(tracked);
  }
}

async function awaitGraph(
  graph: ChaosGraph,
  total: Future<number>,
  squares: readonly Future<number>[],
): Promise<void> {
  try {
    graph.value = await total.result();
  } catch (error) {
    graph.error = String(error);
  }
  for (const future of [...squares, total]) future.release();
}

const taskCountOf = ({ taskCount }: ChaosGraph): number => taskCount;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
