/**
 * Charts of a plan: SVG for files, blocks of text for a terminal.
 *
 * @module
 */

import type { Series } from "./plan-report.ts";

export interface Chart {
  readonly title: string;
  /** What the upright axis counts; shares of 0 to 1 are shown in percent. */
  readonly unit: "share" | "count";
  /** What the whole width of time is, seconds. */
  readonly lengthS: number;
  /** A line may be shorter than the whole. */
  readonly lines: readonly (Series & { readonly lengthS?: number })[];
}

const width = 760;
const height = 280;
const left = 60;
const right = 190;
const top = 40;
const bottom = 40;
const colours = ["#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c92a2a", "#495057"];

/** One chart as an SVG document, readable on a light and on a dark page. */
export function svgOf({ title, unit, lengthS, lines }: Chart): string {
  const most = unit === "share" ? 1 : niceMost(lines);
  const plotWidth = width - left - right;
  const plotHeight = height - top - bottom;
  const y = (value: number) => top + plotHeight * (1 - Math.min(1, value / most));
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const label = unit === "share" ? `${part * 100} %` : shortNumber(part * most);
    const at = y(part * most).toFixed(1);
    return (
      `<line x1="${left}" y1="${at}" x2="${left + plotWidth}" y2="${at}" stroke="#ced4da"/>` +
      `<text x="${left - 8}" y="${at}" dy="4" text-anchor="end">${label}</text>`
    );
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = (left + part * plotWidth).toFixed(1);
    const label = timeOn(lengthS, part);
    return `<text x="${at}" y="${height - bottom + 18}" text-anchor="middle">${label}</text>`;
  });
  const paths = lines.map(({ name, values, lengthS: ownS = lengthS }, index) => {
    const colour = colours[index % colours.length];
    const points = values.map((value, step) => {
      const x = left + ((step + 0.5) / values.length) * (ownS / lengthS) * plotWidth;
      return `${x.toFixed(1)},${y(value).toFixed(1)}`;
    });
    const labelAt = top + 14 + index * 20;
    const keyAt = left + plotWidth + 16;
    return (
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>` +
      `<rect x="${keyAt}" y="${labelAt - 9}" width="10" height="10" fill="${colour}"/>` +
      `<text x="${keyAt + 16}" y="${labelAt}">${escaped(name)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-size="12" ` +
      'font-family="system-ui, sans-serif" fill="#343a40">',
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${left}" y="22" font-size="15" font-weight="600">${escaped(title)}</text>`,
    ...[...grid, ...ticks, ...paths],
    "</svg>\n",
  ].join("\n");
}

const blocks = " ▁▂▃▄▅▆▇█";

/** A line of `columns` blocks; the highest stands for `most`. */
export function sparkline(values: readonly number[], columns: number, most: number): string {
  let line = "";
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * values.length) / columns);
    const until = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
    const part = values.slice(from, until);
    const mean = part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length);
    const level = most > 0 ? Math.min(1, mean / most) * (blocks.length - 1) : 0;
    line += blocks[level > 0 ? Math.max(1, Math.round(level)) : 0];
  }
  return line;
}

function niceMost(lines: readonly Series[]): number {
  const most = lines.reduce((top, { values }) => Math.max(top, ...values), 0);
  let scale = 1;
  while (scale * 10 <= most) scale *= 10;
  for (const step of [1, 2, 4, 5, 8, 10]) if (step * scale >= most) return step * scale;
  return Math.max(1, most);
}

function shortNumber(value: number): string {
  if (value >= 10_000) return `${Math.round(value / 1_000)} k`;
  return `${Number(value.toFixed(value < 10 ? 1 : 0))}`;
}

/** `90 s`, `12 min`, `3 h`, `14 d`. */
export function shortTime(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  if (seconds < 7_200) return `${Number((seconds / 60).toFixed(1))} min`;
  if (seconds < 172_800) return `${Number((seconds / 3_600).toFixed(1))} h`;
  return `${Number((seconds / 86_400).toFixed(1))} d`;
}

/** A part of a length, in one unit for all parts. */
function timeOn(lengthS: number, part: number): string {
  const unit = timeUnits.find(({ seconds }) => lengthS >= 2 * seconds) ?? timeUnits[3];
  return `${Number(((part * lengthS) / unit.seconds).toFixed(1))} ${unit.name}`;
}

const timeUnits = [
  { seconds: 86_400, name: "d" },
  { seconds: 3_600, name: "h" },
  { seconds: 60, name: "min" },
  { seconds: 1, name: "s" },
];

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
