/**
 * What programs print becomes tables.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reportText, valuesIn } from "../../scripts/simulation/nightly-report.ts";

test("one JSON text or one on each line is read, and lines for people are not", () => {
  assert.deepEqual(valuesIn('{"a":1}\n'), [{ a: 1 }]);
  assert.deepEqual(valuesIn('[{"a":1},{"a":2}]'), [{ a: 1 }, { a: 2 }]);
  assert.deepEqual(valuesIn('begun\n{"a":1}\n{"a":2}\n{broken\n'), [{ a: 1 }, { a: 2 }]);
});

test("a program that failed and one that is not there are both told", () => {
  const what = "seeds";
  const failed = { name: "sim", what, exitCode: 1, seconds: 2, note: "" };
  const absent = { name: "chaos", what: "faults", exitCode: null, seconds: 0, values: [] };
  const values = [{ seeds: 3, faults: { "a | b": 7 } }];
  const text = reportText({
    ...{ startedAt: "now", node: "v24" },
    outcomes: [
      { ...failed, values },
      { ...absent, note: "there is no chaos.ts" },
    ],
  });
  assert.match(text, /\| sim \| seeds \| FAILED \| 2 \|/);
  assert.match(text, /\| chaos \| faults \| not run: there is no chaos\.ts \| 0 \|/);
  assert.match(text, /### faults\n\n\| name \| value \|\n\| --- \| --- \|\n\| a \\\| b \| 7 \|/);
});
