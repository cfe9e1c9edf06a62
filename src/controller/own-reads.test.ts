/**
 * Who may look at whose jobs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { Principal, Role } from "../model/job.ts";
import { logSources } from "./log-sources.ts";
import { answerCall } from "./queries.ts";

const as = (user: string, role: Role): Principal => ({ user, role, jobId: "" });

function aShared(): ControllerHarness {
  const harness = new ControllerHarness();
  harness.launch("mine", { user: "bob" });
  harness.launch("theirs", { user: "ann" });
  return harness;
}

test("a user sees its own jobs and tasks in lists, and no others", () => {
  const { state } = aShared();
  const bob = as("bob", "user");
  const { jobs } = answerCall(state, "ListJobs", {}, bob) as { jobs: { jobId: string }[] };
  assert.deepEqual(
    jobs.map(({ jobId }) => jobId),
    ["/bob/mine"],
  );
  const { tasks } = answerCall(state, "ListTasks", {}, bob) as { tasks: { taskId: string }[] };
  assert.deepEqual(
    tasks.map(({ taskId }) => taskId),
    ["/bob/mine/0"],
  );
});

const questions = [
  ["GetJobStatus", { jobId: "/ann/theirs" }],
  ["ListTasks", { jobId: "/ann/theirs" }],
  ["GetTaskStatus", { taskId: "/ann/theirs/0" }],
  ["Explain", { id: "/ann/theirs" }],
  ["Explain", { id: "theirs/0" }],
  ["GetStory", { id: "/ann/theirs/0" }],
] as const;

for (const [method, request] of questions) {
  test(`a user is refused ${method} ${JSON.stringify(request)} of another; a viewer is not`, () => {
    const { state } = aShared();
    const ask = (who: Principal) => () => answerCall(state, method, request, who);
    assert.throws(ask(as("bob", "user")), /belongs to ann/);
    for (const role of ["viewer", "admin"] as const) assert.doesNotThrow(ask(as("bob", role)));
    assert.doesNotThrow(ask(as("ann", "user")));
  });
}

test("a user is refused the logs of another, however they are named", () => {
  const harness = aShared();
  harness.aWorker({ slots: 4 });
  const bob = as("bob", "user");
  const { tasks } = harness.call("ListTasks", { jobId: "/ann/theirs" }) as {
    readonly tasks: readonly { readonly attempts: readonly { readonly attemptId: string }[] }[];
  };
  const [{ attemptId }] = tasks[0].attempts;
  for (const question of [{ jobId: "/ann/theirs" }, { taskId: "/ann/theirs/0" }, { attemptId }]) {
    assert.throws(() => logSources(harness.state, question, bob), /belongs to ann/);
  }
});

test("a key is that of the caller's own task first, also where another user has the same", () => {
  const harness = new ControllerHarness();
  harness.aClient("ann").submits({ theirs: { key: "model" } });
  harness.aClient("bob").submits({ mine: { key: "model" }, other: { key: "weights" } });
  const of = (id: string, who: Principal) => {
    const { task } = answerCall(harness.state, "GetTaskStatus", { taskId: id }, who) as {
      readonly task: { readonly taskId: string };
    };
    return task.taskId;
  };
  assert.equal(of("model", as("ann", "user")), "/ann/graph-1/0");
  assert.equal(of("model", as("bob", "user")), "/bob/graph-2/0");
  assert.throws(() => of("weights", as("ann", "user")), /belongs to bob/);
  const copies = { type: "replicate-value", taskId: "model", copies: 2 } as const;
  const [reply] = harness.asks(copies, as("bob", "user"));
  assert.match(reply, /^reply .*"taskId":"\/bob\/graph-2\/0"/);
});
