/**
 * What outlives its agent: it goes on uncharged if the next agent proves it, and has ended if not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import type { FakeWorker } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  causesOf,
  chargesOf,
  clause,
  obeyAll,
  ordersOf,
  runGang,
} from "../../test/support/job-builders.ts";

/** The agent ends, its launcher lives on. */
function agentDies(worker: FakeWorker): void {
  worker.exits("SIGKILL", { launcherLives: true });
  worker.connected = false;
}

function aRunningJob(options: JobOverrides = {}) {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 4 });
  harness.launch("a", options);
  for (const { label } of [...worker.attempts.values()]) worker.starts(label);
  return { harness, worker };
}

describe("a command that outlives its agent", () => {
  test("keeps its attempt and its grant, and is charged nothing", () => {
    const { harness, worker } = aRunningJob({ replicas: 2 });
    const ids = [...worker.attempts.keys()];
    agentDies(worker);
    assert.equal(harness.usedBy(worker).cpu, 2000);
    worker.adopts();
    assert.deepEqual([...worker.attempts.keys()], ids);
    assert.equal(harness.usedBy(worker).cpu, 2000);
    assert.equal(chargesOf(harness, "a"), "0/0");
    worker.finishes("a/0", "a/1");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
    assertAllFree(harness);
  });

  test("is told of, and is not what other workers run", () => {
    const { harness, worker } = aRunningJob({ replicas: 2 });
    const other = harness.aWorker();
    harness.launch("b", { constraints: [clause("worker-id", "=", "w2")] });
    other.starts("b/0");
    agentDies(worker);
    worker.adopts();
    const { events } = harness.call("ListEvents") as {
      events: { type: string; message: string }[];
    };
    assert.deepEqual(
      events.filter(({ type }) => type === "worker-adopted").map(({ message }) => message),
      ["pid 7 at w1:1 took over 2 attempts"],
    );
    assert.equal(harness.usedBy(other).cpu, 1000);
  });

  test("that the next agent does not have has ended, charged as a loss", () => {
    const { harness, worker } = aRunningJob({ replicas: 2 });
    agentDies(worker);
    const [first] = worker.attempts.keys();
    worker.attempts.delete(first);
    worker.adopts();
    assert.equal(worker.orders, "a/1+ a/0");
    assert.equal(chargesOf(harness, "a"), "0/1");
    assert.deepEqual(causesOf(harness, "a/0"), ["worker-lost", null]);
    assert.equal(harness.usedBy(worker).cpu, 2000);
  });

  test("but finds no new agent in time is lost with its worker", () => {
    const { harness, worker } = aRunningJob();
    const other = harness.aWorker();
    agentDies(worker);
    harness.after(8_000);
    assert.equal(harness.stateOf("a/0"), "RUNNING");
    harness.after(4_000);
    assert.equal(other.orders, "a/0");
    assert.equal(chargesOf(harness, "a"), "0/1");
  });

  test("and comes back after it was declared lost is stopped, and carries no phantom", () => {
    const { harness, worker } = aRunningJob();
    const other = harness.aWorker();
    agentDies(worker);
    harness.after(12_000);
    assert.equal(other.orders, "a/0");
    const lines = worker.adopts();
    assert.deepEqual(lines, ["w1 < stop a/0"]);
    assert.deepEqual(harness.usedBy(worker), {});
    worker.obeys();
    other.finishes("a/0");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
    assertAllFree(harness);
  });

  test("and was told to stop meanwhile is told again, and pays until it has ended", () => {
    const { harness, worker } = aRunningJob();
    agentDies(worker);
    harness.cancel("/ann/a");
    assert.deepEqual(worker.adopts(), ["w1 < stop a/0"]);
    assert.equal(harness.usedBy(worker).cpu, 1000);
    worker.obeys();
    assertAllFree(harness);
    assert.equal(harness.jobState("a"), "KILLED");
  });

  test("goes on over the end of several agents", () => {
    const { harness, worker } = aRunningJob();
    for (let i = 0; i < 3; i++) {
      agentDies(worker);
      worker.adopts();
    }
    worker.finishes("a/0");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
    assert.equal(chargesOf(harness, "a"), "0/0");
  });

  test("before it had started goes on as well", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    agentDies(worker);
    worker.adopts();
    assert.equal(worker.orders, "a/0");
    worker.starts("a/0");
    worker.finishes("a/0");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
  });
});

describe("a member of a gang that outlives its agent", () => {
  const aRunningGang = () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2 });
    harness.launch("g", { replicas: 2, groupBy: "slice" });
    runGang("g", hosts);
    return { harness, hosts };
  };

  test("disturbs no sibling", () => {
    const { harness, hosts } = aRunningGang();
    agentDies(hosts[1]);
    hosts[1].adopts();
    assert.equal(ordersOf(...hosts), "w1: g/0+, w2: g/1+");
    for (const [index, host] of hosts.entries()) host.finishes(`g/${index}`);
    assert.equal(harness.jobState("g"), "SUCCEEDED");
    assert.equal(chargesOf(harness, "g"), "0/0");
  });

  test("but is not proved bounces the gang whole, charged once", () => {
    const { harness, hosts } = aRunningGang();
    agentDies(hosts[1]);
    hosts[1].attempts.clear();
    hosts[1].adopts();
    assert.equal(ordersOf(...hosts), "w1: g/0-, w2: ");
    obeyAll(hosts);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    assert.equal(chargesOf(harness, "g"), "0/1");
  });
});

test("a function does not outlive its agent", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  const client = harness.aClient();
  client.submits({ f: {} });
  worker.starts("f");
  agentDies(worker);
  assert.equal(harness.stateOf("f"), "PENDING queued");
  assertAllFree(harness);
});

test("a worker that registers again with nothing has nothing", () => {
  const { harness, worker } = aRunningJob({ replicas: 2 });
  worker.disconnects();
  worker.restarts();
  assert.equal(harness.usedBy(worker).cpu, 2000, "only what it was just ordered");
  assert.equal(worker.orders, "a/0 a/1");
  assert.equal(chargesOf(harness, "a"), "0/2");
});

for (const from of ["facts", "snapshot"] as const) {
  test(`a restart from ${from} while an agent is away does not lose what it left`, () => {
    const { harness, worker } = aRunningJob();
    agentDies(worker);
    harness.restarts(from);
    worker.adopts();
    assert.equal(worker.orders, "a/0+");
    assert.equal(harness.usedBy(worker).cpu, 1000);
    worker.finishes("a/0");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
    assert.equal(chargesOf(harness, "a"), "0/0");
  });
}
