/**
 * The overview of a cluster as lines of text, for `capstan top`: what the dashboard's first page
 * says, from the same answers of the API.
 *
 * @module
 */

import { formatMemory, formatMilli } from "../model/format-quantities.ts";
import type { Terminal } from "./context.ts";
import { describeCounts } from "./job-screen.ts";
import { alignColumns, type Paint, paintFor, paintState } from "./print.ts";
import type { JobView, Responses } from "./responses.ts";

export type Overview = Responses["GetOverview"];
type ResourceUse = Overview["resources"][number];
type Problem = Overview["problems"][number];

/** What `capstan top` asks for at one moment. */
export interface Snapshot {
  readonly overview: Overview;
  /** The newest jobs that have not ended. */
  readonly jobs: readonly JobView[];
  /** Time of the snapshot. */
  readonly at: Date;
}

const barColumns = 24;
/** The rate is that of the last so many seconds. */
const rateSeconds = 10;

export function describeOverview(terminal: Terminal, { overview, jobs, at }: Snapshot): string[] {
  const paint = paintFor(terminal);
  return [
    `${paint.bold("capstan top")}  ${at.toISOString().slice(11, 19)} UTC`,
    "",
    ...describeFlow(paint, overview),
    "",
    ...describeResources(paint, overview.resources),
    "",
    ...describeProblems(paint, overview.problems),
    "",
    ...describeJobs(paint, jobs),
  ];
}

function describeFlow(paint: Paint, overview: Overview): string[] {
  const { recent, queued, running, jobStateCounts, workerStateCounts } = overview;
  const ended = recent.succeeded.map((count, index) => count + (recent.failed[index] ?? 0));
  const last = ended.slice(-rateSeconds);
  const rate = last.reduce((sum, count) => sum + count, 0) / Math.max(1, last.length);
  const failed = recent.failed.reduce((sum, count) => sum + count, 0);
  const ahead = running.prefetched === 0 ? "" : `, ${running.prefetched} sent ahead`;
  const failures = failed === 0 ? "" : paint.red(`  ${failed} failed`);
  return alignColumns([
    ["tasks/s", `${round(rate)}  ${sparkline(ended)}${failures}`],
    ["on workers", `${running.attempts}${ahead}`],
    ["queued", `${queued.tasks} in ${queued.queues} queues, ${queued.waiting} not ready`],
    ["jobs", countsByState(paint, jobStateCounts)],
    ["workers", countsByState(paint, workerStateCounts)],
  ]);
}

function countsByState(paint: Paint, counts: { readonly [state: string]: number }): string {
  const present = Object.entries(counts).filter(([, count]) => count > 0);
  if (present.length === 0) return "none";
  return present.map(([state, count]) => `${count} ${paintState(paint, state)}`).join(", ");
}

function describeResources(paint: Paint, resources: readonly ResourceUse[]): string[] {
  const rows = resources.map((use) => {
    const share = use.total === 0 ? 0 : use.committed / use.total;
    const held = use.held === 0 ? "" : paint.dim(`  ${amountOf(use, use.held)} kept`);
    const used = `${amountOf(use, use.committed)} / ${amountOf(use, use.total)}${held}`;
    const percent = `${Math.round(share * 100)} %`;
    return [use.name.replace(/^(device|custom):/, ""), bar(share), percent, used];
  });
  return alignColumns(rows);
}

function amountOf({ unit }: ResourceUse, amount: number): string {
  if (unit === "BYTES") return formatMemory(amount);
  return unit === "MILLI" ? formatMilli(amount) : String(amount);
}

function describeProblems(paint: Paint, problems: readonly Problem[]): string[] {
  if (problems.length === 0) return [paint.green("nothing is wrong")];
  return problems.map(({ severity, message, subject, count }) => {
    const mark = severity === "ERROR" ? paint.red("error  ") : paint.yellow("warning");
    const more = count > 1 ? paint.dim(`  and ${count - 1} like it`) : "";
    const about = message.includes(subject.id) ? "" : ` (${subject.id})`;
    return `${mark}  ${message}${about}${more}`;
  });
}

function describeJobs(paint: Paint, jobs: readonly JobView[]): string[] {
  if (jobs.length === 0) return [paint.dim("no job runs or waits")];
  return alignColumns(
    jobs.map((job) => [
      job.jobId,
      paintState(paint, job.state),
      describeCounts(job),
      paint.dim(job.pendingReason ?? ""),
    ]),
  );
}

/** `share` is from 0 to 1. */
function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * barColumns);
  return `${"█".repeat(full)}${"░".repeat(barColumns - full)}`;
}

const levels = "▁▂▃▄▅▆▇█";

function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => levels[Math.round((value / most) * (levels.length - 1))]).join("");
}

function round(rate: number): string {
  return rate >= 10 ? String(Math.round(rate)) : String(Math.round(rate * 10) / 10);
}
