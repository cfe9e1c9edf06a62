/**
 * `npm test`: types, lint, then every test in one run of Node's test runner. The last line is
 * `N passed, N failed, N skipped` and counts what the runner counted, plus each check that failed.
 *
 *     npm test                                everything
 *     npm test -- src/base/ring.test.ts       these files only, without the checks
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec as SpecReporter } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const neededNodeMajor = 24;

/** One test may take this long; past it the runner ends it as failed. */
const testTimeoutMs = 300_000;

/**
 * The runner's own limit does not cover a file whose tests are done but whose process lives on.
 * When nothing was reported for this long, the run is aborted and what was running has failed.
 */
const silenceMs = testTimeoutMs + 30_000;

/** Files of tests that run at the same time: the machines that this runs on have two cores. */
const testConcurrency = 2;

const everyTest = ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"];

const checks = [
  { name: "types of src", program: "typescript/bin/tsc", args: ["-b"] },
  { name: "types of tests", program: "typescript/bin/tsc", args: ["-p", "tsconfig.tests.json"] },
  { name: "types of the dashboard", program: "typescript/bin/tsc", args: ["-p", "dashboard"] },
  { name: "lint and format", program: "@biomejs/biome/bin/biome", args: ["check", "."] },
];

/** Runs a program of a package; true if it exits with 0. */
function check({ name, program, args }) {
  const begun = Date.now();
  const path = join(root, "node_modules", program);
  const done = spawnSync(process.execPath, [path, ...args], { cwd: root, stdio: "inherit" });
  const verdict = done.status === 0 ? "ok" : "FAILED";
  console.log(`check: ${name}: ${verdict} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  return done.status === 0;
}

/** Runs the tests; the totals are the runner's. A cancelled test failed; a todo is a skip. */
async function runTests(globPatterns) {
  const totals = { passed: 0, failed: 0, skipped: 0, summaries: 0 };
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), silenceMs);
  const events = run({
    cwd: root,
    signal: silence.signal,
    globPatterns,
    concurrency: testConcurrency,
    timeout: testTimeoutMs,
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  events.on("test:summary", ({ file, counts }) => {
    if (file !== undefined) return;
    totals.passed = counts.passed;
    totals.failed = counts.failed + counts.cancelled;
    totals.skipped = counts.skipped + counts.todo;
    totals.summaries++;
  });
  events.on("data", () => watchdog.refresh());
  await pipeline(events, new SpecReporter(), process.stdout, { end: false });
  clearTimeout(watchdog);
  return totals;
}

/** A run without a summary, or in which no test ran, has proved nothing. */
function provedNothing({ passed, failed, skipped, summaries }) {
  return summaries !== 1 || passed + failed + skipped === 0;
}

async function main() {
  const selected = process.argv.slice(2);
  const failedChecks = selected.length > 0 ? 0 : checks.filter((each) => !check(each)).length;
  if (selected.length > 0) console.log("check: types and lint are skipped: files were selected");
  const totals = await runTests(selected.length > 0 ? selected : everyTest);
  if (failedChecks > 0) console.log(`${failedChecks} of ${checks.length} checks failed`);
  if (provedNothing(totals)) console.log("no test was run");
  const failed = totals.failed + failedChecks + (provedNothing(totals) ? 1 : 0);
  console.log(`${totals.passed} passed, ${failed} failed, ${totals.skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (Number(process.versions.node.split(".")[0]) < neededNodeMajor) {
  console.error(`the tests need Node ${neededNodeMajor}; \`npm test\` brings it`);
  process.exitCode = 1;
} else await main();
