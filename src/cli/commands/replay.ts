/**
 * `capstan replay FILE`: the past of a journal, fact by fact in the terminal, or in the dashboard.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { adviseUpgrade } from "../../model/compare-versions.ts";
import { DashboardFiles } from "../../shell/api/dashboard-files.ts";
import { packageVersion } from "../../shell/controller-process/version.ts";
import { checkReadable, openFileForReading } from "../../shell/journal/database.ts";
import { listFacts } from "../../shell/past/list-facts.ts";
import { journalFile, serveJournal } from "../../shell/past/serve-journal.ts";
import { type DumpAbout, dumpAbout } from "../../shell/past/write-dump.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText } from "../global-flags.ts";
import { printJson, printLines } from "../print.ts";
import { onStopSignal } from "../stop-signals.ts";
import { parseListen } from "./worker.ts";

interface ReplayFlags extends GlobalFlags {
  readonly serve: boolean;
  readonly listen: string;
  readonly until?: string;
}

async function replay(terminal: Terminal, flags: ReplayFlags, file: string): Promise<number> {
  if (flags.serve) return await serve(terminal, flags, file);
  const database = openFileForReading(journalFile(file));
  try {
    checkReadable(database);
    sayOfDump(terminal, dumpAbout(database));
    for (const fact of listFacts(database, instantOf(flags.until))) {
      if (flags.json) printJson(terminal, fact);
      else printLines(terminal, [`${fact.sequence}\t${fact.at}\t${fact.type}`]);
    }
  } finally {
    database.close();
  }
  return exitCodes.ok;
}

async function serve(terminal: Terminal, flags: ReplayFlags, file: string): Promise<number> {
  const token = flags.token ?? terminal.env.CAPSTAN_TOKEN;
  const { listen } = flags;
  const server = await serveJournal({ file, listen, token, dashboard: new DashboardFiles() });
  const { url, oldest, newest } = server;
  if (flags.json) printJson(terminal, { url, oldest, newest });
  else {
    const facts = `facts ${oldest.sequence} to ${newest.sequence}`;
    printLines(terminal, [`${facts} of ${file} are served at ${url} until you press Ctrl-C`]);
  }
  await new Promise<void>((resolve) => void onStopSignal(() => resolve()));
  await server.close();
  return exitCodes.ok;
}

/** Of a dump: whose it is; facts of another release may mean something else to this one. */
function sayOfDump({ stderr }: Terminal, about: DumpAbout | null): void {
  if (about === null) return;
  const { clusterId, at, version, platform, node } = about;
  const where = `release ${version}, node ${node}, ${platform}`;
  stderr.write(`capstan: a dump of cluster ${clusterId}, ${at}; ${where}\n`);
  const theirs = { name: "the controller that wrote it", version };
  const advice = adviseUpgrade(theirs, { name: "this program", version: packageVersion });
  if (advice !== "") stderr.write(`capstan: ${advice}\n`);
}

/** Up to where: a sequence, or a time. */
function instantOf(until: string | undefined) {
  if (until === undefined) return null;
  return /^\d+$/.test(until) ? { sequence: Number(until) } : { atMs: Date.parse(until) };
}

function parseInstant(text: string): string {
  const isTime = /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text));
  if (/^\d{1,15}$/.test(text) || isTime) return text;
  throw new RangeError(`expected a sequence or a time as in RFC 3339, not "${text}"`);
}

export const replayCommand = buildCommand<ReplayFlags, [string], CliContext>({
  func: command(replay),
  parameters: {
    flags: {
      ...globalFlags,
      serve: {
        kind: "boolean",
        default: false,
        brief: "Serve the API and the dashboard, at any instant of it",
      },
      listen: {
        kind: "parsed",
        parse: parseListen,
        default: "127.0.0.1:7071",
        placeholder: "HOST:PORT",
        brief: "With --serve: where; anything but loopback needs a token",
      },
      until: {
        kind: "parsed",
        parse: parseInstant,
        optional: true,
        placeholder: "TIME",
        brief: "The last sequence or time to list [all]",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: parseText, placeholder: "FILE", brief: "A journal, or its directory" }],
    },
  },
  docs: { brief: "Look at the past of a journal" },
});
