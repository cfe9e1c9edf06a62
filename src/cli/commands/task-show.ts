/**
 * `capstan task show ID`: one task with its attempts.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import {
  formatDuration,
  formatFraction,
  formatMemory,
  formatResources,
} from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeEnd } from "../describe-attempt.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { alignColumns, paintFor, paintState, printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";
import type { AttemptView, TaskView } from "../responses.ts";

async function showTask(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const ask = (taskId: string) => callApi(target, "GetTaskStatus", { taskId });
  const response = await askAbout(target, id, ask);
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describeTask(terminal, response.task));
  return exitCodes.ok;
}

function describeTask(terminal: Terminal, task: TaskView): readonly string[] {
  const paint = paintFor(terminal);
  const rows = [
    ["job", task.jobId],
    ["state", paintState(paint, task.state)],
    ["key", task.key],
    ["part", describePart(task)],
    ["worker", task.workerId ?? ""],
    ["progress", describeProgress(task)],
    ["inputs", listOf(task.inputs)],
    ["reason", task.pendingReason ?? ""],
    ["error", task.error?.message ?? ""],
    ["because of", blameOf(task)],
  ].filter(([, value]) => value !== "");
  const attempts = task.attempts.flatMap((attempt) => describeAttempt(terminal, attempt));
  return [paint.bold(task.taskId), ...indent(alignColumns(rows)), ...indent(attempts)];
}

function describePart({ part, calls, inputs }: TaskView): string {
  if (part === null) return "";
  if (part === "CALL") return `a call of the actor ${inputs[0]}`;
  if (calls === null) return "an actor";
  const { underwayCount, waitingCount } = calls;
  const unanswered = `${waitingCount + underwayCount} calls unanswered`;
  return `an actor: ${unanswered}, ${underwayCount} of them sent to it`;
}

function describeProgress({ progress }: TaskView): string {
  if (progress === null) return "";
  const note = progress.note === "" ? "" : ` ${progress.note}`;
  return `${formatFraction(progress.fraction)}${note} (said at ${progress.at})`;
}

/** The task whose failure began it, unless it is this one. */
function blameOf({ error, taskId }: TaskView): string {
  return error === null || error.blame === taskId ? "" : error.blame;
}

function describeAttempt(terminal: Terminal, attempt: AttemptView): readonly string[] {
  const paint = paintFor(terminal);
  const state = paintState(paint, attempt.state);
  const head = `attempt ${attempt.attemptId} on ${attempt.workerId}: ${state}`;
  const times = `${attempt.startedAt ?? "not started"} to ${attempt.endedAt ?? "now"}`;
  const end = describeEnd(attempt);
  const tail = attempt.stderrTail.trimEnd();
  return [
    end === "" ? head : `${head} (${end})`,
    ...indent([times, ...usageOf(attempt)]),
    ...(tail === "" ? [] : indent(tail.split("\n").map((line) => paint.dim(`| ${line}`)))),
  ];
}

/** What it holds, or held, and what it really used, as far as anybody knows. */
function usageOf({ granted, peakRssBytes, cpuMs }: AttemptView): readonly string[] {
  const grant = formatResources(granted);
  const parts = [
    grant === "nothing" ? "" : `granted ${grant}`,
    peakRssBytes === 0 ? "" : `peak memory ${formatMemory(peakRssBytes)}`,
    cpuMs === 0 ? "" : `CPU time ${formatDuration(cpuMs)}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? [] : [parts.join(", ")];
}

function listOf(ids: readonly string[]): string {
  if (ids.length <= 5) return ids.join(", ");
  return `${ids.slice(0, 5).join(", ")} and ${ids.length - 5} more`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

export const taskShowCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(showTask),
  parameters: { flags: globalFlags, positional: idArgument },
  docs: { brief: "Show one task with its attempts" },
});
