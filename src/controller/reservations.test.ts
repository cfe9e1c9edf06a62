/**
 * What is kept for somebody: from whom, until when, and how it is given up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { type FakeWorker, handedBack } from "../../test/support/fake-worker.ts";
import { aSlice, clause, keptWorkers, ordersOf } from "../../test/support/job-builders.ts";

const inSlice = { groupBy: "slice" } as const;

/** Ends a command that ran for so long that nothing like it is sent ahead. */
function end(worker: FakeWorker, label: string): string[] {
  return worker.reports({ kind: "finished", label, durationUs: 5_000_000 });
}

/** Two hosts of a slice, busy with `busy`; a gang `g` holds what comes free there. */
function aHold() {
  const harness = new ControllerHarness();
  const hosts = aSlice(harness, "a", { hosts: 2 });
  harness.launch("busy", { replicas: 2, user: "bob" });
  harness.launch("g", { ...inSlice, replicas: 2 });
  assert.equal(keptWorkers(harness), "w1 w2");
  return { harness, hosts };
}

interface WorkerList {
  readonly workers: readonly {
    readonly workerId: string;
    readonly held: { readonly cpuMilli: number };
    readonly available: { readonly cpuMilli: number };
    readonly committed: { readonly cpuMilli: number };
  }[];
}

describe("what is kept", () => {
  test("is whatever is free, up to one request on each worker, and is shown as held", () => {
    const { harness, hosts } = aHold();
    const shown = () => {
      const { workers } = harness.call("ListWorkers") as WorkerList;
      return workers.map(({ committed, held, available }) =>
        [committed, held, available].map(({ cpuMilli }) => cpuMilli),
      );
    };
    assert.deepEqual(shown(), [
      [1000, 0, 0],
      [1000, 0, 0],
    ]);
    end(hosts[0], "busy/0");
    assert.deepEqual(shown(), [
      [0, 1000, 0],
      [1000, 0, 0],
    ]);
  });

  test("leaves the rest of a worker to everybody", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2, slots: 3 });
    harness.launch("busy", { replicas: 6, user: "bob" });
    harness.launch("g", { ...inSlice, replicas: 2, resources: { cpuMilli: 2_000 } });
    harness.launch("small", { replicas: 9, user: "eve" });
    for (const label of ["busy/0", "busy/1", "busy/2"]) end(hosts[0], label);
    assert.equal(hosts[0].orders, "small/0");
  });

  test("does not keep out a better band", () => {
    const { harness, hosts } = aHold();
    end(hosts[0], "busy/0");
    harness.launch("p", { band: "production", user: "eve" });
    assert.equal(ordersOf(...hosts), "w1: p/0, w2: busy/1");
  });

  test("keeps out its own band and every lower one", () => {
    const { harness, hosts } = aHold();
    harness.launch("same", { user: "eve" });
    harness.launch("low", { user: "eve", band: "batch" });
    end(hosts[0], "busy/0");
    assert.equal(hosts[0].orders, "");
  });

  test("is not sent work ahead either", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("quick", { replicas: 2, user: "bob" });
    for (const [index, host] of hosts.entries()) host.finishes(`quick/${index}`);
    harness.launch("busy", { replicas: 2, user: "bob" });
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("more", { replicas: 9, user: "bob" });
    assert.equal(ordersOf(...hosts), "w1: busy/0, w2: busy/1");
  });

  test("makes workers give back what they were sent ahead", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.aClient("bob").submits({ a: {}, b: {}, c: {}, d: {} });
    const lines = harness.launch("g", { ...inSlice, replicas: 2 });
    assert.deepEqual(
      lines.filter((line) => line.includes("retract")),
      ["w1 < retract c", "w2 < retract d"],
    );
    hosts[0].reports(handedBack("c"));
    hosts[1].reports(handedBack("d"));
    hosts[0].finishes("a");
    hosts[1].finishes("b");
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });
});

describe("what is certainly over in time", () => {
  test("uses what is kept as soon as an end elsewhere proves it, and not at the next timer", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2, slots: 2 });
    const whole = { resources: { cpuMilli: 2_000 } };
    harness.launch("block", { ...whole, user: "bob", replicas: 2 });
    harness.launch("limited", { user: "bob", timeoutMs: 3_600_000 });
    harness.launch("endless", { user: "bob" });
    end(hosts[0], "block/0");
    assert.equal(hosts[0].orders, "limited/0 endless/0");
    harness.launch("g", { ...inSlice, ...whole, replicas: 2 });
    harness.launch("short", { ...whole, user: "eve", timeoutMs: 60_000 });
    end(hosts[1], "block/1");
    assert.equal(hosts[1].orders, "", "nothing proves when the gang begins");
    end(hosts[0], "endless/0");
    assert.equal(hosts[1].orders, "short/0");
  });
});

test("a gang that waits for hosts keeps nobody else from being sent work ahead", () => {
  const harness = new ControllerHarness();
  harness.launch("g", { ...inSlice, replicas: 2 });
  const worker = harness.aWorker();
  harness.aClient("bob").submits({ a: {}, b: {} });
  assert.equal(worker.orders, "a (b)");
});

test("a gang that keeps other workers instead has lost none of its time to hold", () => {
  const { harness, hosts } = aHold();
  const others = aSlice(harness, "b", { hosts: 2 });
  const inB = { constraints: [clause("slice", "=", "b")] };
  assert.equal(ordersOf(...others), "w3: g/0, w4: g/1");
  harness.cancel("/ann/g");
  for (const host of others) host.obeys();
  harness.launch("more", { ...inB, replicas: 2, user: "bob" });
  harness.launch("low", { ...inB, replicas: 2, user: "eve", band: "batch" });
  harness.launch("h", { ...inSlice, replicas: 2 });
  assert.equal(keptWorkers(harness), "w1 w2");
  end(others[0], "more/0");
  end(others[1], "more/1");
  assert.equal(ordersOf(...hosts, ...others), "w1: busy/0, w2: busy/1, w3: low/0-, w4: low/1-");
  assert.equal(keptWorkers(harness), "w3 w4");
  const launch = harness.state.jobs[harness.state.jobsById.get("/ann/h") ?? -1].launch;
  assert.equal(launch?.gang?.holdExpiries, 0);
});

test("what one gang gives up the next one keeps, also where the first one's hosts are away", () => {
  const harness = new ControllerHarness();
  const hosts = aSlice(harness, "a", { hosts: 4 });
  harness.launch("busy", { replicas: 4, user: "bob", timeoutMs: 60_000 });
  harness.launch("g", { ...inSlice, replicas: 2 });
  harness.launch("h", { ...inSlice, replicas: 2 });
  const kept = keptWorkers(harness).split(" ");
  assert.equal(kept.length, 2);
  for (const host of hosts) if (kept.includes(host.workerId)) host.disconnects();
  harness.cancel("/ann/g");
  const others = hosts.map(({ workerId }) => workerId).filter((id) => !kept.includes(id));
  assert.equal(keptWorkers(harness), others.join(" "));
});

for (const [what, shape] of [
  ["a task", { constraints: [clause("slice", "exists")] }],
  ["a gang", inSlice],
] as const) {
  test(`what a user keeps lets ${what} in as soon as that user is past the budget`, () => {
    const { harness, hosts } = aHold();
    harness.limits("ann", { budget: 1 });
    const other = harness.aWorker();
    end(hosts[0], "busy/0");
    harness.launch("theirs", { user: "eve", ...shape });
    assert.equal(hosts[0].orders, "");
    harness.launch("mine", { constraints: [clause("worker-id", "=", "w3")] });
    assert.equal(ordersOf(hosts[0], other), "w1: theirs/0, w3: mine/0");
  });
}

describe("what is kept is given up", () => {
  test("when it is used", () => {
    const { harness, hosts } = aHold();
    end(hosts[0], "busy/0");
    end(hosts[1], "busy/1");
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    assert.equal(keptWorkers(harness), "");
  });

  test("when who waits finds another place", () => {
    const { harness, hosts } = aHold();
    end(hosts[0], "busy/0");
    const others = aSlice(harness, "b", { hosts: 2 });
    assert.equal(ordersOf(...others), "w3: g/0, w4: g/1");
    assert.equal(keptWorkers(harness), "");
    harness.launch("small", { user: "bob" });
    assert.equal(hosts[0].orders, "small/0");
  });

  test("when its time is over, to whoever fits", () => {
    const { harness, hosts } = aHold();
    harness.launch("small", { user: "bob", replicas: 3 });
    end(hosts[0], "busy/0");
    harness.after(9_900);
    assert.equal(hosts[0].orders, "");
    harness.after(200);
    assert.equal(hosts[0].orders, "small/0");
  });

  test("when who waits can wait no longer", () => {
    const harness = new ControllerHarness();
    aSlice(harness, "a", { hosts: 2 });
    harness.launch("busy", { replicas: 2, user: "bob" });
    harness.launch("g", { ...inSlice, replicas: 2, schedulingTimeoutMs: 2_000 });
    assert.equal(keptWorkers(harness), "w1 w2");
    harness.after(2_100);
    assert.equal(harness.jobState("g"), "UNSCHEDULABLE");
    assert.equal(keptWorkers(harness), "");
  });

  test("also on a worker that was lost meanwhile and came back", () => {
    const { harness, hosts } = aHold();
    hosts[0].exits();
    harness.after(12_000);
    assert.equal(keptWorkers(harness), "");
    hosts[0].connects();
    harness.cancel("/ann/g");
    harness.after(1_000);
    assert.equal(keptWorkers(harness), "");
  });
});

for (const from of ["facts", "snapshot"] as const) {
  test(`a hold survives a restart from ${from}, and its time goes on`, () => {
    const { harness, hosts } = aHold();
    harness.launch("small", { user: "bob", replicas: 3 });
    end(hosts[0], "busy/0");
    harness.after(5_000);
    harness.restarts(from);
    for (const host of hosts) host.connects();
    assert.equal(keptWorkers(harness), "w1 w2");
    harness.after(4_000);
    assert.equal(hosts[0].orders, "");
    harness.after(1_500);
    assert.equal(hosts[0].orders, "small/0");
  });
}
