/**
 * Actors on a simulated cluster: the same client, in virtual time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gather } from "../../src/client/index.ts";
import type { AnyTask } from "../../src/client/task.ts";
import { simulateCluster } from "../../src/testing/index.ts";
import { Counter, double } from "./tasks.ts";

describe("on a simulated cluster", () => {
  test("calls reach the object one by one, in their order", async () => {
    await using cluster = await simulateCluster({ seed: 3, workers: 2 });
    const client = await cluster.connect();
    using one = client.createActor(Counter, [0]);
    using other = client.createActor(Counter, [100]);
    const sums = [1, 2, 3].map((n) => one.call("addLater", [client.submit(double, [n])]));
    assert.equal(await other.methods.add(1).result(), 101);
    assert.deepEqual(await gather(sums), [2, 6, 12]);
    await assert.rejects(one.call("refuse", ["more"]).result(), /no more/);
    assert.equal(await one.call("add", [1]).result(), 13);
  });

  test("a lost worker ends an actor and its calls, or begins it anew", async () => {
    await using cluster = await simulateCluster({ seed: 4, workers: 1 });
    const client = await cluster.connect();
    const plain = client.createActor(Counter, [0]);
    const again = client.createActor(Counter, [0], { restarts: 1 });
    await gather([plain.call("add", [1]), again.call("add", [1])]);
    cluster.killWorker("w1", { backAfter: "1s" });
    const lost = await plain.call("add", [1]).exception();
    // It was sent before anybody knew that the worker is gone.
    assert.equal(lost?.code, "ACTOR_LOST");
    assert.match(String(lost), /the actor Counter \(\/test\/graph-1\/0\) ended on w1/);
    assert.equal(await again.call("add", [5]).result(), 5, "its state is new");
  });

  test("what is for tasks is refused, with what can be done instead", async () => {
    await using cluster = await simulateCluster({ takes: "10s" });
    const actor = Counter as unknown as AnyTask;
    const wrong = (act: () => unknown, message: RegExp): void =>
      assert.throws(act, { code: "INVALID_ARGUMENT", message });
    wrong(
      () => cluster.failNext(actor),
      /^failNext is for tasks, and "Counter" is an actor: a call/,
    );
    wrong(() => cluster.executionsOf(actor), /^executionsOf is for tasks, .* trace\(\)$/);
    wrong(() => cluster.taskTakes(Counter as never, "1m"), /^taskTakes is for tasks, .*`takes`/);
    wrong(() => cluster.failNext((() => 1) as never), /make it one with defineTask/);
    const client = await cluster.connect();
    wrong(() => client.submit(Counter as never, []), /^the actor "Counter" .* client\.createActor/);
    // What is said instead is so.
    using counter = client.createActor(Counter, [0]);
    assert.equal(await counter.call("add", [1]).result(), 1);
    assert.equal(Math.floor(cluster.now / 1_000), 10);
    assert.match(cluster.traceText(), /started Counter\.add 1\.\d/);
  });
});
