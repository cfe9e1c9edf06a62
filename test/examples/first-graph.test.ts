/**
 * The first graph computes what is known, and the README shows it as it is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { countPrimes, total } from "../../examples/first-graph/primes.ts";

test("the counts of a range's parts add up to the count of the whole", () => {
  assert.equal(countPrimes(0, 1_000), 168);
  const parts = [0, 100, 200, 300, 400].map((from) => countPrimes(from, from + 100));
  assert.deepEqual(parts, [25, 21, 16, 16, 17]);
  assert.equal(total(parts), countPrimes(0, 500));
});

test("the README shows the first graph as the example has it", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  for (const name of ["primes.ts", "run.ts"]) {
    const file = new URL(`../../examples/first-graph/${name}`, import.meta.url);
    const code = readFileSync(file, "utf8").replace(/^\/\*\*[\s\S]*?\*\/\n\n/, "");
    assert.ok(readme.includes(`\`\`\`ts\n${code}\`\`\``), `README.md shows another ${name}`);
  }
});
