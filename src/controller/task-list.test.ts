/**
 * Lists of tasks: what is given as a filter must all hold, and every order can be turned round.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished } from "../../test/support/fake-worker.ts";
import { clause } from "../../test/support/job-builders.ts";

/** Of ann, `load` has a value on w1, `sum` runs there, `show` waits for it; of bob one waits. */
function fourTasks() {
  const harness = new ControllerHarness();
  const w1 = harness.aWorker();
  const [ann, bob] = [harness.aClient("ann"), harness.aClient("bob")];
  const retried = { maxRetriesFailure: 1 };
  ann.submits({
    load: { spec: { name: "load" } },
    sum: { spec: { name: "sum", ...retried } },
    show: { spec: { name: "show" }, on: ["sum"] },
  });
  w1.reports(finished("load", { value: null, sizeBytes: 5_000_000 }));
  w1.fails("sum");
  w1.starts("sum");
  harness.aWorker({ attributes: { n: "2" } });
  bob.submits({ far: { spec: { name: "load", constraints: [clause("worker-id", "=", "w9")] } } });
  return harness;
}

function listed(harness: ControllerHarness, request: object = {}): string {
  const { tasks } = harness.call("ListTasks", request) as { tasks: { taskId: string }[] };
  const labels = { "/ann/graph-1/0": "load", "/ann/graph-1/1": "sum", "/ann/graph-1/2": "show" };
  return tasks.map(({ taskId }) => labels[taskId as keyof typeof labels] ?? "far").join(" ");
}

describe("a list of tasks", () => {
  const filters: readonly (readonly [string, object, string])[] = [
    ["nothing", {}, "load sum show far"],
    ["a user", { filter: { user: "bob" } }, "far"],
    ["a part of a name", { filter: { name: "oa" } }, "load far"],
    ["a part of an id", { filter: { id: "graph-1/2" } }, "show"],
    ["a worker", { filter: { workerId: "w1" } }, "sum"],
    ["a worker where nothing runs", { filter: { workerId: "w2" } }, ""],
    ["a worker that is not there", { filter: { workerId: "w7" } }, ""],
    ["a name and a user", { filter: { name: "load", user: "ann" } }, "load"],
    ["states", { states: ["PENDING", "RUNNING"] }, "sum show far"],
    ["what has not ended", { unfinished: true }, "sum show far"],
    ["a job", { jobId: "/bob/graph-2" }, "far"],
  ];
  for (const [what, request, expected] of filters) {
    test(`by ${what}`, () => {
      assert.equal(listed(fourTasks(), request), expected);
    });
  }

  const orders: readonly (readonly [string, string])[] = [
    ["submittedAt", "load sum show far"],
    ["name", "load far show sum"],
    ["state", "show far sum load"],
    ["failureCount", "load show far sum"],
    ["valueBytes", "sum show far load"],
    ["startedAt", "sum load show far"],
  ];
  for (const [orderBy, expected] of orders) {
    test(`in the order of ${orderBy}`, () => {
      assert.equal(listed(fourTasks(), { orderBy }), expected);
    });
  }
});

test("tasks are in the order of all that they were charged, failures and losses", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker({ slots: 3 });
  const twice = { spec: { maxRetriesFailure: 2, maxRetriesPreemption: 3 } };
  client.submits({ once: twice, both: twice, never: { on: ["both"] } });
  worker.starts("once", "both");
  worker.fails("once");
  worker.fails("both");
  worker.starts("both");
  worker.exits();
  const { tasks } = harness.call("ListTasks", { orderBy: "failureCount desc" }) as {
    tasks: { index: number }[];
  };
  assert.deepEqual(
    tasks.map(({ index }) => index),
    [1, 0, 2],
  );
});
