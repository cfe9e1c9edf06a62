/**
 * However many connections are opened and kept, whoever comes next is served.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { boundConnections } from "./bound-connections.ts";

const bound = 3;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Answers `/now` at once, and everything else never. */
async function aServer(): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === "/now") response.end("served");
  });
  boundConnections(server, bound);
  server.on("upgrade", (_request, socket) => socket.write("HTTP/1.1 101 Yes\r\n\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

async function open(server: Server, words = ""): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  closers.push(() => socket.destroy());
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  if (words !== "") socket.write(words);
  return socket;
}

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

async function isServed(server: Server): Promise<boolean> {
  const socket = await open(server, ask("/now"));
  const [answer] = await Promise.race([
    once(socket, "data"),
    once(socket, "close").then(() => [""]),
  ]);
  return String(answer).endsWith("served");
}

test("a new connection takes the place of the one that says nothing for longest", async () => {
  const server = await aServer();
  const silent = [await open(server), await open(server, "GET / HT"), await open(server)];
  const gone = once(silent[0], "close");
  silent[0].resume();
  assert.ok(await isServed(server));
  await gone;
  assert.ok(!silent[1].destroyed && !silent[2].destroyed);
});

test("a request that is being answered keeps its place, whoever comes past the bound", async () => {
  const server = await aServer();
  const busy: Socket[] = [];
  for (let i = 0; i < bound; i++) {
    const arrived = once(server, "request");
    busy.push(await open(server, ask("/never")));
    await arrived;
  }
  assert.equal(await isServed(server), false);
  assert.ok(busy.every((socket) => !socket.destroyed));
});

test("a stream has no place among the connections", async () => {
  const server = await aServer();
  const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
  const streams: Socket[] = [];
  for (let i = 0; i < 2 * bound; i++) {
    const stream = await open(server, upgrade);
    await once(stream, "data");
    streams.push(stream);
  }
  for (let i = 0; i < 2 * bound; i++) assert.ok(await isServed(server));
  assert.ok(streams.every((stream) => !stream.destroyed));
  for (const stream of streams) stream.destroy();
});
