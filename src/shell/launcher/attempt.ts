/**
 * One attempt that runs, from its start to the end of its last process.
 *
 *     running ─▶ main process gone ─▶ leftovers gone ─▶ pipes at their end ─▶ ended
 *        └ stopping: SIGTERM … SIGKILL ┘
 *
 * Whoever wants it stopped, the real exit status is what is reported. It never ends while a process
 * of it lives, and nothing but its processes' end ends it.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { AttemptFile } from "./attempt-files.ts";
import type { AttemptGroups } from "./attempt-groups.ts";
import { type AttemptOutput, noOutput } from "./attempt-output.ts";
import { AttemptUsage } from "./attempt-usage.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import type { ExitRecord, StopReason } from "./exit-record.ts";
import { leftoverGraceMsMax, pipeDrainMs, treePollMaxMs, treePollMinMs } from "./limits.ts";
import type { Survivor } from "./messages.ts";
import { isAlive, type ProcessIdentity, signalGroup, signalProcess } from "./process-table.ts";
import type { ProcessTree } from "./process-tree.ts";
import type { MainExit } from "./starter.ts";

/** When a worker last renewed the leases, on the clock of `performance.now()`. */
export interface Leases {
  renewedAt: number;
}

export interface AttemptParts {
  readonly file: AttemptFile;
  readonly tree: ProcessTree;
  readonly groups: AttemptGroups;
  readonly leases: Leases;
  /** Null: its pipes ended with the launcher that had them. */
  readonly output: AttemptOutput | null;
  /** The pid of its main process, as soon as that is known. */
  readonly begun: Promise<number>;
  /** Null if nobody was told how it ended. */
  readonly exit: Promise<MainExit | null>;
  /** For people, in the exit record. */
  readonly message: string;
}

export class Attempt {
  readonly #parts: AttemptParts;
  readonly #usage: AttemptUsage;
  readonly #startedAt: number;
  readonly #deadlines = new DeadlineTimer(() => this.#onDeadline());
  readonly #killing = new DeadlineTimer(() => void this.#kill());
  #stop: StopReason = "none";
  #killAt = Number.POSITIVE_INFINITY;
  #mainPid: number;
  #mainIsGone = false;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#mainPid = parts.file.pid;
    parts.begun.then((pid) => {
      this.#mainPid = pid;
    });
    this.#usage = new AttemptUsage(parts.file, parts.groups, parts.tree);
    this.#startedAt = performance.now() - Math.max(0, Date.now() - parts.file.startedAtMs);
    this.#deadlines.set(performance.now()); // In the next turn: it may be over already.
  }

  get survivor(): Survivor {
    const { file } = this.#parts;
    const { attemptId, tag } = file.order;
    return { attemptId, tag, pid: this.#mainPid, startedAtMs: file.startedAtMs };
  }

  /** SIGTERM now, SIGKILL to all of it after `graceMs`. Repeated, the earlier SIGKILL counts. */
  stop(reason: StopReason, graceMs: number): void {
    const killAt = performance.now() + graceMs;
    this.#killAt = Math.min(this.#killAt, killAt);
    if (this.#mainIsGone) return; // What is left is being ended already, and looks at the time.
    if (this.#stop === "none") {
      this.#stop = reason;
      void this.#parts.begun.then(() => this.#terminate());
    }
    this.#killing.set(this.#killAt);
  }

  /** No worker is connected any more. */
  onWorkerGone(): void {
    if (this.#parts.file.order.endsWithWorker) this.stop("lease", 0);
  }

  /** With the grace of its order. */
  stopForGood(): void {
    this.stop("stopped", this.#parts.file.order.graceMs);
  }

  /** Looks at what it uses, if it is time to. Kills it if that is more memory than it may have. */
  async measure(): Promise<void> {
    if (this.#mainIsGone || !this.#usage.isDue()) return;
    if (await this.#usage.measure()) await this.#kill();
  }

  /** Resolves when it has ended. Called once. */
  async run(): Promise<ExitRecord> {
    const exit = await this.#parts.exit;
    this.#mainIsGone = true;
    this.#deadlines.clear();
    this.#killing.clear();
    await this.#clearLeftovers();
    const endedAtMs = Date.now();
    const output = await this.#parts.output?.close(pipeDrainMs);
    const { file } = this.#parts;
    return {
      ...this.survivor,
      ...this.#statusOf(exit, output?.stderrTail ?? ""),
      stop: this.#stop,
      endedAtMs: Math.max(endedAtMs, file.startedAtMs),
      ...this.#usage.total(),
      ...(output ?? noOutput),
    };
  }

  #statusOf(exit: MainExit | null, stderrTail: string): ExitStatus {
    const { message, file } = this.#parts;
    if (exit === null) return { kind: "lost", exitCode: null, signal: null, message };
    if (exit.neverRan) return neverRan(file.order.argv, stderrTail);
    return { kind: "exited", exitCode: exit.exitCode, signal: exit.signal, message };
  }

  #onDeadline(): void {
    const { order } = this.#parts.file;
    const now = performance.now();
    const timeoutAt = deadlineAfter(this.#startedAt, order.timeoutMs);
    const renewedAt = Math.max(this.#startedAt, this.#parts.leases.renewedAt);
    const leaseAt = deadlineAfter(renewedAt, order.leaseMs);
    if (timeoutAt <= now) this.stop("timeout", order.graceMs);
    else if (leaseAt <= now) this.stop("lease", order.graceMs);
    else this.#deadlines.set(Math.min(timeoutAt, leaseAt));
  }

  /** To the group; sessions that it made are told when the main process is gone. */
  #terminate(): void {
    const leader = this.#leader();
    if (this.#mainIsGone || !isAlive(leader)) return;
    signalGroup(leader.pid, "SIGTERM");
    signalGroup(leader.pid, "SIGCONT"); // One that is stopped would not hear it.
  }

  /** Until the main process is gone; what it leaves is killed by `#clearLeftovers`. */
  async #kill(): Promise<void> {
    const leader = this.#leader();
    const isAlone = this.#parts.groups.starterPid === 0;
    if (isAlone && !this.#mainIsGone && isAlive(leader)) signalGroup(leader.pid, "SIGKILL");
    await this.#parts.tree.kill();
    if (!this.#mainIsGone) this.#killing.set(performance.now() + treePollMaxMs);
  }

  async #clearLeftovers(): Promise<void> {
    const graceMs = Math.min(this.#parts.file.order.graceMs, leftoverGraceMsMax);
    this.#killAt = Math.min(this.#killAt, performance.now() + graceMs);
    const told = new Set<string>();
    for (let pauseMs = treePollMinMs; ; pauseMs = Math.min(pauseMs * 2, treePollMaxMs)) {
      const members = await this.#parts.tree.members();
      if (members.length === 0) return;
      terminateNew(members, told);
      const leftMs = this.#killAt - performance.now();
      if (leftMs <= 0) await this.#parts.tree.kill();
      await delay(leftMs > 0 ? Math.min(pauseMs, leftMs) : pauseMs);
    }
  }

  #leader(): ProcessIdentity {
    const { leaderPid, leaderStartTicks } = this.#parts.file;
    return { pid: leaderPid, startTicks: leaderStartTicks };
  }
}

type ExitStatus = Pick<ExitRecord, "kind" | "exitCode" | "signal" | "message">;

function neverRan(argv: readonly string[], said: string): ExitStatus {
  const why = said.trim();
  const kind = why === "" ? "start-refused" : "start-failed";
  const reason = why === "" ? "the shell that was to start it has ended" : why;
  const message = `argv[0]: ${JSON.stringify(argv[0])} could not be started: ${reason}`;
  return { kind, exitCode: null, signal: null, message };
}

function terminateNew(members: readonly ProcessIdentity[], told: Set<string>): void {
  for (const member of members) {
    const name = `${member.pid}:${member.startTicks}`;
    if (told.has(name)) continue;
    told.add(name);
    signalProcess(member, "SIGTERM");
    signalProcess(member, "SIGCONT");
  }
}

function deadlineAfter(at: number, durationMs: number): number {
  return durationMs === 0 ? Number.POSITIVE_INFINITY : at + durationMs;
}
