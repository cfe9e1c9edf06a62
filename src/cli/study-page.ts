/**
 * A study as one page: a figure for each parameter, a table, what failed. It needs nothing but
 * itself: no script, no font, no network.
 *
 * @module
 */

import type { StudyReport } from "../client/studies/read-study.ts";
import type { SetResult } from "../client/studies/study-results.ts";
import { pageFailuresMax, pageFiguresMax, pageSetsMax } from "./limits.ts";
import { cellText, closingLine, columnsOf, describeFailure, resultCells } from "./study-text.ts";

interface Point {
  readonly x: number;
  readonly y: number;
  readonly set: SetResult;
}

const width = 360;
const height = 240;
const frame = { left: 56, right: 12, top: 12, bottom: 40 };

/** The page. Everything that comes from the study is escaped. */
export function studyPage(report: StudyReport): string {
  const { name, model, seed, replicates, quorum, startedAt, endedAt } = report;
  const about =
    `${model}, ${replicates} replicates of each set, quorum ${quorum}, study seed ${seed}. ` +
    `Started ${startedAt}, ended ${endedAt || "not yet"}.`;
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(name)}</title><style>${style}</style></head><body><main>`,
    `<h1>${escaped(name)}</h1><p>${escaped(about)}</p>`,
    `<p class="sum">${escaped(closingLine(report))}</p>`,
    figuresOf(report),
    tableOf(report),
    failuresOf(report),
    "</main></body></html>\n",
  ].join("\n");
}

/** The first number among the values, against each parameter that is a number. */
function figuresOf({ sets }: StudyReport): string {
  const rows = sets.map((set) => ({ set, cells: new Map(resultCells(set)) }));
  const names = columnsOf(rows.map(({ cells }) => [...cells]));
  const numeric = (name: string) => rows.some(({ cells }) => isNumber(cells.get(name)));
  const isValue = (name: string) => name === "value" || name.startsWith("value.");
  const target = names.find((name) => isValue(name) && numeric(name));
  if (target === undefined) return "";
  const parameters = names.filter((name) => !isValue(name) && numeric(name));
  const figures = parameters.slice(0, pageFiguresMax).map((parameter) => {
    const points = rows.flatMap(({ set, cells }) => {
      const [x, y] = [cells.get(parameter), cells.get(target)];
      return isNumber(x) && isNumber(y) ? [{ x, y, set }] : [];
    });
    return scatter(parameter, target, points);
  });
  return `<section class="figures">${figures.join("\n")}</section>`;
}

function scatter(xName: string, yName: string, points: readonly Point[]): string {
  const xs = extent(points.map(({ x }) => x));
  const ys = extent(points.map(({ y }) => y));
  const least = points.reduce((best, point) => (point.y < best.y ? point : best), points[0]);
  const toX = (x: number) => frame.left + (width - frame.left - frame.right) * xs.share(x);
  const toY = (y: number) =>
    height - frame.bottom - (height - frame.top - frame.bottom) * ys.share(y);
  const dots = points.map((point) => {
    const kind = point === least ? "least" : point.set.state === "PARTIAL" ? "partial" : "";
    const place = `${xName} ${cellText(point.x)}, ${yName} ${cellText(point.y)}`;
    const label = `set ${point.set.index}: ${place}`;
    return (
      `<circle class="${kind}" cx="${toX(point.x).toFixed(1)}" cy="${toY(point.y).toFixed(1)}" ` +
      `r="${kind === "least" ? 5 : 3.5}"><title>${escaped(label)}</title></circle>`
    );
  });
  const grid = [0, 0.5, 1].map((share) => {
    const y = toY(ys.at(share)).toFixed(1);
    const x = toX(xs.at(share)).toFixed(1);
    const [xLabel, yLabel] = [xs, ys].map((axis) => cellText(round(axis.at(share))));
    return (
      `<line x1="${frame.left}" x2="${width - frame.right}" y1="${y}" y2="${y}"/>` +
      `<text x="${frame.left - 6}" y="${y}" dy="4" text-anchor="end">${yLabel}</text>` +
      `<text x="${x}" y="${height - frame.bottom + 16}" text-anchor="${anchors[share]}">` +
      `${xLabel}</text>`
    );
  });
  return (
    `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(yName)} by ` +
    `${escaped(xName)}">${grid.join("")}${dots.join("")}` +
    `<text class="axis" x="${width / 2}" y="${height - 6}" text-anchor="middle">` +
    `${escaped(xName)}</text></svg>` +
    `<figcaption>${escaped(yName)} against ${escaped(xName)}; the least is marked</figcaption>` +
    "</figure>"
  );
}

/** The labels at the ends stay within the figure. */
const anchors: { readonly [share: number]: string } = { 0: "start", 0.5: "middle", 1: "end" };

interface Extent {
  readonly share: (value: number) => number;
  readonly at: (share: number) => number;
}

function extent(values: readonly number[]): Extent {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const length = high > low ? high - low : 1;
  const start = high > low ? low : low - 0.5;
  return { share: (value) => (value - start) / length, at: (share) => start + share * length };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

function tableOf({ sets, replicates }: StudyReport): string {
  const shown = sets.slice(0, pageSetsMax);
  const cells = shown.map(resultCells);
  const columns = columnsOf(cells);
  const head = ["set", ...columns, "replicates", "state", "why"].map((name) => {
    return `<th>${escaped(name)}</th>`;
  });
  const rows = shown.map((set, i) => {
    const byName = new Map(cells[i]);
    const parts = [
      `${set.index}`,
      ...columns.map((column) => shortCell(cellText(byName.get(column)))),
      ...[`${set.succeeded}/${replicates}`, set.state, set.error],
    ];
    const texts = parts.map((part) => `<td>${escaped(part)}</td>`).join("");
    return `<tr class="${set.state.toLowerCase()}">${texts}</tr>`;
  });
  const more = sets.length - shown.length;
  const note = more > 0 ? `<p>${more} more sets: export them as CSV.</p>` : "";
  return (
    `<h2>Sets</h2><div class="wide"><table><thead><tr>${head.join("")}</tr></thead>` +
    `<tbody>${rows.join("\n")}</tbody></table></div>${note}`
  );
}

/** A list of numbers is not read in a table. */
function shortCell(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function failuresOf({ sets }: StudyReport): string {
  const all = sets.flatMap((set) => set.failures.map((failure) => ({ set, failure })));
  if (all.length === 0) return "";
  const items = all.slice(0, pageFailuresMax).map(({ set, failure }) => {
    const what = `set ${set.index}, replicate ${failure.replicate}, seed ${failure.seed}: `;
    const tail = failure.stderrTail === "" ? "" : `<pre>${escaped(failure.stderrTail)}</pre>`;
    return `<li>${escaped(what + describeFailure(failure))}${tail}</li>`;
  });
  const count = sets.reduce((sum, { failed }) => sum + failed, 0);
  return `<h2>What failed (${count})</h2><ul>${items.join("\n")}</ul>`;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const style = `
:root { color-scheme: light dark; --ink: #212529; --dim: #868e96; --rule: #dee2e6; --paper: #fff;
  --dot: #1971c2; --least: #c2255c; --partial: #e8590c; --bad: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9ecef; --dim: #909296; --rule: #373a40;
  --paper: #1a1b1e; --dot: #74c0fc; --least: #faa2c1; --partial: #ffa94d; --bad: #ff8787; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; } .sum { font-weight: 600; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; width: 22.5rem; }
figcaption { color: var(--dim); font-size: 13px; }
svg { width: 100%; } svg text { font-size: 11px; fill: var(--dim); } svg .axis { fill: var(--ink); }
svg line { stroke: var(--rule); } circle { fill: var(--dot); fill-opacity: .75; }
circle.least { fill: var(--least); fill-opacity: 1; } circle.partial { fill: var(--partial); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: left; border-bottom: 1px solid var(--rule); }
th { color: var(--dim); font-weight: 500; } tr.failed td { color: var(--bad); }
tr.partial td { color: var(--partial); } pre { white-space: pre-wrap; color: var(--dim); }
`;
