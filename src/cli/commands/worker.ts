/**
 * `capstan worker --controller URL`: one worker, in this process, until it is asked to end.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, hostname, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { parseCpuMilli, parseMemoryBytes } from "../../model/parse-quantities.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { parseAttributes, parseCustom, parseDevices } from "../parse-capacity.ts";
import { parseCount, parseNumber } from "../parse-flags.ts";
import { runEntry } from "../run-entry.ts";

interface WorkerFlags extends GlobalFlags {
  readonly controller?: string;
  readonly id?: string;
  readonly cpu?: number;
  readonly memory?: string;
  readonly disk?: string;
  readonly device?: readonly string[];
  readonly resource?: readonly string[];
  readonly attribute?: readonly string[];
  readonly threads?: number;
  readonly slots?: number;
  readonly listen: string;
  readonly advertise?: string;
  readonly workDir?: string;
}

async function runWorkerHere(terminal: Terminal, flags: WorkerFlags): Promise<number> {
  const url = flags.controller ?? flags.url;
  const target = targetOf(url === undefined ? flags : { ...flags, url }, terminal);
  const cpuMilli = parseCpuMilli("--cpu", flags.cpu ?? flags.threads ?? availableParallelism());
  const slots = flags.slots ?? flags.threads ?? Math.max(1, Math.ceil(cpuMilli / 1_000));
  warnOfMoreThanReal(terminal, flags, cpuMilli);
  const settings = {
    controllerUrl: target.url,
    workerId: flags.id ?? `${hostname()}-${process.pid}`,
    slots,
    capacity: {
      cpuMilli,
      memoryBytes: parseMemoryBytes("--memory", flags.memory ?? totalmem()),
      diskBytes: parseMemoryBytes("--disk", flags.disk ?? 0),
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

/** Declared capacity is believed, so that a small machine can stand for a large one. */
function warnOfMoreThanReal(terminal: Terminal, flags: WorkerFlags, cpuMilli: number): void {
  const cores = availableParallelism();
  if (cpuMilli > cores * 1_000) {
    terminal.stderr.write(`capstan: --cpu ${flags.cpu} is more than the ${cores} cores here\n`);
  }
  if (flags.memory === undefined) return;
  if (parseMemoryBytes("--memory", flags.memory) > totalmem()) {
    terminal.stderr.write(`capstan: --memory ${flags.memory} is more than this machine has\n`);
  }
}

/** Checks an address to listen on: `HOST:PORT`. */
export function parseListen(text: string): string {
  if (/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i.test(text)) return text;
  throw new CapstanError("INVALID_ARGUMENT", `expected HOST:PORT, not "${text}"`);
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;
const texts = { ...text, variadic: true } as const;

export const workerCommand = buildCommand<WorkerFlags, [], CliContext>({
  func: command(runWorkerHere),
  parameters: {
    flags: {
      ...globalFlags,
      controller: { ...text, placeholder: "URL", brief: "Address of the controller" },
      id: { ...text, brief: "Name of this worker, the same at every start [host-pid]" },
      cpu: { kind: "parsed", parse: parseNumber, optional: true, brief: "CPUs [the cores here]" },
      memory: { ...text, brief: 'Memory, such as "8g" [what the machine has]' },
      disk: { ...text, brief: 'Disk, such as "50g" [0]' },
      device: { ...texts, placeholder: "KIND:VARIANT:COUNT", brief: "Devices; may be repeated" },
      resource: { ...texts, placeholder: "NAME=N", brief: "A counter; may be repeated" },
      attribute: { ...texts, placeholder: "K=V", brief: "An attribute; may be repeated" },
      threads: { kind: "parsed", parse: parseCount, optional: true, brief: "Threads [CPUs]" },
      slots: { kind: "parsed", parse: parseCount, optional: true, brief: "Same as --threads" },
      listen: {
        kind: "parsed",
        parse: parseListen,
        default: "127.0.0.1:0",
        placeholder: "HOST:PORT",
        brief: "Where other workers fetch values",
      },
      advertise: { ...text, placeholder: "HOST:PORT", brief: "The address that others see" },
      workDir: { ...text, placeholder: "DIR", brief: "Scratch space [a temporary directory]" },
    },
  },
  docs: { brief: "Run one worker in this process" },
});
