/**
 * The executor of functions that run in processes of their own: one process at a time for each
 * lane, taken from the pool and given back.
 *
 *     queued ─▶ running ─▶ over
 *        │         └─ waits for tasks of its own ─▶ beside the lane ─▶ over
 *        └─ taken back
 *
 * What is queued on a lane begins when what is before it has ended, or waits beside the lane.
 *
 * @module
 */

import type { AttemptId } from "../../model/ids.ts";
import type { ExecutionId } from "../../worker/events.ts";
import { type ProcessExecutionOrder, ProcessRun, type ProcessRunOptions } from "./process-run.ts";

export interface ProcessExecutorOptions extends ProcessRunOptions {
  readonly lanes: number;
}

/** The process that an execution has. */
export interface FunctionProcessView {
  /** Its directory; "" while the execution waits for a process. */
  readonly directory: string;
  /** It is being started, or waits for its turn at that. */
  readonly isStarting: boolean;
  /** It waits for tasks of its own. */
  readonly isBeside: boolean;
  /** What its event loop waits for; null if its JavaScript does not answer. */
  look(): Promise<readonly string[] | null>;
}

function viewOf(run: ProcessRun, isBeside: boolean): FunctionProcessView {
  const { directory, isStarting } = run;
  return { directory, isStarting, isBeside, look: () => run.look() };
}

const inLine: FunctionProcessView = {
  ...{ directory: "", isStarting: false, isBeside: false, look: async () => null },
};

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

  /** An execution waits beside its lane from now on: the lane goes on to what comes next. */
  yield(execution: ExecutionId): void {
    for (const lane of this.#lanes) lane.yield(execution);
  }

  /** Any end answers it; `aborted` comes at once if it had not begun. */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    if (this.revoke(execution)) this.#options.sink.aborted(execution);
    else for (const lane of this.#lanes) lane.runOf(execution)?.abort(reason, graceMs);
  }

  /** The process of the execution of an attempt; null if it is not here. */
  processOf(attempt: AttemptId): FunctionProcessView | null {
    for (const lane of this.#lanes) {
      const process = lane.processOf(attempt);
      if (process !== null) return process;
    }
    return null;
  }

  /** What had not ended is never heard of again. */
  close(): void {
    this.#options.pool.close();
  }
}

class ProcessLane {
  readonly #options: ProcessRunOptions;
  readonly #queue: ProcessExecutionOrder[] = [];
  readonly #beside = new Set<ProcessRun>();
  #running: ProcessRun | null = null;

  constructor(options: ProcessRunOptions) {
    this.#options = options;
  }

  has(execution: ExecutionId): boolean {
    return (
      this.runOf(execution) !== null || this.#queue.some((order) => order.execution === execution)
    );
  }

  /** The run of an execution that has a process, or null. */
  runOf(execution: ExecutionId): ProcessRun | null {
    if (this.#running?.order.execution === execution) return this.#running;
    return [...this.#beside].find(({ order }) => order.execution === execution) ?? null;
  }

  processOf(attempt: AttemptId): FunctionProcessView | null {
    const isOf = (run: ProcessRun) => run.order.attempt === attempt;
    const beside = [...this.#beside].find(isOf);
    if (beside !== undefined) return viewOf(beside, true);
    const running = this.#running;
    if (running !== null && isOf(running)) return viewOf(running, false);
    return this.#queue.some((order) => order.attempt === attempt) ? inLine : null;
  }

  start(order: ProcessExecutionOrder): void {
    this.#queue.push(order);
    if (this.#running === null) this.#next();
  }

  revoke(execution: ExecutionId): boolean {
    const index = this.#queue.findIndex((order) => order.execution === execution);
    if (index !== -1) {
      this.#queue.splice(index, 1);
      return true;
    }
    const run = this.#running;
    if (run?.order.execution !== execution || !run.takeBack()) return false;
    this.#leave(run);
    return true;
  }

  yield(execution: ExecutionId): void {
    const run = this.#running;
    if (run?.order.execution !== execution) return;
    this.#beside.add(run);
    this.#running = null;
    this.#next();
  }

  #next(): void {
    const order = this.#queue.shift();
    if (order === undefined) return;
    this.#running = new ProcessRun(order, this.#options, (run) => this.#leave(run));
  }

  #leave(run: ProcessRun): void {
    if (this.#beside.delete(run) || this.#running !== run) return;
    this.#running = null;
    this.#next();
  }
}
