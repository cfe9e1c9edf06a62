/**
 * Calls that change something: one answer each, after what they did, or a refusal and no change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aJobSpec, ControllerHarness } from "../../test/support/controller-builders.ts";
import { assertAllFree } from "../../test/support/job-builders.ts";
import { formatAttemptId } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import type { ApiRequest } from "./events.ts";
import { durableText } from "./snapshot.ts";

const ann: Principal = { user: "ann", role: "user", jobId: "" };
const bob: Principal = { user: "bob", role: "user", jobId: "" };
const viewer: Principal = { user: "vic", role: "viewer", jobId: "" };

/** Asks, and checks that nothing of it remains. */
function refused(harness: ControllerHarness, request: ApiRequest, principal: Principal): string {
  const before = durableText(harness.state);
  const lines = harness.asks(request, principal);
  assert.equal(durableText(harness.state), before, "a refusal changes nothing");
  assert.equal(lines.length, 1);
  return lines[0];
}

function launchOf(jobId: string): ApiRequest {
  return { type: "launch-job", spec: aJobSpec(jobId), token: "t", tokenHash: jobId };
}

describe("a call that is refused changes nothing", () => {
  const cancel = (jobId: string) => ({ type: "terminate-job", jobId, reason: "" }) as const;

  test("when it cancels what is not there", () => {
    const harness = new ControllerHarness();
    assert.equal(refused(harness, cancel("/ann/none"), ann), "refused NOT_FOUND");
  });

  test("when it cancels what is somebody else's", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.launch("a");
    assert.equal(refused(harness, cancel("/ann/a"), bob), "refused FORBIDDEN");
    assert.equal(harness.jobState("a"), "RUNNING");
  });

  test("when it launches for somebody else, or only may look", () => {
    const harness = new ControllerHarness();
    assert.equal(refused(harness, launchOf("/ann/a"), bob), "refused FORBIDDEN");
    assert.equal(refused(harness, launchOf("/vic/a"), viewer), "refused FORBIDDEN");
  });

  test("when it is for administrators", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    const orders: readonly ApiRequest[] = [
      { type: "drain-worker", workerId: "w1", drain: true, deadlineMs: 0 },
      { type: "cordon-worker", workerId: "w1", cordon: true },
      { type: "repair", dryRun: false },
    ];
    for (const order of orders) {
      assert.equal(refused(harness, order, ann), "refused FORBIDDEN", order.type);
    }
  });
});

describe("a cancel", () => {
  test("of a job that has ended says so, and changes nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.finishes("a/0");
    const [reply] = harness.cancel("/ann/a");
    assert.equal(reply, 'reply {"jobId":"/ann/a","terminated":false,"state":"SUCCEEDED"}');
    assert.equal(harness.jobState("a"), "SUCCEEDED");
  });

  test("reaches the children of a job that has ended already", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", { children: "PRESERVE" });
    harness.launch("a/b");
    worker.fails("a/0");
    assert.equal(harness.jobState("a/b"), "RUNNING");
    harness.cancel("/ann/a");
    assert.equal(harness.jobState("a"), "FAILED");
    assert.equal(harness.jobState("a/b"), "KILLED");
    worker.obeys();
    assertAllFree(harness);
  });

  test("twice orders one stop", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    assert.equal(harness.cancel("/ann/a").filter((line) => line.includes("stop")).length, 1);
    assert.equal(harness.cancel("/ann/a").filter((line) => line.includes("stop")).length, 0);
  });

  test("gives its reason, or who it was, as the failure of every task", () => {
    const harness = new ControllerHarness();
    harness.launch("a");
    harness.launch("b");
    harness.asks({ type: "terminate-job", jobId: "/ann/a", reason: "too dear" }, ann);
    harness.asks({ type: "terminate-job", jobId: "/ann/b", reason: "" }, ann);
    const messageOf = (label: string) =>
      harness.state.failures.get(harness.rowOf(label))?.message ?? "";
    assert.match(messageOf("a/0"), /too dear/);
    assert.match(messageOf("b/0"), /cancelled by ann/);
  });
});

describe("a repair", () => {
  test("that is dry says what it would do, and does nothing", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    const before = durableText(harness.state);
    const lines = harness.asks({ type: "repair", dryRun: true });
    assert.match(lines[0], /"dryRun":true.*"reconcile-worker"/);
    assert.equal(lines.length, 1);
    assert.equal(durableText(harness.state), before);
  });

  test("that is dry names what waits although it fits, and what a lost worker had", () => {
    const harness = new ControllerHarness({ checks: false });
    harness.aWorker();
    harness.launch("a");
    const idle = harness.aWorker();
    harness.asks({ type: "cordon-worker", workerId: idle.workerId, cordon: true });
    harness.launch("b");
    const [lost, open] = harness.state.workers;
    Object.assign(lost, { lost: true });
    Object.assign(open, { cordoned: false });
    const [line] = harness.asks({ type: "repair", dryRun: true });
    const { actions } = JSON.parse(line.slice("reply ".length)) as {
      readonly actions: readonly { type: string; id: string; message: string }[];
    };
    assert.deepEqual(
      actions.slice(0, 2).map(({ type, message }) => `${type}: ${message}`),
      [
        "end-attempt: of /ann/a/0: w1, which had it, is lost",
        `place-again: queue ${harness.state.shapes.length - 1} fits there and waits`,
      ],
    );
    assert.equal(actions[1].id, idle.workerId);
  });

  test("makes each worker say everything again, and disturbs nothing that is right", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.starts("a/0");
    const { id } = worker.attemptOf("a/0");
    const lines = harness.asks({ type: "repair", dryRun: false });
    assert.ok(lines.some((line) => line.startsWith("disconnect w1")));
    worker.connects();
    assert.equal(worker.attemptOf("a/0").id, id);
    assert.equal(worker.orders, "a/0+");
    worker.finishes("a/0");
    assert.equal(harness.jobState("a"), "SUCCEEDED");
  });

  test("ends what a worker does not have, uncharged", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a", { maxRetriesPreemption: 0 });
    worker.starts("a/0");
    worker.attempts.clear();
    harness.asks({ type: "repair", dryRun: false });
    worker.connects();
    assert.equal(worker.orders, "a/0", "it runs anew");
    worker.finishes("a/0");
    assertAllFree(harness);
  });
});

test("every call that changes something has its answer", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.launch("a");
  worker.starts("a/0");
  const token = {
    tokenId: "t1",
    hash: "0".repeat(64),
    user: "bob",
    role: "user",
    note: "",
  } as const;
  const endpoint = {
    ...{ endpointId: "e1", name: "model", address: "h:1", leaseMs: 10_000, metadata: {} },
    ...{ taskId: "/ann/a/0", attemptId: formatAttemptId(worker.attemptOf("a/0").id) },
  };
  const requests: readonly ApiRequest[] = [
    { type: "create-token", ...token, expiresAt: 0 },
    { type: "revoke-token", tokenId: "t1" },
    { type: "register-endpoint", ...endpoint },
    { type: "unregister-endpoint", endpointId: "e1" },
    {
      ...{ type: "report-progress", taskId: endpoint.taskId, attemptId: endpoint.attemptId },
      ...{ fraction: 0.5, note: "" },
    },
    { type: "drain-worker", workerId: "w1", drain: false, deadlineMs: 0 },
    { type: "cordon-worker", workerId: "w1", cordon: false },
    { type: "repair", dryRun: true },
  ];
  for (const request of requests) {
    const lines = harness.asks(request);
    assert.equal(lines.length, 1, request.type);
    assert.match(lines[0], /^reply \{/, request.type);
  }
});
