/**
 * The GPU cluster of Alibaba, 2023 ("openb"): a list of nodes and lists of pods, as CSV.
 *
 * A card's model is an attribute, `gpu-model`, and the variant of the devices; a pod that names
 * models is constrained to them.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import type { Constraint } from "../model/constraints.ts";
import { noResources, type Resources } from "../model/resources.ts";
import { type Row, readTable } from "./read-table.ts";
import type { MachineClass, PlannedCluster, PlannedTask, Workload } from "./workload.ts";

const mebibyte = 1024 * 1024;
const modelAttribute = "gpu-model";

/** Programs that a node of this cluster may run at once: more than any of them has CPU for. */
const commandSlots = 65_536;

export const openbNodeColumns = ["sn", "cpu_milli", "memory_mib", "gpu", "model"] as const;
export const openbPodColumns = ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"] as const;

export function readOpenbNodes(file: string, text: string): PlannedCluster {
  return { name: file, machines: readTable(file, text, openbNodeColumns).map(machineOf) };
}

function machineOf(row: Row): MachineClass {
  const model = row.text("model").toLowerCase();
  const countMilli = row.count("gpu") * 1_000;
  const device = { kind: "gpu", variant: model, countMilli, indices: [] };
  return {
    name: row.text("sn"),
    count: 1,
    capacity: { ...plainOf(row), devices: countMilli === 0 ? [] : [device] },
    attributes: model === "" ? {} : { [modelAttribute]: model },
    commandSlots,
  };
}

/** A pod that was never deleted does not end. */
export function readOpenbPods(file: string, text: string): Workload {
  const rows = readTable(file, text, openbPodColumns);
  const first = rows.reduce((least, row) => Math.min(least, row.amount("creation_time", 0)), 1e15);
  return { name: file, tasks: rows.map((row) => taskOf(row, first)), isGraph: false, notes: [] };
}

function taskOf(row: Row, first: number): PlannedTask {
  const created = row.amount("creation_time", 0);
  const started = row.amount("scheduled_time", created);
  const runS = row.amount("deletion_time", Number.MAX_VALUE) - Math.max(created, started);
  return {
    name: row.text("name"),
    user: "openb",
    resources: { ...plainOf(row), devices: devicesOf(row) },
    constraints: constraintsOf(row),
    band: "batch",
    priority: 0,
    submitUs: (created - first) * 1e6,
    runUs: runS > 1e12 ? Number.POSITIVE_INFINITY : Math.max(1, runS) * 1e6,
    limitUs: 0,
    dependencies: [],
  };
}

function plainOf(row: Row): Resources {
  const memoryBytes = row.count("memory_mib") * mebibyte;
  return { ...noResources, cpuMilli: row.count("cpu_milli"), memoryBytes };
}

/** Only a pod with one GPU shares it; any other takes whole ones. */
function devicesOf(row: Row): Resources["devices"] {
  const count = row.count("num_gpu");
  const countMilli = count === 1 ? row.count("gpu_milli") : count * 1_000;
  if (countMilli > 1_000 * Math.max(1, count)) throw row.error("gpu_milli", "more than one GPU");
  if (countMilli === 0) return [];
  return [{ kind: "gpu", variant: anyVariant, countMilli, indices: [] }];
}

function constraintsOf(row: Row): Constraint[] {
  const models = row.text("gpu_spec").toLowerCase();
  if (models === "") return [];
  return [{ key: modelAttribute, op: "in", values: models.split("|"), mode: "REQUIRED" }];
}
