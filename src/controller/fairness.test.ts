/**
 * Whose turn it is: bands, shares, trees, and what a user may hold.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  aJobSpec,
  ControllerHarness,
  type JobOverrides,
} from "../../test/support/controller-builders.ts";
import type { FakeWorker, WorkerOptions } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  clause,
  devices,
  ordersOf,
  why,
} from "../../test/support/job-builders.ts";
import { parseConstraints } from "../model/parse-constraints.ts";
import { noResources } from "../model/resources.ts";
import type { Band } from "../model/states.ts";

const cpu = (count: number) => ({ resources: { cpuMilli: count * 1000 } });
const cpuCap = (count: number) => ({ cap: { ...noResources, cpuMilli: count * 1000 } });

/** A worker that is busy with one task of nobody's, so that queues form. */
function aBusyWorker(options: WorkerOptions = {}) {
  const harness = new ControllerHarness();
  const worker = harness.aWorker(options);
  const resources = { cpuMilli: worker.slots * 1000 };
  harness.launch("first", { user: "zoe", band: "production", resources });
  return { harness, worker };
}

/** Names of the jobs that get the worker's one place, one after the other. */
function turns(worker: FakeWorker, count: number): string[] {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const running = [...worker.attempts.values()].find(({ granted }) => granted);
    if (running === undefined) break;
    names.push(running.label.slice(0, running.label.lastIndexOf("/")));
    // Too long to be worth a prefetch: each place is given away anew.
    worker.reports({ kind: "finished", label: running.label, durationUs: 5_000_000 });
  }
  return names;
}

describe("the order of queues", () => {
  test("is production, interactive, batch, whoever came first", () => {
    const { harness, worker } = aBusyWorker();
    for (const band of ["batch", "interactive", "production"] satisfies Band[]) {
      harness.launch(band, { band });
    }
    assert.deepEqual(turns(worker, 4), ["first", "production", "interactive", "batch"]);
  });

  test("within a user is by priority, then by age", () => {
    const { harness, worker } = aBusyWorker();
    harness.launch("old");
    harness.launch("young");
    harness.launch("urgent", { priority: 5 });
    assert.deepEqual(turns(worker, 4), ["first", "urgent", "old", "young"]);
  });

  test("puts a child of a started tree before a newer root, and the older tree first", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", cpu(0));
    harness.launch("b", cpu(0));
    harness.launch("full", { ...cpu(2), band: "production" });
    harness.launch("root", cpu(2));
    harness.launch("b/child", cpu(2));
    harness.launch("a/child", cpu(2));
    harness.launch("a/child/leaf", cpu(2));
    const next = () => worker.orders.split(" ").at(-1) ?? "";
    const order: string[] = [];
    for (let i = 0; i < 5; i++) {
      order.push(next());
      worker.finishes(next());
    }
    assert.deepEqual(order.slice(0, 4), ["full/0", "a/child/leaf/0", "a/child/0", "b/child/0"]);
    assert.equal(order[4], "root/0");
  });

  test("gives a user with one task a turn before the hundred of another", () => {
    const { harness, worker } = aBusyWorker();
    harness.launch("many", { replicas: 100 });
    harness.launch("single", { user: "bob" });
    assert.ok(turns(worker, 3).includes("single"));
  });

  test("lets users take turns, by what they hold", () => {
    const { harness, worker } = aBusyWorker({ slots: 4 });
    harness.launch("many", { replicas: 10 });
    harness.launch("others", { replicas: 10, user: "bob" });
    worker.finishes("first/0");
    assert.equal(worker.orders, "many/0 others/0 many/1 others/1");
  });

  test("gives who weighs twice as much twice the share", () => {
    const { harness, worker } = aBusyWorker({ slots: 6 });
    harness.limits("bob", { weight: 2 });
    harness.launch("many", { replicas: 10 });
    harness.launch("others", { replicas: 10, user: "bob" });
    worker.finishes("first/0");
    const mine = worker.orders.split(" ").filter((order) => order.startsWith("many"));
    assert.equal(mine.length, 2);
  });

  test("counts the largest part of anything that a user holds", () => {
    const { harness, worker } = aBusyWorker({ slots: 4, capacity: { memoryBytes: 4_000 } });
    harness.launch("memory", { replicas: 4, resources: { memoryBytes: 2_000 } });
    harness.launch("little", { replicas: 4, user: "bob" });
    worker.finishes("first/0");
    assert.equal(worker.orders, "memory/0 little/0 little/1 memory/1");
  });

  test("does not place a gang before single tasks of a better band", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("low", { replicas: 2, band: "production", user: "zoe" });
    harness.launch("g", { replicas: 2, groupBy: "slice", band: "batch" });
    harness.launch("p", { user: "bob" });
    hosts[0].finishes("low/0");
    hosts[1].finishes("low/1");
    assert.match(ordersOf(...hosts), /p\/0/);
    assert.equal(harness.statesOf("g/0", "g/1"), "PENDING queued, PENDING queued");
  });

  test("serves jobs that fill the worker by turns, in their order, never two at once", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    for (const name of ["a", "b", "c", "d"]) harness.launch(name, cpu(2));
    assert.equal(worker.orders, "a/0 b/0");
    worker.finishes("a/0");
    worker.finishes("b/0");
    assert.equal(worker.orders, "c/0 d/0");
  });
});

interface SchedulerState {
  readonly queues: readonly { readonly user: string; readonly effectiveBand: string }[];
  readonly users: readonly { readonly user: string; readonly spend: number }[];
}

describe("a user past the budget", () => {
  /** Ann spends ten of five; hers and Bob's wait, hers first. */
  function anOverspender(mine: JobOverrides = {}) {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 5 });
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("spent", { replicas: 2 });
    harness.launch("mine", mine);
    harness.launch("yours", { user: "bob" });
    const end = (label: string) =>
      worker.reports({ kind: "finished", label, durationUs: 5_000_000 });
    return { harness, worker, end };
  }

  function bandOf(harness: ControllerHarness, user: string): string {
    const { queues } = harness.call("GetSchedulerState") as SchedulerState;
    return queues.find((queue) => queue.user === user)?.effectiveBand ?? "none";
  }

  test("counts as batch, and is served after the others", () => {
    const { harness, worker, end } = anOverspender();
    assert.equal(bandOf(harness, "ann"), "BATCH");
    assert.equal(bandOf(harness, "bob"), "INTERACTIVE");
    end("spent/0");
    assert.equal(worker.orders, "spent/1 yours/0");
  });

  test("is back in band when what was spent has ended", () => {
    const { harness, end } = anOverspender();
    end("spent/0");
    assert.equal(bandOf(harness, "ann"), "INTERACTIVE", "five of five is not past it");
  });

  test("keeps production work where it is", () => {
    const { harness } = anOverspender({ band: "production" });
    assert.equal(bandOf(harness, "ann"), "PRODUCTION");
  });

  test("has spent nothing on batch work", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 5 });
    harness.aWorker({ slots: 3 });
    harness.launch("low", { replicas: 3, band: "batch" });
    const { users } = harness.call("GetSchedulerState") as SchedulerState;
    assert.deepEqual(
      users.map(({ user, spend }) => [user, spend]),
      [["ann", 0]],
    );
  });

  test("has none with a budget of 0", () => {
    const { harness } = anOverspender();
    harness.limits("ann", { budget: 0 });
    assert.equal(bandOf(harness, "ann"), "INTERACTIVE");
  });
});

describe("a user's cap", () => {
  test("binds what was sent ahead too, when others make room", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.limits("ann", cpuCap(1));
    harness.aClient("bob").submits({ b: {} });
    harness.aClient("ann").submits({ a1: {}, a2: {} });
    assert.equal(worker.orders, "b a1 (a2)");
    worker.finishes("b");
    assert.equal(worker.orders, "a1 (a2)");
    worker.finishes("a1");
    assert.equal(worker.orders, "a2");
  });

  test("that is lifted lets go what stands in line, and so does an end elsewhere", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker({ slots: 2 }), harness.aWorker({ slots: 2 })];
    harness.limits("ann", cpuCap(2));
    const onW = (id: string) =>
      parseConstraints("c", [{ key: "worker-id", op: "=", values: [id] }]);
    harness.aClient("bob").submits({ b: { spec: { constraints: onW("w1") } } });
    const ann = harness.aClient("ann");
    ann.submits({ far: { spec: { constraints: onW("w2") } } });
    const here = { spec: { constraints: onW("w1") } };
    ann.submits({ a1: here, a2: here });
    assert.equal(w1.orders, "b a1 (a2)");
    w1.finishes("b");
    assert.equal(w1.orders, "a1 (a2)");
    w2.finishes("far");
    assert.equal(w1.orders, "a1 a2");
    ann.submits({ a3: here });
    w1.finishes("a1");
    harness.limits("ann", cpuCap(1));
    ann.submits({ a4: here });
    assert.equal(w1.orders, "a2 a3 (a4)");
    w1.finishes("a2");
    assert.equal(w1.orders, "a3 (a4)");
    harness.limits("ann", { cap: null });
    assert.equal(w1.orders, "a3 a4");
  });

  test("of what nothing else has named counts the same in every fold of the journal", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    harness.limits("ann", { cap: { ...noResources, custom: { seats: 2_000 } } });
    harness.launch("free", { replicas: 2 });
    harness.restarts("facts");
    worker.connects();
    assert.equal(worker.orders, "free/0 free/1");
    assert.equal(harness.stateOf("free/1"), "ASSIGNED");
  });

  test("keeps work in line although there is room, and says so", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(2));
    const worker = harness.aWorker({ slots: 4 });
    harness.launch("many", { replicas: 3 });
    assert.equal(worker.orders, "many/0 many/1");
    const { reasons, change } = why(harness, "many/2");
    assert.equal(reasons[0].code, "USER_CAP");
    assert.equal(change?.kind, "RAISE_CAP");
  });

  test("is the only reason while some worker has room, whatever is full", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(1));
    harness.aWorker({ slots: 1, attributes: { zone: "east" } });
    harness.launch("a", { constraints: [clause("zone", "=", "east")] });
    harness.aWorker({ slots: 1 });
    harness.launch("b");
    const codes = why(harness, "b/0").reasons.map(({ code }) => code);
    assert.deepEqual(codes, ["USER_CAP"]);
  });

  test("that one task's end makes room under starts work on any other worker", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(1));
    const east = harness.aWorker({ attributes: { zone: "east" } });
    const west = harness.aWorker({ attributes: { zone: "west" } });
    harness.launch("a", { constraints: [clause("zone", "=", "east")] });
    harness.launch("b", { constraints: [clause("zone", "=", "west")] });
    assert.equal(ordersOf(east, west), "w1: a/0, w2: ");
    east.finishes("a/0");
    assert.equal(ordersOf(east, west), "w1: , w2: b/0");
  });

  test("that is raised starts what waited for it", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(1));
    const worker = harness.aWorker({ slots: 4 });
    harness.launch("many", { replicas: 3 });
    harness.limits("ann", { cap: null });
    assert.equal(worker.orders, "many/0 many/1 many/2");
  });

  test("holds for a gang as a whole", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(1));
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { replicas: 2, groupBy: "slice" });
    assert.equal(ordersOf(...hosts), "w1: , w2: ");
    assert.equal(why(harness, "g/0").reasons[0].code, "USER_CAP");
    harness.limits("ann", cpuCap(2));
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });

  test("keeps nobody else in line", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", cpuCap(1));
    const worker = harness.aWorker({ slots: 3 });
    harness.launch("many", { replicas: 3 });
    harness.launch("yours", { user: "bob", replicas: 2 });
    assert.equal(worker.orders, "many/0 yours/0 yours/1");
  });

  test("of devices counts those that were asked for as any", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { cap: { ...noResources, devices: devices("gpu", "auto", 1) } });
    const capacity = { devices: devices("gpu", "h100", 4) };
    const worker = harness.aWorker({ slots: 4, capacity });
    harness.launch("any", { replicas: 2, resources: { devices: devices("gpu", "auto", 1) } });
    harness.launch("named", { resources: { devices: devices("gpu", "h100", 1) } });
    assert.equal(worker.orders, "any/0");
    const end = (label: string) =>
      worker.reports({ kind: "finished", label, durationUs: 5_000_000 });
    end("any/0");
    assert.equal(worker.orders, "any/1");
    end("any/1");
    assert.equal(worker.orders, "named/0");
  });

  test("of devices of one kind keeps back nothing that asks for another", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { cap: { ...noResources, devices: devices("gpu", "auto", 1) } });
    const capacity = { devices: [...devices("gpu", "h100", 4), ...devices("tpu", "v5", 4)] };
    const worker = harness.aWorker({ slots: 8, capacity });
    harness.launch("gpus", { replicas: 2, resources: { devices: devices("gpu", "auto", 1) } });
    harness.launch("tpus", { replicas: 2, resources: { devices: devices("tpu", "auto", 1) } });
    harness.launch("plain");
    assert.equal(worker.orders, "gpus/0 tpus/0 tpus/1 plain/0");
  });

  test("of a variant of a device binds what asks for it, by parts too, and no other", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { cap: { ...noResources, devices: devices("gpu", "h100", 1) } });
    const capacity = { devices: [...devices("gpu", "h100", 4), ...devices("gpu", "a100", 4)] };
    const worker = harness.aWorker({ slots: 8, capacity });
    harness.launch("half", { replicas: 3, resources: { devices: devices("gpu", "h100", 0.5) } });
    harness.launch("other", { replicas: 2, resources: { devices: devices("gpu", "a100", 1) } });
    assert.equal(worker.orders, "half/0 half/1 other/0 other/1");
  });
});

describe("a launch is refused, and nothing of it remains,", () => {
  const asUser = (harness: ControllerHarness, overrides: JobOverrides) => {
    const spec = aJobSpec("/ann/job", overrides);
    const request = { type: "launch-job", spec, token: "t", tokenHash: "h" } as const;
    return harness.asks(request, { user: "ann", role: "user", jobId: "" });
  };

  test("when it asks for a better band than its user may", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { bandMax: "interactive" });
    assert.deepEqual(asUser(harness, { band: "production" }), ["refused QUOTA_EXCEEDED"]);
    assert.equal(harness.jobState("job"), "unknown");
    assert.match(asUser(harness, { band: "interactive" })[0], /"created":true/);
  });

  test("when its user would have more open tasks than allowed", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { activeTasksMax: 5 });
    const worker = harness.aWorker({ slots: 5 });
    harness.launch("many", { replicas: 4 });
    assert.deepEqual(harness.launch("more", { replicas: 2 }), ["refused QUOTA_EXCEEDED"]);
    assert.equal(harness.jobState("more"), "unknown");
    assert.equal(harness.state.tasks.live, 4);
    worker.finishes("many/0");
    assert.match(harness.launch("more", { replicas: 2 })[0], /"created":true/);
    assert.match(harness.launch("theirs", { replicas: 9, user: "bob" })[0], /"created":true/);
  });

  test("when it has more replicas than a job may have", () => {
    const harness = new ControllerHarness();
    assert.deepEqual(harness.launch("huge", { replicas: 10_001 }), ["refused INVALID_SPEC"]);
    assert.equal(harness.state.jobs.length, 0);
  });
});

test("128 replicas without CPU on 20 workers all succeed, each once", () => {
  const harness = new ControllerHarness({ checks: false, deliveries: 2 });
  for (let i = 0; i < 20; i++) harness.aWorker({ slots: 2 });
  harness.launch("many", { replicas: 128, resources: { cpuMilli: 0 } });
  for (const worker of harness.workers) {
    const labels = [...worker.attempts.values()].map(({ label }) => label);
    worker.starts(...labels);
    worker.finishes(...labels);
  }
  harness.check();
  assert.equal(harness.jobState("many"), "SUCCEEDED");
  assertAllFree(harness);
});
