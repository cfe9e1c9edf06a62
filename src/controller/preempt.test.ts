/**
 * Preemption: strictly lower bands make room, as little as helps, and for whom it was made.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import type { WorkerOptions } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  causesOf,
  chargesOf,
  clause,
  devices,
  keptWorkers,
  obeyAll,
  ordersOf,
  runGang,
} from "../../test/support/job-builders.ts";
import { preemptionsPerPassMax } from "./limits.ts";

const cpu = (count: number) => ({ resources: { cpuMilli: count * 1000 } });
const production = { band: "production" } as const;
const batch = { band: "batch" } as const;

/** A worker whose CPUs are all used by running tasks of `low`. */
function aFullWorker(low: JobOverrides = {}, options: WorkerOptions = {}) {
  const harness = new ControllerHarness();
  const worker = harness.aWorker(options);
  harness.launch("low", { ...batch, replicas: worker.slots, user: "bob", ...low });
  for (const { label } of [...worker.attempts.values()]) worker.starts(label);
  return { harness, worker };
}

describe("work of a better band", () => {
  test("evicts one victim, waits until that has ended, and takes its place", () => {
    const { harness, worker } = aFullWorker({}, { slots: 3 });
    const lines = harness.launch("p", production);
    assert.equal(lines.filter((line) => line.includes("stop")).length, 1);
    assert.equal(harness.stateOf("p/0"), "PENDING queued");
    assert.equal(harness.usedBy(worker).cpu, 3000);
    assert.equal(keptWorkers(harness), "w1");
    worker.obeys();
    assert.equal(harness.stateOf("p/0"), "ASSIGNED");
    assert.equal(keptWorkers(harness), "");
    assert.equal(harness.usedBy(worker).cpu, 3000);
    assert.equal(chargesOf(harness, "low", "bob"), "0/1");
  });

  test("evicts one for each that waits, at once", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    const lines = harness.launch("p", { ...production, replicas: 3 });
    assert.equal(lines.filter((line) => line.includes("stop")).length, 3);
    worker.obeys();
    assert.equal(worker.orders, "low/0+ p/0 p/1 p/2");
  });

  test("takes the youngest of victims that are worth the same", () => {
    const { harness, worker } = aFullWorker({}, { slots: 3 });
    harness.launch("p", production);
    assert.equal(worker.orders, "low/0+ low/1+ low/2-");
  });

  test("evicts from the lowest band first", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("mid", { user: "bob" });
    harness.launch("low", { ...batch, user: "bob" });
    worker.starts("mid/0", "low/0");
    harness.launch("p", production);
    assert.equal(worker.orders, "mid/0+ low/0-");
  });

  test("evicts, however many wait before it that no eviction helps", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", production);
    harness.launch("low", { ...batch, user: "bob" });
    worker.starts("a/0", "low/0");
    for (let i = 0; i < 2 * preemptionsPerPassMax; i++) {
      harness.launch(`nowhere-${i}`, {
        ...production,
        constraints: [clause("region", "=", `r${i}`)],
      });
    }
    harness.launch("p", { ...production, ...cpu(2) });
    assert.equal(worker.orders, "a/0+ low/0+");
    worker.finishes("a/0");
    assert.equal(worker.orders, "low/0-");
  });

  test("evicts also where others wait for the same room in the same pass", () => {
    const { harness, worker } = aFullWorker();
    const cordon = { type: "cordon-worker", workerId: "w1" } as const;
    harness.asks({ ...cordon, cordon: true });
    harness.launch("eves", { ...batch, user: "eve" });
    harness.launch("p", production);
    assert.equal(worker.orders, "low/0+");
    harness.asks({ ...cordon, cordon: false });
    assert.equal(worker.orders, "low/0-");
  });

  test("evicts several small victims on one worker if one is not enough", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    harness.launch("p", { ...production, ...cpu(3) });
    assert.equal(worker.orders.match(/-/g)?.length, 3);
    for (const { label, phase } of [...worker.attempts.values()]) {
      assert.equal(harness.stateOf("p/0"), "PENDING queued");
      if (phase === 2) worker.reports({ kind: "abandoned", label });
    }
    assert.equal(harness.stateOf("p/0"), "ASSIGNED");
  });

  test("does not spread the victims over workers on which they would not help", () => {
    const harness = new ControllerHarness();
    const workers = [harness.aWorker({ slots: 2 }), harness.aWorker({ slots: 2 })];
    harness.launch("low", { ...batch, replicas: 4, user: "bob" });
    harness.launch("p", { ...production, ...cpu(4) });
    assert.equal(ordersOf(...workers).includes("-"), false, "no host is large enough");
  });

  test("evicts nothing when even that would not be enough", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    harness.launch("peer", { ...production, ...cpu(3), user: "bob" });
    harness.launch("low", { ...batch, user: "bob" });
    harness.launch("p", { ...production, ...cpu(2) });
    assert.equal(worker.orders, "peer/0 low/0");
  });

  test("evicts nothing where it may not run", () => {
    const harness = new ControllerHarness();
    const west = harness.aWorker({ attributes: { zone: "west" } });
    const tainted = harness.aWorker({ attributes: { zone: "east", "taint:kept": "true" } });
    const tolerant = [clause("taint:kept", "exists")];
    harness.launch("low", { ...batch, user: "bob" });
    harness.launch("kept", { ...batch, user: "bob", constraints: tolerant });
    harness.launch("p", { ...production, constraints: [clause("zone", "=", "east")] });
    assert.equal(ordersOf(west, tainted), "w1: low/0, w2: kept/0");
  });

  test("evicts nothing on a worker that takes no work", () => {
    const { harness, worker } = aFullWorker();
    harness.asks({ type: "cordon-worker", workerId: "w1", cordon: true });
    harness.launch("p", production);
    assert.equal(worker.orders, "low/0+");
  });

  test("evicts only who holds the devices that it needs", () => {
    const harness = new ControllerHarness();
    const capacity = { cpuMilli: 8_000, devices: devices("gpu", "h100", 1) };
    const worker = harness.aWorker({ slots: 8, capacity });
    harness.launch("plain", { ...batch, replicas: 3, user: "bob" });
    harness.launch("fast", {
      ...batch,
      user: "bob",
      resources: { devices: devices("gpu", "auto", 1) },
    });
    harness.launch("p", { ...production, resources: { devices: devices("gpu", "h100", 1) } });
    assert.equal(worker.orders, "plain/0 plain/1 plain/2 fast/0-");
    worker.obeys();
    assert.equal(worker.orders, "plain/0 plain/1 plain/2 p/0");
  });

  test("evicts nothing while there is room elsewhere", () => {
    const { harness, worker } = aFullWorker();
    const other = harness.aWorker();
    harness.launch("p", production);
    assert.equal(ordersOf(worker, other), "w1: low/0+, w2: p/0");
  });

  test("never evicts its own band", () => {
    for (const band of ["production", "interactive", "batch"] as const) {
      const { harness, worker } = aFullWorker({ band });
      harness.launch("p", { band });
      assert.equal(worker.orders, "low/0+", band);
    }
  });

  test("that is interactive evicts batch work, and batch work evicts nothing", () => {
    const { harness, worker } = aFullWorker();
    harness.launch("more", { ...batch });
    assert.equal(worker.orders, "low/0+");
    harness.launch("p", { band: "interactive" });
    assert.equal(worker.orders, "low/0-");
  });

  test("evicts no production work, whoever's it is", () => {
    const { harness, worker } = aFullWorker({ band: "production" });
    harness.launch("p", production);
    assert.equal(worker.orders, "low/0+");
  });
});

describe("what an eviction frees", () => {
  test("is nobody else's, however long the victim takes", () => {
    const { harness, worker } = aFullWorker({}, { slots: 2 });
    harness.launch("p", { ...production, ...cpu(2) });
    harness.launch("thief", { ...production, user: "eve" });
    worker.reports({ kind: "abandoned", label: "low/0" });
    assert.equal(harness.statesOf("p/0", "thief/0"), "PENDING queued, PENDING queued");
    worker.obeys();
    assert.equal(worker.orders, "p/0");
  });

  test("is not lent to what has a time limit: the victims may end at any moment", () => {
    const { harness, worker } = aFullWorker({ timeoutMs: 3_600_000 }, { slots: 2 });
    harness.launch("p", { ...production, ...cpu(2) });
    worker.reports({ kind: "abandoned", label: "low/0" });
    harness.launch("quick", { ...production, timeoutMs: 60_000, user: "eve" });
    assert.equal(worker.orders, "low/1-");
  });

  test("is for the better band first, then for who has waited longer", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    harness.launch("mid", { band: "interactive" });
    harness.launch("p", { ...production, ...cpu(3) });
    assert.equal(worker.orders, "low/0- low/1- low/2- low/3-");
    for (const label of ["low/3", "low/2"]) {
      worker.reports({ kind: "abandoned", label });
      assert.equal(harness.stateOf("mid/0"), "PENDING queued");
    }
    worker.reports({ kind: "abandoned", label: "low/1" });
    assert.equal(worker.orders, "low/0- p/0");
    worker.obeys();
    assert.equal(worker.orders, "p/0 mid/0");
  });

  test("is given to the next in line when its beneficiary is cancelled", () => {
    const { harness, worker } = aFullWorker();
    harness.launch("p", production);
    harness.cancel("/ann/p");
    assert.equal(keptWorkers(harness), "");
    worker.obeys();
    assert.equal(worker.orders, "low/0");
  });

  test("stays bound to each of several that wait, and each costs one victim", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    harness.launch("p", { ...production, replicas: 2 });
    assert.equal(worker.orders, "low/0+ low/1+ low/2- low/3-");
    worker.reports({ kind: "abandoned", label: "low/2" });
    assert.equal(worker.orders, "low/0+ low/1+ low/3- p/0");
    harness.after(3_000);
    assert.equal(worker.orders, "low/0+ low/1+ low/3- p/0", "the second is on its way");
    worker.obeys();
    assert.equal(worker.orders, "low/0+ low/1+ p/0 p/1");
  });

  test("goes to who waited longer, also when both wait on one worker", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    harness.launch("p", { ...production, replicas: 2 });
    harness.launch("later", { ...production, user: "eve", ...cpu(2) });
    assert.equal(worker.orders, "low/0- low/1- low/2- low/3-");
    worker.reports({ kind: "abandoned", label: "low/0" });
    assert.equal(harness.statesOf("p/0", "p/1"), "ASSIGNED, PENDING queued");
    worker.reports({ kind: "abandoned", label: "low/1" });
    assert.equal(harness.statesOf("p/1", "later/0"), "ASSIGNED, PENDING queued");
    worker.obeys();
    assert.equal(harness.stateOf("later/0"), "ASSIGNED");
    assert.equal(chargesOf(harness, "low", "bob"), "0/4");
  });

  test("waits for a victim with a long grace, and no second one is evicted meanwhile", () => {
    const { harness, worker } = aFullWorker({ graceMs: 300_000 }, { slots: 2 });
    harness.launch("p", production);
    harness.after(200_000);
    assert.equal(worker.orders, "low/0+ low/1-");
    worker.obeys();
    assert.equal(worker.orders, "low/0+ p/0");
  });
});

describe("many passes over a full cluster", () => {
  test("evict no more than what waits needs", () => {
    const { harness, worker } = aFullWorker({}, { slots: 4 });
    harness.launch("p", production);
    for (let second = 0; second < 20; second++) {
      harness.launch(`noise-${second}`, { ...batch, user: "eve" });
      harness.after(1_000);
    }
    assert.equal(harness.state.strays.size, 1);
    worker.obeys();
    harness.after(20_000);
    assert.equal(harness.state.strays.size, 0);
    assert.equal(chargesOf(harness, "low", "bob"), "0/1");
  });

  test("never let two users of one band evict each other in turn", () => {
    const { harness, worker } = aFullWorker({ band: "interactive" });
    harness.limits("bob", { budget: 1 });
    harness.launch("mine", { band: "interactive" });
    harness.launch("yours", { band: "interactive", user: "bob" });
    harness.after(20_000);
    assert.equal(worker.orders, "low/0+", "its band is what it was when it was placed");
    assert.equal(chargesOf(harness, "low", "bob"), "0/0");
  });

  test("do not let work past its user's budget evict batch work", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 4 });
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("mine");
    harness.launch("low", { ...batch, user: "bob" });
    harness.launch("more");
    assert.equal(worker.orders, "mine/0 low/0", "five spent of four: it counts as batch");
  });

  test("let it evict again as soon as its user is back within the budget, wherever that is", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 4 });
    const worker = harness.aWorker({ attributes: { host: "a" } });
    const other = harness.aWorker({ attributes: { host: "b" } });
    const there = { constraints: [clause("host", "=", "b")] };
    harness.launch("mine", { constraints: [clause("host", "=", "a")] });
    harness.launch("low", { ...batch, ...there, user: "bob" });
    harness.launch("more", there);
    assert.equal(other.orders, "low/0");
    assert.deepEqual(worker.finishes("mine/0"), ["w2 < stop low/0", "w1 < forget mine/0"]);
    other.obeys();
    assert.equal(other.orders, "more/0");
  });

  test("never let work evict what is of its own queue, which was placed past the budget", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 4 });
    const worker = harness.aWorker({ attributes: { host: "a" } });
    const other = harness.aWorker({ attributes: { host: "b" } });
    harness.launch("mine", { constraints: [clause("host", "=", "a")] });
    harness.launch("more", { replicas: 2, constraints: [clause("host", "=", "b")] });
    assert.equal(other.orders, "more/0", "it counts as batch");
    assert.deepEqual(worker.finishes("mine/0"), ["w1 < forget mine/0"]);
    other.finishes("more/0");
    assert.equal(other.orders, "more/1");
  });
});

describe("a victim", () => {
  test("without evictions left ends PREEMPTED, and names whom it was evicted for", () => {
    const { harness, worker } = aFullWorker({ maxRetriesPreemption: 0 });
    harness.launch("p", production);
    assert.equal(harness.stateOf("low/0"), "PREEMPTED");
    worker.obeys();
    assert.deepEqual(causesOf(harness, "low/0", "bob"), ["preempted"]);
    const failure = harness.state.failures.get(harness.rowOf("low/0"));
    assert.match(failure?.message ?? "", /preempted on w1: for \/ann\/p\/0/);
    worker.finishes("p/0");
    assertAllFree(harness);
  });

  test("that had not started yet is charged nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("low", { ...batch, maxRetriesPreemption: 0, user: "bob" });
    harness.launch("p", production);
    assert.equal(harness.stateOf("low/0"), "PENDING held");
    worker.obeys();
    assert.equal(worker.orders, "p/0");
    assert.equal(chargesOf(harness, "low", "bob"), "0/0");
  });

  test("goes on where there is room, and comes back when there is none", () => {
    const { harness, worker } = aFullWorker();
    harness.launch("p", production);
    const other = harness.aWorker();
    assert.equal(ordersOf(worker, other), "w1: low/0-, w2: p/0", "which came just in time");
    worker.obeys();
    assert.equal(ordersOf(worker, other), "w1: low/0, w2: p/0");
  });

  test("that ends by itself has ended as it says, and frees its place all the same", () => {
    const { harness, worker } = aFullWorker();
    harness.launch("p", production);
    worker.finishes("low/0");
    assert.equal(worker.orders, "p/0");
  });

  test("whose worker dies leaves nothing behind", () => {
    const { harness, worker } = aFullWorker();
    harness.launch("p", production);
    worker.exits();
    worker.connects();
    assert.equal(worker.orders, "p/0");
    assert.equal(keptWorkers(harness), "");
  });
});

describe("gangs and preemption", () => {
  const inSlice = { groupBy: "slice" } as const;

  test("a single task evicts a gang whole, and only if nothing smaller does", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, ...batch, replicas: 2, user: "bob" });
    runGang("g", hosts);
    const other = harness.aWorker();
    harness.launch("low", { ...batch, user: "bob" });
    harness.launch("p", production);
    assert.equal(ordersOf(...hosts, other), "w1: g/0+, w2: g/1+, w3: low/0-");
    harness.launch("q", production);
    assert.equal(ordersOf(...hosts), "w1: g/0-, w2: g/1-");
    obeyAll([...hosts, other]);
    assert.equal(harness.statesOf("p/0", "q/0"), "ASSIGNED, ASSIGNED");
    assert.equal(chargesOf(harness, "g", "bob"), "0/1");
  });

  test("a gang evicts a gang, waits for all of it, and takes its slice", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, ...batch, replicas: 2, user: "bob" });
    runGang("g", hosts);
    harness.launch("p", { ...inSlice, ...production, replicas: 2 });
    hosts[0].obeys();
    assert.equal(ordersOf(...hosts), "w1: , w2: g/1-");
    hosts[1].obeys();
    assert.equal(ordersOf(...hosts), "w1: p/0, w2: p/1");
    assert.equal(chargesOf(harness, "g", "bob"), "0/1");
  });

  test("a gang evicts single tasks on the hosts that it needs, and on no other", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 3 });
    harness.launch("low", { ...batch, replicas: 3, user: "bob" });
    hosts[0].finishes("low/0");
    harness.launch("p", { ...inSlice, ...production, replicas: 2 });
    assert.equal(ordersOf(...hosts).match(/-/g)?.length, 1);
    obeyAll(hosts);
    assert.equal(harness.statesOf("p/0", "p/1"), "ASSIGNED, ASSIGNED");
  });

  test("a gang evicts nothing while one of its hosts runs what it may not evict", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("peer", { ...production, user: "bob" });
    harness.launch("low", { ...batch, user: "bob" });
    harness.launch("p", { ...inSlice, ...production, replicas: 2 });
    assert.equal(ordersOf(...hosts), "w1: peer/0, w2: low/0");
    hosts[0].finishes("peer/0");
    assert.equal(ordersOf(...hosts), "w1: , w2: low/0-", "now it helps, also on the other host");
    hosts[1].obeys();
    assert.equal(ordersOf(...hosts), "w1: p/0, w2: p/1");
  });

  test("a gang that sits out a refusal evicts nothing until it is whole again", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("p", { ...inSlice, ...production, replicas: 2 });
    const others = aSlice(harness, "b", { hosts: 2 });
    harness.launch("low", { ...batch, replicas: 2, user: "bob" });
    harness.launch("peer", {
      ...production,
      user: "eve",
      constraints: [clause("slice", "=", "a")],
    });
    hosts[0].reports({ kind: "handedBack", label: "p/0", reason: "refused" });
    hosts[1].obeys();
    assert.equal(ordersOf(...hosts, ...others), "w1: peer/0, w2: , w3: low/0, w4: low/1");
    harness.after(1_100);
    assert.equal(ordersOf(...hosts, ...others), "w1: peer/0, w2: , w3: low/0-, w4: low/1-");
  });

  test("a gang of production that stops evicts nothing for itself", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("p", { ...inSlice, ...production, replicas: 2, maxRetriesFailure: 1 });
    runGang("p", hosts);
    const others = aSlice(harness, "b", { hosts: 2 });
    harness.launch("low", { ...batch, replicas: 2, user: "bob" });
    hosts[0].fails("p/0");
    harness.after(2_000);
    assert.equal(ordersOf(...hosts, ...others), "w1: , w2: p/1-, w3: low/0, w4: low/1");
    hosts[1].obeys();
    assert.equal(ordersOf(...hosts), "w1: p/0, w2: p/1");
  });
});

for (const from of ["facts", "snapshot"] as const) {
  test(`a restart from ${from} while a victim stops keeps its place for the beneficiary`, () => {
    const { harness, worker } = aFullWorker();
    harness.launch("p", production);
    harness.launch("thief", { ...production, user: "eve" });
    harness.restarts(from);
    const lines = worker.connects();
    assert.deepEqual(lines, ["w1 < stop low/0"], "the stop may have been lost");
    assert.equal(harness.usedBy(worker).cpu, 1000);
    worker.obeys();
    assert.equal(worker.orders, "p/0");
    assert.equal(chargesOf(harness, "low", "bob"), "0/1");
  });
}
