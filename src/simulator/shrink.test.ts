/**
 * A run that fails becomes a small one that fails for the same reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError } from "../base/assert.ts";
import { SimulatedCluster } from "./cluster.ts";
import type { Observer } from "./observer.ts";
import { failureOfRun, optionsOf, type RunRecipe, Shrinker } from "./shrink.ts";
import { traceLinesMax } from "./trace-recorder.ts";

const recipe: RunRecipe = {
  ...{ seed: 12, profile: "graphs", actionCount: 40, without: [], skip: [], zeroed: [] },
};

/** A rule that nothing keeps: no client ever cancels while a task of its own runs. */
function wrongRule(): Observer {
  return {
    onControllerStep: ({ state }, event) => {
      if (event.type !== "client-messaged" || event.message.type !== "cancel") return;
      throw new InvariantError(`X1 nobody cancels: client ${event.client}, ${state.at}`);
    },
  };
}

const optionsOfRun = () => ({ observers: [wrongRule()], checks: false });

/** The first seed that cancels anything. */
function failingRecipe(): RunRecipe {
  for (let seed = 1; seed < 200; seed++) {
    if (failureOfRun({ ...recipe, seed }, optionsOfRun()) !== null) return { ...recipe, seed };
  }
  throw new Error("no seed cancels anything");
}

test("a failing run shrinks to a few steps, fails as before, and says how it ends", () => {
  const failing = failingRecipe();
  const failure = failureOfRun(failing, optionsOfRun());
  assert.ok(failure !== null);
  const shrunk = new Shrinker(failing, { failure, triesMax: 400, optionsOfRun }).shrink();
  const steps = shrunk.recipe.actionCount - shrunk.recipe.skip.length;
  assert.ok(steps <= 3, `${steps} steps are left`);
  assert.ok(shrunk.recipe.without.length > 20, "most faults are not needed");
  assert.equal(shrunk.failure.kind, failure.kind);
  assert.equal(failureOfRun(shrunk.recipe, optionsOfRun())?.kind, failure.kind);
  assert.ok(shrunk.lines.length <= traceLinesMax && shrunk.lines.length > 0);
  assert.match(shrunk.lines.join("\n"), /FAULT +cancel/);
});

test("a recorded run is replayed by its tape, under any seed", () => {
  const first = new SimulatedCluster({ ...optionsOf(recipe), record: true });
  const report = first.run(10);
  const tape = first.randomness.tape();
  const again = new SimulatedCluster({ ...optionsOf(recipe), seed: 999, tape }).run(10);
  assert.deepEqual(again, report);
});
