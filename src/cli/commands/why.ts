/**
 * `capstan why ID`: why a task is not running, and what would start it.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { type Paint, paintFor, paintState, printJson, printLines } from "../print.ts";
import type { Explanation } from "../responses.ts";

async function explain(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "Explain", { id });
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describe(paintFor(terminal), response));
  return exitCodes.ok;
}

/** The explanation as lines: the summary first, then each part that has something to say. */
export function describe(paint: Paint, why: Explanation): readonly string[] {
  const deadline = why.deadlineAt === null ? [] : [`gives up at ${why.deadlineAt}`];
  return [
    `${paint.bold(why.id)} is ${paintState(paint, why.state)}: ${why.summary}`,
    ...section(paint, "reasons", why.reasons.map(describeReason)),
    ...section(
      paint,
      "what will move it",
      why.wakers.map(({ message, id }) => message || id),
    ),
    ...section(paint, `${why.aheadCount} ahead`, why.ahead.map(textOf)),
    ...section(paint, "holding the capacity", why.holders.map(describeHolder)),
    ...section(paint, "what would start it", why.change === null ? [] : [why.change.message]),
    ...section(paint, "deadline", deadline),
  ];
}

function describeReason({ code, message }: Explanation["reasons"][number]): string {
  return message === "" ? code : message;
}

function describeHolder(holder: Explanation["holders"][number]): string {
  const { taskId, workerId, granted } = holder;
  return `${taskId} on ${workerId} holds ${formatResources(granted)}`;
}

function section(paint: Paint, title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return [paint.dim(`  ${title}`), ...lines.map((line) => `    ${line}`)];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export const whyCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(explain),
  parameters: { flags: globalFlags, positional: idArgument },
  docs: { brief: "Say why a task is not running, and what would start it" },
});
