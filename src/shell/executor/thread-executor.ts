/**
 * The executor of function tasks: N lanes, each a thread, all started ahead of need.
 *
 * `start` only collects; `flush` posts, so that what one turn of the worker decided costs one
 * message per lane. News goes to the sink in batches.
 *
 * @module
 */

import type { AttemptId } from "../../model/ids.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { TaskCredentials } from "./context.ts";
import type { ExecutionOrder, ExecutionSink } from "./execution.ts";
import type { ExecutorStarts } from "./executor-starts.ts";
import { FunctionTable } from "./function-table.ts";
import { Lane, type LaneThreadView } from "./lane.ts";
import { LanePoll } from "./lane-poll.ts";

export interface ThreadExecutorOptions {
  /** Number of threads: how many executions run at once. */
  readonly lanes: number;
  readonly workerId: string;
  readonly sink: ExecutionSink;
  /** Heap limit of each thread in MiB; default: the engine's. Lower ends hungry tasks sooner. */
  readonly heapLimitMib?: number;
  /** With what a running task speaks to its controller. */
  readonly credentials: (attempt: AttemptId) => Promise<TaskCredentials>;
  /** The line in which all threads and processes of this worker wait to be started. */
  readonly starts: ExecutorStarts;
}

export class ThreadExecutor {
  readonly #lanes: Lane[] = [];
  readonly #sink: ExecutionSink;
  readonly #dirty = new Set<Lane>();
  readonly #poll: LanePoll;

  constructor(options: ThreadExecutorOptions) {
    const { workerId, sink, heapLimitMib = 0, credentials, starts } = options;
    this.#sink = sink;
    this.#poll = new LanePoll(
      () => this.#lanes,
      () => sink.batchEnded(),
    );
    const functions = new FunctionTable();
    for (let index = 0; index < options.lanes; index++) {
      const parts = { index, workerId, functions, sink, heapLimitMib, credentials, starts };
      this.#lanes.push(new Lane(parts));
    }
  }

  /** Executions that have not ended. */
  get count(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.count, 0);
  }

  start(order: ExecutionOrder): void {
    const lane = this.#lanes[order.lane];
    lane.start(order);
    this.#dirty.add(lane);
  }

  /** Hands the threads what was started. Call it at the end of each turn. */
  flush(): void {
    for (const lane of this.#dirty) lane.flush();
    this.#dirty.clear();
    this.#poll.arm();
  }

  /** True if the execution will never begin; false if it has begun, has ended or is not known. */
  revoke(execution: ExecutionId): boolean {
    return this.#lanes.some((lane) => lane.revoke(execution));
  }

  /** An execution waits beside its lane from now on; the thread takes up what comes next. */
  yield(execution: ExecutionId): void {
    this.#lanes.some((lane) => lane.yield(execution));
  }

  /**
   * Ends an execution: what has not begun is taken back, what runs sees its signal and, `graceMs`
   * later, the end of its thread. Any end answers it; `aborted` comes at once if it had not begun.
   * An execution whose end is already under way, or unknown, is left alone.
   */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    if (this.revoke(execution)) this.#sink.aborted(execution);
    else this.#lanes.some((lane) => lane.abort(execution, reason, graceMs));
  }

  /** What is started from now on runs in new threads; what runs ends in the old ones. */
  renew(): void {
    for (const lane of this.#lanes) lane.renew();
  }

  /** Memory is short: all threads collect their garbage. */
  collect(): void {
    for (const lane of this.#lanes) lane.collect();
  }

  /** The thread of the execution of an attempt; null if it is not here. */
  threadOf(attempt: AttemptId): LaneThreadView | null {
    for (const lane of this.#lanes) {
      const thread = lane.threadOf(attempt);
      if (thread !== null) return thread;
    }
    return null;
  }

  /** Ends all threads. What had not ended is never heard of again. */
  async close(): Promise<void> {
    this.#poll.close();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}
