/**
 * Every scenario of this folder sends exactly what its text says. To rewrite the texts after a
 * change that is meant, and then to read the difference:
 *
 *     node test/scenarios/scenarios.test.ts --update
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { playScenario } from "../support/scenario.ts";

const folder = import.meta.dirname;
const update = process.argv.includes("--update");

for (const name of readdirSync(folder)
  .filter((one) => one.endsWith(".txt"))
  .sort()) {
  const path = join(folder, name);
  const text = readFileSync(path, "utf8");
  const rule = text.split("\n\n")[0].replace(/^# ?/gm, "").replaceAll("\n", " ");
  test(rule, () => {
    const played = playScenario(text);
    if (update) writeFileSync(path, played);
    else assert.equal(played, text, name);
  });
}
