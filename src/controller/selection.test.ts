/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Selection } from "./selection.ts";

const direction = fc.constantFrom("asc", "desc") as fc.Arbitrary<"asc" | "desc">;

test("a page is what it would be if all rows were sorted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 400 }),
      fc.integer({ min: 0, max: 120 }),
      fc.integer({ min: 1, max: 60 }),
      direction,
      (keys, start, pageSize, way) => {
        const sign = way === "desc" ? -1 : 1;
        const rows = keys.map((key, tie) => ({ key, tie }));
        const sorted = [...rows].sort((a, b) => sign * (a.key - b.key) || a.tie - b.tie);
        const selection = new Selection<number>({ pageSize, pageToken: String(start) }, way);
        for (const { key, tie } of rows) selection.offer(tie, key, tie);
        const { page, nextPageToken } = selection.page();
        const end = start + pageSize;
        assert.deepEqual(
          page,
          sorted.slice(start, end).map(({ tie }) => tie),
        );
        assert.equal(selection.count, rows.length);
        assert.equal(nextPageToken, end < rows.length ? String(end) : "");
      },
    ),
    { numRuns: 500 },
  );
});

test("rows of one key are in the order in which they came, whichever way the keys go", () => {
  for (const way of ["asc", "desc"] as const) {
    const selection = new Selection<string>({ pageSize: 9 }, way);
    for (const [tie, row] of [..."cab"].entries()) selection.offer(row, 5, tie);
    selection.offer("z", 9, 3);
    selection.offer("y", 1, 4);
    const expected = way === "asc" ? "ycabz" : "zcaby";
    assert.equal(selection.page().page.join(""), expected);
  }
});

test("a page ends where the rows end, and texts are in their order", () => {
  const pageOf = (request: object) => {
    const selection = new Selection<string>(request as never, "asc");
    for (const [tie, row] of ["b", "d", "a", "c"].entries()) selection.offer(row, row, tie);
    const { page, nextPageToken } = selection.page();
    return [page.join(""), nextPageToken, selection.count];
  };
  assert.deepEqual(pageOf({ pageSize: 4 }), ["abcd", "", 4]);
  assert.deepEqual(pageOf({ pageSize: 3 }), ["abc", "3", 4]);
  assert.deepEqual(pageOf({ pageSize: 3, pageToken: "3" }), ["d", "", 4]);
  assert.deepEqual(pageOf({ pageSize: 2, pageToken: "4" }), ["", "", 4]);
  assert.deepEqual(pageOf({}), ["abcd", "", 4]);
});

test("of very many rows only about two pages are kept", () => {
  const selection = new Selection<number>({ pageSize: 10 }, "desc");
  for (let row = 0; row < 200_000; row++) selection.offer(row, (row * 7_919) % 200_000, row);
  const { page } = selection.page();
  assert.equal(page.length, 10);
  const keys = page.map((row) => (row * 7_919) % 200_000);
  assert.deepEqual(
    keys,
    [199_999, 199_998, 199_997, 199_996, 199_995, 199_994, 199_993, 199_992, 199_991, 199_990],
  );
});
