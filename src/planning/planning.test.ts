import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "../model/errors.ts";
import { noResources } from "../model/resources.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";
import { reportOn } from "./plan-report.ts";
import { rankTasks } from "./rank-tasks.ts";
import { readClusterFile, readWorkload } from "./read-files.ts";
import { runPlan } from "./run-plan.ts";
import { changeCluster } from "./what-if.ts";
import type { PlannedCluster, Workload } from "./workload.ts";

function aCluster(count: number, cpus: number): PlannedCluster {
  const capacity = { ...noResources, cpuMilli: cpus * 1_000 };
  const machine = { name: "m", count, attributes: {}, commandSlots: 100, capacity };
  return { name: "cluster", machines: [machine] };
}

/** Rows of `submit_s, run_s, limit_s, cpu`. */
function aWorkload(...rows: readonly (readonly [number, number, number, number])[]): Workload {
  const lines = rows.map((row) => row.join(","));
  return readWorkload("w.csv", ["submit_s,run_s,limit_s,cpu", ...lines].join("\n"), undefined);
}

function startsOf(workload: Workload, cluster: PlannedCluster, policy: QueuePolicy): number[] {
  return runPlan(workload, cluster, { policy }).outcomes.map(({ startedAt }) => startedAt / 1e6);
}

test("fifo keeps the turn of the first that does not fit; who is over in time goes ahead", () => {
  const workload = aWorkload(
    [0, 100, 100, 6],
    [1, 50, 50, 10], // The turn: at 100, when the first is over.
    [2, 90, 90, 4], // Over by 92: goes ahead.
    [3, 20, 20, 4], // No room until 92, and then it would not be over by 100.
  );
  assert.deepEqual(startsOf(workload, aCluster(1, 10), "fifo"), [0, 100, 2, 150]);
});

test("what outlasts the turn may run beside it if it leaves enough", () => {
  const workload = aWorkload(
    [0, 100, 100, 6],
    [1, 50, 50, 7], // At 100 there are 10: three remain beside it.
    [2, 500, 500, 3],
    [3, 500, 500, 1],
  );
  assert.deepEqual(startsOf(workload, aCluster(1, 10), "fifo"), [0, 100, 2, 100 + 50]);
});

test("without a time limit nothing goes ahead of a turn", () => {
  const workload = aWorkload([0, 100, 100, 6], [1, 50, 50, 10], [2, 1, 0, 1]);
  assert.deepEqual(startsOf(workload, aCluster(1, 10), "fifo"), [0, 100, 150]);
});

test("under fair a wide task waits while small ones stream past; a turn ends that", () => {
  const small = Array.from({ length: 40 }, (_unused, i) => [i * 10, 20, 20, 2] as const);
  const workload = aWorkload([0, 15, 15, 1], [1, 100, 100, 4], ...small);
  const cluster = aCluster(1, 4);
  const isWide = workload.tasks.findIndex(({ resources }) => resources.cpuMilli === 4_000);
  assert.ok(startsOf(workload, cluster, "fair")[isWide] > 300);
  assert.ok(startsOf(workload, cluster, "fifo")[isWide] <= 30);
  assert.ok(startsOf(workload, cluster, "slowdown")[isWide] <= 300);
});

test("the turn lies on the worker where its task can certainly start first", () => {
  const workload = aWorkload([0, 200, 200, 4], [0, 100, 100, 4], [1, 10, 10, 4], [2, 90, 90, 1]);
  assert.deepEqual(startsOf(workload, aCluster(2, 4), "fifo"), [0, 0, 100, 110]);
});

test("a task past its limit is stopped there", () => {
  const workload = aWorkload([0, 100, 30, 1], [0, 10, 20, 1]);
  const { outcomes, makespanUs } = runPlan(workload, aCluster(1, 1), { policy: "fair" });
  assert.deepEqual(
    outcomes.map(({ endedAt }) => endedAt / 1e6),
    [30, 40],
  );
  assert.equal(makespanUs, 40e6);
});

test("what fits no machine is left, and the rest runs", () => {
  const run = runPlan(aWorkload([0, 10, 0, 8], [0, 10, 0, 1]), aCluster(1, 4), { policy: "fair" });
  assert.deepEqual(run.unplaced, [0]);
  assert.equal(run.makespanUs, 10e6);
});

test("a graph runs in the order of its edges, and by its critical path if that is asked", () => {
  const rows = [
    ["short", 1, 1, 0, []],
    ["other", 1, 1, 0, []],
    ["first of a chain", 1, 1, 0, []],
    ["rest of it", 10, 1, 0, [2]],
  ];
  const workload = readWorkload("g.json", JSON.stringify({ tasks: rows }), undefined);
  const makespan = (one: Workload) =>
    runPlan(one, aCluster(1, 1), { policy: "fair" }).outcomes[2].startedAt;
  assert.equal(makespan(rankTasks(workload, "critical-path")), 0);
  assert.ok(makespan(rankTasks(workload, "none")) > 0);
});

test("the report counts use, waits and slowdowns", () => {
  const workload = aWorkload([0, 100, 0, 1], [0, 100, 0, 1]);
  const cluster = aCluster(1, 1);
  const report = reportOn(workload, cluster, runPlan(workload, cluster, { policy: "fair" }));
  assert.equal(report.makespanS, 200);
  assert.equal(report.utilisation.cpu, 1);
  assert.deepEqual(report.waitS, { mean: 50, median: 0, p95: 0, max: 100 });
  assert.equal(report.boundedSlowdown.max, 2);
  assert.equal(report.fragmentation, 0);
});

test("what a file has wrong is named with its line and field", () => {
  const wrong = (file: string, text: string, message: RegExp) =>
    assert.throws(
      () => readWorkload(file, text, undefined),
      (error) => error instanceof CapstanError && message.test(error.message),
    );
  wrong("w.csv", "run_s,cpu\n1,2\nx,2", /w\.csv:3: run_s: expected a number/);
  wrong("log.swf", "; a log\n1 2 3", /log\.swf:2: 3 fields/);
  wrong("log.swf", "1 0 0 1 x 0 0 1 1 0 1 1", /log\.swf:1: field 5: "x"/);
  wrong("g.json", '{"tasks":[["a",1,1,0,[1]],["b",1,1,0,[0]]]}', /depends on itself/);
  wrong("g.json", '{"one":{"tasks":[]}}', /name one with --graph; it has one/);
  wrong("p.json", '{"tasks":[{"runS":1,"after":["b"]}]}', /tasks\[0\]\.after/);
  wrong("?", "what", /no known workload/);
  assert.throws(() => readClusterFile("c.json", '{"machines":[]}'), /at least one/);
});

test("another cluster adds machines like those that are there, or takes some away", () => {
  const text = JSON.stringify({
    machines: [
      { name: "gpu", count: 2, resources: { device: { kind: "gpu", variant: "H100", count: 8 } } },
      { name: "plain", count: 3, resources: { cpu: 8 } },
    ],
  });
  const cluster = readClusterFile("c.json", text);
  const more = changeCluster(cluster, "+10xH100");
  assert.equal(more.machines.at(-1)?.count, 10);
  assert.deepEqual(more.machines.at(-1)?.capacity, cluster.machines[0].capacity);
  assert.equal(changeCluster(cluster, "-2xplain").machines[1].count, 1);
  assert.throws(() => changeCluster(cluster, "+1xv100"), /no machine is called v100/);
  assert.throws(() => changeCluster(cluster, "-4xplain"), /more than there are/);
  assert.throws(() => changeCluster(cluster, "10"), /expected \+COUNTxMACHINE/);
});
