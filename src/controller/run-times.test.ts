/**
 * How long a kind of task runs: the quantile, its precision, and what is forgotten.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hangSamplesMin, runTimesMax } from "./limits.ts";
import { RunTimes } from "./run-times.ts";

function timesOf(ranUs: readonly number[]): RunTimes {
  const times = new RunTimes();
  for (const us of ranUs) times.add(1, us);
  return times;
}

describe("what 95 of 100 of a kind took", () => {
  test("is not known before enough of them ended", () => {
    const few = new Array<number>(hangSamplesMin - 1).fill(1_000_000);
    assert.equal(timesOf(few).p95(1), null);
    assert.notEqual(timesOf([...few, 1_000_000]).p95(1), null);
    assert.equal(timesOf(few).p95(2), null);
  });

  test("is right to a quarter, and never too small, from a millisecond to a day", () => {
    for (const us of [1_000, 12_345, 1_000_000, 77_000_000, 86_400_000_000]) {
      const p95 = timesOf(new Array<number>(100).fill(us)).p95(1) ?? 0;
      assert.ok(p95 >= us && p95 <= us * 1.25 + 256, `${p95} of ${us}`);
    }
  });

  test("is not moved by five of a hundred that took long, and is by six", () => {
    const quick = (count: number) => new Array<number>(count).fill(100_000);
    const slow = (count: number) => new Array<number>(count).fill(60_000_000);
    assert.ok((timesOf([...quick(95), ...slow(5)]).p95(1) ?? 0) < 130_000);
    assert.ok((timesOf([...quick(94), ...slow(6)]).p95(1) ?? 0) >= 60_000_000);
  });

  test("follows a kind that becomes slower, however many were quick before", () => {
    const times = timesOf(new Array<number>(100 * runTimesMax).fill(1_000));
    for (let i = 0; i < runTimesMax; i++) times.add(1, 10_000_000);
    assert.ok((times.p95(1) ?? 0) >= 10_000_000);
  });

  test("counts what was before half", () => {
    const times = timesOf(new Array<number>(runTimesMax).fill(1_000));
    const slower = (count: number) => {
      for (let i = 0; i < count; i++) times.add(1, 10_000_000);
    };
    slower(Math.floor(runTimesMax * 0.025));
    assert.ok((times.p95(1) ?? 0) < 10_000);
    slower(Math.ceil(runTimesMax * 0.004));
    assert.ok((times.p95(1) ?? 0) >= 10_000_000);
  });

  test("is the end of a quarter of a doubling, from 256 microseconds on", () => {
    const p95 = (us: number) => timesOf(new Array<number>(hangSamplesMin).fill(us)).p95(1);
    const ends = [0, 255, 256, 1_023, 1_024, 1_279, 1_280, 2_047, 2_048, 2_559, 2_560, 40_959];
    assert.deepEqual(
      ends.map(p95),
      [256, 256, 512, 1_024, 1_280, 1_280, 1_536, 2_048, 2_560, 2_560, 3_072, 40_960],
    );
  });

  test("counts halves of what was before when there are as many as count in full", () => {
    const times = timesOf(new Array<number>(runTimesMax - 1).fill(1_000));
    const countOf = () => new Map(times.image()).get(1)?.at(-1);
    assert.equal(countOf(), runTimesMax - 1);
    times.add(1, 1_000);
    assert.equal(countOf(), runTimesMax / 2);
    times.add(1, 1_000);
    assert.equal(countOf(), runTimesMax / 2 + 1);
  });

  test("is of each kind by itself, also when they end in turns", () => {
    const times = new RunTimes();
    for (let i = 0; i < hangSamplesMin; i++) {
      times.add(1, 100);
      times.add(2, 1_000_000);
    }
    assert.equal(times.p95(1), 256);
    assert.ok((times.p95(2) ?? 0) >= 1_000_000);
    assert.deepEqual(
      times.image().map(([spec, counts]) => [spec, counts.at(-1)]),
      [
        [1, hangSamplesMin],
        [2, hangSamplesMin],
      ],
    );
    times.forget(2);
    times.add(2, 5);
    assert.equal(new Map(times.image()).get(2)?.at(-1), 1, "also if it was the last that ended");
  });

  test("in an image changes no more", () => {
    const times = timesOf([5]);
    const image = times.image();
    times.add(1, 5);
    assert.equal(image[0][1].at(-1), 1);
  });

  test("takes what is longer than everything that is told apart as the longest", () => {
    assert.ok((timesOf(new Array<number>(10).fill(Number.MAX_SAFE_INTEGER)).p95(1) ?? 0) > 0);
  });

  test("is the same in the image of it, and gone with its spec", () => {
    const times = timesOf([...new Array<number>(50).fill(5_000_000)]);
    times.add(7, 3);
    const again = new RunTimes();
    again.restore(structuredClone(times.image()));
    assert.equal(again.p95(1), times.p95(1));
    assert.deepEqual(again.image(), times.image());
    again.forget(1);
    again.add(1, 1_000);
    assert.equal(again.p95(1), null);
  });
});
