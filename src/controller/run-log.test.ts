/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runsMax } from "./limits.ts";
import { freeLane, type LanedRun, RunLog } from "./run-log.ts";

function add(log: RunLog, startedAt: number, endedAt: number, slots = 2, worker = 0): void {
  const what = { jobId: "/ann/a", index: 0, name: "f", assignedAt: startedAt, cause: 0 };
  log.add({ attempt: endedAt, worker, slots, startedAt, endedAt, ...what });
}

function shown(runs: Iterable<LanedRun>): string {
  return [...runs].map((run) => `${run.lane}:${run.startedAt}-${run.endedAt}`).join(" ");
}

test("a run takes the lane that was free when it started, and the one used last of these", () => {
  const log = new RunLog();
  add(log, 0, 10, 3);
  add(log, 5, 20, 3);
  add(log, 20, 30, 3);
  add(log, 0, 40, 3);
  assert.equal(shown(log.since(0)), "0:0-10 1:5-20 1:20-30 2:0-40");
});

test("what is told to have ended at once, and did not, follows one another", () => {
  const log = new RunLog();
  for (let i = 0; i < 4; i++) add(log, 100, 110);
  assert.equal(shown(log.since(0)), "0:100-110 1:100-110 0:110-120 1:110-120");
});

test("no two runs of a lane overlap, and there are no more lanes than slots", () => {
  const run = fc.record({
    worker: fc.integer({ min: 0, max: 2 }),
    length: fc.integer({ min: 0, max: 900_000 }),
    later: fc.integer({ min: 0, max: 300_000 }),
  });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (runs, slots) => {
      const log = new RunLog();
      let now = 1_000_000;
      for (const { worker, length, later } of runs) {
        now += later;
        add(log, now - length, now, slots, worker);
      }
      const ends = new Map<string, number>();
      for (const { worker, lane, startedAt, endedAt } of log.since(0)) {
        const key = `${worker}/${lane}`;
        assert.ok(lane < slots && startedAt <= endedAt);
        assert.ok(startedAt >= (ends.get(key) ?? 0), `${key} is free at ${startedAt}`);
        ends.set(key, endedAt);
      }
    }),
  );
});

test("what ended long before it was heard of has no length", () => {
  const log = new RunLog();
  add(log, 0, 2_000_000, 1);
  add(log, 1_000_000, 2_000_010, 1);
  add(log, 999_999, 2_000_020, 1);
  assert.equal(
    shown(log.since(0)),
    "0:0-2000000 0:2000000-3000010 0:3000010-3000010",
    "a second is not too long",
  );
});

test("a run keeps what is said of it, and its worker has lanes of its own", () => {
  const log = new RunLog();
  const run = {
    ...{ attempt: 77, worker: 3, jobId: "/ann/x", index: 5, name: "train" },
    ...{ assignedAt: 10, startedAt: 20, endedAt: 30, cause: 4 },
  };
  log.add({ ...run, slots: 2 });
  log.add({ ...run, attempt: 78, worker: 4, slots: 2 });
  assert.deepEqual(
    [...log.since(0)],
    [
      { ...run, lane: 0 },
      { ...run, attempt: 78, worker: 4, lane: 0 },
    ],
  );
  assert.deepEqual([log.lanesOf(3), log.lanesOf(4), log.lanesOf(5)], [[30], [30], []]);
  log.lanesOf(3).push(9);
  assert.deepEqual(log.lanesOf(3), [30]);
});

test("of free lanes the one used last is taken; else a new one; else the first to be free", () => {
  assert.equal(freeLane([], 5, 1), 0);
  assert.equal(freeLane([3, 5, 4], 5, 3), 1);
  assert.equal(freeLane([3, 6, 4], 5, 3), 2);
  assert.equal(freeLane([4, 4], 5, 9), 0);
  assert.equal(freeLane([8, 6, 7], 5, 4), 3);
  assert.equal(freeLane([8, 6, 7], 5, 3), 1);
  assert.equal(freeLane([6, 6], 5, 2), 0);
});

test("what was heard since a moment is found, also with none before or since", () => {
  const log = new RunLog();
  assert.deepEqual([...log.since(0)], []);
  for (let at = 10; at <= 3_000; at += 10) add(log, at, at, 1);
  const first = (from: number) => [...log.since(from)].map(({ attempt }) => attempt)[0];
  assert.deepEqual([0, 10, 11, 1_500, 2_991, 3_000, 3_001].map(first), [
    10,
    10,
    20,
    1_500,
    3_000,
    3_000,
    undefined,
  ]);
  assert.equal([...log.since(15)].length, 299);
});

test("the oldest leave when there are too many, and it is said since when there are none", () => {
  const log = new RunLog();
  for (let i = 1; i <= runsMax; i++) add(log, i, i);
  assert.equal(log.oldestAt, null);
  add(log, runsMax + 1, runsMax + 1);
  assert.deepEqual([log.length, log.oldestAt], [runsMax, 2]);
  assert.equal([...log.since(runsMax)].length, 2);
  assert.equal([...log.since(0)][0].startedAt, 2);
});
