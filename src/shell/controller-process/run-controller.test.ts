/**
 * The controller process around a kernel that only counts, over real sockets: what leaves when,
 * in which order, and who is turned away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { InvariantError } from "../../base/assert.ts";
import { blobsOf } from "../../base/blobs.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import { CapstanError } from "../../model/errors.ts";
import { noResources } from "../../model/resources.ts";
import {
  type ClientHello,
  type HotMessageOf,
  type Message,
  protocolVersion,
  type WorkerHello,
} from "../../protocol/messages.ts";
import { createLogger } from "../logging/logger.ts";
import type { MessageStream } from "../transport/message-stream.ts";
import { connectStream } from "../transport/stream-client.ts";
import type { Kernel } from "./kernel.ts";
import type { ControllerOptions } from "./options.ts";
import { type ControllerProcess, type FatalEnd, startController } from "./run-controller.ts";

interface ToyState {
  readonly clients: string[];
  readonly workers: string[];
  /** `"client submit 3"`, in order: what must survive. */
  readonly log: string[];
}

interface ToyFact {
  readonly type: "client" | "worker" | "log";
  readonly text: string;
}

/** The first number of a submit that breaks the toy's promise. */
const poison = 13;

/** The first number of a submit whose results are ten times 60 MB. */
const flood = 14;

const floodBytes = new Uint8Array(60_000_000);

const floodOfResults = Array.from({ length: 10 }, () => ({
  type: "results" as const,
  tasks: Uint32Array.of(flood),
  values: { offsets: Uint32Array.of(0, floodBytes.length), data: floodBytes },
}));

function toyKernel(events: ControllerEvent[]): Kernel<ToyState, ToyFact> {
  const apply = (state: ToyState, { type, text }: ToyFact): void => {
    if (type === "client") state.clients.push(text);
    else if (type === "worker") state.workers.push(text);
    else state.log.push(text);
  };
  const newState = (): ToyState => ({ clients: [], workers: [], log: [] });
  return {
    newState,
    apply,
    snapshotOf: (state) => state,
    stateOf: (snapshot) => snapshot as ToyState,
    isDurable: () => true,
    nextDeadline: () => null,
    summaryOf: (state) => ({
      taskStateCounts: { PENDING: state.log.length },
      workerCount: state.workers.length,
      attemptCount: 0,
      recomputedCount: 0,
    }),
    answerCall: (state, method) => {
      if (method === "ReadLog") return { log: [...state.log] };
      throw new CapstanError("NOT_FOUND", `there is no method ${method}`);
    },
    sessionOf: (state, clientId) => {
      const index = state.clients.indexOf(clientId);
      return index < 0 ? null : { index, jobId: `/toy/${index}`, sequence: state.log.length };
    },
    clientIdOf: (state, client) => state.clients[client],
    workerIdOf: (state, worker) => state.workers[worker],
    workerIndexOf: (state, id) => (state.workers.includes(id) ? state.workers.indexOf(id) : null),
    nextWorkerIndex: (state) => state.workers.length,
    admitWorker: () => null,
    step: (state, event) => {
      events.push(event);
      const { facts, sends } = react(state, event);
      for (const fact of facts) apply(state, fact);
      return { facts, sends };
    },
  };
}

function react(
  state: ToyState,
  event: ControllerEvent,
): { readonly facts: readonly ToyFact[]; readonly sends: readonly ControllerSend[] } {
  const none = { facts: [], sends: [] };
  switch (event.type) {
    case "client-connected": {
      if (state.clients.includes(event.clientId)) return none;
      const client = state.clients.length;
      const message = { type: "warning", code: "HELLO", message: "after the hello" } as const;
      return {
        facts: [{ type: "client", text: event.clientId }],
        sends: [{ type: "send-to-client", client, message }],
      };
    }
    case "client-messaged": {
      if (event.message.type !== "submit") return none;
      const { first, sequence } = event.message;
      if (first === poison) throw new InvariantError("no thirteen", ["it was thirteen"]);
      const { client } = event;
      if (first === flood) {
        const sends = floodOfResults.map((message) => {
          return { type: "send-to-client", client, message } as const;
        });
        return { facts: [], sends };
      }
      const message = { type: "accepted", sequence } as const;
      return {
        facts: [{ type: "log", text: `submit ${sequence}` }],
        sends: [{ type: "send-to-client", client, message }],
      };
    }
    case "worker-connected": {
      const known = state.workers.indexOf(event.hello.workerId);
      const worker = known < 0 ? state.workers.length : known;
      const message = { type: "forget", tasks: event.inventory.values } as const;
      return {
        facts: known < 0 ? [{ type: "worker", text: event.hello.workerId }] : [],
        sends: [{ type: "send-to-worker", worker, message }],
      };
    }
    case "worker-messaged":
      return { facts: [{ type: "log", text: event.message.type }], sends: [] };
    default:
      return none;
  }
}

interface Running {
  readonly controller: ControllerProcess;
  readonly events: ControllerEvent[];
  readonly fatal: Promise<FatalEnd>;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<ControllerOptions> = {}): Promise<Running> {
  const events: ControllerEvent[] = [];
  let controller: ControllerProcess | null = null;
  const fatal = new Promise<FatalEnd>((resolve, reject) => {
    startController(
      { listen: "127.0.0.1:0", ...options },
      {
        kernel: toyKernel(events),
        foldModule: new URL("none.ts", import.meta.url),
        logger: createLogger({ name: "test", level: "silent" }),
        onFatal: resolve,
      },
    ).then(async (started) => {
      controller = started;
      ready();
    }, reject);
  });
  let ready: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    ready = resolve;
  });
  await Promise.race([started, fatal]);
  assert.ok(controller !== null);
  const running: ControllerProcess = controller;
  cleanups.push(() => running.close());
  return { controller: running, events, fatal };
}

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "capstan-controller-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function aClient(clientId: string): ClientHello {
  return { role: "client", protocolVersion, clientId, user: "ann", clusterId: "" };
}

function aWorker(overrides: Partial<WorkerHello> = {}): WorkerHello {
  return {
    role: "worker",
    protocolVersion,
    workerId: "w1",
    incarnation: "i1",
    clusterId: "",
    epoch: 0,
    address: "127.0.0.1:1",
    pid: 1,
    capacity: noResources,
    slots: 1,
    attributes: {},
    ...overrides,
  };
}

function aSubmit(sequence: number, first = 0): HotMessageOf<"submit"> {
  return {
    type: "submit",
    sequence,
    first,
    groupSpecs: new Uint32Array([0]),
    groupCounts: new Uint32Array([1]),
    args: blobsOf([new Uint8Array([1])]),
    dependencyCounts: new Uint32Array(0),
    dependencies: new Uint32Array(0),
    keys: [],
  };
}

const anInventory: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array([7]),
  valueSizes: new Float64Array([1]),
};

const aHeartbeat: HotMessageOf<"heartbeat"> = {
  type: "heartbeat",
  applied: 0,
  sent: 0,
  attemptsDigest: 0,
  valuesDigest: 0,
  rssBytes: 0,
  valueBytes: 0,
};

/** A peer that keeps what it hears. */
class Peer {
  readonly heard: Message[] = [];
  readonly stream: MessageStream;
  readonly index: number;
  closed = false;
  #wake: () => void = () => undefined;

  constructor(stream: MessageStream, index: number) {
    this.stream = stream;
    this.index = index;
    stream.onMessages = (messages) => {
      this.heard.push(...messages);
      this.#wake();
    };
    stream.onClose = () => {
      this.closed = true;
      this.#wake();
    };
    cleanups.push(() => stream.destroy());
  }

  static async connect(url: string, hello: ClientHello | WorkerHello, token?: string) {
    const { stream, hello: answer } = await connectStream({ url, hello, token, timeoutMs: 5000 });
    return new Peer(stream, answer.index);
  }

  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  types(): string[] {
    return this.heard.map(({ type }) => type);
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: { [name: string]: string }; body?: string | Buffer } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  const request = httpRequest(new URL(path, url), { method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: text };
}

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
    const { body } = await ask(second.controller.url, "/v1/rpc/ReadLog", { method: "POST" });
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
    peer.stream.send({ type: "call", id: 1, method: "ReadLog", request: {} });
    peer.stream.send({ type: "call", id: 2, method: "Nothing", request: {} });
    await peer.until(({ heard }) => heard.length === 3);
    assert.deepEqual(peer.heard.slice(1), [
      { type: "reply", id: 1, result: { log: [] }, error: null },
      {
        type: "reply",
        id: 2,
        result: null,
        error: { code: "NOT_FOUND", message: "there is no method Nothing", details: {} },
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
      other.stream.send({ type: "call", id: 1, method: "ReadLog", request: {} });
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
      peer.stream.send({ type: "call", id, method: "ReadLog", request: {} });
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
    assert.deepEqual(peer.heard, [{ type: "forget", tasks: new Float64Array([7]) }]);
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
    cleanups.push(() => void taken.close());
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
    assert.equal((await ask(controller.url, "/v1/rpc/ReadLog", call)).status, 401);
    const right = { method: "POST", headers: { Authorization: "Bearer secret" } };
    assert.equal((await ask(controller.url, "/v1/rpc/ReadLog", right)).status, 200);
    await assert.rejects(Peer.connect(controller.url, aClient("c")), { code: "UNAUTHENTICATED" });
    await Peer.connect(controller.url, aClient("c"), "secret");
  });

  it("answers neither a foreign host nor a foreign origin", async () => {
    const { controller } = await start();
    const foreign = await ask(controller.url, "/", { headers: { Host: "evil.example:80" } });
    assert.equal(foreign.status, 403);
    const page = await ask(controller.url, "/v1/rpc/ReadLog", {
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
      ["/v1/rpc/ReadLog", { method: "GET" }],
      ["/v1/rpc/ReadLog", { method: "POST", body: "{" }],
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

describe("a controller without a data directory", () => {
  it("leaves no bundle behind", async () => {
    const { controller } = await start();
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("capstan-bundles-"));
    await controller.close();
    const left = before.filter((name) => existsSync(join(tmpdir(), name)));
    assert.ok(left.length < before.length);
  });
});
