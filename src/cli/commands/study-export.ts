/**
 * `capstan study export NAME`: results as CSV, JSON or a page.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { buildCommand } from "@stricli/core";
import { readReplicates, readStudy } from "../../client/studies/read-study.ts";
import { CapstanError } from "../../model/errors.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { parseText } from "../global-flags.ts";
import { type StudyFlags, studyArgument, studyFlags } from "../study-flags.ts";
import { studyPage } from "../study-page.ts";
import { jsonText, replicatesCsv, setsCsv } from "../study-text.ts";

const formats = ["csv", "json", "html"] as const;

interface ExportFlags extends StudyFlags {
  readonly format: (typeof formats)[number];
  readonly replicates: boolean;
  readonly output?: string;
}

async function exportStudy(terminal: Terminal, flags: ExportFlags, name: string): Promise<number> {
  const text = render(flags, name);
  if (flags.output === undefined) terminal.stdout.write(text);
  else {
    writeOutput(flags.output, text);
    terminal.stderr.write(`capstan: wrote ${flags.output}\n`);
  }
  return exitCodes.ok;
}

function render({ format, json, replicates, dir }: ExportFlags, name: string): string {
  const report = readStudy(name, dir);
  switch (json ? "json" : format) {
    case "html":
      return studyPage(report);
    case "csv":
      return replicates ? replicatesCsv(readReplicates(name, dir)) : setsCsv(report);
    default: {
      if (!replicates) return `${jsonText({ study: report })}\n`;
      const values = Array.from(readReplicates(name, dir), ({ set, replicate, seed, value }) => {
        return { set: set.index, id: set.id, replicate, seed, value };
      });
      return `${jsonText({ study: report, replicates: values })}\n`;
    }
  }
}

function writeOutput(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapstanError("DISK_FAILED", `${path} cannot be written: ${reason}`);
  }
}

export const studyExportCommand = buildCommand<ExportFlags, [string], CliContext>({
  func: command(exportStudy),
  parameters: {
    flags: {
      ...studyFlags,
      format: {
        kind: "enum",
        values: formats,
        default: "csv",
        brief: "csv, json, or html: a page with figures and without scripts",
      },
      replicates: {
        kind: "boolean",
        default: false,
        brief: "Every replicate's value, and not only the sets' (csv, json)",
      },
      output: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "FILE",
        brief: "Where it goes [stdout]",
      },
    },
    positional: studyArgument,
  },
  docs: { brief: "Write the results of a study as CSV, JSON or a page" },
});
