/**
 * The results as a table and as JSON.
 *
 * @module
 */

import type { BenchCase, CaseResult } from "./cases.ts";

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

/** What each case does, a line each. */
export function caseLines(cases: readonly BenchCase[]): readonly string[] {
  return align(cases.map(({ name, what }) => [name, what]));
}

/** Three significant digits, thousands grouped. */
export function formatNumber(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
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
