/**
 * Where the real workloads lie: beside the project, or nowhere.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const folder = process.env.CAPSTAN_DATA ?? join(import.meta.dirname, "../../../shared/data");

/** Why there is nothing to measure with; "" if there is. */
export function whyNoData(): string {
  if (existsSync(folder)) return "";
  return `the real workloads are not at ${folder}; set CAPSTAN_DATA to where they are`;
}

/** A file of the data, unpacked if its name ends in `.gz`. */
export function readData(path: string): string {
  const bytes = readFileSync(join(folder, path));
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

export function hasData(path: string): boolean {
  return existsSync(join(folder, path));
}
