/**
 * Typed calls over HTTP, against a controller process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import { atEnd, cleanUp, start } from "../../test/shell/toy-controller.ts";
import { ApiClient, type ApiClientOptions } from "./api-client.ts";

afterEach(cleanUp);

function clientOf(options: ApiClientOptions): ApiClient {
  const client = new ApiClient(options);
  atEnd(() => client.close());
  return client;
}

async function serverOf(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a client of the API", () => {
  it("calls with its token and its user, and gets the answer", async () => {
    const { controller } = await start({ token: "root" });
    const client = clientOf({ url: controller.url, token: "root", user: "ann" });
    assert.deepEqual(await client.call("WhoAmI", {}), { user: "ann", role: "admin", jobId: "" });
    const launched = await client.call("LaunchJob", {
      name: "train",
      command: { argv: ["true"] },
    });
    assert.equal(launched.jobId, "/ann/train");
  });

  it("rejects with the error of the controller: its code, message and details", async () => {
    const { controller } = await start();
    const client = clientOf({ url: controller.url });
    await assert.rejects(client.callByName("GetJobStatus", { jobid: "/a/b" }), {
      name: "CapstanError",
      code: "INVALID_ARGUMENT",
      message: /^jobid: unknown name/,
      details: { field: "jobid" },
    });
    await assert.rejects(client.callByName("../readyz", {}), { code: "NOT_FOUND" });
  });

  it("says that nothing answers, or that what answers is something else", async () => {
    const url = await serverOf(createServer((_request, response) => response.end("<html>")));
    await assert.rejects(clientOf({ url }).call("WhoAmI", {}), {
      code: "PROTOCOL_ERROR",
      message: /is not a Capstan controller: "<html>"/,
    });
    const gone = new URL(url);
    gone.port = "1";
    await assert.rejects(clientOf({ url: gone.href }).call("WhoAmI", {}), {
      code: "UNREACHABLE",
      message: /Is it running\?/,
    });
  });

  it("gives up on an answer that does not come, or when its caller does", async () => {
    const url = await serverOf(createServer(() => undefined));
    await assert.rejects(clientOf({ url, timeoutMs: 50 }).call("WhoAmI", {}), {
      code: "TIMED_OUT",
      message: /did not answer within 50 ms/,
    });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const refused = clientOf({ url }).call("WhoAmI", {}, { signal });
    await assert.rejects(refused, (error) => error === reason);
  });
});
