/**
 * A starter: a small shell that starts programs for the launcher, one after the other. To fork a
 * shell costs a fraction of what it costs to fork the launcher, and the launcher does not wait for
 * it. A starter is the leader of a session and sits in control groups of its own; at any time all
 * else in them is of one attempt.
 *
 *     idle ─▶ ordered ─▶ running ─▶ over ─▶ idle again, if nothing of it is left
 *       └────────┴──────────┴────────┴────▶ gone
 *
 * A launcher that dies takes its starters along: each ends as soon as what it started has.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { constants } from "node:os";
import type { AttemptGroups } from "./attempt-groups.ts";
import type { ProcessIdentity } from "./process-table.ts";
import type { StarterPaths } from "./starter-script.ts";

/** How the main process of an attempt ended, as its parent was told. */
export interface MainExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It never became the program: what it wrote to stderr says why. */
  readonly neverRan: boolean;
}

/** One program under way. */
export interface ProgramRun {
  /** Its pid. Never settled if it ended first. */
  readonly begun: Promise<number>;
  readonly exit: Promise<MainExit>;
}

export interface StarterParts {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  readonly groups: AttemptGroups;
  readonly paths: StarterPaths;
  /** Written by us only. */
  readonly orders: number;
  /** Kept open, so that a program finds a reader when it opens the other end. */
  readonly readEnds: { readonly stdout: number; readonly stderr: number };
}

interface Running {
  readonly begin: (pid: number) => void;
  readonly end: (exit: MainExit) => void;
  pid: number;
  neverRan: boolean;
}

export class Starter {
  readonly parts: StarterParts;
  /** Resolves when its process is gone. */
  readonly gone: Promise<void>;
  #running: Running | null = null;
  #isGone = false;
  #isOpen = true;

  constructor(parts: StarterParts) {
    this.parts = parts;
    this.gone = new Promise((resolve) => {
      parts.child.once("exit", (_code, signal) => {
        this.#onGone(signal);
        resolve();
      });
    });
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get isAlive(): boolean {
    return !this.#isGone;
  }

  /** What it does before anything else. */
  tell(script: string): void {
    writeSync(this.parts.orders, script);
  }

  /** Starts what `script` says. One at a time. */
  run(script: string): ProgramRun {
    const begun = Promise.withResolvers<number>();
    const ended = Promise.withResolvers<MainExit>();
    const { resolve: begin } = begun;
    this.#running = { begin, end: ended.resolve, pid: 0, neverRan: false };
    if (this.#isGone) this.#onGone("SIGKILL");
    // A pipe that is empty takes a script whole: its size is bounded.
    else this.tell(script);
    return { begun: begun.promise, exit: ended.promise };
  }

  /** Nothing further is started; it ends when it has nothing to wait for. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const end of [this.parts.orders, ...Object.values(this.parts.readEnds)]) closeSync(end);
    // One that somebody stopped would not hear of it; an idle one has nothing to lose.
    if (this.#running === null) this.parts.child.kill("SIGKILL");
  }

  // What it tells.

  onStarted(pid: number): void {
    const running = this.#running;
    if (running === null) return;
    running.pid = pid;
    running.begin(pid);
  }

  onNeverRan(): void {
    if (this.#running !== null) this.#running.neverRan = true;
  }

  /** `status` as shells have it: of a signal, 128 more than its number. */
  onEnded(status: number, isSignal: boolean): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    const { neverRan } = running;
    const signal = isSignal ? signalNames[status - 128] : null;
    running.end({ exitCode: isSignal ? null : status, signal, neverRan });
  }

  /** Whoever ends a starter ends what it started: its group, or its control group. */
  #onGone(signal: string | null): void {
    this.#isGone = true;
    const running = this.#running;
    this.#running = null;
    const neverRan = running?.pid === 0;
    running?.end({ exitCode: null, signal: signal ?? "SIGKILL", neverRan });
  }
}

/** Where a number has two names (SIGABRT, SIGIOT) the first one, which people know. */
const signalNames: { readonly [number: number]: string } = Object.fromEntries(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name])
    .reverse(),
);
