/**
 * `capstan study show NAME`: the sets of a study, what they found, and what failed.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { readStudy } from "../../client/studies/read-study.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { alignColumns, paintFor, printLines } from "../print.ts";
import { type StudyFlags, studyArgument, studyFlags } from "../study-flags.ts";
import { printSets } from "../study-table.ts";
import { closingLine, failureLines, jsonText } from "../study-text.ts";

async function show(terminal: Terminal, flags: StudyFlags, name: string): Promise<number> {
  const report = readStudy(name, flags.dir);
  if (flags.json) {
    terminal.stdout.write(`${jsonText({ study: report })}\n`);
    return exitCodes.ok;
  }
  const paint = paintFor(terminal);
  const { model, seed, quorum, replicates, runs, startedAt, endedAt, directory } = report;
  const about = alignColumns([
    ["model", `${model}, study seed ${seed}`],
    ["replicates", `${replicates} of each set, quorum ${quorum}`],
    ["last of its runs", `${runs}, started ${startedAt}, ended ${endedAt || "not yet"}`],
    ["record", directory],
  ]);
  printLines(terminal, [paint.bold(name), ...about]);
  printSets(terminal, report);
  printLines(terminal, [...failureLines(report).map(paint.red), closingLine(report)]);
  return exitCodes.ok;
}

export const studyShowCommand = buildCommand<StudyFlags, [string], CliContext>({
  func: command(show),
  parameters: { flags: studyFlags, positional: studyArgument },
  docs: { brief: "Show the sets of a study, their values and what failed" },
});
