/**
 * The executor of functions in processes, with a launcher of its own, for tests.
 *
 * @module
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { formatAttemptId } from "../../src/model/ids.ts";
import {
  AttemptDirectories,
  defaultRetention,
} from "../../src/shell/executor/command-directories.ts";
import { LauncherHold } from "../../src/shell/executor/command-launcher.ts";
import { noPlugins } from "../../src/shell/executor/execution.ts";
import { ExecutorStarts } from "../../src/shell/executor/executor-starts.ts";
import { ProcessExecutor } from "../../src/shell/executor/process-executor.ts";
import { ProcessPool, type ProcessPoolOptions } from "../../src/shell/executor/process-pool.ts";
import type { ProcessExecutionOrder } from "../../src/shell/executor/process-run.ts";
import { findLauncher } from "../../src/shell/launcher/claims.ts";
import { createLogger } from "../../src/shell/logging/logger.ts";
import { encodeArguments } from "../../src/shell/values/value-codec.ts";
import { BundleDirectory } from "./bundle-directory.ts";
import { RecordingSink } from "./recording-sink.ts";

const waitMsMax = 60_000;

/** When processes are not used again; by default as of a worker. */
type PoolBounds = Partial<Pick<ProcessPoolOptions, "ageMaxMs" | "rssBytesMax" | "starts">> & {
  /** Default 1. */
  readonly lanes?: number;
};

/** Everything that one test needs; `close` leaves nothing behind. */
export class FunctionProcesses {
  readonly directory: string;
  readonly sink = new RecordingSink();
  readonly bundles = new BundleDirectory();
  readonly executor: ProcessExecutor;
  readonly pool: ProcessPool;
  readonly hold: LauncherHold;
  /** What became of processes and why. */
  readonly told: string[];

  /** `directory`: of one whose agent is gone. */
  static async open(
    directory = mkdtempSync(join(tmpdir(), "capstan-processes-")),
    bounds: PoolBounds = {},
  ): Promise<FunctionProcesses> {
    const { lanes = 1 } = bounds;
    const logger = createLogger({ name: "test", level: "silent" });
    const hold = await LauncherHold.open({ stateDirectory: join(directory, "launcher"), logger });
    const processes = new FunctionProcesses(directory, hold, lanes, bounds);
    hold.addUser(processes.pool);
    await processes.pool.open();
    return processes;
  }

  private constructor(directory: string, hold: LauncherHold, lanes: number, bounds: PoolBounds) {
    this.directory = directory;
    this.hold = hold;
    this.told = [];
    const attemptsDirectory = join(directory, "attempts");
    mkdirSync(attemptsDirectory, { recursive: true });
    const logger = createLogger({ name: "test", level: "silent" });
    const debug = (fields: object) => void this.told.push(JSON.stringify(fields));
    this.pool = new ProcessPool({
      ...{ launcher: hold, directory: join(directory, "processes"), attemptsDirectory },
      ...{ workerId: "w", idleMax: lanes, heapLimitMib: 0 },
      ...{ ageMaxMs: 600_000, rssBytesMax: 2 ** 30, starts: new ExecutorStarts(), ...bounds },
      logger: Object.assign(Object.create(logger), { debug }),
    });
    const retention = defaultRetention;
    const directories = new AttemptDirectories({
      ...{ root: attemptsDirectory, retention, onTrouble: () => undefined },
    });
    const credentials = () => Promise.resolve({ url: "http://127.0.0.1:1", token: "t" });
    const { pool, sink } = this;
    this.executor = new ProcessExecutor({ lanes, pool, sink, directories, credentials });
  }

  /** Starts function `run` of a bundle. */
  start(
    execution: number,
    bundlePath: string,
    args: readonly unknown[] = [],
    overrides: Partial<ProcessExecutionOrder> = {},
  ): void {
    const identity = { execution, lane: 0, attempt: 100 + execution, task: 200 + execution };
    const owner = { user: "ann", priority: 0, plugins: noPlugins };
    const call = { ...owner, bundlePath, functionName: "run", inputs: [], inputTasks: [] };
    const limits = { memoryBytes: 0, cpuMilli: 0 };
    const encoded = encodeArguments(args, { root: "args" });
    this.executor.start({ ...identity, ...call, ...limits, args: encoded, ...overrides });
  }

  /** A bundle with one task, `run`. */
  bundle(source: string, extra = ""): string {
    return this.bundles.write({ run: source }, extra);
  }

  /** What the attempt of an execution has written so far, as its log has it. */
  log(execution: number): string {
    const path = join(
      this.directory,
      "attempts",
      formatAttemptId(100 + execution),
      "logs",
      "log.0",
    );
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** Agent and launcher are killed together: nobody is left who could end a process. */
  async die(): Promise<void> {
    const launcher = findLauncher(join(this.directory, "launcher"));
    if (launcher !== null) process.kill(launcher.pid, "SIGKILL");
    this.executor.close();
    await this.hold.shutdown();
    this.bundles[Symbol.dispose]();
  }

  async close(): Promise<void> {
    this.executor.close();
    await this.hold.shutdown();
    this.bundles[Symbol.dispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until `look` holds. */
export async function eventually(what: string, look: () => boolean): Promise<void> {
  const deadlineAt = performance.now() + waitMsMax;
  while (!look()) {
    if (performance.now() > deadlineAt) throw new Error(`not in time: ${what}`);
    await delay(5);
  }
}
