/**
 * `capstan job results ID`: what the functions of a launched job have returned, by index.
 *
 * @module
 */

import { inspect } from "node:util";
import { buildCommand } from "@stricli/core";
import { formatMemory } from "../../model/format-quantities.ts";
import { decodeValue } from "../../shell/values/value-codec.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { paintFor, paintState, printJson, printTable } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

interface ResultsFlags extends GlobalFlags, PageFlags {}

type Result = Responses["GetJobResults"]["results"][number];

async function showResults(terminal: Terminal, flags: ResultsFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const jobId = await resolveJobId(target, id);
  const response = await callApi(target, "GetJobResults", { ...pageRequest(flags), jobId });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  const paint = paintFor(terminal);
  printTable(
    terminal,
    ["TASK", "STATE", "RETURNED"],
    response.results.map((result) => [
      ...[String(result.index), paintState(paint, result.state), textOf(result)],
    ]),
  );
  sayNextPage(terminal, response.nextPageToken);
  return exitCodes.ok;
}

/** The value as source code would say it, on one line; or why there is none. */
function textOf({ value, missing, sizeBytes }: Result): string {
  if (value === null) return `(${reasons[missing](sizeBytes)})`;
  const decoded = decodeValue(new Uint8Array(Buffer.from(value, "base64")));
  return inspect(decoded, { breakLength: Number.POSITIVE_INFINITY, compact: true });
}

const reasons: { readonly [missing in Result["missing"]]: (sizeBytes: number) => string } = {
  "": () => "not kept",
  NOT_SUCCEEDED: () => "has not succeeded",
  COMMAND: () => "a command returns nothing; see its log",
  TOO_LARGE: (sizeBytes) => `${formatMemory(sizeBytes)}: too large to be kept; publish it instead`,
  LEFT: () => "no longer kept: it was among the oldest",
};

export const jobResultsCommand = buildCommand<ResultsFlags, [string], CliContext>({
  func: command(showResults),
  parameters: { flags: pageFlags, positional: jobArgument },
  docs: { brief: "Show what the functions of a launched job have returned" },
});
