/**
 * The API's read methods: what they accept, what they refuse, and the shapes that they answer in.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { finished, have } from "../../test/support/fake-worker.ts";
import { clause } from "../../test/support/job-builders.ts";
import { CapstanError } from "../model/errors.ts";
import { stage } from "./tables/task-table.ts";
import { tellEvent } from "./tell-event.ts";

type Answer = { readonly [field: string]: unknown };

function refusal(harness: ControllerHarness, method: string, request: unknown): string {
  try {
    harness.call(method, request);
  } catch (error) {
    assert.ok(error instanceof CapstanError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "";
}

function aCluster() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  client.submits({ a: { key: "first" }, b: { on: ["a"] }, c: {} });
  return { harness, client, worker };
}

describe("a request is refused, with what is wrong,", () => {
  const cases: { readonly [name: string]: readonly [string, unknown, RegExp] } = {
    "when the method is not known": ["Explode", {}, /^NOT_FOUND: no method Explode; known: List/],
    "when the method is a name that every object has": ["constructor", {}, /^NOT_FOUND/],
    "when it is no object": ["ListTasks", [], /^INVALID_ARGUMENT: ListTasks: the request must be/],
    "when it is text": ["ListTasks", "x", /^INVALID_ARGUMENT/],
    "when a field is not known": [
      "ListTasks",
      { jobID: "" },
      /^INVALID_ARGUMENT: ListTasks: unknown field jobID; known: jobId, states/,
    ],
    "when a method without fields is given one": ["GetDoctorReport", { x: 1 }, /it takes none/],
    "when a page is too large": ["ListTasks", { pageSize: 1_001 }, /pageSize: .* from 1 to 1000/],
    "when a page is no number": ["ListTasks", { pageSize: "5" }, /^INVALID_ARGUMENT: pageSize/],
    "when a token is made up": ["ListTasks", { pageToken: "x" }, /^INVALID_ARGUMENT: pageToken/],
    "when a state does not exist": ["ListTasks", { states: ["DONE"] }, /"DONE" is no task state/],
    "when states are no list": ["ListTasks", { states: "FAILED" }, /states: expected an array/],
    "when a flag is no flag": ["ListTasks", { unfinished: 1 }, /expected true or false/],
    "when a job does not exist": ["ListTasks", { jobId: "/x/y" }, /^NOT_FOUND: no job "\/x\/y"/],
    "when a task does not exist": ["GetTaskStatus", { taskId: "/x/y/1" }, /^NOT_FOUND: no task/],
    "when an id is empty": ["Explain", { id: "" }, /^INVALID_ARGUMENT: id: expected a non-empty/],
    "when an id is missing": ["GetStory", {}, /^INVALID_ARGUMENT: id/],
    "when a worker does not exist": ["GetWorkerStatus", { workerId: "w9" }, /^NOT_FOUND: no w/],
    "when an event number is negative": ["ListEvents", { after: -1 }, /^INVALID_ARGUMENT: after/],
  };
  for (const [name, [method, request, expected]] of Object.entries(cases)) {
    test(name, () => {
      assert.match(refusal(aCluster().harness, method, request), expected);
    });
  }
});

describe("tasks are listed", () => {
  test("in order of submission, page by page, with the count of all", () => {
    const { harness } = aCluster();
    const indexes: unknown[] = [];
    let pageToken = "";
    do {
      const page = harness.call("ListTasks", { pageSize: 2, pageToken }) as Answer;
      assert.equal(page.totalCount, 3);
      for (const task of page.tasks as Answer[]) indexes.push(task.index);
      pageToken = String(page.nextPageToken);
    } while (pageToken !== "");
    assert.deepEqual(indexes, [0, 1, 2]);
  });

  test("by state, and by whether they have ended", () => {
    const { harness, worker } = aCluster();
    worker.finishes("a");
    const list = (request: Answer) =>
      ((harness.call("ListTasks", request) as Answer).tasks as Answer[]).map(({ index }) => index);
    assert.deepEqual(list({ states: ["SUCCEEDED"] }), [0]);
    assert.deepEqual(list({ unfinished: true }), [1, 2]);
    assert.deepEqual(list({ jobId: "/ann/graph-1", states: ["FAILED"] }), []);
  });

  test("with every field, also those that are empty", () => {
    const { harness } = aCluster();
    const { tasks } = harness.call("ListTasks") as { tasks: Answer[] };
    const fields = ["taskId", "jobId", "key", "index", "state", "workerId", "attempts", "inputs"];
    for (const task of tasks) {
      for (const field of [...fields, "pendingReason", "error"]) {
        assert.ok(Object.hasOwn(task, field) && task[field] !== undefined, field);
      }
    }
    assert.deepEqual(tasks[1].inputs, ["/ann/graph-1/0"]);
    assert.equal(tasks[1].pendingReason, "waits for 1 of 1 inputs");
  });
});

test("a task is found by its id, by its key and by the number that it has on a worker", () => {
  const { harness } = aCluster();
  for (const taskId of ["/ann/graph-1/0", "first", String(harness.state.tasks.ref(0))]) {
    const { task } = harness.call("GetTaskStatus", { taskId }) as { task: Answer };
    assert.deepEqual([task.taskId, task.key], ["/ann/graph-1/0", "first"]);
  }
});

test("a task that its client released is found until it is forgotten", () => {
  const { harness, client, worker } = aCluster();
  client.releases("a");
  assert.equal(refusal(harness, "GetTaskStatus", { taskId: "/ann/graph-1/0" }), "");
  worker.finishes("a");
  worker.finishes("b");
  client.releases("b");
  assert.match(refusal(harness, "GetTaskStatus", { taskId: "/ann/graph-1/0" }), /^NOT_FOUND/);
});

test("a worker is shown with what it has, what it gave away and what is left", () => {
  const { harness, worker } = aCluster();
  worker.starts("a");
  const { workers, controllerEpoch } = harness.call("ListWorkers") as {
    workers: { [field: string]: Answer }[];
    controllerEpoch: number;
  };
  const [view] = workers;
  assert.equal(controllerEpoch, 1);
  assert.deepEqual(
    [view.workerId, view.state, view.runningTaskIds],
    ["w1", "HEALTHY", ["/ann/graph-1/0"]],
  );
  const cpu = [view.total, view.committed, view.available].map((part) => part.cpuMilli);
  assert.deepEqual(cpu, [1000, 1000, 0]);
});

test("an attempt that stops is listed with its worker until it has ended", () => {
  const { harness, client, worker } = aCluster();
  worker.starts("a");
  client.cancels(["a"]);
  const view = () =>
    (harness.call("GetWorkerStatus", { workerId: "w1" }) as { worker: Answer }).worker;
  assert.deepEqual(view().stoppingAttemptIds, ["1.1"]);
  const { orphans, ok } = harness.call("GetDoctorReport") as Answer;
  assert.deepEqual(
    [orphans, ok],
    [[{ attemptId: "1.1", taskId: "/ann/graph-1/0", workerId: "w1" }], true],
  );
  worker.fails("a");
  assert.deepEqual(view().stoppingAttemptIds, []);
});

test("a job counts its tasks by state, also those that are forgotten", () => {
  const { harness, client, worker } = aCluster();
  worker.finishes("a");
  worker.finishes("b");
  client.releases("a", "b");
  const { job } = harness.call("GetJobStatus", { jobId: "/ann/graph-1" }) as { job: Answer };
  assert.deepEqual(job.taskStateCounts, { ASSIGNED: 1, SUCCEEDED: 2 });
  assert.equal(job.state, "RUNNING");
  worker.finishes("c");
  client.closes();
  const { jobs } = harness.call("ListJobs") as { jobs: Answer[] };
  assert.equal(jobs[0].state, "SUCCEEDED");
});

test("the doctor finds nothing wrong with what works, and counts what it checked", () => {
  const { harness } = aCluster();
  const report = harness.call("GetDoctorReport") as Answer;
  assert.deepEqual(
    [report.ok, report.violations, report.usageMismatches, report.stuck, report.watchdogFired],
    [true, [], [], [], 0],
  );
  assert.ok(Number(report.invariantsChecked) >= 16);
});

test("the doctor finds a charge that nobody owes", () => {
  const { harness } = aCluster();
  harness.state.workers[0].used[0] += 1;
  const report = harness.call("GetDoctorReport") as Answer;
  assert.equal(report.ok, false);
  assert.deepEqual(report.usageMismatches, [
    { workerId: "w1", dimension: "cpu", charged: 1001, recomputed: 1000, reported: null },
  ]);
});

test("the doctor names who runs which release, and a task that nothing will move", () => {
  const { harness, client } = aCluster();
  harness.aWorker({ attributes: { "capstan-version": "1.2" } });
  harness.aWorker({ attributes: { "capstan-version": "1.3" } }).exits();
  client.submits({ stuck: { spec: { constraints: [clause("zone", "=", "x")] } } });
  const task = harness.rowOf("stuck");
  const { shape } = harness.state.specs[harness.state.tasks.spec[task]] ?? { shape: -1 };
  harness.state.queuedShapes.delete(shape);
  harness.state.tasks.stage[task] = stage.none;
  const report = harness.call("GetDoctorReport") as Answer;
  assert.deepEqual(report.releases, [{ workerId: "w2", version: "1.2" }]);
  assert.equal(report.ok, false);
  const [stuck] = report.stuck as Answer[];
  assert.deepEqual([stuck.state, stuck.sinceMs], ["PENDING", 0]);
  assert.equal(stuck.id, "/ann/graph-1/3");
});

test("an event whose place in the journal is not known is told without one", () => {
  const { harness } = aCluster();
  harness.state.journaled = Number.NaN;
  tellEvent(harness.state, { type: "told", id: "x", message: "" });
  const { events } = harness.call("ListEvents", { filter: { type: "told" } }) as {
    events: Answer[];
  };
  assert.deepEqual(
    events.map(({ id, journalSequence }) => [id, journalSequence]),
    [["x", null]],
  );
});

describe("a story", () => {
  const storyOf = (harness: ControllerHarness, id: string) =>
    (harness.call("GetStory", { id }) as { events: Answer[] }).events;

  test("tells what happened to a task, in order, with attempts and workers", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { spec: { maxRetriesFailure: 1 } } });
    worker.starts("a");
    worker.fails("a");
    worker.finishes("a");
    assert.deepEqual(
      storyOf(harness, "/ann/graph-1/0").map(({ message }) => message),
      [
        "submitted",
        "assigned attempt 1.1 on w1",
        "started attempt 1.1 on w1",
        "ended attempt 1.1 on w1: failed",
        "requeued: charged as a failure",
        "assigned attempt 1.2 on w1",
        "ended attempt 1.2 on w1: finished",
        "succeeded on w1",
      ],
    );
  });

  test("tells where a value is after its holder was lost", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    client.submits({ a: {} });
    w1.reports(finished("a", { value: null }));
    w2.reports(have("a"));
    w1.exits();
    const { message } = storyOf(harness, "/ann/graph-1/0").at(-1) ?? {};
    assert.equal(message, "value-moved on w2");
  });

  test("shows attempts with their causes and times", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: { spec: { maxRetriesFailure: 0 } } });
    worker.starts("a");
    worker.fails("a");
    const { task } = harness.call("GetTaskStatus", { taskId: "/ann/graph-1/0" }) as {
      task: { attempts: Answer[] };
    };
    const [attempt] = task.attempts;
    assert.deepEqual(
      [attempt.attemptId, attempt.state, attempt.cause, attempt.stderrTail],
      ["1.1", "ENDED", "failed", "last words"],
    );
  });

  test("of the cluster tells of workers and sessions", () => {
    const harness = new ControllerHarness();
    harness.aClient();
    harness.aWorker().leaves();
    const { events } = harness.call("ListEvents") as { events: Answer[] };
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        "controller-started",
        "session-opened",
        "worker-registered",
        "worker-disconnected",
        "worker-lost",
      ],
    );
    const newer = harness.call("ListEvents", { after: events[3].sequence }) as { events: Answer[] };
    assert.deepEqual(newer.events.length, 1);
  });
});

test("a worker is shown in its state, with the reason for it", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 2 });
  const shown = () => {
    const { workers } = harness.call("ListWorkers") as { readonly workers: readonly Answer[] };
    return `${workers[0].state}: ${workers[0].stateReason}`;
  };
  const orders = (type: "drain-worker" | "cordon-worker", is: boolean) =>
    harness.asks(
      type === "drain-worker"
        ? { type, workerId: "w1", drain: is, deadlineMs: 0 }
        : { type, workerId: "w1", cordon: is },
    );
  assert.equal(shown(), "HEALTHY: ");
  orders("cordon-worker", true);
  assert.equal(shown(), "CORDONED: cordoned by an administrator");
  orders("cordon-worker", false);
  harness.launch("a");
  orders("drain-worker", true);
  assert.equal(shown(), "DRAINING: draining: 1 attempt has not ended");
  worker.finishes("a/0");
  assert.equal(shown(), "DRAINING: drained");
  worker.feels("the disk is full");
  assert.equal(shown(), "UNUSABLE: the disk is full");
  worker.disconnects();
  assert.equal(shown(), "SUSPECT: not connected");
  worker.connects();
  harness.after(4_000, { silent: true });
  assert.equal(shown(), "SUSPECT: not heard for some seconds");
  harness.after(7_000, { silent: true });
  assert.equal(shown(), "LOST: silent for 10 s");
});
