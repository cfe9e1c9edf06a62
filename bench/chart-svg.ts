/**
 * The charts of docs/benchmarks.md as SVG: readable on a light page and on a dark one.
 *
 * @module
 */

import { type ComparedResult, type PeerFigures, type PeerName, peerNames } from "./peers.ts";
import { formatNumber, formatRatio } from "./report.ts";

const titles: { readonly [name in "capstan" | PeerName]: string } = {
  capstan: "Capstan",
  dask: "Dask",
  ray: "Ray",
  hyperqueue: "HyperQueue",
};

const style = `<style>
  text { font-family: ui-sans-serif, system-ui, "Helvetica Neue", Arial, sans-serif; fill: #1f2933 }
  text { font-size: 14px } .title { font-size: 20px; font-weight: 650 }
  .case { font-size: 15px; font-weight: 650 } .note { fill: #52606d } .end { text-anchor: end }
  .middle { text-anchor: middle } .page { fill: #ffffff } .grid { stroke: #e4e7eb }
  .axis { stroke: #7b8794; stroke-width: 1.5 } .range { stroke: #1f2933; stroke-width: 1.5 }
  .capstan { fill: #2a9d8f } .dask { fill: #e76f51 } .ray { fill: #4a7fd1 }
  .hyperqueue { fill: #c0992b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb } .note { fill: #9aa5b1 } .page { fill: #16202a }
    .grid { stroke: #27343f } .axis { stroke: #7b8794 } .range { stroke: #e4e7eb }
    .capstan { fill: #3dbfae } .ray { fill: #7aa7ea } .hyperqueue { fill: #dcb64a }
  }
</style>`;

const width = 860;
const panel = { width: 400, left: 36, top: 96, bar: 22, gap: 8, head: 30, space: 34 };
const labelWidth = 92;
const valueWidth = 96;

interface Bar {
  readonly system: keyof typeof titles;
  readonly figures: { readonly median: number; readonly min: number; readonly max: number } | null;
}

function barsOf({ peers, ...ours }: ComparedResult): readonly Bar[] {
  const theirs = peerNames.flatMap((system) => {
    const figures = peers[system];
    if (figures === undefined) return [];
    return [{ system, figures: "skipped" in figures ? null : figures }];
  });
  return [{ system: "capstan", figures: ours }, ...theirs];
}

/** A panel for each case: bars from zero, with the range of the runs. */
export function peersChart(results: readonly ComparedResult[]): string {
  const rows = Array.from({ length: Math.ceil(results.length / 2) }, (_, row) =>
    results.slice(2 * row, 2 * row + 2),
  );
  let top = panel.top;
  const parts = rows.map((row) => {
    const panels = row.map((result, column) =>
      casePanel(result, panel.left + column * (panel.width + 12), top),
    );
    const bars = Math.max(...row.map((result) => barsOf(result).length));
    top += panel.head + bars * (panel.bar + panel.gap) + panel.space;
    return panels.join("\n");
  });
  return page("The same work on Capstan and its peers", top - 8, [
    `<text class="note" x="${panel.left}" y="64">Median of all runs; the line is the range. ` +
      "Every panel has a scale of its own, from zero.</text>",
    ...parts,
  ]);
}

function casePanel(result: ComparedResult, left: number, top: number): string {
  const isRate = result.unit.endsWith("/s");
  const bars = barsOf(result);
  const longest = Math.max(...bars.map(({ figures }) => figures?.max ?? 0));
  const scale = (panel.width - labelWidth - valueWidth) / longest;
  const lines = bars.map((bar, index) => {
    const y = top + panel.head + index * (panel.bar + panel.gap);
    return barLine(bar, { left, y, scale });
  });
  const better = isRate ? "more is better" : "less is better";
  return [
    `<text x="${left}" y="${top + 14}"><tspan class="case">${result.name}</tspan>` +
      `<tspan class="note" dx="10">${result.unit}, ${better}</tspan></text>`,
    ...lines,
  ].join("\n");
}

function barLine(
  { system, figures }: Bar,
  { left, y, scale }: { readonly left: number; readonly y: number; readonly scale: number },
): string {
  const zero = left + labelWidth;
  const base = y + panel.bar - 6;
  const label = `<text class="end" x="${zero - 8}" y="${base}">${titles[system]}</text>`;
  if (figures === null)
    return `${label}\n<text class="note" x="${zero}" y="${base}">skipped</text>`;
  const at = (value: number) => (zero + value * scale).toFixed(1);
  const long = Math.max(1, figures.median * scale).toFixed(1);
  const middle = y + panel.bar / 2;
  const valueAt = (zero + figures.max * scale + 8).toFixed(1);
  return [
    label,
    `<rect class="${system}" x="${zero}" y="${y}" width="${long}" height="${panel.bar}" rx="2"/>`,
    `<path class="range" d="M${at(figures.min)} ${middle}H${at(figures.max)}"/>`,
    `<text x="${valueAt}" y="${base}">${formatNumber(figures.median)}</text>`,
  ].join("\n");
}

const plot = { left: 130, right: 800, top: 104, row: 46 };

/** A row for each case, a point for each peer: how many times better Capstan is, on a log axis. */
export function ratiosChart(results: readonly ComparedResult[]): string {
  const rows = results.map(({ name, peers }) => ({
    name,
    points: peerNames.flatMap((peer) => {
      const figures = peers[peer];
      return figures === undefined || "skipped" in figures ? [] : [{ peer, figures }];
    }),
  }));
  const ratios = rows.flatMap(({ points }) => points.map(({ figures }) => figures.ratio));
  const lowest = Math.min(-1, ...ratios.map((ratio) => Math.floor(Math.log10(ratio))));
  const highest = Math.max(1, ...ratios.map((ratio) => Math.ceil(Math.log10(ratio))));
  const at = (ratio: number) =>
    plot.left + ((Math.log10(ratio) - lowest) / (highest - lowest)) * (plot.right - plot.left);
  const bottom = plot.top + rows.length * plot.row;
  const decades = Array.from(
    { length: highest - lowest + 1 },
    (_, index) => 10 ** (lowest + index),
  );
  return page("How many times better Capstan is", bottom + 44, [
    legend(),
    ...decades.map((decade) => decadeLine(decade, at(decade), bottom)),
    `<text class="note end" x="${at(1) - 10}" y="${plot.top - 8}">◂ behind</text>`,
    `<text class="note" x="${at(1) + 10}" y="${plot.top - 8}">ahead ▸</text>`,
    ...rows.flatMap(({ name, points }, index) => {
      const y = plot.top + index * plot.row + plot.row / 2;
      const label = `<text class="case end" x="${plot.left - 24}" y="${y + 5}">${name}</text>`;
      return [label, ...pointsOfRow(points, at, y)];
    }),
  ]);
}

function decadeLine(decade: number, x: number, bottom: number): string {
  const kind = decade === 1 ? "axis" : "grid";
  const label = decade === 1 ? "equal" : `${decade.toLocaleString("en-US")}x`;
  return [
    `<line class="${kind}" x1="${x}" x2="${x}" y1="${plot.top}" y2="${bottom}"/>`,
    `<text class="note middle" x="${x}" y="${bottom + 22}">${label}</text>`,
  ].join("\n");
}

/** The points of a row, a little below one another, so that close ones stay apart. */
function pointsOfRow(
  points: readonly { readonly peer: PeerName; readonly figures: PeerFigures }[],
  at: (ratio: number) => number,
  y: number,
): readonly string[] {
  return points.map(({ peer, figures: { ratio } }, index) => {
    const x = at(ratio);
    const middle = y + (index - (points.length - 1) / 2) * 14;
    const isLeft = ratio < 1 || x > plot.right - 80;
    const label = `x="${(isLeft ? x - 11 : x + 11).toFixed(1)}" y="${middle + 5}"`;
    return [
      `<circle class="${peer}" cx="${x.toFixed(1)}" cy="${middle}" r="6"/>`,
      `<text ${isLeft ? 'class="end" ' : ""}${label}>${formatRatio(ratio)}</text>`,
    ].join("\n");
  });
}

function legend(): string {
  return peerNames
    .map((peer, index) => {
      const x = plot.left + 8 + index * 110;
      return (
        `<circle class="${peer}" cx="${x}" cy="60" r="6"/>` +
        `<text x="${x + 12}" y="65">${titles[peer]}</text>`
      );
    })
    .join("\n");
}

function page(title: string, height: number, parts: readonly string[]): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    style,
    `<rect class="page" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${panel.left}" y="38">${title}</text>`,
    ...parts,
    "</svg>",
  ].join("\n")}\n`;
}
