/**
 * A published value is wanted by its name, whoever comes and goes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned, finished, have } from "../../test/support/fake-worker.ts";
import { publishedPerUserMax } from "./limits.ts";

function aCluster() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  return { harness, worker, client: harness.aClient() };
}

const unpublish = (name: string, user = "ann") =>
  ({ type: "unpublish-value", user, name }) as const;

describe("a published value", () => {
  test("outlives its client, and a second client gets it", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    assert.deepEqual(client.publishes("model", "a"), ["c1 < accepted 2"]);
    client.closes();
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    const other = harness.aClient();
    assert.deepEqual(other.fetches("model", "m"), ["c2 < located m at w1", "c2 < accepted 1"]);
    assert.deepEqual(other.closes(), ["disconnect c2: its session was closed"]);
    assert.deepEqual(harness.asks(unpublish("model")), [
      'reply {"user":"ann","name":"model"}',
      "w1 < forget a",
    ]);
    assert.equal(harness.stateOf("a"), "forgotten");
  });

  test("outlives the controller", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aCluster();
      client.submits({ a: {} });
      worker.finishes("a");
      client.publishes("model", "a");
      client.closes();
      harness.restarts(from);
      worker.connects();
      const other = harness.aClient();
      assert.deepEqual(other.fetches("model", "m"), ["c2 < located m at w1", "c2 < accepted 1"]);
    }
  });

  test("that has no value yet goes on when its client is gone, with what it needs", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] }, c: {} });
    client.publishes("model", "b");
    assert.deepEqual(client.closes(), ["disconnect c1: its session was closed", "w1 < stop c"]);
    worker.reports(abandoned("c"));
    worker.finishes("a");
    const other = harness.aClient();
    other.fetches("model", "m");
    assert.deepEqual(worker.finishes("b"), ["c2 < results m", "w1 < forget a"]);
  });

  test("is an input like any other, and is computed again if it is lost", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    client.publishes("model", "a");
    client.closes();
    worker.exits("SIGKILL");
    const other = harness.aClient();
    other.fetches("model", "m");
    other.submits({ b: { on: ["m"] } });
    assert.equal(harness.statesOf("a", "b"), "PENDING queued, PENDING waiting");
  });

  test("is not cancelled under who has fetched it, also once no name leads to it", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    const other = harness.aClient();
    other.fetches("model", "m");
    other.submits({ b: { on: ["m"] } });
    harness.asks(unpublish("model"));
    client.cancels(["a"]);
    assert.equal(harness.statesOf("a", "b"), "ASSIGNED, PENDING waiting");
  });

  test("that failed is fetched as failed", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    worker.fails("a");
    const lines = harness.aClient().fetches("model", "m");
    assert.ok(lines.includes("c2 < FAILED TASK_FAILED m, to blame: /ann/graph-1/0"), lines.join());
  });

  test("whose name goes while nothing else wants it is ended, if its session is over", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    client.closes();
    assert.equal(harness.stateOf("a"), "ASSIGNED");
    assert.deepEqual(
      harness.asks(unpublish("model")),
      ['reply {"user":"ann","name":"model"}', "w1 < stop a"].toReversed(),
    );
    assert.equal(harness.stateOf("a"), "KILLED");
  });

  test("is not killed by a client that cancels it: the name still wants it", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    const lines = client.cancels(["a"]);
    assert.match(lines.at(-1) ?? "", /KILLED TASK_CANCELLED a/);
    assert.equal(harness.stateOf("a"), "ASSIGNED");
    worker.reports(finished("a"));
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
  });

  test("is not awaited by its name: nothing is computed for it alone", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {}, b: { on: ["a"] } });
    client.publishes("model", "a");
    client.disconnects();
    client.connects();
    client.releases("a");
    worker.finishes("a");
    assert.deepEqual(harness.asks(unpublish("model")), ['reply {"user":"ann","name":"model"}']);
    worker.finishes("b");
    client.releases("b");
    assert.equal(harness.state.tasks.live, 0);
  });

  test("keeps its name: the same again is nothing, another is refused", () => {
    const { client } = aCluster();
    client.submits({ a: {}, b: {} });
    client.publishes("model", "a");
    assert.deepEqual(client.publishes("model", "a"), ["c1 < accepted 3"]);
    assert.deepEqual(client.publishes("model", "b"), [
      'c1 < refused 4 ALREADY_EXISTS: name: "model" is /ann/graph-1/0 already; unpublish it ' +
        'first, or choose another name {"name":"model"}',
    ]);
  });

  test("of one user is not that of another", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    const [line] = harness.aClient("bob").fetches("model", "m");
    assert.match(line, /refused 1 NOT_FOUND: name: bob has published nothing as "model"/);
    assert.deepEqual(harness.asks(unpublish("model"), { user: "bob", role: "user", jobId: "" }), [
      "refused FORBIDDEN",
    ]);
  });

  test("of a user past the limit is refused", () => {
    const harness = new ControllerHarness({ checks: false });
    const client = harness.aClient();
    client.submits({ a: {} });
    for (let i = 0; i < publishedPerUserMax; i++) client.publishes(`n${i}`, "a");
    const [line] = client.publishes("one more", "a");
    assert.match(line, /QUOTA_EXCEEDED: name: ann has 1000 published values/);
    assert.match(client.publishes("n0", "a")[0], /accepted/, "it is what is published already");
    const other = harness.aClient("bob");
    other.submits({ b: {} });
    assert.match(other.publishes("n0", "b")[0], /accepted/);
  });

  test("is no future that was released, and is fetched under no number that was used", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {}, b: {} });
    client.publishes("model", "a");
    client.releases("b");
    assert.match(client.publishes("more", "b")[0], /refused 3 NOT_FOUND: future: it was released/);
    const fetch = { type: "fetch-published", sequence: 4, name: "model", task: 1 } as const;
    assert.deepEqual(client.says(fetch), [
      "c1 < refused 4 INVALID_ARGUMENT: task: number 1 was used before; expected at least 2",
    ]);
    assert.deepEqual(client.says({ ...fetch, sequence: 5, task: 2 }), ["c1 < accepted 5"]);
    assert.equal(harness.state.tasks.wants[harness.rowOf("a")], 3);
  });

  test("is published and fetched once, however often that is said", () => {
    const { harness, client } = aCluster();
    client.submits({ a: {} });
    client.publishes("model", "a");
    client.fetches("model", "m");
    const publish = { type: "publish", sequence: 2, name: "model", task: 0 } as const;
    const fetch = { type: "fetch-published", sequence: 3, name: "model", task: 1 } as const;
    assert.deepEqual(client.says(publish), ["c1 < accepted 3"]);
    assert.deepEqual(client.says(fetch), ["c1 < accepted 3"]);
    assert.equal(harness.state.tasks.wants[harness.rowOf("a")], 3);
    client.releases("a");
    assert.deepEqual(client.says(publish), ["c1 < accepted 3"], "also once the future is gone");
  });

  test("is listed with its task and all who hold it", () => {
    const { harness, worker, client } = aCluster();
    client.submits({ a: {} });
    worker.finishes("a");
    client.publishes("model", "a");
    harness.aWorker().reports(have("a"));
    const { values } = harness.call("ListPublishedValues") as { values: object[] };
    const [{ publishedAt: _, valueBytes, ...shown }] = values as {
      publishedAt: string;
      valueBytes: number;
    }[];
    assert.ok(valueBytes > 0);
    const task = { taskId: "/ann/graph-1/0", state: "SUCCEEDED", workerId: "w1" };
    const workerIds = ["w1", "w2"];
    assert.deepEqual(shown, { user: "ann", name: "model", ...task, workerIds });
  });
});
