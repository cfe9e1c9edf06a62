/**
 * The body of a call comes in bounded time, or is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { readJson } from "./read-json.ts";

/** A request that says that it has 100 bytes and sends two of them. */
async function aSlowRequest(t: TestContext) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  t.after(() => {
    socket.destroy();
    server.close();
  });
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{}");
  const [request, response] = await once(server, "request");
  return { socket, request: request as IncomingMessage, response: response as ServerResponse };
}

test("a body that does not come is refused with the time that it had", async (t) => {
  const { request } = await aSlowRequest(t);
  await assert.rejects(readJson(request, 30), {
    code: "INVALID_ARGUMENT",
    message: "the request did not arrive within 30 ms",
  });
});

test("a body that is cut short ends as the connection does", async (t) => {
  const { request, socket } = await aSlowRequest(t);
  const read = assert.rejects(readJson(request), { code: "ECONNRESET" });
  socket.destroy();
  await read;
});
