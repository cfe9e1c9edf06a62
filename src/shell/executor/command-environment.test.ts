/**
 * What a command finds in its environment.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { attemptId } from "../../model/ids.ts";
import { parseAttemptContext } from "./command-context.ts";
import {
  composeEnvironment,
  type Environment,
  type EnvironmentOptions,
} from "./command-environment.ts";

const paths = { root: "/a", work: "/a/work", output: "/a/output", logs: "/a/logs" };

const context = {
  taskId: "/root/big/1",
  jobId: "/root/big",
  attemptId: "3.17",
  index: 1,
  replicas: 2,
  devices: [],
  token: "",
};

function environment(overrides: Partial<EnvironmentOptions> = {}): Environment {
  return composeEnvironment({
    own: {},
    context,
    attempt: attemptId(3, 17),
    controllerUrl: "http://127.0.0.1:7070",
    workerId: "w-1",
    paths,
    ports: {},
    members: [],
    ...overrides,
  });
}

beforeEach(() => {
  process.env.CAPSTAN_TEST_SECRET = "of the worker";
});

afterEach(() => {
  delete process.env.CAPSTAN_TEST_SECRET;
});

test("a command knows what it is, and inherits four variables and no more", () => {
  const { PATH, HOME, LANG, TMPDIR, ...rest } = environment();
  assert.ok([PATH, HOME, LANG, TMPDIR].every((value) => value !== "" && value !== undefined));
  assert.deepEqual(rest, {
    CAPSTAN_TASK_ID: "/root/big/1",
    CAPSTAN_ATTEMPT_ID: "3.17",
    CAPSTAN_JOB_ID: "/root/big",
    CAPSTAN_NUM_TASKS: "2",
    CAPSTAN_TASK_INDEX: "1",
    CAPSTAN_CONTROLLER_URL: "http://127.0.0.1:7070",
    CAPSTAN_WORKER_ID: "w-1",
    CAPSTAN_WORKDIR: "/a/work",
    CAPSTAN_OUTPUT_DIR: "/a/output",
    CAPSTAN_DEVICE_IDS: "",
    CAPSTAN_FENCING_TOKEN: String(attemptId(3, 17)),
  });
});

test("the token is there only if the job has one", () => {
  assert.equal("CAPSTAN_TOKEN" in environment(), false);
  const found = environment({ context: { ...context, token: "secret" } });
  assert.equal(found.CAPSTAN_TOKEN, "secret");
});

test("the spec's variables come last, but do not replace what Capstan says", () => {
  const found = environment({ own: { PATH: "/own", RATE: "3", CAPSTAN_TASK_ID: "/other/0" } });
  assert.deepEqual([found.PATH, found.RATE], ["/own", "3"]);
  assert.equal(found.CAPSTAN_TASK_ID, "/root/big/1");
});

test("a fencing token rises with each attempt, also over a restart of the controller", () => {
  const tokenOf = (attempt: number) => Number(environment({ attempt }).CAPSTAN_FENCING_TOKEN);
  assert.ok(tokenOf(attemptId(3, 18)) > tokenOf(attemptId(3, 17)));
  assert.ok(tokenOf(attemptId(4, 1)) > tokenOf(attemptId(3, 18)));
});

test("ports go by the names that the spec gave them", () => {
  const found = environment({ ports: { http: 8080, "metrics-http": 9090 } });
  assert.equal(found.CAPSTAN_PORT_HTTP, "8080");
  assert.equal(found.CAPSTAN_PORT_METRICS_HTTP, "9090");
});

test("granted devices go by index; those of GPUs also where CUDA looks", () => {
  const gpu = { kind: "gpu", variant: "h100", countMilli: 2000, indices: [1, 3] };
  const tpu = { kind: "tpu", variant: "v4", countMilli: 1000, indices: [0] };
  const both = environment({ context: { ...context, devices: [gpu, tpu] } });
  assert.deepEqual([both.CAPSTAN_DEVICE_IDS, both.CUDA_VISIBLE_DEVICES], ["1,3,0", "1,3"]);
  const withoutGpu = environment({ context: { ...context, devices: [tpu] } });
  assert.equal("CUDA_VISIBLE_DEVICES" in withoutGpu, false);
});

test("a member of a gang knows where all of them are, in rank order", () => {
  const members = [
    { host: "10.0.0.2", ports: { rendezvous: 4001 } },
    { host: "fd00::3", ports: { rendezvous: 4002 } },
  ];
  const found = environment({ members });
  assert.equal(found.CAPSTAN_GANG_HOSTS, "10.0.0.2,fd00::3");
  assert.equal(found.CAPSTAN_GANG_PORT_RENDEZVOUS, "10.0.0.2:4001,[fd00::3]:4002");
});

test("an attempt without a context is task 0 of 1 of no job", () => {
  assert.deepEqual(parseAttemptContext("", attemptId(1, 2), 7), {
    ...{ taskId: "7", jobId: "", attemptId: "1.2", index: 0, replicas: 1 },
    ...{ devices: [], token: "" },
  });
});

test("a context that is not one is refused, naming the field", () => {
  const text = JSON.stringify({ ...context, index: "first" });
  assert.throws(() => parseAttemptContext(text, 1, 1), { message: /context\.index/ });
  assert.throws(() => parseAttemptContext("{", 1, 1), { code: "PROTOCOL_ERROR" });
});
