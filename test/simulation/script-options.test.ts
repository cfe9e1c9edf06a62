/**
 * The programs of `scripts/` tell their usage, and refuse by name what they do not know.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { usageOf } from "../../scripts/options.ts";

const root = join(import.meta.dirname, "../..");

function call(script: string, ...args: string[]) {
  const options = ["--disable-warning=ExperimentalWarning", join(root, script)];
  return spawnSync(process.execPath, [...options, ...args], { encoding: "utf8" });
}

const wrongCalls: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["scripts/simulate.ts", ["--sead", "7"], /^Unknown option '--sead'; --help tells/],
  ["scripts/simulate.ts", ["--seeds", "0"], /^--seeds: expected .* of at least 1, not "0"$/m],
  ["scripts/simulate.ts", ["--jobs", "100000"], /^--jobs: expected a whole number 1 to 256/],
  ["scripts/simulate.ts", ["--judge", "me"], /^--judge: expected one of rules, watchdog, reasons/],
  ["scripts/simulate.ts", ["--shrink", "--seeds", "5"], /^--shrink: one seed is made small/],
  ["scripts/simulate.ts", ["--recipe", "package.json"], /^--recipe: .*is not the line of JSON/],
  ["scripts/explore.ts", ["--states", "abc", "X1"], /^--states: expected a whole number/],
  ["scripts/explore.ts", ["X99"], /^X99 is none of X1, /],
  ["scripts/explore.ts", ["--replay", "/nowhere"], /^--replay: there is no file \/nowhere/],
  ["scripts/bugbank.ts", ["--seeds", "0"], /^--seeds: expected a whole number/],
  ["scripts/nightly.ts", ["--only", "sims"], /^--only: there is no sims; there are sim, /],
  ["test/scenarios/scenarios.test.ts", ["--only", "no-such"], /^--only: no scenario has "no-such"/],
];

describe("programs of the repository", () => {
  for (const [script, args, message] of wrongCalls) {
    test(`${script} ${args.join(" ")}: refused in a sentence, with 2`, () => {
      const { status, stderr } = call(script, ...args);
      assert.match(stderr, message);
      assert.equal(status, 2);
      assert.ok(!stderr.includes("    at "), "no stack");
    });
  }

  test("tell their usage", () => {
    const { status, stdout } = call("scripts/simulate.ts", "--help");
    assert.equal(status, 0);
    assert.match(stdout, /^Simulated clusters, many seeds of them:\n\n {4}npm run sim -- --seeds/);
    assert.ok(!stdout.includes("*") && !stdout.includes("@module"));
  });

  test("have a usage at their head, all that read options", () => {
    for (const file of readdirSync(join(root, "scripts")).filter((one) => one.endsWith(".ts"))) {
      const source = readFileSync(join(root, "scripts", file), "utf8");
      if (!source.includes("readOptions(import.meta.url")) continue;
      assert.match(usageOf(source), /npm run /, file);
    }
  });
});
