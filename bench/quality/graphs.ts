/**
 * Task graphs with their recorded run times: makespans beside the list schedules of others, which
 * know the run times too. Priorities come from them; the scheduler does the rest.
 *
 * @module
 */

import { noResources } from "../../src/model/resources.ts";
import { rankTasks } from "../../src/planning/rank-tasks.ts";
import { readEsteeGraph, readWorkflow } from "../../src/planning/read-graphs.ts";
import { runPlan } from "../../src/planning/run-plan.ts";
import type { PlannedCluster, Workload } from "../../src/planning/workload.ts";
import { hasData, readData } from "./data.ts";

/** A graph on a cluster: what was reached, and what there is to compare with, in seconds. */
export interface GraphRun {
  readonly graph: string;
  readonly cluster: string;
  readonly lowerBoundS: number;
  /** What must not be passed: 3 % above HEFT, or the better of b-level and FIFO. */
  readonly goalS: number;
  readonly makespanS: number;
}

function machines(count: number, cpus: number): PlannedCluster {
  const capacity = { ...noResources, cpuMilli: cpus * 1_000 };
  const one = { name: "w", count, attributes: {}, commandSlots: 1_000, capacity };
  return { name: `${count}x${cpus}`, machines: [one] };
}

/** Every instance of `wf_stats.csv` of which the file is there, on 8 and 64 CPUs. */
export function runWorkflows(): GraphRun[] {
  const runs: GraphRun[] = [];
  for (const row of statsOf("wfinstances/wf_stats.csv")) {
    const path = `wfinstances/${row.get("file")}`;
    if (!hasData(path)) continue;
    const workload = readWorkflow(row.get("file") ?? "", JSON.parse(readData(path)));
    for (const slots of [8, 64]) {
      const lowerBoundS = Number(row.get(`LB${slots}`));
      const goalS = Number(row.get(`HEFT${slots}`)) * 1.03;
      runs.push({ ...planned(workload, machines(1, slots)), lowerBoundS, goalS });
    }
  }
  return runs;
}

/** Every graph of `graphs_stats.csv` that is in `graphs.json`, on 8 and 32 workers of 4 CPUs. */
export function runEstee(): GraphRun[] {
  const graphs = JSON.parse(readData("estee/graphs.json.gz"));
  const runs: GraphRun[] = [];
  for (const row of statsOf("estee/graphs_stats.csv")) {
    const graph = row.get("graph") ?? "";
    if (graphs[graph] === undefined) continue;
    const workload = readEsteeGraph(graph, graphs[graph]);
    for (const count of [8, 32]) {
      const name = `${count}x4`;
      const lowerBoundS = Number(row.get(`LB_${name}`));
      const goalS = Math.min(Number(row.get(`blevel_${name}`)), Number(row.get(`fifo_${name}`)));
      runs.push({ ...planned(workload, machines(count, 4)), lowerBoundS, goalS });
    }
  }
  return runs;
}

function planned(workload: Workload, cluster: PlannedCluster) {
  const { makespanUs } = runPlan(rankTasks(workload, "critical-path"), cluster, { policy: "fair" });
  return { graph: workload.name, cluster: cluster.name, makespanS: makespanUs / 1e6 };
}

/** The columns have one digit after the point. */
export function isReached(makespanS: number, goalS: number): boolean {
  return makespanS <= goalS + 0.05;
}

function statsOf(path: string): Map<string, string>[] {
  const [header, ...lines] = readData(path).trim().split("\n");
  const names = header.split(",");
  return lines.map((line) => new Map(line.split(",").map((field, index) => [names[index], field])));
}
