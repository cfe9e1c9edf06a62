/**
 * Copies of values: as many as are wanted, made by whoever has room, and no others for long.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FakeClient } from "../../test/support/fake-client.ts";
import {
  type FakeWorker,
  finished,
  have,
  kept,
  lost,
  notCopied,
} from "../../test/support/fake-worker.ts";
import { clause } from "../../test/support/job-builders.ts";
import { copiesPerSourceMax, copyOrdersMax, copyTriesMax } from "./limits.ts";
import { holdersOf as valueHolders } from "./values.ts";

interface Cluster {
  readonly harness: ControllerHarness;
  readonly workers: readonly FakeWorker[];
  readonly client: FakeClient;
}

/** Workers with a slot each, and a client whose task `a` has its value on `w1`. */
function aValueOn1(count: number): Cluster {
  const harness = new ControllerHarness();
  const first = harness.aWorker();
  const client = harness.aClient();
  client.submits({ a: {} });
  first.finishes("a");
  for (let i = 1; i < count; i++) harness.aWorker();
  return { harness, workers: harness.workers, client };
}

function holdersOf(harness: ControllerHarness, label: string): string {
  const ref = harness.refOf(label);
  return harness.workers
    .filter(({ values }) => values.has(ref))
    .map(({ workerId }) => workerId)
    .join(" ");
}

/** Who has it, as the controller believes. */
function believedHolders(harness: ControllerHarness, label: string): string {
  const { state } = harness;
  const holders = valueHolders(state, harness.rowOf(label)).toSorted();
  return holders.map((index) => state.workers[index].workerId).join(" ");
}

/** What a list of workers says of one. */
function reasonOf(harness: ControllerHarness, { workerId }: FakeWorker): string {
  const { workers } = harness.call("ListWorkers") as {
    readonly workers: readonly { workerId: string; state: string; stateReason: string }[];
  };
  const found = workers.find((one) => one.workerId === workerId);
  return `${found?.state}: ${found?.stateReason}`;
}

function drain(
  harness: ControllerHarness,
  { workerId }: FakeWorker,
  { deadlineMs = 0, on = true } = {},
): string[] {
  const lines = harness.asks({ type: "drain-worker", workerId, drain: on, deadlineMs });
  return lines.filter((line) => !line.startsWith("reply"));
}

describe("a value that is wanted on several workers", () => {
  test("is copied to the emptiest, from whoever has it", () => {
    const { harness, workers, client } = aValueOn1(3);
    client.submits({ b: {} });
    const [w1, w2, w3] = workers;
    w1.finishes("b");
    client.replicates(2, "b");
    w2.reports(have("b"));
    assert.deepEqual(client.replicates(2, "a"), ["c1 < accepted 4", "w3 < copy a from w1"]);
    w3.reports(have("a"));
    assert.equal(holdersOf(harness, "a"), "w1 w3");
    assert.deepEqual(client.replicates(2, "a"), ["c1 < accepted 5"], "again: nothing to do");
  });

  test("is on as many as there are, and on those that come later", () => {
    const { harness, workers, client } = aValueOn1(2);
    client.replicates(3, "a");
    workers[1].reports(have("a"));
    assert.equal(harness.state.copies.needs.size, 1);
    const late = harness.aWorker();
    assert.equal(harness.state.copies.orders.get(late.index)?.size, 1);
    late.reports(have("a"));
    assert.equal(holdersOf(harness, "a"), "w1 w2 w3");
    assert.equal(harness.state.copies.needs.size, 0);
  });

  test("goes to who holds the least, with what others of the same step bring there", () => {
    const harness = new ControllerHarness();
    const w1 = harness.aWorker({ slots: 3 });
    const client = harness.aClient();
    client.submits({ b: {}, c: {}, d: {} });
    const sizeOf = (label: string) => (label === "b" ? 1_000_000 : 1_000);
    w1.reports(
      ...["b", "c", "d"].map((label) => {
        return finished(label, { value: null, sizeBytes: sizeOf(label) });
      }),
    );
    harness.aWorker();
    harness.aWorker();
    const copies = client.replicates(2, "b", "c", "d").filter((line) => line.includes("copy"));
    assert.deepEqual(copies, ["w2 < copy b from w1", "w3 < copy c from w1", "w3 < copy d from w1"]);
  });

  test("goes to who was passed over for another one in the same step", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [w1, w2, w3] = workers;
    client.submits({ b: {} });
    w1.finishes("b");
    w2.reports(have("a"));
    w3.reports(have("b"));
    const copies = client.replicates(3, "a", "b").filter((line) => line.includes("copy"));
    assert.deepEqual(copies.toSorted(), ["w2 < copy b from w1", "w3 < copy a from w1"]);
    assert.equal(harness.state.copies.needs.size, 2);
  });

  test("that a client has brought is copied only to where it may be", () => {
    const harness = new ControllerHarness();
    const w1 = harness.aWorker({ attributes: { zone: "a" } });
    const client = harness.aClient();
    const spec = { run: { kind: "value", copies: 2 }, constraints: [clause("zone", "=", "a")] };
    client.submits({ v: { spec: spec as never } });
    w1.reports(have("v"));
    harness.aWorker({ attributes: { zone: "b" } });
    assert.equal(harness.state.copies.orders.size, 0);
    const w3 = harness.aWorker({ attributes: { zone: "a" } });
    assert.deepEqual([...harness.state.copies.orders.keys()], [w3.index]);
  });

  test("is copied from one of its holders that is heard", () => {
    const { workers, client } = aValueOn1(3);
    const [w1, w2] = workers;
    w2.reports(have("a"));
    w1.disconnects();
    assert.deepEqual(client.replicates(3, "a"), ["c1 < accepted 2", "w3 < copy a from w2"]);
  });

  test("on all there are does not lack a copy on one that takes nothing", () => {
    const { harness, workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    harness.asks({ type: "cordon-worker", workerId: w2.workerId, cordon: true });
    client.scatters("v", { copies: 0 });
    w1.reports(have("v"));
    assert.equal(harness.state.copies.needs.size, 0);
    harness.asks({ type: "cordon-worker", workerId: w2.workerId, cordon: false });
    assert.deepEqual([...harness.state.copies.orders.keys()], [w2.index]);
  });

  test("is copied when it is there, if that is later", () => {
    const { workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    client.submits({ b: { on: ["a"] } });
    client.replicates(2, "b");
    assert.deepEqual(w1.finishes("b"), ["w2 < copy b from w1", "c1 < results b"]);
    assert.deepEqual(w2.reports(have("b")), []);
  });

  test("gets another copy for one that is lost, also after a restart", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, workers, client } = aValueOn1(3);
      const [w1, w2, w3] = workers;
      client.replicates(2, "a");
      w2.reports(have("a"));
      harness.restarts(from);
      w1.connects();
      w2.connects();
      assert.deepEqual(w3.connects(), []);
      assert.deepEqual(w2.exits().slice(1), ["w3 < copy a from w1"]);
      w3.reports(have("a"));
      assert.equal(harness.state.copies.needs.size, 0);
    }
  });

  test("is brought by several: what has come is a source of the next", () => {
    const { harness, workers, client } = aValueOn1(8);
    const orders = client.replicates(7, "a").filter((line) => line.includes("copy"));
    assert.equal(orders.length, copiesPerSourceMax);
    const [, w2, w3] = workers;
    const second = w2.reports(have("a"));
    assert.deepEqual(
      second.map((line) => line.replace(/^w\d+ < /, "")),
      ["copy a from w2", "copy a from w1", "copy a from w2"].slice(0, second.length),
    );
    w3.reports(have("a"));
    assert.equal(harness.state.copies.needs.get(harness.rowOf("a"))?.ordered.length, 4);
  });

  test("is wanted nowhere once it is released: what was ordered is taken back", () => {
    const { harness, client } = aValueOn1(2);
    client.replicates(2, "a");
    assert.deepEqual(client.releases("a"), ["w2 < uncopy a", "w1 < forget a"]);
    assert.equal(harness.state.copies.needs.size + harness.state.shared.copies.size, 0);
  });

  test("may be asked for by anybody who may, through the API", () => {
    const { harness, client } = aValueOn1(2);
    const taskId = "/ann/graph-1/0";
    const valueBytes = harness.state.tasks.valueBytes[harness.rowOf("a")];
    const answer = { taskId, copies: 2, valueBytes, workerIds: ["w1"] };
    const lines = harness.asks({ type: "replicate-value", taskId, copies: 2 });
    assert.deepEqual(lines, [`reply ${JSON.stringify(answer)}`, "w2 < copy a from w1"]);
    harness.launch("job");
    for (const [id, code] of [
      ["/ann/job/0", "INVALID_ARGUMENT"],
      ["/ann/graph-9/0", "NOT_FOUND"],
    ]) {
      const request = { type: "replicate-value", taskId: id, copies: 2 } as const;
      assert.deepEqual(harness.asks(request), [`refused ${code}`]);
    }
    client.releases("a");
    assert.equal(harness.state.shared.copies.size, 0);
  });

  test("is dropped from a worker whose copy came too late", () => {
    const { workers, client } = aValueOn1(2);
    client.replicates(2, "a");
    client.releases("a");
    assert.deepEqual(workers[1].reports(have("a")), ["w2 < forget a"]);
  });

  test("is dropped also where it comes late for a value that only a recipe names yet", () => {
    const { harness, workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    client.submits({ b: { on: ["a"] } });
    client.replicates(2, "a");
    const runner = w1.orders === "b" ? w1 : w2;
    runner.reports(finished("b", { value: null }));
    client.releases("a");
    assert.equal(harness.stateOf("a"), "SUCCEEDED");
    assert.deepEqual(w2.reports(have("a")), ["w2 < forget a"]);
    assert.deepEqual(w2.heartbeats(), [], "both believe the same");
  });

  test("on fewer than before loses the copies beyond that, the fullest worker's first", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [w1, w2, w3] = workers;
    client.replicates(3, "a");
    w2.reports(have("a"));
    w3.reports(have("a"));
    client.submits({ b: {}, c: {} });
    w2.finishes("c");
    client.replicates(1, "a");
    assert.deepEqual(harness.after(4_000), []);
    assert.deepEqual(harness.after(3_000), ["w2 < forget a", "w1 < forget a"]);
    assert.equal(holdersOf(harness, "a"), "w3");
    assert.equal(w1.values.size, 0);
  });
});

describe("a copy that was ordered", () => {
  test("and does not come is made by another, and in the end tried by all again", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [, w2, w3] = workers;
    client.replicates(2, "a");
    assert.deepEqual(w2.reports(notCopied("a")), ["w3 < copy a from w1"]);
    assert.deepEqual(w3.reports(notCopied("a")), []);
    assert.deepEqual(
      harness.after(7_000).filter((line) => line.includes("copy")),
      ["w2 < copy a from w1"],
    );
  });

  test("is given up by so many in a row before it waits", () => {
    const { harness, workers, client } = aValueOn1(copyTriesMax + 3);
    client.replicates(2, "a");
    let tries = 0;
    for (const worker of workers.slice(1)) {
      const isAsked = harness.state.copies.orders.has(worker.index);
      if (isAsked) tries++;
      if (isAsked) worker.reports(notCopied("a"));
    }
    assert.equal(tries, copyTriesMax);
  });

  test("on a worker in trouble is taken back and made by another", () => {
    const { workers, client } = aValueOn1(3);
    const [, w2] = workers;
    client.replicates(2, "a");
    const lines = w2.feels("paused: memory");
    assert.deepEqual(lines, ["w2 < uncopy a", "w3 < copy a from w1"]);
  });

  test("and was taken back from a worker in trouble is ordered there again once it is well", () => {
    const { workers, client } = aValueOn1(2);
    const [, w2] = workers;
    client.replicates(2, "a");
    assert.deepEqual(w2.feels("paused: memory"), ["w2 < uncopy a"]);
    assert.deepEqual(w2.feels(""), ["w2 < copy a from w1"]);
  });

  test("on a worker that is lost is made by another", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [, w2] = workers;
    client.replicates(2, "a");
    assert.deepEqual(w2.exits(), [
      "disconnect w2: its process ended (signal SIGKILL)",
      "w3 < copy a from w1",
    ]);
    assert.equal(harness.state.copies.orders.size, 1);
  });

  test("goes with a value that is lost, and comes back with it", () => {
    const { workers, client } = aValueOn1(2);
    const [w1] = workers;
    client.submits({ b: { on: ["a"] } });
    client.replicates(2, "a");
    const lines = w1.reports(lost("a"));
    assert.ok(lines.includes("w2 < uncopy a"), lines.join());
    assert.ok(!lines.some((line) => line.includes(" copy a")), lines.join());
  });

  test("waits while its worker is told of as many as it takes at a time", () => {
    const harness = new ControllerHarness({ checks: false });
    const w1 = harness.aWorker({ slots: 200 });
    const client = harness.aClient();
    const labels = Array.from({ length: copyOrdersMax + 10 }, (_, i) => `t${i}`);
    client.submits(Object.fromEntries(labels.map((label) => [label, {}])));
    w1.finishes(...labels);
    const w2 = harness.aWorker();
    client.replicates(2, ...labels);
    const asked = () => harness.state.copies.orders.get(w2.index)?.size;
    assert.equal(asked(), copyOrdersMax);
    w2.reports(...labels.slice(0, 4).map((label) => have(label)));
    assert.equal(asked(), copyOrdersMax);
    assert.equal(harness.state.copies.due.size, 6);
    const w3 = harness.aWorker();
    assert.equal(harness.state.copies.orders.get(w3.index)?.size, 6, "it is not as busy");
    harness.check();
  });
});

describe("copies that readers made", () => {
  /** `a` on all of three workers, read by `r2` on `w2` and `r3` on `w3`. */
  function threeCopies() {
    const cluster = aValueOn1(3);
    const { harness, workers, client } = cluster;
    const [w1, w2, w3] = workers;
    client.submits({ x: {} });
    client.submits({ r2: { on: ["a"] }, r3: { on: ["a"] } });
    assert.equal(`${w1.orders}, ${w2.orders}, ${w3.orders}`, "x, r2, r3");
    w2.reports(have("a"));
    w3.reports(have("a"));
    w2.starts("r2");
    w3.starts("r3");
    assert.equal(holdersOf(harness, "a"), "w1 w2 w3");
    return cluster;
  }

  test("stay as long as something there reads them, and one more", () => {
    const { harness, workers } = threeCopies();
    const [, w2, w3] = workers;
    assert.deepEqual(harness.after(20_000), []);
    w3.finishes("r3");
    const lines = harness.after(7_000);
    assert.equal(lines.length, 1);
    assert.notEqual(lines[0], "w2 < forget a", "it is read there");
    assert.ok(holdersOf(harness, "a").includes("w2"));
    w2.finishes("r2");
    harness.after(7_000);
    assert.equal(holdersOf(harness, "a").split(" ").length, 1);
    assert.deepEqual(harness.after(20_000), []);
  });

  test("stay where something reads them, however much that worker holds", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [w1, w2, w3] = workers;
    client.submits({ x: {} });
    client.submits({ m: {} });
    w2.reports(finished("m", { value: null, sizeBytes: 1_000_000 }));
    client.submits({ r2: { on: ["a"] }, r3: { on: ["a"] } });
    assert.equal(`${w1.orders}, ${w2.orders}, ${w3.orders}`, "x, r2, r3");
    w2.reports(have("a"));
    w3.reports(have("a"));
    w2.starts("r2");
    w3.finishes("r3");
    assert.deepEqual(harness.after(7_000), ["w3 < forget a"]);
  });

  test("go first from workers that take no work, and one stays if all take none", () => {
    const { harness, workers, client } = threeCopies();
    const [w1, w2, w3] = workers;
    w2.finishes("r2");
    w3.finishes("r3");
    w1.feels("paused: memory");
    w3.feels("paused: memory");
    harness.after(7_000);
    assert.equal(holdersOf(harness, "a"), "w2");
    client.submits({ r4: { on: ["a"] } });
    w2.feels("paused: memory");
    harness.after(20_000);
    assert.equal(holdersOf(harness, "a"), "w2");
  });

  test("that a worker could not drop are its own again when it is to copy them", () => {
    const { harness, workers, client } = threeCopies();
    const [, w2, w3] = workers;
    w2.finishes("r2");
    w3.finishes("r3");
    harness.after(7_000);
    const [holder] = holdersOf(harness, "a").split(" ");
    const others = workers.filter(({ workerId }) => workerId !== holder);
    others[0].reports(kept("a"));
    client.replicates(3, "a");
    others[1].reports(have("a"));
    assert.equal(harness.state.copies.needs.size, 1, "what was kept is no recipient");
    assert.equal(harness.state.copies.orders.has(others[0].index), false);
    others[0].reports(have("a"));
    assert.equal(harness.state.copies.needs.size, 0);
    for (const worker of workers) assert.deepEqual(worker.heartbeats(), []);
  });

  test("of a worker that is not heard stay until it is heard or lost", () => {
    const { harness, workers } = threeCopies();
    const [w1, w2, w3] = workers;
    w2.finishes("r2");
    w3.finishes("r3");
    w1.disconnects();
    harness.after(8_000);
    assert.ok(holdersOf(harness, "a").includes("w1"), "nobody could tell it");
    assert.equal(holdersOf(harness, "a").split(" ").length, 2);
    assert.equal(believedHolders(harness, "a"), holdersOf(harness, "a"));
  });

  test("of what is wanted everywhere all stay", () => {
    const { harness, workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    client.scatters("v", { copies: 0 });
    w1.reports(have("v"));
    w2.reports(notCopied("v"));
    w2.reports(have("v"));
    harness.after(20_000);
    assert.equal(holdersOf(harness, "v"), "w1 w2");
  });

  test("stay for each that will read them, wherever that will be", () => {
    const { harness, workers, client } = threeCopies();
    const [, w2, w3] = workers;
    client.submits({ late: {}, r4: { on: ["a", "late"] }, r5: { on: ["a", "late"] } });
    w2.finishes("r2");
    w3.finishes("r3");
    harness.after(20_000);
    assert.equal(holdersOf(harness, "a"), "w1 w2 w3");
  });

  test("of several values go from one worker together", () => {
    const { harness, workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    client.submits({ b: {} });
    w1.finishes("b");
    client.replicates(2, "a", "b");
    w2.reports(have("a"), have("b"));
    client.replicates(1, "a", "b");
    harness.after(7_000);
    const [kept] = holdersOf(harness, "a").split(" ");
    assert.equal(holdersOf(harness, "a"), kept);
    assert.equal(holdersOf(harness, "b"), kept);
  });

  test("stay as sources while others are to be made", () => {
    const { harness, workers, client } = threeCopies();
    const [w1, w2, w3] = workers;
    client.replicates(2, "a");
    w2.finishes("r2");
    w3.finishes("r3");
    for (const worker of [w1, w2]) drain(harness, worker);
    assert.equal(harness.state.copies.needs.has(harness.rowOf("a")), true);
    harness.after(20_000);
    assert.equal(holdersOf(harness, "a"), "w1 w2 w3");
  });
});

describe("a worker that is drained", () => {
  test("has what only it holds copied, says how much that is, and is drained then", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [w1, w2, w3] = workers;
    client.submits({ b: {} });
    w1.finishes("b");
    const size = harness.state.tasks.valueBytes[harness.rowOf("a")];
    assert.deepEqual(drain(harness, w1), ["w2 < copy a from w1", "w3 < copy b from w1"]);
    assert.equal(
      reasonOf(harness, w1),
      `DRAINING: draining: 2 values (${2 * size} B) are nowhere else`,
    );
    w2.reports(have("a"));
    w3.reports(have("b"));
    assert.equal(reasonOf(harness, w1), "DRAINING: drained");
    w1.leaves();
    assert.equal(harness.statesOf("a", "b"), "SUCCEEDED, SUCCEEDED");
    assert.equal(harness.state.recomputedCount, 0);
  });

  test("does not wait for what another one has as well, and that lacks a copy", () => {
    const { harness, workers, client } = aValueOn1(3);
    const [w1, w2] = workers;
    client.replicates(2, "a");
    w2.reports(have("a"));
    assert.deepEqual(drain(harness, w1), ["w3 < copy a from w1"]);
    assert.equal(reasonOf(harness, w1), "DRAINING: drained");
  });

  test("has nothing copied that nobody wants", () => {
    const { harness, workers, client } = aValueOn1(2);
    client.releases("a");
    assert.deepEqual(drain(harness, workers[0]), []);
  });

  test("has copied what is finished there later", () => {
    const { harness, workers, client } = aValueOn1(1);
    const [w1] = workers;
    client.submits({ b: {} });
    w1.starts("b");
    drain(harness, w1);
    harness.aWorker();
    const [, w2] = workers;
    w2.reports(have("a"));
    assert.deepEqual(w1.finishes("b"), ["w2 < copy b from w1", "c1 < results b"]);
    assert.match(reasonOf(harness, w1), /^DRAINING: draining: 1 value/);
    w2.reports(have("b"));
    assert.equal(reasonOf(harness, w1), "DRAINING: drained");
  });

  test("waits for somebody who takes its values, says so, and may be taken back", () => {
    const { harness, workers } = aValueOn1(1);
    const [w1] = workers;
    assert.deepEqual(drain(harness, w1), []);
    assert.match(reasonOf(harness, w1), /is nowhere else, and no worker can take 1 of them$/);
    const w2 = harness.aWorker();
    assert.match(reasonOf(harness, w1), /is nowhere else$/);
    assert.deepEqual(drain(harness, w1, { on: false }), ["w2 < uncopy a"]);
    assert.equal(reasonOf(harness, w1), "HEALTHY: ");
    assert.equal(harness.state.copies.needs.size, 0);
    assert.equal(w2.values.size, 0);
  });

  test("with others gives its values to those that stay", () => {
    const { harness, workers } = aValueOn1(4);
    const [w1, w2, w3, w4] = workers;
    drain(harness, w1);
    const first = harness.state.copies.orders.has(w2.index) ? w2 : w3;
    drain(harness, w2);
    drain(harness, w3);
    assert.deepEqual([...harness.state.copies.orders.keys()], [w4.index]);
    first.reports(have("a"));
    assert.deepEqual([...harness.state.copies.orders.keys()], [w4.index], "it does not stay");
    w4.reports(have("a"));
    for (const worker of [w1, w2, w3]) assert.equal(reasonOf(harness, worker), "DRAINING: drained");
  });

  test("says of its own values how many are nowhere else, not of those of others", () => {
    const { harness, workers, client } = aValueOn1(2);
    const [w1, w2] = workers;
    drain(harness, w1);
    client.submits({ b: {} });
    w2.finishes("b");
    drain(harness, w2);
    for (const worker of workers) assert.match(reasonOf(harness, worker), /: 1 value \(/);
  });

  test("gives up, at a minute past its deadline, what could not be copied, and says so", () => {
    const { harness, workers } = aValueOn1(1);
    const [w1] = workers;
    drain(harness, w1, { deadlineMs: 1_000 });
    harness.after(60_000);
    assert.match(reasonOf(harness, w1), /^DRAINING: draining: 1 value/);
    harness.after(2_000);
    assert.match(
      reasonOf(harness, w1),
      /^DRAINING: drained, but 1 value \(.*\) was not copied in time$/,
    );
    assert.deepEqual(harness.aWorker().values.size, 0);
    assert.equal(harness.state.copies.needs.size, 0);
    const events = harness.state.story.events.map(({ type }) => type);
    assert.ok(events.includes("worker-values-given-up"));
    for (const from of ["facts", "snapshot"] as const) {
      harness.restarts(from);
      assert.equal(harness.state.workers[0].givenUp?.values, 1);
    }
  });

  test("alone is not empty while it has what is wanted everywhere", () => {
    const { harness, workers, client } = aValueOn1(1);
    const [w1] = workers;
    client.scatters("v", { copies: 0 });
    w1.reports(have("v"));
    client.releases("a");
    drain(harness, w1);
    assert.match(reasonOf(harness, w1), /and no worker can take 1 of them$/);
  });

  test("is looked at when it comes back", () => {
    const { harness, workers } = aValueOn1(2);
    const [w1, w2] = workers;
    drain(harness, w1);
    harness.restarts();
    w2.connects();
    assert.deepEqual(w1.connects(), ["w2 < copy a from w1"]);
  });
});
