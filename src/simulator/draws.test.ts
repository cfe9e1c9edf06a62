/**
 * Randomness by purpose: streams do not disturb each other, and zero is the dull draw.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DrawStream, Randomness } from "./draws.ts";
import { exponential } from "./link.ts";

function take(stream: DrawStream, count: number): number[] {
  return Array.from({ length: count }, () => stream.u32());
}

test("a draw in one stream does not change the draws of another", () => {
  const alone = take(new Randomness({ seed: 5 }).stream("disk"), 20);
  const randomness = new Randomness({ seed: 5 });
  const disk = randomness.stream("disk");
  const mixed = Array.from({ length: 20 }, () => {
    randomness.stream("network").u32();
    return disk.u32();
  });
  assert.deepEqual(mixed, alone);
  assert.notDeepEqual(take(new Randomness({ seed: 5 }).stream("network"), 20), alone);
  assert.notDeepEqual(take(new Randomness({ seed: 6 }).stream("disk"), 20), alone);
});

test("seeds that differ only above 32 bits differ", () => {
  const high = take(new Randomness({ seed: 2 ** 40 + 1 }).stream("disk"), 4);
  assert.notDeepEqual(high, take(new Randomness({ seed: 1 }).stream("disk"), 4));
});

test("what reads as zero is dull: nothing happens, at once, and first things first", () => {
  const zeroed = [{ stream: "s", from: 0, to: 10 }];
  const stream = new Randomness({ seed: 1, zeroed }).stream("s");
  assert.equal(stream.chance(0.999), false);
  assert.equal(stream.below(1_000), 0);
  assert.equal(stream.pick(["first", "second"]), "first");
  assert.equal(exponential(stream, 1_000_000), 0);
});

test("zeroes leave the draws behind them as they were", () => {
  const plain = take(new Randomness({ seed: 1 }).stream("s"), 8);
  const zeroed = [{ stream: "s", from: 2, to: 4 }];
  const edited = take(new Randomness({ seed: 1, zeroed }).stream("s"), 8);
  assert.deepEqual(edited, [...plain.slice(0, 2), 0, 0, ...plain.slice(4)]);
});

test("a tape gives back what was drawn, whatever the seed, and then zeroes", () => {
  const recording = new Randomness({ seed: 1, record: true });
  const drawn = take(recording.stream("s"), 5);
  const replay = new Randomness({ seed: 2, tape: recording.tape() });
  assert.deepEqual(take(replay.stream("s"), 7), [...drawn, 0, 0]);
  assert.deepEqual(take(replay.stream("t"), 2), [0, 0]);
});

test("chances and exponential delays come out as often and as long as they should", () => {
  const stream = new Randomness({ seed: 3 }).stream("s");
  const count = 20_000;
  let happened = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (stream.chance(0.25)) happened++;
    sum += exponential(stream, 1_000);
  }
  assert.ok(Math.abs(happened / count - 0.25) < 0.02, `${happened} of ${count}`);
  assert.ok(Math.abs(sum / count - 1_000) < 60, `mean ${sum / count}`);
});
