/**
 * Our UTF-8 against the platform's.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CapstanError } from "../model/errors.ts";
import { encodeUtf8, readUtf8, utf8Length } from "./utf8.ts";

test("well-formed text has the same bytes as the platform gives it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(text.isWellFormed());
      const expected = new TextEncoder().encode(text);
      assert.equal(utf8Length(text), expected.length);
      assert.deepEqual(encodeUtf8(text), expected);
      assert.equal(readUtf8(expected, 0, expected.length), text);
    }),
  );
});

test("bytes are text exactly when the platform says so", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0xbf));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (values) => {
      const bytes = Uint8Array.from(values);
      let expected: string | null = null;
      try {
        expected = strict.decode(bytes);
      } catch {
        // Not text: then ours must refuse it too.
      }
      if (expected !== null) assert.equal(readUtf8(bytes, 0, bytes.length), expected);
      else assert.throws(() => readUtf8(bytes, 0, bytes.length), CapstanError);
    }),
    { numRuns: 2000 },
  );
});

test("half of a surrogate pair is refused, not replaced", () => {
  for (const text of ["\ud800", "a\udc00", "\ud800x", "\udc00\ud800"]) {
    assert.throws(() => encodeUtf8(text), { code: "PROTOCOL_ERROR" });
  }
});

test("text longer than one piece comes back whole", () => {
  const text = "aß€😀".repeat(5000);
  const bytes = encodeUtf8(text);
  assert.equal(readUtf8(bytes, 0, bytes.length), text);
});
