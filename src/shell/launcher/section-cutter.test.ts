/**
 * Output of several attempts in one stream, cut where the stream says so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SectionCutter, sectionMark } from "./section-cutter.ts";

const mark = "0123456789abcdef0123456789abcdef";

/** What comes out of a stream, as text: output as it is, sections in angle brackets. */
function cut(...chunks: (string | Buffer)[]): string {
  const cutter = new SectionCutter(mark);
  const parts = chunks.flatMap((chunk) => [...cutter.push(Buffer.from(chunk))]);
  const texts = parts.map((part) =>
    part.type === "output" ? part.bytes.toString("latin1") : `<${part.attemptId}>`,
  );
  return texts.join("") + cutter.end().toString("latin1");
}

const first = sectionMark(mark, "3.17").toString("latin1");

describe("a stream of several attempts", () => {
  it("is cut where a mark stands, and the mark is no output", () => {
    assert.equal(cut(`own\n${first}a\nb`), "own\n<3.17>a\nb");
  });

  it("goes back to the process itself where a mark names nobody", () => {
    assert.equal(
      cut(`${first}a\n${sectionMark(mark, "").toString("latin1")}own`),
      "<3.17>a\n<>own",
    );
  });

  it("is cut the same way in whatever pieces it comes", () => {
    const whole = Buffer.from(`x\n${first}a\n${first}b\0c`, "latin1");
    for (let at = 0; at <= whole.length; at++) {
      assert.equal(cut(whole.subarray(0, at), whole.subarray(at)), "x\n<3.17>a\n<3.17>b\0c");
    }
    const bytes = [...whole].map((byte) => Buffer.of(byte));
    assert.equal(cut(...bytes), "x\n<3.17>a\n<3.17>b\0c");
  });

  it("keeps what only looks like a mark", () => {
    const other = sectionMark(mark.replace("0", "f"), "1.1").toString("latin1");
    assert.equal(cut(`a${other}b`), `a${other}b`);
    assert.equal(cut(`\0${mark}:../../etc\n`), `\0${mark}:../../etc\n`);
    assert.equal(cut(`\0${mark}:${"1".repeat(60)}\n`), `\0${mark}:${"1".repeat(60)}\n`);
    assert.equal(cut(`end \0${mark}`), `end \0${mark}`);
  });
});
