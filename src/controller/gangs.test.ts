/**
 * Gangs: together or not at all, from the first placement to the last confirmed stop.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import { type FakeWorker, handedBack } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  causesOf,
  chargesOf,
  keptWorkers,
  obeyAll,
  ordersOf,
  runGang,
  why,
} from "../../test/support/job-builders.ts";

const inSlice = { groupBy: "slice" } as const;

/** A gang `g` that runs on one slice, a host for each member. */
function aRunningGang(options: JobOverrides & { readonly replicas: number }) {
  const harness = new ControllerHarness();
  const hosts = aSlice(harness, "a", { hosts: options.replicas });
  harness.launch("g", { ...inSlice, ...options });
  runGang("g", hosts);
  return { harness, hosts };
}

describe("a gang that is placed", () => {
  test("goes whole to one group, its tasks in the order of the hosts", () => {
    const harness = new ControllerHarness();
    aSlice(harness, "small", { hosts: 1 });
    for (const host of ["2", "0", "1"]) {
      harness.aWorker({ attributes: { slice: "big", "tpu-worker-id": host } });
    }
    const lines = harness.launch("g", { ...inSlice, replicas: 3 });
    assert.deepEqual(lines.slice(1), ["w3 < compute g/0", "w4 < compute g/1", "w2 < compute g/2"]);
    assert.equal(harness.workers[0].orders, "");
  });

  test("takes no worker while no group has enough free ones", () => {
    const harness = new ControllerHarness();
    const hosts = [...aSlice(harness, "a", { hosts: 2 }), ...aSlice(harness, "b", { hosts: 1 })];
    harness.launch("solo");
    harness.launch("g", { ...inSlice, replicas: 2 });
    assert.equal(ordersOf(...hosts), "w1: solo/0, w2: , w3: ");
    hosts[0].finishes("solo/0");
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1, w3: ");
  });

  test("never uses workers without the attribute", () => {
    const harness = new ControllerHarness();
    const plain = [harness.aWorker(), harness.aWorker()];
    harness.launch("g", { ...inSlice, replicas: 2 });
    assert.equal(ordersOf(...plain), "w1: , w2: ");
    assert.deepEqual(
      why(harness, "g/0").reasons.map(({ code }) => code),
      ["GANG_NO_ATTRIBUTE"],
    );
  });

  test("does not book what another gang has", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("h", { ...inSlice, replicas: 2, user: "bob" });
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    runGang("g", hosts);
    hosts[0].finishes("g/0");
    assert.equal(ordersOf(...hosts), "w1: , w2: g/1+", "a half of the slice is not enough");
    hosts[1].finishes("g/1");
    assert.equal(ordersOf(...hosts), "w1: h/0, w2: h/1");
  });

  test("shares a host with other work, but never with itself", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2, slots: 4 });
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("h", { ...inSlice, replicas: 2 });
    assert.equal(ordersOf(...hosts), "w1: g/0 h/0, w2: g/1 h/1");
  });
});

/** How long it takes until this is so, to a tenth of a second; fails after two minutes. */
function msUntil(harness: ControllerHarness, isSo: () => boolean): number {
  for (let ms = 0; ms <= 120_000; ms += 100) {
    if (isSo()) return ms;
    harness.after(100);
  }
  return assert.fail("it never came to that");
}

describe("a gang starts in two steps", () => {
  test("all members are told to start when the last is prepared, with every address", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 2 });
    assert.deepEqual(w2.prepares("g/1"), []);
    assert.deepEqual(w1.prepares("g/0"), [
      "w1 < start-gang g/0 of w1 w2",
      "w2 < start-gang g/1 of w1 w2",
    ]);
  });

  test("a refusal returns all of them, uncharged, and each one makes the next wait longer", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 2 });
    for (const waitMs of [1_000, 2_000, 4_000]) {
      hosts[0].prepares("g/0");
      hosts[1].reports(handedBack("g/1", { reason: "refused" }));
      obeyAll(hosts);
      assert.equal(ordersOf(...hosts), "w1: , w2: ");
      assertAllFree(harness);
      assert.equal(keptWorkers(harness), "", "meanwhile others may use its hosts");
      harness.after(waitMs - 100);
      assert.equal(ordersOf(...hosts), "w1: , w2: ", `not before ${waitMs} ms`);
      harness.after(200);
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1", `after ${waitMs} ms`);
    }
    assert.equal(chargesOf(harness, "g"), "0/0");
  });

  test("a member that is not prepared within a minute returns all, uncharged, then slower", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 2 });
    for (const waitMs of [1_000, 2_000]) {
      hosts[0].prepares("g/0");
      const lateMs = msUntil(harness, () => hosts[1].orders === "g/1-");
      assert.ok(lateMs >= 60_000 && lateMs <= 60_700, `returned after ${lateMs} ms`);
      assert.equal(hosts[0].orders, "g/0-");
      obeyAll(hosts);
      assertAllFree(harness);
      const delayMs = msUntil(harness, () => ordersOf(...hosts) === "w1: g/0, w2: g/1");
      assert.ok(Math.abs(delayMs - waitMs) <= 200, `again after ${delayMs} ms`);
    }
    assert.deepEqual(causesOf(harness, "g/0"), ["gang-returned", "gang-returned", null]);
    assert.equal(chargesOf(harness, "g"), "0/0");
  });

  test("what runs is left alone, however long it does", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    harness.after(130_000);
    assert.equal(ordersOf(...hosts), "w1: g/0+, w2: g/1+");
    hosts[1].finishes("g/1");
    harness.after(70_000);
    assert.equal(ordersOf(...hosts), "w1: g/0+, w2: ");
  });

  test("what says that it is prepared and is of no gang changes nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.aClient().submits({ a: {} });
    harness.launch("one");
    const { length } = harness.facts;
    assert.deepEqual(worker.prepares("a", "one/0"), []);
    assert.equal(harness.facts.length, length);
  });

  test("a round that runs ends the row of returned ones", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { ...inSlice, replicas: 2, maxRetriesFailure: 1 });
    hosts[0].reports(handedBack("g/0", { reason: "refused" }));
    obeyAll(hosts);
    harness.after(1_100);
    runGang("g", hosts);
    hosts[0].fails("g/0");
    obeyAll(hosts);
    hosts[0].reports(handedBack("g/0", { reason: "refused" }));
    obeyAll(hosts);
    harness.after(1_100);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1", "a second again, and not two");
  });
});

describe("a member of a gang that ends for good", () => {
  test("by failing ends its siblings at no charge, and their capacity when they have ended", () => {
    const { harness, hosts } = aRunningGang({ replicas: 3 });
    hosts[1].fails("g/1");
    assert.equal(harness.statesOf("g/0", "g/1", "g/2"), "COSCHED_FAILED, FAILED, COSCHED_FAILED");
    assert.equal(harness.jobState("g"), "FAILED");
    const sibling = harness.state.failures.get(harness.rowOf("g/2"));
    assert.equal(sibling?.blame, "/ann/g/1");
    assert.match(sibling.message, /^another task of its gang ended: g: RangeError: out of range$/);
    assert.equal(ordersOf(...hosts), "w1: g/0-, w2: , w3: g/2-");
    assert.deepEqual(
      hosts.map((host) => harness.usedBy(host).cpu ?? 0),
      [1000, 0, 1000],
    );
    obeyAll(hosts);
    assertAllFree(harness);
    assert.equal(chargesOf(harness, "g"), "1/0");
    assert.deepEqual(causesOf(harness, "g/0"), ["cosched-failed"]);
    harness.launch("next", { ...inSlice, replicas: 3 });
    assert.equal(ordersOf(...hosts), "w1: next/0, w2: next/1, w3: next/2");
  });

  test("by its timeout ends its siblings, and is not tried again", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 5 });
    hosts[0].fails("g/0", { cause: "timeout" });
    assert.equal(harness.statesOf("g/0", "g/1"), "FAILED, COSCHED_FAILED");
    obeyAll(hosts);
    assertAllFree(harness);
  });

  test("by preemption past its budget is PREEMPTED, and its sibling COSCHED_FAILED", () => {
    const { harness, hosts } = aRunningGang({
      replicas: 2,
      band: "batch",
      maxRetriesPreemption: 0,
    });
    harness.launch("p", { band: "production" });
    assert.equal(harness.statesOf("g/0", "g/1"), "PREEMPTED, COSCHED_FAILED");
    assert.equal(harness.jobState("g"), "WORKER_FAILED");
    assert.equal(harness.stateOf("p/0"), "PENDING queued", "both still run");
    obeyAll(hosts);
    assert.equal(harness.stateOf("p/0"), "ASSIGNED");
  });

  test("by its worker's death past its budget is WORKER_FAILED, and its sibling follows", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesPreemption: 0 });
    hosts[1].exits();
    assert.equal(harness.statesOf("g/0", "g/1"), "COSCHED_FAILED, WORKER_FAILED");
    obeyAll(hosts);
    assertAllFree(harness);
  });

  test("because nobody could place it is UNSCHEDULABLE with all others", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 1 });
    harness.launch("g", { ...inSlice, replicas: 2, schedulingTimeoutMs: 2_000 });
    harness.after(2_100);
    assert.equal(harness.statesOf("g/0", "g/1"), "UNSCHEDULABLE, UNSCHEDULABLE");
    assert.equal(harness.jobState("g"), "UNSCHEDULABLE");
    assert.equal(ordersOf(...hosts), "w1: ");
  });

  test("by a cancel is KILLED with all others, once", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    const lines = harness.cancel("/ann/g");
    assert.deepEqual(lines.filter((line) => line.includes("stop")).sort(), [
      "w1 < stop g/0",
      "w2 < stop g/1",
    ]);
    assert.equal(harness.statesOf("g/0", "g/1"), "KILLED, KILLED");
    obeyAll(hosts);
    assertAllFree(harness);
    assert.equal(chargesOf(harness, "g"), "0/0");
  });

  test("leaves alone what its sibling reports late", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    hosts[0].fails("g/0");
    hosts[1].starts("g/1");
    hosts[1].finishes("g/1");
    hosts[1].finishes("g/1");
    assert.equal(harness.statesOf("g/0", "g/1"), "FAILED, COSCHED_FAILED");
    assertAllFree(harness);
  });
});

describe("a gang whose member may be tried again", () => {
  test("bounces whole, and only who failed is charged", () => {
    const { harness, hosts } = aRunningGang({ replicas: 3, maxRetriesFailure: 1 });
    hosts[1].fails("g/1");
    assert.equal(
      harness.statesOf("g/0", "g/1", "g/2"),
      "PENDING held, PENDING queued, PENDING held",
    );
    assert.equal(harness.jobState("g"), "RUNNING", "it has started once");
    hosts[0].obeys();
    assert.equal(ordersOf(...hosts), "w1: , w2: , w3: g/2-", "not before all have stopped");
    hosts[2].obeys();
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1, w3: g/2");
    assert.equal(chargesOf(harness, "g"), "1/0");
    assert.deepEqual(causesOf(harness, "g/0"), ["cosched-failed", null]);
    assert.deepEqual(causesOf(harness, "g/1"), ["failed", null]);
  });

  test("has as many rounds as its budget, whichever member fails", () => {
    const { harness, hosts } = aRunningGang({ replicas: 3, maxRetriesFailure: 2 });
    for (const index of [0, 1]) {
      hosts[index].fails(`g/${index}`);
      obeyAll(hosts);
      runGang("g", hosts);
    }
    hosts[2].fails("g/2");
    assert.equal(harness.jobState("g"), "FAILED");
    assert.equal(chargesOf(harness, "g"), "3/0");
    obeyAll(hosts);
    assertAllFree(harness);
  });

  test("bounces whole when a worker dies, charged as one loss", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    hosts[1].exits();
    assert.equal(harness.statesOf("g/0", "g/1"), "PENDING held, PENDING queued");
    assert.equal(chargesOf(harness, "g"), "0/1");
    hosts[0].obeys();
    assert.equal(ordersOf(...hosts), "w1: , w2: ", "half a slice is no place");
    hosts[1].connects();
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });

  test("bounces whole when it is preempted, charged as one loss", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, band: "batch" });
    harness.launch("p", { band: "production" });
    assert.equal(harness.statesOf("g/0", "g/1"), "PENDING held, PENDING held");
    obeyAll(hosts);
    assert.equal(chargesOf(harness, "g"), "0/1");
    const causes = [causesOf(harness, "g/0"), causesOf(harness, "g/1")].flat().sort();
    assert.deepEqual(causes, ["cosched-failed", "preempted"], "one gave way, the other followed");
    assert.equal(harness.stateOf("p/0"), "ASSIGNED");
    const host = hosts.find(({ orders }) => orders === "p/0") ?? assert.fail("p is nowhere");
    host.finishes("p/0");
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });

  test("bounces whole when a member is killed from outside, charged as one loss", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    hosts[0].fails("g/0", { cause: "killed" });
    obeyAll(hosts);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    assert.equal(chargesOf(harness, "g"), "0/1");
  });

  test("is charged a loss for a member that failed because another's worker was silent", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    hosts[1].disconnects();
    hosts[0].fails("g/0");
    assert.equal(harness.jobState("g"), "RUNNING");
    assert.equal(chargesOf(harness, "g"), "0/1");
  });

  test("starts again with the members that had succeeded", () => {
    const { harness, hosts } = aRunningGang({ replicas: 3, maxRetriesFailure: 1 });
    hosts[0].finishes("g/0");
    hosts[1].fails("g/1");
    obeyAll(hosts);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1, w3: g/2");
    runGang("g", hosts);
    for (const [index, host] of hosts.entries()) host.finishes(`g/${index}`);
    assert.equal(harness.jobState("g"), "SUCCEEDED");
    assertAllFree(harness);
  });

  test("is moved from a worker that is drained, uncharged", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2 });
    const others = aSlice(harness, "b", { hosts: 2 });
    const drain = { type: "drain-worker", workerId: "w1", drain: true, deadlineMs: 1_000 } as const;
    harness.asks(drain);
    harness.after(1_100);
    obeyAll(hosts);
    assert.equal(ordersOf(...hosts, ...others), "w1: , w2: , w3: g/0, w4: g/1");
    assert.equal(chargesOf(harness, "g"), "0/0");
  });
});

describe("two ends in one gang", () => {
  const failing = (first: number, second: number) => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 1 });
    hosts[first].fails(`g/${first}`);
    hosts[second].fails(`g/${second}`);
    return { harness, hosts };
  };

  test("are charged once, whichever comes first", () => {
    for (const [first, second] of [
      [0, 1],
      [1, 0],
    ]) {
      const { harness, hosts } = failing(first, second);
      assert.equal(chargesOf(harness, "g"), "1/0");
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    }
  });

  test("by two workers that are lost at once are one loss", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesPreemption: 1 });
    harness.after(12_000, { silent: true });
    assert.deepEqual(
      harness.state.workers.map(({ lost }) => lost),
      [true, true],
    );
    assert.equal(chargesOf(harness, "g"), "0/1");
    for (const host of hosts) {
      host.connected = false;
      host.restarts();
    }
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });
});

describe("a bounced gang", () => {
  test("keeps all its hosts from a stream of small tasks, that of who failed as well", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 3 });
    harness.launch("small", { replicas: 20, user: "bob" });
    for (const index of [0, 1, 0]) {
      hosts[index].fails(`g/${index}`);
      assert.equal(keptWorkers(harness), "w1 w2");
      obeyAll(hosts);
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
      runGang("g", hosts);
    }
    assert.equal(keptWorkers(harness), "", "nothing is kept for a gang that runs");
  });

  test("keeps the host on which a member still stops, not that of an older round", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 3 });
    const others = aSlice(harness, "b", { hosts: 2 });
    harness.asks({ type: "cordon-worker", workerId: "w1", cordon: true });
    hosts[0].fails("g/0");
    obeyAll(hosts);
    assert.equal(ordersOf(...others), "w3: g/0, w4: g/1");
    runGang("g", others);
    harness.launch("small", { replicas: 20, user: "bob" });
    others[0].fails("g/0");
    assert.equal(keptWorkers(harness), "w3 w4");
    harness.cancel("/ann/small");
  });

  test("keeps no like gang from its place while it waits in pieces", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 1 });
    const others = aSlice(harness, "b", { hosts: 2 });
    harness.launch("small", { replicas: 2, user: "bob" });
    harness.launch("h", { ...inSlice, replicas: 2 });
    assert.equal(ordersOf(...others), "w3: small/0, w4: small/1");
    harness.after(10_500);
    assert.equal(keptWorkers(harness), "", "h has held for long enough");
    hosts[1].fails("g/1");
    assert.equal(harness.statesOf("g/0", "g/1"), "PENDING held, PENDING queued");
    for (const [index, host] of others.entries()) host.finishes(`small/${index}`);
    assert.equal(ordersOf(...others), "w3: h/0, w4: h/1");
  });

  test("lets go of them after a while if it does not come", () => {
    const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 1 });
    harness.launch("small", { replicas: 4, user: "bob" });
    hosts[0].fails("g/0");
    harness.after(29_000);
    assert.equal(ordersOf(...hosts), "w1: , w2: g/1-");
    harness.after(2_000);
    assert.equal(hosts[0].orders, "small/0");
  });
});

/** Two hosts of a slice, each with a small job that runs, more of them in line, and a gang. */
function aStarvedGang(small: JobOverrides = {}) {
  const harness = new ControllerHarness();
  const hosts = aSlice(harness, "a", { hosts: 2 });
  harness.launch("small", { replicas: 40, user: "bob", ...small });
  harness.launch("g", { ...inSlice, replicas: 2 });
  return { harness, hosts };
}

function finishWhatRuns(host: FakeWorker): void {
  for (const { label, granted } of [...host.attempts.values()]) if (granted) host.finishes(label);
}

describe("a gang that waits", () => {
  test("keeps what comes free in a group, so that small tasks cannot starve it", () => {
    const { hosts } = aStarvedGang();
    finishWhatRuns(hosts[0]);
    assert.equal(ordersOf(...hosts), "w1: , w2: small/1");
    finishWhatRuns(hosts[1]);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
  });

  test("holds for 10 s, lets others pass for 10 s, and holds for twice as long", () => {
    const { harness, hosts } = aStarvedGang();
    harness.after(9_000);
    assert.equal(keptWorkers(harness), "w1 w2");
    harness.after(1_500);
    assert.equal(keptWorkers(harness), "");
    finishWhatRuns(hosts[0]);
    assert.match(hosts[0].orders, /^small/, "others get their turn");
    harness.after(8_500);
    assert.equal(keptWorkers(harness), "");
    harness.after(2_500);
    assert.equal(keptWorkers(harness), "w1 w2");
    harness.after(17_000);
    assert.equal(keptWorkers(harness), "w1 w2", "20 s this time");
    harness.after(4_000);
    assert.equal(keptWorkers(harness), "");
  });

  test("lets in only what certainly ends before it could begin", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("long", { timeoutMs: 600_000, constraints: [onHost("w2")] });
    hosts[1].starts("long/0");
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("endless", { user: "bob" });
    harness.launch("slow", { user: "bob", timeoutMs: 700_000 });
    assert.equal(ordersOf(...hosts), "w1: , w2: long/0+", "nothing is proved of either");
    harness.launch("quick", { user: "bob", timeoutMs: 60_000 });
    assert.equal(ordersOf(...hosts), "w1: quick/0, w2: long/0+");
  });

  test("leaves a group to the gang that was there first", () => {
    const harness = new ControllerHarness();
    const a = aSlice(harness, "a", { hosts: 2 });
    const b = aSlice(harness, "b", { hosts: 2 });
    harness.launch("small", { replicas: 4, user: "bob" });
    harness.launch("g", { ...inSlice, replicas: 2 });
    harness.launch("h", { ...inSlice, replicas: 2 });
    harness.launch("more", { replicas: 9, user: "bob" });
    for (const host of [...a, ...b]) finishWhatRuns(host);
    assert.equal(ordersOf(...a, ...b), "w1: g/0, w2: g/1, w3: h/0, w4: h/1");
  });

  test("holds nothing any more when it was cancelled", () => {
    const { harness, hosts } = aStarvedGang();
    finishWhatRuns(hosts[0]);
    harness.cancel("/ann/g");
    assert.equal(keptWorkers(harness), "");
    assert.match(hosts[0].orders, /^small\/2 /);
  });
});

function onHost(workerId: string) {
  return { key: "worker-id", op: "=", values: [workerId], mode: "REQUIRED" } as const;
}

for (const from of ["facts", "snapshot"] as const) {
  describe(`a restart from ${from}`, () => {
    test("while a gang is prepared forgets no member, and starts it whole", () => {
      const harness = new ControllerHarness();
      const hosts = aSlice(harness, "a", { hosts: 2 });
      harness.launch("g", { ...inSlice, replicas: 2 });
      hosts[0].prepares("g/0");
      harness.restarts(from);
      for (const host of hosts) host.connects();
      assert.deepEqual(hosts[1].prepares("g/1"), [
        "w1 < start-gang g/0 of w1 w2",
        "w2 < start-gang g/1 of w1 w2",
      ]);
      for (const [index, host] of hosts.entries()) {
        host.starts(`g/${index}`);
        host.finishes(`g/${index}`);
      }
      assert.equal(harness.jobState("g"), "SUCCEEDED");
      assertAllFree(harness);
    });

    test("in the middle of a start tells whoever does not run yet, not who has ended", () => {
      const harness = new ControllerHarness();
      const hosts = aSlice(harness, "a", { hosts: 2 });
      harness.launch("g", { ...inSlice, replicas: 2 });
      hosts[0].prepares("g/0");
      hosts[1].prepares("g/1");
      harness.restarts(from);
      for (const host of hosts) host.connects();
      hosts[0].finishes("g/0");
      assert.deepEqual(hosts[1].prepares("g/1"), ["w2 < start-gang g/1 of w1 w2"]);
      hosts[1].finishes("g/1");
      assert.equal(harness.jobState("g"), "SUCCEEDED");
    });

    test("while a gang runs disturbs no member", () => {
      const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 1 });
      const before = hosts.map((host) => [...host.attempts.keys()]);
      harness.restarts(from);
      for (const host of hosts) host.connects();
      assert.deepEqual(
        hosts.map((host) => [...host.attempts.keys()]),
        before,
      );
      assert.equal(ordersOf(...hosts), "w1: g/0+, w2: g/1+");
      assert.equal(harness.usedBy(hosts[0]).cpu, 1000);
      hosts[0].fails("g/0");
      obeyAll(hosts);
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
      assert.equal(chargesOf(harness, "g"), "1/0");
    });

    test("while a bounced gang stops keeps its hosts for it", () => {
      const { harness, hosts } = aRunningGang({ replicas: 2, maxRetriesFailure: 1 });
      harness.launch("small", { replicas: 9, user: "bob" });
      hosts[0].fails("g/0");
      harness.restarts(from);
      for (const host of hosts) host.connects();
      assert.equal(ordersOf(...hosts), "w1: , w2: g/1-");
      hosts[1].obeys();
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    });

    test("while a gang holds what is free keeps it from small tasks", () => {
      const { harness, hosts } = aStarvedGang();
      finishWhatRuns(hosts[0]);
      harness.restarts(from);
      for (const host of hosts) host.connects();
      assert.equal(ordersOf(...hosts), "w1: , w2: small/1");
      finishWhatRuns(hosts[1]);
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    });
  });
}
