/**
 * Tables with a header line, fields separated by commas: rows that can say where they stand.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";

/** A row of a table. Getters throw INVALID_ARGUMENT that names the file, the line and the field. */
export class Row {
  readonly file: string;
  readonly line: number;
  readonly #fields: ReadonlyMap<string, string>;

  constructor(file: string, line: number, fields: ReadonlyMap<string, string>) {
    this.file = file;
    this.line = line;
    this.#fields = fields;
  }

  /** A field as it is; "" where the table has no such column. */
  text(name: string): string {
    return this.#fields.get(name) ?? "";
  }

  /** A number from 0 up; `missing` for an empty field. Without it the field must be there. */
  amount(name: string, missing?: number): number {
    const text = this.text(name);
    if (text === "" && missing !== undefined) return missing;
    const value = Number(text);
    if (text !== "" && Number.isFinite(value) && value >= 0) return value;
    throw this.error(name, `expected a number of 0 or more, not ${JSON.stringify(text)}`);
  }

  count(name: string, missing?: number): number {
    const value = this.amount(name, missing);
    if (Number.isSafeInteger(value)) return value;
    throw this.error(name, `expected a whole number, not ${this.text(name)}`);
  }

  error(field: string, problem: string): CapstanError {
    return new CapstanError("INVALID_ARGUMENT", `${this.file}:${this.line}: ${field}: ${problem}`);
  }
}

/** The rows of a table. Throws INVALID_ARGUMENT when a column of `needed` is missing. */
export function readTable(file: string, text: string, needed: readonly string[]): Row[] {
  const lines = text.split("\n").map((line) => line.trimEnd());
  const columns = fieldsOf(lines[0] ?? "");
  const missing = needed.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `${file}:1: no column ${missing.join(", ")}; the header has ${columns.join(", ")}`,
    );
  }
  const rows: Row[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === "") continue;
    const fields = fieldsOf(line);
    if (fields.length > columns.length) {
      const message = `${file}:${index + 1}: ${fields.length} fields, the header ${columns.length}`;
      throw new CapstanError("INVALID_ARGUMENT", message);
    }
    rows.push(new Row(file, index + 1, new Map(fields.map((field, at) => [columns[at], field]))));
  }
  return rows;
}

/** Fields may stand in double quotes, and then have commas in them. */
function fieldsOf(line: string): string[] {
  const fields: string[] = [];
  const form = /(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/y;
  while (form.lastIndex < line.length) {
    const match = form.exec(line);
    if (match === null) return line.split(",");
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2]).trim());
  }
  if (line.endsWith(",")) fields.push("");
  return fields;
}
