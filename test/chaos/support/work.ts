/**
 * Work whose effects can be counted: every attempt of every task writes down that it began and that
 * it was done, into a file of its task, and nobody else writes there. What was acknowledged must
 * be there, and have been done as often as it was owed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Prng } from "../../../src/base/prng.ts";
import { beginLine, doneLine, readEffects } from "../../../src/cli/demo/chaos-effects.ts";
import type {
  Client,
  CommandJobOptions,
  Job,
  JobAttempt,
  JobStatus,
  JobTask,
} from "../../../src/client/index.ts";
import { CapstanError } from "../../../src/client/index.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";

/** A job that the controller has acknowledged. */
export interface AcknowledgedJob {
  readonly name: string;
  readonly job: Job;
  readonly replicas: number;
}

/** What a script may do between its first and its last line. */
export type WorkOptions = Partial<Omit<CommandJobOptions, "command">> & {
  /** Shell; default: nothing. */
  readonly script?: string;
};

/** What the audit expects of what ran. */
export interface Owed {
  /** No worker died: nothing may have begun twice. Default false. */
  readonly onceEach?: boolean;
}

const settleTimeoutMs = 120_000;

export class Work {
  readonly acknowledged: AcknowledgedJob[] = [];
  readonly #client: Client;
  readonly #effects: string;
  readonly #prefix: string;
  #launched = 0;

  /** `prefix` begins the names of its jobs: two of one cluster need different ones. */
  constructor(cluster: ChaosCluster, client = cluster.client, prefix = "work") {
    this.#client = client;
    this.#prefix = prefix;
    this.#effects = cluster.path("effects");
    mkdirSync(this.#effects, { recursive: true });
  }

  /** Resolves when it is acknowledged; rejects if it was not, and then nothing is owed. */
  async launch({ script = "", ...options }: WorkOptions = {}): Promise<AcknowledgedJob> {
    const name = `${this.#prefix}-${this.#launched++}`;
    const { replicas = 1, env } = options;
    const job = await this.#client.launchJob({
      resources: { cpu: 1 },
      grace: 1_000,
      ...options,
      replicas,
      name,
      command: ["sh", "-c", [beginLine, script, doneLine].join("\n")],
      env: { ...env, EFFECTS: this.#effects, NAME: name },
    });
    const acknowledged = { name, job, replicas };
    this.acknowledged.push(acknowledged);
    return acknowledged;
  }

  /**
   * So many at once. Settles when every one of them is acknowledged or refused; who does not wait
   * for it does not hear that one was refused.
   */
  launchMany(count: number, options: WorkOptions = {}): Promise<readonly AcknowledgedJob[]> {
    const all = Array.from({ length: count }, () => this.launch(options));
    const over = Promise.allSettled(all).then(() => Promise.all(all));
    over.catch(() => undefined);
    return over;
  }

  /** The same, and asks again as long as the answer is that no new work is taken. */
  async launchWhenTaken(options: WorkOptions = {}): Promise<AcknowledgedJob> {
    const deadline = performance.now() + settleTimeoutMs;
    for (;;) {
      try {
        return await this.launch(options);
      } catch (error) {
        const isForNow = error instanceof CapstanError && error.code === "OVERLOADED";
        if (!isForNow || performance.now() > deadline) throw error;
        await pause(50);
      }
    }
  }

  /** How many attempts of all tasks of a job have begun. */
  begun({ name, replicas }: AcknowledgedJob): number {
    const indices = Array.from({ length: replicas }, (_, index) => index);
    return indices.reduce((sum, index) => sum + this.effectsOf(name, index).begun.length, 0);
  }

  effectsOf(name: string, index: number): { begun: readonly string[]; done: readonly string[] } {
    return readEffects(this.#effects, name, index);
  }

  /** Waits until every attempt that the job needs at first has begun. */
  async untilBegun(job: AcknowledgedJob, ms = 30_000): Promise<void> {
    const deadline = performance.now() + ms;
    while (this.begun(job) < job.replicas) {
      if (performance.now() > deadline) {
        assert.fail(`${job.name}: ${this.begun(job)} of ${job.replicas} began in ${ms} ms`);
      }
      await pause(10);
    }
  }

  /** Waits for the end of everything that was acknowledged, in any order. */
  async settle(timeoutMs = settleTimeoutMs): Promise<readonly JobStatus[]> {
    return Promise.all(this.acknowledged.map(({ job }) => job.wait({ timeoutMs })));
  }

  /**
   * Settles, checks each acknowledged job against what it did, and forgets them. Gives all
   * attempts. Throws with the first that is not as it is owed.
   */
  async settleAndAudit(owed: Owed = {}): Promise<readonly JobAttempt[]> {
    const ends = await this.settle();
    const attempts: JobAttempt[] = [];
    for (const [at, { name, job, replicas }] of this.acknowledged.entries()) {
      assert.equal(ends[at].state, "SUCCEEDED", `${name}: ${JSON.stringify(ends[at].error)}`);
      const tasks = await job.tasks();
      assert.equal(tasks.length, replicas, `${name} has all its tasks and none twice`);
      for (const task of tasks) this.#auditTask(name, task, owed);
      attempts.push(...tasks.flatMap((task) => task.attempts));
    }
    this.acknowledged.length = 0;
    return attempts;
  }

  #auditTask(name: string, task: JobTask, { onceEach = false }: Owed): void {
    const { begun, done } = this.effectsOf(name, task.index);
    const story = `${task.taskId}: began ${begun}; done ${done}; ${JSON.stringify(task.attempts)}`;
    const known = task.attempts.map(({ attemptId }) => attemptId);
    const committed = task.attempts.filter(({ cause }) => cause === "finished");
    assert.equal(task.state, "SUCCEEDED", story);
    assert.equal(committed.length, 1, `exactly one result is committed. ${story}`);
    // A worker that was given up and is back gives what it did to the next attempt it is sent.
    const here = task.attempts.filter(({ workerId }) => workerId === committed[0].workerId);
    assert.ok(
      here.some(({ attemptId }) => done.includes(attemptId)),
      `what is committed was done where it was committed. ${story}`,
    );
    assert.equal(new Set(begun).size, begun.length, `no attempt begins twice. ${story}`);
    assert.equal(new Set(done).size, done.length, `no attempt is done twice. ${story}`);
    assert.ok(
      begun.every((id) => known.includes(id)),
      `nothing runs that was not ordered. ${story}`,
    );
    if (onceEach) assert.equal(begun.length, 1, `it ran once. ${story}`);
  }

  /** Launches small jobs, each as the last is acknowledged, until it is told to stop. */
  keepLaunching(random: Prng, options: WorkOptions = {}): { stop(): Promise<void> } {
    const stopping = new AbortController();
    const run = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const script = `sleep 0.${random.below(4)}`;
        await this.launchWhenTaken({ script, replicas: 1 + random.below(4), ...options });
        await pause(random.below(100));
      }
    };
    const over = run();
    over.catch(() => undefined); // Heard by `stop`.
    return {
      stop: () => {
        stopping.abort();
        return over;
      },
    };
  }
}
