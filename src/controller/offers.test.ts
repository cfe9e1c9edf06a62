/**
 * Scattered values: a client brings them, and nothing can compute them again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { have, lost } from "../../test/support/fake-worker.ts";

function aCluster() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  return { harness, worker, client: harness.aClient() };
}

describe("a scattered value", () => {
  test("is brought to where the controller says, and wakes what waits for it", () => {
    const { harness, worker, client } = aCluster();
    assert.deepEqual(client.scatters("v"), ["c1 < upload v to w1", "c1 < accepted 1"]);
    client.submits({ a: { on: ["v"] } });
    assert.equal(harness.statesOf("v", "a"), "PENDING offered, PENDING waiting");
    assert.deepEqual(worker.reports(have("v")), [
      "c1 < located v at w1",
      "w1 < compute a with v here",
    ]);
    assert.equal(harness.stateOf("v"), "SUCCEEDED");
  });

  test("goes when nobody wants it any more", () => {
    const { harness, worker, client } = aCluster();
    client.scatters("v");
    worker.reports(have("v"));
    assert.deepEqual(client.releases("v"), ["w1 < forget v"]);
    assert.equal(harness.stateOf("v"), "forgotten");
  });

  test("is brought to the worker that has least, and copied to as many as are wanted", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aWorker();
    client.scatters("v");
    worker.reports(have("v"));
    assert.deepEqual(client.scatters("x"), ["c1 < upload x to w2", "c1 < accepted 2"]);
    client.releases("x");
    for (const copies of [0, 2]) {
      const label = `y${copies}`;
      assert.equal(client.scatters(label, { copies }).at(0), `c1 < upload ${label} to w2`);
      const lines = other.reports(have(label));
      assert.ok(lines.includes(`w1 < copy ${label} from w2`), lines.join("; "));
      worker.reports(have(label));
    }
    assert.equal(harness.state.copies.needs.size, 0);
    const late = harness.aWorker().index;
    assert.deepEqual([...harness.state.copies.orders.keys()], [late]);
    assert.equal(harness.state.copies.orders.get(late)?.size, 1, "on all, and not on two");
  });

  test("is spread with others that are on their way, the least full worker first", () => {
    const { harness, worker, client } = aCluster();
    harness.aWorker();
    harness.aWorker();
    client.scatters("first");
    worker.reports(have("first"));
    const lines = ["a", "b", "c", "d"].map((label) => client.scatters(label)[0]);
    const targets = lines.map((line) => line.split(" to ")[1]);
    assert.deepEqual(targets, ["w2", "w3", "w1", "w2"]);
    client.releases("b");
    assert.deepEqual(
      client.scatters("e")[0],
      "c1 < upload e to w3",
      "b is not on its way any more",
    );
  });

  test("goes where work goes before it goes elsewhere", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aWorker();
    worker.feels("paused: memory");
    for (const label of ["a", "b", "c"])
      assert.deepEqual(client.scatters(label)[0], `c1 < upload ${label} to w2`);
    assert.deepEqual(client.wants("a"), ["c1 < upload a to w2"], "though it is asked for again");
    other.feels("paused: memory");
    assert.deepEqual(client.scatters("d")[0], "c1 < upload d to w1");
  });

  test("that is on its way is not ordered anew when another worker comes or goes", () => {
    const { harness, worker, client } = aCluster();
    const uploads = (lines: readonly string[]) => lines.filter((line) => line.includes("upload"));
    client.scatters("a");
    const other = harness.aWorker();
    assert.deepEqual(uploads(harness.joins()), []);
    assert.deepEqual(uploads(client.scatters("b")), ["c1 < upload b to w2"]);
    assert.deepEqual(uploads(other.exits("SIGKILL")), ["c1 < upload b to w3"]);
    worker.disconnects();
    const returned = uploads(worker.connects());
    assert.deepEqual(returned, ["c1 < upload a to w1"], "it may have come, and been lost unsaid");
    worker.disconnects();
    assert.deepEqual(uploads(worker.restarts()), ["c1 < upload a to w3"]);
  });

  test("is ordered anew to a worker whose agent was replaced: the old one may have had it", () => {
    const { harness, worker, client } = aCluster();
    harness.launch("j");
    worker.starts("j/0");
    client.scatters("a");
    worker.disconnects();
    assert.ok(worker.adopts().includes("c1 < upload a to w1"));
    assert.equal(harness.jobState("j"), "RUNNING");
  });

  test("waits for a worker while there is none", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.scatters("v");
    const worker = harness.aWorker();
    assert.equal(harness.stateOf("v"), "PENDING offered");
    assert.deepEqual(worker.reports(have("v")), ["c1 < located v at w1"]);
  });

  test("is asked for again when the named worker is lost, and when its client asks", () => {
    const { harness, worker, client } = aCluster();
    harness.aWorker();
    client.scatters("v");
    assert.deepEqual(worker.exits("SIGKILL").slice(1), ["c1 < upload v to w2"]);
    assert.deepEqual(client.wants("v"), ["c1 < upload v to w2"]);
  });

  test("survives a restart of the controller, brought or not", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker, client } = aCluster();
      client.scatters("v");
      client.scatters("w");
      worker.reports(have("v"));
      harness.restarts(from);
      worker.connects();
      client.connects();
      assert.equal(harness.statesOf("v", "w"), "SUCCEEDED, PENDING offered");
      assert.deepEqual(client.wants("w"), ["c1 < upload w to w1"]);
      assert.deepEqual(client.wants("v"), ["c1 < located v at w1"]);
    }
  });

  test("that is lost fails what needs it, with an error that says that it had no recipe", () => {
    const { harness, worker, client } = aCluster();
    client.scatters("v");
    worker.reports(have("v"));
    client.submits({ a: { on: ["v"] }, b: { on: ["a"] } });
    worker.disconnects();
    harness.after(12_000);
    assert.equal(harness.statesOf("v", "a", "b"), "FAILED, UPSTREAM_FAILED, UPSTREAM_FAILED");
    const failure = harness.state.failures.get(harness.rowOf("b"));
    assert.equal(failure?.code, "VALUE_LOST");
    assert.match(failure?.message ?? "", /it has no recipe: a client scattered it/);
  });

  test("that is lost while nobody needs it fails who asks for it later", () => {
    const { harness, worker, client } = aCluster();
    client.scatters("v");
    worker.reports(have("v"));
    worker.reports(lost("v"));
    assert.equal(harness.stateOf("v"), "SUCCEEDED");
    const lines = client.submits({ a: { on: ["v"] } });
    assert.match(lines.join("\n"), /FAILED VALUE_LOST v/);
    assert.equal(harness.statesOf("v", "a"), "FAILED, UPSTREAM_FAILED");
  });

  test("with another copy goes on when one is lost", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aWorker();
    client.scatters("v", { copies: 0 });
    worker.reports(have("v"));
    other.reports(have("v"));
    client.submits({ a: { on: ["v"] } });
    worker.exits("SIGKILL");
    assert.equal(harness.stateOf("v"), "SUCCEEDED");
  });

  test("that failed is not tried again by a retry: nobody has it", () => {
    const { harness, worker, client } = aCluster();
    client.scatters("v");
    worker.reports(have("v"));
    client.submits({ a: { on: ["v"] } });
    worker.exits("SIGKILL");
    harness.aWorker();
    const lines = client.retries("a");
    assert.match(lines.join("\n"), /UPSTREAM_FAILED VALUE_LOST a/);
    assert.equal(harness.statesOf("v", "a"), "FAILED, UPSTREAM_FAILED");
  });

  test("of one key is one value, of whoever brings it first", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    client.scatters("v", { key: "k", args: "hash" });
    assert.deepEqual(other.scatters("v2", { key: "k", args: "hash" }), [
      "c2 < upload v2 to w1",
      "c2 < accepted 1",
    ]);
    client.closes();
    assert.equal(harness.stateOf("v"), "PENDING offered", "the other client has it too");
    assert.deepEqual(worker.reports(have("v")), ["c2 < located v2 at w1"]);
    const third = harness.aClient();
    const lines = third.scatters("v3", { key: "k", args: "hash" });
    assert.ok(lines.includes("c3 < located v3 at w1"), lines.join());
    const [refused] = third.scatters("v4", { key: "k", args: "other" });
    assert.match(refused, /KEY_CONFLICT/);
  });

  test("of a key that was lost is brought again by who scatters it again", () => {
    const { harness, worker, client } = aCluster();
    client.scatters("v", { key: "k", args: "hash" });
    worker.reports(have("v"));
    worker.reports(lost("v"));
    client.wants("v");
    assert.equal(harness.stateOf("v"), "FAILED");
    const other = harness.aClient();
    assert.deepEqual(other.scatters("v2", { key: "k", args: "hash" }), [
      "c2 < upload v2 to w1",
      "c2 < accepted 1",
    ]);
    other.closes();
    assert.equal(harness.stateOf("v"), "FAILED", "who waits for it has it no more");
  });

  test("fails what waits for it when its client goes before it was brought", () => {
    const { harness, worker, client } = aCluster();
    const other = harness.aClient();
    client.scatters("v");
    client.publishes("model", "v");
    other.fetches("model", "m");
    other.submits({ a: { on: ["m"] } });
    client.closes();
    assert.equal(harness.statesOf("v", "a"), "FAILED, UPSTREAM_FAILED");
    const failure = harness.state.failures.get(harness.rowOf("a"));
    assert.match(failure?.message ?? "", /let go of it before it had brought it/);
    assert.deepEqual(worker.reports(have("v")), ["w1 < forget v"], "it comes too late");
  });

  test("is explained: its client must bring it", () => {
    const { harness, client } = aCluster();
    client.scatters("v");
    client.submits({ a: { on: ["v"] } });
    const { wakers } = harness.call("Explain", { id: "/ann/graph-1/1" }) as {
      wakers: { kind: string; message: string }[];
    };
    assert.deepEqual(wakers.at(-1), {
      kind: "CLIENT",
      id: "/ann/graph-1",
      message: "the session /ann/graph-1 must bring the value",
    });
  });
});
