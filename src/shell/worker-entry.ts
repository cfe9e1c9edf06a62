/**
 * The worker's program, and `capstan/worker` for those who run one inside their own process.
 *
 * As a program: options (`WorkerOptions`) come as one JSON argument or in CAPSTAN_WORKER_OPTIONS,
 * the token in CAPSTAN_TOKEN. One JSON line on stdout says that it listens; the log goes to stderr.
 * SIGTERM and SIGINT make it leave (exit 0); a second one ends it at once, and so does the end of
 * its parent. Exit codes are those of the error registry.
 *
 * @module
 */

import { CapstanError, errorRegistry } from "../model/errors.ts";
import { createLogger, type Logger, parseLogLevel } from "./logging/logger.ts";
import { watchForParent } from "./worker-process/orphan-watch.ts";
import { parseWorkerOptions, type WorkerOptions } from "./worker-process/worker-options.ts";
import { type RunningWorker, runWorker } from "./worker-process/worker-process.ts";

export type { WorkerOptions } from "./worker-process/worker-options.ts";
export { type RunningWorker, runWorker } from "./worker-process/worker-process.ts";

async function main(): Promise<void> {
  const level = parseLogLevel("CAPSTAN_LOG_LEVEL", process.env.CAPSTAN_LOG_LEVEL ?? "info");
  const logger = createLogger({ name: "worker", level });
  process.on("uncaughtException", (error) => exitWith(logger, error));
  try {
    const options = readOptions();
    const endWatch = watchForParent(options.parentPid, (reason) => {
      logger.warn({ reason }, "orphaned: ending at once");
      process.exit(1);
    });
    const worker = await runWorker(options, logger);
    announce(worker);
    leaveOnSignals(worker, logger);
    worker.stuck.then((lane) => {
      const message = `the thread of lane ${lane} does not end: the worker is recycled`;
      exitWith(logger, new CapstanError("BUG", message));
    });
    worker.rejected.then((error) => exitWith(logger, error));
    await worker.left;
    await worker.close();
    endWatch();
    process.exit(0);
  } catch (error) {
    exitWith(logger, error);
  }
}

function readOptions(): WorkerOptions {
  const text = process.argv[2] ?? process.env.CAPSTAN_WORKER_OPTIONS ?? "";
  const token = process.env.CAPSTAN_TOKEN;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    const message = `the worker's options are not JSON: ${JSON.stringify(text)}`;
    throw new CapstanError("INVALID_ARGUMENT", message, { cause });
  }
  const options = parseWorkerOptions(raw);
  return { ...options, token: options.token ?? (token === "" ? undefined : token) };
}

function announce({ workerId, incarnation, address }: RunningWorker): void {
  const line = JSON.stringify({ workerId, incarnation, pid: process.pid, address });
  process.stdout.write(`${line}\n`);
}

function leaveOnSignals(worker: RunningWorker, logger: Logger): void {
  let isLeaving = false;
  const onSignal = (signal: string) => {
    if (isLeaving) process.exit(1);
    isLeaving = true;
    logger.info({ signal }, "leaving");
    void worker.leave();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

function exitWith(logger: Logger, error: unknown): never {
  const code = error instanceof CapstanError ? error.code : "BUG";
  const message = error instanceof Error ? error.message : String(error);
  logger.fatal({ code, err: error }, message);
  process.exit(errorRegistry[code].exitCode);
}

if (import.meta.main) await main();
