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
import { parseCount } from "../parse-flags.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { describeEvent } from "../print-events.ts";
import type { Responses } from "../responses.ts";

interface EventsFlags extends GlobalFlags {
  readonly follow: boolean;
  readonly pageSize: number;
}

type Page = Responses["ListEvents"];

async function listEvents(terminal: Terminal, flags: EventsFlags): Promise<number> {
  const target = targetOf(flags, terminal);
  let page = await fetchPage(target, flags, "");
  if (flags.json && !flags.follow) printJson(terminal, page);
  else printPage(terminal, flags, page);
  while (flags.follow) {
    // A page that is empty keeps the place: its token is that of the page before.
    if (page.events.length === 0) await sleep(500);
    page = await fetchPage(target, flags, page.nextPageToken);
    printPage(terminal, flags, page);
  }
  return exitCodes.ok;
}

function fetchPage(target: Target, flags: EventsFlags, pageToken: string): Promise<Page> {
  return callApi(target, "ListEvents", { pageSize: flags.pageSize, pageToken });
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
      pageSize: { kind: "parsed", parse: parseCount, default: "100", brief: "Events a page" },
    },
    aliases: { f: "follow" },
  },
  docs: { brief: "Show what happened in the cluster, oldest first" },
});
