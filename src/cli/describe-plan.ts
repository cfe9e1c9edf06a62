/**
 * A plan, or several of one workload side by side, as lines of text.
 *
 * @module
 */

import { basename } from "node:path";
import { shortTime, sparkline } from "../planning/chart.ts";
import type { Distribution } from "../planning/plan-report.ts";
import type { Simulated } from "./commands/simulate.ts";
import type { Paint } from "./print.ts";

const chartColumns = 60;

export function describePlan(
  paint: Paint,
  about: {
    readonly name: string;
    readonly notes: readonly string[];
    readonly plot?: string | undefined;
  },
  plans: readonly Simulated[],
): readonly string[] {
  const [{ tasks, policy }] = plans;
  const title = `${basename(about.name)}: ${tasks} tasks, policy ${policy}`;
  const lines = [paint.bold(title), ...about.notes.map((note) => paint.yellow(`  ${note}`))];
  for (const plan of plans) lines.push("", ...describeOne(paint, plan));
  const first = plans[0];
  for (const plan of plans.slice(1)) lines.push("", comparison(paint, first, plan));
  if (about.plot !== undefined) lines.push("", `charts in ${about.plot}`);
  return lines;
}

function describeOne(paint: Paint, plan: Simulated): string[] {
  const { cluster, makespanS, waitS, boundedSlowdown, series, waiting, unplaced, timedOut } = plan;
  const most = waiting.values.reduce((top, value) => Math.max(top, value), 0);
  const lines = [paint.bold(basename(cluster)), row("makespan", shortTime(makespanS))];
  lines.push(row("wait", describeTimes(waitS)));
  lines.push(row("bounded slowdown", describeNumbers(boundedSlowdown)));
  lines.push(row("fragmentation", `${percent(plan.fragmentation)} free while tasks wait`));
  if (timedOut > 0) lines.push(row("time limits", `${timedOut} tasks reach theirs`));
  if (unplaced > 0) lines.push(paint.red(row("never placed", `${unplaced} tasks`)));
  lines.push(row("decisions", `${plan.decisionsPerSecond} a CPU second`));
  for (const { name, values } of series) {
    const bar = sparkline(values, chartColumns, 1);
    lines.push(row(name, `${bar} ${percent(plan.utilisation[name])}`));
  }
  const bar = sparkline(waiting.values, chartColumns, most);
  lines.push(row("tasks waiting", `${bar} at most ${Math.round(most)}`));
  return lines;
}

function comparison(paint: Paint, first: Simulated, other: Simulated): string {
  const changes = [
    `makespan ${change(first.makespanS, other.makespanS)}`,
    `mean wait ${change(first.waitS.mean, other.waitS.mean)}`,
    `mean slowdown ${change(first.boundedSlowdown.mean, other.boundedSlowdown.mean)}`,
  ];
  return `${paint.bold(basename(other.cluster))} beside the first: ${changes.join(", ")}`;
}

function change(before: number, after: number): string {
  if (before === 0) return after === 0 ? "the same" : "up from 0";
  const part = (after / before - 1) * 100;
  return `${part > 0 ? "+" : ""}${part.toFixed(1)} %`;
}

function describeTimes({ mean, median, p95, max }: Distribution): string {
  const [of, half, most, top] = [mean, median, p95, max].map(shortTime);
  return `mean ${of}, median ${half}, 95 % ${most}, longest ${top}`;
}

function describeNumbers({ mean, median, p95, max }: Distribution): string {
  const [of, half, most, top] = [mean, median, p95, max].map((value) => value.toFixed(2));
  return `mean ${of}, median ${half}, 95 % ${most}, highest ${top}`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(17)} ${value}`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
