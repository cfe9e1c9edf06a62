/**
 * The list of workers: in which orders, and which of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished } from "../../test/support/fake-worker.ts";

/** The first is the largest, the second the busiest, the third was heard last. */
function threeWorkers() {
  const harness = new ControllerHarness();
  const of = (memoryBytes: number) => ({ memoryBytes: memoryBytes * 2 ** 20 });
  const w1 = harness.aWorker({ slots: 8, capacity: of(8), attributes: { zone: "a", n: "1" } });
  const w2 = harness.aWorker({ slots: 3, capacity: of(2), attributes: { zone: "b", n: "2" } });
  const w3 = harness.aWorker({ slots: 2, capacity: of(0), attributes: { zone: "ab", n: "3" } });
  const on = (n: string, memoryBytes = 0) => ({
    spec: {
      resources: { cpuMilli: 1000, memoryBytes, diskBytes: 0, devices: [], custom: {} },
      constraints: [{ key: "n", op: "=", values: [n], mode: "REQUIRED" }],
    } as const,
  });
  const client = harness.aClient();
  client.submits({ a: on("1", 2 ** 20), b: on("2", 2 ** 20), c: on("2"), d: on("3"), e: on("3") });
  w3.reports(finished("d", { value: null, sizeBytes: 5_000 }));
  w1.reports(finished("a", { value: null, sizeBytes: 7_000 }));
  client.submits({ f: on("1", 2 ** 20) });
  w2.heartbeats({ rssBytes: 900, spilledBytes: 10 });
  w1.heartbeats({ rssBytes: 500, spilledBytes: 30 });
  w3.heartbeats({ rssBytes: 700, spilledBytes: 20 });
  w2.feels("no disk");
  return { harness, w1, w2, w3 };
}

function idsOf(harness: ControllerHarness, request: object): string {
  const list = harness.call("ListWorkers", request) as { workers: { workerId: string }[] };
  return list.workers.map(({ workerId }) => workerId).join(" ");
}

describe("workers are listed", () => {
  for (const [orderBy, ascending] of Object.entries({
    registration: "w1 w2 w3",
    workerId: "w1 w2 w3",
    state: "w1 w3 w2",
    cpu: "w1 w3 w2",
    memory: "w3 w1 w2",
    attempts: "w1 w3 w2",
    rssBytes: "w1 w3 w2",
    heldValueBytes: "w2 w3 w1",
    spilledBytes: "w2 w3 w1",
    lastHeartbeatAt: "w2 w1 w3",
  })) {
    test(`by ${orderBy}, and the reverse`, () => {
      const { harness } = threeWorkers();
      assert.equal(idsOf(harness, { orderBy }), ascending);
      const reverse = idsOf(harness, { orderBy: `${orderBy} desc` }).split(" ");
      const isTied = ["state", "attempts"].includes(orderBy);
      if (!isTied) assert.equal(reverse.reverse().join(" "), ascending);
    });
  }

  test("by a part of the id, of the address, or of an attribute with its value", () => {
    const { harness } = threeWorkers();
    const found = (text: string) => idsOf(harness, { filter: { text } });
    assert.deepEqual(
      [found(""), found("w2"), found("3:1"), found("zone=a"), found("zone=b"), found("none")],
      ["w1 w2 w3", "w2", "w3", "w1 w3", "w2", ""],
    );
  });

  test("by state, and by all that is given", () => {
    const { harness } = threeWorkers();
    const found = (filter: object) => idsOf(harness, { filter });
    assert.equal(found({ states: [] }), "w1 w2 w3");
    assert.equal(found({ states: ["UNUSABLE"] }), "w2");
    assert.equal(found({ states: ["HEALTHY", "UNUSABLE"], text: "b" }), "w2 w3");
    assert.equal(found({ states: ["LOST"] }), "");
  });

  test("page by page, with the count of all", () => {
    const { harness } = threeWorkers();
    const page = harness.call("ListWorkers", { pageSize: 2, orderBy: "rssBytes" }) as {
      nextPageToken: string;
      totalCount: number;
      controllerEpoch: number;
    };
    assert.deepEqual(
      [page.nextPageToken, page.totalCount, page.controllerEpoch],
      ["2", 3, harness.state.epoch],
    );
    assert.equal(idsOf(harness, { pageSize: 2, orderBy: "rssBytes", pageToken: "2" }), "w2");
  });
});
