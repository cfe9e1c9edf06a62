/**
 * Capstan's own formats of a plan: workloads as CSV or JSON, clusters as JSON.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import {
  fieldPath,
  invalidArgument,
  parseArray,
  parseFields,
  parseInteger,
  parsePlainObject,
  parseText,
} from "../model/parse-fields.ts";
import { parseResources, type ResourceOptions } from "../model/parse-resources.ts";
import { noResources } from "../model/resources.ts";
import { type Row, readTable } from "./read-table.ts";
import type { MachineClass, PlannedCluster, PlannedTask, Workload } from "./workload.ts";

export const plainColumns = ["run_s"] as const;

const entriesMax = 1_000_000;
const textMax = 200;
const commandSlotsDefault = 65_536;

/**
 * A table with a column `run_s`, and any of `name, user, submit_s, limit_s, cpu, memory, gpu,
 * gpu_variant, priority`. Memory is bytes, or text such as `8g`.
 */
export function readPlainTable(file: string, text: string): Workload {
  const tasks = readTable(file, text, plainColumns).map((row, index) => {
    return plannedRow(row, index);
  });
  tasks.sort((a, b) => a.submitUs - b.submitUs);
  return { name: file, tasks, isGraph: false, notes: [] };
}

function plannedRow(row: Row, index: number): PlannedTask {
  const gpu = row.amount("gpu", 0);
  const variant = row.text("gpu_variant");
  const device = { kind: "gpu", count: gpu, ...(variant === "" ? {} : { variant }) };
  const memory = row.text("memory");
  const options: ResourceOptions = {
    cpu: row.amount("cpu", 1),
    ...(memory === "" ? {} : { memory: /^\d+$/.test(memory) ? Number(memory) : memory }),
    ...(gpu === 0 ? {} : { device }),
  };
  return {
    name: row.text("name") || `${index}`,
    user: row.text("user") || "user",
    resources: parseResources(`${row.file}:${row.line}`, options),
    ...{ constraints: [], band: "batch", dependencies: [] },
    priority: row.count("priority", 0),
    submitUs: Math.round(row.amount("submit_s", 0) * 1e6),
    runUs: Math.round(row.amount("run_s") * 1e6),
    limitUs: Math.round(row.amount("limit_s", 0) * 1e6),
  };
}

const taskFields = [
  ...["name", "user", "submitS", "runS", "limitS", "priority", "resources", "after"],
] as const;

/** `{ tasks: [{ runS, name?, user?, submitS?, limitS?, priority?, resources?, after? }] }`. */
export function readPlainWorkload(file: string, json: unknown): Workload {
  const { tasks: entries } = parseFields(file, json, ["tasks"]);
  const list = parseArray(`${file}: tasks`, entries, entriesMax);
  const names = new Map<string, number>();
  const tasks = list.map((entry, index) => plannedEntry(`${file}: tasks[${index}]`, entry, names));
  const isGraph = tasks.some(({ dependencies }) => dependencies.length > 0);
  return { name: file, tasks: isGraph ? tasks : bySubmission(tasks), isGraph, notes: [] };
}

function bySubmission(tasks: PlannedTask[]): PlannedTask[] {
  return tasks.sort((a, b) => a.submitUs - b.submitUs);
}

/** `names`: places of the tasks before this one, which it adds itself to. */
function plannedEntry(where: string, entry: unknown, names: Map<string, number>): PlannedTask {
  const fields = parseFields(where, entry, taskFields);
  const name = parseText(fieldPath(where, "name"), fields.name ?? `${names.size}`, textMax);
  const after = parseArray(fieldPath(where, "after"), fields.after ?? [], entriesMax);
  const dependencies = after.map((one) => {
    const place = names.get(String(one));
    if (place !== undefined) return place;
    throw invalidArgument(fieldPath(where, "after"), one, "the name of a task above this one");
  });
  names.set(name, names.size);
  const priority = fields.priority ?? 0;
  return {
    name,
    user: parseText(fieldPath(where, "user"), fields.user ?? "user", textMax),
    resources: parseResources(fieldPath(where, "resources"), fields.resources ?? {}),
    ...{ constraints: [], band: "batch", dependencies },
    priority: parseInteger(fieldPath(where, "priority"), priority, -(2 ** 31), 2 ** 31),
    submitUs: microseconds(fieldPath(where, "submitS"), fields.submitS ?? 0),
    runUs: microseconds(fieldPath(where, "runS"), fields.runS),
    limitUs: microseconds(fieldPath(where, "limitS"), fields.limitS ?? 0),
  };
}

function microseconds(field: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) {
    return Math.round(value * 1e6);
  }
  throw invalidArgument(field, value, "seconds, 0 or more");
}

const machineFields = ["name", "count", "resources", "attributes", "commandSlots"] as const;

/** `{ machines: [{ name, count?, resources, attributes? }] }`. */
export function readCluster(file: string, json: unknown): PlannedCluster {
  const { machines: entries } = parseFields(file, json, ["machines"]);
  const list = parseArray(`${file}: machines`, entries, entriesMax);
  const machines = list.map((entry, index) => machineOf(`${file}: machines[${index}]`, entry));
  if (machines.length === 0) {
    throw new CapstanError("INVALID_ARGUMENT", `${file}: machines: a cluster has at least one`);
  }
  return { name: file, machines };
}

export function machineOf(where: string, entry: unknown): MachineClass {
  const fields = parseFields(where, entry, machineFields);
  const attributes = parsePlainObject(fieldPath(where, "attributes"), fields.attributes ?? {});
  const slots = fields.commandSlots ?? commandSlotsDefault;
  return {
    name: parseText(fieldPath(where, "name"), fields.name, textMax),
    count: parseInteger(fieldPath(where, "count"), fields.count ?? 1, 1, 1_000_000),
    capacity: parseResources(fieldPath(where, "resources"), fields.resources, noResources),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key, String(value)]),
    ),
    commandSlots: parseInteger(fieldPath(where, "commandSlots"), slots, 1, 1_000_000),
  };
}
