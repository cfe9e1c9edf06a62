/**
 * The controller process around a kernel that only counts, over real sockets: what leaves when,
 * in which order, and who is turned away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import {
  aClient,
  aHeartbeat,
  anInventory,
  aSubmit,
  ask,
  atEnd,
  aWorker,
  cleanUp,
  dataDirectory,
  flood,
  Peer,
  poison,
  type Running,
  start,
} from "../../../test/shell/toy-controller.ts";
import { inventoryTimeoutMs } from "./limits.ts";

afterEach(cleanUp);

describe("a client", () => {
  it("reads the hello first, then what its connection caused", async () => {
    const { controller } = await start({ dataDir: dataDirectory() });
    const peer = await Peer.connect(controller.url, aClient("c"));
    await peer.until(({ heard }) => heard.length > 0);
    assert.deepEqual(peer.types(), ["warning"]);
  });

  it("is told of an accepted submit only when a restart would know it", async () => {
    const dataDir = dataDirectory();
    const first = await start({ dataDir });
    const peer = await Peer.connect(first.controller.url, aClient("c"));
    for (let sequence = 1; sequence <= 20; sequence++) peer.stream.send(aSubmit(sequence));
    await peer.until(({ heard }) => heard.length === 21);
    await first.controller.close();
    const second = await start({ dataDir });
    assert.equal(second.controller.epoch, 2);
    assert.equal(second.controller.clusterId, first.controller.clusterId);
    const { body } = await ask(second.controller.url, "/v1/rpc/ListEvents", { method: "POST" });
    const expected = Array.from({ length: 20 }, (_, i) => `submit ${i + 1}`);
    assert.deepEqual(JSON.parse(body), { log: expected });
  });

  it("that connects again takes over, and the kernel hears of both in order", async () => {
    const { controller, events } = await start();
    const old = await Peer.connect(controller.url, aClient("c"));
    const next = await Peer.connect(controller.url, aClient("c"));
    await old.until(({ closed }) => closed);
    next.stream.send(aSubmit(1));
    await next.until(({ heard }) => heard.some(({ type }) => type === "accepted"));
    const types = events.map(({ type }) => type).filter((type) => type.startsWith("client"));
    assert.deepEqual(types, [
      "client-connected",
      "client-disconnected",
      "client-connected",
      "client-messaged",
    ]);
  });

  it("gets answers to API calls over the stream, and errors with their code", async () => {
    const { controller } = await start();
    const peer = await Peer.connect(controller.url, aClient("c"));
    peer.stream.send({ type: "call", id: 1, method: "ListEvents", request: {} });
    peer.stream.send({ type: "call", id: 2, method: "Nothing", request: {} });
    await peer.until(({ heard }) => heard.length === 3);
    assert.deepEqual(peer.heard.slice(1), [
      { type: "reply", id: 1, result: { log: [] }, error: null },
      {
        type: "reply",
        id: 2,
        result: null,
        error: {
          code: "NOT_FOUND",
          message: 'there is no method "Nothing"; GET /v1/openapi.json lists them',
          details: {},
        },
      },
    ]);
  });

  it("that leaves too much unread is cut off, and is served when it comes back", async () => {
    const { controller, events } = await start();
    const deaf = await Peer.connect(controller.url, aClient("a"));
    deaf.stream.pause();
    deaf.stream.send(aSubmit(1, flood));
    const other = await Peer.connect(controller.url, aClient("b"));
    await other.until(() => {
      other.stream.send({ type: "call", id: 1, method: "ListEvents", request: {} });
      return events.some(({ type }) => type === "client-disconnected");
    });
    const back = await Peer.connect(controller.url, aClient("a"));
    back.stream.send(aSubmit(1));
    await back.until(({ heard }) => heard.some(({ type }) => type === "accepted"));
  });

  it("has as many calls answered as it makes, however many at once", async () => {
    const { controller } = await start();
    const peer = await Peer.connect(controller.url, aClient("a"));
    for (let id = 0; id < 5_000; id++) {
      peer.stream.send({ type: "call", id, method: "ListEvents", request: {} });
    }
    await peer.until(({ heard }) => heard.length >= 5_001);
    const ids = peer.heard.flatMap((message) => (message.type === "reply" ? [message.id] : []));
    assert.deepEqual(ids, [...Array(5_000).keys()]);
  });

  it("that says what only workers say is cut off", async () => {
    const { controller } = await start();
    const peer = await Peer.connect(controller.url, aClient("c"));
    peer.stream.send(aHeartbeat);
    await peer.until(({ closed }) => closed);
  });
});

describe("a worker", () => {
  it("gets its index in the hello and the kernel's sends after its inventory", async () => {
    const { controller, events } = await start();
    const peer = await Peer.connect(controller.url, aWorker());
    assert.equal(peer.index, 0);
    peer.stream.send(anInventory);
    await peer.until(({ heard }) => heard.length > 0);
    assert.deepEqual(peer.heard, [{ type: "forget", tasks: new Float64Array([7]), heard: 0 }]);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["controller-started", "worker-connected"],
    );
  });

  it("never shares an index with another that arrives at the same time", async () => {
    const { controller } = await start();
    const ids = ["a", "b", "c", "d", "e"];
    const indices = await Promise.all(
      ids.map(async (workerId) => {
        const peer = await Peer.connect(controller.url, aWorker({ workerId }));
        peer.stream.send(anInventory);
        return peer.index;
      }),
    );
    assert.deepEqual(
      indices.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4],
    );
  });

  it("does not hold up the next stranger when it leaves before its inventory", async () => {
    const { controller } = await start();
    const first = await Peer.connect(controller.url, aWorker({ workerId: "a" }));
    const second = Peer.connect(controller.url, aWorker({ workerId: "b" }));
    first.stream.destroy();
    assert.equal((await second).index, 0);
  });

  it("that says nothing does not hold up others for long, however many follow", async () => {
    const { controller } = await start();
    const silent = await Peer.connect(controller.url, aWorker({ workerId: "silent" }));
    const startedAt = performance.now();
    const others = ["a", "b", "c"].map(async (workerId) => {
      const peer = await Peer.connect(controller.url, aWorker({ workerId }));
      peer.stream.send(anInventory);
      return peer.index;
    });
    assert.deepEqual(
      (await Promise.all(others)).toSorted((a, b) => a - b),
      [0, 1, 2],
    );
    assert.ok(performance.now() - startedAt < inventoryTimeoutMs);
    await silent.until(({ stream }) => stream.closed);
  });

  it("is told the number of its last message, once a turn", async () => {
    const { controller } = await start({ dataDir: dataDirectory() });
    const peer = await Peer.connect(controller.url, aWorker());
    peer.stream.send(anInventory);
    peer.stream.send(aHeartbeat);
    peer.stream.send({ type: "leaving" });
    await peer.until(({ heard }) => heard.length === 2);
    assert.deepEqual(peer.heard[1], { type: "acknowledge", sequence: 2 });
    peer.stream.send(aHeartbeat); // Answered too: so a worker hears that its controller is there.
    await peer.until(({ heard }) => heard.length === 3);
    assert.deepEqual(peer.heard[2], { type: "acknowledge", sequence: 3 });
  });

  it("with the id of one that registers just now is refused, naming that process", async () => {
    const { controller } = await start();
    await Peer.connect(controller.url, aWorker());
    await assert.rejects(Peer.connect(controller.url, aWorker({ incarnation: "i2" })), {
      code: "WORKER_ID_IN_USE",
      message: /worker id w1 is registering just now from process 1 at 127\.0\.0\.1:1/,
    });
  });

  it("whose exit was seen makes room for its next incarnation at once", async () => {
    const { controller, events } = await start();
    const peer = await Peer.connect(controller.url, aWorker());
    peer.stream.send(anInventory);
    await peer.until(({ heard }) => heard.length > 0);
    const exit = { workerId: "w1", incarnation: "i1", exitCode: null, signal: "SIGKILL" };
    const path = "/v1/rpc/ReportWorkerExit";
    const answer = await ask(controller.url, path, { method: "POST", body: JSON.stringify(exit) });
    assert.deepEqual(answer, { status: 200, body: "{}" });
    await Peer.connect(controller.url, aWorker({ incarnation: "i2" }));
    const types = events.map(({ type }) => type).slice(-2);
    assert.deepEqual(types, ["worker-disconnected", "worker-exited"]);
  });

  it("that has served a later epoch refuses to be served by an earlier one", async () => {
    const { controller } = await start();
    const { clusterId } = controller;
    await assert.rejects(Peer.connect(controller.url, aWorker({ clusterId, epoch: 9 })), {
      code: "STALE_EPOCH",
    });
  });
});

describe("a loop that stood still", () => {
  it("tells the kernel before anything that came meanwhile", async () => {
    const { controller, events } = await start();
    const peer = await Peer.connect(controller.url, aClient("c"));
    await peer.until(({ heard }) => heard.length > 0);
    peer.stream.send(aSubmit(1));
    peer.stream.flush();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_100);
    await peer.until(({ heard }) => heard.length === 2);
    const types = events.map(({ type }) => type).slice(-2);
    assert.deepEqual(types, ["controller-paused", "client-messaged"]);
    const { pausedUs } = events.at(-2) as { pausedUs: number };
    assert.ok(pausedUs >= 2_000_000 && Number.isSafeInteger(pausedUs));
  });
});

describe("the one port", () => {
  it("needs a token off loopback", async () => {
    await assert.rejects(start({ listen: "0.0.0.0:0" }), {
      code: "INVALID_ARGUMENT",
      message: /without a token anybody there could run programs here/,
    });
  });

  it("says which port is in use and what to do", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    atEnd(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    await assert.rejects(start({ listen: `127.0.0.1:${port}` }), {
      code: "ADDRESS_IN_USE",
      message: new RegExp(`port ${port} on 127.0.0.1 is in use .*: stop it, or listen elsewhere`),
    });
  });

  it("asks for the token everywhere but on the page and the health checks", async () => {
    const { controller } = await start({ token: "secret" });
    const open = await Promise.all(
      ["/", "/healthz", "/readyz"].map((path) => ask(controller.url, path)),
    );
    assert.deepEqual(
      open.map(({ status }) => status),
      [200, 200, 200],
    );
    const call = { method: "POST", headers: { Authorization: "Bearer wrong" } };
    assert.equal((await ask(controller.url, "/v1/rpc/ListEvents", call)).status, 401);
    const right = { method: "POST", headers: { Authorization: "Bearer secret" } };
    assert.equal((await ask(controller.url, "/v1/rpc/ListEvents", right)).status, 200);
    await assert.rejects(Peer.connect(controller.url, aClient("c")), { code: "UNAUTHENTICATED" });
    await Peer.connect(controller.url, aClient("c"), "secret");
  });

  it("answers neither a foreign host nor a foreign origin", async () => {
    const { controller } = await start();
    const foreign = await ask(controller.url, "/", { headers: { Host: "evil.example:80" } });
    assert.equal(foreign.status, 403);
    const page = await ask(controller.url, "/v1/rpc/ListEvents", {
      method: "POST",
      headers: { Origin: "http://evil.example" },
    });
    assert.equal(page.status, 403);
  });

  it("is ready when the expected workers have registered; says how many are missing", async () => {
    const { controller } = await start({ expectWorkers: 1 });
    const before = await ask(controller.url, "/readyz");
    assert.equal(before.status, 503);
    assert.deepEqual(JSON.parse(before.body).reasons, ["0 of 1 workers have registered"]);
    const peer = await Peer.connect(controller.url, aWorker());
    peer.stream.send(anInventory);
    await peer.until(({ heard }) => heard.length > 0);
    assert.equal((await ask(controller.url, "/readyz")).status, 200);
  });

  it("refuses what is no method, no page, no JSON", async () => {
    const { controller } = await start();
    const codes = [];
    for (const [path, options] of [
      ["/v1/rpc/Nothing", { method: "POST" }],
      ["/v1/rpc/ListEvents", { method: "GET" }],
      ["/v1/rpc/ListEvents", { method: "POST", body: "{" }],
      ["/nowhere", {}],
    ] as const) {
      const { status, body } = await ask(controller.url, path, options);
      codes.push([status, JSON.parse(body).error.code]);
    }
    assert.deepEqual(codes, [
      [404, "NOT_FOUND"],
      [404, "NOT_FOUND"],
      [400, "INVALID_ARGUMENT"],
      [404, "NOT_FOUND"],
    ]);
  });
});

describe("bundles", () => {
  const content = Buffer.from("export const answer = 42;\n");
  const hash = createHash("sha256").update(content).digest("hex");

  it("are kept by the hash of their bytes, over restarts too", async () => {
    const dataDir = dataDirectory();
    const first = await start({ dataDir });
    const path = `/v1/bundles/${hash}`;
    assert.equal((await ask(first.controller.url, path)).status, 404);
    const put = { method: "PUT", body: content };
    assert.equal((await ask(first.controller.url, path, put)).status, 201);
    assert.equal((await ask(first.controller.url, path, put)).status, 200);
    await first.controller.close();
    const second = await start({ dataDir });
    assert.equal((await ask(second.controller.url, path, { method: "HEAD" })).status, 200);
    assert.equal((await ask(second.controller.url, path)).body, content.toString());
  });

  it("with other bytes than the name says are refused and leave nothing behind", async () => {
    const dataDir = dataDirectory();
    const { controller } = await start({ dataDir });
    const put = { method: "PUT", body: "something else" };
    const { status, body } = await ask(controller.url, `/v1/bundles/${hash}`, put);
    assert.equal(status, 400);
    assert.match(JSON.parse(body).error.message, new RegExp(`SHA-256 .*, not ${hash}`));
    assert.deepEqual(readdirSync(join(dataDir, "bundles")), []);
  });
});

describe("a broken promise", () => {
  async function poisoned(dataDir: string): Promise<Running> {
    const running = await start({ dataDir });
    const peer = await Peer.connect(running.controller.url, aClient("c"));
    peer.stream.send(aSubmit(1, poison));
    assert.equal((await running.fatal).exitCode, 70);
    await running.controller.close();
    return running;
  }

  it("is kept with its event and story, and none of its facts are journaled", async () => {
    const dataDir = dataDirectory();
    await poisoned(dataDir);
    const names = readdirSync(join(dataDir, "quarantine"));
    assert.equal(names.length, 1);
    const record = JSON.parse(readFileSync(join(dataDir, "quarantine", names[0]), "utf8"));
    assert.deepEqual(record.story, ["it was thirteen"]);
    assert.equal(record.event.message.first, poison);
  });

  it("is refused to its sender once it has stopped the controller twice", async () => {
    const dataDir = dataDirectory();
    await poisoned(dataDir);
    await poisoned(dataDir);
    const { controller } = await start({ dataDir });
    const peer = await Peer.connect(controller.url, aClient("c"));
    peer.stream.send(aSubmit(1, poison));
    peer.stream.send(aSubmit(2));
    await peer.until(({ heard }) => heard.length === 2);
    assert.deepEqual(peer.types(), ["refused", "accepted"]);
    const ready = await ask(controller.url, "/readyz");
    assert.equal(ready.status, 200);
    assert.deepEqual(JSON.parse(ready.body).degraded, ["1 quarantined events are refused"]);
  });
});

describe("what a controller keeps", () => {
  it("can be read by its own user only, in whatever directory it is", async () => {
    const dataDir = dataDirectory();
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, "journal.sqlite"), "", { mode: 0o644 });
    await start({ dataDir });
    const journal = readdirSync(dataDir).filter((name) => name.startsWith("journal."));
    assert.ok(journal.length > 1);
    for (const name of [...journal, "quarantine", "bundles"]) {
      assert.equal(statSync(join(dataDir, name)).mode & 0o077, 0, name);
    }
  });
});

describe("a controller without a data directory", () => {
  it("leaves no bundle behind", async () => {
    const { controller } = await start();
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("capstan-bundles-"));
    await controller.close();
    const left = before.filter((name) => existsSync(join(tmpdir(), name)));
    assert.ok(left.length < before.length);
  });
});
