/**
 * What moves virtual time: it runs while the program waits for something of the cluster, and only
 * when the program has done all it can do now.
 *
 *     the program waits ─▶ its turn ─▶ events, until it may have heard something ─▶ its turn ─▶ …
 *
 * The functions of tasks are the program's too: virtual time stands still while one runs.
 *
 * @module
 */

import { setTimeout as pauseReal } from "node:timers/promises";
import type { Micros } from "../base/time.ts";
import type { OpenWait, WaitClock } from "../client/wait-clock.ts";
import type { Draws } from "../simulator/draws.ts";
import {
  eventsPerTurnMax,
  functionMsMax,
  pollMarginUs,
  quietUs,
  skipMarginUs,
  standstillGraceMs,
} from "./limits.ts";
import { StandstillError } from "./standstill-error.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What the drive asks of its cluster. */
export interface DriveHost {
  /** When anything was decided last. */
  readonly decidedAt: Micros;
  /** When a kernel has something to do, heartbeats and silence aside; infinity for never. */
  nextDeadline(): Micros;
  /** Virtual time is set ahead by `skippedUs`: nobody was silent in it. */
  skipped(skippedUs: number): void;
  /** Why nothing happens any more, as sentences. */
  explain(): readonly string[];
}

/** Where somebody began to wait: calls as in the `stack` of an error. */
interface WaitPlace {
  readonly stack: string;
}

/** A function of the program that has not returned. */
interface RunningFunction {
  readonly name: string;
  readonly settled: Promise<void>;
  /** Virtual time does not wait for it any more. */
  isLeftBehind: boolean;
  /** It waits for tasks of its own, which take virtual time. */
  isWaiting: boolean;
  /** Settles when it begins to wait so. */
  waitBegins: PromiseWithResolvers<void>;
}

/** What is told of a function that runs. */
export interface FunctionHandle {
  /** Nobody listens to it any more. */
  leave(): void;
  /** It waits for tasks of its own, or does not any more. */
  setWaits(waits: boolean): void;
}

export class Drive implements WaitClock {
  readonly #time: VirtualTime;
  readonly #draws: Draws;
  readonly #patienceMs: number;
  /** Each with the place of the program where it began. */
  readonly #waits = new Map<OpenWait, WaitPlace>();
  readonly #functions = new Set<RunningFunction>();
  readonly #host: DriveHost;
  #isRunning = false;
  /** The program may have something to do. */
  #hasNews = false;
  #broken: Error | null = null;

  constructor(time: VirtualTime, draws: Draws, patienceMs: number, host: DriveHost) {
    this.#time = time;
    this.#draws = draws;
    this.#patienceMs = patienceMs;
    this.#host = host;
  }

  nowMs(): number {
    return this.#time.elapsedMs;
  }

  /** The cluster's own: what is stamped there is stamped by it. */
  unixMs(): number {
    return this.#time.now / 1000;
  }

  after(delayMs: number, act: () => void): () => void {
    return this.#time.after(delayMs * 1000, () => {
      this.news();
      act();
    });
  }

  pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return this.#pause(delayMs, signal, () => () => undefined);
  }

  /** Who looks again where nothing was decided sees what it saw: it is left to wait. */
  async poll(delayMs: number, signal: AbortSignal): Promise<void> {
    const lookedAt = this.#time.now;
    const begin = (reject: (error: unknown) => void): (() => void) =>
      this.waits({ describe: () => "a job", fail: reject });
    do {
      await this.#pause(delayMs, signal, begin);
    } while (this.#host.decidedAt < lookedAt - pollMarginUs);
  }

  random(): number {
    return this.#draws.u32() / 0x100000000;
  }

  waits(wait: OpenWait): () => void {
    if (this.#broken !== null) {
      const error = this.#broken;
      queueMicrotask(() => wait.fail(error));
      return () => undefined;
    }
    const place = { stack: "" };
    Error.captureStackTrace(place, this.waits);
    this.#waits.set(wait, place);
    this.#wake();
    return () => void this.#waits.delete(wait);
  }

  /** Virtual time goes on while `run` is awaited. */
  async awaited<T>(what: string, run: () => Promise<T>): Promise<T> {
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined);
    const stop = this.waits({ describe: () => what, fail: failed.reject });
    try {
      return await Promise.race([run(), failed.promise]);
    } finally {
      stop();
    }
  }

  /** The program is wrong, or a promise of ours is broken: every wait fails with it, for good. */
  fail(error: unknown): void {
    const broken = this.#broken ?? (error instanceof Error ? error : new Error(String(error)));
    this.#broken = broken;
    this.#failAll(() => broken);
  }

  /** The program may have something to do: it gets its turn before virtual time goes on. */
  news(): void {
    this.#hasNews = true;
  }

  /** A function of the program runs: virtual time waits for it, within the patience. */
  runs(name: string, settled: Promise<void>): FunctionHandle {
    const waitBegins = Promise.withResolvers<void>();
    const running = { name, settled, isLeftBehind: false, isWaiting: false, waitBegins };
    this.#functions.add(running);
    const onSettled = (): void => {
      this.#functions.delete(running);
      this.news();
      this.#wake();
    };
    settled.then(onSettled, onSettled);
    return {
      leave: () => void this.#functions.delete(running),
      setWaits: (waits) => this.#setWaits(running, waits),
    };
  }

  #setWaits(running: RunningFunction, waits: boolean): void {
    running.isWaiting = waits;
    if (waits) running.waitBegins.resolve();
    else running.waitBegins = Promise.withResolvers();
  }

  #pause(
    delayMs: number,
    signal: AbortSignal,
    begin: (reject: (error: unknown) => void) => () => void,
  ): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        stop();
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const onAbort = (): void => finish(() => reject(signal.reason));
      const stop = begin((error) => finish(() => reject(error)));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#time.afterIdly(delayMs * 1000, () => {
        this.news();
        finish(resolve);
      });
    });
  }

  #wake(): void {
    if (this.#isRunning || this.#waits.size === 0) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      await turn();
      while (this.#waits.size > 0) {
        this.#hasNews = false;
        await this.#runEvents();
        await turn();
      }
    } catch (error) {
      this.fail(error);
    }
    this.#isRunning = false;
  }

  /** Until the program may have heard something. */
  async #runEvents(): Promise<void> {
    for (let count = 0; count < eventsPerTurnMax && !this.#hasNews; count++) {
      const running = this.#awaited();
      if (running !== undefined) await this.#untilSettled(running);
      else if (!this.#runNext()) return this.#standStill();
    }
  }

  #awaited(): RunningFunction | undefined {
    for (const running of this.#functions) {
      if (!running.isLeftBehind && !running.isWaiting) return running;
    }
    return undefined;
  }

  async #untilSettled(running: RunningFunction): Promise<void> {
    const stops = Promise.race([running.settled, running.waitBegins.promise]);
    running.isLeftBehind = !(await settlesWithin(stops, this.#patienceMs));
  }

  /** False if nothing that matters will ever happen. */
  #runNext(): boolean {
    const host = this.#host;
    const { now, stirredAt } = this.#time;
    if (now - Math.max(stirredAt, host.decidedAt) < quietUs) return this.#time.runNext();
    const next = Math.min(this.#time.nextDue(), host.nextDeadline());
    if (next === Number.POSITIVE_INFINITY) return false;
    const skippedUs = next - skipMarginUs - now;
    if (skippedUs > 0) {
      this.#time.skipTo(now + skippedUs);
      host.skipped(skippedUs);
    }
    return this.#time.runNext();
  }

  /** The program's own timers, and functions left behind, may still set something off. */
  async #standStill(): Promise<void> {
    const before = this.#time.stirCount;
    const running = [...this.#functions].find(({ isWaiting }) => !isWaiting);
    if (running === undefined) await pauseReal(standstillGraceMs);
    else await settlesWithin(running.settled, functionMsMax);
    const isStill = !this.#hasNews && this.#time.stirCount === before;
    if (isStill && this.#waits.size > 0) this.#failAll(this.#standstill(running));
  }

  /** The same for all, each with its own place. */
  #standstill(running: RunningFunction | undefined): (place: WaitPlace) => StandstillError {
    const waits = [...this.#waits.keys()].map((wait) => wait.describe());
    const why =
      running === undefined
        ? this.#host.explain()
        : [`The function ${running.name} has not returned for ${functionMsMax} ms of real time.`];
    return ({ stack }) => new StandstillError(waits, why, stack);
  }

  #failAll(errorAt: (place: WaitPlace) => Error): void {
    const waits = [...this.#waits];
    this.#waits.clear();
    for (const [wait, place] of waits) wait.fail(errorAt(place));
  }
}

/** All that the program can do now, it has done when this resolves. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function settlesWithin(settled: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([settled.then(yes, yes), late]);
  } finally {
    clearTimeout(timer);
  }
}

const yes = (): true => true;
