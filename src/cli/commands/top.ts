/**
 * `capstan top`: the cluster at a glance, again and again; in a pipe and as JSON once.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeOverview, type Snapshot } from "../describe-overview.ts";
import { type GlobalFlags, globalFlags, type Target, targetOf } from "../global-flags.ts";
import { parseSeconds } from "../parse-flags.ts";
import { printJson, printLines } from "../print.ts";
import { onStopSignal } from "../stop-signals.ts";
import { clearScreen } from "../terminal-text.ts";

interface TopFlags extends GlobalFlags {
  readonly interval: number;
  readonly once: boolean;
}

/** Jobs that are shown. */
const jobsShown = 12;

async function showTop(terminal: Terminal, flags: TopFlags): Promise<number> {
  const target = targetOf(flags, terminal);
  if (flags.json) {
    printJson(terminal, await callApi(target, "GetOverview", {}));
    return exitCodes.ok;
  }
  if (flags.once || terminal.stdout.isTTY !== true) {
    printLines(terminal, describeOverview(terminal, await look(target)));
    return exitCodes.ok;
  }
  const stop = new AbortController();
  const forget = onStopSignal(() => stop.abort());
  while (!stop.signal.aborted) {
    const lines = describeOverview(terminal, await look(target));
    terminal.stdout.write(`${clearScreen}${fitted(terminal, lines).join("\n")}\n`);
    await sleep(flags.interval * 1_000, undefined, { signal: stop.signal }).catch(ignoreAbort);
  }
  forget();
  return exitCodes.ok;
}

async function look(target: Target): Promise<Snapshot> {
  const [overview, { jobs }] = await Promise.all([
    callApi(target, "GetOverview", {}),
    callApi(target, "ListJobs", {
      filter: { states: ["PENDING", "RUNNING"] },
      orderBy: "submittedAt desc",
      pageSize: jobsShown,
    }),
  ]);
  return { overview, jobs, at: new Date() };
}

/** A line that wraps would move all below it: plain ones are cut, coloured ones are short. */
function fitted({ stdout }: Terminal, lines: readonly string[]): string[] {
  const columns = stdout.columns || 80;
  return lines.map((line) => (line.includes("\x1b") ? line : line.slice(0, columns - 1)));
}

function ignoreAbort(error: unknown): void {
  if ((error as Error).name !== "AbortError") throw error;
}

export const topCommand = buildCommand<TopFlags, [], CliContext>({
  func: command(showTop),
  parameters: {
    flags: {
      ...globalFlags,
      interval: {
        kind: "parsed",
        parse: parseSeconds,
        default: "1",
        brief: "Seconds between two looks",
      },
      once: { kind: "boolean", default: false, brief: "Look once, and end" },
    },
  },
  docs: { brief: "Watch the cluster: throughput, queue, use, what is wrong right now" },
});
