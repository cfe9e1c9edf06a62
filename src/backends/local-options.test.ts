/**
 * Rules of the options of a local cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { type LocalOptions, settingsOf, workerOfferOf } from "./local-options.ts";
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

test("an option that does not exist is refused, and the nearest one named", () => {
  const known = { name: "CapstanError", code: "INVALID_ARGUMENT" };
  const misspelt: unknown = { wrokers: 2 };
  assert.throws(() => settingsOf(misspelt as LocalOptions), {
    ...known,
    message: /^wrokers: unknown name "wrokers"; did you mean "workers"\?/,
  });
  const offers: unknown = { workers: 1, workerOptions: () => ({ cpus: 2 }) };
  assert.throws(() => workerOfferOf(settings(offers as LocalOptions), 0), {
    ...known,
    message: /^workerOptions\.cpus: unknown name "cpus"; did you mean "cpu"\?/,
  });
});

test("each worker may offer something else, and the rest is as for all", () => {
  const gpu = { kind: "gpu", variant: "h100", countMilli: 2_000, indices: [] };
  const parsed = settings({
    workers: 2,
    cpu: 4,
    memory: 1_000,
    workerOptions: (index) =>
      index === 0 ? {} : { cpu: 1.5, disk: 500, devices: [gpu], attributes: { rack: "b" } },
  });
  assert.ok(parsed.diskBytes > 0, "what is free is shared");
  const nothing = { diskBytes: parsed.diskBytes, devices: [], custom: {} };
  assert.deepEqual(workerOfferOf(parsed, 0), {
    slots: 4,
    capacity: { cpuMilli: 4_000, memoryBytes: 1_000, ...nothing },
    attributes: {},
  });
  assert.deepEqual(workerOfferOf(parsed, 1), {
    slots: 2,
    capacity: { cpuMilli: 1_500, memoryBytes: 1_000, diskBytes: 500, devices: [gpu], custom: {} },
    attributes: { rack: "b" },
  });
});

test("what one worker offers is checked like the rest", () => {
  const parsed = settings({ workers: 1, workerOptions: () => ({ commandSlots: -1 }) });
  assert.throws(() => workerOfferOf(parsed, 0), { message: /^commandSlots must/ });
});

test("a Node that is too old is named with what to do", () => {
  assert.equal(explainNodeVersion(`${nodeMajorMin}.0.0`), null);
  assert.match(explainNodeVersion("20.19.1") ?? "", /needs Node 24 or newer, and this is Node 20/);
});
