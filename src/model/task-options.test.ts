/**
 * The rules of the options of a submit.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "./errors.ts";
import { defaultRequest } from "./resources.ts";
import { specDefaults } from "./spec.ts";
import { parseTaskOptions } from "./task-options.ts";

function refusal(value: unknown): CapstanError {
  try {
    parseTaskOptions(value);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

test("no options are the documented defaults", () => {
  const expected = {
    ...specDefaults,
    retryBackoff: { ...specDefaults.retryBackoff },
    name: "simulate",
    resources: defaultRequest,
    constraints: [],
  };
  assert.deepEqual(parseTaskOptions(undefined, "simulate"), expected);
  assert.deepEqual(parseTaskOptions({}, "simulate"), expected);
  assert.deepEqual(parseTaskOptions({ retries: undefined, name: undefined }, "simulate"), expected);
});

test("every option reaches its field", () => {
  const spec = parseTaskOptions({
    key: "k",
    pure: false,
    name: "fit",
    resources: { cpu: 2 },
    constraints: [{ key: "region", op: "exists" }],
    priority: -3,
    band: "batch",
    retries: 4,
    retryBackoff: { initial: "1s", max: "30s" },
    timeout: "90s",
    schedulingTimeout: 500,
    workers: ["w1", "w2"],
    allowOtherWorkers: true,
    executor: "thread",
    exclusive: false,
  });
  assert.deepEqual(spec, {
    name: "fit",
    resources: { ...defaultRequest, cpuMilli: 2000 },
    constraints: [
      { key: "region", op: "exists", values: [], mode: "REQUIRED" },
      { key: "worker-id", op: "in", values: ["w1", "w2"], mode: "PREFERRED" },
    ],
    priority: -3,
    band: "batch",
    maxRetriesFailure: 4,
    maxRetriesPreemption: 3,
    noRetryExitCodes: [],
    retryExitCodes: [],
    retryBackoff: { initialMs: 1_000, maxMs: 30_000 },
    timeoutMs: 90_000,
    schedulingTimeoutMs: 500,
    graceMs: 1_000,
    groupBy: "",
  });
});

test("one worker may be named without a list, and is a condition", () => {
  assert.deepEqual(parseTaskOptions({ workers: "w1" }).constraints, [
    { key: "worker-id", op: "in", values: ["w1"], mode: "REQUIRED" },
  ]);
});

test("a band may be written in any case", () => {
  assert.equal(parseTaskOptions({ band: "PRODUCTION" }).band, "production");
});

test("a longer first back-off lifts the default maximum", () => {
  const { retryBackoff } = parseTaskOptions({ retryBackoff: { initial: "5m" } });
  assert.deepEqual(retryBackoff, { initialMs: 300_000, maxMs: 300_000 });
});

test("an unknown option is refused with the nearest one", () => {
  const cases: readonly [string, string][] = [
    ["retry", "retries"],
    ["maxRetries", "retries"],
    ["resource", "resources"],
    ["time_out", "timeout"],
    ["worker", "workers"],
    ["__proto", "priority"],
  ];
  for (const [written, nearest] of cases) {
    const error = refusal({ [written]: 1 });
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(`${written}: unknown name`), error.message);
    if (written !== "__proto") assert.equal(error.details.nearest, nearest);
  }
});

test("a wrong type or value is refused by name", () => {
  const cases: readonly [string, unknown][] = [
    ["key", ""],
    ["key", 7],
    ["pure", "yes"],
    ["name", null],
    ["priority", 0.5],
    ["priority", "high"],
    ["band", "best"],
    ["retries", -1],
    ["retries", null],
    ["retries", 1.5],
    ["timeout", "soon"],
    ["schedulingTimeout", -1],
    ["workers", 3],
    ["allowOtherWorkers", 1],
    ["executor", "fibre"],
    ["exclusive", "no"],
    ["constraints", {}],
    ["retryBackoff", "1s"],
  ];
  for (const [name, value] of cases) {
    const error = refusal({ [name]: value });
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(`${name}: `), error.message);
  }
  for (const value of [null, 5, "fast", []]) assert.match(refusal(value).message, /^options: /);
});

test("what this version cannot honour is refused with a sentence", () => {
  const cases: readonly [object, RegExp][] = [
    [{ exclusive: true, retries: 1 }, /^exclusive: .*`retries`/],
    [{ pure: true, key: "k" }, /^pure: .*`key`/],
    [{ workers: [] }, /^workers: .*no worker/],
    [{ allowOtherWorkers: true }, /^allowOtherWorkers: .*`workers`/],
    [{ retryBackoff: { initial: "2m", max: "1m" } }, /^retryBackoff: .*longer/],
  ];
  for (const [value, message] of cases) {
    const error = refusal(value);
    assert.equal(error.code, "INVALID_SPEC");
    assert.match(error.message, message);
  }
});
