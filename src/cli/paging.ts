/**
 * The flags of the lists that come in pages.
 *
 * @module
 */

import type { Terminal } from "./context.ts";
import { globalFlags, parseText } from "./global-flags.ts";
import { parseCount } from "./parse-flags.ts";

export interface PageFlags {
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** The global flags and those of a page. */
export const pageFlags = {
  ...globalFlags,
  pageSize: { kind: "parsed", parse: parseCount, default: "50", brief: "Entries a page" },
  pageToken: { kind: "parsed", parse: parseText, optional: true, brief: "Page to show" },
} as const;

/** The fields of the request. */
export function pageRequest({ pageSize, pageToken = "" }: PageFlags) {
  return { pageSize, pageToken };
}

/** Says on stderr how to see the next page, if there is one, and how many are on all of them. */
export function sayNextPage({ stderr }: Terminal, nextPageToken: string, total?: number): void {
  if (nextPageToken === "") return;
  const inAll = total === undefined ? "" : `, ${total} in all`;
  stderr.write(`capstan: there are more${inAll}: --page-token ${nextPageToken}\n`);
}
