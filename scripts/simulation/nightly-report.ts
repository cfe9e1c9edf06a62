/**
 * The report of a night, as Markdown.
 *
 * @module
 */

/** How one program ended, and what it said for programs. */
export interface Outcome {
  readonly name: string;
  readonly what: string;
  /** Null: it was not run, and `note` says why. */
  readonly exitCode: number | null;
  readonly seconds: number;
  readonly values: readonly unknown[];
  readonly note: string;
}

export interface NightlyReport {
  readonly startedAt: string;
  readonly node: string;
  readonly outcomes: readonly Outcome[];
}

interface Row {
  readonly [name: string]: unknown;
}

/** Rows of a table that are shown; the JSON has all. */
const rowsMax = 200;

/** What a program printed: one JSON text, or one on each of some lines. */
export function valuesIn(text: string): readonly unknown[] {
  const whole = parse(text);
  if (whole !== undefined) return Array.isArray(whole) ? whole : [whole];
  return text.split("\n").flatMap((line) => {
    const value = /^[[{]/.test(line) ? parse(line) : undefined;
    return value === undefined ? [] : [value];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function reportText({ startedAt, node, outcomes }: NightlyReport): string {
  const overview = outcomes.map(({ name, what, exitCode, seconds, note }) => ({
    name,
    what,
    result: exitCode === 0 ? "passed" : exitCode === null ? `not run: ${note}` : "FAILED",
    seconds: Math.round(seconds),
  }));
  const parts = outcomes.map(({ name, what, values }) => {
    const rows = values.filter(isRow);
    return [`## ${name}: ${what}`, ...(rows.length === 1 ? oneRow(rows[0]) : [table(rows)])];
  });
  const head = ["# Night of tests", `Started ${startedAt}, Node ${node}.`, table(overview)];
  return `${[...head, ...parts.flat()].join("\n\n")}\n`;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Its plain fields, then a table for each field that holds more. */
function oneRow(row: Row): readonly string[] {
  const plain = Object.entries(row).filter(([, value]) => typeof value !== "object");
  const parts = [table(plain.map(([field, value]) => ({ field, value })))];
  for (const [field, value] of Object.entries(row)) {
    if (typeof value !== "object" || value === null) continue;
    const entries = Array.isArray(value) ? value.map(asRow) : countsOf(value as Row);
    parts.push(`### ${field}`, entries.length === 0 ? "none" : table(entries));
  }
  return parts;
}

function asRow(value: unknown): Row {
  return isRow(value) ? value : { value };
}

function countsOf(counts: Row): readonly Row[] {
  return Object.entries(counts).map(([name, value]) => ({ name, value }));
}

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return "It said nothing.";
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.slice(0, rowsMax).map((row) => names.map((name) => cell(row[name])));
  const all = [names, names.map(() => "---"), ...lines];
  return all.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number" && !Number.isInteger(value)) return value.toFixed(2);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 200);
}
