/**
 * Whoever is turned away cannot keep the connection by staying.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { endRefused } from "./end-refused.ts";

test("a peer that is turned away hears why, and is cut when it does not leave", async (t) => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const peer = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  peer.on("error", () => peer.destroy());
  t.after(() => peer.destroy());
  const [refused] = (await once(server, "connection")) as [Socket];
  const cut = once(refused, "close");
  endRefused(refused, "no", 50);
  const [words] = await once(peer, "data");
  assert.equal(String(words), "no");
  await cut;
});
