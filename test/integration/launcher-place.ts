/**
 * A state directory with its launcher, for tests: launches attempts, collects what the launcher
 * says, and leaves nothing behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CapstanError } from "../../src/model/errors.ts";
import { findLauncher } from "../../src/shell/launcher/claims.ts";
import {
  type ExitRecord,
  type Launcher,
  type LaunchOrder,
  openLauncher,
} from "../../src/shell/launcher/launcher-client.ts";
import { isAlive, listPids, sightProcess } from "../../src/shell/launcher/process-table.ts";
import { createLogger } from "../../src/shell/logging/logger.ts";

const waitMsMax = 30_000;

export const quiet = createLogger({ name: "test", level: "silent" });

/** Waits until `look` answers anything but null, undefined or false. */
export async function eventually<T>(
  what: string,
  look: () => T | null | undefined | false,
): Promise<T> {
  const deadlineAt = performance.now() + waitMsMax;
  while (true) {
    const seen = look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    assert.ok(performance.now() < deadlineAt, `in time: ${what}`);
    await delay(5);
  }
}

/** One state directory. The test's end shuts the launcher down and removes everything. */
export class Place {
  readonly directory: string;
  readonly useCgroups: boolean;
  readonly records = new Map<string, ExitRecord>();
  /** Every record that was told, repeated ones too. */
  readonly told: ExitRecord[] = [];
  readonly startedPids = new Map<string, number>();
  readonly losses: CapstanError[] = [];
  acknowledges = true;
  #launcher: Launcher | null = null;
  #count = 0;

  constructor(t: TestContext, options: { readonly useCgroups?: boolean; under?: string } = {}) {
    this.directory = mkdtempSync(join(options.under ?? tmpdir(), "capstan-launcher-"));
    this.useCgroups = options.useCgroups ?? true;
    t.after(() => this.#remove());
  }

  get launcher(): Launcher {
    assert.ok(this.#launcher !== null, "the launcher is open");
    return this.#launcher;
  }

  async open(): Promise<Launcher> {
    const sink = {
      started: (attemptId: string, pid: number) => void this.startedPids.set(attemptId, pid),
      ended: (record: ExitRecord) => this.#onEnded(record),
      lost: (error: CapstanError) => void this.losses.push(error),
    };
    const { directory: stateDirectory, useCgroups } = this;
    this.#launcher = await openLauncher({ stateDirectory, sink, logger: quiet, useCgroups });
    return this.#launcher;
  }

  /** The id of a new attempt of `argv`. */
  launch(argv: readonly string[], options: Partial<LaunchOrder> = {}): string {
    const order = this.order(argv, options);
    this.launcher.launch(order);
    return order.attemptId;
  }

  order(argv: readonly string[], options: Partial<LaunchOrder> = {}): LaunchOrder {
    const attemptId = options.attemptId ?? `1.${++this.#count}`;
    const logDirectory = this.logDirectory(attemptId);
    mkdirSync(logDirectory, { recursive: true });
    return {
      ...{ attemptId, argv, logDirectory, cwd: this.directory, stdin: "", tag: null },
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      ...{ memoryBytes: 0, cpuMilli: 0, pidsMax: 0, stdoutResultBytesMax: 65_536 },
      ...{ timeoutMs: 0, graceMs: 5_000, leaseMs: 0, endsWithWorker: false, sections: null },
      ...options,
    };
  }

  logDirectory(attemptId: string): string {
    return join(this.directory, "logs", attemptId);
  }

  ended(attemptId: string): Promise<ExitRecord> {
    return eventually(`the end of ${attemptId}`, () => this.records.get(attemptId));
  }

  async run(argv: readonly string[], options: Partial<LaunchOrder> = {}): Promise<ExitRecord> {
    return this.ended(this.launch(argv, options));
  }

  /** A file that the attempt makes to say that it is so far. */
  async seen(name: string): Promise<void> {
    await eventually(`the file ${name}`, () => existsSync(join(this.directory, name)));
  }

  #onEnded(record: ExitRecord): void {
    this.told.push(record);
    this.records.set(record.attemptId, record);
    if (this.acknowledges) this.#launcher?.acknowledge(record.attemptId);
  }

  async #remove(): Promise<void> {
    this.acknowledges = true;
    // A test that failed may have left attempts without a launcher.
    if (readNames(join(this.directory, "attempts")).length > 0) await this.open();
    // Of several that were started together one may have come late.
    while (processesWith(this.directory).length > 0) {
      if (findLauncher(this.directory) === null) await delay(5);
      else await (await this.open()).shutdown();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Living processes with this argument somewhere in their command line. */
export function processesWith(word: string): readonly number[] {
  return listPids().filter((pid) => {
    return sightProcess(pid)?.isAlive === true && commandLine(pid).includes(word);
  });
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** Kills exactly this process and waits until it is gone. */
export async function killProcess(pid: number): Promise<void> {
  const identity = sightProcess(pid);
  assert.ok(identity !== null, `${pid} lives`);
  process.kill(pid, "SIGKILL");
  await eventually(`${pid} is gone`, () => !isAlive(identity));
}

/** The control groups of a launcher that is gone, in whichever hierarchy. */
export function groupsOf(launcherPid: number): readonly string[] {
  const root = "/sys/fs/cgroup";
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((hierarchy) => {
    const directory = join(root, hierarchy);
    return readNames(directory).filter((name) => name.startsWith(`capstan-${launcherPid}-`));
  });
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
