/**
 * Where logs are: every attempt that ran, with the worker that has its log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aJobSpec, ControllerHarness } from "../../test/support/controller-builders.ts";
import { handedBack } from "../../test/support/fake-worker.ts";
import { type LogQuestion, logSources } from "./log-sources.ts";

const ann = { user: "ann", role: "user", jobId: "" } as const;

/** `task attempt worker state`, in order; ` …` at the end if more may come. */
function sourcesOf(harness: ControllerHarness, question: LogQuestion): string {
  const { sources, open } = logSources(harness.state, question, ann);
  const lines = sources.map(({ taskId, attemptId, workerId, ended, reachable }) => {
    const state = `${ended ? "ended" : "live"}${reachable ? "" : " away"}`;
    return `${taskId} ${attemptId} ${workerId} ${state}`;
  });
  return `${lines.join(", ")}${open ? " …" : ""}`;
}

describe("the logs of a job", () => {
  test("are those of every attempt that ran, ended or not, oldest first", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("train", { replicas: 2, maxRetriesFailure: 1 });
    worker.starts("train/0", "train/1");
    worker.fails("train/0");
    const job = { jobId: "/ann/train" };
    assert.equal(
      sourcesOf(harness, job),
      "/ann/train/0 1.1 w1 ended, /ann/train/1 1.2 w1 live, /ann/train/0 1.3 w1 live …",
    );
    assert.equal(sourcesOf(harness, { taskId: "/ann/train/1" }), "/ann/train/1 1.2 w1 live …");
    assert.equal(sourcesOf(harness, { taskId: "train/1" }), "/ann/train/1 1.2 w1 live …");
    assert.equal(sourcesOf(harness, { jobId: "train" }), sourcesOf(harness, job));
    worker.starts("train/0");
    worker.finishes("train/0", "train/1");
    assert.doesNotMatch(sourcesOf(harness, job), /live|…/);
  });

  test("are open before there is any, and closed without one when nothing ran", () => {
    const harness = new ControllerHarness();
    harness.launch("train");
    assert.equal(sourcesOf(harness, { jobId: "/ann/train" }), " …");
    harness.cancel("/ann/train");
    assert.equal(sourcesOf(harness, { jobId: "/ann/train" }), "");
  });

  test("are not those of attempts that never ran", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("train");
    worker.reports(handedBack("train/0", { reason: "refused" }));
    harness.after(2_000);
    worker.starts("train/0");
    assert.equal(sourcesOf(harness, { jobId: "/ann/train" }), "/ann/train/0 1.2 w1 live …");
  });

  test("of a session are those of its commands, ended or not, and open as long as it is", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: 2 });
    const command = { spec: { run: aJobSpec("/ann/x").task.run } };
    const job = { jobId: "/ann/graph-1" };
    client.submits({ a: command, b: command, plain: {} });
    worker.starts("a", "b");
    worker.finishes("a");
    const [a, b] = ["/ann/graph-1/0 1.1 w1 ended", "/ann/graph-1/1 1.2 w1 live"];
    assert.equal(sourcesOf(harness, job), `${a}, ${b} …`);
    assert.equal(sourcesOf(harness, { ...job, attemptId: "1.1" }), a);
    worker.finishes("b", "plain");
    assert.equal(sourcesOf(harness, job), `${a}, ${b.replace("live", "ended")} …`);
    client.closes();
    assert.equal(sourcesOf(harness, job), "");
  });

  test("are with those of its children", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("train");
    worker.starts("train/0");
    harness.launch("train/eval");
    worker.starts("train/eval/0");
    assert.equal(
      sourcesOf(harness, { jobId: "/ann/train" }),
      "/ann/train/0 1.1 w1 live, /ann/train/eval/0 1.2 w1 live …",
    );
    assert.equal(
      sourcesOf(harness, { jobId: "/ann/train/eval" }),
      "/ann/train/eval/0 1.2 w1 live …",
    );
  });

  test("of a worker that is away say so, and that of a lost one that it is gone", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("train", { maxRetriesPreemption: 0 });
    worker.starts("train/0");
    worker.disconnects();
    const job = { jobId: "/ann/train" };
    const [away] = logSources(harness.state, job, ann).sources;
    assert.deepEqual(
      [away.reachable, away.gone, away.reason],
      [false, false, "worker w1 is not connected"],
    );
    worker.exits();
    const [gone] = logSources(harness.state, job, ann).sources;
    assert.deepEqual([gone.reachable, gone.gone, gone.ended], [false, true, true]);
    assert.match(gone.reason, /^worker w1 is lost: /);
  });
});

describe("a question for logs", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.launch("train");
  worker.starts("train/0");

  test("may name one attempt, alone or of its job", () => {
    const one = "/ann/train/0 1.1 w1 live …";
    assert.equal(sourcesOf(harness, { attemptId: "1.1" }), one);
    assert.equal(sourcesOf(harness, { jobId: "/ann/train", attemptId: "1.1" }), one);
  });

  test("that names nothing, both, or what is not there is refused with the field", () => {
    const cases: readonly [LogQuestion, string, RegExp][] = [
      [{}, "INVALID_ARGUMENT", /^jobId: is missing; say whose logs/],
      [{ jobId: "/a/b", taskId: "/a/b/0" }, "INVALID_ARGUMENT", /^jobId: .* not both/],
      [{ jobId: "/ann/none" }, "NOT_FOUND", /no job "\/ann\/none"/],
      [{ taskId: "/ann/train/7" }, "NOT_FOUND", /no task/],
      [{ attemptId: "9.9" }, "NOT_FOUND", /^attemptId: no attempt "9.9"/],
      [{ jobId: "/ann/train", attemptId: "9.9" }, "NOT_FOUND", /^attemptId: /],
    ];
    for (const [question, code, message] of cases) {
      assert.throws(() => logSources(harness.state, question, ann), { code, message });
    }
  });
});
