/**
 * Upgrade, hello, refusal and guard over real loopback sockets, both ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { CapstanError } from "../../model/errors.ts";
import { noResources } from "../../model/resources.ts";
import { FrameWriter } from "../../protocol/codec.ts";
import type {
  ClientHello,
  ControllerHello,
  HotMessageOf,
  Message,
  WorkerHello,
} from "../../protocol/messages.ts";
import { checkHostAndOrigin, checkTokens, guardRequest } from "./http-guard.ts";
import type { MessageStream } from "./message-stream.ts";
import { type ConnectStreamOptions, connectStream } from "./stream-client.ts";
import { attachStreamServer, type StreamServerOptions } from "./stream-server.ts";

const clientHello: ClientHello = {
  role: "client",
  protocolVersion: 1,
  clientId: "c1",
  user: "root",
  clusterId: "",
};

const workerHello: WorkerHello = {
  role: "worker",
  protocolVersion: 1,
  workerId: "w1",
  incarnation: "i1",
  clusterId: "",
  epoch: 0,
  address: "127.0.0.1:1",
  pid: 1,
  capacity: noResources,
  slots: 1,
  commandSlots: 256,
  attributes: {},
};

const controllerHello: ControllerHello = {
  role: "controller",
  protocolVersion: 1,
  clusterId: "k1",
  epoch: 1,
  index: 0,
  jobId: "/root/graph-1",
  sequence: 0,
  heartbeatMs: 1000,
  dataToken: "",
  logToken: "",
};

const inventory: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array(0),
  valueSizes: new Float64Array(0),
};

interface Controller {
  readonly url: string;
  readonly port: number;
  readonly streams: MessageStream[];
  readonly received: Message[];
  readonly rejected: CapstanError[];
}

/** A listener that accepts every hello, unless told otherwise. */
async function aController(
  t: TestContext,
  options: Partial<StreamServerOptions> = {},
  onServer: (server: Server) => void = () => {},
): Promise<Controller> {
  const server = createServer((_request, response) => response.writeHead(404).end("no"));
  const streams: MessageStream[] = [];
  const received: Message[] = [];
  const rejected: CapstanError[] = [];
  const attached = attachStreamServer(server, {
    authorise: () => null,
    onHello: (_hello, accept) => {
      const stream = accept(controllerHello);
      stream.onMessages = (messages) => received.push(...messages);
      streams.push(stream);
    },
    onRejected: (error) => rejected.push(error),
    ...options,
  });
  onServer(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    attached.close();
    for (const stream of streams) stream.destroy();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, streams, received, rejected };
}

async function dial(
  t: TestContext,
  url: string,
  options: Partial<ConnectStreamOptions> = {},
): Promise<{ stream: MessageStream; hello: ControllerHello }> {
  const dialled = await connectStream({ url, hello: clientHello, timeoutMs: 5_000, ...options });
  t.after(() => dialled.stream.destroy());
  return dialled;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "the condition did not come true in 5 s");
    await delay(1);
  }
}

/** Says `bytes` after a correct upgrade and returns what comes back until the end. */
async function sayRaw(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      "Connection: Upgrade\r\nUpgrade: capstan/1\r\n\r\n",
  );
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function helloBytes(hello: object): Uint8Array {
  const writer = new FrameWriter();
  writer.writeHello(hello);
  return writer.take();
}

test("a client says hello, is answered, and messages flow both ways", async (t) => {
  const controller = await aController(t);
  const { stream, hello } = await dial(t, controller.url);
  assert.deepEqual(hello, controllerHello);
  const got: Message[] = [];
  stream.onMessages = (messages) => got.push(...messages);
  stream.send({ type: "close-session" });
  controller.streams[0].send({ type: "accepted", sequence: 1 });
  await until(() => got.length === 1 && controller.received.length === 1);
  assert.deepEqual(controller.received, [{ type: "close-session" }]);
});

test("messages sent right behind the controller's hello are not lost", async (t) => {
  const controller = await aController(t, {
    onHello: (_hello, accept) => {
      const stream = accept(controllerHello);
      for (let i = 0; i < 10; i++) stream.send({ type: "accepted", sequence: i });
      stream.onMessages = () => {};
      t.after(() => stream.destroy());
    },
  });
  const { stream } = await dial(t, controller.url);
  await nextTurn();
  const got: Message[] = [];
  stream.onMessages = (messages) => got.push(...messages);
  await until(() => got.length === 10);
});

test("a worker's inventory behind its hello waits for a late accept", async (t) => {
  const hellos: (ClientHello | WorkerHello)[] = [];
  const received: Message[] = [];
  const controller = await aController(t, {
    onHello: (hello, accept) => {
      hellos.push(hello);
      setTimeout(() => {
        const stream = accept(controllerHello);
        t.after(() => stream.destroy());
        stream.onMessages = (messages) => received.push(...messages);
      }, 20);
    },
  });
  const { stream } = await dial(t, controller.url, { hello: workerHello });
  stream.send(inventory);
  await until(() => received.length === 1);
  assert.deepEqual(hellos, [workerHello]);
  assert.deepEqual(received, [inventory]);
});

test("a refused hello comes out as the controller's own error", async (t) => {
  const taken = new CapstanError("WORKER_ID_IN_USE", "w1 is taken", {
    details: { workerId: "w1" },
  });
  const { url } = await aController(t, { onHello: (_hello, _accept, refuse) => refuse(taken) });
  await assert.rejects(dial(t, url, { hello: workerHello }), {
    code: "WORKER_ID_IN_USE",
    message: "w1 is taken",
    details: { workerId: "w1" },
  });
});

test("another version of the protocol is refused by its number", async (t) => {
  const { url, rejected } = await aController(t);
  const hello = { ...clientHello, protocolVersion: 2 };
  await assert.rejects(dial(t, url, { hello }), { code: "VERSION_MISMATCH" });
  assert.equal(rejected[0]?.code, "VERSION_MISMATCH");
});

test("a wrong or absent token is UNAUTHENTICATED, the right one is let in", async (t) => {
  const { url } = await aController(t, {
    authorise: (request) => guardRequest(request, { hosts: [], tokens: ["s3cret"] }),
  });
  await assert.rejects(dial(t, url), { code: "UNAUTHENTICATED", message: /a token is needed/ });
  await assert.rejects(dial(t, url, { token: "wrong" }), { message: /the token is not known/ });
  assert.deepEqual((await dial(t, url, { token: "s3cret" })).hello, controllerHello);
});

test("nobody there, a server of another kind and silence are told apart", async (t) => {
  const free = createTcpServer((socket) => socket.resume()).listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  const mute = `http://127.0.0.1:${port}`;
  await assert.rejects(dial(t, mute, { timeoutMs: 50 }), {
    code: "UNREACHABLE",
    message: /no controller answered at .* within 50 ms/,
  });
  free.close();
  await once(free, "close");
  await assert.rejects(dial(t, mute), { code: "UNREACHABLE", message: /ECONNREFUSED/ });

  const web = createServer((_request, response) => response.writeHead(200).end("hello"));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  t.after(() => web.close());
  const webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  await assert.rejects(dial(t, webUrl), { code: "PROTOCOL_ERROR", message: /answered 200/ });
  await assert.rejects(dial(t, "localhost:7070"), { code: "INVALID_ARGUMENT" });
});

test("an aborted connect rejects with the reason and leaves nothing open", async (t) => {
  const { url } = await aController(t, { onHello: () => {} });
  const abort = new AbortController();
  const dialling = dial(t, url, { signal: abort.signal });
  const reason = new Error("changed my mind");
  setTimeout(() => abort.abort(reason), 20);
  await assert.rejects(dialling, reason);
  await assert.rejects(dial(t, url, { signal: AbortSignal.abort(reason) }), reason);
});

test("a peer that leaves before it is accepted yields a stream that has ended", async (t) => {
  const closes: (Error | null)[] = [];
  const { url } = await aController(t, {
    onHello: (_hello, accept) => {
      setTimeout(() => {
        const stream = accept(controllerHello);
        stream.onMessages = () => {};
        stream.onClose = (error) => closes.push(error);
      }, 60);
    },
  });
  await assert.rejects(dial(t, url, { timeoutMs: 20 }), { code: "UNREACHABLE" });
  await until(() => closes.length === 1);
});

test("a first frame of garbage is answered with PROTOCOL_ERROR and closed", async (t) => {
  const { port, rejected } = await aController(t);
  const answers = [
    await sayRaw(port, Buffer.from("GET / HTTP/1.1\r\n\r\n")),
    await sayRaw(port, Uint8Array.of(0, 0, 0, 0, 20)),
    await sayRaw(port, Uint8Array.of(1, 0, 0, 0, 255, 33)),
    await sayRaw(port, helloBytes({ ...clientHello, user: 7 })),
  ];
  for (const answer of answers) assert.match(answer.toString(), /"code":"PROTOCOL_ERROR"/);
  assert.deepEqual(
    rejected.map((error) => error.message),
    [
      "a frame of 542393671 bytes is larger than the limit of 65536 bytes",
      "the first frame must be a hello (255), not opcode 20",
      "the hello is not JSON",
      "hello.user must be text, not 7",
    ],
  );
});

test("a second hello closes the stream with an error", async (t) => {
  const controller = await aController(t);
  const socketGone = sayRaw(
    controller.port,
    Buffer.concat([helloBytes(clientHello), helloBytes(clientHello)]),
  );
  await until(() => controller.streams.length === 1);
  const error = await new Promise<Error | null>((resolve) => {
    controller.streams[0].onClose = resolve;
  });
  assert.match(String(error?.message), /a second hello on one connection/);
  await socketGone.catch((reset: NodeJS.ErrnoException) => assert.equal(reset.code, "ECONNRESET"));
});

test("a peer that never says hello is turned away at the deadline", async (t) => {
  const { port, rejected } = await aController(t, { helloTimeoutMs: 30 });
  const answer = await sayRaw(port, Uint8Array.of(9));
  assert.match(answer.toString(), /no hello came in time/);
  assert.equal(rejected.length, 1);
});

test("an upgrade elsewhere or to another protocol is refused in HTTP", async (t) => {
  const { port, url } = await aController(t);
  const ask = async (path: string, upgrade: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  assert.match(await ask("/elsewhere", "capstan/1"), /^HTTP\/1\.1 404 /);
  assert.match(await ask("/v1/stream", "capstan/9"), /^HTTP\/1\.1 426 VERSION_MISMATCH/);
  assert.equal((await fetch(`${url}/v1/stream`)).status, 404);
});

test("a host or an origin that is not the listener's is FORBIDDEN", async (t) => {
  const seen: (string | null)[] = [];
  const server = createServer((request, response) => {
    seen.push(
      checkHostAndOrigin(request, ["controller.example", "proxy:8080", "Plain:80"])?.code ?? null,
    );
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (host: string, origin?: string): Promise<string | null | undefined> => {
    const socket = connect(port, "127.0.0.1");
    const originLine = origin === undefined ? "" : `Origin: ${origin}\r\n`;
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${originLine}Connection: close\r\n\r\n`);
    socket.resume();
    await once(socket, "close");
    return seen.at(-1);
  };
  const own = `127.0.0.1:${port}`;
  assert.equal(await ask(own), null);
  assert.equal(await ask(`localhost:${port}`), null);
  assert.equal(await ask(`LOCALHOST:${port}`, `http://localhost:${port}`), null);
  assert.equal(await ask("controller.example"), null);
  assert.equal(await ask("controller.example:443", "https://controller.example:443"), null);
  assert.equal(await ask("proxy:8080"), null);
  assert.equal(await ask("proxy:8081"), "FORBIDDEN");
  assert.equal(await ask("plain"), null);
  assert.equal(await ask("plain:80"), null);
  assert.equal(await ask("plain:81"), "FORBIDDEN");
  assert.equal(await ask("127.0.0.1:1"), "FORBIDDEN");
  assert.equal(await ask(`evil.example:${port}`), "FORBIDDEN");
  assert.equal(await ask(own, "http://evil.example"), "FORBIDDEN");
  assert.equal(await ask(own, "null"), "FORBIDDEN");
  assert.equal(await ask(own, `http://${own}`), null);
});

test("without a demanded token every request passes the token check", () => {
  const request = { headers: {} } as Parameters<typeof checkTokens>[0];
  assert.equal(checkTokens(request, []), null);
  assert.equal(checkTokens(request, ["t", "u"])?.code, "UNAUTHENTICATED");
});
