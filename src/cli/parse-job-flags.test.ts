/**
 * Rules of the flags that describe a job.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "../model/errors.ts";
import {
  defaultJobName,
  type JobFlags,
  launchRequestOf,
  parseEnvironment,
  parseWantedDevice,
} from "./parse-job-flags.ts";

const surroundings = { name: "x", argv: ["true"], workspace: "", shell: {} };

function refused(flags: JobFlags): string {
  try {
    launchRequestOf(flags, surroundings);
  } catch (error) {
    assert.ok(error instanceof CapstanError);
    return error.message;
  }
  return assert.fail(`${JSON.stringify(flags)} was accepted`);
}

test("a device is KIND:COUNT or KIND:VARIANT:COUNT, in any case", () => {
  assert.deepEqual(parseWantedDevice("gpu:1"), {
    ...{ kind: "gpu", variant: "auto", countMilli: 1_000, indices: [] },
  });
  assert.deepEqual(parseWantedDevice("GPU:H100:2"), {
    ...{ kind: "gpu", variant: "h100", countMilli: 2_000, indices: [] },
  });
  assert.equal(parseWantedDevice("gpu:h100:0.5").countMilli, 500);
  for (const text of ["gpu", "gpu:h100", ":1", "gpu::1", "gpu:h100:1:1", "gpu:h100:", "gpu:-1"]) {
    assert.throws(() => parseWantedDevice(text), /KIND:COUNT or KIND:VARIANT:COUNT/, text);
  }
});

test("--env sets a variable, or copies it from the shell by name; the last of two wins", () => {
  const shell = { HOME: "/root", EMPTY: "" };
  assert.deepEqual(parseEnvironment(["A=1=2", "HOME", "B=", "EMPTY", "A=3"], shell), {
    ...{ A: "3", HOME: "/root", B: "", EMPTY: "" },
  });
  assert.throws(() => parseEnvironment(["MISSING"], shell), /no such variable; --env MISSING=/);
  for (const text of ["", "=x", "a b=1", "1A=x"]) {
    assert.throws(() => parseEnvironment([text], shell), /must be NAME=VALUE/, text);
  }
});

test("a job that says nothing asks for one CPU and leaves every default to the API", () => {
  assert.deepEqual(launchRequestOf({}, surroundings), {
    name: "x",
    command: { argv: ["true"], env: {} },
    resources: { cpuMilli: 1_000, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
  });
});

test("every flag reaches its field, amounts as the API counts them", () => {
  const flags: JobFlags = {
    ...{ cpu: 0.5, memory: "128g", disk: "1t", device: ["gpu:2"], resource: ["License=2"] },
    ...{ replicas: 8, groupBy: "rack", constraint: ["region in eu,us"], band: "batch" },
    ...{ priority: -3, timeout: "12h", schedulingTimeout: "90s", retries: 1, grace: "0" },
    ...{ preemptionRetries: 9, maxTaskFailures: 2, retryBackoff: "1s:1m", port: ["http"] },
    ...{ retryExitCode: [3], noRetryExitCode: [4], env: ["A=b"], cwd: "src", user: "ann" },
    ...{ onExisting: "keep", children: "preserve" },
  };
  const constraint = { key: "region", op: "in", values: ["eu", "us"], mode: "REQUIRED" };
  assert.deepEqual(launchRequestOf(flags, { ...surroundings, workspace: "abc" }), {
    name: "x",
    command: { argv: ["true"], env: { A: "b" }, cwd: "src" },
    resources: {
      ...{ cpuMilli: 500, memoryBytes: 137_438_953_472, diskBytes: 1_099_511_627_776 },
      devices: [{ kind: "gpu", variant: "auto", countMilli: 2_000, indices: [] }],
      custom: { license: 2_000 },
    },
    ...{ replicas: 8, coscheduling: { groupBy: "rack" }, constraints: [constraint] },
    ...{ band: "BATCH", priority: -3, timeout: 43_200_000, schedulingTimeout: 90_000, grace: 0 },
    ...{ maxRetriesFailure: 1, maxRetriesPreemption: 9, maxTaskFailures: 2 },
    ...{ retryBackoff: { initial: 1_000, max: 60_000 }, retryExitCodes: [3] },
    ...{ noRetryExitCodes: [4], ports: ["http"], workspace: "abc", user: "ann" },
    ...{ onExisting: "KEEP", children: "PRESERVE" },
  });
});

test("an amount that cannot be read is refused by the name of its flag", () => {
  assert.match(refused({ memory: "8x" }), /--memory/);
  assert.match(refused({ disk: "lots" }), /--disk/);
  assert.match(refused({ timeout: "90" }), /--timeout.*"90s"/);
  assert.match(refused({ schedulingTimeout: "soon" }), /--scheduling-timeout/);
  assert.match(refused({ retryBackoff: "1s:2s:3s" }), /--retry-backoff must be/);
  assert.match(refused({ resource: ["license"] }), /--resource must be NAME=N/);
  assert.match(refused({ cpu: 0.0001 }), /--cpu/);
  assert.match(refused({ groupBy: "" }), /--group-by must name an attribute of workers/);
});

test("memory without a unit is bytes, but eight of them are refused", () => {
  const { resources } = launchRequestOf({ memory: "137438953472" }, surroundings);
  assert.equal(resources.memoryBytes, 137_438_953_472);
  assert.match(refused({ memory: "8" }), /8 bytes: write a unit, such as --memory 8g/);
});

test("a job is named after its program, in characters that a name may have", () => {
  assert.equal(defaultJobName("/usr/bin/python3.12", "k3x"), "python3.12-k3x");
  assert.equal(defaultJobName("./my script!", "a"), "my-script--a");
  assert.equal(defaultJobName("7", "a"), "7-a");
  assert.equal(defaultJobName("/", "a"), "job-a");
});
