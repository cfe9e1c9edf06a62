/**
 * Silence over real loopback sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MessageStream } from "./message-stream.ts";
import { watchSilence } from "./silence-watch.ts";

/** A stream that is read, and its peer: a bare socket. Both are gone when the test ends. */
async function aStream(t: TestContext): Promise<{ stream: MessageStream; peer: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [peer] = (await once(server, "connection")) as [Socket];
  server.close();
  const stream = new MessageStream(socket);
  stream.onMessages = () => undefined;
  t.after(() => {
    stream.destroy();
    peer.destroy();
  });
  return { stream, peer };
}

function closeOf(stream: MessageStream): Promise<Error | null> {
  return new Promise((resolve) => {
    stream.onClose = resolve;
  });
}

test("a stream whose peer says nothing for its beats is cut, and its end says so", async (t) => {
  const { stream } = await aStream(t);
  watchSilence(stream, { beatMs: 2, silentBeatsMax: 5 });
  const error = await closeOf(stream);
  assert.match(String(error), /nothing was heard for 10 ms/);
});

test("a stream is kept while its peer says something now and then", async (t) => {
  const { stream, peer } = await aStream(t);
  watchSilence(stream, { beatMs: 10, silentBeatsMax: 50 });
  const frame = Uint8Array.of(4, 0, 0, 0, 20, 0, 0, 0, 0); // `accepted`, sequence 0.
  for (const end = performance.now() + 1_000; performance.now() < end; ) {
    peer.write(frame);
    await delay(20);
  }
  assert.equal(stream.closed, false);
});

test("a silent peer is asked, and an answer is enough", async (t) => {
  const { stream, peer } = await aStream(t);
  let probes = 0;
  const send = () => {
    probes++;
    stream.send({ type: "call", id: 0, method: "GetClusterInfo", request: {} });
  };
  peer.on("data", () => peer.write(Uint8Array.of(4, 0, 0, 0, 20, 0, 0, 0, 0)));
  watchSilence(stream, { beatMs: 5, silentBeatsMax: 100, probe: { everyBeats: 3, send } });
  const deadline = performance.now() + 10_000;
  while (probes < 60 && performance.now() < deadline) await delay(5);
  assert.ok(probes >= 60, `${probes} probes`);
  assert.equal(stream.closed, false);
});

test("a beat of no length watches nothing", async (t) => {
  const { stream, peer } = await aStream(t);
  watchSilence(stream, { beatMs: 0, silentBeatsMax: 1 });
  await delay(20);
  assert.equal(stream.closed, false);
  peer.end();
  assert.equal(await closeOf(stream), null);
});
