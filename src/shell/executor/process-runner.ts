/**
 * Child side of a function's process: runs one order after the other, and says what it left behind.
 *
 *     order ─▶ (import) ─▶ decode ─▶ run ─▶ encode ─▶ told
 *
 * @module
 */

import { writeSync } from "node:fs";
import net from "node:net";
import { inspect } from "node:util";
import { present } from "../../base/assert.ts";
import type { AttemptFailure } from "../../model/failure.ts";
import { formatAttemptId } from "../../model/ids.ts";
import { sectionMark } from "../launcher/section-cutter.ts";
import { encodeValue } from "../values/value-codec.ts";
import { argumentsOf, InputError, isThenable } from "./call-arguments.ts";
import { runInContext } from "./context.ts";
import { errorRecordOf } from "./error-record.ts";
import { ExecutionContext } from "./execution-context.ts";
import { Footprint } from "./footprint.ts";
import { processSectionEndMs, waitsForMax } from "./limits.ts";
import { type Frame, FrameReader, writeFrame } from "./process-frames.ts";
import type { AfterRun, FromProcess, ProcessOptions, ToProcess } from "./process-messages.ts";
import { ProgressThrottle } from "./progress-throttle.ts";
import { causeOfThrown } from "./reschedule.ts";
import { findTask, importTasks, type TaskFunction } from "./task-modules.ts";
import type { TextTail } from "./text-tail.ts";
import type { FromThread } from "./thread-messages.ts";
import { SetupError, ThreadPlugins } from "./thread-plugins.ts";
import { loadFor } from "./uncaught-errors.ts";

type RunOrder = Extract<ToProcess, { type: "run" }>;
type WithAfterRun = Extract<FromProcess, AfterRun>;
/** The end of a run, before it is known what the run left. */
type RunEnd = {
  [T in WithAfterRun["type"]]: Omit<Extract<WithAfterRun, { type: T }>, keyof AfterRun>;
}[WithAfterRun["type"]];

const durationUsMax = 0xffffffff;

/** Of this program itself, whatever task it is that a callback comes from: see `UncaughtErrors`. */
const exitNow = process.exit.bind(process);

export class ProcessRunner {
  readonly #options: ProcessOptions;
  readonly #stderr: TextTail;
  readonly #footprint = new Footprint();
  readonly #sectionEnd: NodeJS.Timeout;
  readonly #plugins: ThreadPlugins;
  #socket: net.Socket | null = null;
  #tasks: Map<string, TaskFunction> | null = null;
  #running: ExecutionContext | null = null;
  #sequence = 0;
  #isStopping = false;
  #hasLeftoverError = false;

  constructor(options: ProcessOptions, stderr: TextTail) {
    this.#options = options;
    this.#stderr = stderr;
    this.#plugins = new ThreadPlugins(importTasks, { worker: options.workerId });
    this.#sectionEnd = setTimeout(() => this.#endSection(), processSectionEndMs).unref();
  }

  /** Looks for orders until the worker closes the socket. */
  connect(): void {
    const reader = new FrameReader({
      allocate: (length) => new Uint8Array(length),
      onFrame: (frame) => this.#onFrame(frame),
    });
    const socket = net.connect({
      path: this.#options.door,
      onread: {
        buffer: () => reader.nextBuffer(),
        callback: (length, buffer) => {
          reader.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    this.#socket = socket;
    // Without its worker it has nobody to work for.
    socket.on("error", () => exitNow(0));
    socket.on("end", () => void this.#plugins.tearDown().then(() => exitNow(0)));
    socket.on("close", () => exitNow(0));
    this.#tell({ type: "hello", key: this.#options.key });
  }

  /** An error of a task that has ended: what runs now has nothing to do with it. */
  onLeftoverError(message: string, fields: { readonly [name: string]: unknown }): void {
    this.#hasLeftoverError = true;
    this.#pass({ type: "log", level: "error", message, fields });
  }

  /** The launcher's word before it uses force. */
  stop(): void {
    if (this.#running === null) return exitNow(0);
    this.#isStopping = true;
    this.#running.abort("stopped");
  }

  #onFrame({ head, parts }: Frame): void {
    const message = head as ToProcess;
    if (message.type === "abort") return this.#abort(message.reason);
    if (message.type === "look") return this.#look();
    if (message.type === "credentials") return void this.#running?.takeCredentials(message);
    const [args, ...inputs] = parts;
    void this.#run(message, { args, inputs });
  }

  #look(): void {
    if (this.#running === null) return;
    const waitsFor = this.#footprint.opened().slice(0, waitsForMax);
    this.#tell({ type: "seen", sequence: this.#sequence, waitsFor });
  }

  #abort(reason: "stopped" | "timeout"): void {
    this.#isStopping = true;
    const context = this.#running;
    // Who listens to the signal is called here and now: what that throws is the task's own.
    if (context !== null) runInContext(context, () => context.abort(reason));
  }

  async #run(
    order: RunOrder,
    call: { readonly args: Uint8Array; readonly inputs: readonly Uint8Array[] },
  ): Promise<void> {
    const { sequence, attempt, functionName } = order;
    const context = this.#newContext(order);
    this.#running = context;
    this.#sequence = sequence;
    this.#beginSection(formatAttemptId(attempt));
    let cause: "failed" | "module-unloadable" = "module-unloadable";
    try {
      await loadFor(functionName, async () => {
        await this.#plugins.setUp(order.plugins);
        this.#tasks ??= await this.#load(sequence);
      });
      const run = findTask(present(this.#tasks, "it has just been loaded"), functionName);
      cause = "failed";
      const args = argumentsOf(call);
      this.#footprint.take();
      const startedMs = performance.now();
      const returned = runInContext(context, () => run(...args));
      const value = isThenable(returned) ? await returned : returned;
      const ranMs = performance.now() - startedMs - context.waitedMs;
      const durationUs = Math.max(0, Math.round(ranMs * 1000));
      const bytes = encodeValue(value, { root: "result" });
      const duration = Math.min(durationUsMax, durationUs);
      this.#end({ type: "finished", sequence, durationUs: duration, value: bytes });
    } catch (thrown) {
      if (thrown instanceof InputError) {
        const reason = errorRecordOf(thrown.cause).message;
        this.#end({ type: "input-failed", sequence, index: thrown.index, reason });
      } else {
        const why = thrown instanceof SetupError ? "setup-failed" : causeOf(cause, thrown);
        this.#end({ type: "failed", sequence, cause: why, failure: this.#failureOf(thrown) });
      }
    }
  }

  #newContext(order: RunOrder): ExecutionContext {
    const { sequence, task, attempt, user, priority, functionName } = order;
    const gang = order.gang ?? undefined;
    const whose = { task, attempt, user, priority, functionName, sequence, gang };
    const identity = { ...whose, worker: this.#options.workerId };
    const throttle = new ProgressThrottle((progress) => {
      this.#tell({ type: "progress", sequence, progress });
    });
    return new ExecutionContext(identity, {
      post: (message) => this.#pass(message),
      waits: (waits) => this.#tell({ type: waits ? "waits" : "rejoined", sequence }),
      progress: (progress) => throttle.push(progress),
      askCredentials: () => this.#tell({ type: "credentials-wanted", sequence }),
    });
  }

  async #load(sequence: number): Promise<Map<string, TaskFunction>> {
    const tasks = await importTasks(this.#options.bundlePath);
    this.#tell({ type: "begun", sequence });
    return tasks;
  }

  #failureOf(thrown: unknown): AttemptFailure {
    const error = errorRecordOf(thrown);
    const status = { exitCode: null, signal: null, oom: false };
    return { error, ...status, stderrTail: this.#stderr.toString() };
  }

  #end(end: RunEnd): void {
    this.#running?.end();
    this.#running = null;
    const rssBytes = process.memoryUsage.rss();
    const told = { ...end, rssBytes, leftover: this.#leftover() } as FromProcess;
    if (!this.#isStopping) return this.#tell(told);
    // It is as good as killed: what it has to say goes out, and then so does it.
    this.#tell(told);
    this.#socket?.end(() => exitNow(0));
  }

  #leftover(): string {
    const found = this.#footprint.leftover();
    if (!this.#hasLeftoverError) return found;
    return found === "" ? "an error that nobody caught" : `${found}, an error that nobody caught`;
  }

  /** All that is written from now on is this attempt's. */
  #beginSection(attemptId: string): void {
    this.#stderr.clear();
    const mark = sectionMark(this.#options.mark, attemptId);
    for (const stream of [1, 2]) writeQuietly(stream, mark);
    this.#sectionEnd.refresh();
  }

  /** Nobody runs any more: the last log is complete. */
  #endSection(): void {
    if (this.#running !== null) return void this.#sectionEnd.refresh();
    const mark = sectionMark(this.#options.mark, "");
    for (const stream of [1, 2]) writeQuietly(stream, mark);
  }

  #pass(message: FromThread): void {
    if (message.type !== "log") return;
    try {
      this.#tell(message);
    } catch {
      // What the format of values does not take is shown as text.
      this.#tell({ ...message, fields: { fields: inspect(message.fields) } });
    }
  }

  #tell(message: FromProcess): void {
    if (this.#socket === null) return;
    if (message.type !== "finished") return writeFrame(this.#socket, { head: message, parts: [] });
    const { value, ...head } = message;
    writeFrame(this.#socket, { head, parts: [value] });
  }
}

/** Only the function itself can ask to run later. */
function causeOf(moment: "failed" | "module-unloadable", thrown: unknown) {
  return moment === "failed" ? causeOfThrown(thrown) : moment;
}

function writeQuietly(stream: number, bytes: Uint8Array): void {
  try {
    writeSync(stream, bytes);
  } catch {
    // Nobody reads it any more.
  }
}
