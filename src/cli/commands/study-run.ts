/**
 * `capstan study run FILE` and `capstan study resume NAME`: a study on a cluster, to its end.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { readStudy } from "../../client/studies/read-study.ts";
import { CapstanError } from "../../model/errors.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { parseText } from "../global-flags.ts";
import { parseCount } from "../parse-flags.ts";
import { type RunStudyFlags, runStudyFile } from "../run-study.ts";
import { studyArgument, studyFlags } from "../study-flags.ts";

interface Flags extends Omit<RunStudyFlags, "local"> {
  readonly local?: number;
}

function runStudy(terminal: Terminal, flags: Flags, file: string): Promise<number> {
  return runStudyFile(terminal, { ...flags, local: flags.local ?? 0 }, file);
}

async function resumeStudy(terminal: Terminal, flags: Flags, name: string): Promise<number> {
  const { file } = readStudy(name, flags.dir);
  if (file !== "") return runStudy(terminal, flags, file);
  const how = "it was started by a program: run that program again";
  throw new CapstanError("INVALID_ARGUMENT", `the study ${name} names no module: ${how}`);
}

const flags = {
  ...studyFlags,
  local: {
    kind: "parsed",
    parse: parseCount,
    optional: true,
    placeholder: "N",
    brief: "Start a cluster of N workers for it",
  },
} as const;

const fileArgument = {
  kind: "tuple",
  parameters: [{ parse: parseText, brief: "Module that exports a study", placeholder: "FILE" }],
} as const;

export const studyRunCommand = buildCommand<Flags, [string], CliContext>({
  func: command(runStudy),
  parameters: { flags, positional: fileArgument },
  docs: {
    brief: "Run a study, or go on with the one of that name",
    fullDescription:
      "Simulates each parameter set of the study that FILE exports (defineStudy), aggregates " +
      "each set, and prints a table. What is finished is kept and never computed again. Ctrl-C " +
      "stops it; run it again to go on. Exits with 1 if a set has no value.",
  },
});

export const studyResumeCommand = buildCommand<Flags, [string], CliContext>({
  func: command(resumeStudy),
  parameters: { flags, positional: studyArgument },
  docs: { brief: "Go on with a study that was interrupted; what failed is tried again" },
});
