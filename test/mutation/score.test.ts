/**
 * The score of mutation testing counts what it says, and a sample is the same each time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MutantResult } from "@stryker-mutator/api/core";
import { MutantRunStatus } from "@stryker-mutator/api/test-runner";
import { Checkpoint } from "../../scripts/mutation/checkpoint.ts";
import { notBehaviour } from "../../scripts/mutation/not-behaviour.ts";
import { isSampled } from "../../scripts/mutation/sample.ts";
import { detectedOf, interval95, reportOf, textOf } from "../../scripts/mutation/score.ts";

const all = { share: 1, seed: 1 };
const aTest = "src/worker/lanes.test.ts > a lane > runs one at a time";

function aMutant(line: number, overrides: Partial<MutantResult> = {}): MutantResult {
  const location = { start: { line, column: 2 }, end: { line, column: 9 } };
  const place = { fileName: "/repo/src/worker/lanes.ts", location };
  const change = { mutatorName: "BooleanLiteral", replacement: "false" };
  return { id: String(line), ...place, ...change, status: "Killed", ...overrides };
}

test("a mutant counts as noticed if a test failed or it ran without end, of those that ran", () => {
  const statuses = ["Killed", "Timeout", "Survived", "NoCoverage", "RuntimeError", "Ignored"];
  const results = statuses.map((status, line) =>
    aMutant(line, { status: status as MutantResult["status"] }),
  );
  const { folders, files, survivors } = reportOf(results, { root: "/repo", sample: all });
  const noticed = { killed: 1, bySignature: 0, timeout: 1 };
  const counts = { ...noticed, survived: 1, noCoverage: 1, invalid: 1, ignored: 1 };
  assert.deepEqual(folders, [{ path: "src/worker", ...counts }]);
  assert.deepEqual(files, [{ path: "src/worker/lanes.ts", ...counts }]);
  assert.deepEqual(detectedOf(folders[0]), { detected: 2, of: 4 });
  assert.deepEqual(
    survivors.map(({ file, line, covered }) => [file, line, covered]),
    [
      ["src/worker/lanes.ts", 2, true],
      ["src/worker/lanes.ts", 3, false],
    ],
  );
});

test("the text lists survivors by place, then the score of each folder", () => {
  const results = [
    aMutant(9, { status: "Survived" }),
    aMutant(3, { status: "NoCoverage", fileName: "/repo/src/scheduler/fit.ts" }),
    ...Array.from({ length: 8 }, (_unused, line) => aMutant(line + 10, { killedBy: [aTest] })),
    aMutant(18, { killedBy: ["scripts/mutation/simulator-smoke.ts > the signature of calm 1"] }),
  ];
  const text = textOf(reportOf(results, { root: "/repo", sample: all }), all);
  assert.deepEqual(text.split("\n"), [
    "src/scheduler/fit.ts:3:2  BooleanLiteral (no test reaches it)  false",
    "src/worker/lanes.ts:9:2  BooleanLiteral  false",
    "",
    "src/scheduler: 0.0 %: 0 of 1 noticed, 0 by time, 0 by the signature alone; " +
      "0 survived, 1 not reached; 0 invalid, 0 ignored",
    "src/worker: 90.0 %: 9 of 10 noticed, 0 by time, 1 by the signature alone; " +
      "1 survived, 0 not reached; 0 invalid, 0 ignored",
  ]);
});

test("a sample has about its share of the mutants, the same for the same seed", () => {
  const mutants = Array.from({ length: 2_000 }, (_unused, line) => aMutant(line));
  const chosen = (seed: number) => mutants.filter((one) => isSampled(one, { share: 0.25, seed }));
  assert.deepEqual(chosen(1), chosen(1));
  assert.notDeepEqual(chosen(1), chosen(2));
  assert.ok(Math.abs(chosen(1).length - 500) < 60, String(chosen(1).length));
});

test("a report counts the mutants that were run for the same sample", () => {
  const sample = { share: 0.5, seed: 3 };
  const run = Array.from({ length: 200 }, (_unused, line) => aMutant(line));
  const wanted = run.filter((one) => isSampled(one, sample));
  const results = run.map((one) => {
    const from1 = ({ line, column }: { line: number; column: number }) => ({
      line: line + 1,
      column: column + 1,
    });
    const { start, end } = one.location;
    const status: MutantResult["status"] = wanted.includes(one) ? "Killed" : "RuntimeError";
    return { ...one, location: { start: from1(start), end: from1(end) }, status };
  });
  const { folders } = reportOf(results, { root: "/repo", sample });
  assert.equal(folders[0].killed, wanted.length);
  assert.equal(folders[0].invalid, 0);
});

test("the interval of a sampled score holds the share, and narrows with the sample", () => {
  const [low, high] = interval95(90, 100);
  assert.ok(low > 0.82 && low < 0.9 && high > 0.9 && high < 0.95, `${low} ${high}`);
  const [lower, higher] = interval95(900, 1_000);
  assert.ok(lower > low && higher < high);
});

test("a run that was interrupted finds its verdicts and times again", () => {
  const folder = mkdtempSync(join(tmpdir(), "capstan-mutation-"));
  try {
    const verdict = { status: MutantRunStatus.Survived, nrOfTests: 3 } as const;
    const first = new Checkpoint(folder);
    first.keepVerdict(aMutant(1), verdict);
    first.keepTimes(new Map([["a test", 12]]));
    const second = new Checkpoint(folder);
    assert.deepEqual(second.verdictOf(aMutant(1)), verdict);
    assert.equal(second.verdictOf(aMutant(2)), undefined);
    assert.deepEqual(second.times(), new Map([["a test", 12]]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("assertions and defaults that are never reached are left alone, and nothing else", () => {
  const call = (name: string) => ({ type: "CallExpression", callee: { type: "Identifier", name } });
  const reasonOf = (node: object) => notBehaviour.shouldIgnore({ node });
  assert.notEqual(reasonOf(call("assert")), undefined);
  assert.notEqual(reasonOf({ type: "ExpressionStatement", expression: call("assert") }), undefined);
  assert.equal(reasonOf(call("record")), undefined);
  const never = { type: "ReturnStatement", argument: call("assertNever") };
  const aCase = { type: "SwitchCase", test: null, consequent: [never] };
  assert.notEqual(reasonOf(aCase), undefined);
  assert.equal(reasonOf({ ...aCase, test: call("kind") }), undefined);
  assert.equal(reasonOf({ ...aCase, consequent: [call("record")] }), undefined);
});
