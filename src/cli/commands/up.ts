/**
 * `capstan up`: a controller and workers on this machine, as one tree of processes, until Ctrl-C.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { type ExitStatus, formatExit } from "../../backends/child.ts";
import { type LocalProcesses, startLocalProcesses } from "../../backends/local.ts";
import type { LocalWorkerOptions, WorkerExit } from "../../backends/local-options.ts";
import {
  newToken,
  removeTokenFile,
  tokenFileOf,
  tokenOfDataDirectory,
  writeTokenFile,
} from "../../backends/token-file.ts";
import { CapstanError } from "../../model/errors.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText } from "../global-flags.ts";
import { parseAttributes, parseDevices } from "../parse-capacity.ts";
import { parseCount, parseMemoryText, parseNumber, parsePort, parseWhole } from "../parse-flags.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { onStopSignal } from "../stop-signals.ts";

interface UpFlags extends GlobalFlags {
  readonly workers: number;
  readonly cpu?: number;
  readonly memory?: string;
  readonly memoryTarget?: string;
  readonly threads?: number;
  readonly disk?: string;
  readonly device?: readonly string[];
  readonly attribute?: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly verbose: boolean;
}

async function up(terminal: Terminal, flags: UpFlags): Promise<number> {
  const { memory, cpu, threads, data } = flags;
  const token = flags.token ?? (data === undefined ? newToken() : tokenOfDataDirectory(data));
  const ended = Promise.withResolvers<ExitStatus | "asked">();
  const stopAsking = onStopSignal(() => ended.resolve("asked"));
  const cluster = await startLocalProcesses({
    // Before it is ready: whoever waits for that finds the token.
    onServing: (url) => void writeTokenFile(tokenFileOf(url), token),
    workers: flags.workers,
    port: flags.port,
    host: flags.host,
    token,
    verbose: flags.verbose,
    ...(cpu === undefined ? {} : { cpu }),
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory: parseMemoryText("--memory", memory) }),
    ...(data === undefined ? {} : { dataDir: data }),
    workerOptions: workerOptionsOf(flags),
    onWorkerExit: (exit) => terminal.stderr.write(`capstan: ${describeWorkerExit(exit)}\n`),
    onControllerExit: (status) => {
      // What is in the journal goes on; without one there is nothing to go on with.
      if (data === undefined || status.signal === null) ended.resolve(status);
      else void restartController(terminal, cluster, status, ended);
    },
  });
  const tokenFile = tokenFileOf(cluster.url);
  announce(terminal, flags, cluster, tokenFile);
  const end = await ended.promise;
  if (!flags.json) printLines(terminal, ["", "stopping"]);
  await cluster.close();
  stopAsking();
  removeTokenFile(tokenFile, token);
  return end === "asked" ? exitCodes.ok : controllerEnded(cluster, end);
}

/** A controller that was killed, and not one that gave up, is started again on its journal. */
async function restartController(
  terminal: Terminal,
  cluster: LocalProcesses,
  status: ExitStatus,
  ended: PromiseWithResolvers<ExitStatus | "asked">,
): Promise<void> {
  const how = formatExit(status);
  terminal.stderr.write(`capstan: the controller ended with ${how}; starting it again\n`);
  try {
    await cluster.startController();
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error;
    terminal.stderr.write(`capstan: ${error.message}\n`);
    ended.resolve(status);
  }
}

/** What each worker declares besides. Its place is its index among the hosts of a gang. */
function workerOptionsOf(flags: UpFlags): (index: number) => LocalWorkerOptions {
  const declared = parseAttributes(flags.attribute ?? []);
  const devices = parseDevices(flags.device ?? []);
  const { disk, memoryTarget: target } = flags;
  const bytes = {
    ...(disk === undefined ? {} : { disk: parseMemoryText("--disk", disk) }),
    ...(target === undefined ? {} : { memoryTarget: parseMemoryText("--memory-target", target) }),
  };
  return (index) => ({
    ...bytes,
    devices,
    attributes: { "tpu-worker-id": String(index), ...declared },
  });
}

function controllerEnded(cluster: LocalProcesses, status: ExitStatus): never {
  const code = status.exitCode === 74 ? "DISK_FAILED" : "BUG";
  const log = cluster.logFile === null ? "" : ` Its log is ${cluster.logFile}.`;
  throw new CapstanError(code, `the controller ended with ${formatExit(status)}.${log}`);
}

function describeWorkerExit({ workerId, pid, status, restarts }: WorkerExit): string {
  const next = restarts ? "; starting it again" : "";
  return `worker ${workerId} (pid ${pid}) ended with ${formatExit(status)}${next}`;
}

function announce(
  terminal: Terminal,
  flags: UpFlags,
  cluster: LocalProcesses,
  tokenFile: string,
): void {
  const { url, controllerPid, workers, logFile } = cluster;
  if (flags.json) {
    printJson(terminal, { url, controllerPid, workers, tokenFile, logFile });
    return;
  }
  const { bold, dim } = paintFor(terminal);
  const pids = workers.map((worker) => worker.pid).join(", ");
  const those = workers.length === 0 ? "none" : `${workers.length} (pid ${pids})`;
  const option = url === "http://127.0.0.1:7070" ? "" : ` --url ${url}`;
  printLines(terminal, [
    `${bold("Capstan is up")} at ${bold(url)} (open it in a browser)`,
    `  controller  pid ${controllerPid}`,
    `  workers     ${those}`,
    `  journal     ${flags.data ?? "in memory: --data DIR keeps it"}`,
    `  token       ${tokenFile}`,
    `  log         ${logFile ?? "stderr"}`,
    "",
    "Next, in another terminal:",
    `  capstan worker list${option}`,
    `  capstan task list --unfinished${option}`,
    `  CAPSTAN_URL=${url} CAPSTAN_TOKEN=$(cat ${tokenFile}) node your-program.js`,
    "",
    dim("Ctrl-C stops everything."),
  ]);
}

const number = { kind: "parsed", parse: parseNumber, optional: true } as const;

const text = { kind: "parsed", parse: parseText, optional: true } as const;
const texts = { ...text, variadic: true } as const;

export const upCommand = buildCommand<UpFlags, [], CliContext>({
  func: command(up),
  parameters: {
    flags: {
      ...globalFlags,
      workers: { kind: "parsed", parse: parseWhole, default: "1", brief: "Worker processes" },
      cpu: { ...number, brief: "CPUs of each worker [its threads]" },
      memory: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        brief: 'Memory of each worker, such as "4g" [an equal share]',
      },
      memoryTarget: { ...text, brief: "Values of each worker in memory [60 % of its memory]" },
      threads: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        brief: "Tasks at once on each worker [its CPUs, else a share of the cores]",
      },
      disk: { ...text, brief: 'Disk of each worker, such as "50g" [an equal share]' },
      device: { ...texts, placeholder: "KIND:VARIANT:COUNT", brief: "Devices of each worker" },
      attribute: { ...texts, placeholder: "K=V", brief: "An attribute of each worker" },
      port: { kind: "parsed", parse: parsePort, default: "7070", brief: "Port; 0 is any free one" },
      host: {
        kind: "parsed",
        parse: parseText,
        default: "127.0.0.1",
        brief: "Address to listen on",
      },
      data: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "DIR",
        brief: "Directory of the journal [in memory]",
      },
      verbose: { kind: "boolean", default: false, brief: "Logs to stderr instead of a file" },
    },
  },
  docs: { brief: "Start a controller and workers on this machine" },
});
