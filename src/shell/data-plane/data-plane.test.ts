/**
 * Values between workers, over real loopback sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import net from "node:net";
import { afterEach, describe, it } from "node:test";
import { CapstanError } from "../../model/errors.ts";
import { valueFormat } from "../values/value-format.ts";
import { type DataListener, startDataListener } from "./data-listener.ts";
import { fetchValues, ValueFetcher } from "./fetch-values.ts";
import { encodeValueHead, valueStatus } from "./framing.ts";
import { incomingTransfersMax } from "./limits.ts";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Bytes that pass for a value. */
function aValue(length: number, fill = 1): Uint8Array {
  const value = new Uint8Array(length).fill(fill);
  value[0] = valueFormat;
  return value;
}

async function aListener(
  values: ReadonlyMap<number, Uint8Array>,
  ...tokens: string[]
): Promise<{ listener: DataListener; address: string }> {
  const source = { get: (task: number) => values.get(task) };
  const listener = await startDataListener({
    host: "127.0.0.1",
    port: 0,
    source,
    tokens: () => tokens,
  });
  closers.push(() => listener.close());
  return { listener, address: `127.0.0.1:${listener.port}` };
}

/** A server that answers an upgrade, then whatever the test says. */
async function aLiar(answer: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      socket.once("data", () => answer(socket));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CapstanError) return error.code;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("a fetch", () => {
  it("brings what is there and names what is not, in the order of asking", async () => {
    const values = new Map([1, 2, 70_000, 3_000_000].map((size) => [size, aValue(size)]));
    const { address } = await aListener(values);
    const { got, absent, busy, corrupt } = await fetchValues({
      address,
      tasks: [3_000_000, 99, 1, 70_000, 2, 98],
    });
    assert.deepEqual(
      got.map(({ task, bytes }) => [task, bytes.length]),
      [3_000_000, 1, 70_000, 2].map((size) => [size, size]),
    );
    for (const { task, bytes } of got) assert.deepEqual(bytes, values.get(task));
    assert.deepEqual([absent, busy, corrupt], [[99, 98], [], []]);
  });

  it("of 200 MB arrives whole, in shared memory", async () => {
    const value = aValue(200e6, 9);
    const { address } = await aListener(new Map([[1, value]]));
    const { got } = await fetchValues({ address, tasks: [1] });
    assert(got[0].bytes.buffer instanceof SharedArrayBuffer);
    assert.equal(Buffer.compare(got[0].bytes, value), 0);
  });

  it("uses its connection again", async () => {
    const { address, listener } = await aListener(new Map([[1, aValue(5)]]));
    const fetcher = new ValueFetcher();
    closers.push(() => fetcher.close());
    for (let i = 0; i < 5; i++) {
      assert.equal((await fetcher.fetch({ address, tasks: [1] })).got.length, 1);
    }
    assert.equal(listener.connectionCount, 1);
  });

  it("finds a peer that has started again since the last time", async () => {
    const values = new Map([[1, aValue(5)]]);
    const { listener, address } = await aListener(values);
    const fetcher = new ValueFetcher();
    closers.push(() => fetcher.close());
    await fetcher.fetch({ address, tasks: [1] });
    await listener.close();
    const source = { get: (task: number) => values.get(task) };
    const again = await startDataListener({ host: "127.0.0.1", port: listener.port, source });
    closers.push(() => again.close());
    assert.equal((await fetcher.fetch({ address, tasks: [1] })).got.length, 1);
  });

  it("needs the token when there is one", async () => {
    const { address } = await aListener(new Map([[1, aValue(5)]]), "secret");
    const tasks = [1];
    assert.equal(await codeOf(fetchValues({ address, tasks })), "UNAUTHENTICATED");
    assert.equal(await codeOf(fetchValues({ address, tasks, token: "x" })), "UNAUTHENTICATED");
    assert.equal((await fetchValues({ address, tasks, token: "secret" })).got.length, 1);
  });

  it("is let in with any of the tokens that the listener knows by then", async () => {
    const tokens = ["own"];
    const source = { get: () => aValue(5) };
    const options = { host: "127.0.0.1", port: 0, source, tokens: () => tokens };
    const listener = await startDataListener(options);
    closers.push(() => listener.close());
    const request = { address: `127.0.0.1:${listener.port}`, tasks: [1] };
    assert.equal(await codeOf(fetchValues({ ...request, token: "told" })), "UNAUTHENTICATED");
    tokens.push("told");
    for (const token of tokens) {
      assert.equal((await fetchValues({ ...request, token })).got.length, 1);
    }
    assert.equal(await codeOf(fetchValues({ ...request, token: "" })), "UNAUTHENTICATED");
  });

  it("from where nobody listens is unreachable", async () => {
    const { listener, address } = await aListener(new Map());
    await listener.close();
    assert.equal(await codeOf(fetchValues({ address, tasks: [1] })), "UNREACHABLE");
  });

  it("that is cut in the middle of a value fails whole", async () => {
    const address = await aLiar((socket) => {
      socket.write(encodeValueHead({ task: 1, status: valueStatus.ok, length: 100 }));
      socket.end(aValue(50));
    });
    assert.equal(await codeOf(fetchValues({ address, tasks: [1] })), "UNREACHABLE");
  });

  it("believes no answer to another question and no impossible length", async () => {
    const lies = [
      { task: 2, status: valueStatus.ok, length: 1 },
      { task: 1, status: 9, length: 0 },
      { task: 1, status: valueStatus.ok, length: 1e15 },
      { task: 1, status: valueStatus.ok, length: -1 },
      { task: 1, status: valueStatus.ok, length: Number.NaN },
    ];
    for (const lie of lies) {
      const address = await aLiar((socket) => socket.write(encodeValueHead(lie)));
      assert.equal(await codeOf(fetchValues({ address, tasks: [1] })), "PROTOCOL_ERROR");
    }
  });

  it("calls corrupt what cannot be a value", async () => {
    const values = new Map([
      [1, new Uint8Array(0)],
      [2, new Uint8Array([0, 1])],
      [3, aValue(1)],
    ]);
    const { address } = await aListener(values);
    const { got, corrupt } = await fetchValues({ address, tasks: [1, 2, 3] });
    assert.deepEqual([got.length, corrupt], [1, [1, 2]]);
  });

  it("ends with the reason of its signal", async () => {
    const address = await aLiar(() => {});
    const abort = new AbortController();
    const fetching = fetchValues({ address, tasks: [1], signal: abort.signal });
    abort.abort(new Error("not wanted"));
    await assert.rejects(fetching, { message: "not wanted" });
  });
});

describe("a listener", () => {
  it("is busy for more transfers at once than its bound", async () => {
    const { address } = await aListener(new Map([[1, aValue(32 * 1024 * 1024)]]));
    const stalled: net.Socket[] = [];
    for (let i = 0; i < incomingTransfersMax; i++) stalled.push(await aStalledReader(address));
    const { busy, got } = await fetchValues({ address, tasks: [1, 1] });
    assert.deepEqual([busy, got], [[1, 1], []]);
    for (const socket of stalled) socket.destroy();
    await pollUntil(async () => (await fetchValues({ address, tasks: [1] })).got.length === 1);
  });

  it("says that its port is in use", async () => {
    const { listener } = await aListener(new Map());
    const source = { get: () => undefined };
    const second = startDataListener({ host: "127.0.0.1", port: listener.port, source });
    assert.equal(await codeOf(second), "ADDRESS_IN_USE");
  });

  it("answers no page of a browser", async () => {
    const { address, listener } = await aListener(new Map());
    const socket = net.connect(listener.port, "127.0.0.1");
    const upgrade = "Connection: Upgrade\r\nUpgrade: capstan-data/1\r\n";
    socket.write(
      `GET /v1/values HTTP/1.1\r\nHost: ${address}\r\nOrigin: http://evil\r\n${upgrade}\r\n`,
    );
    const reply = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.destroy();
    assert.match(reply.toString(), /^HTTP\/1\.1 403 /);
  });
});

describe("a request for what is no address", () => {
  for (const target of ["//", "///", "\\\\", "http://[", "?", "/v1/logs/1.1/..", "*"]) {
    it(`(${target}) is refused, and the listener goes on`, async () => {
      const { address, listener } = await aListener(new Map());
      const socket = net.connect(listener.port, "127.0.0.1");
      closers.push(() => socket.destroy());
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
      const reply = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
      assert.match(reply.toString(), /^HTTP\/1\.1 40[04] /);
      assert.equal((await fetch(`http://${address}/`)).status, 404);
    });
  }
});

/** Asks for value 1 and reads nothing of it. Resolves when the listener has begun to send. */
async function aStalledReader(address: string): Promise<net.Socket> {
  const [host, port] = address.split(":");
  const socket = net.connect(Number(port), host);
  closers.push(() => socket.destroy());
  const upgrade = "Connection: Upgrade\r\nUpgrade: capstan-data/1\r\n";
  socket.write(`GET /v1/values HTTP/1.1\r\nHost: ${address}\r\n${upgrade}\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  const request = Buffer.alloc(12);
  request.writeUInt32LE(1, 0);
  request.writeDoubleLE(1, 4);
  socket.write(request);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return socket;
}

async function pollUntil(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error("it did not happen within 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a value on the disk of its worker", () => {
  /** Two values, in memory and on the disk; the second file ends after `untilBytes`. */
  async function aDisk(untilBytes: number): Promise<{ address: string; lent: () => number }> {
    let lent = 0;
    const length = 300_000;
    const file = {
      length,
      async *chunks() {
        yield aValue(untilBytes);
        if (untilBytes < length) throw Object.assign(new Error("an I/O error"), { code: "EIO" });
      },
    };
    const source = {
      get: (task: number) => (task === 1 ? aValue(10) : undefined),
      fileOf: (task: number) => (task === 2 ? file : undefined),
      lend: () => {
        lent++;
        return () => lent--;
      },
    };
    const listener = await startDataListener({ host: "127.0.0.1", port: 0, source });
    closers.push(() => listener.close());
    return { address: `127.0.0.1:${listener.port}`, lent: () => lent };
  }

  it("comes as one in memory does, and is given back afterwards", async () => {
    const { address, lent } = await aDisk(300_000);
    const { got, absent } = await fetchValues({ address, tasks: [2, 1, 3] });
    const sizes = got.map(({ task, bytes }) => [task, bytes.length]);
    assert.deepEqual(
      [sizes, absent],
      [
        [
          [2, 300_000],
          [1, 10],
        ],
        [3],
      ],
    );
    while (lent() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("that cannot be read to its end ends the connection: half a value is none", async () => {
    const { address, lent } = await aDisk(100_000);
    assert.equal(await codeOf(fetchValues({ address, tasks: [2, 1] })), "UNREACHABLE");
    while (lent() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
