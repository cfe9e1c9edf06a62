/**
 * Rules of `capstan simulate`: how its files are named. What it computes has tests of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCli } from "./app.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-simulate-"));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const jobs = file("jobs.csv", "name,run_s\na,60\nb,60\n");
const machines = { machines: [{ name: "m", count: 1, resources: { cpu: 1 } }] };
const cluster = file("cluster.json", JSON.stringify(machines));

async function simulated(...words: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = { write: (text: string) => void out.push(text) };
  const stderr = { write: (text: string) => void err.push(text) };
  const code = await runCli(["simulate", ...words], { stdout, stderr, env: {} });
  return { code, out: out.join(""), err: err.join("") };
}

test("a workload is named with its flag or without, and only once", async () => {
  const plain = await simulated(jobs, "--cluster", cluster, "--json");
  assert.equal(plain.code, 0, plain.err);
  assert.equal(JSON.parse(plain.out).plans[0].makespanS, 120);
  const flagged = await simulated("--workload", jobs, "--cluster", cluster, "--json");
  assert.equal(JSON.parse(flagged.out).plans[0].makespanS, 120);
  const none = await simulated("--cluster", cluster);
  assert.equal(none.code, 2);
  assert.match(none.err, /expected one workload.*or --workload FILE; none is given/);
  const both = await simulated(jobs, "--workload", "x.csv", "--cluster", cluster);
  assert.equal(both.code, 2);
  assert.match(both.err, /; x\.csv and .*jobs\.csv are given/);
});
