/**
 * One seed is one trace on every supported version of Node: the same seeds run on the one that the
 * tests use and on the next one, which a package of the registry brings, and nothing may differ.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const nextMajor = 26;
const seedCount = 24;
const installTimeoutMs = 120_000;

const run = promisify(execFile);

/** The program of the next version, installed outside of the project's own packages; or why not. */
function nextNode(): { readonly path: string; readonly missing: string } {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(root, "node_modules", ".cache", `node-${nextMajor}`);
  const path = join(prefix, "node_modules", name, "bin", "node");
  if (existsSync(path)) return { path, missing: "" };
  mkdirSync(prefix, { recursive: true });
  const quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const args = ["install", "--prefix", prefix, ...quiet, `${name}@${nextMajor}`];
  try {
    execFileSync("npm", args, { stdio: "pipe", timeout: installTimeoutMs });
  } catch {
    return { path, missing: `${name}@${nextMajor} cannot be installed from the registry here` };
  }
  return existsSync(path) ? { path, missing: "" } : { path, missing: `${name} has no bin/node` };
}

/** What the seeds came to on this program. */
async function runOn(program: string): Promise<{ traceHash: number; events: number }> {
  const script = join(root, "scripts", "simulate.ts");
  const flags = ["--seeds", String(seedCount), "--jobs", "1", "--json"];
  const args = ["--disable-warning=ExperimentalWarning", script, ...flags];
  const { stdout } = await run(program, args, { maxBuffer: 2 ** 24 });
  const { traceHash, events, failures } = JSON.parse(stdout);
  assert.deepEqual(failures, [], program);
  return { traceHash, events };
}

test(`seeds do the same on Node ${nextMajor}, to the last bit`, async (context) => {
  const { path, missing } = nextNode();
  if (missing !== "") return context.skip(missing);
  const { stdout: version } = await run(path, ["--version"]);
  assert.match(version, new RegExp(`^v${nextMajor}\\.`));
  const [own, next] = await Promise.all([runOn(process.execPath), runOn(path)]);
  assert.ok(own.events > seedCount, "the seeds did something");
  assert.deepEqual(next, own);
});
