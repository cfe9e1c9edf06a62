/**
 * The executor of functions that run in processes of their own: one process at a time for each
 * lane, taken from the pool and given back.
 *
 *     queued ─▶ starting ─▶ running ─▶ over
 *        └─────────┴── taken back      └── aborted: SIGTERM, grace, SIGKILL ─▶ over
 *
 * What is queued on a lane begins when what is before it has ended. An execution that was aborted
 * ends when its process's whole group is gone.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import { formatAttemptId } from "../../model/ids.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import type { AttemptDirectories } from "./command-directories.ts";
import type { ExecutionOrder, ExecutionSink } from "./execution.ts";
import type { FunctionProcess, ProcessUser } from "./function-process.ts";
import { processStartNoticeMs } from "./limits.ts";
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

export interface ProcessExecutorOptions {
  readonly lanes: number;
  readonly pool: ProcessPool;
  readonly sink: ExecutionSink;
  readonly directories: Pick<AttemptDirectories, "beginShared" | "endShared">;
}

export class ProcessExecutor {
  readonly #options: ProcessExecutorOptions;
  readonly #lanes: ProcessLane[] = [];

  constructor(options: ProcessExecutorOptions) {
    this.#options = options;
    for (let index = 0; index < options.lanes; index++) this.#lanes.push(new ProcessLane(options));
  }

  /** True from its order until its end has been told. */
  has(execution: ExecutionId): boolean {
    return this.#lanes.some((lane) => lane.has(execution));
  }

  start(order: ProcessExecutionOrder): void {
    this.#lanes[order.lane].start(order);
  }

  /** True if the execution will never begin; false if it has begun, has ended or is not known. */
  revoke(execution: ExecutionId): boolean {
    return this.#lanes.some((lane) => lane.revoke(execution));
  }

  /** Any end answers it; `aborted` comes at once if it had not begun. */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    if (this.revoke(execution)) this.#options.sink.aborted(execution);
    else this.#lanes.find((lane) => lane.has(execution))?.abort(reason, graceMs);
  }

  /** What had not ended is never heard of again. */
  close(): void {
    this.#options.pool.close();
  }
}

/** What runs on a lane. */
interface Running {
  readonly order: ProcessExecutionOrder;
  readonly process: FunctionProcess;
  /** The order has been sent. */
  isSent: boolean;
  /** Its module is being loaded. */
  isLoading: boolean;
  abort: "stopped" | "timeout" | null;
  /** It had ended when its process was being killed already. */
  ended: Ended | null;
  notice: NodeJS.Timeout | null;
}

class ProcessLane implements ProcessUser {
  readonly #options: ProcessExecutorOptions;
  readonly #queue: ProcessExecutionOrder[] = [];
  #running: Running | null = null;
  #sequence = 0;

  constructor(options: ProcessExecutorOptions) {
    this.#options = options;
  }

  has(execution: ExecutionId): boolean {
    return (
      this.#running?.order.execution === execution ||
      this.#queue.some((order) => order.execution === execution)
    );
  }

  start(order: ProcessExecutionOrder): void {
    this.#queue.push(order);
    if (this.#running === null) this.#next();
  }

  revoke(execution: ExecutionId): boolean {
    const index = this.#queue.findIndex((order) => order.execution === execution);
    if (index !== -1) this.#queue.splice(index, 1);
    else if (this.#running?.order.execution === execution && !this.#running.isSent) {
      const { process } = this.#running;
      this.#running = null;
      process.user = null;
      process.retire(); // It may hang where it is: nobody waits for it.
      this.#next();
    } else return false;
    return true;
  }

  abort(reason: "stopped" | "timeout", graceMs: number): void {
    const running = this.#running;
    if (running === null || running.abort !== null) return;
    running.abort = reason;
    running.process.send({ type: "abort", reason });
    running.process.end(graceMs);
  }

  // What the process tells.

  ready(): void {
    if (this.#running !== null) this.#send(this.#running);
  }

  message(message: FromProcess): void {
    const running = this.#running;
    if (message.type === "log") {
      return this.#options.sink.logged(message.level, message.message, message.fields);
    }
    if (running === null || message.type === "hello" || message.sequence !== this.#sequence) return;
    if (message.type === "begun") return this.#begun(running);
    if (running.abort !== null) running.ended = message;
    else {
      this.#leave(running);
      this.#options.pool.giveBack(running.process);
      this.#tell(running, message);
      this.#next();
      this.#options.sink.batchEnded();
    }
  }

  gone(record: ExitRecord | null, reason: string): void {
    const running = this.#running;
    if (running === null) return;
    this.#leave(running);
    this.#tellGone(running, record, reason);
    this.#next();
    this.#options.sink.batchEnded();
  }

  #next(): void {
    const order = this.#queue.shift();
    if (order === undefined) return;
    const { bundlePath, memoryBytes, cpuMilli } = order;
    const process = this.#options.pool.take({ bundlePath, memoryBytes, cpuMilli }, this);
    const flags = { isSent: false, isLoading: process.runs === 0, abort: null, ended: null };
    this.#running = { order, process, ...flags, notice: null };
    if (process.isReady) this.#send(this.#running);
  }

  #send(running: Running): void {
    const { order, process } = running;
    const { functionName, attempt, task, args, inputs } = order;
    const sequence = ++this.#sequence;
    process.runs++;
    running.isSent = true;
    this.#options.directories.beginShared(formatAttemptId(attempt));
    process.send({ type: "run", sequence, functionName, attempt, task }, [args, ...inputs]);
    if (!running.isLoading) this.#armNotice(running);
  }

  #begun(running: Running): void {
    running.isLoading = false;
    this.#armNotice(running);
  }

  #armNotice(running: Running): void {
    running.notice = setTimeout(() => {
      this.#options.sink.started(running.order.execution);
      this.#options.sink.batchEnded();
    }, processStartNoticeMs);
  }

  #leave(running: Running): void {
    if (running.notice !== null) clearTimeout(running.notice);
    this.#running = null;
    if (!running.isSent) return;
    this.#options.directories.endShared(formatAttemptId(running.order.attempt));
  }

  #tell({ order }: Running, ended: Ended): void {
    const { sink } = this.#options;
    const { execution, inputTasks } = order;
    if (ended.type === "finished") sink.finished(execution, ended.value, ended.durationUs);
    else if (ended.type === "failed") sink.failed(execution, ended.cause, ended.failure);
    else sink.inputFailed(execution, inputTasks[ended.index], ended.reason);
  }

  #tellGone(running: Running, record: ExitRecord | null, reason: string): void {
    const { sink } = this.#options;
    const { order, abort, ended } = running;
    const { execution } = order;
    if (ended?.type === "finished") return this.#tell(running, ended);
    const outcome = judgeProcessEnd(record, { ...running, reason });
    if (outcome.type === "refused") {
      sink.logged("warn", "a start is put off", { reason: outcome.message });
      return sink.aborted(execution);
    }
    const failure: AttemptFailure = outcome.failure;
    // Of what was too slow the last words are worth knowing; of what nobody wants any more not.
    if (abort === "stopped") sink.aborted(execution);
    else sink.failed(execution, outcome.cause, failure);
  }
}
