/**
 * What people write about a job, and the request that it becomes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "./errors.ts";
import { parseJobOptions } from "./job-options.ts";
import { parseLaunchJob } from "./parse-job.ts";

function refusal(options: unknown): CapstanError {
  try {
    parseJobOptions(options);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

test("amounts are translated, the rest goes through as it is", () => {
  const request = parseJobOptions({
    name: "train_lm",
    command: ["python", "train.py"],
    replicas: 8,
    coscheduling: { groupBy: "tpu-name" },
    resources: {
      cpu: 32,
      memory: "128g",
      disk: "50g",
      device: { kind: "tpu", variant: "v5litepod-16", count: 4 },
    },
    constraints: [{ key: "region", op: "in", values: ["eu-west4"] }],
    band: "production",
    maxRetriesPreemption: 100,
    timeout: "12h",
    retryBackoff: { initial: "1s", max: "60s" },
    env: { LR: "0.1" },
    ports: ["http"],
    workspace: ".",
    onExisting: "error",
    stdin: undefined,
  });
  assert.deepEqual(request, {
    name: "train_lm",
    command: {
      argv: ["python", "train.py"],
      env: { LR: "0.1" },
      cwd: "",
      stdin: "",
      result: "none",
    },
    replicas: 8,
    coscheduling: { groupBy: "tpu-name" },
    resources: {
      cpuMilli: 32_000,
      memoryBytes: 128 * 1024 ** 3,
      diskBytes: 50 * 1024 ** 3,
      devices: [{ kind: "tpu", variant: "v5litepod-16", countMilli: 4_000, indices: [] }],
      custom: {},
    },
    constraints: [{ key: "region", op: "in", values: ["eu-west4"] }],
    band: "production",
    maxRetriesPreemption: 100,
    timeout: "12h",
    retryBackoff: { initial: "1s", max: "60s" },
    ports: ["http"],
    onExisting: "error",
  });
});

test("the request of a command is a launch as it stands", () => {
  const options = { name: "train", command: ["true"], result: { file: "out" } };
  const { jobId, task } = parseLaunchJob(parseJobOptions(options), "ada");
  assert.equal(jobId, "/ada/train");
  assert.deepEqual(task.run.kind === "command" && task.run.result, { type: "file", path: "out" });
});

test("the request of a task lacks the function, which its caller knows", () => {
  const request = parseJobOptions({ name: "fit", task: () => 1, args: [1], replicas: 2 });
  assert.deepEqual(Object.keys(request), ["name", "replicas", "resources"]);
});

test("an unknown option is refused with the nearest one", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["comand", "command"],
    ["cmd", "command"],
    ["argv", "command"],
    ["retries", "maxRetriesFailure"],
    ["maxRetryFailure", "maxRetriesFailure"],
    ["environment", "env"],
    ["groupBy", "coscheduling"],
    ["workspaces", "workspace"],
    ["function", "coscheduling"],
  ];
  for (const [written, nearest] of cases) {
    const error = refusal({ name: "a", command: ["true"], [written]: 1 });
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.match(error.message, new RegExp(`^${written}: unknown name`));
    if (written !== "function") assert.equal(error.details.nearest, nearest);
  }
});

test("an option that contradicts another is refused as it was written", () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{}, /^command: is missing: give a `command`, or a `task`/],
    [{ command: ["a"], task: () => 1 }, /^task: .*leave one of them out/],
    [{ command: ["a"], args: [] }, /^args: are those of a `task`/],
    [{ task: () => 1, env: {} }, /^env: only a `command` has it/],
    [{ task: () => 1, workspace: "." }, /^workspace: only a `command` has it/],
    [{ task: () => 1, ports: ["a"] }, /^ports: a job of functions has them as a gang/],
    [{ task: () => 1, args: 5 }, /^args: 5 is not the array/],
    [{ command: [] }, /^command: is empty/],
    [{ command: ["a"], env: { "x=": "" } }, /^env: "x=" cannot be/],
    [{ command: ["a"], ports: ["A"] }, /^ports\[0\]: /],
    [{ command: ["a"], replicas: 0 }, /^replicas: 0 is not/],
    [{ command: ["a"], workspace: "" }, /^workspace: "" is not the path of a directory/],
    [{ command: ["a"], workspace: 5 }, /^workspace: 5 is not/],
    [{ command: ["a"], resources: { memory: "8 potatoes" } }, /^resources\.memory: /],
    [{ command: ["a"], name: "7" }, /^name: .*number of a task/],
    [{ command: ["a"], name: undefined }, /^name: undefined is not the name of a job/],
  ];
  for (const [options, message] of cases) {
    assert.match(refusal({ name: "a", ...options }).message, message);
  }
});
