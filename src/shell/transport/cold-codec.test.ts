/**
 * Cold messages: plain data round trips, everything else is refused before it is decoded.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packr } from "msgpackr";
import { Prng } from "../../base/prng.ts";
import { CapstanError } from "../../model/errors.ts";
import { coldDepthMax } from "../../protocol/limits.ts";
import { coldCodec } from "./cold-codec.ts";

const plain = {
  type: "reply",
  id: 2 ** 40,
  result: [null, true, -1, 1.5, "größe", { nested: { empty: [], none: undefined } }],
  "odd key": -(2 ** 33),
  text: "x".repeat(300),
  many: Array.from({ length: 70_000 }, (_, i) => i),
};

test("plain data and typed arrays come back as they were", () => {
  assert.deepEqual(coldCodec.decode(coldCodec.encode(plain)), plain);
  const columns = { u32: Uint32Array.of(1, 2), f64: Float64Array.of(0.5), at: new Date(5) };
  assert.deepEqual(coldCodec.decode(coldCodec.encode(columns)), columns);
  const decoded = coldCodec.decode(coldCodec.encode({ bytes: Uint8Array.of(1, 2, 3) }));
  const { bytes } = decoded as { bytes: Uint8Array };
  assert.deepEqual([...bytes], [1, 2, 3]);
});

test("decoded bytes do not share memory with the message", () => {
  const message = Uint8Array.from(coldCodec.encode({ bytes: new Uint8Array(9).fill(7) }));
  const { bytes } = coldCodec.decode(message) as { bytes: Uint8Array };
  message.fill(0);
  assert.ok(bytes.every((byte) => byte === 7));
});

test("records, references, errors and regular expressions are refused", () => {
  const rich = new Packr({ moreTypes: true, structuredClone: true });
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const refused = [[{ a: 1 }, { a: 2 }], new Error("no"), /a+/, new Set([1]), circle];
  for (const value of refused) {
    assert.throws(() => coldCodec.decode(rich.pack(value)), {
      code: "PROTOCOL_ERROR",
      message: /holds the extension|after its end/,
    });
  }
});

test("a count without its entries and a nest without an end are refused before decoding", () => {
  const hugeArray = Uint8Array.of(0xdd, 0x0f, 0xff, 0xff, 0xff);
  const hugeMap = Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff);
  const hugeText = Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff);
  for (const bytes of [hugeArray, hugeMap, hugeText, new Uint8Array(0)]) {
    assert.throws(() => coldCodec.decode(bytes), { message: /is truncated/ });
  }
  const deep = new Uint8Array(coldDepthMax + 10).fill(0x91);
  assert.throws(() => coldCodec.decode(deep), { message: /nested deeper than 64/ });
});

test("mutated bytes are a value or an error, never a hang", () => {
  const prng = new Prng(5);
  const bytes = coldCodec.encode({ ...plain, many: [1, 2, 3], f64: Float64Array.of(1, 2) });
  for (let round = 0; round < 20_000; round++) {
    const copy = Uint8Array.from(bytes).subarray(0, bytes.length - prng.below(3));
    for (let i = prng.below(5); i >= 0; i--) copy[prng.below(copy.length)] = prng.below(256);
    try {
      coldCodec.decode(copy);
    } catch (error) {
      assert.ok(error instanceof Error);
      if (error instanceof CapstanError) assert.equal(error.code, "PROTOCOL_ERROR");
    }
  }
});
