/**
 * Studies as text: a table of sets, failures with their causes, CSV and JSON.
 *
 * @module
 */

import type { ReplicateValue, StudyReport } from "../client/studies/read-study.ts";
import type { ReplicateFailure, SetResult } from "../client/studies/study-results.ts";
import { counted } from "../model/format-quantities.ts";
import { shownFailuresMax } from "./limits.ts";

/** A row of named cells. */
export type Cells = readonly (readonly [name: string, value: unknown])[];

/** `1.234` for a number, JSON for what is no text. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return `${Number(value.toPrecision(6))}`;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(cellText).join(", ")}]`;
  return jsonText(value);
}

/** JSON, with what JSON cannot say as its nearest: views as arrays, maps as entries. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === "bigint") return `${part}`;
    if (part instanceof Map || part instanceof Set) return [...part];
    if (ArrayBuffer.isView(part) && !(part instanceof DataView)) {
      return [...(part as unknown as Iterable<unknown>)];
    }
    return part;
  });
}

/** The fields of an object under `name.field`, one level deep; anything else under `name`. */
export function cellsOf(name: string, value: unknown): Cells {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[name, value]];
  if (ArrayBuffer.isView(value)) return [[name, value]];
  return Object.entries(value).map(([field, part]) => [`${name}.${field}`, part]);
}

/** Parameters without their prefix, then the value. */
export function resultCells({ parameters, value }: SetResult): Cells {
  const short = cellsOf("parameters", parameters).map(
    ([name, cell]) => [name.replace(/^parameters\./, ""), cell] as const,
  );
  return value === null ? short : [...short, ...cellsOf("value", value)];
}

/** Names of all cells of all rows, in the order in which they are met. */
export function columnsOf(rows: readonly Cells[]): readonly string[] {
  return [...new Set(rows.flatMap((cells) => cells.map(([name]) => name)))];
}

/** What `study run` and `study show` end with: everything in one line. */
export function closingLine({ sets, replicates }: StudyReport): string {
  const sum = (count: (set: SetResult) => number) => sets.reduce((all, set) => all + count(set), 0);
  const done = sets.filter(({ state }) => state === "SUCCEEDED" || state === "PARTIAL").length;
  const partial = sets.filter(({ state }) => state === "PARTIAL").length;
  const failed = sets.filter(({ state }) => state === "FAILED").length;
  return [
    `${sum(({ succeeded }) => succeeded)}/${sets.length * replicates} replicates`,
    `${done}/${sets.length} sets`,
    ...(partial === 0 ? [] : [`${partial} of them partial`]),
    `${counted(failed, "set")} failed`,
    `${counted(
      sum((set) => set.failed),
      "replicate",
    )} failed`,
  ].join(", ");
}

/** One line for each replicate that failed: which, why, where. */
export function failureLines(report: StudyReport): readonly string[] {
  const all = report.sets.flatMap((set) => set.failures.map((failure) => ({ set, failure })));
  const shown = all.slice(0, shownFailuresMax).map(({ set, failure }) => {
    return `set ${set.index} replicate ${failure.replicate}: ${describeFailure(failure)}`;
  });
  const more = report.sets.reduce((sum, set) => sum + set.failed, 0) - shown.length;
  return more > 0 ? [...shown, `and ${more} more: capstan study export`] : shown;
}

export function describeFailure({ code, message, worker, taskId }: ReplicateFailure): string {
  const where = worker === "" ? "" : ` on ${worker}`;
  const task = taskId === "" ? "" : ` (${taskId})`;
  return `${code}${where}: ${message}${task}`;
}

/** One line for each set. */
export function setsCsv({ sets }: StudyReport): string {
  const rows = sets.map(({ id, index, parameters, state, succeeded, failed, value, error }) => [
    ...Object.entries({ index, id, state, succeeded, failed }),
    ...cellsOf("parameters", parameters),
    ...(value === null ? [] : cellsOf("value", value)),
    ["error", error] as const,
  ]);
  return csvOf(rows);
}

/** One line for each replicate with a value. */
export function replicatesCsv(values: Iterable<ReplicateValue>): string {
  const rows = Array.from(values, ({ set, replicate, seed, value }) => [
    ...Object.entries({ set: set.index, id: set.id, replicate, seed }),
    ...cellsOf("parameters", set.parameters),
    ...cellsOf("value", value),
  ]);
  return csvOf(rows);
}

/** RFC 4180: a header, lines that end with CRLF, quotes where they are needed. */
function csvOf(rows: readonly Cells[]): string {
  const columns = columnsOf(rows);
  const lines = rows.map((cells) => {
    const byName = new Map(cells);
    return columns.map((column) => quoted(exactText(byName.get(column)))).join(",");
  });
  return [columns.map(quoted).join(","), ...lines].map((line) => `${line}\r\n`).join("");
}

/** Numbers with all of their digits. */
function exactText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : jsonText(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
