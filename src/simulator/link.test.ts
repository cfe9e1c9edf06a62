/**
 * What the network does to messages: late or never, but in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Randomness } from "./draws.ts";
import { noFaults } from "./faults.ts";
import { NetworkPath } from "./link.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { Timeline } from "./timeline.ts";

function aPath(seed = 1): { path: NetworkPath; timeline: Timeline } {
  const timeline = new Timeline();
  const faults = { ...noFaults, delayUsMax: 10_000 };
  const path = new NetworkPath(timeline, new Randomness({ seed }).stream("network"), faults);
  return { path, timeline };
}

function runAll(timeline: Timeline): void {
  while (timeline.runNext()) {
    // Everything happens in there.
  }
}

test("messages of one connection arrive in their order", () => {
  const { path, timeline } = aPath();
  const link = path.open();
  const heard: number[] = [];
  for (let i = 0; i < 50; i++) link.carry("there", () => heard.push(i));
  runAll(timeline);
  assert.deepEqual(
    heard,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test("messages of two connections overtake each other", () => {
  const { path, timeline } = aPath();
  const [one, two] = [path.open(), path.open()];
  const heard: string[] = [];
  for (let i = 0; i < 20; i++) {
    one.carry("there", () => heard.push("one"));
    two.carry("there", () => heard.push("two"));
  }
  runAll(timeline);
  assert.notDeepEqual(
    heard,
    Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "one" : "two")),
  );
});

test("what is on its way when the connection is cut never arrives", () => {
  const { path, timeline } = aPath();
  const link = path.open();
  const heard: string[] = [];
  link.carry("back", () => heard.push("before"));
  link.cut();
  link.carry("back", () => heard.push("after"));
  runAll(timeline);
  assert.deepEqual(heard, []);
});

test("a stalled direction delivers afterwards, and the other one goes on", () => {
  const { path, timeline } = aPath();
  const until = timeline.now + 1_000_000;
  path.stall("there", until);
  const link = path.open();
  const heard: [string, boolean][] = [];
  link.carry("there", () => heard.push(["there", timeline.now >= until]));
  link.carry("back", () => heard.push(["back", timeline.now >= until]));
  runAll(timeline);
  assert.deepEqual(heard, [
    ["back", false],
    ["there", true],
  ]);
});

test("things of one instant are done in the order in which they were planned", () => {
  const timeline = new Timeline();
  const done: number[] = [];
  for (const [i, delay] of [5, 3, 5, 3, 4, 5, 1].entries()) {
    timeline.after(delay, () => done.push(i));
  }
  runAll(timeline);
  assert.deepEqual(done, [6, 1, 3, 4, 0, 2, 5]);
});

test("a clock that runs fast or slow still names the moment at which it shows a time", () => {
  for (const ppm of [-500, -1, 0, 3, 500]) {
    const timeline = new Timeline();
    const clock = new SimulatedClock(timeline, 77_000_000, ppm);
    timeline.now += 123_456_789;
    const shown = clock.now();
    const due = shown + 10_000_019;
    const moment = clock.when(due);
    assert.ok(clock.at(moment) >= due && clock.at(moment - 1) < due, `${ppm} ppm`);
  }
});
