/**
 * What happens in each transcript, as a journal: wherever it is cut, a snapshot of what was folded
 * until then has the indexes that the facts have made, and what comes after does the same to both.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { apply } from "../../src/controller/apply.ts";
import { snapshotOf, stateOf } from "../../src/controller/snapshot.ts";
import { type ControllerState, orderOf } from "../../src/controller/state.ts";
import { decodePlain, encodePlain } from "../../src/shell/journal/fact-codec.ts";
import { ControllerHarness, foldOf } from "../support/controller-builders.ts";
import { indexesOf } from "../support/indexes.ts";
import { playScenario } from "../support/scenario.ts";

const folder = import.meta.dirname;

for (const name of readdirSync(folder).sort()) {
  const text = name.endsWith(".txt") ? readFileSync(join(folder, name), "utf8") : "";
  if (!text.includes("\n----")) continue;
  test(`a snapshot has all indexes, of ${name}`, () => {
    const harness = new ControllerHarness({ checks: false });
    playScenario(text, harness);
    const { facts } = harness;
    for (const share of [0.3, 0.6, 0.8, 1]) {
      const cut = Math.round(share * facts.length);
      const folded = foldOf(facts.slice(0, cut));
      const restored = stateOf(decodePlain(encodePlain(snapshotOf(folded))));
      assert.deepEqual(indexesOf(restored), indexesOf(folded), `at fact ${cut}`);
      assertInLineByAge(restored);
      for (const fact of facts.slice(cut)) {
        apply(folded, fact);
        apply(restored, fact);
      }
      assert.deepEqual(indexesOf(restored), indexesOf(folded), `after fact ${cut}`);
    }
  });
}

/** A queue that is made anew has the oldest first: those that came back are where they were. */
function assertInLineByAge(state: ControllerState): void {
  for (const { woken, fresh } of state.shapes) {
    for (const ring of [woken, fresh]) {
      const orders = Array.from({ length: ring.length }, (_, at) => orderOf(state, ring.at(at)));
      assert.deepEqual(
        orders,
        [...orders].sort((a, b) => a - b),
      );
    }
  }
}
