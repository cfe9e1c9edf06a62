/**
 * What columns of texts promise, against plain arrays of strings.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hashOfText, isTextAt, textAt, textsOf } from "./texts.ts";

describe("columns of texts", () => {
  const unit = fc.oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(0xffff));
  const anyText = fc.array(unit, { maxLength: 20 }).map((units) => String.fromCharCode(...units));

  test("every text comes back as it was, halves of surrogate pairs too", () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 20 }), (texts) => {
        const column = textsOf(texts);
        assert.deepEqual(
          texts.map((_, index) => textAt(column, index)),
          texts,
        );
      }),
    );
  });

  test("a text is told from every other, and from its own beginnings", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const column = textsOf([other, text, other]);
        assert.ok(isTextAt(column, 1, text));
        assert.equal(isTextAt(column, 0, text), other === text);
        assert.equal(isTextAt(column, 1, text.slice(0, -1)), text === "");
        assert.ok(!isTextAt(column, 1, `${text}a`));
      }),
    );
  });

  test("texts that differ in their seed or in one unit hash apart", () => {
    const hashes = new Set<number>();
    for (let i = 0; i < 10_000; i++) hashes.add(hashOfText(0, `sweep/${i}`));
    for (let i = 0; i < 10_000; i++) hashes.add(hashOfText(1, `sweep/${i}`));
    assert.ok(hashes.size > 19_980, `${hashes.size} of 20000`);
  });
});
