/**
 * The codec against its golden frames, every way of cutting a stream, and a seeded fuzzer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { blobsOf, emptyBlobs } from "../base/blobs.ts";
import { Prng } from "../base/prng.ts";
import { CapstanError } from "../model/errors.ts";
import { type ColdCodec, encodeHot, FrameReader, FrameWriter, frameBytesOf } from "./codec.ts";
import { frameBytesMax, helloBytesMax } from "./limits.ts";
import { type HotMessage, hotMessages, type Message } from "./messages.ts";
import type { FieldKind, FieldValues, MessageSchema } from "./schema.ts";
import {
  checkClientMessage,
  checkToClientMessage,
  checkToWorkerMessage,
  checkWorkerMessage,
} from "./validate.ts";

const types = Object.keys(hotMessages) as HotMessage["type"][];

/** JSON is codec enough for cold messages here. */
const jsonCodec: ColdCodec = {
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
};

function someBytes(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => prng.below(256));
}

const makers: { readonly [K in FieldKind]: (prng: Prng, count: number) => FieldValues[K] } = {
  u32: (prng) => prng.u32(),
  f64: (prng) => prng.u32() * 2 ** 20 + prng.below(2 ** 20),
  u8s: someBytes,
  u32s: (prng, length) => Uint32Array.from({ length }, () => prng.u32()),
  f64s: (prng, length) => Float64Array.from({ length }, () => prng.u32() * 2 ** 21),
  blobs: (prng, length) =>
    blobsOf(Array.from({ length }, () => someBytes(prng, prng.below(20) * prng.below(9)))),
  strings: (prng, length) =>
    Array.from({ length }, () => prng.pick(["", "k", "größe", "日本", "🚀".repeat(prng.below(9))])),
};

/** A message with random columns that fit their kinds, not each other. */
function aMessage(type: HotMessage["type"], prng: Prng, countMax = 30): HotMessage {
  const { fields }: MessageSchema = hotMessages[type];
  const entries = Object.entries(fields).map(([name, kind]) => [
    name,
    makers[kind](prng, prng.below(countMax)),
  ]);
  return { type, ...Object.fromEntries(entries) } as HotMessage;
}

function decodeAll(bytes: Uint8Array): Message[] {
  const reader = new FrameReader(jsonCodec);
  reader.feed(bytes);
  const messages = reader.takeMessages();
  if (reader.error !== null) throw reader.error;
  assert.equal(reader.pendingBytes, 0);
  return messages;
}

function errorOf(bytes: Uint8Array): CapstanError {
  const reader = new FrameReader(jsonCodec);
  reader.feed(bytes);
  reader.takeMessages();
  reader.end();
  assert.ok(reader.error !== null, "the bytes were accepted");
  return reader.error;
}

function frame(length: number, opcode: number, payload: readonly number[] = []): Uint8Array {
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, length, true);
  head[4] = opcode;
  return Uint8Array.from([...head, ...payload]);
}

/** The messages whose bytes are written down in `golden-frames.json`. */
const goldenMessages: { readonly [T in HotMessage["type"]]: HotMessage & { type: T } } = {
  submit: {
    type: "submit",
    sequence: 7,
    first: 1000,
    groupSpecs: Uint32Array.of(3, 4),
    groupCounts: Uint32Array.of(2, 1),
    args: blobsOf([Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(255)]),
    dependencyCounts: Uint32Array.of(0, 2, 0),
    dependencies: Uint32Array.of(17, 18),
    keys: ["", "größe", "k"],
  },
  release: { type: "release", tasks: Uint32Array.of(1, 2, 4294967295) },
  want: { type: "want", tasks: Uint32Array.of(5) },
  accepted: { type: "accepted", sequence: 4294967295 },
  started: { type: "started", tasks: Uint32Array.of(0, 9) },
  results: {
    type: "results",
    tasks: Uint32Array.of(1, 2),
    values: blobsOf([Uint8Array.of(1, 0), Uint8Array.of(1, 128)]),
  },
  located: {
    type: "located",
    tasks: Uint32Array.of(8),
    refs: Float64Array.of(4294967304),
    sizes: Float64Array.of(2e8),
    holders: Uint32Array.of(2),
  },
  compute: {
    type: "compute",
    attempts: Float64Array.of(68719476737, 68719476738),
    tasks: Float64Array.of(4294967296, 1),
    specs: Uint32Array.of(0, 1),
    shapes: Uint32Array.of(0, 0),
    prefetched: Uint8Array.of(0, 1),
    args: blobsOf([Uint8Array.of(9), Uint8Array.of(8, 7)]),
    contexts: ["", '{"taskId":"/ü/j/0"}'],
    inputCounts: Uint32Array.of(0, 2),
    inputTasks: Float64Array.of(11, 12),
    inputSources: Uint32Array.of(4294967295, 3),
    inputSizes: Float64Array.of(0, 70_000),
    inputs: blobsOf([Uint8Array.of(1, 129), new Uint8Array(0)]),
  },
  grant: { type: "grant", attempts: Float64Array.of(5), tasks: Float64Array.of(6) },
  retract: { type: "retract", attempts: Float64Array.of(), tasks: Float64Array.of() },
  stop: { type: "stop", attempts: Float64Array.of(7), tasks: Float64Array.of(8) },
  forget: { type: "forget", tasks: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), heard: 5 },
  sources: {
    type: "sources",
    tasks: Float64Array.of(4, 5),
    counts: Uint32Array.of(2, 0),
    sources: Uint32Array.of(1, 2),
  },
  acknowledge: { type: "acknowledge", sequence: 9007199254740991 },
  copy: {
    type: "copy",
    tasks: Float64Array.of(6, 7),
    sources: Uint32Array.of(1, 2),
    sizes: Float64Array.of(70_000, 1099511627776),
  },
  uncopy: { type: "uncopy", tasks: Float64Array.of(6) },
  reports: {
    type: "reports",
    kinds: Uint8Array.of(2, 3),
    attempts: Float64Array.of(68719476737, 68719476738),
    tasks: Float64Array.of(1, 2),
    reasons: Uint8Array.of(0, 2),
    successors: Float64Array.of(0, 0),
    others: Float64Array.of(0, 17),
    sizes: Float64Array.of(2, 0),
    durations: Uint32Array.of(15, 0),
    values: blobsOf([Uint8Array.of(1, 130), new Uint8Array(0)]),
  },
  inventory: {
    type: "inventory",
    attempts: Float64Array.of(3),
    attemptTasks: Float64Array.of(4),
    phases: Uint8Array.of(1),
    values: Float64Array.of(9, 10),
    valueSizes: Float64Array.of(100, 200),
  },
  traffic: {
    type: "traffic",
    kinds: Uint8Array.of(1, 3),
    tasks: Float64Array.of(4294967296, 7),
    counts: Uint32Array.of(2, 1),
    sizes: Float64Array.of(70_000, 1e9),
    agos: Float64Array.of(0, 999_999),
    durations: Float64Array.of(12, 3_400_000),
    peers: Uint32Array.of(3, 0),
    omitted: 5,
  },
  progress: {
    type: "progress",
    attempts: Float64Array.of(68719476737, 68719476738),
    tasks: Float64Array.of(4294967296, 7),
    fractions: Float64Array.of(0, 0.625),
    notes: ["", "läuft ✓"],
  },
  heartbeat: {
    type: "heartbeat",
    applied: 12,
    sent: 34,
    attemptsDigest: 3735928559,
    valuesDigest: 0,
    rssBytes: 123456789,
    valueBytes: 0,
    spilledBytes: 4096,
    spillCount: 5,
    loadCount: 4,
    spillFailureCount: 1,
    fetchCount: 3,
    fetchedBytes: 987654321,
    processCount: 2,
    processBytes: 87654321,
    processRecycledCount: 6,
  },
};

const goldenPath = new URL("golden-frames.json", import.meta.url);

function goldenFrames(): { readonly [type: string]: string } {
  return JSON.parse(readFileSync(goldenPath, "utf8"));
}

describe("the golden frames", () => {
  for (const type of types) {
    test(`a ${type} message has the bytes that it has always had, and reads back`, () => {
      const message = goldenMessages[type];
      const hex = goldenFrames()[type];
      assert.equal(Buffer.from(encodeHot(message)).toString("hex"), hex);
      assert.deepEqual(decodeAll(Buffer.from(hex, "hex")), [message]);
      assert.equal(frameBytesOf(message), hex.length / 2);
    });
  }
});

describe("hot messages", () => {
  test("every message survives the round trip, whatever its columns hold", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 40; round++) {
      const sent = types.map((type) => aMessage(type, prng));
      const writer = new FrameWriter();
      for (const message of sent) writer.writeMessage(message, jsonCodec);
      assert.deepEqual(decodeAll(writer.take()), sent);
    }
  });

  test("messages are the same however the network cuts the stream", () => {
    const prng = new Prng(2);
    const sent: Message[] = [];
    const writer = new FrameWriter();
    for (let i = 0; i < 60; i++) {
      const message: Message = i % 7 === 0 ? { type: "leaving" } : aMessage(prng.pick(types), prng);
      sent.push(message);
      writer.writeMessage(message, jsonCodec);
    }
    const bytes = writer.take();
    for (const pieceMax of [1, 3, 10, 100, 5000]) {
      const reader = new FrameReader(jsonCodec);
      const got: Message[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + prng.below(pieceMax);
        reader.feed(bytes.slice(at, end));
        got.push(...reader.takeMessages());
        at = end;
      }
      assert.deepEqual(got, sent);
    }
  });

  test("decoded columns are aligned and do not keep the chunk alive", () => {
    const sent = goldenMessages.compute;
    const chunk = new Uint8Array([...encodeHot(goldenMessages.accepted), ...encodeHot(sent)]);
    const [, got] = decodeAll(chunk);
    chunk.fill(0);
    assert.deepEqual(got, sent);
  });

  test("a blobs column that is a window of a larger one is written as its own bytes", () => {
    const data = Uint8Array.of(9, 9, 1, 2, 3, 9);
    const values = { offsets: Uint32Array.of(2, 3, 5), data };
    const [got] = decodeAll(encodeHot({ type: "results", tasks: Uint32Array.of(1, 2), values }));
    assert.deepEqual(got, {
      type: "results",
      tasks: Uint32Array.of(1, 2),
      values: { offsets: Uint32Array.of(0, 1, 3), data: Uint8Array.of(1, 2, 3) },
    });
  });

  test("a large column is handed out by reference, in its place", () => {
    const data = new Uint8Array(1 << 20).fill(7);
    const writer = new FrameWriter();
    const values = { offsets: Uint32Array.of(0, data.length), data };
    writer.writeMessage({ type: "results", tasks: Uint32Array.of(1), values }, jsonCodec);
    writer.writeMessage({ type: "accepted", sequence: 1 }, jsonCodec);
    const { byteLength } = writer;
    const chunks = writer.takeChunks();
    assert.ok(chunks.includes(data));
    assert.equal(writer.byteLength, 0);
    assert.equal(Buffer.concat(chunks).length, byteLength);
    assert.deepEqual(
      decodeAll(Buffer.concat(chunks)).map((message) => message.type),
      ["results", "accepted"],
    );
  });

  test("a message larger than a frame is refused whole, and the writer goes on", () => {
    const data = new Uint8Array(frameBytesMax);
    const values = { offsets: Uint32Array.of(0, data.length), data };
    const writer = new FrameWriter();
    assert.throws(
      () => writer.writeMessage({ type: "results", tasks: Uint32Array.of(1), values }, jsonCodec),
      (error: CapstanError) =>
        error.code === "PROTOCOL_ERROR" &&
        /^a results message of 6710\d+ bytes/.test(error.message),
    );
    assert.equal(writer.byteLength, 0);
    writer.writeMessage({ type: "accepted", sequence: 1 }, jsonCodec);
    assert.equal(decodeAll(writer.take()).length, 1);
  });

  test("a frame in many chunks is assembled, up to the limit", () => {
    const data = new Uint8Array(3 << 20).map((_, i) => i * 31);
    const values = { offsets: Uint32Array.of(0, data.length), data };
    const bytes = encodeHot({ type: "results", tasks: Uint32Array.of(1), values });
    const reader = new FrameReader(jsonCodec);
    for (let at = 0; at < bytes.length; at += 65536) reader.feed(bytes.subarray(at, at + 65536));
    assert.deepEqual(reader.takeMessages(), [
      { type: "results", tasks: Uint32Array.of(1), values },
    ]);
  });
});

describe("cold messages and hellos", () => {
  test("a cold message keeps its place between hot ones", () => {
    const writer = new FrameWriter();
    const sent: Message[] = [
      { type: "accepted", sequence: 1 },
      { type: "warning", code: "UNPLACEABLE", message: "no worker has a GPU" },
      { type: "accepted", sequence: 2 },
    ];
    for (const message of sent) writer.writeMessage(message, jsonCodec);
    assert.deepEqual(decodeAll(writer.take()), sent);
  });

  test("the hello comes first and what follows it waits", () => {
    const writer = new FrameWriter();
    writer.writeHello({ role: "client", user: "äöü" });
    writer.writeMessage({ type: "accepted", sequence: 3 }, jsonCodec);
    const bytes = writer.take();
    const reader = new FrameReader(jsonCodec);
    reader.feed(bytes.subarray(0, 10));
    assert.equal(reader.takeHello(), null);
    reader.feed(bytes.subarray(10));
    assert.deepEqual(reader.takeHello(), { hello: { role: "client", user: "äöü" } });
    assert.deepEqual(reader.takeMessages(), [{ type: "accepted", sequence: 3 }]);
  });

  test("a hello of more than its limit is refused by both sides", () => {
    const hello = { role: "x".repeat(helloBytesMax) };
    assert.throws(() => new FrameWriter().writeHello(hello), { code: "PROTOCOL_ERROR" });
    const reader = new FrameReader(jsonCodec);
    reader.feed(frame(helloBytesMax + 1, 255));
    assert.equal(reader.takeHello(), null);
    assert.match(String(reader.error?.message), /larger than the limit of 65536 bytes/);
  });
});

describe("malformed streams", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["an announced length above the limit", frame(frameBytesMax + 1, 1), /larger than the limit/],
    ["text of another protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /larger than the limit/],
    ["an unknown opcode", frame(0, 199), /opcode 199 is not known/],
    ["a hello among messages", frame(2, 255, [123, 125]), /second hello/],
    [
      "a truncated field",
      frame(2, 20, [1, 2]),
      /accepted\.sequence needs 4 bytes, the frame has 2/,
    ],
    [
      "a column longer than its frame",
      frame(4, 2, [255, 255, 255, 255]),
      /release\.tasks needs 17179869180 bytes/,
    ],
    ["bytes behind the last field", frame(5, 20, [1, 0, 0, 0, 9]), /accepted: 1 bytes follow/],
    [
      "blob offsets that fall",
      frame(16, 22, [0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]),
      /results\.values: entry 1 has a negative length/,
    ],
    ["a cold message that is no JSON", frame(1, 200, [33]), /cold message cannot be decoded/],
    ["a cold message that is no object", frame(1, 200, [49]), /must have a `type`/],
    [
      "a hot type that travels cold",
      frame(18, 200, [...Buffer.from('{"type": "submit"}')]),
      /must travel in its own layout/,
    ],
    ["an end inside a frame", encodeHot(goldenMessages.submit).subarray(0, 30), /unfinished frame/],
  ];
  for (const [name, bytes, expected] of cases) {
    test(`${name} ends the stream with a precise error`, () => {
      const error = errorOf(bytes);
      assert.equal(error.code, "PROTOCOL_ERROR");
      assert.match(error.message, expected);
    });
  }

  test("what came whole before a bad frame is still delivered, and nothing after it", () => {
    const reader = new FrameReader(jsonCodec);
    const good = encodeHot(goldenMessages.accepted);
    reader.feed(new Uint8Array([...good, ...frame(0, 199), ...good]));
    assert.deepEqual(reader.takeMessages(), [goldenMessages.accepted]);
    assert.equal(reader.error?.code, "PROTOCOL_ERROR");
    reader.feed(good);
    assert.deepEqual(reader.takeMessages(), []);
  });

  test("an announced length costs no memory before its bytes come", () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 50 }, () => {
      const reader = new FrameReader(jsonCodec);
      reader.feed(frame(frameBytesMax, 1));
      reader.takeMessages();
      reader.feed(Uint8Array.of(1));
      return reader;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
    assert.equal(readers[0].error, null);
  });
});

/** Changes a frame as a broken or hostile peer might. */
function mutated(bytes: Uint8Array, prng: Prng): Uint8Array {
  const copy = bytes.slice(0, prng.chance(0.2) ? prng.below(bytes.length + 1) : bytes.length);
  const changes = prng.below(4);
  for (let i = 0; i < changes && copy.length > 0; i++) {
    const at = prng.below(prng.chance(0.5) ? Math.min(16, copy.length) : copy.length);
    copy[at] = prng.chance(0.3) ? prng.pick([0, 1, 127, 128, 255]) : prng.below(256);
  }
  return copy;
}

function columnBytes(message: object): number {
  let bytes = 0;
  for (const value of Object.values(message)) {
    if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    else if (typeof value === "object") bytes += columnBytes(value);
  }
  return bytes;
}

test("a mutated frame is a valid message or a CapstanError, and small in memory", () => {
  const prng = new Prng(20);
  const checks = [
    checkClientMessage,
    checkWorkerMessage,
    checkToClientMessage,
    checkToWorkerMessage,
  ];
  let valid = 0;
  for (let round = 0; round < 30_000; round++) {
    const bytes = mutated(encodeHot(goldenMessages[prng.pick(types)]), prng);
    const reader = new FrameReader(jsonCodec);
    reader.feed(bytes);
    for (const message of reader.takeMessages()) {
      assert.ok(columnBytes(message) <= bytes.length + 4 * 11);
      for (const check of checks) {
        try {
          check(message);
          valid++;
        } catch (error) {
          assert.ok(error instanceof CapstanError, String(error));
        }
      }
    }
  }
  assert.ok(valid > 1000, "the fuzzer reaches the far side of the checks");
});

test("empty columns cost their counts and nothing else", () => {
  const message: HotMessage = { type: "results", tasks: new Uint32Array(0), values: emptyBlobs };
  assert.equal(encodeHot(message).length, 5 + 4 + 4);
  assert.deepEqual(decodeAll(encodeHot(message)), [message]);
});
