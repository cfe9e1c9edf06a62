/**
 * Live queries over real sockets: what a subscriber is told and when, who may subscribe, and what
 * ends a connection.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, it, type TestContext } from "node:test";
import WebSocket from "ws";
import { cleanUp, type Running, start } from "../../../test/shell/toy-controller.ts";
import { applyChanges } from "../../base/changes.ts";
import { liveSubscriptionsMax } from "../api/live-limits.ts";
import {
  type LiveMessage,
  type LiveRequest,
  liveProtocol,
  liveTokenPrefix,
} from "../api/live-messages.ts";

afterEach(cleanUp);

/** A reader of the stream that keeps the latest value of each subscription. */
class Reader {
  readonly socket: WebSocket;
  readonly heard: LiveMessage[] = [];
  readonly values = new Map<number, unknown>();

  constructor(url: string, protocols: readonly string[], headers: { [name: string]: string } = {}) {
    const address = `${url.replace("http", "ws")}/v1/events`;
    this.socket = new WebSocket(address, [...protocols], { headers });
    this.socket.on("message", (data) => this.#hear(JSON.parse(String(data))));
  }

  static async open(t: TestContext, url: string): Promise<Reader> {
    const reader = new Reader(url, [liveProtocol]);
    t.after(() => reader.socket.terminate());
    await once(reader.socket, "open");
    return reader;
  }

  say(message: LiveRequest): void {
    this.socket.send(JSON.stringify(message));
  }

  async until(isDone: (reader: Reader) => boolean): Promise<void> {
    while (!isDone(this))
      await once(this.socket, "message", { signal: AbortSignal.timeout(10_000) });
  }

  /** Of one subscription, in order. */
  about(id: number): LiveMessage[] {
    return this.heard.filter((message) => "id" in message && message.id === id);
  }

  #hear(message: LiveMessage): void {
    this.heard.push(message);
    if (message.type === "value") this.values.set(message.id, message.value);
    if (message.type !== "change") return;
    this.values.set(message.id, applyChanges(this.values.get(message.id), message.changes));
  }
}

async function cordon({ controller }: Running, workerId: string): Promise<void> {
  const body = JSON.stringify({ workerId });
  const url = `${controller.url}/v1/rpc/CordonWorker`;
  const response = await fetch(url, { method: "POST", body });
  assert.equal(response.status, 200, await response.text());
}

/** The status of a refused upgrade. */
async function refusalOf({ socket }: { readonly socket: WebSocket }): Promise<number> {
  const [, response] = await once(socket, "unexpected-response");
  socket.on("error", () => undefined); // It says that it was ended before it was open.
  socket.terminate();
  return response.statusCode;
}

describe("a live query", () => {
  it("is told the answer, then only what changed in it", async (t) => {
    const running = await start();
    const reader = await Reader.open(t, running.controller.url);
    reader.say({ type: "subscribe", id: 7, method: "ListEvents" });
    await reader.until(({ values }) => values.has(7));
    assert.deepEqual(reader.values.get(7), { log: [] });
    await cordon(running, "w1");
    await reader.until(({ values }) => (values.get(7) as { log: string[] }).log.length === 1);
    const [value, change] = reader.about(7);
    assert.equal(value.type, "value");
    assert.ok(change.type === "change" && change.sequence === 1);
    assert.match(change.at, /^\d{4}-.*Z$/);
    assert.deepEqual(reader.values.get(7), { log: ["cordon-worker by anonymous"] });
  });

  it("is heard no more after it was given up, and its number is free again", async (t) => {
    const running = await start();
    const reader = await Reader.open(t, running.controller.url);
    reader.say({ type: "subscribe", id: 1, method: "ListEvents" });
    await reader.until(({ values }) => values.has(1));
    reader.say({ type: "unsubscribe", id: 1 });
    reader.say({ type: "subscribe", id: 2, method: "ListEvents" });
    await reader.until(({ values }) => values.has(2));
    await cordon(running, "w1");
    await reader.until(({ heard }) => heard.some(({ type }) => type === "change"));
    assert.equal(reader.about(1).length, 1);
    reader.say({ type: "subscribe", id: 1, method: "WhoAmI" });
    await reader.until((one) => one.about(1).length === 2);
  });

  it("is asked once for all who want the same", async (t) => {
    const running = await start();
    const readers = await Promise.all([1, 2, 3].map(() => Reader.open(t, running.controller.url)));
    for (const reader of readers) reader.say({ type: "subscribe", id: 1, method: "ListEvents" });
    for (const reader of readers) await reader.until(({ values }) => values.has(1));
    await cordon(running, "w1");
    for (const reader of readers) await reader.until((one) => one.about(1).length === 2);
    const texts = readers.map((reader) => JSON.stringify(reader.about(1)[1]));
    assert.equal(new Set(texts).size, 1);
  });

  it("whose method fails ends with the error of the API, and the connection goes on", async (t) => {
    const { controller } = await start();
    const reader = await Reader.open(t, controller.url);
    reader.say({ type: "subscribe", id: 1, method: "ListJob" });
    reader.say({ type: "subscribe", id: 2, method: "TerminateJob", request: { jobId: "/a/b" } });
    reader.say({ type: "subscribe", id: 3, method: "ListJobs", request: { pageSze: 4 } });
    reader.say({ type: "subscribe", id: 4, method: "GetTaskStatus", request: { taskId: "x" } });
    await reader.until(({ heard }) => heard.filter(({ type }) => type === "error").length === 4);
    const codes = [1, 2, 3, 4].map((id) => {
      const [message] = reader.about(id);
      return message.type === "error" ? message.error.code : "";
    });
    assert.deepEqual(codes, ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "BUG"]);
    reader.say({ type: "subscribe", id: 1, method: "WhoAmI" });
    await reader.until(({ values }) => values.has(1));
  });

  it("hears the clock about once a second", async (t) => {
    const { controller } = await start();
    const reader = await Reader.open(t, controller.url);
    await reader.until(({ heard }) => heard.filter(({ type }) => type === "clock").length === 2);
    const [clock] = reader.heard;
    assert.ok(clock.type === "clock" && clock.live && clock.sequence === 0);
  });
});

describe("a connection to the stream of events", () => {
  it("needs the token, in its header or offered as a subprotocol", async (t) => {
    const { controller } = await start({ token: "letmein" });
    assert.equal(await refusalOf(new Reader(controller.url, [liveProtocol])), 401);
    assert.equal(await refusalOf(new Reader(controller.url, [liveProtocol, offered("no")])), 401);
    const reader = new Reader(controller.url, [liveProtocol, offered("letmein")]);
    t.after(() => reader.socket.terminate());
    await once(reader.socket, "open");
    assert.equal(reader.socket.protocol, liveProtocol);
    const headed = new Reader(controller.url, [liveProtocol], bearer("letmein"));
    t.after(() => headed.socket.terminate());
    await once(headed.socket, "open");
  });

  it("is refused to the pages of other hosts", async () => {
    const { controller } = await start();
    const foreign = new Reader(controller.url, [liveProtocol], { origin: "http://evil.example" });
    assert.equal(await refusalOf(foreign), 403);
  });

  it("ends when it says what is no message", async (t) => {
    const { controller } = await start();
    for (const text of ["{", "[]", '{"type":"subscribe","id":-1,"method":"WhoAmI"}', '{"id":1}']) {
      const reader = await Reader.open(t, controller.url);
      reader.socket.send(text);
      const [code] = await once(reader.socket, "close");
      assert.equal(code, 4400, text);
    }
  });

  it("has a bounded number of subscriptions", async (t) => {
    const { controller } = await start();
    const reader = await Reader.open(t, controller.url);
    for (let id = 0; id <= liveSubscriptionsMax; id++) {
      reader.say({ type: "subscribe", id, method: "WhoAmI" });
    }
    await reader.until(({ heard }) => heard.some(({ type }) => type === "error"));
    const [last] = reader.about(liveSubscriptionsMax);
    assert.ok(last.type === "error" && last.error.code === "OVERLOADED");
  });

  it("is closed with the controller", async (t) => {
    const { controller } = await start();
    const reader = await Reader.open(t, controller.url);
    const closed = once(reader.socket, "close");
    await controller.close();
    assert.equal((await closed)[0], 1001);
  });

  it("is refused on a path that nobody serves", async () => {
    const { controller } = await start();
    const socket = new WebSocket(`${controller.url.replace("http", "ws")}/v1/other`);
    assert.equal(await refusalOf({ socket }), 404);
  });
});

function offered(token: string): string {
  return `${liveTokenPrefix}${Buffer.from(token).toString("base64url")}`;
}

function bearer(token: string): { [name: string]: string } {
  return { authorization: `Bearer ${token}` };
}
