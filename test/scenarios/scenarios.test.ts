/**
 * Every text of this folder is a rule that is played. There are two kinds:
 *
 * - a transcript (it has `----` lines) sends exactly what its text says. To rewrite the transcripts
 *   after a change that is meant, and then to read the difference:
 *
 *       node test/scenarios/scenarios.test.ts --update
 *
 * - a cluster scenario holds in a simulated cluster of both real kernels, and again under delays of
 *   every message and of the disk, drawn from each of some seeds. To play one alone, or one seed:
 *
 *       node test/scenarios/scenarios.test.ts --only a-part-of-its-name --seed 7
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { countOption, readOptions, refuse } from "../../scripts/options.ts";
import { playClusterScenario, ruleOf } from "../../src/simulator/scenario.ts";
import { playScenario } from "../support/scenario.ts";

const folder = import.meta.dirname;
const root = join(folder, "../..");
const delayedSeedCount = 20;
const { values: flags } = readOptions(import.meta.url, {
  options: {
    update: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    seed: { type: "string" },
  },
});

const oneSeed = countOption("seed", flags.seed, { least: 0, otherwise: -1 });
const names = readdirSync(folder).filter((one) => one.endsWith(".txt") && one.includes(flags.only));
if (names.length === 0) refuse(`--only: no scenario has ${JSON.stringify(flags.only)} in its name`);

for (const name of names.sort()) {
  const path = join(folder, name);
  const text = readFileSync(path, "utf8");
  test(ruleOf(text), () => {
    if (text.includes("\n----")) checkTranscript(path, text);
    else playWithAllSeeds(name, text);
  });
}

test("the tables of bugs and behaviours name scenarios and tests that exist", () => {
  const tables = readFileSync(join(folder, "README.md"), "utf8").split("## D: ")[1];
  const named = [...tables.matchAll(/`([a-z0-9-]+)`/g)].map(
    ([, name]) => `test/scenarios/${name}.txt`,
  );
  const missing = named.filter((path) => !existsSync(join(root, path)));
  assert.deepEqual([...missing, ...missingTests(tables)], []);
  assert.ok(named.length > 150);
});

test("canary: a test that is not there is seen, and so is a title that it does not have", () => {
  const path = "src/simulator/scenario.test.ts";
  const wrong = [`${path}: that nobody wrote`, "of words: src/simulator/nothing.test.ts"];
  const right = [path, `${path}: that holds reports how it went`, "`x`, y", "none: it cannot be"];
  const tables = `| S0 | a rule | ${[...wrong, ...right].join("; ")} |\n| S1 | a | ${path} |\n`;
  assert.deepEqual(missingTests(tables), wrong);
});

/** What tables say of tests that is not so: `path`, or `path: a part of a title`. */
function missingTests(tables: string): string[] {
  const cells = tables.split("\n").flatMap((line) => line.split(/ \| | \|$|; /));
  return cells.filter((cell) => {
    const named = /((?:src|test)\/[\w/.-]+\.test\.ts)(?:: (.+))?/.exec(cell);
    if (named === null) return false;
    const [, path, title = ""] = named;
    const file = join(root, path);
    return !existsSync(file) || !readFileSync(file, "utf8").includes(title);
  });
}

function checkTranscript(path: string, text: string): void {
  const played = playScenario(text);
  if (flags.update) writeFileSync(path, played);
  else assert.equal(played, text, path);
}

/** Seed 0 is quick everywhere; every other one draws delays. */
function playWithAllSeeds(name: string, text: string): void {
  const every = Array.from({ length: delayedSeedCount + 1 }, (_, seed) => seed);
  for (const seed of oneSeed < 0 ? every : [oneSeed]) {
    try {
      playClusterScenario(text, { seed, delays: seed > 0 });
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${name}, seed ${seed}, ${message}`, { cause });
    }
  }
}
