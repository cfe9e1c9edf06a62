/**
 * Rules of the options of a local cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { type LocalOptions, settingsOf } from "./local-options.ts";
import { explainNodeVersion, nodeMajorMin } from "./node-version.ts";

function settings(options: LocalOptions) {
  const parsed = settingsOf(options);
  if (parsed.temporary) rmSync(parsed.workDir, { recursive: true });
  return parsed;
}

test("workers share the cores, and each has at least one thread", () => {
  assert.equal(settings({ workers: 1 }).threads, availableParallelism());
  assert.equal(settings({ workers: 1_000 }).threads, 1);
});

test("the CPUs of a worker give it as many threads, rounded up", () => {
  const { threads, cpuMilli } = settings({ workers: 1, cpu: 2.5 });
  assert.deepEqual({ threads, cpuMilli }, { threads: 3, cpuMilli: 2_500 });
});

test("threads can be fewer than CPUs", () => {
  const { threads, cpuMilli } = settings({ workers: 1, cpu: 8, threads: 2 });
  assert.deepEqual({ threads, cpuMilli }, { threads: 2, cpuMilli: 8_000 });
});

test("an option that is out of range is refused by name", () => {
  const refused: readonly (readonly [LocalOptions, RegExp])[] = [
    [{ workers: -1 }, /^workers must be an integer from 0 to 1024, not -1$/],
    [{ workers: 1.5 }, /^workers must/],
    [{ workers: 1, port: 70_000 }, /^port must/],
    [{ workers: 1, cpu: 0 }, /^cpu must be a number above 0, not 0$/],
    [{ workers: 1, memory: -5 }, /^memory must/],
    [{ workers: 1, threads: 0 }, /^threads must/],
  ];
  for (const [options, message] of refused) {
    assert.throws(() => settingsOf(options), { name: "CapstanError", message });
  }
});

test("a Node that is too old is named with what to do", () => {
  assert.equal(explainNodeVersion(`${nodeMajorMin}.0.0`), null);
  assert.match(explainNodeVersion("20.19.1") ?? "", /needs Node 24 or newer, and this is Node 20/);
});
