/**
 * A session of many handles ends step by step.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { type Drafts, FakeClient } from "../../test/support/fake-client.ts";
import { abandoned } from "../../test/support/fake-worker.ts";
import { nextDeadline } from "./deadlines.ts";

/** `t0`, which runs, and nine more, each with the one before as its input. */
const chain: Drafts = Object.fromEntries(
  Array.from({ length: 10 }, (_, i) => [`t${i}`, i === 0 ? {} : { on: [`t${i - 1}`] }]),
);

/** One step lets go of three handles. */
function aCluster() {
  const harness = new ControllerHarness();
  harness.state.closing.handlesPerStep = 3;
  const worker = harness.aWorker();
  return { harness, worker, client: harness.aClient() };
}

function tick(harness: ControllerHarness): string[] {
  return harness.happens({ type: "tick", at: harness.at });
}

function liveCount({ state }: ControllerHarness): number {
  return state.tasks.live;
}

describe("a session of many handles", () => {
  test("ends in steps, its last handles first, each asked for at once", () => {
    const { harness, worker, client } = aCluster();
    client.submits(chain);
    assert.deepEqual(client.closes(), ["disconnect c1: its session was closed"]);
    assert.equal(liveCount(harness), 7);
    assert.equal(harness.statesOf("t0", "t6", "t7"), "ASSIGNED, PENDING waiting, forgotten");
    assert.equal(nextDeadline(harness.state), harness.state.at);
    tick(harness);
    assert.equal(liveCount(harness), 4);
    tick(harness);
    assert.deepEqual(tick(harness), ["w1 < stop t0"]);
    worker.reports(abandoned("t0"));
    assert.equal(liveCount(harness), 0);
    assert.equal(harness.state.jobs[0].finishedAt, harness.at);
    assert.notEqual(nextDeadline(harness.state), harness.state.at, "nothing is left to do");
  });

  test("hears nothing more, and another one may begin under its name meanwhile", () => {
    const { harness, client } = aCluster();
    client.submits(chain);
    client.closes();
    assert.deepEqual(client.submits({ late: {} }), []);
    const again = new FakeClient("c1", "ann", harness);
    harness.clients.push(again);
    again.connects();
    assert.equal(again.index, 1);
    again.submits({ a: {} });
    for (let i = 0; i < 3; i++) tick(harness);
    assert.equal(harness.state.clientsById.get("c1"), again.index);
    assert.equal(harness.stateOf("t0"), "KILLED");
    assert.match(harness.stateOf("a"), /PENDING|ASSIGNED/);
  });

  test("leaves what others want, and what that needs", () => {
    const { harness, client } = aCluster();
    client.submits({ ...chain, k: { on: ["t2"] } });
    client.publishes("name", "k");
    const other = harness.aClient();
    other.fetches("name", "again");
    client.closes();
    for (let i = 0; i < 5; i++) tick(harness);
    assert.equal(harness.state.closing.sessions.size, 0);
    assert.equal(harness.statesOf("t3", "t2", "k"), "forgotten, PENDING waiting, PENDING waiting");
  });

  test("goes on ending where a controller that died had come to", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aCluster();
      client.submits(chain);
      client.closes();
      tick(harness);
      harness.restarts(from);
      harness.state.closing.handlesPerStep = 3;
      assert.equal(harness.state.clientsById.has("c1"), false);
      worker.connects();
      for (let i = 0; i < 3; i++) tick(harness);
      assert.equal(harness.stateOf("t0"), "KILLED");
      assert.equal(harness.state.closing.sessions.size, 0);
    }
  });

  test("lets go of handles that lie far apart, and of tasks whose handles had gone before", () => {
    const { harness, client } = aCluster();
    const many = Array.from({ length: 400 }, (_, i) => `m${i}`);
    client.submits(Object.fromEntries(many.map((label) => [label, {}])));
    const kept = new Set(["m0", "m1", "m200", "m201", "m399"]);
    client.releases(...many.filter((label) => !kept.has(label)));
    client.closes();
    let steps = 0;
    while (harness.state.closing.sessions.size > 0 && steps++ < 100) tick(harness);
    assert.ok(steps > 1 && steps < 20, `${steps} steps`);
    assert.equal(harness.stateOf("m100"), "forgotten");
  });
});
