/**
 * A worker that leaves on purpose: what only it holds is copied first, and then it may go.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FakeWorker } from "../../test/support/fake-worker.ts";
import { have, notCopied } from "../../test/support/fake-worker.ts";
import { copyOrdersMax } from "./limits.ts";

/** Workers of which the first holds `a`, and takes nothing new while it is `closed`. */
function aValueOn1(count: number) {
  const harness = new ControllerHarness();
  const first = harness.aWorker();
  const client = harness.aClient();
  client.submits({ a: {} });
  first.finishes("a");
  for (let i = 1; i < count; i++) harness.aWorker();
  const [w1, w2, w3] = harness.workers;
  return { harness, client, w1, w2, w3 };
}

function reasonOf(harness: ControllerHarness, { index }: FakeWorker): string {
  const { workers } = harness.call("ListWorkers") as { workers: { stateReason: string }[] };
  return workers[index].stateReason;
}

describe("a worker that leaves on purpose", () => {
  test("may go when others have what only it held, and says meanwhile what it waits for", () => {
    const { harness, w1, w2 } = aValueOn1(2);
    assert.deepEqual(w1.empties(10_000), ["w2 < copy a from w1"]);
    harness.after(2_000);
    const left = /^it is leaving: 1 value \(10 B\) is nowhere else; it waits at most 8s$/;
    assert.match(reasonOf(harness, w1), left);
    assert.deepEqual(w2.reports(have("a")), ["w1 < emptied, 0 left"]);
    assert.equal(reasonOf(harness, w1), "it is leaving");
    assert.deepEqual(harness.after(5_000), [], "it is told once");
  });

  test("gets no new work, and goes on with what it runs", () => {
    const { client, w1, w2 } = aValueOn1(2);
    client.submits({ b: {}, c: {} });
    w1.empties();
    client.submits({ d: {}, e: {} });
    assert.equal(w1.orders.includes("d") || w1.orders.includes("e"), false);
    w1.finishes(w1.orders);
    assert.equal(w1.orders, "");
    assert.notEqual(w2.orders, "");
  });

  test("may go at once where nobody can take what it holds, and is told how much that is", () => {
    const { harness, w1, w2 } = aValueOn1(2);
    harness.asks({ type: "cordon-worker", workerId: w2.workerId, cordon: true });
    assert.deepEqual(w1.empties(), ["w1 < emptied, 1 left"]);
  });

  test("does not wait for copies of what others hold", () => {
    const { harness, client, w1, w2, w3 } = aValueOn1(3);
    const cordons = (workerId: string, cordon: boolean) =>
      harness.asks({ type: "cordon-worker", workerId, cordon });
    for (const { workerId } of [w1, w3]) cordons(workerId, true);
    client.submits({ b: {} });
    w2.finishes("b");
    cordons(w3.workerId, false);
    client.releases("a");
    assert.deepEqual(client.replicates(2, "b"), ["c1 < accepted 3", "w3 < copy b from w2"]);
    assert.deepEqual(w1.empties(), ["w1 < emptied, 0 left"]);
  });

  test("waits while those that could take its values are busy with others", () => {
    const { harness, client, w1, w2, w3 } = aValueOn1(2);
    assert.equal(w3, undefined);
    const source = harness.aWorker({ slots: copyOrdersMax });
    const labels = Array.from({ length: copyOrdersMax }, (_, i) => `b${i}`);
    harness.asks({ type: "cordon-worker", workerId: w2.workerId, cordon: true });
    harness.asks({ type: "cordon-worker", workerId: w1.workerId, cordon: true });
    client.submits(Object.fromEntries(labels.map((label) => [label, {}])));
    source.finishes(...labels);
    harness.asks({ type: "cordon-worker", workerId: w2.workerId, cordon: false });
    harness.asks({ type: "cordon-worker", workerId: source.workerId, cordon: true });
    client.replicates(2, ...labels);
    assert.equal(harness.state.copies.orders.get(w2.index)?.size, copyOrdersMax);
    assert.deepEqual(w1.empties(), []);
    assert.deepEqual(w2.reports(have("b0")), ["w2 < copy a from w1"]);
    assert.deepEqual(w2.reports(have("a")), ["w1 < emptied, 0 left"]);
  });

  test("may go when nobody is left who has not tried", () => {
    const { w1, w2 } = aValueOn1(2);
    w1.empties();
    assert.deepEqual(w2.reports(notCopied("a")), ["w1 < emptied, 1 left"]);
  });

  test("is told when it is heard again, if it was away meanwhile", () => {
    const { w1, w2 } = aValueOn1(2);
    w1.empties();
    w1.disconnects();
    assert.deepEqual(w2.reports(have("a")), []);
    assert.ok(w1.connects().includes("w1 < emptied, 0 left"));
  });

  test("keeps the trouble that it has", () => {
    const { harness, w1 } = aValueOn1(2);
    w1.feels("no disk");
    w1.empties();
    assert.match(reasonOf(harness, w1), /^no disk: 1 value/);
  });

  test("is open again when it is started anew", () => {
    const { harness, client, w1, w2 } = aValueOn1(2);
    w1.empties();
    w2.reports(have("a"));
    w1.exits();
    w1.connects();
    client.submits({ b: {}, c: {} });
    assert.notEqual(w1.orders, "");
    assert.equal(reasonOf(harness, w1), "");
  });
});
