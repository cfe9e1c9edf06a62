/**
 * The figures of docs/benchmarks.md: its tables, and single numbers in its text.
 *
 * @module
 */

import { type ComparedResult, peerNames } from "./peers.ts";
import { formatNumber, formatRatio } from "./report.ts";

/** What `npm run bench -- --json` has written. */
export interface Report {
  readonly machine: { readonly [field: string]: unknown };
  readonly fdatasyncMs: number;
  readonly cases: readonly ComparedResult[];
}

function machineLine({ machine, fdatasyncMs }: Report): string {
  const gibibytes = Math.round(Number(machine.memoryBytes) / 2 ** 30);
  return (
    `${machine.cores} cores (${machine.cpu}), ${gibibytes} GiB, ${machine.system}, ` +
    `Node ${machine.node}; \`fdatasync\` ${fdatasyncMs.toFixed(2)} ms.`
  );
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
  return lines.join("\n");
}

function casesTable(report: Report): string {
  const rows = report.cases.map((result) => [
    `\`${result.name}\``,
    ...[result.median, result.min, result.max].map(formatNumber),
    result.unit,
    result.cpuSeconds.toFixed(2),
    `${formatNumber(Math.round(result.peakRssBytes / 2 ** 20))} MiB`,
  ]);
  const header = ["case", "median", "min", "max", "unit", "CPU s/run", "peak RSS"];
  return [machineLine(report), markdownTable(header, rows)].join("\n\n");
}

/** A cell has the median, the range, and how many times better Capstan is. */
function peersTable(report: Report): string {
  const rows = report.cases.map((result) => [
    `\`${result.name}\`, ${result.unit}`,
    `**${formatNumber(result.median)}** (${formatRange(result)})`,
    ...peerNames.map((peer) => peerCell(result.peers[peer])),
  ]);
  const header = ["case", "Capstan", ...peerNames.map((peer) => peerTitle(report, peer))];
  return [machineLine(report), markdownTable(header, rows)].join("\n\n");
}

function peerCell(figures: ComparedResult["peers"][(typeof peerNames)[number]]): string {
  if (figures === undefined) return "";
  if ("skipped" in figures) return `skipped: ${figures.skipped.replaceAll("|", "/")}`;
  const median = formatNumber(figures.median);
  return `${median} (${formatRange(figures)}), **${formatRatio(figures.ratio)}**`;
}

function formatRange({ min, max }: { readonly min: number; readonly max: number }): string {
  return `${formatNumber(min)} – ${formatNumber(max)}`;
}

const peerTitles = { dask: "Dask", ray: "Ray", hyperqueue: "HyperQueue" };

function peerTitle(report: Report, peer: (typeof peerNames)[number]): string {
  for (const { peers } of report.cases) {
    const figures = peers[peer];
    if (figures !== undefined && "version" in figures) {
      return `${peerTitles[peer]} ${figures.version.replace(/^v/, "")}`;
    }
  }
  return peerTitles[peer];
}

/** The number that `CASE` or `CASE.DETAIL` names; undefined if the report has none. */
function figureOf({ cases }: Report, name: string): number | undefined {
  const [, caseName, detail] = /^([^.]+)(?:\.(.+))?$/.exec(name) ?? [];
  const result = cases.find((known) => known.name === caseName);
  return detail === undefined ? result?.median : result?.details[detail];
}

/**
 * The page with what the reports have in its places. A null report, and a figure that a report does
 * not have, leave their places as they are.
 */
export function fillPage(text: string, cases: Report | null, peers: Report | null): string {
  const tables: { readonly [name: string]: string } = {
    ...(cases === null ? {} : { cases: casesTable(cases) }),
    ...(peers === null ? {} : { peers: peersTable(peers) }),
  };
  return text
    .replace(/(<!-- table: (.+?) -->\n)[\s\S]*?(<!-- end -->)/g, (whole, head, name, end) =>
      name in tables ? `${head}\n${tables[name]}\n\n${end}` : whole,
    )
    .replace(/(<!-- figures: (.+?) -->)[^\n]*?(<!-- end -->)/g, (whole, head, name, end) => {
      const value = cases === null ? undefined : figureOf(cases, name);
      return value === undefined ? whole : `${head}${formatNumber(value)}${end}`;
    });
}
