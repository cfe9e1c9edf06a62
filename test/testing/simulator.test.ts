/**
 * What the simulator gives to whoever uses it by itself: scenarios as texts, and runs by seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { playClusterScenario, ScenarioError, SimulatedCluster } from "../../src/testing/index.ts";

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
