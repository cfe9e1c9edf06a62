/**
 * What the simulator gives to whoever uses it by itself: scenarios as texts, and runs by seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  type ClusterOptions,
  type PlayOptions,
  playClusterScenario,
  ScenarioError,
  SimulatedCluster,
} from "../../src/testing/index.ts";

const guide = readFileSync(new URL("../../docs/guide-testing.md", import.meta.url), "utf8");

test("the scenario of the guide is played as it stands there, under many delays", () => {
  const [, text] = /const text = `\n([^`]+)`;/.exec(guide) ?? assert.fail("no scenario there");
  for (let seed = 0; seed < 20; seed++) {
    assert.ok(playClusterScenario(text, { seed, delays: true }).executions >= 3);
  }
  assert.throws(
    () => playClusterScenario(`${text}\n  a ran once`, { seed: 7 }),
    (error) => error instanceof ScenarioError && /a ran once/.test(error.message),
  );
});

test("a run by seed is the same each time, and says what it did", () => {
  const [first, second] = [1, 2].map(() => new SimulatedCluster({ seed: 5 }).run(60));
  assert.deepEqual(first, second);
  assert.ok(first.events > 0 && first.virtualSeconds > 0);
});

const clusterCases: readonly (readonly [unknown, RegExp])[] = [
  [{ seed: 1, profile: "nosuch" }, /^profile: "nosuch" is not one of "swarm", "calm"/],
  [{ seed: "x" }, /^seed: "x" is not a whole number from 0/],
  [{ seed: -1 }, /^seed: -1 is not a whole number from 0/],
  [{}, /^seed: undefined is not a whole number from 0/],
  [undefined, /^options: undefined is not a plain object/],
  [{ seed: 1, workers: 3 }, /^workers: unknown name "workers"; did you mean "workerCount"\?/],
  [{ seed: 1, workerCount: 1.5 }, /^workerCount: 1\.5 is not a whole number/],
  [{ seed: 1, slots: 0 }, /^slots: 0 is not a whole number from 1/],
  [{ seed: 1, faults: "none" }, /^faults: "none" is not a plain object/],
  [{ seed: 1, faults: { taskFailure: 1 } }, /^faults\.delayUsMin: undefined is not a number/],
  [{ seed: 1, without: ["earthquake"] }, /^without\[0\]: "earthquake" is not one of "delayUsMin"/],
  [{ seed: 1, skip: [1] }, /^skip: an array of 1 is not a Set/],
  [{ seed: 1, tape: {} }, /^tape: an object is not a Map/],
  [{ seed: 1, checks: 1 }, /^checks: 1 is not true or false/],
  [{ seed: 1, behaviour: {} }, /^behaviour: an object is not a function/],
];

test("a run whose options are wrong is refused by their names, and is no bug of Capstan", () => {
  for (const [options, message] of clusterCases) {
    const make = () => new SimulatedCluster(options as ClusterOptions);
    assert.throws(make, { code: "INVALID_ARGUMENT", message });
  }
  for (const actions of [-4, 1.5, "q", undefined]) {
    const run = () => new SimulatedCluster({ seed: 1 }).run(actions as number);
    assert.throws(run, { code: "INVALID_ARGUMENT", message: /^actions: .* is not a whole number/ });
  }
  const all = { workerCount: 2, clientCount: 1, slots: 1, profile: "calm", record: true } as const;
  const faults = { without: ["workerCrash"], skip: new Set([1]), zeroed: [] } as const;
  const report = new SimulatedCluster({ seed: 1, ...all, ...faults }).run(3);
  assert.ok(report.events > 0);
});

test("a play whose options are wrong is refused by their names", () => {
  const cases: readonly (readonly [unknown, unknown, RegExp])[] = [
    ["worker w1", { sed: 7 }, /^sed: unknown name "sed"; did you mean "seed"\?/],
    ["worker w1", { seed: "x" }, /^seed: "x" is not a whole number/],
    ["worker w1", {}, /^seed: undefined is not a whole number/],
    ["worker w1", undefined, /^options: undefined is not a plain object/],
    ["worker w1", { seed: 1, delays: "yes" }, /^delays: "yes" is not true or false/],
    [7, { seed: 1 }, /^text: 7 is not the text of a scenario/],
  ];
  for (const [text, options, message] of cases) {
    const play = () => playClusterScenario(text as string, options as PlayOptions);
    assert.throws(play, { code: "INVALID_ARGUMENT", message });
  }
});
