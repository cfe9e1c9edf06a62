/**
 * The text format of Prometheus.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMetrics, metricByLabel, plainMetric } from "./metrics.ts";

test("a metric has a help line, a type line and a line for each value", () => {
  const tasks = { name: "tasks", type: "gauge", help: "Tasks." } as const;
  const text = formatMetrics([
    plainMetric("counter", "attempts_total", "Attempts.", 7),
    metricByLabel(tasks, "state", { PENDING: 1, RUNNING: 2 }),
  ]);
  assert.equal(
    text,
    [
      "# HELP attempts_total Attempts.",
      "# TYPE attempts_total counter",
      "attempts_total 7",
      "# HELP tasks Tasks.",
      "# TYPE tasks gauge",
      'tasks{state="PENDING"} 1',
      'tasks{state="RUNNING"} 2',
      "",
    ].join("\n"),
  );
});

test("a value of a label cannot break out of its line", () => {
  const metric = { name: "m", type: "gauge", help: "two\nlines" } as const;
  const text = formatMetrics([metricByLabel(metric, "l", { 'a"} 1\n\\b': 1 })]);
  assert.equal(text, '# HELP m two lines\n# TYPE m gauge\nm{l="a\\"} 1\\n\\\\b"} 1\n');
});
