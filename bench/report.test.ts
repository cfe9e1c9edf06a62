/**
 * The tables that a benchmark prints.
 *
 * @module
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { formatNumber, formatRatio, peerLines, tableLines } from "./report.ts";
import { aPeer, aResult } from "./sample-results.ts";

it("numbers have three digits, and never a power of ten", () => {
  const numbers = [0.0188, 0.4543, 9.999, 99.95, 999.4, 999.6, 1_234.5, 117_088.4];
  assert.deepEqual(numbers.map(formatNumber), [
    ...["0.0188", "0.454", "10.0", "100", "999", "1,000", "1,235", "117,088"],
  ]);
});

it("a ratio below one says that Capstan is behind", () => {
  const ratios = [0.0191, 0.8, 1.25, 9.96, 62.3, 1_234];
  assert.deepEqual(ratios.map(formatRatio), ["0.019x", "0.80x", "1.3x", "10x", "62x", "1,234x"]);
});

it("the columns of a table stand under their heads", () => {
  const slow = aResult({ name: "seed", unit: "s", median: 0.15, min: 0.1, max: 2, runs: [0.15] });
  const lines = tableLines([aResult({ details: { p99Ms: 5.861 } }), slow]);
  assert.deepEqual(lines, [
    "case        median   min     max      unit     runs  CPU s/run  peak RSS  also",
    "throughput  117,088  91,594  145,464  tasks/s  3     3.27       1423 MiB  p99Ms 5.86",
    "seed        0.150    0.100   2.00     s        1     3.27       1423 MiB",
  ]);
});

it("without peers nothing is said of them", () => {
  assert.deepEqual(peerLines([aResult()]), []);
});

it("a peer that was skipped is named with its reason, once", () => {
  const skipped = { skipped: "not installed" };
  const lines = peerLines([
    aResult({ peers: { dask: aPeer(), ray: skipped } }),
    aResult({ name: "latency", unit: "ms", median: 1.59, peers: { dask: aPeer({ ratio: 0.5 }) } }),
  ]);
  assert.deepEqual(lines, [
    "",
    "case        unit     capstan  dask           ray      hyperqueue",
    "throughput  tasks/s  117,088  1,878 (62x)    skipped  -",
    "latency     ms       1.59     1,878 (0.50x)  -        -",
    "",
    "dask 2026.8.0",
    "ray skipped in throughput: not installed",
  ]);
});
