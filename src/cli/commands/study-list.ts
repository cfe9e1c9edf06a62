/**
 * `capstan study list`: the studies that are kept on this machine.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { listStudies, readStudy, type StudyReport } from "../../client/studies/read-study.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { printJson, printTable } from "../print.ts";
import { type StudyFlags, studyFlags } from "../study-flags.ts";

async function list(terminal: Terminal, flags: StudyFlags): Promise<number> {
  const reports = listStudies(flags.dir).map((name) => readStudy(name, flags.dir));
  if (flags.json) printJson(terminal, { studies: reports.map(summaryOf) });
  else {
    const header = ["name", "sets", "replicates", "failed", "started", "ended"];
    printTable(terminal, header, reports.map(rowOf));
  }
  return exitCodes.ok;
}

/** A study without its sets. */
function summaryOf({ sets, ...report }: StudyReport): object {
  const done = sets.filter(({ state }) => state === "SUCCEEDED" || state === "PARTIAL").length;
  return {
    ...report,
    setCount: sets.length,
    doneSetCount: done,
    failedSetCount: sets.filter(({ state }) => state === "FAILED").length,
    replicateCount: sets.reduce((sum, { succeeded }) => sum + succeeded, 0),
    failedReplicateCount: sets.reduce((sum, { failed }) => sum + failed, 0),
  };
}

function rowOf({ name, sets, replicates, startedAt, endedAt }: StudyReport): readonly string[] {
  const done = sets.filter(({ state }) => state === "SUCCEEDED" || state === "PARTIAL").length;
  const values = sets.reduce((sum, { succeeded }) => sum + succeeded, 0);
  const failed = sets.reduce((sum, set) => sum + set.failed, 0);
  return [
    ...[name, `${done}/${sets.length}`, `${values}/${sets.length * replicates}`, `${failed}`],
    ...[startedAt, endedAt === "" ? "not yet" : endedAt],
  ];
}

export const studyListCommand = buildCommand<StudyFlags, [], CliContext>({
  func: command(list),
  parameters: { flags: studyFlags },
  docs: { brief: "List the studies that are kept here" },
});
