/**
 * How values travelled: counts that only rise, and the latest ways.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noMemory } from "../protocol/messages.ts";
import { trafficMax } from "./limits.ts";
import { countTraffic, noTraffic, TrafficLog } from "./traffic.ts";

/** Ways of values that ended so long ago, each of which took as long. */
function ways(agos: readonly number[], durations: readonly number[], omitted = 0) {
  const column = (value: number) => agos.map(() => value);
  return {
    type: "traffic" as const,
    kinds: Uint8Array.from(column(1)),
    tasks: Float64Array.from(agos, (_, i) => 10 + i),
    counts: Uint32Array.from(column(2)),
    sizes: Float64Array.from(column(300)),
    agos: Float64Array.from(agos),
    durations: Float64Array.from(durations),
    peers: Uint32Array.from(column(4)),
    omitted,
  };
}

test("counts rise by what a worker says more, and never fall when it begins anew", () => {
  const counts = noTraffic();
  assert.deepEqual(counts, {
    ...{ spillCount: 0, loadCount: 0, spillFailureCount: 0, fetchCount: 0 },
    ...{ fetchedBytes: 0, processRecycledCount: 0 },
  });
  const said = {
    ...{ spillCount: 1, loadCount: 2, spillFailureCount: 3, fetchCount: 4 },
    ...{ fetchedBytes: 5, processRecycledCount: 6 },
  };
  countTraffic(counts, noMemory, { ...noMemory, ...said });
  assert.deepEqual(counts, said);
  countTraffic(counts, { ...noMemory, ...said }, { ...noMemory, loadCount: 1, fetchCount: 9 });
  assert.deepEqual(counts, { ...said, fetchCount: 9 });
});

describe("the ways of values", () => {
  test("have their times, counted back from when they were told, none before the start", () => {
    const log = new TrafficLog();
    log.add(3, ways([100, 990, 2_000], [50, 50, 5], 2), 1_000);
    log.add(3, ways([0], [0], 5), 1_000);
    const travel = { worker: 3, kind: 1, count: 2, sizeBytes: 300, peer: 4 };
    assert.deepEqual(
      [...log.within(0, 2_000)],
      [
        { ...travel, task: 10, startedAt: 1_000, endedAt: 1_000 },
        { ...travel, task: 12, startedAt: 0, endedAt: 0 },
        { ...travel, task: 11, startedAt: 0, endedAt: 10 },
        { ...travel, task: 10, startedAt: 850, endedAt: 900 },
      ],
    );
    assert.equal(log.omitted, 7);
  });

  test("are in a window that they touch", () => {
    const log = new TrafficLog();
    log.add(0, ways([100], [50]), 1_000);
    const count = (from: number, to: number) => [...log.within(from, to)].length;
    assert.deepEqual(
      [count(900, 950), count(901, 950), count(0, 850), count(0, 849)],
      [1, 0, 1, 0],
    );
  });

  test("are the latest, as many as are remembered", () => {
    const log = new TrafficLog();
    for (let i = 0; i <= trafficMax; i++) log.add(0, ways([0], [0]), 1 + i);
    const all = [...log.within(0, trafficMax + 9)];
    assert.equal(all.length, trafficMax);
    assert.deepEqual([all[0].endedAt, all.at(-1)?.endedAt], [trafficMax + 1, 2]);
  });
});
