/**
 * `capstan why ID`: why a task, a job or a gang is not running, and what would start it.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { formatResources } from "../../model/format-quantities.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeStack, stackOf } from "../describe-stack.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idOf } from "../id-argument.ts";
import { type Paint, paintFor, paintState, printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";
import type { Explanation } from "../responses.ts";

async function explain(terminal: Terminal, flags: GlobalFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const response = await askAbout(target, id, (id) => callApi(target, "Explain", { id }));
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  const paint = paintFor(terminal);
  printLines(terminal, describe(paint, response));
  const isHung = response.reasons.some(({ code }) => code === "HUNG");
  const stack = isHung && response.kind === "TASK" ? await stackOf(target, response.id) : null;
  if (stack !== null) printLines(terminal, describeStack(paint, stack));
  return exitCodes.ok;
}

/** The explanation as lines: the summary first, then each part that has something to say. */
export function describe(paint: Paint, why: Explanation): readonly string[] {
  const deadline = why.deadlineAt === null ? [] : [`gives up at ${why.deadlineAt}`];
  return [
    headOf(paint, why),
    ...section(paint, "reasons", why.reasons.map(describeReason)),
    ...section(paint, "what will move it", why.wakers.map(describeWaker)),
    ...section(paint, `${why.aheadCount} ahead`, describeAhead(why)),
    ...section(paint, "holding the capacity", why.holders.map(describeHolder)),
    ...section(paint, "what would start it", describeChange(why)),
    ...section(paint, "deadline", deadline),
  ];
}

/** Some summaries begin with who it is about; the others are told. */
function headOf(paint: Paint, { id, state, summary }: Explanation): string {
  if (summary.startsWith(`${id} `)) return `${paint.bold(id)}${summary.slice(id.length)}`;
  return `${paint.bold(id)} is ${paintState(paint, state)}: ${summary}`;
}

/** The message has the counts; what it leaves out stands behind it. */
function describeReason(reason: Explanation["reasons"][number]): string {
  const { code, dimension, message, workers, workersTotal } = reason;
  const text = message === "" ? code : message;
  const clause = reason.clause ?? "";
  const isSaid = clause === "" || dimension !== null || text.includes(clause);
  const which = isSaid ? "" : ` (${clause})`;
  const count =
    workersTotal === 0 || workers === 0 || text.includes(`${workers} of`) ? "" : countOf(reason);
  return `${text}${which}${count}`;
}

function countOf({ workers, workersTotal }: Explanation["reasons"][number]): string {
  return ` [${workers} of ${workersTotal} workers]`;
}

function describeWaker({ kind, id, message }: Explanation["wakers"][number]): string {
  if (message !== "") return message;
  return id === "" ? kind.toLowerCase() : `${kind.toLowerCase()} ${id}`;
}

/** The first of those ahead; the rest is counted. What cannot run at all waits for none of them. */
function describeAhead({ ahead, aheadCount, canEverRun }: Explanation): readonly string[] {
  if (!canEverRun) return [];
  const others = aheadCount - ahead.length;
  return others > 0 && ahead.length > 0 ? [...ahead, `and ${others} more`] : ahead;
}

function describeHolder(holder: Explanation["holders"][number]): string {
  const { taskId, workerId, user, granted } = holder;
  const whose = taskId.startsWith(`/${user}/`) ? "" : ` (${user})`;
  return `${taskId}${whose} on ${workerId} holds ${formatResources(granted)}`;
}

function describeChange({ change, canEverRun, state }: Explanation): readonly string[] {
  if (change !== null) return [change.message];
  return canEverRun || state !== "PENDING" ? [] : ["nothing here: no worker can ever run it"];
}

function section(paint: Paint, title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return [paint.dim(`  ${title}`), ...lines.map((line) => `    ${line}`)];
}

export const whyCommand = buildCommand<GlobalFlags, [string], CliContext>({
  func: command(explain),
  parameters: {
    flags: globalFlags,
    positional: idOf("Id of the task or of the job, or a task's key"),
  },
  docs: { brief: "Say why a task, a job or a gang is not running, and what would start it" },
});
