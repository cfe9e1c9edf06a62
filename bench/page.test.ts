/**
 * What of a report gets into the page of benchmarks, and what stays as it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { fillPage, type Report } from "./page.ts";
import { aPeer, aResult } from "./sample-results.ts";

const machine = { cores: 2, cpu: "EPYC", memoryBytes: 24 * 2 ** 30, system: "Linux", node: "24.1" };

function aReport(...cases: Report["cases"]): Report {
  return { machine, fdatasyncMs: 0.168, cases };
}

it("a figure is the median of its case, or the detail that is named", () => {
  const text =
    "<!-- figures: latency -->–<!-- end --> / <!-- figures: latency.p99Ms -->–<!-- end -->";
  const latency = aResult({ name: "latency", median: 1.594, details: { p99Ms: 5.86 } });
  assert.equal(
    fillPage(text, aReport(latency), null),
    "<!-- figures: latency -->1.59<!-- end --> / <!-- figures: latency.p99Ms -->5.86<!-- end -->",
  );
});

it("the name of a detail may have spaces and dots of its own", () => {
  const text = "<!-- figures: placement.needle by amount p99 -->–<!-- end -->";
  const placement = aResult({ name: "placement", details: { "needle by amount p99": 0.25 } });
  assert.match(fillPage(text, aReport(placement), null), /-->0\.250<!--/);
});

it("a figure that no report has stays as it was", () => {
  const text =
    "<!-- figures: kernel -->old<!-- end --> <!-- figures: latency.none -->old<!-- end -->";
  assert.equal(fillPage(text, aReport(aResult({ name: "latency" })), null), text);
  assert.equal(fillPage(text, null, null), text);
});

it("a table is written anew between its marks, and nothing outside them", () => {
  const text = "before\n<!-- table: cases -->\nold\n\n<!-- end -->\nafter\n";
  assert.equal(
    fillPage(text, aReport(aResult()), null),
    [
      "before",
      "<!-- table: cases -->",
      "",
      "2 cores (EPYC), 24 GiB, Linux, Node 24.1; `fdatasync` 0.17 ms.",
      "",
      "| case | median | min | max | unit | CPU s/run | peak RSS |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      "| `throughput` | 117,088 | 91,594 | 145,464 | tasks/s | 3.27 | 1,423 MiB |",
      "",
      "<!-- end -->",
      "after",
      "",
    ].join("\n"),
  );
});

it("the peers' table names versions, ranges, ratios, and why one was skipped", () => {
  const text = "<!-- table: peers -->\n<!-- end -->";
  const peers = { dask: aPeer(), ray: { skipped: "no wheel | here" } };
  const lines = fillPage(text, null, aReport(aResult({ peers }))).split("\n");
  assert.deepEqual(lines.slice(4, 7), [
    "| case | Capstan | Dask 2026.8.0 | Ray | HyperQueue |",
    "| --- | --- | --- | --- | --- |",
    "| `throughput`, tasks/s | **117,088** (91,594 – 145,464) | " +
      "1,878 (1,372 – 2,035), **62x** | skipped: no wheel / here |  |",
  ]);
});
