/**
 * The best fit against the data as an SVG file that stands alone and reads well on light and dark
 * pages.
 *
 * @module
 */

import type { Verdict } from "./model.ts";
import { observedInBed } from "./observed.ts";
import type { ParameterSet } from "./parameter-sets.ts";
import { niceCeiling } from "./terminal-plot.ts";

const width = 860;
const height = 520;
const frame = { left: 72, right: 32, top: 96, bottom: 64 };
const plotWidth = width - frame.left - frame.right;
const plotHeight = height - frame.top - frame.bottom;

/** Places on the page. */
interface Scale {
  readonly x: (day: number) => number;
  readonly y: (count: number) => number;
  readonly top: number;
}

/** The whole figure. `others` are drawn faintly behind the best set. */
export function drawSvg(best: ParameterSet, verdict: Verdict, others: readonly Verdict[]): string {
  const scale = scaleFor([verdict.high, ...others.map(({ median }) => median)]);
  const { beta, gamma } = best.parameters;
  const subtitle =
    `Best of ${others.length + 1} parameter sets: β = ${beta}, γ = ${gamma} per day, ` +
    `R₀ = ${(beta / gamma).toFixed(2)}, RMSE ${verdict.loss.toFixed(1)} boys ` +
    `(${verdict.replicates} simulations)`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
      `width="${width}" height="${height}" role="img" aria-label="${subtitle}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${frame.left}" y="38">Influenza in a boarding school, 1978</text>`,
    `<text class="subtitle" x="${frame.left}" y="62">${subtitle}</text>`,
    ...drawAxes(scale),
    `<clipPath id="plot"><rect x="${frame.left}" y="${frame.top}" width="${plotWidth}" ` +
      `height="${plotHeight}"/></clipPath>`,
    `<g clip-path="url(#plot)">`,
    ...others.map((other) => `<path class="other" d="${line(scale, other.median)}"/>`),
    `<path class="band" d="${area(scale, verdict)}"/>`,
    `<path class="median" d="${line(scale, verdict.median)}"/>`,
    "</g>",
    ...drawCounts(scale),
    ...drawLegend(),
    "</svg>",
    "",
  ].join("\n");
}

const style = `
  text { font-family: ui-sans-serif, system-ui, "Helvetica Neue", Arial, sans-serif; fill: #1f2933 }
  .page { fill: #ffffff } .title { font-size: 21px; font-weight: 650 }
  .subtitle, .label { font-size: 13px; fill: #52606d } .label.right { text-anchor: end }
  .label.middle { text-anchor: middle } .grid { stroke: #e4e7eb; stroke-width: 1 }
  .axis { stroke: #9aa5b1; stroke-width: 1 } .band { fill: #2a9d8f; fill-opacity: .22 }
  .median { fill: none; stroke: #1d7a70; stroke-width: 2.5; stroke-linejoin: round }
  .other { fill: none; stroke: #9aa5b1; stroke-opacity: .32; stroke-width: 1 }
  .count { fill: #e76f51; stroke: #ffffff; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb } .page { fill: #16202a } .subtitle, .label { fill: #9aa5b1 }
    .grid { stroke: #27343f } .axis { stroke: #52606d } .median { stroke: #4cc9b8 }
    .count { stroke: #16202a }
  }
`;

function scaleFor(curves: readonly (readonly number[])[]): Scale {
  const top = niceCeiling(Math.max(...curves.flat(), ...observedInBed));
  const dayMax = observedInBed.length - 1;
  return {
    top,
    x: (day) => rounded(frame.left + (day / dayMax) * plotWidth),
    y: (count) => rounded(frame.top + plotHeight * (1 - count / top)),
  };
}

function rounded(place: number): number {
  return Math.round(place * 10) / 10;
}

function line({ x, y }: Scale, curve: readonly number[]): string {
  const points = curve.map((count, day) => `${x(day)} ${y(count)}`);
  return `M${points.join("L")}`;
}

function area({ x, y }: Scale, { low, high }: Verdict): string {
  const above = high.map((count, day) => `${x(day)} ${y(count)}`);
  const below = low.map((count, day) => `${x(day)} ${y(count)}`).reverse();
  return `M${[...above, ...below].join("L")}Z`;
}

function drawAxes({ x, y, top }: Scale): string[] {
  const right = width - frame.right;
  const bottom = frame.top + plotHeight;
  const steps = stepCount(top);
  const counts = Array.from({ length: steps + 1 }, (_unused, index) => (top * index) / steps);
  return [
    ...counts.flatMap((count) => [
      `<line class="grid" x1="${frame.left}" x2="${right}" y1="${y(count)}" y2="${y(count)}"/>`,
      `<text class="label right" x="${frame.left - 10}" y="${y(count) + 4}">${count}</text>`,
    ]),
    `<line class="axis" x1="${frame.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
    ...observedInBed.map(
      (_count, day) =>
        `<text class="label middle" x="${x(day)}" y="${bottom + 22}">${dayOfMonth(day)}</text>`,
    ),
    `<text class="label" x="${frame.left}" y="${bottom + 46}">` +
      "day (22 January to 4 February)</text>",
    `<text class="label" x="${frame.left}" y="${frame.top - 12}">boys in bed</text>`,
  ];
}

/** Into how many steps an axis is cut so that each step is a round number. */
function stepCount(top: number): number {
  const power = 10 ** Math.floor(Math.log10(top));
  return [5, 4, 6, 3].find((steps) => [0.5, 1, 2].includes(top / steps / power)) ?? 5;
}

/** Day 0 is the 22nd of January, which has 31 days. */
function dayOfMonth(day: number): number {
  return 22 + day > 31 ? day - 9 : 22 + day;
}

function drawCounts({ x, y }: Scale): string[] {
  return observedInBed.map(
    (count, day) =>
      `<circle class="count" cx="${x(day)}" cy="${y(count)}" r="5.5">` +
      `<title>${count}</title></circle>`,
  );
}

function drawLegend(): string[] {
  const x = width - frame.right - 196;
  const y = frame.top + 18;
  return [
    `<circle class="count" cx="${x + 12}" cy="${y}" r="5.5"/>`,
    `<text class="label" x="${x + 34}" y="${y + 4}">counts of 1978</text>`,
    `<path class="median" d="M${x} ${y + 24}h24"/>`,
    `<text class="label" x="${x + 34}" y="${y + 28}">median of the best set</text>`,
    `<rect class="band" x="${x}" y="${y + 40}" width="24" height="16"/>`,
    `<text class="label" x="${x + 34}" y="${y + 52}">90 % of its simulations</text>`,
    `<path class="other" d="M${x} ${y + 72}h24"/>`,
    `<text class="label" x="${x + 34}" y="${y + 76}">the other sets</text>`,
  ];
}
