/**
 * Mutation testing of the kernels with StrykerJS: each mutant is a small change of a kernel, and a
 * mutant that no test notices is a rule that no test keeps.
 *
 *     npm run mutation                                     all three kernels
 *     npm run mutation -- --files "src/scheduler/*.ts"     these files
 *     npm run mutation -- --shard 2/4                      the second of four parts of the files
 *     npm run mutation -- --sample 0.1 --seed 7            a tenth of the mutants, chosen by seed
 *     npm run mutation -- --fresh                          forgets what earlier runs have found
 *     npm run mutation -- --json report.json               the report for programs; default below
 *
 * Prints each surviving mutant, then the score of each folder. What is found goes to
 * `.capstan/mutation/`: a run that was interrupted and is started again goes on where it was.
 *
 * String literals are not mutated. Those that decide something are members of unions, which the
 * compiler checks, and where they decide, the condition is mutated; the rest is text for people.
 * Invariants are not mutated either: they are checks, which the bug bank and their own tests judge.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";
import type { KernelTestOptions } from "./mutation/kernel-runner.ts";
import { type MutationReport, reportOf, textOf } from "./mutation/score.ts";
import { readOptions, refuse } from "./options.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const workFolder = join(root, ".capstan", "mutation");

const kernelFiles = [
  "src/scheduler/*.ts",
  "src/worker/*.ts",
  "src/controller/*.ts",
  "src/controller/tables/*.ts",
];
/** Not mutated: tests, the invariants (see above), and what decides when those are looked at. */
const notMutated = /\.test\.ts$|invariants\.ts$|invariant-checker\.ts$/;

/** What the tests of the kernels read; the sandbox is a copy of it. */
const sandboxFiles = ["src", "test", "scripts", "package.json"];

/** Tests of scale take seconds each and prove bounds of time, not rules. */
const slowTestMs = 3_000;

/** CPU time for loading the tests and for noise, beyond what the tests of a mutant take. */
const patienceMs = 10_000;

/** StrykerJS's own limit goes by the clock: only for what hangs without using the CPU. */
const timeoutMs = 1_800_000;

/** All tests once, instrumented: a minute, and many on a machine that is busy. */
const firstRunMinutesMax = 60;

interface MutationFlags {
  readonly files: readonly string[];
  /** The `index`-th of `count` parts, from 1. */
  readonly shard: { readonly index: number; readonly count: number };
  readonly share: number;
  readonly seed: number;
  readonly fresh: boolean;
  readonly json: string;
}

function parseFlags(): MutationFlags {
  const { values } = readOptions(import.meta.url, {
    options: {
      files: { type: "string", multiple: true, default: kernelFiles },
      shard: { type: "string", default: "1/1" },
      sample: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      fresh: { type: "boolean", default: false },
      json: { type: "string", default: join(workFolder, "report.json") },
    },
  });
  const [index, count] = values.shard.split("/").map(Number);
  if (!(index >= 1 && index <= count)) refuse(`--shard: expected 2/4, not ${values.shard}`);
  const share = Number(values.sample);
  if (!(share > 0 && share <= 1)) refuse(`--sample: expected 0 to 1, not ${values.sample}`);
  const { files, fresh, json } = values;
  return { files, shard: { index, count }, share, seed: Number(values.seed), fresh, json };
}

/** Files are dealt out in turn, so that each shard has some of each folder. */
function chosenFiles({ files, shard }: MutationFlags): readonly string[] {
  const all = globSync([...files], { cwd: root }).filter((path) => !notMutated.test(path));
  return all.sort().filter((_path, at) => at % shard.count === shard.index - 1);
}

/** Changes with any file that a verdict could depend on. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const patterns = ["src/**/*.ts", "test/**/*.{ts,txt}", "scripts/**/*.ts", "package-lock.json"];
  for (const path of globSync(patterns, { cwd: root }).sort()) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** The folder of verdicts of these very sources; those of other sources are removed. */
function checkpointFolder(fresh: boolean): string {
  const name = `checkpoint-${fingerprint()}`;
  mkdirSync(workFolder, { recursive: true });
  for (const other of readdirSync(workFolder)) {
    const isOld = other.startsWith("checkpoint-") && (fresh || other !== name);
    if (isOld) rmSync(join(workFolder, other), { recursive: true });
  }
  mkdirSync(join(workFolder, name), { recursive: true });
  return join(workFolder, name);
}

async function testMutants(
  flags: MutationFlags,
  kernelTests: KernelTestOptions,
): Promise<MutationReport> {
  const stryker = new Stryker({
    mutate: [...chosenFiles(flags)],
    ignorePatterns: ["**", ...sandboxFiles.flatMap((path) => [`!${path}`, `!${path}/**`])],
    plugins: [join(root, "scripts/mutation/stryker-plugins.ts")],
    ignorers: ["not-behaviour"],
    mutator: { plugins: null, excludedMutations: ["StringLiteral"] },
    testRunner: "kernels",
    kernelTests,
    coverageAnalysis: "perTest",
    incremental: flags.share === 1,
    incrementalFile: join(workFolder, `incremental-${flags.shard.index}-${flags.shard.count}.json`),
    force: flags.fresh,
    disableTypeChecks: false,
    checkers: [],
    concurrency: 1,
    timeoutMS: timeoutMs,
    dryRunTimeoutMinutes: firstRunMinutesMax,
    tempDirName: join(".capstan", "mutation", "sandboxes"),
    reporters: process.stdout.isTTY ? ["progress"] : ["progress-append-only"],
    allowEmpty: true,
  });
  const results = await stryker.runMutationTest();
  return reportOf(results, { root, sample: kernelTests.sample });
}

async function main(): Promise<void> {
  const flags = parseFlags();
  process.chdir(root);
  const begun = Date.now();
  const sample = { share: flags.share, seed: flags.seed };
  const folder = checkpointFolder(flags.fresh);
  const kernelTests = { checkpointFolder: folder, slowTestMs, patienceMs, sample };
  const report = await testMutants(flags, kernelTests);
  const seconds = Math.round((Date.now() - begun) / 1000);
  writeFileSync(flags.json, `${JSON.stringify({ ...report, sample, seconds }, null, 2)}\n`);
  console.log(textOf(report, sample));
  console.log(`${seconds} s; the report is ${flags.json}`);
}

await main();
