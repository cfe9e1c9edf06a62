/**
 * Launched jobs and gangs on a simulated cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SimulatedCommand, simulateCluster } from "../../src/testing/index.ts";
import { double, noteRank, ranksSeen, refuse } from "./tasks.ts";

const hourMs = 3_600_000;
const slices = ["a", "a", "b", "b"].map((slice) => ({ cpu: 2, attributes: { slice } }));

describe("a job on a simulated cluster", () => {
  test("succeeds at once, if nobody says what its command does", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const job = await client.launchJob({ name: "idle", command: ["true"], replicas: 3 });
    assert.equal((await job.wait()).state, "SUCCEEDED");
    assert.equal((await job.tasks()).length, 3);
    assert.ok(cluster.now < 10_000);
  });

  test("runs for as long as its command says, tells each task apart, and has logs", async () => {
    await using cluster = await simulateCluster();
    const seen: SimulatedCommand[] = [];
    cluster.onCommand((run) => {
      seen.push(run);
      return { takes: "12h", stdout: `shard ${run.index} of ${run.replicas}\ndone\n` };
    });
    const client = await cluster.connect();
    const env = { STEPS: "9" };
    const job = await client.launchJob({ name: "train", command: ["fit"], replicas: 2, env });
    assert.equal(job.id, "/test/train");
    assert.equal((await job.wait()).state, "SUCCEEDED");
    assert.equal(Math.floor(cluster.now / hourMs), 12);
    assert.deepEqual(seen.map(({ taskId }) => taskId).sort(), ["/test/train/0", "/test/train/1"]);
    assert.deepEqual(seen[0].env, env);
    const lines: string[] = [];
    for await (const { index, text } of job.logs()) lines.push(`${index} ${text}`);
    assert.deepEqual(lines.sort(), ["0 done", "0 shard 0 of 2", "1 done", "1 shard 1 of 2"]);
  });

  test("whose command fails is tried again, with its back-off, and then has failed", async () => {
    await using cluster = await simulateCluster();
    let tries = 0;
    cluster.onCommand(() => {
      tries++;
      return { exitCode: 2, stderr: `try ${tries}` };
    });
    const client = await cluster.connect();
    const job = await client.launchJob({
      name: "flaky",
      command: ["flaky"],
      maxRetriesFailure: 2,
      retryBackoff: { initial: "1h", max: "10h" },
    });
    const status = await job.wait();
    assert.equal(status.state, "FAILED");
    assert.equal(tries, 3);
    assert.equal(Math.floor(cluster.now / hourMs), 3, "1 h and 2 h");
  });

  test("of a function runs it", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const good = await client.launchJob({ name: "good", task: double, args: [4], replicas: 2 });
    const bad = await client.launchJob({ name: "bad", task: refuse, args: ["bread"] });
    assert.equal((await good.wait()).state, "SUCCEEDED");
    assert.equal(cluster.executionsOf(double), 2);
    assert.deepEqual(await good.results(), [8, 8]);
    const error = await bad.wait({ throwOnFailure: true }).catch((reason: unknown) => reason);
    assert.match(String(error), /no bread/);
  });

  test("that is cancelled has been killed", async () => {
    await using cluster = await simulateCluster();
    cluster.onCommand(() => ({ takes: "5d" }));
    const client = await cluster.connect();
    const job = await client.launchJob({ name: "long", command: ["sleep"] });
    await cluster.advance("1h");
    await job.cancel();
    assert.equal((await job.wait()).state, "KILLED");
    assert.equal(Math.floor(cluster.now / hourMs), 1);
  });

  test("that no worker can run for so long is unschedulable", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 2 }] });
    const client = await cluster.connect();
    const job = await client.launchJob({
      name: "big",
      command: ["true"],
      resources: { cpu: 16 },
      schedulingTimeout: "2h",
    });
    const explanation = await job.explain();
    assert.equal(explanation.canRunNow, false);
    assert.equal((await job.wait()).state, "UNSCHEDULABLE");
    assert.equal(Math.floor(cluster.now / hourMs), 2);
    assert.ok(job.warnings.length > 0, "and it was said at once");
  });

  test("goes on over a restart of its controller", async () => {
    await using cluster = await simulateCluster();
    cluster.onCommand(() => ({ takes: "3h" }));
    const client = await cluster.connect();
    const job = await client.launchJob({ name: "steady", command: ["run"], replicas: 2 });
    await cluster.advance("1h");
    cluster.killController({ backAfter: "5m" });
    const status = await job.wait();
    assert.equal(status.state, "SUCCEEDED");
    assert.equal(status.preemptionCount, 0);
    assert.equal(Math.floor(cluster.now / hourMs), 3);
  });
});

describe("a gang on a simulated cluster", () => {
  test("runs all at once on one slice, and again after it has lost a member", async () => {
    await using cluster = await simulateCluster({ workers: slices });
    const places: string[] = [];
    cluster.onCommand(({ worker }) => {
      places.push(worker);
      return { takes: "2h" };
    });
    const client = await cluster.connect();
    const job = await client.launchJob({
      name: "gang",
      command: ["train"],
      replicas: 2,
      coscheduling: { groupBy: "slice" },
      resources: { cpu: 2 },
    });
    await cluster.advance("30m");
    cluster.killWorker(places[0]);
    assert.equal((await job.wait()).state, "SUCCEEDED");
    const rounds = [places.slice(0, 2), places.slice(2)].map((round) => String(round.sort()));
    assert.deepEqual(rounds.sort(), ["w1,w2", "w3,w4"]);
    assert.equal(Math.floor(cluster.now / (hourMs / 2)), 5, "half an hour, then two hours");
  });

  test("may be one of functions, which know their ranks", async () => {
    await using cluster = await simulateCluster({ workers: slices });
    const client = await cluster.connect();
    const alone = client.submit(noteRank, []);
    assert.equal(await alone.result(), -1, "on its own it is of no gang");
    const job = await client.launchJob({
      name: "ranks",
      task: noteRank,
      replicas: 2,
      coscheduling: { groupBy: "slice" },
      ports: ["ring"],
    });
    assert.equal((await job.wait()).state, "SUCCEEDED");
    assert.deepEqual(
      ranksSeen.splice(0).sort(),
      [0, 1].map((rank) => `${rank} of 2: w1 20000, w2 20000`),
    );
  });

  test("that fits no slice says so", async () => {
    await using cluster = await simulateCluster({ workers: slices });
    const client = await cluster.connect();
    const job = await client.launchJob({
      name: "wide",
      command: ["train"],
      replicas: 3,
      coscheduling: { groupBy: "slice" },
      resources: { cpu: 2 },
    });
    await assert.rejects(job.wait(), { name: "StandstillError", message: /\/test\/wide\/0/ });
  });
});
