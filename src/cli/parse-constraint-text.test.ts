/**
 * Rules of constraints on the command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConstraintTexts } from "./parse-constraint-text.ts";

const readable: readonly (readonly [string, string, string, readonly string[]])[] = [
  ["region in eu-west4,us-east1", "region", "in", ["eu-west4", "us-east1"]],
  ["region in eu-west4, us-east1", "region", "in", ["eu-west4", "us-east1"]],
  ["k=v", "k", "=", ["v"]],
  ["k = a b=c", "k", "=", ["a b=c"]],
  ["k!=v", "k", "!=", ["v"]],
  ["memory-gb>3", "memory-gb", ">", ["3"]],
  ["k >= -3.5", "k", ">=", ["-3.5"]],
  ["k<3", "k", "<", ["3"]],
  ["k<=3", "k", "<=", ["3"]],
  ["has node.example/gpu", "node.example/gpu", "exists", []],
  ["!spot", "spot", "not-exists", []],
  ["has taint:gpu", "taint:gpu", "exists", []],
  ["taint:gpu=true", "taint:gpu", "=", ["true"]],
  ["taint:gpu in a,b", "taint:gpu", "in", ["a", "b"]],
  ["!taint:gpu", "taint:gpu", "not-exists", []],
  ["in=has", "in", "=", ["has"]],
];

test("each form of a constraint is read, spaces around operators do not matter", () => {
  for (const [text, key, op, values] of readable) {
    assert.deepEqual(parseConstraintTexts([text]), [{ key, op, values, mode: "REQUIRED" }], text);
  }
});

test("prefer: in front makes a preference of each form", () => {
  for (const [text, key, op, values] of readable) {
    const expected = [{ key, op, values, mode: "PREFERRED" }];
    assert.deepEqual(parseConstraintTexts([`prefer:${text}`]), expected, text);
    assert.deepEqual(parseConstraintTexts([`prefer: ${text}`]), expected, text);
  }
});

test("what is no condition is refused with its own text and with the forms", () => {
  for (const text of [
    "",
    "region",
    "=v",
    "k=",
    "k==v",
    "k in",
    "k in ,",
    "k in a,,b",
    "has",
    "!",
  ]) {
    assert.throws(
      () => parseConstraintTexts([text]),
      (error: Error) => error.message.includes(`"${text}"`) && /'has gpu'/.test(error.message),
      text,
    );
  }
});

test("an ordering needs a number, and contradictions are refused", () => {
  assert.throws(() => parseConstraintTexts(["k>fast"]), /--constraint\[0\].*a number/);
  assert.throws(() => parseConstraintTexts(["k=a", "k=b"]), /contradict each other/);
});
