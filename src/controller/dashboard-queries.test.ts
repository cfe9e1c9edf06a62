/**
 * The queries that show the whole at a glance: the overview, the queue, the graph, what ran where.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { aSpec, type Drafts, type TaskDraft } from "../../test/support/fake-client.ts";
import { finished, handedBack } from "../../test/support/fake-worker.ts";
import { aSlice } from "../../test/support/job-builders.ts";
import type { Principal } from "../model/job.ts";
import { noResources } from "../model/resources.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import type { GraphRequest, GraphView } from "./graph-view.ts";
import { pruneJobs } from "./jobs.ts";
import { overviewQueuesMax, trafficMax, trafficShownMax } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { Overview } from "./overview.ts";
import { answerCall } from "./queries.ts";
import type { QueueView } from "./queue-view.ts";
import type { TaskGrid, TaskGridRequest } from "./task-grid.ts";
import type { StreamRequest, taskStream } from "./task-stream.ts";

type Stream = ReturnType<typeof taskStream>;

const bob: Principal = { user: "bob", role: "user", jobId: "" };

function named(name: string, ...on: readonly string[]) {
  return { on, spec: aSpec({ name }) };
}

/** `load` twice, `sum` over both, `show` of the sum. */
const diamond: Drafts = {
  l1: named("load"),
  l2: named("load"),
  s: named("sum", "l1", "l2"),
  v: named("show", "s"),
};

describe("the overview", () => {
  const seen = (harness: ControllerHarness) => harness.call("GetOverview") as Overview;

  test("counts tasks, jobs, workers, what waits and what is used", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 1 });
    harness.aClient().submits(diamond);
    worker.starts("l1");
    const { taskStateCounts, jobStateCounts, workerStateCounts, queued } = seen(harness);
    assert.deepEqual([taskStateCounts.RUNNING, taskStateCounts.PENDING], [1, 2]);
    assert.deepEqual([jobStateCounts, workerStateCounts], [{ RUNNING: 1 }, { HEALTHY: 1 }]);
    assert.deepEqual(queued, { tasks: 0, queues: 0, waiting: 2 });
    assert.deepEqual(seen(harness).running, { attempts: 1, prefetched: 1 });
    const slots = seen(harness).resources.find(({ name }) => name === "slots");
    assert.deepEqual(slots, { name: "slots", unit: "COUNT", total: 1, committed: 1, held: 0 });
  });

  test("says what there is of each resource and what is used, in its unit, and of no other", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 2, commandSlots: 3, capacity: { diskBytes: 4_096 } });
    harness.launch("a", { resources: { memoryBytes: 2 ** 20 } });
    const resources = seen(harness).resources.map(({ name, unit, total, committed }) => {
      return `${name} ${committed} of ${total} ${unit}`;
    });
    assert.deepEqual(resources, [
      "cpu 1000 of 2000 MILLI",
      "memory 1048576 of 1073741824 BYTES",
      "disk 0 of 4096 BYTES",
      "slots 0 of 2 COUNT",
      "command slots 1 of 3 COUNT",
    ]);
  });

  test("does not count jobs that are forgotten", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a");
    worker.finishes("a/0");
    assert.deepEqual(seen(harness).jobStateCounts, { SUCCEEDED: 1 });
    const bounds = { endedBefore: harness.at, jobsMax: 0, tasksMax: 0 };
    pruneJobs(harness.state, new Outbox(), bounds);
    assert.deepEqual(seen(harness).jobStateCounts, {});
  });

  test("has no problem where nothing is wrong", () => {
    const harness = new ControllerHarness();
    harness.aWorker().starts();
    harness.aClient().submits(diamond);
    assert.deepEqual(seen(harness).problems, []);
  });

  test("names what is wrong, worst first, one of each kind with a count", () => {
    const harness = new ControllerHarness();
    const [first, second] = [harness.aWorker(), harness.aWorker()];
    harness.launch("bad");
    [first, second].find(({ attempts }) => attempts.size > 0)?.fails("bad/0");
    harness.launch("huge", { resources: { cpuMilli: 9_000_000 } });
    for (const worker of [first, second]) worker.disconnects();
    const codes = () => seen(harness).problems.map(({ code, count }) => `${code} ${count}`);
    assert.deepEqual(codes(), ["NO_WORKERS 1", "WORKER_SUSPECT 2", "JOB_FAILED 1"]);
    first.connects();
    assert.deepEqual(codes(), ["UNPLACEABLE 1", "WORKER_SUSPECT 1", "JOB_FAILED 1"]);
    const [unplaceable] = seen(harness).problems;
    assert.deepEqual(unplaceable.subject, { kind: "TASK", id: "/ann/huge/0" });
  });

  test("forgets what failed long ago", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("bad");
    worker.fails("bad/0");
    harness.state.at += 3_600_000_000;
    const codes = () => seen(harness).problems.map(({ code }) => code);
    assert.deepEqual(codes(), ["JOB_FAILED"]);
    harness.state.at += 1;
    assert.deepEqual(codes(), []);
  });

  test("tells of the latest job that failed, wherever it stands, and counts all", () => {
    const harness = new ControllerHarness({ checks: false });
    const worker = harness.aWorker();
    const fails = (name: string) => {
      harness.launch(name);
      worker.fails(`${name}/0`);
    };
    for (const name of ["first", "second"]) fails(name);
    const bounds = { endedBefore: 0, jobsMax: 1, tasksMax: 9 };
    pruneJobs(harness.state, new Outbox(), bounds);
    fails("third");
    assert.deepEqual(
      harness.state.jobs.map(({ id }) => id),
      ["/ann/third", "/ann/second"],
    );
    const [{ subject, count }] = seen(harness).problems;
    assert.deepEqual([subject.id, count], ["/ann/third", 2]);
  });

  test("looks at a bounded number of queues for what nobody could run", () => {
    const harness = new ControllerHarness({ checks: false });
    harness.aWorker();
    const huge = (i: number) => ({ spec: { resources: { ...noResources, cpuMilli: 5_000 + i } } });
    const drafts = Array.from({ length: overviewQueuesMax + 1 }, (_, i) => [`t${i}`, huge(i)]);
    harness.aClient().submits(Object.fromEntries(drafts));
    const [{ code, count }] = seen(harness).problems;
    assert.deepEqual([code, count], ["UNPLACEABLE", overviewQueuesMax]);
  });

  test("tells of a worker that the controller which took over has not heard yet", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.at += 7_200_000_000;
    harness.restarts();
    const [{ code, message }] = seen(harness).problems;
    assert.deepEqual([code, message], ["WORKER_SUSPECT", "w1 is suspect: not connected"]);
  });

  test("has no problem with a worker that left on purpose", () => {
    const harness = new ControllerHarness();
    harness.aWorker().leaves();
    assert.deepEqual(seen(harness).workerStateCounts, { LOST: 1 });
    assert.deepEqual(seen(harness).problems, []);
  });

  test("forgets what was lost long ago", () => {
    const harness = new ControllerHarness();
    harness.aWorker().exits();
    harness.state.at = harness.state.workers[0].lastHeardAt + 3_600_000_000;
    const codes = () => seen(harness).problems.map(({ code }) => code);
    assert.deepEqual(codes(), ["WORKER_LOST"]);
    harness.state.at += 1;
    assert.deepEqual(codes(), []);
  });
});

describe("the queue", () => {
  test("says of each request who waits since when, why, who holds it and what would help", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 1 });
    harness.launch("first", { resources: { cpuMilli: 1_000 } });
    harness.launch("huge", { user: "bob", replicas: 3, resources: { cpuMilli: 9_000_000 } });
    const { queues, totalCount, queuedTasks } = harness.call("GetQueue") as QueueView;
    assert.deepEqual([totalCount, queuedTasks], [1, 3]);
    const [{ user, queued, headTaskId, canEverRun, reasons, change, oldestSince }] = queues;
    assert.deepEqual([user, queued, headTaskId, canEverRun], ["bob", 3, "/bob/huge/0", false]);
    assert.equal(reasons[0].code, "INSUFFICIENT");
    assert.match(change?.message ?? "", /cpu/i);
    assert.match(oldestSince ?? "", /^1970-01-01T00:/);
  });

  test("says which of them are gangs, and as what they compete", () => {
    const harness = new ControllerHarness();
    harness.limits("ann", { budget: 1 });
    aSlice(harness, "a", { hosts: 2 });
    harness.launch("runs", { replicas: 2 });
    harness.launch("one");
    harness.launch("two", { groupBy: "slice", replicas: 2, band: "production" });
    const { queues } = harness.call("GetQueue") as QueueView;
    assert.deepEqual(
      queues.map(({ jobId, isGang, band, effectiveBand }) => [jobId, isGang, band, effectiveBand]),
      [
        ["/ann/two", true, "PRODUCTION", "PRODUCTION"],
        ["/ann/one", false, "INTERACTIVE", "BATCH"],
      ],
    );
  });

  test("does not tell a user what the work of others is called", () => {
    const harness = new ControllerHarness();
    harness.launch("a", { user: "ann" });
    harness.launch("b", { user: "bob" });
    const answer = answerCall(harness.state, "GetQueue", {}, bob) as QueueView;
    const names = answer.queues.map(({ user, name }) => `${user}:${name}`);
    assert.deepEqual(names.sort(), ["ann:", "bob:b"]);
  });
});

describe("the grid of tasks", () => {
  const grid = (harness: ControllerHarness, request: TaskGridRequest) =>
    harness.call("GetTaskGrid", request) as TaskGrid;

  test("has a character for the state of each task, by index", () => {
    const harness = new ControllerHarness();
    harness.launch("a", { replicas: 3 });
    const { rows, taskCount, indexEnd, jobId } = grid(harness, { jobId: "a" });
    assert.deepEqual([taskCount, indexEnd, rows], [3, 3, ["000"]]);
    harness.aWorker({ slots: 1 });
    assert.match(grid(harness, { jobId }).rows[0], /^[123]00$/);
  });

  test("has rows of 500 cells, from the index that was asked for", () => {
    const harness = new ControllerHarness();
    harness.launch("a", { replicas: 1_203 });
    const lengths = (request: object) =>
      grid(harness, { jobId: "a", ...request }).rows.map(({ length }) => length);
    assert.deepEqual(lengths({}), [500, 500, 203]);
    assert.deepEqual(lengths({ fromIndex: 1_200 }), [3]);
    assert.deepEqual(lengths({ fromIndex: 100, cellsMax: 501 }), [500, 1]);
    assert.deepEqual(lengths({ fromIndex: 5_000 }), []);
    const { indexBegin, fromIndex } = grid(harness, { jobId: "a" });
    assert.deepEqual([indexBegin, fromIndex], [0, 0]);
  });

  test("of a session without tasks is empty, and begins at its first", () => {
    const harness = new ControllerHarness();
    harness.aClient();
    const { rows, taskCount, indexBegin, indexEnd, fromIndex } = grid(harness, {
      jobId: "/ann/graph-1",
    });
    assert.deepEqual([rows, taskCount, indexBegin, indexEnd, fromIndex], [[], 0, 0, 0, 0]);
  });

  test("needs a job that there is", () => {
    const harness = new ControllerHarness();
    assert.throws(() => grid(harness, {}), { code: "INVALID_ARGUMENT" });
    assert.throws(() => grid(harness, { jobId: "none" }), { code: "NOT_FOUND" });
  });
});

describe("the graph", () => {
  const graph = (harness: ControllerHarness, request: GraphRequest) =>
    harness.call("GetGraph", request) as GraphView;

  test("has a node for each name and an edge with the number of inputs", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 1 });
    harness.aClient().submits(diamond);
    const { nodes, edges, kind, taskCount, omitted } = graph(harness, { jobId: "/ann/graph-1" });
    assert.deepEqual([kind, taskCount], ["GROUPS", 4]);
    assert.deepEqual(
      nodes.map(({ name, taskCount: count }) => `${name} ${count}`),
      ["load 2", "sum 1", "show 1"],
    );
    assert.deepEqual(
      edges.map(({ edgeId, count }) => `${edgeId} ${count}`),
      ["load → sum 2", "sum → show 1"],
    );
    assert.deepEqual(omitted, { nodes: 0, edges: 0, tasks: 0 });
  });

  test("keeps the largest groups and counts what it left out", () => {
    const harness = new ControllerHarness();
    harness.aClient().submits(diamond);
    const { nodes, edges, omitted } = graph(harness, { jobId: "/ann/graph-1", nodesMax: 1 });
    assert.deepEqual(
      nodes.map(({ name }) => name),
      ["load"],
    );
    assert.deepEqual([edges, omitted], [[], { nodes: 2, edges: 2, tasks: 2 }]);
  });

  test("keeps the largest groups wherever they stand, and of equals the first", () => {
    const harness = new ControllerHarness();
    const many = [..."abbcccdde"].map((name, i) => [`${name}${i}`, named(name)] as const);
    harness.aClient().submits(Object.fromEntries(many));
    const shown = (nodesMax: number) =>
      graph(harness, { jobId: "/ann/graph-1", nodesMax })
        .nodes.map(({ name }) => name)
        .join("");
    assert.deepEqual([1, 2, 3, 4, 9].map(shown), ["c", "bc", "bcd", "abcd", "abcde"]);
  });

  test("keeps the edges with the most inputs, four for each node", () => {
    const harness = new ControllerHarness();
    const drafts: { [label: string]: TaskDraft } = { x: named("x"), y: named("y") };
    for (const [i, name] of [..."abcdefghij"].entries()) {
      drafts[name] = named(i < 5 ? "m" : "n", ...(i < 5 ? ["x"] : ["x", "y"]));
    }
    harness.aClient().submits(drafts);
    const { edges } = graph(harness, { jobId: "/ann/graph-1" });
    assert.deepEqual(
      edges.map(({ edgeId, from, to, count }) => [edgeId, from, to, count]),
      [
        ["x → m", "x", "m", 5],
        ["x → n", "x", "n", 5],
        ["y → n", "y", "n", 5],
      ],
    );
    assert.equal(graph(harness, { jobId: "/ann/graph-1", nodesMax: 4 }).edges.length, 3);
    const around = graph(harness, { around: "/ann/graph-1/0", depth: 1, nodesMax: 1 });
    assert.deepEqual([around.edges.length, around.omitted.edges], [0, 0]);
  });

  test("counts the edges that are more than four for each node", () => {
    const harness = new ControllerHarness();
    const names = [..."abcdef"];
    const first = names.map((name) => [`${name}1`, named(name)] as const);
    const on = names.map((name) => `${name}1`);
    const second = names.map((name) => [`${name}2`, named(name, ...on)] as const);
    harness.aClient().submits(Object.fromEntries([...first, ...second]));
    const groups = graph(harness, { jobId: "/ann/graph-1", nodesMax: 6 });
    assert.deepEqual(
      [groups.edges.length, groups.omitted],
      [24, { nodes: 0, edges: 12, tasks: 0 }],
    );
    const around = graph(harness, { around: "/ann/graph-1/0", depth: 2, nodesMax: 12 });
    assert.deepEqual([around.edges.length, around.omitted.edges], [36, 0]);
  });

  test("shows what stands around a task, both ways, so far and no farther", () => {
    const harness = new ControllerHarness();
    harness.aClient().submits(diamond);
    const around = "/ann/graph-1/2";
    const near = graph(harness, { around, depth: 1 });
    assert.deepEqual(near.nodes.map(({ taskId }) => taskId?.at(-1)).sort(), ["0", "1", "2", "3"]);
    assert.equal(near.edges.length, 3);
    const few = graph(harness, { around, depth: 1, nodesMax: 2 });
    assert.deepEqual([few.nodes.length, few.omitted.nodes], [2, 2]);
    const end = graph(harness, { around: "/ann/graph-1/3", depth: 1 });
    assert.deepEqual(end.nodes.map(({ name }) => name).sort(), ["show", "sum"]);
  });

  test("wants a job or a task, and shows a user only what is theirs", () => {
    const harness = new ControllerHarness();
    harness.aClient().submits(diamond);
    assert.throws(() => graph(harness, {}), { code: "INVALID_ARGUMENT" });
    assert.throws(() => graph(harness, { jobId: "/ann/none" }), { code: "NOT_FOUND" });
    for (const request of [{ jobId: "/ann/graph-1" }, { around: "/ann/graph-1/1" }]) {
      const ask = () => answerCall(harness.state, "GetGraph", request, bob);
      assert.throws(ask, { code: "FORBIDDEN" });
    }
  });
});

describe("the stream of runs", () => {
  const stream = (harness: ControllerHarness, request: StreamRequest = {}) =>
    harness.call("GetTaskStream", request) as Stream;

  /** Runs `count` tasks one after the other, each a second long. */
  function ran(count: number): ControllerHarness {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 1 });
    for (let i = 0; i < count; i++) {
      harness.launch(`j${i}`);
      worker.starts(`j${i}/0`);
      harness.after(1_000);
      worker.finishes(`j${i}/0`);
    }
    return harness;
  }

  test("has each run with its lane, its times and its end, and those that run", () => {
    const harness = ran(1);
    harness.launch("now");
    harness.workers[0].starts("now/0");
    const { runs, workers, bucketMs } = stream(harness);
    assert.deepEqual(
      runs.map(({ taskId, lane, cause, count, failed }) => ({
        taskId,
        lane,
        cause,
        count,
        failed,
      })),
      [
        { taskId: "/ann/j0/0", lane: 0, cause: "finished", count: 1, failed: 0 },
        { taskId: "/ann/now/0", lane: 0, cause: null, count: 1, failed: 0 },
      ],
    );
    assert.deepEqual([Math.floor(runs[0].busyMs), runs[1].endMs, bucketMs], [1_000, null, 0]);
    assert.deepEqual(workers, [{ workerId: "w1", lanes: 1, slots: 257 }]);
  });

  test("has what ended before anybody said that it ran, and nothing that never ran", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.aClient().submits({ quick: {}, back: {} });
    worker.reports(finished("quick", { durationUs: 1_000 }), handedBack("back"));
    worker.fails("back");
    const { runs } = stream(harness);
    assert.deepEqual(
      runs.map(({ taskId, cause, busyMs }) => [taskId, cause, busyMs]),
      [["/ann/graph-1/0", "finished", 1]],
    );
  });

  test("has as many lanes for programs as may run at once, of both kinds of slots", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 1, commandSlots: 2, capacity: { cpuMilli: 9_000 } });
    harness.launch("a", { replicas: 2 });
    worker.starts("a/0", "a/1");
    harness.after(1_000);
    worker.finishes("a/0", "a/1");
    assert.deepEqual(
      stream(harness).runs.map(({ lane }) => lane),
      [0, 1],
    );
  });

  test("tells several together where there are too many, and loses none", () => {
    const harness = ran(40);
    const { runs, bucketMs } = stream(harness, { last: 60_000, runsMax: 16 });
    assert.ok(runs.length <= 16 && bucketMs > 1_000);
    assert.equal(
      runs.reduce((sum, { count }) => sum + count, 0),
      40,
    );
    assert.equal(Math.floor(runs.reduce((sum, { busyMs }) => sum + busyMs, 0)), 40_000);
    const again = stream(harness, { last: 59_000, runsMax: 16 });
    const ids = new Set(runs.map(({ runId }) => runId));
    assert.ok(
      again.runs.slice(1).every(({ runId }) => ids.has(runId)),
      "steps do not move",
    );
  });

  test("shows the window that is asked for, and of the workers asked for", () => {
    const harness = ran(3);
    const toAt = harness.state.at - 1_500_000;
    const { runs } = stream(harness, { fromAt: toAt - 500_000, toAt });
    assert.deepEqual(
      runs.map(({ taskId }) => taskId),
      ["/ann/j1/0"],
    );
    assert.throws(() => stream(harness, { fromAt: toAt, toAt }), { code: "INVALID_ARGUMENT" });
    const other = stream(harness, { workerIds: ["w9"] });
    assert.deepEqual([other.runs, other.workers, other.omitted], [[], [], 3]);
  });

  /** A worker that ran for these times, each with a lane, as milliseconds from 1,000 s on. */
  function ranAt(...times: readonly (readonly [startMs: number, endMs: number])[]) {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 8 });
    const us = (ms: number) => 1_000_000_000 + ms * 1_000;
    for (const [i, [startMs, endMs]] of times.entries()) {
      harness.state.runs.add({
        ...{ attempt: i + 1, worker: 0, jobId: "/ann/j", index: i, name: `n${i}`, slots: 8 },
        ...{ assignedAt: us(startMs), startedAt: us(startMs), endedAt: us(endMs), cause: 0 },
      });
    }
    const within = (fromMs: number, toMs: number, more: StreamRequest = {}) =>
      stream(harness, { fromAt: us(fromMs), toAt: us(toMs), ...more });
    return { harness, within };
  }

  test("has the workers that are there in the order of their ids", () => {
    const harness = new ControllerHarness();
    for (let i = 0; i < 11; i++) harness.aWorker();
    harness.workers[4].exits();
    const ids = stream(harness).workers.map(({ workerId }) => workerId);
    assert.equal(ids.join(" "), "w1 w10 w11 w2 w3 w4 w6 w7 w8 w9");
  });

  test("has what touches the window, at either end", () => {
    const { within } = ranAt([0, 10], [20, 30]);
    const seen = (from: number, to: number) => within(from, to).runs.map(({ name }) => name);
    assert.deepEqual(seen(10, 19), ["n0"]);
    assert.deepEqual(seen(11, 20), ["n1"]);
    assert.deepEqual(seen(11, 19.999), []);
    assert.deepEqual(seen(0, 30), ["n0", "n1"]);
  });

  test("tells together by steps of 1, 2 or 5, what is as long as a step by itself", () => {
    const { within } = ranAt([0, 4], [10, 14], [21, 26], [30, 50], [52, 53], [58, 62], [60, 61]);
    const { runs, bucketMs, workers } = within(0, 200, { runsMax: 6 });
    assert.deepEqual(workers, [{ workerId: "w1", lanes: 2, slots: 264 }]);
    assert.equal(bucketMs, 200);
    assert.deepEqual(
      runs.map(({ runId, lane, count, name }) => [runId, lane, count, name]),
      [
        ["w1/0@1000000", 0, 6, "n3"],
        ["0.7", 1, 1, "n6"],
      ],
    );
    const finer = within(0, 200, { runsMax: 7 });
    assert.equal(finer.bucketMs, 0, "there are no more than may be shown");
    assert.equal(finer.runs.length, 7);
  });

  test("has the finest step with which there are few enough, and long runs by themselves", () => {
    const times = Array.from({ length: 60 }, (_, i) => [i * 10, i * 10 + 5] as const);
    const { within } = ranAt(...times, [700, 750], [760, 809.999]);
    const { runs, bucketMs } = within(0, 1_000, { runsMax: 48 });
    assert.equal(bucketMs, 50);
    assert.deepEqual(runs.at(-2), {
      ...{ runId: "0.61", workerId: "w1", lane: 0, name: "n60", taskId: "/ann/j/60", count: 1 },
      ...{ failed: 0, cause: "finished", assignedMs: 1_000_700, startMs: 1_000_700 },
      ...{ endMs: 1_000_750, busyMs: 50 },
    });
    assert.deepEqual(runs[0], {
      ...{ runId: "w1/0@1000000", workerId: "w1", lane: 0, name: "n0", taskId: null, count: 5 },
      ...{ failed: 0, cause: null, assignedMs: 1_000_000, startMs: 1_000_000 },
      ...{ endMs: 1_000_045, busyMs: 25 },
    });
  });

  test("does not tell a user what others run", () => {
    const harness = ran(1);
    const { runs } = answerCall(harness.state, "GetTaskStream", {}, bob) as Stream;
    assert.equal(runs[0].name, "");
  });

  /** Worker w1 tells that so many values came from it to itself, each 10 ms long. */
  function travelled(harness: ControllerHarness, task: number, count: number): void {
    const message = {
      type: "traffic" as const,
      kinds: new Uint8Array(count).fill(trafficKind.fetch),
      tasks: new Float64Array(count).fill(task),
      counts: new Uint32Array(count).fill(1),
      sizes: new Float64Array(count).fill(70_000),
      agos: new Float64Array(count).fill(5_000),
      durations: new Float64Array(count).fill(10_000),
      peers: new Uint32Array(count),
      omitted: 0,
    };
    harness.workerSays(harness.workers[0], message);
  }

  test("has how values travelled in the window, with what is remembered of them", () => {
    const harness = ran(1);
    const { state } = harness;
    travelled(harness, state.tasks.ref(0), 1);
    const { traffic, trafficOmitted } = stream(harness);
    const toldMs = state.at / 1000;
    assert.deepEqual(traffic, [
      {
        ...{ workerId: "w1", kind: "FETCH", taskId: "/ann/j0/0", count: 1, bytes: 70_000 },
        ...{ peerId: "w1", startMs: toldMs - 15, endMs: toldMs - 5 },
      },
    ]);
    assert.equal(trafficOmitted, 0);
    const before = { fromAt: state.at - 60_000_000, toAt: state.at - 20_000 };
    assert.deepEqual(stream(harness, before).traffic, []);
    const others = answerCall(state, "GetTaskStream", {}, bob) as Stream;
    assert.equal(others.traffic[0].taskId, null);
  });

  test("has how values went to the disk and back, from nobody, on the workers shown", () => {
    const harness = ran(1);
    harness.aWorker();
    const column = (...values: number[]) => Float64Array.from(values);
    harness.workerSays(harness.workers[0], {
      ...{ type: "traffic", kinds: Uint8Array.of(trafficKind.spill, trafficKind.load) },
      ...{ tasks: column(1, 99), counts: Uint32Array.of(3, 1), sizes: column(5, 6) },
      ...{ agos: column(0, 0), durations: column(1, 1), peers: Uint32Array.of(0, 0), omitted: 0 },
    });
    const { traffic, trafficOmitted } = stream(harness);
    assert.deepEqual(
      traffic.map(({ kind, peerId, taskId, count, bytes }) => [kind, peerId, taskId, count, bytes]),
      [
        ["LOAD", null, null, 1, 6],
        ["SPILL", null, null, 3, 5],
      ],
    );
    assert.equal(trafficOmitted, 0);
    const other = stream(harness, { workerIds: ["w2"] });
    assert.deepEqual([other.traffic, other.trafficOmitted], [[], 2]);
  });

  test("names no peer that there is not", () => {
    const harness = ran(1);
    const column = (value: number) => Float64Array.of(value);
    harness.workerSays(harness.workers[0], {
      ...{ type: "traffic", kinds: Uint8Array.of(trafficKind.fetch), tasks: column(1) },
      ...{ counts: Uint32Array.of(1), sizes: column(1), agos: column(0), durations: column(1) },
      ...{ peers: Uint32Array.of(9), omitted: 0 },
    });
    assert.equal(stream(harness).traffic[0].peerId, null);
  });

  test("remembers the latest ways of values, and shows a bounded number", () => {
    const harness = ran(1);
    for (let told = 0; told < trafficMax + 512; told += 256) travelled(harness, 1, 256);
    const { traffic, trafficOmitted } = stream(harness);
    assert.equal(traffic.length, trafficShownMax);
    assert.equal(traffic.length + trafficOmitted, trafficMax);
  });
});
