/**
 * Rules of tables, in a pipe and on a terminal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { printTable } from "./print.ts";

const header = ["JOB", "REASON"];
const rows = [
  ["/ann/a", "waits for capacity: need cpu=64"],
  ["/ann/long", "failed:\n\tline two"],
];

function printed(stream: { readonly isTTY?: boolean; readonly columns?: number }): string[] {
  const chunks: string[] = [];
  const stdout = { ...stream, write: (text: string) => chunks.push(text) };
  printTable({ stdout, stderr: stdout, env: { NO_COLOR: "1" } }, header, rows);
  return chunks.join("").split("\n");
}

test("a pipe gets every word, and each row on one line", () => {
  assert.deepEqual(printed({}), [
    "JOB\tREASON",
    "/ann/a\twaits for capacity: need cpu=64",
    "/ann/long\tfailed: line two",
    "",
  ]);
});

test("on a terminal the last column ends where the line does", () => {
  const lines = printed({ isTTY: true, columns: 30 });
  assert.deepEqual(lines, [
    "JOB        REASON",
    "/ann/a     waits for capacit…",
    "/ann/long  failed: line two",
    "",
  ]);
});

test("on a terminal of unknown width nothing is cut", () => {
  assert.match(printed({ isTTY: true }).join("\n"), /need cpu=64/);
});
