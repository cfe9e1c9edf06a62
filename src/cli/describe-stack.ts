/**
 * Where a task is that runs, as lines.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { formatDuration, formatMemory } from "../model/format-quantities.ts";
import { callApi } from "./api.ts";
import type { Target } from "./global-flags.ts";
import type { Paint } from "./print.ts";
import type { Responses } from "./responses.ts";

export type StackAnswer = Responses["GetTaskStack"];

/** The same for whoever explains something else: no lines where it cannot be asked for. */
export async function stackOf(target: Target, taskId: string): Promise<StackAnswer | null> {
  try {
    return await callApi(target, "GetTaskStack", { taskId });
  } catch (error) {
    if (error instanceof CapstanError) return null; // It ended, or this token may only look.
    throw error;
  }
}

/** The sentence first; then the stack or the processes, the newest output last. */
export function describeStack(paint: Paint, stack: StackAnswer): readonly string[] {
  const { frames, processes, output } = stack;
  return [
    headOf(paint, stack),
    ...lastOutputOf(stack),
    ...section(paint, "stack, innermost first", frames.map(describeFrame)),
    ...section(paint, "processes", processes.map(describeProcess)),
    ...section(
      paint,
      "last lines",
      output.map(({ text }) => `| ${text}`),
    ),
  ];
}

function headOf(paint: Paint, { taskId, attemptId, workerId, ...stack }: StackAnswer): string {
  const name = paint.bold(taskId);
  if (!stack.available || workerId === null) return `${name}: ${stack.summary}`;
  const { startedAt, workerPid } = stack;
  const ran = startedAt === null ? "" : ` for ${formatDuration(ageMs(startedAt))}`;
  const where = `attempt ${attemptId} on ${workerId} (pid ${workerPid})${ran}`;
  return `${name}, ${where}: ${stack.summary}`;
}

function lastOutputOf({ available, lastOutputAt }: StackAnswer): readonly string[] {
  if (!available) return [];
  if (lastOutputAt === null) return ["  it has written nothing"];
  return [`  it wrote last ${formatDuration(ageMs(lastOutputAt))} ago`];
}

function describeFrame(frame: StackAnswer["frames"][number]): string {
  const name = frame.function === "" ? "(without a name)" : frame.function;
  return `${name} (${frame.file}:${frame.line}:${frame.column})`;
}

function describeProcess(process: StackAnswer["processes"][number]): string {
  const { pid, parentPid, command, state, waitsIn, threads, cpuMs, rssBytes } = process;
  const waits = waitsIn === "" ? state : `${state} in ${waitsIn}`;
  const count = threads === 1 ? "" : `, ${threads} threads`;
  const usage = `${formatDuration(cpuMs)} of CPU, ${formatMemory(rssBytes)}${count}`;
  return `${pid} (of ${parentPid}) ${waits}; ${usage}: ${command}`;
}

/** By this machine's clock, which may not be the controller's: never less than nothing. */
function ageMs(time: string): number {
  return Math.max(0, Date.now() - Date.parse(time));
}

function section(paint: Paint, title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return [paint.dim(`  ${title}`), ...lines.map((line) => `    ${line}`)];
}
