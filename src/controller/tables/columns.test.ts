/**
 * Tables grow column by column, and always before a row is needed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { growAhead } from "./columns.ts";

const names = ["a", "b", "c"] as const;

function aTable(capacity: number) {
  return {
    a: new Uint8Array(capacity),
    b: new Uint32Array(capacity),
    c: new Float64Array(capacity),
  };
}

test("every column has room for a row when it is used, and keeps what it has", () => {
  const table = aTable(4);
  let growAt = 0;
  for (let row = 0; row < 5_000; row++) {
    if (row >= growAt) growAt = growAhead(table, names, row);
    for (const name of names) assert.ok(table[name].length > row, `${name} at ${row}`);
    table.b[row] = row;
  }
  for (let row = 0; row < 5_000; row++) assert.equal(table.b[row], row);
});

test("in a large table no row waits for more than one column", () => {
  const table = aTable(1_024);
  let growAt = 0;
  for (let row = 0; row < 10_000; row++) {
    if (row < growAt) continue;
    const lengths = names.map((name) => table[name].length);
    growAt = growAhead(table, names, row);
    const grown = names.filter((name, place) => table[name].length !== lengths[place]);
    assert.ok(grown.length <= 1, `${grown.join()} at ${row}`);
  }
});

test("a table whose columns were cut to its rows grows at the next one", () => {
  const table = aTable(5);
  growAhead(table, names, 5);
  for (const name of names) assert.equal(table[name].length, 10);
});
