/**
 * Where a task goes for its inputs: to wait in line where they are, or to have them moved.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FakeClient } from "../../test/support/fake-client.ts";
import { type FakeWorker, finished, handedBack } from "../../test/support/fake-worker.ts";
import { parseConstraints } from "../model/parse-constraints.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import { explainTask } from "./explain.ts";

const gigabyte = 1_000_000_000;

interface Scene {
  readonly harness: ControllerHarness;
  readonly client: FakeClient;
  /** Has the value of `big`, and runs `long`, which usually takes 200 ms. */
  readonly full: FakeWorker;
}

/** A worker whose only slot is taken, with an input of `sizeBytes`. */
function aFullWorkerWith(sizeBytes: number, meanUs = 200_000): Scene {
  const harness = new ControllerHarness();
  const full = harness.aWorker();
  const client = harness.aClient();
  client.submits({ big: {} });
  full.reports(finished("big", { value: null, sizeBytes, durationUs: meanUs }));
  client.submits({ long: {} });
  full.starts("long");
  return { harness, client, full };
}

const reader = { b: { on: ["big"] } };

function whyOf(harness: ControllerHarness, label: string): string {
  const { summary, reasons } = explainTask(harness.state, harness.rowOf(label));
  return [summary, ...reasons.map(({ code }) => code)].join(" | ");
}

describe("a reader of a large input", () => {
  test("waits in line at the full worker that has it, and says for how long", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    assert.equal(idle.orders, "");
    const where = "waits for w1, where 953.67 MiB of its input is, expected in 200ms";
    assert.match(whyOf(harness, "b"), new RegExp(`${where}; elsewhere in 1.8s at the latest`));
    assert.match(whyOf(harness, "b"), /DATA_WAIT/);
    full.reports(finished("long", { successor: "b" }));
    assert.equal(full.orders, "b");
    assert.doesNotMatch(whyOf(harness, "b"), /DATA_WAIT/);
  });

  test("goes elsewhere at once where what runs there takes longer than the move", () => {
    const { harness, client } = aFullWorkerWith(gigabyte, 11_000_000);
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  test("goes elsewhere at once where nobody knows how long anything runs", () => {
    const harness = new ControllerHarness();
    const full = harness.aWorker();
    const client = harness.aClient();
    client.submits({ big: {} });
    full.reports(finished("big", { value: null, sizeBytes: gigabyte }));
    client.submits({ long: { spec: { priority: 7 } } });
    full.starts("long");
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  test("goes back at its bound, which is what the move takes, and to who has room", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte, 9_000_000);
    const idle = harness.aWorker();
    client.submits(reader);
    harness.after(9_990);
    assert.equal(full.orders, "long+ (b)");
    harness.after(20);
    assert.equal([...full.attempts.values()].filter((one) => one.recalled).length, 1);
    full.reports(handedBack("b", { reason: "retracted" }));
    assert.equal(idle.orders, "b");
  });

  test("goes back sooner where what it waits for is late", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    harness.aWorker();
    client.submits(reader);
    harness.after(1_790);
    assert.equal([...full.attempts.values()].filter((one) => one.recalled).length, 0);
    harness.after(20);
    assert.equal([...full.attempts.values()].filter((one) => one.recalled).length, 1);
  });

  test("stays in line past its bound while nobody else has room, until somebody has", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    client.submits(reader);
    harness.after(11_000);
    assert.equal(full.orders, "long+ (b)");
    assert.match(whyOf(harness, "b"), /whoever has room takes it/);
    const idle = harness.aWorker();
    full.reports(handedBack("b", { reason: "retracted" }));
    assert.equal(idle.orders, "b");
  });

  test("is not taken back by a worker that idles", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    harness.aWorker();
    assert.equal([...full.attempts.values()].filter((one) => one.recalled).length, 0);
  });

  test("stands behind those that wait there, until the line is as long as the move", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte / 10);
    const idle = harness.aWorker({ slots: 8 });
    const labels = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];
    client.submits(Object.fromEntries(labels.map((label) => [label, { on: ["big"] }])));
    // The move takes a second, and each of them 200 ms: the fifth would begin when it is over.
    assert.equal(full.orders, "long+ (b1) (b2) (b3) (b4)");
    assert.equal(idle.orders, "b5 b6 b7 b8");
  });

  test("goes elsewhere where others wait for that worker", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    const constraints = parseConstraints("c", [{ key: "worker-id", op: "=", values: ["w1"] }]);
    harness.aClient("bob").submits({ theirs: { spec: { constraints } } });
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(full.orders, "long+");
    assert.equal(idle.orders, "b");
  });
});

test("a small input keeps nobody from a worker that idles", () => {
  const { harness, client } = aFullWorkerWith(100_000);
  const idle = harness.aWorker();
  client.submits(reader);
  assert.equal(idle.orders, "b");
});

test("what is measured of transfers decides what is small", () => {
  const { harness, client, full } = aFullWorkerWith(gigabyte / 10);
  const idle = harness.aWorker();
  for (let i = 0; i < 40; i++) {
    harness.workerSays(idle, {
      ...{ type: "traffic", kinds: Uint8Array.of(trafficKind.fetch), tasks: Float64Array.of(1) },
      ...{ counts: Uint32Array.of(1), sizes: Float64Array.of(gigabyte), omitted: 0 },
      ...{ agos: Float64Array.of(0), durations: Float64Array.of(500_000) },
      peers: Uint32Array.of(0),
    });
  }
  client.submits(reader);
  assert.equal(full.orders, "long+");
  assert.equal(idle.orders, "b", "100 MB come in 50 ms now");
});
