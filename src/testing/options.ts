/**
 * The options of a simulated cluster, parsed once into plain numbers.
 *
 * @module
 */

import type { Attributes } from "../model/constraints.ts";
import {
  fieldPath,
  invalidArgument,
  invalidSpec,
  parseArray,
  parseFields,
  parseInteger,
  parsePlainObject,
  parseText,
} from "../model/parse-fields.ts";
import type { DurationOption } from "../model/parse-job.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import { parseResources, type ResourceOptions, resourceNames } from "../model/parse-resources.ts";
import { noResources } from "../model/resources.ts";
import type { HostOptions } from "../simulator/simulated-host.ts";
import { type FaultOptions, type FaultRates, parseFaults } from "./fault-options.ts";
import { patienceMsDefault, simulatedDelayMsMax, simulatedWorkersMax } from "./limits.ts";
import { parseTakes, type Takes, type TakesUs } from "./takes.ts";

/** What one simulated worker has. Default: 4 CPUs, 16 GiB of memory, 100 GiB of disk. */
export interface WorkerOptions extends ResourceOptions {
  /** Default `w1`, `w2`, … in order. */
  readonly id?: string | undefined;
  /** For constraints and gangs. Default none. */
  readonly attributes?: Attributes | undefined;
  /** Functions that run at once. Default: its CPUs, rounded up. */
  readonly threads?: number | undefined;
  /** Commands that run at once. Default 256. */
  readonly commandSlots?: number | undefined;
}

export interface SimulateOptions {
  /** Everything that is drawn follows from it: 0 or more. Default 1. */
  readonly seed?: number | undefined;
  /** How many, or each of them. Default 2. */
  readonly workers?: number | readonly WorkerOptions[] | undefined;
  /** Virtual run time of what nobody said more about. Default `"1s"`. */
  readonly takes?: Takes | undefined;
  /** Faults that happen by themselves: none (the default), drawn by the seed, or those named. */
  readonly faults?: "none" | "swarm" | FaultOptions | undefined;
  /** Messages take up to so long in the network. Default 1 ms. */
  readonly networkDelayMax?: DurationOption | undefined;
  /** A write of the controller's journal takes up to so long. Default 1 ms. */
  readonly syncDelayMax?: DurationOption | undefined;
  /**
   * Real time that virtual time stands still for one asynchronous function. Default 1 s. More lets
   * slower functions be deterministic; less makes those quicker that wait for their signal.
   */
  readonly patience?: DurationOption | undefined;
}

/** One worker, parsed. */
export interface WorkerPlan {
  readonly host: Omit<HostOptions, "place">;
  readonly slots: number;
}

export interface SimulateSettings {
  readonly seed: number;
  readonly workers: readonly WorkerPlan[];
  readonly takes: TakesUs;
  readonly faults: FaultRates | "swarm";
  readonly delayUsMax: number;
  readonly syncUsMax: number;
  readonly patienceMs: number;
}

/** Those of a cluster whose seed somebody else names. */
export const optionNamesBesideSeed = [
  "workers",
  "takes",
  "faults",
  "networkDelayMax",
  "syncDelayMax",
  "patience",
] as const;
const optionNames = ["seed", ...optionNamesBesideSeed] as const;
const ownWorkerNames = ["id", "attributes", "threads", "commandSlots"] as const;

const workerResources = {
  ...noResources,
  cpuMilli: 4_000,
  memoryBytes: 16 * 1024 ** 3,
  diskBytes: 100 * 1024 ** 3,
};

/** Throws INVALID_ARGUMENT or INVALID_SPEC naming the option. */
export function parseSimulateOptions(options: unknown): SimulateSettings {
  const fields = parseFields("", options, optionNames);
  const {
    seed = 1,
    workers = 2,
    takes = "1s",
    faults = "none",
    networkDelayMax = 1,
    syncDelayMax = 1,
    patience = patienceMsDefault,
  } = fields;
  return {
    seed: parseInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER),
    workers: parseWorkers(workers),
    takes: parseTakes("takes", takes),
    faults: faults === "swarm" ? "swarm" : parseFaults("faults", faults),
    delayUsMax: parseDelayUs("networkDelayMax", networkDelayMax),
    syncUsMax: parseDelayUs("syncDelayMax", syncDelayMax),
    patienceMs: parseDurationMs("patience", patience),
  };
}

function parseDelayUs(field: string, value: unknown): number {
  const ms = parseInteger(field, parseDurationMs(field, value), 0, simulatedDelayMsMax);
  return Math.max(1, ms * 1000);
}

function parseWorkers(value: unknown): readonly WorkerPlan[] {
  if (typeof value === "number") {
    const count = parseInteger("workers", value, 0, simulatedWorkersMax);
    return Array.from({ length: count }, (_, index) => parseWorker("workers", {}, `w${index + 1}`));
  }
  const plans = parseArray("workers", value, simulatedWorkersMax).map((worker, index) =>
    parseWorker(`workers[${index}]`, worker, `w${index + 1}`),
  );
  const ids = plans.map(({ host }) => host.workerId);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalidSpec("workers", `the id ${twice} is given twice`);
  return plans;
}

/** One worker. Throws INVALID_ARGUMENT or INVALID_SPEC naming the field below `field`. */
export function parseWorker(field: string, value: unknown, idDefault: string): WorkerPlan {
  const fields = parseFields(field, value, [...ownWorkerNames, ...resourceNames]);
  const { id, attributes, threads, commandSlots, ...resources } = fields as WorkerOptions;
  const at = (name: (typeof ownWorkerNames)[number]) => fieldPath(field, name);
  const capacity = parseResources(field, resources, workerResources);
  const slots = threads ?? Math.max(1, Math.ceil(capacity.cpuMilli / 1000));
  return {
    host: {
      workerId: id === undefined ? idDefault : parseText(at("id"), id, 128),
      capacity,
      attributes: parseAttributes(at("attributes"), attributes ?? {}),
      commandSlots: parseInteger(at("commandSlots"), commandSlots ?? 256, 0, 65_536),
    },
    slots: parseInteger(at("threads"), slots, 1, 1_024),
  };
}

function parseAttributes(field: string, value: unknown): Attributes {
  for (const [key, text] of Object.entries(parsePlainObject(field, value))) {
    if (typeof text !== "string") throw invalidArgument(fieldPath(field, key), text, "text");
  }
  return value as Attributes;
}
