/**
 * The controller as its enemies see it: whatever is said on the wire, it goes on serving others,
 * and its books stay right.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Prng } from "../../src/base/prng.ts";
import { type Client, gather } from "../../src/client/index.ts";
import { encodeHot } from "../../src/protocol/codec.ts";
import type { Message } from "../../src/protocol/messages.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import {
  aSpec,
  aSubmit,
  emptyInventory,
  openAsClient,
  openAsWorker,
  openUpgraded,
  RogueClient,
  RogueWorker,
} from "./bad-input-peers.ts";
import { assertNothingIsLeft, FaultCluster, until } from "./faults-cluster.ts";
import { increment, lengthOf, makeCounted } from "./faults-tasks.ts";

const seed = Date.now() % 1_000_000;
const limits = { timeoutMs: 60_000 };
const faults = new FaultCluster();
let client: Client;
let url: string;
let controllerPid: number;

before(async () => {
  client = await faults.start({ workers: 1, threads: 1, dataDir: faults.path("data") });
  url = faults.cluster.url;
  controllerPid = faults.cluster.processes.controllerPid;
});

after(() => faults.close());

// Whatever was done to it, the same process serves, its books are right and nobody is charged.
afterEach(async () => {
  assert.equal(await client.submit(increment, [1]).result(limits), 2);
  assert.equal(faults.cluster.processes.controllerPid, controllerPid, `seed ${seed}`);
  await assertNothingIsLeft(client);
});

/** What a stream heard, and why it ended; null while it lives. */
function listen(stream: MessageStream) {
  const seen = { heard: [] as Message[], isOver: false };
  stream.onMessages = (messages) => void seen.heard.push(...messages);
  stream.onClose = () => {
    seen.isOver = true;
  };
  return seen;
}

test("bytes of chance, before and after the upgrade, end their connection only", async () => {
  const { port } = new URL(url);
  const random = new Prng(seed);
  const closed = Array.from({ length: 60 }, async (_, i) => {
    const plain = connectSocket(Number(port), "127.0.0.1");
    plain.on("error", () => plain.destroy());
    const socket = i % 2 === 0 ? plain : await openUpgraded(url);
    if (socket !== plain) plain.destroy();
    socket.resume();
    socket.write(randomBytes(1 + random.below(50_000)));
    socket.end();
    if (!socket.destroyed) await once(socket, "close");
  });
  await Promise.all(closed);
});

/** The controller's first frame, after the bytes that came of it: JSON behind five bytes. */
async function answerTo(bytes: Uint8Array, end = false): Promise<string> {
  const socket = await openUpgraded(url);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.write(bytes);
  if (end) socket.end();
  await once(socket, "close");
  return text;
}

function helloFrame(hello: object): Buffer {
  const body = Buffer.from(JSON.stringify(hello));
  const header = Buffer.alloc(5);
  header.writeUInt32LE(body.length);
  header[4] = 255;
  return Buffer.concat([header, body]);
}

test("a first frame that is cut short, too large or of another version is told so", async () => {
  const hello = { role: "client", protocolVersion: 1, clientId: "c", user: "u", clusterId: "" };
  const whole = helloFrame(hello);
  assert.match(await answerTo(whole.subarray(0, 20), true), /PROTOCOL_ERROR/);
  assert.match(await answerTo(Buffer.from([255, 255, 255, 255, 255])), /PROTOCOL_ERROR/);
  const other = helloFrame({ ...hello, protocolVersion: 2 });
  assert.match(await answerTo(other), /VERSION_MISMATCH.*version 2/);
  assert.match(await answerTo(helloFrame({ ...hello, role: "king" })), /hello\.role must be one/);
  assert.match(await answerTo(helloFrame({ ...hello, clientId: 7 })), /hello\.clientId must be/);
});

test("a later frame that is cut short, too large or unknown ends its connection only", async () => {
  const hello = { role: "client", protocolVersion: 1, clientId: "", user: "u", clusterId: "" };
  const submit = encodeHot(aSubmit(1, 0, 10));
  const tooLarge = Buffer.from([0, 0, 0, 5, 1]);
  const unknown = Buffer.from([1, 0, 0, 0, 99, 0]);
  const frames = [submit.subarray(0, submit.length - 3), tooLarge, unknown];
  for (const [i, frame] of frames.entries()) {
    const socket = await openUpgraded(url);
    const over = once(socket, "close");
    socket.resume();
    socket.write(helloFrame({ ...hello, clientId: `frames-${i}` }));
    socket.write(frame);
    if (i === 0) socket.end();
    await over;
  }
});

test("a client that speaks as a worker is cut off, and the other way round", async () => {
  const asClient = await openAsClient(url, "two-faced");
  const client = listen(asClient);
  asClient.send(emptyInventory);
  const asWorker = await openAsWorker(url, "two-faced");
  const worker = listen(asWorker);
  asWorker.send(aSubmit(1, 0, 1));
  await until("both to be cut off", () => client.isOver && worker.isOver);
});

test("a worker that lies about anything breaks nothing but what it touched", async () => {
  const rogue = new RogueWorker(seed);
  let isOver = false;
  const attack = attackAsWorker(rogue, () => isOver);
  for (let round = 0; round < 6; round++) {
    const calls = Array.from({ length: 60 }, (_, i) => {
      return [faults.path("lies"), `${i}`, 1, i % 4 === 0 ? 70_000 : 5] as const;
    });
    const parts = client.map(makeCounted, calls, { retries: 5 });
    const lengths = parts.map((part) => client.submit(lengthOf, [part]));
    // What it touched may fail; nothing may hang.
    await Promise.all(lengths.map((length) => length.exception(limits)));
  }
  isOver = true;
  await attack;
  const honest = client.map(increment, [[1], [2], [3]]);
  assert.deepEqual(await gather(honest, limits), [2, 3, 4]);
});

/** Comes, lies and goes, again and again; its end is reported, as whoever started it would. */
async function attackAsWorker(rogue: RogueWorker, isOver: () => boolean): Promise<void> {
  for (let life = 0; !isOver(); life++) {
    const incarnation = `life-${life}`;
    const stream = await openAsWorker(url, incarnation);
    let isClosed = false;
    stream.onClose = () => {
      isClosed = true;
    };
    stream.onMessages = (messages) => messages.forEach((message) => void rogue.hear(message));
    stream.send(rogue.inventory());
    for (let i = 0; i < 60 && !isClosed && !isOver(); i++) {
      stream.send(rogue.lie());
      await pause(1);
    }
    stream.destroy();
    const exit = { workerId: "rogue", incarnation, exitCode: 1, signal: null };
    await client.call("ReportWorkerExit", exit);
  }
}

test("a client that says nonsense is answered, and leaves nothing behind", async () => {
  for (let session = 0; session < 12; session++) {
    const rogue = new RogueClient(seed + session);
    const stream = await openAsClient(url, `nonsense-${session}`);
    const seen = listen(stream);
    for (let spec = 0; spec < 6; spec++) {
      stream.send({ type: "define-spec", spec, definition: aSpec(1_000_000_000) });
    }
    for (let i = 0; i < 200; i++) stream.send(rogue.say());
    stream.send({ type: "call", id: 77, method: "GetClusterInfo", request: {} });
    const isAnswered = () => seen.heard.some((one) => one.type === "reply" && one.id === 77);
    await until("an answer to the last call", () => isAnswered());
    assert.equal(seen.isOver, false, `seed ${seed + session}`);
    stream.send({ type: "close-session" });
    await until("the session to end", () => seen.isOver);
  }
});

test("an API call that means nothing is refused by name, on HTTP as on the stream", async () => {
  const rogue = new RogueClient(seed);
  for (let i = 0; i < 300; i++) {
    const { method, request } = rogue.call();
    const { status, text } = await post(method, JSON.stringify(request) ?? "");
    assert.ok([200, 400, 404].includes(status), `${method} ${JSON.stringify(request)}: ${text}`);
  }
  assert.equal((await post("ListTasks", "{")).status, 400);
  assert.equal((await post("ListTasks", `"${"x".repeat(17_000_000)}"`)).status, 400);
});

async function post(method: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/v1/rpc/${method}`, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

test("a request that is not understood is refused by its number and costs nothing", async () => {
  const stream = await openAsClient(url, "huge");
  const seen = listen(stream);
  stream.send({ type: "define-spec", spec: 1, definition: aSpec(1_000) });
  stream.send(aSubmit(1, 0, 15_000_000));
  stream.send({ type: "cancel", sequence: 2, tasks: [0], reason: { name: "Error" } } as never);
  await until("two answers", () => seen.heard.length === 2);
  for (const [index, message] of seen.heard.entries()) {
    assert.ok(message.type === "refused" && message.sequence === index + 1);
    assert.equal(message.error.code, "PROTOCOL_ERROR");
  }
  assert.equal(seen.isOver, false, "cut off, it would come back with the same");
  stream.send({ type: "close-session" });
  await until("the session to end", () => seen.isOver);
});

function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

test("a client that asks and never reads is not read from, and costs no memory", async () => {
  const stream = await openAsClient(url, "deaf"); // Nobody listens: nothing is read.
  const beforeMib = residentMib(controllerPid);
  const request = { pageSize: 1_000 };
  for (let id = 0; id < 300_000 && stream.bufferedBytes < 4_000_000; id++) {
    stream.send({ type: "call", id, method: "ListEvents", request });
    if (id % 100 === 0) await pause(1);
  }
  assert.ok(stream.bufferedBytes >= 4_000_000, "what it sends waits with it");
  assert.equal(await client.submit(increment, [1]).result(limits), 2);
  const grownMib = residentMib(controllerPid) - beforeMib;
  assert.ok(grownMib < 200, `the controller has grown by ${grownMib} MiB`);
  stream.destroy();
});
