/**
 * The results as a table and as JSON.
 *
 * @module
 */

import type { BenchCase, CaseResult } from "./cases.ts";
import { type ComparedResult, peerNames } from "./peers.ts";

/** The lines of the table, header first. */
export function tableLines(results: readonly CaseResult[]): readonly string[] {
  const header = ["case", "median", "min", "max", "unit", "runs", "CPU s/run", "peak RSS", "also"];
  const rows = results.map((result) => [
    result.name,
    formatNumber(result.median),
    formatNumber(result.min),
    formatNumber(result.max),
    result.unit,
    `${result.runs.length}`,
    result.cpuSeconds.toFixed(2),
    `${Math.round(result.peakRssBytes / 2 ** 20)} MiB`,
    Object.entries(result.details)
      .map(([name, value]) => `${name} ${formatNumber(value)}`)
      .join(", "),
  ]);
  return align([header, ...rows]);
}

/** Capstan beside the peers, with how many times ahead it is; empty if there are none. */
export function peerLines(results: readonly ComparedResult[]): readonly string[] {
  const compared = results.filter(({ peers }) => Object.keys(peers).length > 0);
  if (compared.length === 0) return [];
  const rows = compared.map(({ name, unit, median, peers }) => [
    ...[name, unit, formatNumber(median)],
    ...peerNames.map((peer) => {
      const figures = peers[peer];
      if (figures === undefined) return "-";
      if ("skipped" in figures) return "skipped";
      return `${formatNumber(figures.median)} (${formatRatio(figures.ratio)})`;
    }),
  ]);
  return [
    "",
    ...align([["case", "unit", "capstan", ...peerNames], ...rows]),
    "",
    ...peerNotes(compared),
  ];
}

/** The version of each peer, and why it was skipped where it was. */
function peerNotes(results: readonly ComparedResult[]): readonly string[] {
  const notes = results.flatMap(({ name, peers }) =>
    Object.entries(peers).map(([peer, figures]) =>
      "skipped" in figures
        ? `${peer} skipped in ${name}: ${figures.skipped}`
        : `${peer} ${figures.version}`,
    ),
  );
  return [...new Set(notes)];
}

/** `"120x"` when Capstan is so many times ahead, `"0.5x"` when it is behind. */
export function formatRatio(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio).toLocaleString("en-US") : ratio.toPrecision(2)}x`;
}

/** What each case does, a line each. */
export function caseLines(cases: readonly BenchCase[]): readonly string[] {
  return align(cases.map(({ name, what }) => [name, what]));
}

/** Three significant digits, thousands grouped. */
export function formatNumber(value: number): string {
  if (value >= 999.5) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}

function align(rows: readonly (readonly string[])[]): readonly string[] {
  const columns = rows[0]?.map((_cell, column) => column) ?? [];
  const widths = columns.map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd(),
  );
}
