/**
 * Rebalance: values move from where most is held to where least is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, have, notCopied } from "../../test/support/fake-worker.ts";
import { clause } from "../../test/support/job-builders.ts";
import {
  copyOrdersMax,
  copyTriesMax,
  movedValueBytesMin,
  surplusLookUs,
  surplusRestUs,
} from "./limits.ts";

const restMs = (surplusRestUs + 2 * surplusLookUs) / 1_000;
const large = { value: null, sizeBytes: 100_000 } as const;

/** `w1` has the values `a`, `b`, …, and the workers after it have none. */
function aCluster(labels = "abcd", workerCount = 2) {
  const harness = new ControllerHarness();
  const first = harness.aWorker({ slots: 8 });
  const client = harness.aClient();
  client.submits(Object.fromEntries([...labels].map((label) => [label, {}])));
  first.reports(...[...labels].map((label) => finished(label, large)));
  for (let i = 1; i < workerCount; i++) harness.aWorker({ slots: 8 });
  return { harness, client, workers: harness.workers };
}

function rebalances(harness: ControllerHarness): { orders: string[]; valueCount: number } {
  const lines = harness.asks({ type: "rebalance-values" });
  const reply = lines.find((line) => line.startsWith("reply ")) ?? "reply {}";
  const { valueCount } = JSON.parse(reply.slice("reply ".length)) as { valueCount: number };
  return { orders: lines.filter((line) => !line.startsWith("reply ")), valueCount };
}

function heldBytes({ state }: ControllerHarness): number[] {
  return state.workers.map(({ heldValueBytes }) => heldValueBytes);
}

describe("a rebalance", () => {
  test("has whoever holds least copy, and drops the copy of whoever holds most", () => {
    const { harness, workers } = aCluster();
    const { orders, valueCount } = rebalances(harness);
    assert.deepEqual(orders, ["w2 < copy a from w1", "w2 < copy b from w1"]);
    assert.equal(valueCount, 2);
    workers[1].reports(have("a", large), have("b", large));
    assert.equal(harness.state.copies.needs.size + harness.state.copies.moving.size, 0);
    const dropped = harness.after(restMs).filter((line) => line.includes("forget"));
    assert.deepEqual(dropped, ["w1 < forget a b"]);
    assert.deepEqual(heldBytes(harness), [200_000, 200_000]);
    assert.deepEqual(rebalances(harness), { orders: [], valueCount: 0 }, "it is even now");
  });

  test("that is asked for again at once moves nothing twice", () => {
    const { harness, workers } = aCluster();
    rebalances(harness);
    assert.equal(rebalances(harness).valueCount, 0, "two are on their way");
    workers[1].reports(have("a", large));
    assert.equal(rebalances(harness).valueCount, 0, "one has not been dropped yet");
    workers[1].reports(have("b", large));
    assert.equal(rebalances(harness).valueCount, 0);
  });

  test("leaves small values, what is read, and what is wanted on several workers", () => {
    const { harness, client, workers } = aCluster("abc", 1);
    client.submits({ small: {} });
    workers[0].finishes("small");
    client.submits({
      reads: { on: ["a"], spec: { constraints: [clause("worker-id", "=", "w9")] } },
    });
    for (const _ of [2, 3]) harness.aWorker();
    client.replicates(2, "b");
    const { orders } = rebalances(harness);
    assert.deepEqual(orders, ["w2 < copy c from w1"]);
  });

  test("counts what is to move and was not ordered yet as if it had come to the emptiest", () => {
    const labels = Array.from({ length: 6 * copyOrdersMax }, (_, i) => `v${i}`);
    const harness = new ControllerHarness({ checks: false });
    const first = harness.aWorker({ slots: 8 });
    harness.aClient().submits(Object.fromEntries(labels.map((label) => [label, {}])));
    while (first.attempts.size > 0) {
      const running = [...first.attempts.values()].filter(({ granted }) => granted);
      first.reports(...running.map(({ label }) => finished(label, large)));
    }
    harness.aWorker();
    const { orders, valueCount } = rebalances(harness);
    assert.equal(valueCount, 3 * copyOrdersMax);
    assert.equal(orders.length, copyOrdersMax, "the others wait until some have come");
    assert.equal(rebalances(harness).valueCount, 0);
  });

  test("takes from nobody who has little more than the mean", () => {
    for (const [count, moved] of [
      [11, 0],
      [12, 2],
    ]) {
      const labels = "abcdefghijkl".slice(0, count);
      const { harness, workers, client } = aCluster(labels);
      const others = Array.from({ length: 20 - count }, (_, i) => `v${i}`);
      const there = { spec: { constraints: [clause("worker-id", "=", "w2")] } };
      client.submits(Object.fromEntries(others.map((label) => [label, there])));
      while (workers[1].attempts.size > 0) {
        const running = [...workers[1].attempts.values()].filter(({ granted }) => granted);
        workers[1].reports(...running.map(({ label }) => finished(label, large)));
      }
      assert.deepEqual(heldBytes(harness), [count * 100_000, (20 - count) * 100_000]);
      assert.equal(rebalances(harness).valueCount, moved, `${count} of 20`);
    }
  });

  test("moves what is large enough by a byte, and is held once", () => {
    const harness = new ControllerHarness();
    const w1 = harness.aWorker({ slots: 8 });
    harness.aClient().submits(Object.fromEntries([..."abcd"].map((label) => [label, {}])));
    const sized = (label: string, sizeBytes: number) => finished(label, { value: null, sizeBytes });
    const atLeast = movedValueBytesMin;
    w1.reports(sized("a", 3 * atLeast), sized("b", atLeast - 1));
    w1.reports(sized("c", atLeast), sized("d", atLeast));
    const w2 = harness.aWorker();
    w2.reports(have("a", { value: null, sizeBytes: 3 * atLeast }));
    harness.aWorker();
    const { orders } = rebalances(harness);
    assert.deepEqual(orders, ["w3 < copy c from w1"], "then w1 has no more than the mean");
  });

  test("counts what it moves, how much that is, and from how many workers", () => {
    const { harness } = aCluster("abcd", 3);
    const lines = harness.asks({ type: "rebalance-values" });
    assert.ok(
      lines.includes('reply {"valueCount":2,"valueBytes":200000,"workerCount":1}'),
      lines.join("\n"),
    );
  });

  test("lets stay what nobody can take", () => {
    const { harness, workers } = aCluster("abcd", 2 + copyTriesMax);
    rebalances(harness);
    const row = harness.rowOf("a");
    for (let tries = 0; harness.state.copies.moving.has(row); tries++) {
      assert.ok(tries <= copyTriesMax, "it ends");
      const [index] = harness.state.copies.needs.get(row)?.ordered ?? [];
      workers[index].reports(notCopied("a"));
    }
    assert.equal(harness.state.copies.needs.has(row), false);
    assert.equal(harness.state.tasks.holder[row], 0);
    const alone = aCluster("ab", 1);
    assert.deepEqual(rebalances(alone.harness), { orders: [], valueCount: 0 });
  });

  test("ends for what is let go of, and with its controller; nothing is lost by it", () => {
    const { harness, client, workers } = aCluster();
    rebalances(harness);
    assert.deepEqual(client.releases("a"), ["w2 < uncopy a", "w1 < forget a"]);
    assert.equal(harness.state.copies.moving.size, 1);
    harness.restarts();
    workers[0].connects();
    workers[1].connects();
    assert.equal(harness.state.copies.moving.size, 0);
    client.connects();
    assert.equal(harness.state.tasks.holder[harness.rowOf("b")], 0);
  });

  test("does not keep a worker that is drained from being drained", () => {
    const { harness, workers } = aCluster("ab", 3);
    rebalances(harness);
    const lines = harness.asks({
      ...{ type: "drain-worker", workerId: "w1", drain: true, deadlineMs: 0 },
    });
    assert.ok(
      lines.some((line) => line.includes("copy b from w1")),
      lines.join("\n"),
    );
    for (const label of ["a", "b"]) {
      const { ordered } = harness.state.copies.needs.get(harness.rowOf(label)) ?? { ordered: [] };
      for (const index of ordered) workers[index].reports(have(label, large));
    }
    harness.after(restMs);
    assert.equal(harness.state.copies.needs.size + harness.state.copies.moving.size, 0);
    assert.equal(heldBytes(harness)[0], 0);
  });
});
