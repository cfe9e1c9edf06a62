/**
 * The best fit against the data, drawn with characters: the 90 % band shaded, the median as a line
 * of braille dots, the counts as circles.
 *
 * @module
 */

import type { Verdict } from "./model.ts";
import { observedInBed } from "./observed.ts";
import { type Screen, styleFor } from "./screen.ts";

const rowCount = 16;
const columnsPerDay = 5;
const columnCount = (observedInBed.length - 1) * columnsPerDay + 1;

/** Bits of a braille cell: two dots wide, four dots high. */
const brailleDots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** Maps a number of boys to a height in dots, from the bottom. */
type Height = (count: number) => number;

/** The lines of the plot, with axes and a legend. */
export function drawFit(screen: Screen, verdict: Verdict): readonly string[] {
  const top = niceCeiling(Math.max(...verdict.high, ...observedInBed));
  const height: Height = (count) => (count / top) * (rowCount * 4 - 1);
  const cells = drawBand(verdict, height);
  drawMedian(cells, verdict, height);
  drawCounts(cells, height);
  const { cyan, yellow, dim, bold } = styleFor(screen);
  const paint = (cell: string) => {
    if (cell === "●") return bold(yellow(cell));
    return cell === "░" ? dim(cell) : cell === " " ? cell : cyan(cell);
  };
  const lines = cells.map((row, index) => {
    const label = index % 4 === 0 ? `${Math.round((top * (rowCount - index)) / rowCount)}` : "";
    return `${label.padStart(6)} ${dim("│")}${row.map(paint).join("")}`;
  });
  return [
    dim("boys in bed"),
    ...lines,
    `${"0".padStart(6)} ${dim(`└${"─".repeat(columnCount)}`)}`,
    dayLabels(),
    `${" ".repeat(8)}${paint("●")} counts of 1978   ${cyan("⠤⠒")} median   ` +
      `${dim("░░")} 90 % of the simulations`,
  ];
}

/** The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `value`. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find((candidate) => candidate * power >= value);
  return (factor ?? 10) * power;
}

/** `curve` between its days, at a place measured in days. */
function between(curve: readonly number[], day: number): number {
  const below = Math.floor(day);
  const above = Math.min(below + 1, curve.length - 1);
  return curve[below] + (curve[above] - curve[below]) * (day - below);
}

function drawBand(verdict: Verdict, height: Height): string[][] {
  return Array.from({ length: rowCount }, (_unused, row) =>
    Array.from({ length: columnCount }, (_also, column) => {
      const day = column / columnsPerDay;
      const bottom = Math.floor(height(between(verdict.low, day)) / 4);
      const top = Math.floor(height(between(verdict.high, day)) / 4);
      const level = rowCount - 1 - row;
      return level >= bottom && level <= top && top > 0 ? "░" : " ";
    }),
  );
}

function drawMedian(cells: string[][], verdict: Verdict, height: Height): void {
  let before = Math.round(height(verdict.median[0]));
  for (let x = 0; x < columnCount * 2 - 1; x++) {
    const now = Math.round(height(between(verdict.median, x / 2 / columnsPerDay)));
    const step = now >= before ? 1 : -1;
    // A steep line needs every dot between the last height and this one.
    for (let dot = now; dot !== before; dot -= step) setDot(cells, x, dot);
    if (now === before) setDot(cells, x, now);
    before = now;
  }
}

function setDot(cells: string[][], x: number, dot: number): void {
  const row = cells[rowCount - 1 - Math.floor(dot / 4)];
  const column = Math.floor(x / 2);
  const code = row[column].charCodeAt(0);
  const bits = code >= 0x2800 && code < 0x2900 ? code - 0x2800 : 0;
  row[column] = String.fromCharCode(0x2800 + (bits | brailleDots[3 - (dot % 4)][x % 2]));
}

function drawCounts(cells: string[][], height: Height): void {
  for (const [day, count] of observedInBed.entries()) {
    cells[rowCount - 1 - Math.floor(height(count) / 4)][day * columnsPerDay] = "●";
  }
}

function dayLabels(): string {
  const labels = observedInBed.map((_count, day) => `${day + 1}`.padEnd(columnsPerDay));
  return `${" ".repeat(8)}${labels.join("").trimEnd()}  day`;
}
