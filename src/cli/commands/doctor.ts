/**
 * `capstan doctor`: the audit of the live controller. Exit code 1 when it found something.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { type Paint, paintFor, printJson, printLines } from "../print.ts";
import type { DoctorReport } from "../responses.ts";

async function examine(terminal: Terminal, flags: GlobalFlags): Promise<number> {
  const report = await callApi(targetOf(flags, terminal), "GetDoctorReport");
  if (flags.json) printJson(terminal, report);
  else printLines(terminal, describeReport(paintFor(terminal), report));
  return report.ok ? exitCodes.ok : exitCodes.found;
}

/** The report as lines: the verdict, then each finding. */
export function describeReport(paint: Paint, report: DoctorReport): readonly string[] {
  const findings = [
    ...report.violations.flatMap(({ rule, message, ids, story }) => [
      `${paint.red("broken rule")} ${rule}: ${message} [${ids.join(", ")}]`,
      ...story.map((line) => paint.dim(`    ${line}`)),
    ]),
    ...report.usageMismatches.map(
      ({ workerId, dimension, charged, recomputed }) =>
        `${paint.red("leak")} ${workerId} ${dimension}: charged ${charged}, owed ${recomputed}`,
    ),
    ...report.orphans.map((orphan) => `${paint.red("orphan")} ${JSON.stringify(orphan)}`),
    ...report.stuck.map(
      ({ id, state, sinceMs, waker }) =>
        `${paint.red("stuck")} ${id}: ${state} for ${Math.round(sinceMs / 1_000)} s, ` +
        `waits for ${waker ?? "nothing"}`,
    ),
  ];
  const checked = `${report.invariantsChecked} invariants checked at journal ${report.journalSeq}`;
  const verdict = report.ok ? paint.green("healthy") : paint.red(`${findings.length} findings`);
  return [`${verdict}: ${checked}, watchdog fired ${report.watchdogFired} times`, ...findings];
}

export const doctorCommand = buildCommand<GlobalFlags, [], CliContext>({
  func: command(examine),
  parameters: { flags: globalFlags },
  docs: { brief: "Audit the live controller: every invariant, every leak, every stuck task" },
});
