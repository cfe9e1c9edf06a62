/**
 * Workers that run commands, against a controller that does what the test says: inside the test's
 * process, or as a process of its own that can be killed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { commandsOf, killHostProcesses } from "../../src/backends/host-processes.ts";
import { attemptId } from "../../src/model/ids.ts";
import { noResources } from "../../src/model/resources.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import type { AttemptContext } from "../../src/protocol/messages.ts";
import { createLogger } from "../../src/shell/logging/logger.ts";
import type { WorkerOptions } from "../../src/shell/worker-process/worker-options.ts";
import { type RunningWorker, runWorker } from "../../src/shell/worker-process/worker-process.ts";
import {
  ScriptedController,
  type ScriptedOptions,
  type WorkerPeer,
} from "./scripted-controller.ts";

const entry = fileURLToPath(new URL("../../src/shell/worker-entry.ts", import.meta.url));

/** Attempt `counter` of the first epoch. */
export function attempt(counter: number): number {
  return attemptId(1, counter);
}

/** What is closed when a test has ended, last first. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export async function aController(
  closers: Closers,
  options: ScriptedOptions = {},
): Promise<ScriptedController> {
  const controller = await ScriptedController.start(options);
  closers.add(() => controller.close());
  return controller;
}

/** A directory that goes with the test, and with it whatever was left running for it. */
export function aWorkDirectory(closers: Closers): string {
  const workDir = mkdtempSync(join(tmpdir(), "capstan-commands-test-"));
  closers.add(() => {
    killHostProcesses(workDir);
    rmSync(workDir, { recursive: true, force: true });
  });
  return workDir;
}

function optionsOf(controllerUrl: string, workDir: string): WorkerOptions {
  const capacity = { ...noResources, cpuMilli: 8_000, memoryBytes: 2 ** 30 };
  return { controllerUrl, workerId: "w", slots: 1, capacity, workDir };
}

/** In this process; it has not died before `close`. */
export async function aWorker(
  closers: Closers,
  controllerUrl: string,
  overrides: Partial<WorkerOptions> = {},
): Promise<RunningWorker & { readonly workDir: string }> {
  const workDir = overrides.workDir ?? aWorkDirectory(closers);
  const options = { ...optionsOf(controllerUrl, workDir), ...overrides };
  const worker = await runWorker(options, createLogger({ name: "worker", level: "silent" }));
  closers.add(() => worker.close());
  return Object.assign(worker, { workDir });
}

/** A process of its own. */
export interface WorkerChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly log: () => string;
  readonly exited: Promise<unknown>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export async function aWorkerProcess(
  closers: Closers,
  controllerUrl: string,
  workDir: string,
  overrides: Partial<WorkerOptions> = {},
): Promise<WorkerChild> {
  const options = { ...optionsOf(controllerUrl, workDir), ...overrides };
  const flags = ["--disable-warning=ExperimentalWarning", entry, JSON.stringify(options)];
  const child = spawn(process.execPath, flags, { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  closers.add(kill);
  const announced = await Promise.race([once(child.stdout, "data"), exited]);
  assert.ok(Buffer.isBuffer(announced[0]), `the worker ended: ${log}`);
  return { process: child, pid: child.pid ?? 0, log: () => log, exited, kill };
}

/** Tells the worker of a spec and orders attempt `counter` of it, as task `counter`. */
export function order(
  peer: WorkerPeer,
  counter: number,
  definition: TaskSpec,
  context?: Partial<AttemptContext>,
): void {
  peer.send({ type: "define-spec", spec: counter, definition });
  const named = context === undefined ? {} : { context: aContext(counter, context) };
  peer.compute([{ attempt: attempt(counter), task: counter, spec: counter, ...named }]);
}

export function aContext(counter: number, overrides: Partial<AttemptContext> = {}): AttemptContext {
  const attemptName = `1.${counter}`;
  return {
    ...{ taskId: `/root/job/0`, jobId: "/root/job", attemptId: attemptName, index: 0 },
    ...{ replicas: 1, devices: [], token: "", ...overrides },
  };
}

/** Tells the worker to stop attempt `counter`. */
export function stop(peer: WorkerPeer, counter: number): void {
  const attempts = Float64Array.of(attempt(counter));
  peer.send({ type: "stop", attempts, tasks: Float64Array.of(counter) });
}

/** Waits until `condition` holds; fails after 20 s, saying what it waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited for: ${what}`);
    await sleep(20);
  }
}

/** Resolves when no process of a command of this work directory lives. */
export function untilNothingRuns(workDir: string): Promise<void> {
  return until("the commands to be gone", () => commandsOf(workDir).length === 0);
}

/** Whether a process is there and not a zombie. */
export function lives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}
