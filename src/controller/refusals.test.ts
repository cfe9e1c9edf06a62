/**
 * A refusal says in its details, for programs, what its message says for people.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anEndpointRequest } from "../../test/support/access-builders.ts";
import { aJobSpec, ControllerHarness } from "../../test/support/controller-builders.ts";
import type { Drafts, FakeClient } from "../../test/support/fake-client.ts";
import { CapstanError } from "../model/errors.ts";
import { checkBand } from "./authorise.ts";
import type { ApiRequest } from "./events.ts";
import { dependenciesPerTaskMax } from "./limits.ts";
import { answerCall } from "./queries.ts";
import { step } from "./step.ts";
import { admitWorker } from "./workers.ts";

/** The details of the error that an administrator's call is refused with. */
function detailsOfCall(harness: ControllerHarness, request: ApiRequest) {
  const principal = { user: "root", role: "admin", jobId: "" } as const;
  const event = { type: "api-called", at: harness.at, call: 1, principal, request } as const;
  const [reply] = step(harness.state, event).sends;
  assert.ok(reply.type === "reply-to-call" && reply.error !== null);
  return [reply.error.code, reply.error.details];
}

function detailsOfQuery(harness: ControllerHarness, method: string, request: object) {
  try {
    harness.call(method, request);
  } catch (error) {
    assert.ok(error instanceof CapstanError);
    return [error.code, error.details];
  }
  assert.fail("it was answered");
}

function detailsOfSubmission(harness: ControllerHarness, client: FakeClient, drafts: Drafts) {
  const message = client.submission(drafts);
  const { index } = client;
  const event = { type: "client-messaged", at: harness.at, client: index, message } as const;
  const [refused] = step(harness.state, event).sends;
  assert.ok(refused.type === "send-to-client" && refused.message.type === "refused");
  return [refused.message.error.code, refused.message.error.details];
}

const launch = (jobId: string, replicas = 1): ApiRequest => ({
  type: "launch-job",
  spec: aJobSpec(jobId, { replicas }),
  token: "secret",
  tokenHash: jobId,
});

describe("the details of a refusal", () => {
  test("of a launch name the job, the parent or the limit", () => {
    const harness = new ControllerHarness();
    harness.launch("a");
    assert.deepEqual(detailsOfCall(harness, launch("/ann/a")), [
      "ALREADY_EXISTS",
      { jobId: "/ann/a", state: "PENDING" },
    ]);
    assert.deepEqual(detailsOfCall(harness, launch("/ann/none/b")), [
      "NOT_FOUND",
      { parent: "/ann/none" },
    ]);
    harness.limits("ann", { activeTasksMax: 3 });
    assert.deepEqual(detailsOfCall(harness, launch("/ann/b", 3)), [
      "QUOTA_EXCEEDED",
      { user: "ann", active: 1, activeTasksMax: 3 },
    ]);
    assert.match(harness.launch("b", { replicas: 2 }).join(), /"created":true/, "up to the limit");
  });

  test("of administration name the token, the band, the task and the worker", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    assert.deepEqual(detailsOfCall(harness, { type: "revoke-token", tokenId: "t9" }), [
      "NOT_FOUND",
      { tokenId: "t9" },
    ]);
    harness.limits("ann", { bandMax: "batch" });
    const refusal = checkBand(harness.state, "ann", "production");
    const said = { field: "band", user: "ann", band: "production", bandMax: "batch" };
    assert.deepEqual([refusal?.code, refusal?.details], ["QUOTA_EXCEEDED", said]);
    assert.equal(checkBand(harness.state, "ann", "batch"), null);
    const endpoint = anEndpointRequest({ taskId: "/ann/x/0", attemptId: "1.9" });
    assert.deepEqual(detailsOfCall(harness, endpoint), [
      "NOT_FOUND",
      { taskId: "/ann/x/0", attemptId: "1.9" },
    ]);
    const hello = { ...worker.hello(), incarnation: "another" };
    const taken = admitWorker(harness.state, hello);
    const place = { workerId: "w1", address: "w1:1" };
    assert.deepEqual([taken?.code, taken?.details], ["WORKER_ID_IN_USE", place]);
    assert.equal(admitWorker(harness.state, worker.hello()), null);
  });

  test("of a look at somebody else's job name both", () => {
    const harness = new ControllerHarness();
    harness.launch("a");
    const eve = { user: "eve", role: "user", jobId: "" } as const;
    const details = { jobId: "/ann/a", user: "eve" };
    assert.throws(() => answerCall(harness.state, "GetJobStatus", { jobId: "/ann/a" }, eve), {
      code: "FORBIDDEN",
      details,
    });
  });

  test("of a read name what is not there", () => {
    const harness = new ControllerHarness();
    assert.deepEqual(detailsOfQuery(harness, "GetJobStatus", { jobId: "/ann/x" }), [
      "NOT_FOUND",
      { jobId: "/ann/x" },
    ]);
    assert.deepEqual(detailsOfQuery(harness, "GetTaskStatus", { taskId: "/ann/x/0" }), [
      "NOT_FOUND",
      { id: "/ann/x/0" },
    ]);
    assert.deepEqual(detailsOfQuery(harness, "LogSources", { attemptId: "1.9" }), [
      "NOT_FOUND",
      { attemptId: "1.9" },
    ]);
  });

  test("of a submission name the tasks and the key", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.numbers.set("ghost", 99);
    assert.deepEqual(detailsOfSubmission(harness, client, { a: { on: ["ghost"] } }), [
      "UNKNOWN_DEPENDENCY",
      { task: 0, dependency: 99 },
    ]);
    client.next = 0;
    assert.deepEqual(detailsOfSubmission(harness, client, { a: { on: ["a"] } }), [
      "GRAPH_CYCLE",
      { tasks: [0, 0] },
    ]);
    client.next = 0;
    const twice = { a: { key: "k" }, b: { key: "k" } };
    assert.deepEqual(detailsOfSubmission(harness, client, twice), ["KEY_CONFLICT", { key: "k" }]);
    client.next = 0;
    const on = new Array<string>(dependenciesPerTaskMax + 1).fill("a");
    assert.deepEqual(detailsOfSubmission(harness, client, { a: {}, b: { on } }), [
      "INVALID_SPEC",
      { task: 1, count: dependenciesPerTaskMax + 1 },
    ]);
  });
});
