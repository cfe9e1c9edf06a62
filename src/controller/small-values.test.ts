/**
 * Small values are kept by the controller as well, up to a bound.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { clause } from "../../test/support/job-builders.ts";
import { keepInlineValue } from "./inline-values.ts";

/** Tasks with small values that readers wait for, which run nowhere; oldest first. */
function aClusterWithValues() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker({ slots: 3 });
  const spec = { constraints: [clause("worker-id", "=", "nobody")] };
  client.submits({
    a: {},
    b: {},
    c: {},
    reads: { on: ["b", "c"], spec },
    readsA: { on: ["a"], spec },
  });
  worker.finishes("a", "b", "c");
  return { harness, client, worker, rows: ["a", "b", "c"].map((label) => harness.rowOf(label)) };
}

function keptRows({ state }: ControllerHarness): number[] {
  return [...state.inline.bytes.keys()];
}

describe("small values that are kept here", () => {
  test("leave past the bound, the oldest first, and one that is kept again is the youngest", () => {
    const { harness, rows } = aClusterWithValues();
    const [a, b, c] = rows;
    assert.deepEqual(keptRows(harness), [a, b, c]);
    const { inline } = harness.state;
    const perValue = inline.totalBytes / 3;
    keepInlineValue(harness.state, a, new Uint8Array(perValue), 3 * perValue);
    assert.deepEqual(keptRows(harness), [b, c, a]);
    keepInlineValue(harness.state, a, new Uint8Array(perValue), 3 * perValue - 1);
    assert.deepEqual(keptRows(harness), [c, a]);
    keepInlineValue(harness.state, a, new Uint8Array(perValue + 1), 1);
    assert.deepEqual(keptRows(harness), []);
    assert.equal(inline.totalBytes, 0);
  });

  test("leave with their tasks, and with what their workers lose", () => {
    const { harness, client, worker, rows } = aClusterWithValues();
    client.cancels(["readsA"]);
    client.releases("a", "readsA");
    assert.deepEqual(keptRows(harness), rows.slice(1));
    worker.exits();
    assert.deepEqual(keptRows(harness), []);
    assert.equal(harness.state.inline.totalBytes, 0);
  });
});
