/**
 * The worker's program, and `capstan/worker` for those who run one inside their own process.
 *
 * As a program: options (`WorkerOptions`) come as one JSON argument or in CAPSTAN_WORKER_OPTIONS,
 * the token in CAPSTAN_TOKEN. One JSON line on stdout says that it listens; the log goes to stderr.
 * SIGTERM and SIGINT make it leave (exit 0); a second one ends it at once, and so does the end of
 * its parent. In all these cases its commands end with it. If it ends by a bug or by SIGKILL they
 * go on, and the next worker with this id and work directory takes them over. Exit codes are those
 * of the error registry.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError, errorRegistry } from "../model/errors.ts";
import { createLogger, type Logger, parseLogLevel } from "./logging/logger.ts";
import { closeTimeoutMs, orphanGraceMs } from "./worker-process/limits.ts";
import { watchForParent } from "./worker-process/orphan-watch.ts";
import { parseWorkerOptions, type WorkerOptions } from "./worker-process/worker-options.ts";
import { type RunningWorker, runWorker } from "./worker-process/worker-process.ts";

export { createLogger, type Logger } from "./logging/logger.ts";
export type { WorkerOptions } from "./worker-process/worker-options.ts";
export { type RunningWorker, runWorker } from "./worker-process/worker-process.ts";

async function main(): Promise<void> {
  const level = parseLogLevel("CAPSTAN_LOG_LEVEL", process.env.CAPSTAN_LOG_LEVEL ?? "info");
  const logger = createLogger({ name: "worker", level });
  process.on("uncaughtException", (error) => exitWith(logger, error));
  try {
    const options = readOptions();
    let worker: RunningWorker | null = null;
    const endWatch = watchForParent(options.parentPid, (reason) => {
      logger.warn({ reason }, "orphaned: ending at once");
      void endNow(worker, 1, orphanGraceMs);
    });
    worker = await runWorker(options, logger);
    announce(worker);
    leaveOnSignals(worker, logger);
    await serve(worker, logger);
    endWatch();
    process.exit(0);
  } catch (error) {
    exitWith(logger, error);
  }
}

/** Until it has left, or cannot go on. */
async function serve(worker: RunningWorker, logger: Logger): Promise<void> {
  worker.stuck.then((lane) => {
    const message = `the thread of lane ${lane} does not end: the worker is recycled`;
    exitWith(logger, new CapstanError("BUG", message));
  });
  worker.rejected.then(async (error) => {
    await withDeadline(worker.close());
    exitWith(logger, error);
  });
  await worker.left;
  await worker.close();
}

/** Ends with everything that runs here; twice is once. */
async function endNow(
  worker: RunningWorker | null,
  exitCode: number,
  graceMs: number,
): Promise<never> {
  if (worker !== null) await withDeadline(worker.close(graceMs));
  return process.exit(exitCode);
}

async function withDeadline(work: Promise<void>): Promise<void> {
  await Promise.race([work, sleep(closeTimeoutMs, undefined, { ref: false })]);
}

function readOptions(): WorkerOptions {
  const text = process.argv[2] ?? process.env.CAPSTAN_WORKER_OPTIONS ?? "";
  const token = process.env.CAPSTAN_TOKEN;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    // Neither the text nor what the parser says of it, which quotes it: a token may be in it.
    throw new CapstanError("INVALID_ARGUMENT", "the worker's options are not JSON");
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
    if (isLeaving) return void endNow(worker, 1, 0);
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
