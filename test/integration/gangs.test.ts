/**
 * Gangs of functions on real workers: members that connect to each other by the ports that they
 * were told of, in threads and in processes; a worker that is killed; a cancel.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Client, Job } from "../../src/client/index.ts";
import { assertNothingIsLeft, FaultCluster, linesOf, until } from "./faults-cluster.ts";
import { type Added, addAll, type Begun, gangOf, type Meeting } from "./gang-tasks.ts";

const limits = { timeoutMs: 120_000 };
const numbers = [1, 20, 300];

describe("a gang of functions", () => {
  const faults = new FaultCluster();
  let client: Client;

  before(async () => {
    const workerOptions = (): object => ({ attributes: { rack: "r1" } });
    client = await faults.start({ workers: 3, threads: 1, workerOptions });
  });

  after(() => faults.close());

  function meetingOf(name: string): Meeting {
    return { begun: faults.path(`${name}-begun`), go: faults.path(`${name}-go`), name };
  }

  function launch(
    meeting: Meeting,
    executor: "thread" | "process",
    replicas = 3,
  ): Promise<Job<Added>> {
    return client.launchJob({
      ...{ name: meeting.name, task: addAll, args: [meeting, numbers], executor, replicas },
      ...{ coscheduling: { groupBy: "rack" }, ports: ["ring"], maxRetriesFailure: 5 },
    });
  }

  function begunAt({ begun }: Meeting): Begun[] {
    return linesOf(begun).map((line) => JSON.parse(line) as Begun);
  }

  /** Whether what noted this runs in the process of its worker. */
  async function isInWorker({ pid }: Begun): Promise<boolean> {
    return (await client.workers()).some((worker) => worker.pid === pid);
  }

  test("in threads adds up a number of each rank, each on a worker of its own", async () => {
    const meeting = meetingOf("sum");
    writeFileSync(meeting.go, "");
    const job = await launch(meeting, "thread");
    await job.wait({ ...limits, throwOnFailure: true });
    assert.equal(await client.fetch(meeting.name).result(limits), 321);
    const members = begunAt(meeting).sort((a, b) => a.rank - b.rank);
    assert.deepEqual(
      await job.results(limits),
      members.map(({ rank, attempt }) => ({ rank, attempt, sum: 321 })),
    );
    assert.deepEqual(
      members.map(({ rank, size }) => [rank, size]),
      [0, 1, 2].map((rank) => [rank, 3]),
    );
    assert.equal(new Set(members.map(({ worker }) => worker)).size, 3);
    assert.equal(new Set(members.map(({ ports }) => String(ports))).size, 1, "one list for all");
    assert.equal(new Set(members[0].ports).size, 3, "a port for each, on one machine");
    assert.ok(await isInWorker(members[0]));
    await assertNothingIsLeft(client);
  });

  test("in processes begins again whole when a worker of it is killed", async () => {
    const meeting = meetingOf("killed");
    const job = await launch(meeting, "process");
    await until("all have begun", () => begunAt(meeting).length >= 3);
    const first = new Set(begunAt(meeting).map(({ attempt }) => attempt));
    assert.equal(await isInWorker(begunAt(meeting)[0]), false);
    await faults.cluster.killWorker(1);
    writeFileSync(meeting.go, "");
    await job.wait({ ...limits, throwOnFailure: true });
    assert.equal(await client.fetch(meeting.name).result(limits), 321);
    const again = begunAt(meeting).filter(({ attempt }) => !first.has(attempt));
    const last = new Map(again.map(({ rank, ports }) => [rank, String(ports)]));
    assert.deepEqual([...last.keys()].sort(), [0, 1, 2], "all of them, not only who was lost");
    const attempts = again.sort((a, b) => a.rank - b.rank).map(({ attempt }) => attempt);
    const results = await job.results(limits);
    assert.deepEqual(
      results.map(({ attempt }) => attempt),
      attempts.slice(-3),
      "of the round that succeeded",
    );
    assert.equal(new Set(last.values()).size, 1, "nobody has met a member of another round");
    await assertNothingIsLeft(client);
  });

  test("is stopped whole by a cancel, and one that waits says how many it needs", async () => {
    const meeting = meetingOf("cancelled");
    const job = await launch(meeting, "thread");
    await until("all have begun", () => begunAt(meeting).length >= 3);
    const wide = await launch(meetingOf("wide"), "process", 4);
    assert.equal(wide.warnings[0]?.code, "UNPLACEABLE");
    const { reasons } = await wide.explain();
    assert.equal(reasons[0].code, "GANG_TOO_SMALL");
    const begun = begunAt(meeting).length;
    await Promise.all([job.cancel(), wide.cancel()]);
    assert.equal((await job.wait(limits)).state, "KILLED");
    assert.equal(begunAt(meeting).length, begun, "none was started again");
    await assertNothingIsLeft(client);
  });

  test("is nothing that a task on its own is told of", async () => {
    for (const executor of ["thread", "process"] as const) {
      assert.equal(await client.submit(gangOf, [], { executor }).result(limits), "undefined");
    }
  });
});
