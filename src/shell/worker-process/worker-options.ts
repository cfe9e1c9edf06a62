/**
 * What a worker process is started with.
 *
 * @module
 */

import { totalmem } from "node:os";
import type { Attributes } from "../../model/constraints.ts";
import { CapstanError } from "../../model/errors.ts";
import { noResources, type Resources } from "../../model/resources.ts";
import { parseAddress } from "../data-plane/peer-connection.ts";
import {
  commandSlotsDefault,
  memoryPauseShare,
  memoryProcessBytes,
  memoryTargetBytesMin,
  memoryTargetShare,
} from "./limits.ts";

export interface WorkerOptions {
  /** `http://host:port` of the controller. */
  readonly controllerUrl: string;
  /** The cluster's token; needed if the controller has one. */
  readonly token?: string | undefined;
  /** Stable over restarts; no two live workers share one. */
  readonly workerId: string;
  /** Executor threads: how many functions run at once. At least 1. */
  readonly slots: number;
  /** How many commands run at once; 0 refuses them all. Default `commandSlotsDefault`. */
  readonly commandSlots?: number | undefined;
  /** What this worker offers; believed as declared. */
  readonly capacity: Resources;
  /** For constraints, besides what the machine says of itself; these win. Default none. */
  readonly attributes?: Attributes | undefined;
  /** `host:port` on which values are given to others. Default `127.0.0.1:0` (any free port). */
  readonly listen?: string | undefined;
  /** `host:port` under which others reach it. Default: `listen` with the real port. */
  readonly advertise?: string | undefined;
  /**
   * Bundles, the directories and logs of commands, and what the next agent of this worker needs to
   * find them again; made if it is not there. No two live workers share one.
   */
  readonly workDir: string;
  /** The worker ends when this process is not its parent any more. Default: nobody is watched. */
  readonly parentPid?: number | undefined;
  /**
   * Bytes of values that stay in memory; above it those that were used least recently go to the
   * disk. Lower: more is written and read. Higher: less is left for what functions need. Default
   * 60 % of the memory in `capacity`, and 64 MiB at least; without memory there, no bound.
   */
  readonly memoryTargetBytes?: number | undefined;
  /**
   * Bytes in use, of this process or of values, above which nothing is started or fetched. Default
   * 80 % of the memory in `capacity`, and 512 MiB above the target at least.
   */
  readonly memoryPauseBytes?: number | undefined;
  /**
   * When it is told to leave, it waits for at most so long until others have what only it holds,
   * milliseconds. Lower: it goes sooner, and more is computed again. 0: it does not wait. Default
   * `drainTimeoutMsDefault`.
   */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * Milliseconds from its start after which a process that runs functions is not used again. Lower:
   * more is started. Higher: what tasks leave behind stays for longer. Default ten minutes.
   */
  readonly processAgeMaxMs?: number | undefined;
  /**
   * Bytes of such a process, after a task, from which on it is not used again; half of the task's
   * own limit if that is less. Lower: more is started. Higher: leaks stay. Default 1 GiB.
   */
  readonly processRssBytesMax?: number | undefined;
  /** Heap limit of each executor thread in MiB. Default: the engine's. */
  readonly heapLimitMib?: number | undefined;
}

const optionNames = [
  "controllerUrl",
  "token",
  "workerId",
  "slots",
  "commandSlots",
  "capacity",
  "attributes",
  "listen",
  "advertise",
  "workDir",
  "parentPid",
  "memoryTargetBytes",
  "memoryPauseBytes",
  "drainTimeoutMs",
  "processAgeMaxMs",
  "processRssBytesMax",
  "heapLimitMib",
];

/** Bound to, but nobody's: whoever calls them calls itself. */
const everyAddress = ["0.0.0.0", "::"];

type Raw = { readonly [name: string]: unknown };

/** @throws CapstanError INVALID_ARGUMENT that names the field and what was expected. */
export function parseWorkerOptions(value: unknown): WorkerOptions {
  const raw = parseObject("the worker's options", value);
  const unknown = Object.keys(raw).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) refuse(unknown, `one of ${optionNames.join(", ")}`, raw[unknown]);
  const listen = parseOptionalText(raw, "listen") ?? "127.0.0.1:0";
  const advertise = parseOptionalText(raw, "advertise");
  const isForAll = everyAddress.includes(parseAddress(listen).host);
  if (advertise !== undefined) parseAddress(advertise);
  else if (isForAll)
    refuse("advertise", `what others can reach, as listen is ${listen}`, advertise);
  return {
    controllerUrl: parseText(raw, "controllerUrl"),
    token: parseOptionalText(raw, "token"),
    workerId: parseText(raw, "workerId"),
    slots: parseCount(raw, "slots", 1),
    commandSlots: parseCount({ commandSlots: commandSlotsDefault, ...raw }, "commandSlots", 0),
    capacity: parseCapacity(raw.capacity),
    attributes: parseAttributes(raw.attributes),
    listen,
    advertise,
    workDir: parseText(raw, "workDir"),
    parentPid: raw.parentPid === undefined ? undefined : parseCount(raw, "parentPid", 1),
    memoryTargetBytes: parseOptionalCount(raw, "memoryTargetBytes"),
    memoryPauseBytes: parseOptionalCount(raw, "memoryPauseBytes"),
    drainTimeoutMs:
      raw.drainTimeoutMs === undefined ? undefined : parseCount(raw, "drainTimeoutMs", 0),
    processAgeMaxMs: parseOptionalCount(raw, "processAgeMaxMs"),
    processRssBytesMax: parseOptionalCount(raw, "processRssBytesMax"),
    heapLimitMib: raw.heapLimitMib === undefined ? undefined : parseCount(raw, "heapLimitMib", 1),
  };
}

/** How much memory values and the process may take: as it is said, or by what the worker has. */
export function memoryBoundsOf({ capacity, memoryTargetBytes, memoryPauseBytes }: WorkerOptions) {
  const { memoryBytes } = capacity;
  // What is declared may be more than there is.
  const real = memoryBytes === 0 ? Infinity : Math.min(memoryBytes, totalmem());
  const target = memoryTargetBytes ?? Math.max(real * memoryTargetShare, memoryTargetBytesMin);
  const pause = memoryPauseBytes ?? Math.max(real * memoryPauseShare, target + memoryProcessBytes);
  if (pause < target) {
    const message = "memoryPauseBytes: expected at least memoryTargetBytes";
    throw new CapstanError("INVALID_ARGUMENT", `${message}, ${Math.floor(target)}, got ${pause}`);
  }
  return { memoryTargetBytes: Math.floor(target), memoryPauseBytes: Math.floor(pause) };
}

function parseCapacity(value: unknown): Resources {
  const raw = parseObject("capacity", value);
  const unknown = Object.keys(raw).find((name) => !(name in noResources));
  if (unknown !== undefined) refuse(`capacity.${unknown}`, "a known resource", raw[unknown]);
  return {
    cpuMilli: parseCount(raw, "cpuMilli", 0),
    memoryBytes: parseCount(raw, "memoryBytes", 0),
    diskBytes: parseCount(raw, "diskBytes", 0),
    devices: (raw.devices ?? []) as Resources["devices"],
    custom: (raw.custom ?? {}) as Resources["custom"],
  };
}

function parseAttributes(value: unknown): Attributes {
  const raw = parseObject("attributes", value ?? {});
  for (const key of Object.keys(raw)) parseText(raw, key);
  return raw as Attributes;
}

function parseObject(field: string, value: unknown): Raw {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(field, "an object", value);
  }
  return value as Raw;
}

function parseText(raw: Raw, field: string): string {
  const value = raw[field];
  return typeof value === "string" && value !== ""
    ? value
    : refuse(field, "a text that is not empty", value);
}

function parseOptionalText(raw: Raw, field: string): string | undefined {
  return raw[field] === undefined ? undefined : parseText(raw, field);
}

function parseCount(raw: Raw, field: string, least: number): number {
  const value = raw[field];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least
    ? value
    : refuse(field, `a whole number of at least ${least}`, value);
}

function parseOptionalCount(raw: Raw, field: string): number | undefined {
  return raw[field] === undefined ? undefined : parseCount(raw, field, 1);
}

function refuse(field: string, expected: string, value: unknown): never {
  const given = value === undefined ? "nothing" : JSON.stringify(value);
  throw new CapstanError("INVALID_ARGUMENT", `${field}: expected ${expected}, got ${given}`);
}
