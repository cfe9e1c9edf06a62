/**
 * The options of a local cluster, parsed once into plain numbers.
 *
 * @module
 */

import { mkdtempSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import type { Attributes } from "../model/constraints.ts";
import { CapstanError } from "../model/errors.ts";
import { parseFields } from "../model/parse-fields.ts";
import type { DeviceAmount } from "../model/resources.ts";
import { makeDirectory } from "../shell/make-directory.ts";
import { freeDiskBytes } from "../shell/worker-process/machine.ts";
import type { ExitStatus } from "./child.ts";

/** What a worker process did without being asked to. */
export interface WorkerExit {
  readonly workerId: string;
  readonly incarnation: string;
  readonly pid: number;
  readonly status: ExitStatus;
  /** Whether another process takes its place. */
  readonly restarts: boolean;
}

/** What one worker offers; what is not said is as for all. None of it need exist. */
export interface LocalWorkerOptions {
  /** CPUs. */
  readonly cpu?: number;
  /** Bytes of memory. */
  readonly memory?: number;
  /** Bytes of disk; default: an equal share of what is free. */
  readonly disk?: number;
  /** Bytes of values that stay in memory; default: 60 % of `memory`. */
  readonly memoryTarget?: number;
  /** Milliseconds after which a function's process is not used again; default ten minutes. */
  readonly processAge?: number;
  /** Bytes from which on a function's process is not used again; default 1 GiB. */
  readonly processMemory?: number;
  /** Functions that run at once. */
  readonly threads?: number;
  /** Commands that run at once; default 256. */
  readonly commandSlots?: number;
  /** Counts in thousandths, without indices; default none. */
  readonly devices?: readonly Omit<DeviceAmount, "indices">[];
  /** Counters by lower-case name, in thousandths; default none. */
  readonly custom?: { readonly [name: string]: number };
  /** For constraints and gangs, besides what the machine says of itself. */
  readonly attributes?: Attributes;
}

/** What `startLocalProcesses` takes. */
export interface LocalOptions {
  /** Worker processes, at least 0. */
  readonly workers: number;
  /** CPUs that each worker declares; default: one per thread. Need not exist. */
  readonly cpu?: number;
  /** Bytes of memory that each worker declares; default: an equal share of the machine's. */
  readonly memory?: number;
  /** Tasks that each worker runs at once; default: `cpu`, else an equal share of the cores. */
  readonly threads?: number;
  /** What differs for the worker in place `index`, from 0. Called once for each start of one. */
  readonly workerOptions?: (index: number) => LocalWorkerOptions;
  /** Port of the controller; default 0, which takes a free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1. Anything but loopback needs a token. */
  readonly host?: string;
  /** Where the journal lives; without it nothing survives the cluster. */
  readonly dataDir?: string;
  /** What clients and workers must show; default: none, which only loopback allows. */
  readonly token?: string;
  /** Log of all processes; default `capstan.log` in the data directory or in a temporary one. */
  readonly logFile?: string;
  /** Logs go to this process's stderr instead of a file. Default false. */
  readonly verbose?: boolean;
  /** Start a worker again when it ends by itself. Default true. */
  readonly restart?: boolean;
  /** Told where the controller serves, before any worker is there. */
  readonly onServing?: (url: string) => void;
  /** Told of each worker that ended without being asked to. */
  readonly onWorkerExit?: (exit: WorkerExit) => void;
  /** Told when the controller ended without being asked to. */
  readonly onControllerExit?: (status: ExitStatus) => void;
}

/** The options with every default filled in. */
export interface LocalSettings {
  readonly workers: number;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly threads: number;
  readonly workerOptions: (index: number) => LocalWorkerOptions;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string | undefined;
  readonly token: string | undefined;
  readonly logFile: string | null;
  readonly restart: boolean;
  /** Scratch space of the workers; ours to remove when `temporary`. */
  readonly workDir: string;
  readonly temporary: boolean;
  readonly onServing: (url: string) => void;
  readonly onWorkerExit: (exit: WorkerExit) => void;
  readonly onControllerExit: (status: ExitStatus) => void;
}

const optionNames = [
  "workers",
  "cpu",
  "memory",
  "threads",
  "workerOptions",
  "port",
  "host",
  "dataDir",
  "token",
  "logFile",
  "verbose",
  "restart",
  "onServing",
  "onWorkerExit",
  "onControllerExit",
] as const satisfies readonly (keyof LocalOptions)[];

const workerOptionNames = [
  "cpu",
  "memory",
  "disk",
  "memoryTarget",
  "processAge",
  "processMemory",
  "threads",
  "commandSlots",
  "devices",
  "custom",
  "attributes",
] as const satisfies readonly (keyof LocalWorkerOptions)[];

const noted = () => undefined;

/** Checks the options and fills in the defaults. Throws CapstanError INVALID_ARGUMENT. */
export function settingsOf(options: LocalOptions): LocalSettings {
  parseFields("", options, optionNames);
  const { workers } = options;
  checkInteger("workers", workers, 0, 1_024);
  checkInteger("port", options.port ?? 0, 0, 65_535);
  const threads = threadsOf(options);
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  if (dataDir !== undefined) makeDirectory(dataDir, "the data directory");
  const workDir = dataDir ?? mkdtempSync(join(tmpdir(), "capstan-"));
  return {
    workers,
    threads,
    cpuMilli: Math.round((options.cpu ?? threads) * 1_000),
    memoryBytes: options.memory ?? Math.floor(totalmem() / Math.max(1, workers)),
    diskBytes: Math.floor(freeDiskBytes(workDir) / Math.max(1, workers)),
    workerOptions: options.workerOptions ?? (() => ({})),
    port: options.port ?? 0,
    host: options.host ?? "127.0.0.1",
    dataDir,
    token: options.token,
    logFile: options.verbose === true ? null : (options.logFile ?? join(workDir, "capstan.log")),
    restart: options.restart ?? true,
    workDir,
    temporary: dataDir === undefined,
    onServing: options.onServing ?? noted,
    onWorkerExit: options.onWorkerExit ?? noted,
    onControllerExit: options.onControllerExit ?? noted,
  };
}

/** What worker `index` is started with: slots and what it offers. Throws INVALID_ARGUMENT. */
export function workerOfferOf(settings: LocalSettings, index: number): object {
  const options = settings.workerOptions(index);
  parseFields("workerOptions", options, workerOptionNames);
  const { memory = settings.memoryBytes, disk = settings.diskBytes } = options;
  const { cpu, threads, commandSlots } = options;
  if (cpu !== undefined) checkAmount("cpu", cpu);
  checkInteger("memory", memory, 0, 2 ** 53 - 1);
  checkInteger("disk", disk, 0, 2 ** 53 - 1);
  const cpuMilli = cpu === undefined ? settings.cpuMilli : Math.round(cpu * 1_000);
  const slots = threads ?? (cpu === undefined ? settings.threads : Math.max(1, Math.ceil(cpu)));
  checkInteger("threads", slots, 1, 1_024);
  if (commandSlots !== undefined) checkInteger("commandSlots", commandSlots, 0, 65_536);
  const bounds = { ...(commandSlots === undefined ? {} : { commandSlots }), ...boundsOf(options) };
  const { devices = [], custom = {}, attributes = {} } = options;
  // The worker numbers them: all that were declared, from 0.
  const unnumbered = devices.map((device): DeviceAmount => ({ ...device, indices: [] }));
  const capacity = { cpuMilli, memoryBytes: memory, diskBytes: disk, devices: unnumbered, custom };
  return { slots, ...bounds, capacity, attributes };
}

/** What is said of memory and processes; the worker has defaults for the rest. */
function boundsOf(options: LocalWorkerOptions): { readonly [name: string]: number } {
  const said: { [name: string]: number } = {};
  for (const [name, option] of [
    ["memoryTarget", "memoryTargetBytes"],
    ["processAge", "processAgeMaxMs"],
    ["processMemory", "processRssBytesMax"],
  ] as const) {
    const value = options[name];
    if (value === undefined) continue;
    checkInteger(name, value, 1, 2 ** 53 - 1);
    said[option] = value;
  }
  return said;
}

function threadsOf(options: LocalOptions): number {
  const share = Math.floor(availableParallelism() / Math.max(1, options.workers));
  if (options.cpu !== undefined) checkAmount("cpu", options.cpu);
  if (options.memory !== undefined) checkInteger("memory", options.memory, 0, 2 ** 53 - 1);
  const threads = options.threads ?? Math.max(1, Math.ceil(options.cpu ?? share));
  checkInteger("threads", threads, 1, 1_024);
  return threads;
}

function checkInteger(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const expected = `an integer from ${min} to ${max}`;
  throw new CapstanError("INVALID_ARGUMENT", `${field} must be ${expected}, not ${value}`);
}

function checkAmount(field: string, value: number): void {
  if (Number.isFinite(value) && value > 0 && value <= 1_000_000) return;
  throw new CapstanError("INVALID_ARGUMENT", `${field} must be a number above 0, not ${value}`);
}
