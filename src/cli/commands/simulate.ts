/**
 * `capstan simulate`: a workload on a cluster, by the real scheduler on virtual time. For planning:
 * which policy, which machines.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { svgOf } from "../../planning/chart.ts";
import { type PlanReport, reportOn } from "../../planning/plan-report.ts";
import { type Ranking, rankings, rankTasks } from "../../planning/rank-tasks.ts";
import { readClusterFile, readWorkload } from "../../planning/read-files.ts";
import { runPlan } from "../../planning/run-plan.ts";
import { changeCluster } from "../../planning/what-if.ts";
import type { PlannedCluster, Workload } from "../../planning/workload.ts";
import { type QueuePolicy, queuePolicies } from "../../scheduler/queue-policy.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describePlan } from "../describe-plan.ts";
import { parseText } from "../global-flags.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { clearLine } from "../terminal-text.ts";

interface SimulateFlags {
  readonly workload?: string | undefined;
  readonly cluster: string;
  readonly policy: QueuePolicy;
  readonly rank: Ranking;
  readonly graph?: string | undefined;
  readonly whatIf?: readonly string[] | undefined;
  readonly plot?: string | undefined;
  readonly json: boolean;
}

/** One run, and how fast it went. */
export interface Simulated extends PlanReport {
  readonly policy: QueuePolicy;
  readonly steps: number;
  readonly placements: number;
  readonly decisionsPerSecond: number;
}

function simulate(terminal: Terminal, flags: SimulateFlags, named?: string): Promise<number> {
  const file = workloadFile(flags.workload, named);
  const workload = rankTasks(readWorkload(file, readText(file), flags.graph), flags.rank);
  const cluster = readClusterFile(flags.cluster, readText(flags.cluster));
  const others = (flags.whatIf ?? []).map((change) => changeCluster(cluster, change));
  const plans = [cluster, ...others].map((one) => runOne(terminal, workload, one, flags));
  if (flags.plot !== undefined) writeCharts(flags.plot, plans);
  if (flags.json) printJson(terminal, { workload: workload.name, notes: workload.notes, plans });
  else {
    const about = { name: workload.name, notes: workload.notes, plot: flags.plot };
    printLines(terminal, describePlan(paintFor(terminal), about, plans));
  }
  return Promise.resolve(exitCodes.ok);
}

/** It is named by the flag or without one. */
function workloadFile(flag: string | undefined, named: string | undefined): string {
  const file = flag ?? named;
  if (file !== undefined && (flag === undefined || named === undefined)) return file;
  const given = file === undefined ? "none is given" : `${flag} and ${named} are given`;
  const expected = "one workload, as `capstan simulate WORKLOAD` or --workload FILE";
  throw new CapstanError("INVALID_ARGUMENT", `expected ${expected}; ${given}`);
}

function runOne(
  terminal: Terminal,
  workload: Workload,
  cluster: PlannedCluster,
  { policy, json }: SimulateFlags,
): Simulated {
  const isShown = terminal.stderr.isTTY === true && !json;
  const count = workload.tasks.length;
  const onProgress = (ended: number) => {
    const filled = Math.round((ended / count) * 30);
    const bar = `${"█".repeat(filled)}${"░".repeat(30 - filled)}`;
    if (isShown) terminal.stderr.write(`${clearLine}${bar} ${ended} of ${count} tasks`);
  };
  const before = process.cpuUsage();
  const run = runPlan(workload, cluster, { policy, onProgress });
  const { user, system } = process.cpuUsage(before);
  if (isShown) terminal.stderr.write(clearLine);
  const { steps, placements } = run;
  const decisionsPerSecond = Math.round(placements / ((user + system) / 1e6));
  return { ...reportOn(workload, cluster, run), policy, steps, placements, decisionsPerSecond };
}

/** Unpacked if its name ends in `.gz`. */
function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    throw new CapstanError("INVALID_ARGUMENT", `${file}: ${(error as Error).message}`);
  }
}

function writeCharts(directory: string, plans: readonly Simulated[]): void {
  mkdirSync(directory, { recursive: true });
  for (const [index, { cluster, series, waiting, stepS }] of plans.entries()) {
    const name = basename(cluster);
    const lengthS = stepS * waiting.values.length;
    const use = { title: `Use of ${name}`, unit: "share", lengthS, lines: series } as const;
    writeFileSync(join(directory, `utilisation-${index}.svg`), svgOf(use));
  }
  const lines = plans.map(({ cluster, waiting, stepS }) => {
    return { ...waiting, name: basename(cluster), lengthS: stepS * waiting.values.length };
  });
  const lengthS = lines.reduce((longest, line) => Math.max(longest, line.lengthS), 0);
  const queue = { title: "Tasks that wait", unit: "count", lengthS, lines } as const;
  writeFileSync(join(directory, "waiting.svg"), svgOf(queue));
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;

export const simulateCommand = buildCommand<SimulateFlags, [string?], CliContext>({
  func: command(simulate),
  parameters: {
    flags: {
      workload: { ...text, brief: "The same as WORKLOAD", placeholder: "FILE" },
      cluster: {
        ...{ kind: "parsed", parse: parseText, placeholder: "FILE" },
        brief: "The machines: JSON, or a CSV of openb nodes",
      },
      policy: {
        ...{ kind: "enum", values: queuePolicies, default: "fair" },
        brief: "How queues are ordered, as `capstan controller --policy`",
      },
      rank: {
        ...{ kind: "enum", values: rankings, default: "none" },
        brief: "Priorities of graph tasks, from their run times",
      },
      graph: { ...text, brief: "Which graph of a file of several", placeholder: "NAME" },
      whatIf: {
        ...{ ...text, variadic: true, placeholder: "CHANGE" },
        brief: "Another cluster to compare with: +10xh100, -3xold; may be given again",
      },
      plot: { ...text, brief: "Write charts (SVG) into this directory", placeholder: "DIR" },
      json: { kind: "boolean", brief: "Print JSON", default: false },
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          ...{ brief: "The workload: CSV, JSON or SWF, also .gz", parse: parseText },
          ...{ placeholder: "WORKLOAD", optional: true },
        },
      ],
    },
  },
  docs: { brief: "Run a workload through the real scheduler on virtual time" },
});
