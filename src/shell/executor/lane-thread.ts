/**
 * Thread side of a lane: claims orders one after the other, runs them and puts their results where
 * the owner finds them.
 *
 *     orders ─▶ claim ─▶ (import) ─▶ decode ─▶ run ─▶ encode ─▶ ring or message ─▶ notice
 *
 * One execution at a time, also when functions are asynchronous; but while one waits for tasks of
 * its own others run. A result is in the ring as soon as it exists; a *notice* (the one thing that
 * costs) is posted when the thread has nothing more to do, before it waits, and at least every
 * `resultNotifyMs`.
 *
 * @module
 */

import { inlineValueBytesMax } from "../../protocol/messages.ts";
import { encodeValue } from "../values/value-codec.ts";
import { argumentsOf, InputError, isThenable } from "./call-arguments.ts";
import { runInContext, type TaskGang } from "./context.ts";
import { errorRecordOf } from "./error-record.ts";
import { ExecutionContext } from "./execution-context.ts";
import { collectGarbage } from "./garbage.ts";
import { type LaneMemory, recordKind } from "./lane-memory.ts";
import { resultNotifyMs } from "./limits.ts";
import { type FramedOrder, OrderFrameReader } from "./order-frame.ts";
import { ProgressThrottle } from "./progress-throttle.ts";
import { causeOfThrown } from "./reschedule.ts";
import { findTask, importTasks, type TaskFunction } from "./task-modules.ts";
import type { TextTail } from "./text-tail.ts";
import type { FromThread, FunctionPlace, ToThread } from "./thread-messages.ts";
import { SetupError, ThreadPlugins } from "./thread-plugins.ts";
import { loadFor } from "./uncaught-errors.ts";

const durationUsMax = 0xffffffff;

type ThreadFailureCause = Extract<FromThread, { type: "failed" }>["cause"];

interface Running {
  readonly context: ExecutionContext;
  /** The thread takes up what comes next though this has not ended. */
  goOn: () => void;
}

/** What the thread is made of. */
export interface LaneThreadParts {
  /** To the owner. */
  readonly post: (message: FromThread) => void;
  /** Hears no more from the owner: the thread ends. */
  readonly end: () => void;
  readonly memory: LaneMemory;
  readonly workerId: string;
  /** What was written to stderr since the last execution began. */
  readonly stderr: TextTail;
}

export class LaneThread {
  readonly #post: (message: FromThread) => void;
  readonly #end: () => void;
  readonly #memory: LaneMemory;
  readonly #workerId: string;
  readonly #stderr: TextTail;
  readonly #places: FunctionPlace[] = [];
  readonly #functions: (TaskFunction | undefined)[] = [];
  readonly #modules = new Map<string, Promise<Map<string, TaskFunction>>>();
  readonly #plugins: ThreadPlugins;
  #frames: OrderFrameReader[] = [];
  /** Of orders that have not ended, by sequence. */
  readonly #gangs = new Map<number, TaskGang>();
  #busy = false;
  /** What has begun and not ended, by sequence: one in line, and what waits beside it. */
  readonly #running = new Map<number, Running>();
  #noticedAtMs = 0;
  /** There are results that no notice was about. */
  #isNoticeDue = false;
  #hasLoaded = false;

  constructor({ post, end, memory, workerId, stderr }: LaneThreadParts) {
    this.#post = post;
    this.#end = end;
    this.#memory = memory;
    this.#workerId = workerId;
    this.#stderr = stderr;
    this.#plugins = new ThreadPlugins((path) => this.#tasksOf(path), { worker: workerId });
  }

  /** What has run here for longest, by sequence; null while nothing runs. */
  get oldest(): number | null {
    return this.#running.keys().next().value ?? null;
  }

  /** A message of the owner. */
  onMessage(message: ToThread): void {
    if (message.type === "collect") return collectGarbage();
    if (message.type === "abort") {
      const context = this.#running.get(message.sequence)?.context;
      // Who listens to the signal is called here and now: what that throws is the task's own.
      if (context !== undefined) runInContext(context, () => context.abort(message.reason));
      return;
    }
    if (message.type === "credentials") {
      this.#running.get(message.sequence)?.context.takeCredentials(message);
      return;
    }
    if (message.type === "go-on") {
      this.#running.get(message.sequence)?.goOn();
      return;
    }
    if (message.type === "end") return void this.#leave();
    for (const place of message.functions) this.#places[place.index] = place;
    for (const { sequence, gang } of message.gangs) this.#gangs.set(sequence, gang);
    if (message.frame.count > 0) this.#frames.push(new OrderFrameReader(message.frame));
    if (!this.#busy) void this.#runAll();
  }

  /** Runs until nothing is queued. Its own failure is a bug of ours and ends the thread. */
  async #runAll(): Promise<void> {
    this.#busy = true;
    for (let order = this.#next(); order !== null; order = this.#next()) {
      if (this.#memory.claim(order.sequence)) {
        const pending = this.#begin(order);
        if (pending !== null) await pending;
      }
      if (this.#gangs.size > 0) this.#gangs.delete(order.sequence);
      this.#memory.setPassed((order.sequence + 1) >>> 0);
    }
    this.#busy = false;
    this.#notice();
  }

  /** Nothing is claimed any more: what was set up is torn down, and the thread ends. */
  async #leave(): Promise<void> {
    this.#frames = [];
    const errors = await this.#plugins.tearDown();
    for (const error of errors) {
      const { message } = errorRecordOf(error);
      const fields = { plugin: true };
      this.#post({ type: "log", level: "warn", message: `a teardown failed: ${message}`, fields });
    }
    this.#end();
  }

  #next(): FramedOrder | null {
    while (this.#frames.length > 0) {
      if (!this.#frames[0].isAtEnd) return this.#frames[0].next();
      this.#frames.shift();
    }
    return null;
  }

  /** Null when the execution has ended already, else the promise of its end. */
  #begin(order: FramedOrder): Promise<void> | null {
    this.#memory.setCurrent(order.sequence);
    if (!this.#stderr.isEmpty) this.#stderr.clear();
    const run = this.#functions[order.functionIndex];
    return run === undefined ? this.#loadAndRun(order) : this.#run(order, run);
  }

  async #loadAndRun(order: FramedOrder): Promise<void> {
    this.#notice();
    let run: TaskFunction;
    try {
      run = await this.#load(order.functionIndex);
    } catch (reason) {
      const isSetup = reason instanceof SetupError;
      this.#fail(order.sequence, isSetup ? "setup-failed" : "module-unloadable", reason);
      return;
    }
    const pending = this.#run(order, run);
    if (pending !== null) await pending;
  }

  async #load(index: number): Promise<TaskFunction> {
    const place = this.#places[index];
    this.#memory.setLoading(true);
    try {
      const run = await loadFor(place.functionName, async () => {
        await this.#plugins.setUp(place.plugins);
        return findTask(await this.#tasksOf(place.bundlePath), place.functionName);
      });
      this.#functions[index] = run;
      return run;
    } finally {
      this.#memory.setLoading(false);
      this.#tellLoaded();
    }
  }

  #tellLoaded(): void {
    if (this.#hasLoaded) return;
    this.#hasLoaded = true;
    this.#post({ type: "loaded" });
  }

  #tasksOf(bundlePath: string): Promise<Map<string, TaskFunction>> {
    const tasks = this.#modules.get(bundlePath) ?? importTasks(bundlePath);
    this.#modules.set(bundlePath, tasks);
    return tasks;
  }

  #run(order: FramedOrder, run: TaskFunction): Promise<void> | null {
    const { sequence } = order;
    let args: readonly unknown[];
    try {
      args = argumentsOf(order);
    } catch (reason) {
      this.#failDecoding(sequence, reason);
      return null;
    }
    const running = this.#newRunning(order);
    const { context } = running;
    this.#running.set(sequence, running);
    const startedMs = performance.now();
    try {
      const returned = runInContext(context, () => run(...args));
      if (isThenable(returned)) {
        const wentOn = new Promise<void>((resolve) => {
          running.goOn = resolve;
        });
        return Promise.race([this.#finishLater(sequence, returned, startedMs), wentOn]);
      }
      this.#finish(sequence, returned, startedMs);
    } catch (thrown) {
      this.#fail(sequence, causeOfThrown(thrown), thrown);
    }
    return null;
  }

  #newRunning({ task, attempt, sequence, functionIndex }: FramedOrder): Running {
    const { user, priority, functionName } = this.#places[functionIndex];
    const gang = this.#gangs.get(sequence);
    const whose = { task, attempt, user, priority, functionName, sequence, gang };
    const identity = { ...whose, worker: this.#workerId };
    let throttle: ProgressThrottle | null = null;
    const context = new ExecutionContext(identity, {
      post: (message) => this.#post(message),
      waits: (waits) => this.#post({ type: waits ? "waits" : "rejoined", sequence }),
      progress: (progress) => {
        throttle ??= new ProgressThrottle((latest) => {
          this.#post({ type: "progress", sequence, progress: latest });
        });
        throttle.push(progress);
      },
      askCredentials: () => this.#post({ type: "credentials-wanted", sequence }),
    });
    return { context, goOn: () => undefined };
  }

  async #finishLater(
    sequence: number,
    returned: PromiseLike<unknown>,
    startedMs: number,
  ): Promise<void> {
    this.#notice();
    try {
      this.#finish(sequence, await returned, startedMs);
    } catch (thrown) {
      this.#fail(sequence, causeOfThrown(thrown), thrown);
    }
    this.#notice();
  }

  /** Throws UNSERIALISABLE if the value cannot travel. */
  #finish(sequence: number, returned: unknown, startedMs: number): void {
    const endedMs = performance.now();
    const waitedMs = this.#running.get(sequence)?.context.waitedMs ?? 0;
    const ranMs = endedMs - startedMs - waitedMs;
    const durationUs = Math.min(durationUsMax, Math.max(0, Math.round(ranMs * 1000)));
    const value = encodeValue(returned, { root: "result" });
    this.#close(sequence);
    if (value.length > inlineValueBytesMax) {
      const large = { shared: sharedCopy(value), length: value.length };
      this.#post({ type: "large-value", sequence, value: large, durationUs });
      this.#record(sequence, recordKind.message, durationUs, null);
    } else this.#record(sequence, recordKind.value, durationUs, value);
    if (endedMs - this.#noticedAtMs >= resultNotifyMs) this.#notice(endedMs);
  }

  #fail(sequence: number, cause: ThreadFailureCause, thrown: unknown): void {
    this.#close(sequence);
    const failure = {
      error: errorRecordOf(thrown),
      exitCode: null,
      signal: null,
      oom: false,
      stderrTail: this.#stderr.toString(),
    };
    this.#post({ type: "failed", sequence, cause, failure });
    this.#record(sequence, recordKind.message, 0, null);
  }

  #close(sequence: number): void {
    this.#running.get(sequence)?.context.end();
    this.#running.delete(sequence);
  }

  #failDecoding(sequence: number, reason: unknown): void {
    if (!(reason instanceof InputError)) return this.#fail(sequence, "failed", reason);
    const text = errorRecordOf(reason.cause).message;
    this.#post({ type: "input-failed", sequence, index: reason.index, reason: text });
    this.#record(sequence, recordKind.message, 0, null);
  }

  #record(sequence: number, kind: number, durationUs: number, value: Uint8Array | null): void {
    const length = value === null ? 0 : value.length;
    while (!this.#memory.hasRoomFor(length)) {
      this.#notice();
      if (!this.#memory.hasRoomFor(length)) this.#memory.waitForRoom(10);
    }
    this.#memory.write(sequence, kind, durationUs, value);
    this.#isNoticeDue = true;
  }

  #notice(nowMs = performance.now()): void {
    if (!this.#isNoticeDue) return;
    this.#isNoticeDue = false;
    this.#noticedAtMs = nowMs;
    if (this.#memory.raiseNotice()) this.#post({ type: "notice" });
  }
}

function sharedCopy(value: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(value.length);
  new Uint8Array(shared).set(value);
  return shared;
}
