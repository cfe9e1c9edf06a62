/**
 * A process of its own that looks for one bug: it changes the kernels as they are loaded, plays
 * scenarios or runs seeds, and says what it tries and what it finds, one JSON object a line.
 *
 *     node test/bugbank/hunt.ts scenarios BUG
 *     node test/bugbank/hunt.ts seeds BUG 1,2,3
 *
 * With `-` for BUG the sources stay as they are. It ends at the first catch.
 *
 * @module
 */

import assert, { AssertionError } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bug, patchSource, pathsOf, readBug } from "./patches.ts";

/** What the process says. */
export type HuntLine =
  | { readonly type: "trying"; readonly unit: string }
  | { readonly type: "caught"; readonly unit: string; readonly rule: string }
  | { readonly type: "done"; readonly patched: readonly string[] };

const root = fileURLToPath(new URL("../..", import.meta.url));
const scenarios = join(root, "test/scenarios");
const actionCount = 60;

/** Each cluster scenario is played without delays, and with these. */
const scenarioSeeds = [0, 1, 2, 3];

/** Random walks of the worker kernel alone, through more than a controller ever orders. */
const walkCount = 20;

/** The files that were changed as they were loaded. */
const patched: string[] = [];

function say(line: HuntLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function loadWith(bug: Bug): void {
  const paths = pathsOf(bug);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.startsWith("file:")) return loaded;
      const path = relative(root, fileURLToPath(url)).replaceAll("\\", "/");
      if (!paths.includes(path)) return loaded;
      patched.push(path);
      return { ...loaded, source: patchSource(bug, path, String(loaded.source)) };
    },
  });
}

/** The rule that an error names, in one line. */
function ruleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return ruleOf(error.cause);
  const lines = error.message.split("\n").map((line) => line.trim());
  if (error instanceof AssertionError) return lines[0];
  if (error.name !== "InvariantError") return `${error.name}: ${lines[0]}`;
  const isList = /^\d+ invariants? (?:is|are) broken$/.test(lines[0]);
  return isList ? lines[1].replace(/^([^:]*):.*$/, "$1") : lines[0];
}

/** Whether it was caught; a rule that is broken throws. */
function tryOne(unit: string, run: () => void): boolean {
  say({ type: "trying", unit });
  try {
    run();
    return false;
  } catch (error) {
    say({ type: "caught", unit, rule: ruleOf(error) });
    return true;
  }
}

/**
 * Transcripts first, for they are the quickest; then each cluster, and again with delays; and at
 * the end the worker alone.
 */
async function playScenarios(): Promise<void> {
  const { playScenario } = await import("../support/scenario.ts");
  const { playClusterScenario } = await import("../../src/simulator/scenario.ts");
  const texts = readScenarios();
  for (const { name, text } of texts.filter(({ isTranscript }) => isTranscript)) {
    const differs = () => playScenario(text) !== text;
    if (tryOne(name, () => assert(!differs(), "what is sent differs from the text"))) return;
  }
  for (const seed of scenarioSeeds) {
    for (const { name, text } of texts.filter(({ isTranscript }) => !isTranscript)) {
      const play = () => playClusterScenario(text, { seed, delays: seed > 0 });
      if (tryOne(name, play)) return;
    }
  }
  const { walkToEnd } = await import("../worker/walk.ts");
  for (let seed = 1; seed <= walkCount; seed++) {
    if (tryOne(`walk ${seed} of a worker`, () => walkToEnd(seed))) return;
  }
}

function readScenarios() {
  const files = readdirSync(scenarios).filter((file) => file.endsWith(".txt"));
  return files.sort().map((file) => {
    const text = readFileSync(join(scenarios, file), "utf8");
    return { name: file.replace(/\.txt$/, ""), text, isTranscript: text.includes("\n----") };
  });
}

async function runSeeds(seeds: readonly number[]): Promise<void> {
  const { runSeed } = await import("../../scripts/simulate.ts");
  for (const seed of seeds) {
    if (tryOne(`seed ${seed}`, () => runSeed({ seed, calm: false, actionCount }))) return;
  }
}

async function main(): Promise<void> {
  const [kind, name, seeds] = process.argv.slice(2);
  if (name !== "-") loadWith(readBug(name));
  if (kind === "scenarios") await playScenarios();
  else await runSeeds(seeds.split(",").map(Number));
  say({ type: "done", patched });
}

if (import.meta.main) await main();
