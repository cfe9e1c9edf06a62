/**
 * The columns of a report hold what its rows say.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { reportKind } from "../protocol/messages.ts";
import { ReportColumns } from "./report-columns.ts";

const hourUs = 3_600_000_000;

test("a run of hours is told as the longest that the column holds, not modulo that", () => {
  const columns = new ReportColumns();
  for (const durationUs of [hourUs, 12 * hourUs]) {
    columns.push({
      kind: reportKind.finished,
      attempt: 11,
      task: 1,
      reason: 0,
      successor: 0,
      other: 0,
      sizeBytes: 0,
      durationUs,
      value: null,
    });
  }
  assert.deepEqual([...columns.take().durations], [hourUs, 0xffffffff]);
});
