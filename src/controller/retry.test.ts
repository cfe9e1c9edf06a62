/**
 * Another try that somebody asks for through the API.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { Principal } from "../model/job.ts";
import { durableText } from "./snapshot.ts";

const ann: Principal = { user: "ann", role: "user", jobId: "" };
const bob: Principal = { user: "bob", role: "user", jobId: "" };

interface Retried {
  readonly state: string;
  readonly retriedCount: number;
  readonly relaunched?: boolean;
}

function retryTask(harness: ControllerHarness, taskId: string, by = ann): string[] {
  return harness.asks({ type: "retry-task", taskId }, by);
}

function retryJob(harness: ControllerHarness, jobId: string, by = ann): string[] {
  const token = `again ${harness.at}`;
  return harness.asks({ type: "retry-job", jobId, token, tokenHash: token }, by);
}

function answerIn(lines: readonly string[]): Retried {
  const line = lines.find((one) => one.startsWith("reply "));
  assert.ok(line !== undefined, `a reply, not ${lines.join("; ")}`);
  return JSON.parse(line.slice("reply ".length)) as Retried;
}

function eventsOf(harness: ControllerHarness): string[] {
  return harness.state.story.events
    .filter(({ type }) => type === "tasks-retried" || type === "job-launched")
    .map(({ type, id, message }) => `${type} ${id} ${message}`);
}

/** A chain of three whose first task failed, and with it the others. */
function aFailedChain() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  client.submits({ a: {}, b: { on: ["a"] }, c: { on: ["b"] } });
  worker.fails("a");
  const idOf = (number: number) => `${harness.state.jobs[0].id}/${number}`;
  return { harness, client, worker, idOf };
}

describe("a task that is retried through the API", () => {
  test("runs again with the failed tasks before it, and its client gets the value", () => {
    const { harness, worker, idOf } = aFailedChain();
    const lines = retryTask(harness, idOf(2));
    assert.deepEqual(answerIn(lines), { taskId: idOf(2), state: "PENDING", retriedCount: 3 });
    assert.equal(worker.orders, "a");
    worker.finishes("a");
    worker.finishes("b");
    assert.deepEqual(worker.finishes("c"), ["c1 < results c"]);
  });

  test("leaves those behind it as they are", () => {
    const { harness, idOf } = aFailedChain();
    assert.equal(answerIn(retryTask(harness, idOf(0))).retriedCount, 1);
    assert.equal(harness.statesOf("b", "c"), "UPSTREAM_FAILED, UPSTREAM_FAILED");
  });

  test("is told in the events with who asked, also after a restart", () => {
    const { harness, idOf } = aFailedChain();
    retryTask(harness, idOf(2));
    const expected = [`tasks-retried ${harness.state.jobs[0].id} by ann: 3 tasks run again`];
    assert.deepEqual(eventsOf(harness), expected);
    harness.restarts();
    assert.deepEqual(eventsOf(harness), expected);
  });

  test("that did not fail is left alone, and that is no error", () => {
    const { harness, worker, idOf } = aFailedChain();
    retryTask(harness, idOf(0));
    const before = durableText(harness.state);
    assert.equal(answerIn(retryTask(harness, idOf(0))).retriedCount, 0);
    assert.equal(durableText(harness.state), before);
    assert.equal(worker.orders, "a");
  });

  test("that is somebody else's, or nobody's, is refused, and nothing changes", () => {
    const { harness, idOf } = aFailedChain();
    const before = durableText(harness.state);
    assert.deepEqual(retryTask(harness, idOf(0), bob), ["refused FORBIDDEN"]);
    assert.deepEqual(retryTask(harness, "/ann/none/0"), ["refused NOT_FOUND"]);
    assert.deepEqual(retryTask(harness, "no key of any task"), ["refused NOT_FOUND"]);
    assert.equal(durableText(harness.state), before);
  });

  test("of a job that goes on runs with nothing counted of what went before", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("many", { replicas: 2, maxTaskFailures: 1, maxRetriesFailure: 1 });
    worker.fails("many/0");
    worker.fails("many/0");
    const { launch } = harness.state.jobs[0];
    assert.deepEqual([harness.stateOf("many/0"), launch?.failureCount], ["FAILED", 1]);
    assert.equal(answerIn(retryTask(harness, "many/0")).retriedCount, 1);
    assert.equal(launch?.failureCount, 0);
    worker.finishes("many/0");
    worker.finishes("many/1");
    assert.equal(harness.jobState("many"), "SUCCEEDED");
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("of a job that has ended is refused: the job is what is launched again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.fails("one/0");
    assert.deepEqual(retryTask(harness, "one/0"), ["refused CONFLICT"]);
    assert.equal(harness.jobState("one"), "FAILED");
  });
});

describe("a job that is retried", () => {
  test("runs all failed tasks of an open graph again, dependents too", () => {
    const { harness, worker } = aFailedChain();
    const lines = retryJob(harness, harness.state.jobs[0].id);
    assert.deepEqual([answerIn(lines).retriedCount, answerIn(lines).relaunched], [3, false]);
    for (const label of ["a", "b", "c"]) worker.finishes(label);
    assert.equal(harness.statesOf("a", "b", "c"), "SUCCEEDED, SUCCEEDED, SUCCEEDED");
  });

  test("that has ended is launched again, whole, under its name and with another token", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("many", { replicas: 2 });
    worker.finishes("many/0");
    worker.fails("many/1");
    assert.equal(harness.jobState("many"), "FAILED");
    const before = harness.state.jobs[0].launch?.tokenHash;
    assert.deepEqual(answerIn(retryJob(harness, "many")), {
      ...{ jobId: "/ann/many", state: "PENDING", relaunched: true, retriedCount: 2 },
    });
    const now = harness.state.jobs[harness.state.jobsById.get("/ann/many") ?? -1];
    assert.notEqual(now.launch?.tokenHash, before);
    assert.deepEqual(eventsOf(harness), [
      "job-launched /ann/many by root, for ann",
      "job-launched /ann/many by ann",
    ]);
  });

  test("waits until what still stops of the old one has ended", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    harness.launch("many", { replicas: 2 });
    worker.starts("many/0");
    worker.starts("many/1");
    worker.fails("many/0");
    retryJob(harness, "many");
    assert.equal(worker.orders, "many/1-");
    assert.equal(harness.jobState("many"), "PENDING");
    assert.deepEqual(worker.obeys().slice(-2), ["w1 < compute many/0", "w1 < compute many/1"]);
  });

  test("that succeeded, also with failures that it allowed for, is left alone", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("many", { replicas: 2, maxTaskFailures: 1 });
    worker.fails("many/0");
    worker.finishes("many/1");
    const { retriedCount, state } = answerIn(retryJob(harness, "many"));
    assert.deepEqual([retriedCount, state], [0, "SUCCEEDED"]);
    const { task } = harness.call("GetTaskStatus", { taskId: "/ann/many/0" }) as {
      readonly task: { readonly retryRefusal: string };
    };
    // Not by a retry of the job, which does nothing.
    assert.match(task.retryRefusal, /never changes; launch it again, under its name or another$/);
  });

  test("of somebody else is refused, and so is one in a band that its user lost", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { band: "production" });
    worker.fails("one/0");
    assert.deepEqual(retryJob(harness, "/ann/one", bob), ["refused FORBIDDEN"]);
    harness.limits("ann", { bandMax: "batch" });
    assert.deepEqual(retryJob(harness, "/ann/one"), ["refused QUOTA_EXCEEDED"]);
    assert.equal(harness.jobState("one"), "FAILED");
  });
});
