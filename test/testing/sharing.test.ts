/**
 * What clients share, on a simulated cluster: the same client, in virtual time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gather } from "../../src/client/index.ts";
import { simulateCluster } from "../../src/testing/index.ts";
import { double, sum } from "./tasks.ts";

describe("on a simulated cluster", () => {
  test("a scattered value is an argument, and is lost with its worker", async () => {
    await using cluster = await simulateCluster({ seed: 5, workers: 2 });
    const client = await cluster.connect();
    const list = client.scatter([1, 2, 3], { workers: "w1" });
    assert.equal(await client.submit(sum, [list]).result(), 6);
    cluster.killWorker("w1", { backAfter: "1m" });
    const error = await client.submit(sum, [list]).exception();
    // Whether a copy was fetched before is the seed's to say.
    assert.ok(error === null || error.code === "VALUE_LOST", String(error));
    const everywhere = client.scatter([1, 2, 3], { broadcast: true });
    await gather(client.map(sum, [[everywhere], [everywhere], [everywhere]]));
  });

  test("a published value outlives its client and its controller", async () => {
    await using cluster = await simulateCluster({ seed: 6, workers: 2 });
    const first = await cluster.connect();
    await first.publish("answer", first.submit(double, [21]));
    await first.close();
    cluster.restartController();
    const second = await cluster.connect();
    assert.equal(await second.fetch("answer").result(), 42);
    await second.unpublish("answer");
    await assert.rejects(second.fetch("answer").result(), { code: "NOT_FOUND" });
  });

  test("a lock goes from one client to the next, also when its holder is cut off", async () => {
    await using cluster = await simulateCluster({ seed: 7 });
    const [one, other] = [await cluster.connect(), await cluster.connect()];
    const lock = await one.lock("disk", { lease: "5s" });
    const next = other.lock("disk", { lease: "5s" });
    await lock.release();
    const held = await next;
    assert.ok(held.token > lock.token);
    await cluster.advance("30s");
    assert.equal(held.signal.aborted, false, "it was renewed");
    await other.close();
    assert.equal(held.signal.aborted, true);
    await (await one.lock("disk")).release();
  });

  test("a plugin is refused: nothing would set it up", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const plugin = { name: "p", module: import.meta.url, setup: "up" };
    await assert.rejects(client.registerPlugin(plugin), { code: "INVALID_SPEC" });
  });
});
