/**
 * Why a launched job does not run: the true reason of each, and what would start it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import { aSlice, clause, runGang, why } from "../../test/support/job-builders.ts";
import { noResources } from "../model/resources.ts";

const gib = 1024 ** 3;
const inSlice = { groupBy: "slice" } as const;
const cpu = (count: number) => ({ resources: { cpuMilli: count * 1000 } });

interface PendingJob {
  readonly job: { readonly pendingReason: string | null };
}

function pendingReason(harness: ControllerHarness, jobId: string): string | null {
  return (harness.call("GetJobStatus", { jobId }) as PendingJob).job.pendingReason;
}

describe("a job that is stuck is told the true reason", () => {
  test("too big for every worker: the nearest one, by how much, and to ask for less", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 2 });
    harness.aWorker({ slots: 4 });
    harness.launch("big", cpu(8));
    const { reasons, canEverRun, change, summary } = why(harness, "big/0");
    assert.equal(canEverRun, false);
    assert.deepEqual(
      reasons.map(({ code, dimension, need, best, bestWorkerId, workers }) => [
        ...[code, dimension, need, best, bestWorkerId, workers],
      ]),
      [["INSUFFICIENT", "cpu", 8000, 4000, "w2", 2]],
    );
    assert.match(change?.message ?? "", /^lower CPU from 8 to 4$/i);
    assert.match(summary, /no present worker could ever run it: need cpu=8/);
  });

  test("a constraint that no worker meets: the clause, and to drop it", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ attributes: { zone: "east" } });
    harness.launch("far", { constraints: [clause("zone", "=", "mars")] });
    const { reasons, change, canEverRun } = why(harness, "far/0");
    assert.equal(canEverRun, false);
    assert.deepEqual(
      reasons.map(({ code, clause: text }) => [code, text]),
      [["CONSTRAINT", "zone = mars"]],
    );
    assert.deepEqual(change, {
      kind: "DROP_CLAUSE",
      message: "drop the constraint zone = mars",
    });
  });

  test("a gang whose slice is busy: what it needs, how far each group is, and who is there", () => {
    const harness = new ControllerHarness();
    const capacity = { cpuMilli: 64_000, memoryBytes: 256 * gib };
    const hosts = aSlice(harness, "a", { hosts: 2, slots: 64, capacity });
    const resources = { cpuMilli: 32_000, memoryBytes: 128 * gib };
    harness.launch("g", { ...inSlice, replicas: 2, resources: { ...resources, cpuMilli: 40_000 } });
    runGang("g", hosts);
    harness.launch("h", { ...inSlice, replicas: 2, resources });
    const { reasons, holders, change, canEverRun } = why(harness, "h/0");
    assert.equal(canEverRun, true);
    assert.equal(reasons[0].code, "GANG_BUSY");
    assert.match(reasons[0].message, /no slice has 2 free workers at once/);
    assert.match(reasons[0].message, /need cpu=32, memory=137438953472/);
    assert.match(reasons[0].message, /a: 0 free, 2 able of 2/);
    assert.deepEqual(
      holders.map(({ workerId, taskId, granted }) => [workerId, taskId, granted.cpuMilli]),
      [
        ["w1", "/ann/g/0", 40_000],
        ["w2", "/ann/g/1", 40_000],
      ],
    );
    assert.equal(change?.kind, "WAIT_FOR_ATTEMPT");
    assert.match(pendingReason(harness, "/ann/h") ?? "", /cpu=32, memory=137438953472/);
  });

  test("a gang larger than every group: the largest, and how many to add", () => {
    const harness = new ControllerHarness();
    aSlice(harness, "a", { hosts: 2 });
    aSlice(harness, "b", { hosts: 3 });
    const lines = harness.launch("g", { ...inSlice, replicas: 5 });
    assert.match(lines[0], /UNPLACEABLE/);
    const { reasons, change } = why(harness, "g/0");
    assert.equal(reasons[0].code, "GANG_TOO_SMALL");
    assert.match(reasons[0].message, /no slice has 5 able workers, at most 3/);
    assert.match(change?.message ?? "", /add 2 workers to slice b, or lower replicas to 3/);
  });

  test("a gang of which no group can ever be: that it can never run", () => {
    const harness = new ControllerHarness();
    aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 3 });
    assert.equal(why(harness, "g/0").canEverRun, false);
    assert.match(pendingReason(harness, "/ann/g") ?? "", /at most 2/);
  });

  test("a gang without the attribute: to give it to workers", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.launch("g", { ...inSlice, replicas: 2 });
    const { reasons, change, canEverRun } = why(harness, "g/0");
    assert.equal(reasons[0].code, "GANG_NO_ATTRIBUTE");
    assert.match(change?.message ?? "", /give 2 workers the attribute slice/);
    assert.match(reasons[0].message, /^no worker .* need cpu=1 on each of 2 workers$/);
    assert.match(pendingReason(harness, "/ann/g") ?? "", /^no worker that may run it has/);
    assert.equal(canEverRun, false);
  });

  test("a gang with members that are still stopping: how many are not in line", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 3 });
    harness.launch("g", { ...inSlice, replicas: 3, maxRetriesFailure: 1 });
    runGang("g", hosts);
    hosts[1].fails("g/1");
    const { reasons } = why(harness, "g/1");
    assert.equal(reasons[0].code, "PREDECESSOR_STOPPING");
    assert.match(reasons[0].message, /^2 of its 3 members are not in line/);
  });

  test("a user at the cap: whose, and what it is", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { cap: { ...noResources, cpuMilli: 1000 } });
    harness.aWorker({ slots: 4 });
    harness.launch("a");
    harness.launch("b");
    const { reasons, change } = why(harness, "b/0");
    assert.equal(reasons[0].code, "USER_CAP");
    assert.match(reasons[0].message, /running work of ann is at its cap: cpu=1/);
    assert.deepEqual(change, { kind: "RAISE_CAP", message: "raise the cap of ann" });
    assert.match(pendingReason(harness, "/ann/b") ?? "", /at its cap/);
  });

  test("room that is kept for another: that it is kept, and not that there is none", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("busy", { replicas: 2, user: "bob" });
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("small", { user: "bob" });
    hosts[0].reports({ kind: "finished", label: "busy/0", durationUs: 5_000_000 });
    const codes = why(harness, "small/0").reasons.map(({ code, workers }) => `${code} ${workers}`);
    assert.ok(codes.includes("HELD_FOR_OTHER 1"), codes.join());
    const held = why(harness, "small/0").reasons.find(({ code }) => code === "HELD_FOR_OTHER");
    assert.match(held?.message ?? "", /what is free is kept for \/ann\/g$/);
    const { reservations } = harness.call("GetSchedulerState") as {
      readonly reservations: readonly { readonly forTaskId: string }[];
    };
    assert.deepEqual(
      reservations.map(({ forTaskId }) => forTaskId),
      ["/ann/g"],
    );
  });

  test("a taint: its name, and how to tolerate it", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ attributes: { "taint:gpu": "true" } });
    harness.launch("a");
    const { reasons, change } = why(harness, "a/0");
    assert.deepEqual(
      reasons.map(({ code, dimension }) => [code, dimension]),
      [["TAINT", "taint:gpu"]],
    );
    assert.equal(change?.message, "tolerate it with the constraint taint:gpu exists");
  });

  test("workers that take nothing: the state of each, and that capacity must come", () => {
    const harness = new ControllerHarness();
    const [w1] = [harness.aWorker(), harness.aWorker()];
    harness.asks({ type: "cordon-worker", workerId: "w2", cordon: true });
    w1.feels("disk full");
    harness.launch("a");
    const messages = why(harness, "a/0").reasons.map(({ code, message }) => `${code} ${message}`);
    assert.deepEqual(messages, [
      "WORKER_STATE 1 of 2 workers: worker is UNUSABLE: disk full",
      "WORKER_STATE 1 of 2 workers: worker is CORDONED: cordoned by an administrator",
    ]);
  });

  test("a constraint that only a drained worker meets: that it must take work again", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ attributes: { zone: "east" } });
    harness.aWorker();
    harness.asks({ type: "drain-worker", workerId: "w1", drain: true, deadlineMs: 0 });
    harness.launch("a", { constraints: [clause("zone", "=", "east")] });
    const { wakers, change, canEverRun, holders } = why(harness, "a/0");
    assert.equal(canEverRun, true);
    assert.deepEqual(
      wakers.map(({ kind, id, message }) => [kind, id, message]),
      [["WORKER", "w1", "w1 must take work again: it is DRAINING"]],
    );
    assert.deepEqual(change, { kind: "OPEN_WORKER", message: "let w1 take work again" });
    assert.deepEqual(holders, []);
  });

  test("what nobody could run is kept back by nobody: no holders, none that goes first", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ attributes: { zone: "east" } });
    harness.launch("busy");
    harness.launch("first", { band: "production" });
    harness.launch("far", { constraints: [clause("zone", "=", "mars")] });
    const { reasons, holders } = why(harness, "far/0");
    assert.deepEqual(
      [reasons.map(({ code }) => code).includes("QUEUED_BEHIND"), holders],
      [false, []],
    );
    assert.match(pendingReason(harness, "/ann/far") ?? "", /need cpu=1, zone = mars$/);
  });

  test("others that go first: how many, and which", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.launch("busy");
    harness.launch("first", { band: "production", replicas: 3, ...cpu(2) });
    harness.launch("last");
    const { reasons, ahead, aheadCount } = why(harness, "last/0");
    assert.equal(aheadCount, 3);
    assert.deepEqual(ahead, ["/ann/first/0"]);
    assert.equal(reasons.at(-1)?.message, "3 tasks go first");
  });

  test("no worker at all", () => {
    const harness = new ControllerHarness();
    harness.launch("a");
    const { reasons, wakers } = why(harness, "a/0");
    assert.equal(reasons[0].message, "no worker is registered");
    assert.equal(wakers[0].message, "a worker must connect");
  });

  test("a job that replaces another: that the other still stops, and where", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    harness.launch("a", { onExisting: "RECREATE" });
    const { reasons, wakers } = why(harness, "a/0");
    assert.equal(reasons[0].code, "PREDECESSOR_STOPPING");
    assert.match(wakers[0].message, /earlier attempt on w1 must end first/);
  });
});

describe("an explanation", () => {
  const obstacles: { readonly [name: string]: JobOverrides } = {
    "of one that waits for CPU": {},
    "of a gang": { ...inSlice, replicas: 2 },
  };
  for (const [name, overrides] of Object.entries(obstacles)) {
    test(`${name} is empty when it is placed`, () => {
      const harness = new ControllerHarness();
      const hosts = aSlice(harness, "a", { hosts: 2 });
      harness.launch("busy", { replicas: 2, user: "bob" });
      harness.launch("a", overrides);
      assert.ok(why(harness, "a/0").reasons.length > 0);
      for (const [index, host] of hosts.entries()) host.finishes(`busy/${index}`);
      assert.equal(harness.stateOf("a/0"), "ASSIGNED");
      const { reasons, holders, ahead, change } = why(harness, "a/0");
      assert.deepEqual(
        { reasons, holders, ahead, change },
        {
          ...{ reasons: [], holders: [], ahead: [], change: null },
        },
      );
      assert.equal(pendingReason(harness, "/ann/a"), null);
    });
  }

  test("of a job is that of its first task in line, with the counts of all", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.launch("a", { replicas: 3 });
    const { id, kind, state, summary, reasons } = harness.call("Explain", { id: "/ann/a" }) as {
      readonly id: string;
      readonly kind: string;
      readonly state: string;
      readonly summary: string;
      readonly reasons: readonly { readonly code: string }[];
    };
    assert.deepEqual([id, kind, state], ["/ann/a", "JOB", "RUNNING"]);
    assert.match(summary, /2 PENDING, 1 ASSIGNED\); task 1:/);
    assert.equal(reasons[0].code, "INSUFFICIENT");
  });

  test("of a job that has ended says how, and why", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.fails("a/0");
    const { summary } = harness.call("Explain", { id: "/ann/a" }) as { readonly summary: string };
    assert.match(summary, /\/ann\/a is FAILED \(1 FAILED\): .*out of range/);
  });

  test("says when a scheduling timeout will end the wait, until the task has started", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("busy");
    harness.launch("a", { schedulingTimeoutMs: 60_000 });
    const until = why(harness, "a/0").deadlineAt;
    assert.equal(until, "1970-01-01T00:17:40.000Z");
    worker.finishes("busy/0");
    worker.starts("a/0");
    assert.equal(why(harness, "a/0").deadlineAt, null);
    harness.after(120_000);
    assert.equal(harness.stateOf("a/0"), "RUNNING", "its timeout was about its first start");
  });
});

test("a warning at the launch names the nearest worker and what it lacks", () => {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 2 });
  harness.aWorker({ slots: 6 });
  const [reply] = harness.launch("big", cpu(8));
  const { warnings } = JSON.parse(reply.slice("reply ".length)) as {
    readonly warnings: readonly {
      readonly code: string;
      readonly nearestWorkerId: string;
      readonly missing: { readonly cpuMilli: number };
    }[];
  };
  assert.deepEqual(
    warnings.map(({ code, nearestWorkerId, missing }) => [code, nearestWorkerId, missing.cpuMilli]),
    [["UNPLACEABLE", "w2", 2000]],
  );
});
