/**
 * Streams over real loopback sockets: order, coalescing, back-pressure, ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { encodeHot } from "../../protocol/codec.ts";
import type { HotMessageOf, Message } from "../../protocol/messages.ts";
import { MessageStream } from "./message-stream.ts";

/** Two ends of one loopback connection. Both are gone when the test ends. */
async function aConnection(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

/** Collects what a stream hands over. */
function collect(stream: MessageStream): { batches: Message[][]; all: Message[] } {
  const seen: { batches: Message[][]; all: Message[] } = { batches: [], all: [] };
  stream.onMessages = (messages) => {
    seen.batches.push(messages);
    seen.all.push(...messages);
  };
  return seen;
}

function closeOf(stream: MessageStream): Promise<Error | null> {
  return new Promise((resolve) => {
    let calls = 0;
    stream.onClose = (error) => {
      assert.equal(++calls, 1, "onClose is called once");
      resolve(error);
    };
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "the condition did not come true in 5 s");
    await delay(1);
  }
}

function accepted(sequence: number): HotMessageOf<"accepted"> {
  return { type: "accepted", sequence };
}

function results(bytes: number): HotMessageOf<"results"> {
  const data = new Uint8Array(bytes).map((_, i) => i);
  return {
    type: "results",
    tasks: Uint32Array.of(1),
    values: { offsets: Uint32Array.of(0, bytes), data },
  };
}

test("messages arrive in the order in which they were sent, hot and cold", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const got = collect(new MessageStream(far));
  const sent: Message[] = [];
  for (let i = 0; i < 500; i++) {
    const message: Message =
      i % 5 === 0 ? { type: "warning", code: String(i), message: "m" } : accepted(i);
    sent.push(message);
    sender.send(message);
    if (i % 100 === 0) await nextTurn();
  }
  await until(() => got.all.length === sent.length);
  assert.deepEqual(got.all, sent);
});

test("what is sent for later leaves with the next message, in order", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const got = collect(new MessageStream(far));
  sender.sendLater(accepted(1));
  sender.send(accepted(2));
  await until(() => got.all.length === 2);
  assert.deepEqual(got.batches, [[accepted(1), accepted(2)]]);
});

test("what is sent for later leaves without another message too", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const got = collect(new MessageStream(far));
  for (let round = 1; round <= 3; round++) {
    sender.sendLater(accepted(round));
    await until(() => got.all.length === round);
  }
  assert.deepEqual(got.all, [accepted(1), accepted(2), accepted(3)]);
});

test("what is sent in one turn leaves in one write and arrives in one call", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const got = collect(new MessageStream(far));
  for (let i = 0; i < 1000; i++) sender.send(accepted(i));
  assert.equal(near.bytesWritten, 0);
  assert.ok(sender.bufferedBytes >= 9000);
  await until(() => got.all.length === 1000);
  assert.equal(got.batches.length, 1);
  assert.equal(near.bytesWritten, 9000);
});

test("flush sends without waiting for the end of the turn", async (t) => {
  const { near } = await aConnection(t);
  const sender = new MessageStream(near);
  sender.send(accepted(1));
  sender.flush();
  assert.equal(near.bytesWritten, 9);
});

test("a large message goes through whole, between small ones", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const got = collect(new MessageStream(far));
  const large = results(20 << 20);
  for (const message of [accepted(1), large, accepted(2)]) sender.send(message);
  await until(() => got.all.length === 3);
  assert.deepEqual(got.all[0], accepted(1));
  const { values } = got.all[1] as HotMessageOf<"results">;
  assert.ok(Buffer.from(values.data).equals(large.values.data));
  assert.deepEqual(got.all[2], accepted(2));
});

test("messages wait until somebody listens", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const receiver = new MessageStream(far);
  sender.send(accepted(1));
  await until(() => near.bytesWritten > 0 && near.writableLength === 0);
  const got = collect(receiver);
  await until(() => got.all.length === 1);
});

test("a slow reader shows in bufferedBytes, and onDrain tells when it has caught up", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const receiver = new MessageStream(far);
  const got = collect(receiver);
  receiver.pause();
  let drained = 0;
  sender.onDrain = () => drained++;
  const count = 40;
  for (let i = 0; i < count; i++) sender.send(results(1 << 20));
  sender.flush();
  await until(() => far.bytesRead > 0 || near.bytesWritten > 0);
  assert.ok(sender.bufferedBytes > 1 << 20, "the network cannot take it all");
  assert.equal(got.all.length, 0);
  receiver.resume();
  await until(() => got.all.length === count);
  await until(() => drained > 0);
  assert.equal(sender.bufferedBytes, 0);
});

test("pause inside a delivery stops the next one, resume brings it", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const receiver = new MessageStream(far);
  const got: Message[] = [];
  receiver.onMessages = (messages) => {
    got.push(...messages);
    receiver.pause();
  };
  sender.send(accepted(1));
  await until(() => got.length === 1);
  sender.send(accepted(2));
  await until(() => near.writableLength === 0 && near.bytesWritten === 18);
  assert.equal(got.length, 1);
  receiver.resume();
  await until(() => got.length === 2);
});

test("close delivers what was sent before, then tells both ends once, without error", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  const receiver = new MessageStream(far);
  const got = collect(receiver);
  const closes = [closeOf(sender), closeOf(receiver)];
  for (let i = 0; i < 100; i++) sender.send(accepted(i));
  sender.close();
  sender.close();
  sender.send(accepted(-0));
  assert.deepEqual(await Promise.all(closes), [null, null]);
  assert.equal(got.all.length, 100);
  assert.ok(sender.closed && receiver.closed);
});

test("onClose that is set after the end is still called", async (t) => {
  const { near, far } = await aConnection(t);
  const sender = new MessageStream(near);
  sender.destroy();
  far.resume();
  await until(() => near.closed);
  assert.equal(await closeOf(sender), null);
});

test("a frame that breaks the rules closes the stream with its error, once", async (t) => {
  const { near, far } = await aConnection(t);
  const receiver = new MessageStream(far);
  const got = collect(receiver);
  const close = closeOf(receiver);
  near.write(Buffer.concat([encodeHot(accepted(1)), Buffer.from([0, 0, 0, 0, 199])]));
  const error = await close;
  assert.match(String(error?.message), /opcode 199 is not known/);
  assert.deepEqual(got.all, [accepted(1)]);
  near.resume();
  await until(() => near.destroyed);
});

test("an end inside a frame is an error, not an orderly close", async (t) => {
  const { near, far } = await aConnection(t);
  const receiver = new MessageStream(far);
  collect(receiver);
  const close = closeOf(receiver);
  near.end(encodeHot(results(100)).subarray(0, 50));
  assert.match(String((await close)?.message), /50 bytes into an unfinished frame/);
});

test("a cut connection is told as the error that the socket had", async (t) => {
  const { near, far } = await aConnection(t);
  const receiver = new MessageStream(far);
  collect(receiver);
  const close = closeOf(receiver);
  near.resetAndDestroy();
  const error = (await close) as NodeJS.ErrnoException | null;
  assert.equal(error?.code, "ECONNRESET");
});

test("destroy tells its own reason", async (t) => {
  const { near } = await aConnection(t);
  const stream = new MessageStream(near);
  const close = closeOf(stream);
  const reason = new Error("a stale session");
  stream.destroy(reason);
  stream.destroy(new Error("later"));
  assert.equal(await close, reason);
});
