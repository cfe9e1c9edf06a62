/**
 * How commands print: JSON as it came, tables and colours for a terminal, plain columns for a pipe.
 *
 * @module
 */

import type { Terminal } from "./context.ts";

/** Colours of a terminal; each is the identity where there is none. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

/** The colours that stdout can show: none when it is no terminal or NO_COLOR is set. */
export function paintFor({ stdout, env }: Terminal): Paint {
  const coloured = stdout.isTTY === true && (env.NO_COLOR ?? "") === "";
  const style = (code: number) => (text: string) =>
    coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bold: style(1), dim: style(2), red: style(31), green: style(32), yellow: style(33) };
}

/** The colour of a state's name. */
export function paintState(paint: Paint, state: string): string {
  if (["SUCCEEDED", "HEALTHY"].includes(state)) return paint.green(state);
  if (["PENDING", "ASSIGNED", "BUILDING", "RUNNING"].includes(state)) return state;
  return ["SUSPECT", "DRAINING", "CORDONED"].includes(state)
    ? paint.yellow(state)
    : paint.red(state);
}

/** One value as one line of JSON. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}

/** Lines of text. */
export function printLines({ stdout }: Terminal, lines: readonly string[]): void {
  if (lines.length > 0) stdout.write(`${lines.join("\n")}\n`);
}

/**
 * Rows under a header: separated by tabs in a pipe; on a terminal aligned, and the last column cut
 * where the line ends.
 */
export function printTable(
  terminal: Terminal,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const all = [header, ...rows.map((row) => row.map(onOneLine))];
  if (terminal.stdout.isTTY !== true) {
    printLines(
      terminal,
      all.map((row) => row.join("\t")),
    );
    return;
  }
  const { bold } = paintFor(terminal);
  const lines = alignColumns(cutLast(all, terminal.stdout.columns ?? 0));
  printLines(terminal, [bold(lines[0] ?? ""), ...lines.slice(1)]);
}

/** A message of several lines is one cell. */
function onOneLine(cell: string): string {
  return cell.replaceAll(/\s*[\n\t]\s*/g, " ");
}

/** The least that a column is cut to: less of it says nothing, and the line may wrap. */
const cutColumnsMin = 12;

/** Last cells no longer than what the others leave of a line; 0 columns: of unknown width. */
function cutLast(rows: readonly (readonly string[])[], columns: number): readonly string[][] {
  const last = (rows[0]?.length ?? 1) - 1;
  const others = alignColumns(rows.map((row) => [...row.slice(0, last), "|"]));
  const room = Math.max(cutColumnsMin, columns - Math.max(...others.map(widthOf)));
  return rows.map((row) => {
    const cell = row[last] ?? "";
    const isShort = columns === 0 || widthOf(cell) <= room || cell.length !== widthOf(cell);
    return isShort ? [...row] : [...row.slice(0, last), `${cell.slice(0, room - 1)}…`];
  });
}

/** Columns padded to their widest cell, two spaces apart; colours do not count as width. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  const pad = (cell: string, column: number) => cell + " ".repeat(widths[column] - widthOf(cell));
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}

function widthOf(cell: string): number {
  return cell.replaceAll(colourCode, "").length;
}

const colourCode = new RegExp(`${String.fromCharCode(27)}\\[[0-9]+m`, "g");

/** Says on stderr that a list is not all there is, so that nobody takes a page for the whole. */
export function announceMore({ stderr }: Terminal, more: number, how: string): void {
  if (more > 0) stderr.write(`capstan: ${more} more: ${how}\n`);
}
