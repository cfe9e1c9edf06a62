/**
 * Base64 of our own says what Node's says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test("bytes of every length are the text that Node makes of them, and come back", () => {
  for (const length of [0, 1, 2, 3, 4, 5, 255, 256, 6_143, 6_144, 6_145, 70_000]) {
    const bytes = Uint8Array.from({ length }, (_unused, i) => (i * 31 + (i >> 8)) & 0xff);
    const text = encodeBase64(bytes);
    assert.equal(text, Buffer.from(bytes).toString("base64"), `${length} bytes`);
    assert.deepEqual(decodeBase64(text, length), bytes);
  }
});
