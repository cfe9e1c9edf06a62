/**
 * Task graphs as JSON: compact instances of WfCommons, and the graphs of Estee.
 *
 * Only run times, CPUs and edges are used: there is no network in a plan. All tasks come at once.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { noResources } from "../model/resources.ts";
import type { PlannedTask, Workload } from "./workload.ts";

/** A task of a graph before its dependencies are in order. */
interface Node {
  readonly name: string;
  readonly runS: number;
  readonly cpus: number;
  readonly parents: readonly number[];
}

/** `{ tasks: [[id, runtimeS, cores, memBytes, parents, …], …] }`. */
export function readWorkflow(file: string, json: unknown): Workload {
  const rows = arrayOf(file, "tasks", (json as { tasks?: unknown }).tasks);
  const nodes = rows.map((row, index): Node => {
    const where = `${file}: tasks[${index}]`;
    const [id, runS, cores, , parents] = arrayOf(where, "", row);
    return {
      name: String(id),
      runS: numberOf(where, "runtimeS", runS),
      cpus: Math.max(1, numberOf(where, "cores", cores ?? 1)),
      parents: arrayOf(where, "parents", parents).map((one) => numberOf(where, "parents", one)),
    };
  });
  return { name: file, tasks: tasksOf(file, nodes), isGraph: true, notes: [] };
}

/** `{ tasks: [{ d, cpus, inputs: [[task, output], …] }, …] }`. */
export function readEsteeGraph(file: string, json: unknown): Workload {
  const rows = arrayOf(file, "tasks", (json as { tasks?: unknown }).tasks);
  const nodes = rows.map((row, index): Node => {
    const where = `${file}: tasks[${index}]`;
    const { d, cpus, inputs } = row as { d?: unknown; cpus?: unknown; inputs?: unknown };
    const parents = arrayOf(where, "inputs", inputs).map((input) => {
      return numberOf(where, "inputs", arrayOf(where, "inputs", input)[0]);
    });
    return {
      name: `${index}`,
      runS: numberOf(where, "d", d),
      cpus: Math.max(1, numberOf(where, "cpus", cpus ?? 1)),
      parents: [...new Set(parents)],
    };
  });
  return { name: file, tasks: tasksOf(file, nodes), isGraph: true, notes: [] };
}

/** In an order in which every task stands behind those that it depends on. */
function tasksOf(file: string, nodes: readonly Node[]): PlannedTask[] {
  const children: number[][] = nodes.map(() => []);
  const missing = nodes.map(({ parents }) => parents.length);
  for (const [index, { parents, name }] of nodes.entries()) {
    for (const parent of parents) {
      if (nodes[parent] === undefined) {
        throw invalid(`${file}: task ${name} depends on task ${parent}, and there is none`);
      }
      children[parent].push(index);
    }
  }
  const order = [...nodes.keys()].filter((index) => missing[index] === 0);
  const places: number[] = [];
  for (let next = 0; next < order.length; next++) {
    places[order[next]] = next;
    for (const child of children[order[next]]) if (--missing[child] === 0) order.push(child);
  }
  if (order.length < nodes.length) {
    const { name } = nodes[missing.findIndex((count) => count > 0)];
    throw invalid(`${file}: task ${name} depends on itself, by way of others`);
  }
  return order.map((index) => plannedTask(nodes[index], places));
}

function plannedTask({ name, runS, cpus, parents }: Node, places: readonly number[]): PlannedTask {
  return {
    ...{
      name,
      user: "graph",
      constraints: [],
      band: "batch",
      priority: 0,
      submitUs: 0,
      limitUs: 0,
    },
    resources: { ...noResources, cpuMilli: Math.round(cpus * 1_000) },
    runUs: Math.round(runS * 1e6),
    dependencies: parents.map((parent) => places[parent]),
  };
}

function arrayOf(where: string, field: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`${where}: ${field === "" ? "" : `${field}: `}expected a list`);
}

function numberOf(where: string, field: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw invalid(`${where}: ${field}: expected a number of 0 or more`);
}

function invalid(message: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", message);
}
