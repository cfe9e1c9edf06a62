/**
 * `capstan doctor`: the audit of the live controller. Exit code 1 when it found something.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { adviseUpgrade } from "../../model/compare-versions.ts";
import { CapstanError } from "../../model/errors.ts";
import { packageVersion } from "../../shell/controller-process/version.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeStack, stackOf } from "../describe-stack.ts";
import { type GlobalFlags, globalFlags, type Target, targetOf } from "../global-flags.ts";
import { type Paint, paintFor, printJson, printLines } from "../print.ts";
import type { DoctorReport, Responses } from "../responses.ts";

interface DoctorFlags extends GlobalFlags {
  readonly repair: boolean;
  readonly dryRun: boolean;
}

async function examine(terminal: Terminal, flags: DoctorFlags): Promise<number> {
  const target = targetOf(flags, terminal);
  if (flags.repair) return repair(terminal, flags, target);
  if (flags.dryRun) {
    throw new CapstanError("INVALID_ARGUMENT", "--dry-run says what --repair would do: give both");
  }
  const report = await callApi(target, "GetDoctorReport", {});
  if (flags.json) printJson(terminal, report);
  else {
    const paint = paintFor(terminal);
    printLines(terminal, describeReport(paint, report));
    printLines(terminal, await describeHung(paint, target, report));
    printLines(terminal, describeReleases(paint, report));
  }
  if (!report.ok && !flags.json) {
    terminal.stderr.write("capstan: capstan doctor --repair --dry-run says what could be done\n");
  }
  return report.ok ? exitCodes.ok : exitCodes.found;
}

/** Each repair is an audited fact of the journal. `doctor` says afterwards what is left. */
async function repair(terminal: Terminal, flags: DoctorFlags, target: Target): Promise<number> {
  const response = await callApi(target, "Repair", { dryRun: flags.dryRun });
  const { dryRun, actions } = response;
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, describeRepairs(paintFor(terminal), dryRun, actions));
  return exitCodes.ok;
}

function describeRepairs(
  paint: Paint,
  dryRun: boolean,
  actions: Responses["Repair"]["actions"],
): readonly string[] {
  if (actions.length === 0) return [paint.green("nothing to repair")];
  const title = dryRun ? `would do ${actions.length} repairs` : `did ${actions.length} repairs`;
  return [
    paint.bold(title),
    ...actions.map(({ type, id, message }) => `  ${type} ${id}: ${message}`),
  ];
}

/** What may hang, and of the first few where they are. It is no finding. */
async function describeHung(
  paint: Paint,
  target: Target,
  { hung }: DoctorReport,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const [place, { taskId, message }] of hung.entries()) {
    lines.push(`${paint.yellow("hung?")} ${taskId}: ${message}`);
    const stack = place < stacksShown ? await stackOf(target, taskId) : null;
    if (stack !== null) lines.push(...describeStack(paint, stack).map((line) => `  ${line}`));
  }
  return lines;
}

/** Who is of another release than the controller, this program too. */
function describeReleases(paint: Paint, report: DoctorReport): readonly string[] {
  const { otherReleases, version } = report;
  const own = adviseUpgrade(
    { name: "this program", version: packageVersion },
    { name: "the controller", version },
  );
  const messages = [...otherReleases.map(({ message }) => message), own];
  return messages.filter((one) => one !== "").map((one) => `${paint.yellow("release")} ${one}`);
}

/** The others are named alone. */
const stacksShown = 3;

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
    ...report.orphans.map(
      ({ attemptId, taskId, workerId }) =>
        `${paint.red("orphan")} attempt ${attemptId} of ${taskId} on ${workerId}`,
    ),
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

export const doctorCommand = buildCommand<DoctorFlags, [], CliContext>({
  func: command(examine),
  parameters: {
    flags: {
      ...globalFlags,
      repair: {
        kind: "boolean",
        default: false,
        brief: "Reconcile every worker and end what no worker has",
      },
      dryRun: {
        kind: "boolean",
        default: false,
        brief: "With --repair: only say what it would do",
      },
    },
  },
  docs: { brief: "Audit the live controller: every invariant, every leak, every stuck task" },
});
