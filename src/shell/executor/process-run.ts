/**
 * One execution of a function in a process, from the moment at which it has a process to its end.
 *
 *     starting ─▶ sent ─▶ over            aborted: SIGTERM, grace, SIGKILL ─▶ over
 *        └─ taken back
 *
 * One that was aborted is over when its process's whole group is gone.
 *
 * @module
 */

import { formatAttemptId } from "../../model/ids.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import type { AttemptDirectories } from "./command-directories.ts";
import type { TaskCredentials } from "./context.ts";
import { errorRecordOf } from "./error-record.ts";
import type { ExecutionOrder, ExecutionSink } from "./execution.ts";
import type { FunctionProcess, ProcessUser } from "./function-process.ts";
import { processStartNoticeMs, stackPauseMs } from "./limits.ts";
import type { FromProcess } from "./process-messages.ts";
import { judgeProcessEnd } from "./process-outcome.ts";
import type { ProcessPool } from "./process-pool.ts";

/** A function to run in a process. */
export interface ProcessExecutionOrder extends ExecutionOrder {
  /** Limit of its memory in bytes, with all that it starts; 0 is none. */
  readonly memoryBytes: number;
  readonly cpuMilli: number;
}

type Ended = Extract<FromProcess, { sequence: number; leftover: string }>;

export interface ProcessRunOptions {
  readonly pool: ProcessPool;
  readonly sink: ExecutionSink;
  readonly directories: Pick<AttemptDirectories, "beginShared" | "endShared">;
  /** With what a running task speaks to its controller. */
  readonly credentials: (attempt: ExecutionOrder["attempt"]) => Promise<TaskCredentials>;
}

export class ProcessRun implements ProcessUser {
  readonly order: ProcessExecutionOrder;
  readonly #options: ProcessRunOptions;
  readonly #onOver: (run: ProcessRun) => void;
  readonly #process: FunctionProcess;
  #isSent = false;
  /** Its module is being loaded. */
  #isLoading: boolean;
  #abort: "stopped" | "timeout" | null = null;
  /** It had ended when its process was being killed already. */
  #ended: Ended | null = null;
  #notice: NodeJS.Timeout | null = null;
  /** Whoever wants to know where it is. */
  readonly #looks = new Set<(waitsFor: readonly string[] | null) => void>();

  /** `onOver` is called when its end has been told. */
  constructor(
    order: ProcessExecutionOrder,
    options: ProcessRunOptions,
    onOver: (run: ProcessRun) => void,
  ) {
    this.order = order;
    this.#options = options;
    this.#onOver = onOver;
    const { bundlePath, memoryBytes, cpuMilli } = order;
    const pluginKey = order.plugins.key;
    this.#process = options.pool.take({ bundlePath, pluginKey, memoryBytes, cpuMilli }, this);
    this.#isLoading = this.#process.runs === 0;
    if (this.#process.isReady) this.#send();
  }

  /** The directory of its process, which names it among the processes of the machine. */
  get directory(): string {
    return this.#options.pool.directoryOf(this.#process);
  }

  /** Its process is being started, or waits for its turn at that. */
  get isStarting(): boolean {
    return !this.#isSent;
  }

  /** What its event loop waits for; null if it does not say so within `stackPauseMs`. */
  look(): Promise<readonly string[] | null> {
    return new Promise((resolve) => {
      const seen = (waitsFor: readonly string[] | null) => {
        clearTimeout(timer);
        this.#looks.delete(seen);
        resolve(waitsFor);
      };
      const timer = setTimeout(() => seen(null), stackPauseMs);
      this.#looks.add(seen);
      this.#process.send({ type: "look" });
    });
  }

  /** True if it had not begun: then nothing is told of it. */
  takeBack(): boolean {
    if (this.#isSent) return false;
    this.#process.user = null;
    this.#process.retire(); // It may hang where it is: nobody waits for it.
    return true;
  }

  /** Ends its process: SIGTERM, and SIGKILL to the group after `graceMs`. */
  abort(reason: "stopped" | "timeout", graceMs: number): void {
    if (this.#abort !== null) return;
    this.#abort = reason;
    this.#process.send({ type: "abort", reason });
    this.#process.end(graceMs);
  }

  // What the process tells.

  ready(): void {
    this.#send();
  }

  message(message: FromProcess): void {
    const { sink } = this.#options;
    if (message.type === "log") {
      return sink.logged(message.level, message.message, message.fields);
    }
    if (message.type === "hello" || message.sequence !== this.#process.runs) return;
    switch (message.type) {
      case "begun":
        return this.#begun();
      case "seen":
        for (const seen of [...this.#looks]) seen(message.waitsFor);
        return;
      case "credentials-wanted":
        return this.#giveCredentials();
      case "progress":
        sink.progressed(this.order.execution, message.progress);
        return sink.batchEnded();
      case "waits":
      case "rejoined":
        this.#tellStarted();
        sink[message.type](this.order.execution);
        return sink.batchEnded();
      default:
        return this.#onEnded(message);
    }
  }

  gone(record: ExitRecord | null, reason: string): void {
    this.#leave();
    this.#tellGone(record, reason);
    this.#onOver(this);
    this.#options.sink.batchEnded();
  }

  #send(): void {
    const { functionName, attempt, task, user, priority, args, inputs } = this.order;
    const { gang = null } = this.order;
    const sequence = ++this.#process.runs;
    this.#isSent = true;
    this.#options.directories.beginShared(formatAttemptId(attempt));
    const plugins = this.order.plugins.places;
    const call = { functionName, attempt, task, user, priority, plugins, gang };
    this.#process.send({ type: "run", sequence, ...call }, [args, ...inputs]);
    if (!this.#isLoading) this.#armNotice();
  }

  #begun(): void {
    this.#isLoading = false;
    this.#armNotice();
  }

  #armNotice(): void {
    this.#notice = setTimeout(() => {
      this.#tellStarted();
      this.#options.sink.batchEnded();
    }, processStartNoticeMs);
  }

  /** Once: short executions only end. */
  #tellStarted(): void {
    if (this.#notice === null) return;
    clearTimeout(this.#notice);
    this.#notice = null;
    this.#options.sink.started(this.order.execution);
  }

  #giveCredentials(): void {
    const tell = (credentials: TaskCredentials | null, refused: string) =>
      this.#process.send({ type: "credentials", credentials, refused });
    this.#options.credentials(this.order.attempt).then(
      (credentials) => tell(credentials, ""),
      (reason: unknown) => tell(null, errorRecordOf(reason).message),
    );
  }

  #onEnded(ended: Ended): void {
    if (this.#abort !== null) {
      this.#ended = ended;
      return;
    }
    this.#leave();
    this.#options.pool.giveBack(this.#process);
    this.#tell(ended);
    this.#onOver(this);
    this.#options.sink.batchEnded();
  }

  #leave(): void {
    for (const seen of [...this.#looks]) seen(null);
    if (this.#notice !== null) clearTimeout(this.#notice);
    this.#notice = null;
    if (this.#isSent) this.#options.directories.endShared(formatAttemptId(this.order.attempt));
  }

  #tell(ended: Ended): void {
    const { sink } = this.#options;
    const { execution, inputTasks } = this.order;
    if (ended.type === "finished") sink.finished(execution, ended.value, ended.durationUs);
    else if (ended.type === "failed") sink.failed(execution, ended.cause, ended.failure);
    else sink.inputFailed(execution, inputTasks[ended.index], ended.reason);
  }

  #tellGone(record: ExitRecord | null, reason: string): void {
    const { sink } = this.#options;
    const { execution } = this.order;
    if (this.#ended?.type === "finished") return this.#tell(this.#ended);
    const moment = { isSent: this.#isSent, isLoading: this.#isLoading, reason };
    const outcome = judgeProcessEnd(record, moment);
    if (outcome.type === "refused") {
      sink.logged("warn", "a start is put off", { reason: outcome.message });
      return sink.aborted(execution);
    }
    // Of what was too slow the last words are worth knowing; of what nobody wants any more not.
    if (this.#abort === "stopped") sink.aborted(execution);
    else sink.failed(execution, outcome.cause, outcome.failure);
  }
}
