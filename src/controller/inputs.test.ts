/**
 * Inputs that a worker cannot get: another source, another computation, and in the end a failure
 * that names the input. Nothing loops.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, handedBack, have, needsSources } from "../../test/support/fake-worker.ts";
import { inputFailuresMax } from "./limits.ts";

/** The value of `x` is too large to travel and lies on w1, where `busy` keeps `y` from running. */
function aRemoteInput() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker();
  client.submits({ x: {}, busy: {} });
  w1.reports(finished("x", { value: null }));
  const w2 = harness.aWorker();
  const slow = 3_000_000;
  w1.reports(finished("busy", { durationUs: slow }));
  client.submits({ more: { spec: { priority: 1 } } });
  if (w1.orders !== "more") w2.finishes("more");
  return { harness, client, w1, w2 };
}

describe("an input that a worker cannot decode", () => {
  test("fails with itself as the root after bounded tries, wherever it is read", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const workers = [harness.aWorker(), harness.aWorker()];
    client.submits({ x: {}, y: { on: ["x"] }, z: { on: ["y"] } });
    workers[0].reports(finished("x", { value: null }));
    let tries = 0;
    while (harness.stateOf("y") !== "UPSTREAM_FAILED") {
      const reader = workers.find((worker) => worker.orders.includes("y"));
      assert.ok(reader !== undefined, `after ${tries} tries nobody reads it`);
      reader.reports(handedBack("y", { reason: "dependencyFailed", other: "x" }));
      assert.ok(++tries <= inputFailuresMax, "it loops");
    }
    assert.equal(tries, inputFailuresMax);
    assert.equal(harness.statesOf("x", "y", "z"), "FAILED, UPSTREAM_FAILED, UPSTREAM_FAILED");
    const failure = harness.state.failures.get(harness.rowOf("z"));
    assert.equal(failure?.code, "INPUT_UNLOADABLE");
    assert.equal(failure.blame, "/ann/graph-1/0");
    assert.match(failure.message, /could not be loaded 4 times; held by w1$/);
    assert.equal(harness.state.tasks.failureCount[harness.rowOf("y")], 0);
  });

  test("leaves nothing in doubt where a heartbeat crosses with the order to forget it", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ x: {}, y: { on: ["x"] } });
    let applied = 0;
    for (let tries = 1; tries <= inputFailuresMax; tries++) {
      worker.reports(finished("x", { value: null }));
      ({ applied } = worker.heartbeatMessage());
      const failed = handedBack("y", { reason: "dependencyFailed", other: "x" });
      worker.reports(failed, { kind: "lost", label: "x" });
    }
    const crossing = { ...worker.heartbeatMessage(), applied };
    assert.deepEqual(harness.workerSays(worker, crossing), []);
    assert.equal(harness.statesOf("x", "y"), "FAILED, UPSTREAM_FAILED");
  });

  test("on one worker only lets its reader succeed elsewhere, uncharged", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    client.submits({ x: {}, y: { on: ["x"] } });
    w1.reports(finished("x", { value: null }));
    w1.reports(handedBack("y", { reason: "dependencyFailed", other: "x" }));
    const reader = [w1, w2].find((worker) => worker.orders === "y");
    assert.deepEqual(reader?.finishes("y"), ["c1 < results y"]);
  });

  test("that is retried by a person is computed again", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ x: {}, y: { on: ["x"] } });
    worker.reports(finished("x", { value: null }));
    for (let i = 0; i < inputFailuresMax; i++) {
      worker.reports(handedBack("y", { reason: "dependencyFailed", other: "x" }));
    }
    client.retries("y");
    worker.finishes("x");
    assert.deepEqual(worker.finishes("y"), ["c1 < results y"]);
  });
});

describe("an input without a source", () => {
  test("is asked of another holder first", () => {
    const { harness, client, w1, w2 } = aRemoteInput();
    const w3 = harness.aWorker();
    w2.reports(have("x"));
    client.submits({ y: { on: ["x"], spec: { constraints: [only("w3")] } } });
    assert.equal(w3.orders, "y");
    const [line] = w3.reports(needsSources("x"));
    assert.match(line, /^w3 < sources x: w1 w2$/);
    assert.equal(harness.stateOf("x"), "SUCCEEDED");
    assert.ok(w1.held.includes("x"));
  });

  test("is nobody's fault while the question is only asked again", () => {
    const { harness, client, w2 } = aRemoteInput();
    const w3 = harness.aWorker();
    w2.reports(have("x"));
    client.submits({ y: { on: ["x"], spec: { constraints: [only("w3")] } } });
    for (const reason of ["absent", "again", "again"] as const)
      assert.deepEqual(w3.reports(needsSources("x", { reason })), ["w3 < sources x: w1 w2"]);
    assert.equal(harness.stateOf("x"), "SUCCEEDED");
  });

  test("is asked of a holder that is there, while the first one is away", () => {
    const { harness, client, w1, w2 } = aRemoteInput();
    const w3 = harness.aWorker();
    w2.reports(have("x"));
    w1.disconnects();
    const lines = client.submits({ y: { on: ["x"], spec: { constraints: [only("w3")] } } });
    assert.ok(lines.includes("w3 < compute y with x from w2"), lines.join("\n"));
    assert.equal(w3.orders, "y");
    w2.disconnects();
    const last = client.submits({ z: { on: ["x"], spec: { constraints: [only("w3")] } } });
    assert.ok(last.includes("w3 < prefetch z with x from w1"), last.join("\n"));
  });

  test("is computed again when nobody else has it, and its reader comes back", () => {
    const { harness, client } = aRemoteInput();
    const w3 = harness.aWorker();
    client.submits({ y: { on: ["x"], spec: { constraints: [only("w3")] } } });
    w3.reports(needsSources("x"));
    const lines = w3.reports(needsSources("x"));
    assert.ok(lines.includes("w1 < forget x"), lines.join("\n"));
    assert.ok(lines.includes("w3 < retract y"), lines.join("\n"));
    assert.match(harness.stateOf("x"), /ASSIGNED|PENDING queued/);
    w3.reports(handedBack("y", { reason: "retracted" }));
    assert.equal(harness.stateOf("y"), "PENDING waiting");
  });

  test("whose healthy holder cannot be reached is asked for again, and nothing is charged", () => {
    const { harness, w2 } = aRemoteInput();
    const recomputed = harness.state.recomputedCount;
    for (let i = 0; i < 20; i++) {
      const lines = w2.reports(needsSources("x", { reason: "unreachable" }));
      assert.deepEqual(lines, ["w2 < sources x: w1"]);
      harness.after(1_000);
    }
    assert.equal(harness.stateOf("x"), "SUCCEEDED");
    assert.equal(harness.state.recomputedCount, recomputed);
    assert.equal(harness.state.inputFailures.size, 0);
  });

  test("whose holder is not reached in half a minute is computed again", () => {
    const { harness, client, w2 } = aRemoteInput();
    client.submits({ y: { on: ["x"], spec: { constraints: [only("w2")] } } });
    const asks = () => w2.reports(needsSources("x", { reason: "unreachable" }));
    asks();
    for (let i = 0; i < 16; i++) {
      harness.after(2_000);
      asks();
    }
    assert.ok(harness.state.recomputedCount > 0, "it is computed again");
  });

  test("that nobody remembers needs no answer", () => {
    const { harness, client, w2 } = aRemoteInput();
    client.releases("x");
    assert.equal(harness.stateOf("x"), "forgotten");
    assert.deepEqual(w2.reports(needsSources("x")), []);
  });

  test("is not computed again when a healthy holder is known", () => {
    const { harness, w2 } = aRemoteInput();
    const recomputed = harness.state.recomputedCount;
    assert.deepEqual(w2.reports(needsSources("x")), ["w2 < sources x: w1"]);
    assert.equal(harness.state.recomputedCount, recomputed);
  });
});

function only(workerId: string) {
  return { key: "worker-id", op: "=", values: [workerId], mode: "REQUIRED" } as const;
}

test("small inputs travel with the order, large ones name where they are", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker({ slots: 2 });
  client.submits({ small: {}, large: {}, y: { on: ["small", "large"] } });
  w1.finishes("small");
  assert.deepEqual(w1.reports(finished("large", { value: null })), [
    "c1 < located large at w1",
    "w1 < compute y with small inline, large here",
  ]);
});
