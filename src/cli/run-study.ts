/**
 * A study module at work: imported, started on a cluster, watched to its end.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Client, connect } from "../client/client.ts";
import { type LocalCluster, startLocalCluster } from "../client/local-cluster.ts";
import { readStudy } from "../client/studies/read-study.ts";
import type { Study } from "../client/studies/study.ts";
import { isStudyDefinition, type StudyDefinition } from "../client/studies/study-definition.ts";
import { CapstanError } from "../model/errors.ts";
import { exitCodes, type Terminal } from "./context.ts";
import { targetOf } from "./global-flags.ts";
import { paintFor, printLines } from "./print.ts";
import { onStopSignal } from "./stop-signals.ts";
import type { StudyFlags } from "./study-flags.ts";
import { ProgressLine } from "./study-progress.ts";
import { printSets } from "./study-table.ts";
import { closingLine, failureLines, jsonText } from "./study-text.ts";

export interface RunStudyFlags extends StudyFlags {
  /** Workers of a cluster of its own; 0 for the cluster that is there. */
  readonly local: number;
}

/** Runs the study that a module defines, and returns the exit code: 0 if every set has a value. */
export async function runStudyFile(
  terminal: Terminal,
  flags: RunStudyFlags,
  file: string,
): Promise<number> {
  const definition = await importStudy(file);
  await using own = flags.local > 0 ? await startLocalCluster({ workers: flags.local }) : null;
  await using client = await connectTo(terminal, flags, own);
  await using study = client.study({
    ...definition.options,
    file: resolve(file),
    directory: flags.dir,
  });
  const stop = new AbortController();
  const forget = onStopSignal(() => {
    stop.abort();
    void study.close();
  });
  const line = new ProgressLine(terminal, () => study.progress);
  try {
    await definition.search?.(study as Study);
    await study.results();
  } catch (error) {
    line.stop();
    if (stop.signal.aborted) return sayInterrupted(terminal, study);
    throw error;
  } finally {
    line.stop();
    forget();
  }
  return tell(terminal, flags, study);
}

/** The study that a module exports. Throws INVALID_ARGUMENT for none, or for several. */
async function importStudy(file: string): Promise<StudyDefinition> {
  let exports: object;
  try {
    exports = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapstanError("INVALID_ARGUMENT", `${file} cannot be imported: ${reason}`, {
      cause: error,
    });
  }
  const studies = Object.values(exports).filter(isStudyDefinition);
  if (studies.length === 1) return studies[0];
  const found = studies.length === 0 ? "no study" : `${studies.length} studies`;
  const hint = "export one: export const study = defineStudy({ … })";
  throw new CapstanError("INVALID_ARGUMENT", `${file} exports ${found}; ${hint}`);
}

function connectTo(
  terminal: Terminal,
  flags: RunStudyFlags,
  own: LocalCluster | null,
): Promise<Client> {
  if (own !== null) return connect(own.url, { token: own.token });
  const { url, token } = targetOf(flags, terminal);
  return connect(url, { token });
}

function sayInterrupted({ stderr }: Terminal, { name, progress }: Study): number {
  const done = `${progress.replicatesSucceeded} replicates are kept`;
  stderr.write(`capstan: interrupted; ${done}: capstan study resume ${name}\n`);
  return exitCodes.interrupted;
}

function tell(terminal: Terminal, flags: RunStudyFlags, { name, progress }: Study): number {
  const report = readStudy(name, flags.dir);
  const isComplete = progress.setsFailed === 0;
  if (flags.json) terminal.stdout.write(`${jsonText({ study: report, progress })}\n`);
  else {
    const paint = paintFor(terminal);
    printSets(terminal, report);
    printLines(terminal, failureLines(report).map(paint.red));
    const reused = `${progress.replicatesReused} of the replicates were there already`;
    printLines(terminal, [closingLine(report), ...(progress.replicatesReused > 0 ? [reused] : [])]);
  }
  return isComplete ? exitCodes.ok : exitCodes.found;
}
