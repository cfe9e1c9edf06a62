/**
 * How commands get their ports.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { PortBook } from "./command-ports.ts";

test("each name gets a port that can be bound", async () => {
  const ports = await new PortBook().choose(["http", "metrics"]);
  assert.deepEqual(Object.keys(ports), ["http", "metrics"]);
  for (const port of Object.values(ports)) {
    const server = createServer().listen(port);
    await once(server, "listening");
    server.close();
  }
});

test("no port is given twice before it was released", async () => {
  const book = new PortBook();
  const given = new Set<number>();
  for (let i = 0; i < 300; i++) given.add((await book.choose(["any"])).any);
  assert.equal(given.size, 300);
});

test("what an earlier agent gave is not given again", async () => {
  // All ports but one of a small range cannot be arranged; so every port is taken, and then none.
  const book = new PortBook();
  const all = Object.fromEntries(Array.from({ length: 65_536 }, (_, port) => [`p${port}`, port]));
  book.hold(all);
  await assert.rejects(book.choose(["any"]), { code: "OVERLOADED" });
  book.release(all);
  assert.ok((await book.choose(["any"])).any > 0);
});
