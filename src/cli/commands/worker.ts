/**
 * `capstan worker --controller URL`: one worker, in this process, until it is asked to end.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, hostname, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { parseCpuMilli } from "../../model/parse-quantities.ts";
import { commandSlotsDefault } from "../../shell/worker-process/limits.ts";
import { freeDiskBytes } from "../../shell/worker-process/machine.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseName, parseText, targetOf } from "../global-flags.ts";
import { parseAttributes, parseCustom, parseDevices } from "../parse-capacity.ts";
import { parseCount, parseMemoryText, parseNumber, parseWhole } from "../parse-flags.ts";
import { parseDurationText } from "../parse-job-flags.ts";
import { runEntry } from "../run-entry.ts";

interface WorkerFlags extends GlobalFlags {
  readonly controller?: string;
  readonly id?: string;
  readonly cpu?: number;
  readonly memory?: string;
  readonly memoryTarget?: string;
  readonly memoryPause?: string;
  readonly drainTimeout?: string;
  readonly processAge?: string;
  readonly processMemory?: string;
  readonly disk?: string;
  readonly device?: readonly string[];
  readonly resource?: readonly string[];
  readonly attribute?: readonly string[];
  readonly threads?: number;
  readonly slots?: number;
  readonly processes?: number;
  readonly commands?: number;
  readonly listen: string;
  readonly advertise?: string;
  readonly workDir?: string;
}

async function runWorkerHere(terminal: Terminal, flags: WorkerFlags): Promise<number> {
  const url = flags.controller ?? flags.url;
  const target = targetOf(url === undefined ? flags : { ...flags, url }, terminal);
  refuseProcesses(flags);
  refuseNobodysAddress(flags);
  const cpuMilli = parseCpuMilli("--cpu", flags.cpu ?? flags.threads ?? availableParallelism());
  if (flags.slots !== undefined && flags.threads !== undefined) {
    throw new CapstanError("INVALID_ARGUMENT", "--threads and --slots are one flag: give one");
  }
  const slots = flags.slots ?? flags.threads ?? Math.max(1, Math.ceil(cpuMilli / 1_000));
  warnOfMoreThanReal(terminal, flags, cpuMilli);
  const settings = {
    controllerUrl: target.url,
    workerId: flags.id ?? `${hostname()}-${process.pid}`,
    slots,
    ...(flags.commands === undefined ? {} : { commandSlots: flags.commands }),
    ...memoryBoundsIn(flags),
    ...drainTimeoutIn(flags),
    ...processBoundsIn(flags),
    capacity: {
      cpuMilli,
      memoryBytes: flags.memory === undefined ? totalmem() : memoryOf(flags.memory),
      diskBytes: diskOf(flags),
      devices: parseDevices(flags.device ?? []),
      custom: parseCustom(flags.resource ?? []),
    },
    attributes: parseAttributes(flags.attribute ?? []),
    listen: flags.listen,
    ...(flags.advertise === undefined ? {} : { advertise: flags.advertise }),
  };
  if (flags.workDir !== undefined) {
    return runEntry("worker-entry", { ...settings, workDir: flags.workDir }, target.token);
  }
  const workDir = mkdtempSync(join(tmpdir(), "capstan-worker-"));
  try {
    return await runEntry("worker-entry", { ...settings, workDir }, target.token);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** What is free where the work directory is, or will be. */
function diskOf({ disk, workDir }: WorkerFlags): number {
  if (disk !== undefined) return parseMemoryText("--disk", disk);
  const directory = workDir ?? tmpdir();
  return freeDiskBytes(existsSync(directory) ? directory : dirname(resolve(directory)));
}

function memoryBoundsIn({ memoryTarget: target, memoryPause: pause }: WorkerFlags): object {
  return {
    ...(target && { memoryTargetBytes: parseMemoryText("--memory-target", target) }),
    ...(pause && { memoryPauseBytes: parseMemoryText("--memory-pause", pause) }),
  };
}

function drainTimeoutIn({ drainTimeout: text }: WorkerFlags): object {
  return text === undefined ? {} : { drainTimeoutMs: parseDurationText("--drain-timeout", text) };
}

function processBoundsIn({ processAge: age, processMemory: memory }: WorkerFlags): object {
  return {
    ...(age && { processAgeMaxMs: parseDurationText("--process-age", age) }),
    ...(memory && { processRssBytesMax: parseMemoryText("--process-memory", memory) }),
  };
}

function memoryOf(text: string): number {
  return parseMemoryText("--memory", text);
}

function refuseProcesses({ processes }: WorkerFlags): void {
  if (processes === undefined) return;
  const functions = "--threads N is how many functions run at once, in threads or in processes";
  throw new CapstanError(
    "INVALID_SPEC",
    `--processes: ${functions}; --commands N, how many commands`,
  );
}

/** The worker says so too, but as a program does that nobody looks at. */
function refuseNobodysAddress({ listen, advertise }: WorkerFlags): void {
  if (advertise !== undefined || !nobodysAddress.test(listen)) return;
  const expected = "say with --advertise HOST:PORT where others reach it";
  throw new CapstanError("INVALID_ARGUMENT", `--listen ${listen} is nobody's address: ${expected}`);
}

/** Declared capacity is believed, so that a small machine can stand for a large one. */
function warnOfMoreThanReal(terminal: Terminal, flags: WorkerFlags, cpuMilli: number): void {
  const cores = availableParallelism();
  if (cpuMilli > cores * 1_000) {
    terminal.stderr.write(`capstan: --cpu ${flags.cpu} is more than the ${cores} cores here\n`);
  }
  if (flags.memory === undefined) return;
  if (memoryOf(flags.memory) > totalmem()) {
    terminal.stderr.write(`capstan: --memory ${flags.memory} is more than this machine has\n`);
  }
}

/** Checks an address to listen on: `HOST:PORT`. */
export function parseListen(text: string): string {
  if (/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i.test(text)) return text;
  throw new CapstanError("INVALID_ARGUMENT", `expected HOST:PORT, not "${text}"`);
}

/** All addresses of a machine. */
const nobodysAddress = /^(0\.0\.0\.0|\[[0:]+\]):/;

/** Checks an address for others to use: `HOST:PORT`, where somebody can be reached. */
export function parseAdvertise(text: string): string {
  const isNobody = nobodysAddress.test(text) || /:0+$/.test(text);
  if (!isNobody) return parseListen(text);
  const expected = "an address or name that others can reach, and its port";
  throw new CapstanError("INVALID_ARGUMENT", `expected HOST:PORT, ${expected}, not "${text}"`);
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;
const texts = { ...text, variadic: true } as const;

export const workerCommand = buildCommand<WorkerFlags, [], CliContext>({
  func: command(runWorkerHere),
  parameters: {
    flags: {
      ...globalFlags,
      controller: { ...text, placeholder: "URL", brief: "Address of the controller" },
      id: {
        ...{ ...text, parse: parseName },
        brief: "Name of this worker, the same at every start [host-pid]",
      },
      cpu: { kind: "parsed", parse: parseNumber, optional: true, brief: "CPUs [the cores here]" },
      memory: { ...text, brief: 'Memory, such as "8g" [what the machine has]' },
      memoryTarget: { ...text, brief: "Values in memory; others go to disk [60 % of the memory]" },
      memoryPause: { ...text, brief: "Memory in use above which nothing starts [80 % of it]" },
      drainTimeout: { ...text, brief: "Wait so long for copies of its values, told to end [10s]" },
      processAge: {
        ...text,
        brief: "A function's process older than this ends after its task [10m]",
      },
      processMemory: { ...text, brief: "One that is larger than this ends after its task [1g]" },
      disk: { ...text, brief: 'Disk, such as "50g" [what is free for the work directory]' },
      device: { ...texts, placeholder: "KIND:VARIANT:COUNT", brief: "Devices; may be repeated" },
      resource: { ...texts, placeholder: "NAME=N", brief: "A counter; may be repeated" },
      attribute: { ...texts, placeholder: "K=V", brief: "An attribute; may be repeated" },
      threads: { kind: "parsed", parse: parseCount, optional: true, brief: "Threads [CPUs]" },
      slots: { kind: "parsed", parse: parseCount, optional: true, brief: "Same as --threads" },
      processes: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        hidden: true,
        brief: "Refused: --threads counts functions, also in processes",
      },
      commands: {
        kind: "parsed",
        parse: parseWhole,
        optional: true,
        brief: `Commands at once [${commandSlotsDefault}]`,
      },
      listen: {
        kind: "parsed",
        parse: parseListen,
        default: "127.0.0.1:0",
        placeholder: "HOST:PORT",
        brief: "Where other workers fetch values",
      },
      advertise: {
        kind: "parsed",
        parse: parseAdvertise,
        optional: true,
        placeholder: "HOST:PORT",
        brief: "The address or name that others see [as it listens]",
      },
      workDir: { ...text, placeholder: "DIR", brief: "Scratch space [a temporary directory]" },
    },
  },
  docs: { brief: "Run one worker in this process" },
});
