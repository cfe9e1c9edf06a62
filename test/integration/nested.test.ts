/**
 * Tasks that submit tasks and wait for them, on a real cluster with a single slot: whoever waits
 * gives its slot back, so they cannot wait for each other in a circle.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Client,
  connect,
  type LocalCluster,
  startLocalCluster,
  TaskError,
} from "../../src/client/index.ts";
import * as tasks from "./nested-tasks.ts";

/** What a worker has given away. */
interface Committed {
  readonly committed: { readonly cpuMilli: number };
}

/** Far more than any of these takes, and less than the runner's own limit. */
const patience = { timeoutMs: 120_000 };

describe("on a cluster of one slot", () => {
  let cluster: LocalCluster;
  let client: Client;

  before(async () => {
    cluster = await startLocalCluster({ workers: 1, threads: 1, cpu: 1 });
    client = await connect(cluster.url, { token: cluster.token });
  });

  after(async () => {
    await client?.close();
    await cluster?.close();
  });

  async function stateOf(id: string): Promise<string> {
    const { task } = (await client.call("GetTaskStatus", { taskId: id })) as {
      readonly task: { readonly state: string };
    };
    return task.state;
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + patience.timeoutMs;
    while (!(await holds())) {
      assert.ok(Date.now() < deadline, `${what} within ${patience.timeoutMs} ms`);
      await sleep(20);
    }
  }

  test("a task that waits for tasks of its own gives its slot back", async () => {
    assert.equal(await client.submit(tasks.fibonacci, [8]).result(patience), 21);
    const report = (await client.call("GetDoctorReport")) as { readonly ok: boolean };
    assert.ok(report.ok);
  });

  test("many do so at the same time", async () => {
    const args = Array.from({ length: 20 }, () => [10] as const);
    const futures = client.map(tasks.sumOfDoubles, args);
    for (const future of futures) assert.equal(await future.result(patience), 90);
  });

  test("what a child fails with is the error of the wait", async () => {
    const error = await client.submit(tasks.waitsForFailure, []).exception(patience);
    assert.ok(error instanceof TaskError);
    assert.match(String(error.message), /the child is broken/);
  });

  test("why tells of one that waits so, and others run meanwhile", async () => {
    const parent = client.submit(tasks.waitsLong, [60_000]);
    await until("it waits", async () => {
      const { summary } = await parent.explain();
      return /waits there for tasks that it submitted/.test(summary);
    });
    const { committed } = (await client.workers())[0] as unknown as Committed;
    assert.equal(committed.cpuMilli, 1000, "the child's, and not the parent's");
    parent.cancel();
    await parent.exception(patience);
    assert.equal(await client.submit(tasks.double, [4]).result(patience), 8);
  });

  test("what a task has submitted and nobody wants is cancelled when it ends", async () => {
    const id = await client.submit(tasks.forgetful, []).result(patience);
    await until("the child is gone", async () => {
      const state = await stateOf(id).catch(() => "forgotten");
      return state === "forgotten" || state === "CANCELLED" || state === "KILLED";
    });
    assert.equal(await client.submit(tasks.double, [5]).result(patience), 10);
  });

  test("what a task submits goes before its siblings", async () => {
    const parent = client.submit(tasks.waitsForQueued, [], { priority: 4 });
    const sibling = client.submit(tasks.slowly, [1], { priority: 4, resources: { cpu: 64 } });
    let priorities: readonly number[] = [];
    await until("both are queued", async () => {
      const { queues } = (await client.call("GetSchedulerState")) as {
        readonly queues: readonly { readonly priority: number }[];
      };
      priorities = queues.map(({ priority }) => priority);
      return priorities.length === 2;
    });
    assert.deepEqual(priorities, [5, 4], "in the order in which they are served");
    for (const future of [parent, sibling]) future.cancel();
    await parent.exception(patience);
  });

  test("they speak as the user of their parent", async () => {
    const job = await client.submit(tasks.jobOfChildren, []).result(patience);
    assert.equal(job.split("/")[1], client.jobId.split("/")[1]);
  });

  test("a parent that has run longer than it may ends while it waits", async () => {
    const options = { timeout: 500, retries: 0 };
    const error = await client.submit(tasks.waitsLong, [60_000], options).exception(patience);
    assert.match(String(error), /longer than its timeout of 500 ms/);
    assert.equal(await client.submit(tasks.double, [6]).result(patience), 12);
  });
});

test("with a token, tasks get one of their own for as long as they need it", async () => {
  await using cluster = await startLocalCluster({ workers: 1, threads: 1, cpu: 1, token: "root" });
  await using client = await connect(cluster.url, { token: "root", user: "ann" });
  const job = await client.submit(tasks.jobOfChildren, []).result(patience);
  assert.match(job, /^\/ann\//);
});
