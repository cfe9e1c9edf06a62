/**
 * Attempts that wait for tasks of their own: their slot and their CPU are not charged meanwhile.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, rejoined, yielded } from "../../test/support/fake-worker.ts";

/** One slot, which `parent` has and yields. */
function aWaitingParent() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  client.submits({ parent: {} });
  worker.starts("parent");
  worker.reports(yielded("parent"));
  return { harness, client, worker };
}

describe("what has yielded", () => {
  test("holds neither slot nor CPU, and others get them", () => {
    const { harness, client, worker } = aWaitingParent();
    assert.deepEqual(harness.usedBy(worker), {});
    client.submits({ child: {} });
    assert.equal(worker.orders, "parent~ child");
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    assert.equal(harness.stateOf("parent"), "RUNNING");
  });

  test("has them again at once, beyond what there is, and nothing new is placed until then", () => {
    const { harness, client, worker } = aWaitingParent();
    client.submits({ child: {}, next: {} });
    worker.reports(rejoined("parent"));
    assert.deepEqual(harness.usedBy(worker), { cpu: 2000, slots: 2 });
    worker.reports(finished("child"));
    assert.equal(worker.orders, "parent+ (next)", "its place is the parent's again");
    worker.reports(finished("parent"));
    assert.equal(worker.orders, "next");
  });

  test("gives back what it held when it ends, also if it never goes on", () => {
    const { harness, client, worker } = aWaitingParent();
    client.submits({ child: {} });
    worker.fails("parent");
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.reports(finished("child"));
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("is known again from an inventory, as is that it goes on", () => {
    const { harness, worker } = aWaitingParent();
    worker.disconnects();
    worker.attemptOf("parent").phase = 1;
    worker.connects();
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
    worker.disconnects();
    worker.attemptOf("parent").phase = 3;
    worker.connects();
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("stays so over a restart of the controller", () => {
    const { harness, client, worker } = aWaitingParent();
    harness.restarts();
    worker.connects();
    assert.deepEqual(harness.usedBy(worker), {});
    client.connects();
    client.submits({ child: {} });
    assert.equal(worker.orders, "parent~ child");
  });

  test("hands its grant to no other attempt of its task", () => {
    const { harness, client, worker } = aWaitingParent();
    client.cancels(["parent"]);
    client.retries("parent");
    assert.equal(worker.orders, "parent-", "the next one waits until it has ended");
    worker.obeys();
    assert.equal(worker.orders, "parent");
    assert.deepEqual(harness.usedBy(worker), { cpu: 1000, slots: 1 });
  });

  test("is told of by why", () => {
    const { harness } = aWaitingParent();
    const { summary } = harness.call("Explain", { id: "/ann/graph-1/0" }) as { summary: string };
    assert.match(summary, /waits there for tasks that it submitted: its slot and its CPU are free/);
  });
});
