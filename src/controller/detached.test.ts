/**
 * A detached task goes on when its session has ended, and is forgotten at its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned } from "../../test/support/fake-worker.ts";

function aCluster() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  return { harness, worker, client: harness.aClient() };
}

describe("a detached task", () => {
  test("goes on when its client is gone, with what it needs, and is forgotten at its end", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: {} });
    assert.deepEqual(client.detaches("b"), ["c1 < accepted 2"]);
    assert.deepEqual(client.closes(), ["disconnect c1: its session was closed", "w1 < stop c"]);
    worker.reports(abandoned("c"));
    worker.finishes("a");
    assert.deepEqual(worker.finishes("b"), ["w1 < forget a b"]);
    assert.equal(harness.state.tasks.live, 0);
    assert.equal(harness.state.jobs[0].finishedAt, harness.at, "and so is its job");
  });

  test("goes on over the grace of a client that vanished, and a restart", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aCluster();
      client.submits({ a: {}, b: {} });
      client.detaches("a");
      worker.starts("a");
      harness.restarts(from);
      worker.connects();
      harness.after(61_000);
      assert.equal(harness.stateOf("a"), "RUNNING");
      assert.notEqual(harness.stateOf("b"), "RUNNING");
    }
  });

  test("can be cancelled, and wanted, as before", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: {} });
    client.detaches("a", "b");
    worker.finishes("a");
    assert.equal(client.outcomes.get("a"), "value of a");
    client.cancels(["b"]);
    assert.equal(harness.stateOf("b"), "KILLED");
  });

  test("is detached once; what has ended is not", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    client.detaches("a");
    client.detaches("a");
    worker.finishes("a");
    assert.deepEqual(client.detaches("a"), ["c1 < accepted 4"]);
    client.submits({ b: {} });
    const again = { type: "detach", sequence: 4, tasks: [client.numberOf("b")] } as const;
    assert.deepEqual(client.says(again), ["c1 < accepted 5"], "a replay is not taken up");
    assert.equal(harness.state.shared.detached.size, 0);
  });

  test("that is a value to be brought goes with the client that has it", () => {
    const { harness, client } = aCluster();
    client.scatters("v");
    client.submits({ a: { on: ["v"] } });
    client.detaches("v", "a");
    client.closes();
    assert.equal(harness.state.tasks.live, 0);
  });
});
