/**
 * The rules of written constraints.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "./errors.ts";
import { parseConstraint, parseConstraints } from "./parse-constraints.ts";

function refusal(parse: () => unknown): CapstanError {
  try {
    parse();
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

test("values become strings and the mode is REQUIRED unless it says otherwise", () => {
  assert.deepEqual(parseConstraint("c", { key: "zone", op: "in", values: ["a", 2, true] }), {
    key: "zone",
    op: "in",
    values: ["a", "2", "true"],
    mode: "REQUIRED",
  });
  assert.deepEqual(parseConstraint("c", { key: "ssd", op: "exists", mode: "PREFERRED" }), {
    key: "ssd",
    op: "exists",
    values: [],
    mode: "PREFERRED",
  });
});

test("each operator has its own number of values", () => {
  const wrong = [
    { key: "k", op: "=", values: [] },
    { key: "k", op: ">=", values: ["1", "2"] },
    { key: "k", op: "in" },
    { key: "k", op: "exists", values: ["x"] },
    { key: "k", op: "not-exists", values: ["x"] },
  ];
  for (const value of wrong) {
    const error = refusal(() => parseConstraint("constraints[0]", value));
    assert.equal(error.code, "INVALID_SPEC");
    assert.ok(error.message.startsWith("constraints[0].values: "), error.message);
  }
});

test("malformed fields are refused by name", () => {
  const cases: readonly [object, string][] = [
    [{ key: "k", op: "==", values: ["x"] }, "c[0].op"],
    [{ key: "", op: "exists" }, "c[0].key"],
    [{ key: "k", op: ">", values: ["fast"] }, "c[0].values[0]"],
    [{ key: "k", op: "=", values: [null] }, "c[0].values[0]"],
    [{ key: "k", op: "=", values: "x" }, "c[0].values"],
    [{ key: "k", op: "exists", mode: "required" }, "c[0].mode"],
    [{ key: "k", op: "exists", value: "x" }, "c[0].value"],
  ];
  for (const [value, field] of cases) {
    const error = refusal(() => parseConstraints("c", [value]));
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(`${field}: `), error.message);
  }
});

test("required constraints on one attribute that exclude each other are refused", () => {
  const eu = { key: "region", op: "=", values: ["eu"] };
  const contradictions = [
    [eu, { key: "region", op: "=", values: ["us"] }],
    [eu, { key: "region", op: "!=", values: ["eu"] }],
    [eu, { key: "region", op: "in", values: ["us", "asia"] }],
    [eu, { key: "region", op: "not-exists" }],
  ];
  for (const list of contradictions) {
    const error = refusal(() => parseConstraints("constraints", list));
    assert.equal(error.code, "INVALID_SPEC");
    assert.ok(error.message.includes('"region"'), error.message);
  }
});

test("what some worker could satisfy is accepted", () => {
  const eu = { key: "region", op: "=", values: ["eu"] };
  const possible = [
    [eu, { key: "region", op: "in", values: ["us", "eu"] }],
    [eu, { key: "region", op: "=", values: ["us"], mode: "PREFERRED" }],
    [eu, { key: "zone", op: "not-exists" }],
    [
      { key: "region", op: "not-exists" },
      { key: "region", op: "!=", values: ["eu"] },
    ],
    [
      { key: "cores", op: ">", values: [8] },
      { key: "cores", op: "<=", values: ["64"] },
    ],
  ];
  for (const list of possible) assert.equal(parseConstraints("c", list).length, 2);
});
