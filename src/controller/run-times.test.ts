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
