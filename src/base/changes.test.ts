/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyChanges, changesBetween } from "./changes.ts";

test("any value becomes any other by the changes between them", () => {
  const row = fc.record({ id: fc.integer({ min: 0, max: 9 }), state: fc.constantFrom("a", "b") });
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record({ rows: fc.array(row, { maxLength: 12 }), count: fc.nat() }),
  ) as fc.Arbitrary<unknown>;
  fc.assert(
    fc.property(value, value, (before, after) => {
      const from = plain(before);
      const to = plain(after);
      const kept = JSON.stringify(from);
      const sent = JSON.parse(JSON.stringify(changesBetween(from, to)));
      assert.deepEqual(applyChanges(from, sent), to);
      assert.equal(JSON.stringify(from), kept, "what was there is not written to");
    }),
    { numRuns: 2_000 },
  );
});

/** As it comes over the wire. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

test("equal values have no changes", () => {
  const value = { jobs: [{ jobId: "/a", counts: { PENDING: 1 } }], total: 1 };
  assert.deepEqual(changesBetween(value, structuredClone(value)), []);
});

test("a row that came first moves the others and sends itself alone", () => {
  const row = (jobId: string, done: number) => ({ jobId, done });
  const before = { jobs: [row("a", 1), row("b", 2), row("c", 3)] };
  const after = { jobs: [row("new", 0), row("a", 1), row("b", 5)] };
  const changes = changesBetween(before, after);
  assert.deepEqual(changes, [
    {
      path: ["jobs"],
      rows: [
        [-1, 1],
        [0, 2],
      ],
    },
    { path: ["jobs", 0], value: row("new", 0) },
    { path: ["jobs", 2, "done"], value: 5 },
  ]);
  assert.deepEqual(applyChanges(before, changes), after);
});

test("rows without a key are compared by place, so what is appended is sent alone", () => {
  const before = [{ at: "t" }, { at: "t" }];
  assert.deepEqual(changesBetween(before, [...before, { at: "t" }]), [
    {
      path: [],
      rows: [
        [0, 2],
        [-1, 1],
      ],
    },
    { path: [2], value: { at: "t" } },
  ]);
});

test("what did not change is the same object afterwards", () => {
  const before = { a: { deep: [1] }, b: { n: 1 } };
  const after = applyChanges(before, [{ path: ["b", "n"], value: 2 }]) as typeof before;
  assert.equal(after.a, before.a);
  assert.notEqual(after.b, before.b);
});

test("a field called __proto__ stays a field", () => {
  const before = JSON.parse('{"env":{"__proto__":1}}');
  const after = JSON.parse('{"env":{"__proto__":{"x":2}}}');
  const made = applyChanges(before, changesBetween(before, after)) as typeof after;
  assert.equal(JSON.stringify(made), JSON.stringify(after));
  assert.equal(({} as { x?: number }).x, undefined);
});

test("operations that do not fit the value are refused", () => {
  assert.throws(() => applyChanges({ a: 1 }, [{ path: ["a", "b"], value: 2 }]), RangeError);
  assert.throws(() => applyChanges({ a: 1 }, [{ path: ["a"], rows: [[0, 1]] }]), RangeError);
});
