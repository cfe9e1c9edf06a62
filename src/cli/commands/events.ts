/**
 * `capstan events`: what happened in the cluster, oldest first.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { buildCommand } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, type Target, targetOf } from "../global-flags.ts";
import { parseCount, parseWhole } from "../parse-flags.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { describeEvent } from "../print-events.ts";
import type { Responses } from "../responses.ts";

interface EventsFlags extends GlobalFlags {
  readonly follow: boolean;
  readonly after: number;
  readonly pageSize: number;
}

type Page = Responses["ListEvents"];

async function listEvents(terminal: Terminal, flags: EventsFlags): Promise<number> {
  const target = targetOf(flags, terminal);
  if (flags.json && !flags.follow) {
    printJson(terminal, await fetchPage(target, flags, flags.after));
    return exitCodes.ok;
  }
  let { after } = flags;
  for (;;) {
    const page = await fetchPage(target, flags, after);
    printPage(terminal, flags, page);
    const isLast = page.nextPageToken === "";
    if (isLast && !flags.follow) return exitCodes.ok;
    after = page.events.at(-1)?.sequence ?? after;
    if (isLast) await sleep(pollEveryMs);
  }
}

/** How often `--follow` asks for what is new. */
const pollEveryMs = 500;

function fetchPage(target: Target, { pageSize }: EventsFlags, after: number): Promise<Page> {
  return callApi(target, "ListEvents", { after, pageSize });
}

function printPage(terminal: Terminal, flags: EventsFlags, page: Page): void {
  const paint = paintFor(terminal);
  if (flags.json) for (const event of page.events) printJson(terminal, event);
  else
    printLines(
      terminal,
      page.events.map((event) => describeEvent(paint, event)),
    );
}

export const eventsCommand = buildCommand<EventsFlags, [], CliContext>({
  func: command(listEvents),
  parameters: {
    flags: {
      ...globalFlags,
      follow: { kind: "boolean", default: false, brief: "Go on with what happens from now on" },
      after: {
        kind: "parsed",
        parse: parseWhole,
        default: "0",
        brief: "Only events behind this sequence number",
      },
      pageSize: { kind: "parsed", parse: parseCount, default: "100", brief: "Events a page" },
    },
    aliases: { f: "follow" },
  },
  docs: { brief: "Show what happened in the cluster, oldest first" },
});
