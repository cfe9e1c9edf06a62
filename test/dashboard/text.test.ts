/**
 * What the dashboard writes and where it finds things, without a browser: sizes, durations, states,
 * words for a shell, places on a timeline.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  axisHeight,
  type Lane,
  type TimelineBar,
} from "../../dashboard/src/charts/timeline-marks.ts";
import {
  shifted,
  TimelineScale,
  windowAfterKey,
  zoomed,
} from "../../dashboard/src/charts/timeline-scale.ts";
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatMilli,
  formatPercent,
  formatResources,
} from "../../dashboard/src/text/format.ts";
import { quoted } from "../../dashboard/src/text/quoted.ts";
import { lookOf, lookOfCause, progressParts } from "../../dashboard/src/text/states.ts";
import { attemptCauses, taskStates } from "../../src/model/states.ts";

test("sizes and durations have at most two units and never a dangling zero", () => {
  assert.deepEqual([0, 1_023, 1_536, 2 ** 40].map(formatBytes), [
    "0 B",
    "1023 B",
    "1.5 KiB",
    "1 TiB",
  ]);
  const durations = [0, 420, 3_249, 59_999, 60_000, 252_000, 7_500_000, 90_000_000];
  assert.deepEqual(durations.map(formatDuration), [
    ...["0 ms", "420 ms", "3.2 s", "59 s", "1 min", "4 min 12 s", "2 h 5 min", "1 d 1 h"],
  ]);
  assert.equal(formatAgo(0, 40_000), "40 s ago");
  assert.equal(formatMilli(1_250), "1.25");
});

test("a little is not nothing, and almost all is not all", () => {
  assert.equal(formatPercent(1, 1_000), "<1 %");
  assert.equal(formatPercent(999, 1_000), "99 %");
  assert.equal(formatPercent(0, 0), "0 %");
});

test("a request for any variant does not name one, and granted devices have their index", () => {
  const none = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} };
  assert.equal(formatResources(none), "nothing");
  const gpu = { kind: "gpu", variant: "auto", countMilli: 2_000, indices: [0, 3] };
  assert.equal(
    formatResources({ ...none, cpuMilli: 500, devices: [gpu] }),
    "0.5 CPU · 2 × gpu #0 #3",
  );
});

test("every state and every cause has a word and a shape, and every task state a part", () => {
  for (const state of taskStates) assert.notEqual(lookOf(state).shape, "question", state);
  for (const cause of attemptCauses) assert.match(lookOfCause(cause).word, /^[A-Z]/, cause);
  const parts = progressParts.flatMap(({ states }) => [...states]);
  assert.deepEqual(new Set(parts), new Set(taskStates));
  assert.equal(parts.length, taskStates.length);
});

test("what a shell would take for something else is quoted", () => {
  assert.equal(quoted("/ada/train-1"), "/ada/train-1");
  assert.equal(quoted("a b"), "'a b'");
  assert.equal(quoted("it's $HOME"), `'it'\\''s $HOME'`);
  assert.equal(quoted(""), "''");
});

const shown = { fromMs: 1_000, toMs: 2_000 };

test("zooming keeps what is under the pointer where it is, and ends at some width", () => {
  assert.deepEqual(zoomed(shown, 0.5, 1_000), { fromMs: 1_000, toMs: 1_500 });
  assert.deepEqual(zoomed(shown, 2, 1_500), { fromMs: 500, toMs: 2_500 });
  const closest = zoomed(shown, 0.000_1, 1_500);
  assert.ok(closest.toMs - closest.fromMs >= 20);
  assert.deepEqual(windowAfterKey(shown, "ArrowRight"), shifted(shown, 125));
  assert.equal(windowAfterKey(shown, "x"), undefined);
});

test("a bar is found on its lane at its time, a thin one also beside it", () => {
  const lanes: Lane[] = [
    { name: "a", begins: true, height: 20, href: "/workers/a" },
    { name: "b", begins: true, height: 20 },
  ];
  const bar = (lane: number, startMs: number, endMs: number | null): TimelineBar => ({
    ...{ lane, startMs, endMs, waitMs: startMs, density: 1, failed: false },
    ...{ fill: () => "", text: "", title: `${lane} ${startMs}`, notes: [], href: "/tasks/x" },
  });
  const marks = { lanes, bars: [bar(0, 1_100, 1_101), bar(1, 1_500, null)], nowMs: 1_900 };
  const scale = new TimelineScale(shown, 1_132); // A pixel is a millisecond.
  const titleAt = (x: number, y: number) => scale.barAt(marks, x + scale.gutter, y)?.title;
  assert.equal(titleAt(102, axisHeight + 5), "0 1100");
  assert.equal(titleAt(110, axisHeight + 5), undefined);
  assert.equal(titleAt(880, axisHeight + 25), "1 1500");
  assert.equal(titleAt(950, axisHeight + 25), undefined);
  assert.equal(scale.hrefAt(marks, 5, axisHeight + 5), "/workers/a");
});
