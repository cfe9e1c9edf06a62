/**
 * Which token a client presents to a cluster that its own program has started.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { connect, type LocalCluster, startLocalCluster } from "../../src/client/index.ts";

const names = ["CAPSTAN_TOKEN", "CAPSTAN_URL", "CAPSTAN_CONTROLLER_URL"] as const;

describe("with the token of another cluster in the environment", () => {
  const before = names.map((name) => [name, process.env[name]] as const);
  let cluster: LocalCluster | null = null;

  beforeEach(() => {
    for (const name of names) delete process.env[name];
    process.env.CAPSTAN_TOKEN = "of-another-cluster";
  });

  afterEach(async () => {
    await cluster?.close();
    cluster = null;
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  async function start(token?: string): Promise<string> {
    cluster = await startLocalCluster({ workers: 1, ...(token === undefined ? {} : { token }) });
    return cluster.url;
  }

  it("a program connects to its own cluster, which asks for no token", async () => {
    const url = await start();
    for (const address of [url, url.replace("127.0.0.1", "localhost")]) {
      await using client = await connect(address);
      assert.equal((await client.workers()).length, 1);
    }
  });

  it("a program connects to its own cluster with the cluster's token", async () => {
    await using client = await connect(await start("its-own"));
    assert.equal((await client.workers()).length, 1);
  });

  it("a token that is given, or stands beside the address, is the one that is sent", async () => {
    const url = await start("its-own");
    const refused = { code: "UNAUTHENTICATED" };
    await assert.rejects(connect(url, { token: "given" }), refused);
    process.env.CAPSTAN_URL = url;
    await assert.rejects(connect(), refused);
    process.env.CAPSTAN_TOKEN = "its-own";
    await (await connect()).close();
  });

  it("a cluster that has ended is no more than any other address", async () => {
    const url = await start();
    await cluster?.close();
    cluster = await startLocalCluster({ workers: 1, port: Number(new URL(url).port) });
    await (await connect(url)).close();
    await cluster.close();
    await assert.rejects(connect(url), { code: "UNREACHABLE" });
  });
});
