/**
 * What a launch means, and which launches contradict themselves.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CapstanError } from "./errors.ts";
import type { JobSpec } from "./job.ts";
import { jobArgumentsBytesMax } from "./limits.ts";
import { parseLaunchJob } from "./parse-job.ts";
import { defaultRequest } from "./resources.ts";
import { portsOf } from "./spec.ts";

const bundle = "ab".repeat(32);

/** A launch of `true`, but for what the test says. */
function aLaunch(overrides: object = {}): object {
  return { name: "train", command: { argv: ["true"] }, ...overrides };
}

/** A launch of a function, but for what the test says. */
function aFunctionLaunch(fields: object = {}, overrides: object = {}): object {
  const run = { bundle, functionName: "simulate", args: "AQoA", ...fields };
  return { name: "train", function: run, ...overrides };
}

function refusal(request: unknown): CapstanError {
  try {
    parseLaunchJob(request, "ada");
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

function checkRefusals(code: string, cases: readonly (readonly [object, RegExp])[]): void {
  for (const [overrides, message] of cases) {
    const error = refusal(aLaunch(overrides));
    assert.match(error.message, message);
    assert.equal(error.code, code, error.message);
  }
}

test("a name and a command are enough, all else has its default", () => {
  const expected: JobSpec = {
    jobId: "/ada/train",
    task: {
      run: {
        kind: "command",
        argv: ["true"],
        env: {},
        cwd: "",
        workspace: "",
        ports: [],
        stdin: "",
        result: { type: "none" },
      },
      name: "train",
      resources: defaultRequest,
      constraints: [],
      band: "interactive",
      priority: 0,
      maxRetriesFailure: 0,
      maxRetriesPreemption: 100,
      noRetryExitCodes: [],
      retryExitCodes: [],
      retryBackoff: { initialMs: 0, maxMs: 60_000 },
      timeoutMs: 0,
      schedulingTimeoutMs: 0,
      graceMs: 10_000,
      groupBy: "",
    },
    args: new Uint8Array(0),
    replicas: 1,
    maxTaskFailures: 0,
    onExisting: "ERROR",
    children: "AUTO",
  };
  assert.deepEqual(parseLaunchJob(aLaunch(), "ada"), expected);
  const absent = { replicas: undefined, function: undefined, user: "", workspace: "" };
  assert.deepEqual(parseLaunchJob(aLaunch(absent), "ada"), expected);
});

/** Every field that a launch of a command can have. */
const wholeLaunch = {
  name: "/ada/train/eval",
  command: {
    argv: ["python", "train.py"],
    env: { B: "2", A: "1" },
    cwd: "src",
    stdin: "go",
    result: { file: "out/curve.bin" },
  },
  replicas: 8,
  resources: {
    cpuMilli: 500,
    memoryBytes: 1024,
    diskBytes: 7,
    devices: [{ kind: "GPU", variant: "H100", countMilli: 2000, indices: [] }],
    custom: { License: 1500 },
  },
  coscheduling: { groupBy: "rack" },
  constraints: [{ key: "region", op: "=", values: ["eu"] }],
  band: "Production",
  priority: -2,
  schedulingTimeout: "5s",
  timeout: 60_000,
  maxRetriesFailure: 3,
  maxRetriesPreemption: 4,
  maxTaskFailures: 2,
  retryBackoff: { initial: "1s", max: "8s" },
  retryExitCodes: [75, 3, 75],
  noRetryExitCodes: [2, 1],
  grace: "30s",
  ports: ["http", "peer-to-peer"],
  workspace: bundle,
  onExisting: "recreate",
  children: "preserve",
  user: "ada",
};

test("every field of a launch reaches its place", () => {
  const job = parseLaunchJob(wholeLaunch, "root");
  const { run, ...task } = job.task;
  assert.deepEqual(run, {
    kind: "command",
    argv: ["python", "train.py"],
    env: { A: "1", B: "2" },
    cwd: "src",
    workspace: bundle,
    ports: ["http", "peer-to-peer"],
    stdin: "go",
    result: { type: "file", path: "out/curve.bin" },
  });
  assert.deepEqual(task, {
    name: "eval",
    resources: {
      cpuMilli: 500,
      memoryBytes: 1024,
      diskBytes: 7,
      devices: [{ kind: "gpu", variant: "h100", countMilli: 2000, indices: [] }],
      custom: { license: 1500 },
    },
    constraints: [{ key: "region", op: "=", values: ["eu"], mode: "REQUIRED" }],
    band: "production",
    priority: -2,
    maxRetriesFailure: 3,
    maxRetriesPreemption: 4,
    noRetryExitCodes: [1, 2],
    retryExitCodes: [3, 75],
    retryBackoff: { initialMs: 1_000, maxMs: 8_000 },
    timeoutMs: 60_000,
    schedulingTimeoutMs: 5_000,
    graceMs: 30_000,
    groupBy: "rack",
  });
  const { jobId, replicas, maxTaskFailures, onExisting, children } = job;
  assert.deepEqual(
    [jobId, replicas, maxTaskFailures, onExisting, children],
    ["/ada/train/eval", 8, 2, "RECREATE", "PRESERVE"],
  );
});

test("a function has its bundle, its decoded arguments and the shorter grace of functions", () => {
  const { task, args } = parseLaunchJob(aFunctionLaunch(), "ada");
  assert.deepEqual(task.run, {
    kind: "function",
    bundle,
    functionName: "simulate",
    executor: "thread",
  });
  assert.deepEqual([...args], [1, 10, 0]);
  assert.equal(task.graceMs, 1_000);
  const empty = { ports: [], workspace: "", coscheduling: { groupBy: "" } };
  assert.equal(parseLaunchJob(aFunctionLaunch({}, empty), "ada").task.groupBy, "");
});

test("functions may be a gang, and have ports then", () => {
  const coscheduling = { groupBy: "rack" };
  const { task } = parseLaunchJob(aFunctionLaunch({}, { coscheduling, ports: ["ring"] }), "ada");
  assert.equal(task.groupBy, "rack");
  assert.deepEqual(portsOf(task.run), ["ring"]);
  const without = parseLaunchJob(aFunctionLaunch({}, { coscheduling }), "ada");
  assert.deepEqual(portsOf(without.task.run), []);
  const doubled = refusal(aFunctionLaunch({}, { coscheduling, ports: ["a", "a"] }));
  assert.match(doubled.message, /^ports\[1\]: "a" is given twice/);
});

test("arguments of any length come out of base64 as they went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
      const args = Buffer.from(bytes).toString("base64");
      assert.deepEqual(parseLaunchJob(aFunctionLaunch({ args }), "ada").args, bytes);
    }),
  );
});

test("the caller's user owns a relative name, another one if the request says so", () => {
  assert.equal(parseLaunchJob(aLaunch(), "grace").jobId, "/grace/train");
  assert.equal(parseLaunchJob(aLaunch({ user: "ada" }), "root").jobId, "/ada/train");
  assert.equal(parseLaunchJob(aLaunch({ name: "/x/y" }), "root").jobId, "/x/y");
  const error = refusal(aLaunch({ name: "/x/y", user: "ada" }));
  assert.equal(error.code, "INVALID_SPEC");
  assert.match(error.message, /^user: "ada" is not the user of \/x\/y/);
});

test("numbers that no job can have are refused by name", () => {
  checkRefusals("INVALID_SPEC", [
    [{ replicas: 0 }, /^replicas: 0 is not a whole number from 1 to 10000$/],
    [{ replicas: 10_001 }, /^replicas: 10001 is not/],
    [{ replicas: 1.5 }, /^replicas: 1.5 is not/],
    [{ replicas: Number.NaN }, /^replicas: NaN is not/],
    [{ maxTaskFailures: -1 }, /^maxTaskFailures: -1 is not a whole number from 0/],
    [{ maxRetriesFailure: -1 }, /^maxRetriesFailure: /],
    [{ maxRetriesPreemption: 0.5 }, /^maxRetriesPreemption: /],
    [{ priority: Number.POSITIVE_INFINITY }, /^priority: /],
    [{ grace: "2d" }, /^grace: "2d" is not a grace of at most/],
    [{ retryExitCodes: [0] }, /^retryExitCodes\[0\]: 0 is success/],
    [{ retryExitCodes: [1, 256] }, /^retryExitCodes\[1\]: 256 is not .* from 1 to 255/],
    [{ noRetryExitCodes: [-1] }, /^noRetryExitCodes\[0\]: -1 is not .* from 0 to 255/],
    [{ retryBackoff: { initial: "2m", max: "1m" } }, /^retryBackoff: .*longer/],
  ]);
});

test("resources that no worker could have are refused by name", () => {
  const device = (fields: object): object => ({
    resources: { devices: [{ kind: "gpu", ...fields }] },
  });
  checkRefusals("INVALID_SPEC", [
    [{ resources: { cpuMilli: -1 } }, /^resources\.cpuMilli: -1 is not/],
    [{ resources: { memoryBytes: 0.5 } }, /^resources\.memoryBytes: 0.5 is not/],
    [{ resources: { diskBytes: 2 ** 60 } }, /^resources\.diskBytes: /],
    [device({ countMilli: Number.NaN }), /^resources\.devices\[0\]\.countMilli: NaN is not/],
    [device({ indices: [1] }), /^resources\.devices\[0\]\.indices: .*when the task is placed/],
    [{ resources: { custom: { cpu: 1 } } }, /^resources\.custom\.cpu: is not a counter/],
    [{ resources: { custom: { a: 1, A: 2 } } }, /^resources\.custom\.a: is given twice/],
    [{ resources: { custom: { a: -1 } } }, /^resources\.custom\.a: -1/],
  ]);
  checkRefusals("INVALID_ARGUMENT", [
    [{ resources: { cpu: 1 } }, /^resources\.cpu: unknown name "cpu"; did you mean "cpuMilli"/],
    [{ resources: { cpuMilli: "1" } }, /^resources\.cpuMilli: "1" is not a whole number/],
    [device({ kind: "" }), /^resources\.devices\[0\]\.kind: /],
    [device({ variant: 5 }), /^resources\.devices\[0\]\.variant: /],
  ]);
});

test("a job runs exactly one of a command and a function", () => {
  const error = refusal({ name: "train" });
  assert.equal(error.code, "INVALID_SPEC");
  assert.match(error.message, /^command: is missing: a job runs a `command` or a `function`/);
  assert.match(
    refusal(aFunctionLaunch({}, { command: { argv: ["true"] } })).message,
    /^function: .*leave one of them out/,
  );
});

test("what only commands can do is refused for a function", () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ ports: ["http"] }, /^ports: a job of functions has them as a gang: give `coscheduling`/],
    [{ workspace: bundle }, /^workspace: only a job of commands/],
  ];
  for (const [overrides, message] of cases) {
    const error = refusal(aFunctionLaunch({}, overrides));
    assert.equal(error.code, "INVALID_SPEC");
    assert.match(error.message, message);
  }
});

test("a function without its bundle, name or arguments is refused by name", () => {
  const tooMany = Buffer.alloc(jobArgumentsBytesMax + 1).toString("base64");
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ bundle: "AB".repeat(32) }, /^function\.bundle: .*SHA-256/],
    [{ bundle: undefined }, /^function\.bundle: undefined is not a SHA-256/],
    [{ functionName: "" }, /^function\.functionName: "" is not the name/],
    [{ args: "" }, /^function\.args: is empty/],
    [{ args: undefined }, /^function\.args: undefined is not base64/],
    [{ args: "AQo" }, /^function\.args: "AQo" is not base64/],
    [{ args: "A===" }, /^function\.args: "A===" is not base64/],
    [{ args: "AQ*A" }, /^function\.args: "AQ\*A" is not base64/],
    [{ args: tooMany }, /^function\.args: 4194305 bytes of arguments; at most 4194304/],
    [{ argz: "" }, /^function\.argz: unknown name "argz"; did you mean "args"/],
  ];
  for (const [fields, message] of cases) {
    assert.match(refusal(aFunctionLaunch(fields)).message, message);
  }
});

test("names out of closed sets may be written in any case, and no others", () => {
  const { onExisting, children } = parseLaunchJob(
    aLaunch({ onExisting: "Keep", children: "terminate" }),
    "ada",
  );
  assert.deepEqual([onExisting, children], ["KEEP", "TERMINATE"]);
  checkRefusals("INVALID_ARGUMENT", [
    [{ onExisting: "REPLACE" }, /^onExisting: "REPLACE" is not one of ERROR, KEEP, RECREATE/],
    [{ children: true }, /^children: true is not one of AUTO/],
    [{ band: "best" }, /^band: "best" is not one of PRODUCTION, INTERACTIVE, BATCH/],
  ]);
});

test("an unknown field is refused with the nearest one, also in a nested object", () => {
  checkRefusals("INVALID_ARGUMENT", [
    [{ replica: 3 }, /^replica: unknown name "replica"; did you mean "replicas"/],
    [{ coscheduling: { groupby: "x" } }, /^coscheduling\.groupby: .*did you mean "groupBy"/],
    [{ command: { argv: ["a"], environment: {} } }, /^command\.environment: .*mean "env"/],
    [{ retryBackoff: { first: 1 } }, /^retryBackoff\.first: unknown name/],
  ]);
  for (const request of [null, 7, "train", []]) {
    assert.equal(refusal(request).code, "INVALID_ARGUMENT");
  }
});
