/**
 * Which format a file has, by what is in it.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { readEsteeGraph, readWorkflow } from "./read-graphs.ts";
import { openbNodeColumns, openbPodColumns, readOpenbNodes, readOpenbPods } from "./read-openb.ts";
import { plainColumns, readCluster, readPlainTable, readPlainWorkload } from "./read-plain.ts";
import { readSwf } from "./read-swf.ts";
import type { PlannedCluster, Workload } from "./workload.ts";

const formats =
  "a CSV with a column run_s or of openb pods, an SWF log, or JSON with tasks " +
  "(docs/guide-simulate.md has examples)";

/** A workload. `graph` names one of a file of several. */
export function readWorkload(file: string, text: string, graph: string | undefined): Workload {
  const start = text.trimStart();
  if (start.startsWith("{")) return readJsonWorkload(file, parseJson(file, text), graph);
  const [header] = start.split("\n", 1);
  const columns = header.split(",").map((name) => name.trim());
  if (openbPodColumns.every((name) => columns.includes(name))) return readOpenbPods(file, text);
  if (plainColumns.every((name) => columns.includes(name))) return readPlainTable(file, start);
  if (/\.swf\b/.test(file) || start.startsWith(";")) return readSwf(file, text);
  throw new CapstanError("INVALID_ARGUMENT", `${file}: no known workload; expected ${formats}`);
}

function readJsonWorkload(file: string, json: object, graph: string | undefined): Workload {
  if (!("tasks" in json)) {
    const graphs = new Map<string, unknown>(Object.entries(json));
    const one = graph === undefined ? undefined : graphs.get(graph);
    if (typeof one === "object" && one !== null)
      return readJsonWorkload(`${file}:${graph}`, one, "");
    const known = [...graphs.keys()].join(", ");
    const what = graph === undefined ? "name one with --graph" : `there is no ${graph}`;
    throw new CapstanError("INVALID_ARGUMENT", `${file}: ${what}; it has ${known}`);
  }
  const [first] = Array.isArray(json.tasks) ? json.tasks : [];
  if (Array.isArray(first)) return readWorkflow(file, json);
  if (typeof first === "object" && first !== null && "d" in first) {
    return readEsteeGraph(file, json);
  }
  return readPlainWorkload(file, json);
}

export function readClusterFile(file: string, text: string): PlannedCluster {
  if (text.trimStart().startsWith("{")) return readCluster(file, parseJson(file, text));
  const columns = text.split("\n", 1)[0].split(",");
  if (columns.includes(openbNodeColumns[0])) return readOpenbNodes(file, text);
  const expected = '{"machines": [{"name", "count", "resources"}]}, or a CSV of openb nodes';
  throw new CapstanError("INVALID_ARGUMENT", `${file}: no known cluster; expected ${expected}`);
}

function parseJson(file: string, text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new CapstanError("INVALID_ARGUMENT", `${file}: ${(error as Error).message}`);
  }
}
