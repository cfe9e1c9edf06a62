/**
 * What the scheduler shows of itself: the queues as it takes them, who uses what, what is kept.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { aSlice } from "../../test/support/job-builders.ts";

interface SchedulerView {
  readonly queues: readonly {
    readonly user: string;
    readonly band: string;
    readonly effectiveBand: string;
    readonly priority: number;
    readonly queued: number;
    readonly headTaskId: string;
    readonly isGang: boolean;
  }[];
  readonly users: readonly { readonly user: string; readonly dominantShare: number }[];
  readonly reservations: readonly {
    readonly reason: string;
    readonly forTaskId: string;
    readonly workerIds: readonly string[];
    readonly expiresAt: string | null;
  }[];
}

function view(harness: ControllerHarness): SchedulerView {
  return harness.call("GetSchedulerState") as SchedulerView;
}

describe("the scheduler shows", () => {
  test("the queues that wait, by band, then priority, with the task that goes next", () => {
    const harness = new ControllerHarness();
    harness.launch("low", { band: "batch" });
    harness.launch("plain", { replicas: 3 });
    harness.launch("urgent", { priority: 5 });
    harness.launch("top", { band: "production" });
    const shown = view(harness).queues.map(
      ({ band, priority, queued, headTaskId, isGang }) =>
        `${band} ${priority} ${queued} ${headTaskId} ${isGang}`,
    );
    assert.deepEqual(shown, [
      "PRODUCTION 0 1 /ann/top/0 false",
      "INTERACTIVE 5 1 /ann/urgent/0 false",
      "INTERACTIVE 0 3 /ann/plain/0 false",
      "BATCH 0 1 /ann/low/0 false",
    ]);
  });

  test("no queue of which nothing waits, and the share of who runs", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 4 });
    harness.launch("a");
    const { queues, users } = view(harness);
    assert.deepEqual(queues, []);
    assert.deepEqual(
      users.map(({ user, dominantShare }) => [user, dominantShare > 0]),
      [["ann", true]],
    );
  });

  test("what is kept, where, until when and for whom: a gang by its job", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    hosts[0].feels("no disk");
    harness.launch("g", { groupBy: "slice", replicas: 2 });
    harness.launch("busy", { user: "bob" });
    hosts[0].feels("");
    const { queues, reservations } = view(harness);
    assert.deepEqual(
      queues.map(({ headTaskId, isGang }) => [headTaskId, isGang]),
      [["/ann/g/0", true]],
    );
    assert.equal(reservations.length, 1);
    const [{ reason, forTaskId, workerIds, expiresAt }] = reservations;
    assert.deepEqual([reason, forTaskId, workerIds], ["GANG", "/ann/g", ["w1", "w2"]]);
    assert.notEqual(expiresAt, null);
  });

  test("for a single task that pushes another aside, the task", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("low", { band: "batch" });
    worker.starts("low/0");
    harness.launch("high", { band: "production" });
    const [{ reason, forTaskId, workerIds }] = view(harness).reservations;
    assert.deepEqual([reason, forTaskId, workerIds], ["PREEMPTION", "/ann/high/0", ["w1"]]);
  });
});

describe("the usage of a user", () => {
  const usageOf = (harness: ControllerHarness, user: string) => {
    const { users } = harness.call("ListUsers") as {
      readonly users: readonly {
        readonly user: string;
        readonly runningTaskCount: number;
        readonly pendingTaskCount: number;
      }[];
    };
    const own = users.find((one) => one.user === user);
    return `${own?.runningTaskCount} run, ${own?.pendingTaskCount} wait`;
  };

  test("counts what runs and what waits, and nothing that has ended or is another's", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", { replicas: 4 });
    harness.launch("b", { user: "bob" });
    assert.equal(usageOf(harness, "ann"), "2 run, 2 wait");
    assert.equal(usageOf(harness, "bob"), "0 run, 1 wait");
    worker.finishes("a/0");
    harness.cancel("/ann/a");
    worker.obeys();
    assert.equal(usageOf(harness, "ann"), "0 run, 0 wait");
  });
});
