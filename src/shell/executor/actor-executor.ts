/**
 * The executor of actors: a thread of its own for each, which makes one object and takes its calls.
 *
 *     starting ─▶ (object is made) taking calls, one by one ─▶ ended, and with it what it had
 *
 * In its thread the actor is an execution that waits beside the line for ever, so what stands in
 * line are its calls. One that waits inside for tasks of its own keeps its turn.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import type { Progress } from "../../model/progress.ts";
import type { ExecutionId } from "../../worker/events.ts";
import { plainErrorRecord } from "./error-record.ts";
import type { ExecutionOrder, ExecutionSink, FailureCause } from "./execution.ts";
import { FunctionTable } from "./function-table.ts";
import { Lane, type LaneThreadView } from "./lane.ts";
import { LanePoll } from "./lane-poll.ts";
import { actorCollectsMax } from "./limits.ts";
import type { ThreadExecutorOptions } from "./thread-executor.ts";

export type ActorExecutorOptions = Omit<ThreadExecutorOptions, "lanes">;

export class ActorExecutor {
  readonly #options: ActorExecutorOptions;
  readonly #byTask = new Map<TaskRef, ActorThread>();
  readonly #dirty = new Set<ActorThread>();
  readonly #poll: LanePoll;

  constructor(options: ActorExecutorOptions) {
    this.#options = options;
    this.#poll = new LanePoll(
      () => this.#lanes(),
      () => options.sink.batchEnded(),
    );
  }

  /** True of an actor or a call from its order until its end has been told. */
  has(execution: ExecutionId): boolean {
    return this.#threadOf(execution) !== null;
  }

  /** Starts a thread that makes the object: `started` says that it is made. */
  start(order: ExecutionOrder): void {
    const thread = new ActorThread(order, this.#options, () => {
      if (this.#byTask.get(order.task) === thread) this.#byTask.delete(order.task);
    });
    this.#byTask.set(order.task, thread);
    this.#dirty.add(thread);
  }

  /** Puts a call in the line of its actor, which is its first input. */
  call(order: ExecutionOrder): void {
    const thread = this.#byTask.get(order.inputTasks[0]);
    if (thread === undefined) {
      this.#options.sink.failed(order.execution, "actor-lost", endedFailure("it is not here"));
      return;
    }
    thread.call(order);
    this.#dirty.add(thread);
  }

  /** Hands the threads what was started. Call it at the end of each turn. */
  flush(): void {
    for (const { lane } of this.#dirty) lane.flush();
    this.#dirty.clear();
    this.#poll.arm();
  }

  /** True if the execution will never begin; false if it has begun, has ended or is not known. */
  revoke(execution: ExecutionId): boolean {
    return this.#threadOf(execution)?.revoke(execution) === true;
  }

  /** A call keeps its turn while it waits: no other one may see the object meanwhile. */
  yield(): void {}

  /**
   * Ends an actor: its signal fires, and `graceMs` later its thread ends. Of a call only the signal
   * fires, or it leaves the line: its thread is that of the object.
   */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    this.#threadOf(execution)?.abort(execution, reason, graceMs);
  }

  /**
   * Memory is short: threads that have garbage collect it, a few at a time, or many of them would
   * leave no processor for anything else.
   */
  collect(): void {
    let told = 0;
    for (const lane of this.#lanes()) {
      if (lane.collect() && ++told >= actorCollectsMax) return;
    }
  }

  /** The thread of the execution of an attempt; null if it is not here. */
  threadOf(attempt: AttemptId): LaneThreadView | null {
    for (const lane of this.#lanes()) {
      const thread = lane.threadOf(attempt);
      // The thread is the actor's own: what it does now is what the actor does.
      if (thread !== null) return thread.isBeside ? { ...thread, name: lane.threadName } : thread;
    }
    return null;
  }

  /** Ends all threads. What had not ended is never heard of again. */
  async close(): Promise<void> {
    this.#poll.close();
    await Promise.all([...this.#lanes()].map((lane) => lane.close()));
  }

  *#lanes(): Generator<Lane> {
    for (const { lane } of this.#byTask.values()) yield lane;
  }

  #threadOf(execution: ExecutionId): ActorThread | null {
    for (const thread of this.#byTask.values()) if (thread.has(execution)) return thread;
    return null;
  }
}

/** One actor: what it tells of itself and of its calls. */
class ActorThread implements ExecutionSink {
  readonly lane: Lane;
  readonly #actor: ExecutionId;
  readonly #sink: ExecutionSink;
  readonly #onEnded: () => void;
  /** Calls that have not ended, and whether they were told to. */
  readonly #calls = new Map<ExecutionId, boolean>();
  /** The object is made, and its calls may pass it in line: said at the end of the batch. */
  #isMade = false;
  #isAborting = false;
  /** Why it has ended; null while it has not. */
  #ended: string | null = null;

  constructor(order: ExecutionOrder, options: ActorExecutorOptions, onEnded: () => void) {
    const { workerId, sink, heapLimitMib = 0, credentials, starts } = options;
    this.#actor = order.execution;
    this.#sink = sink;
    this.#onEnded = onEnded;
    const functions = new FunctionTable();
    const parts = { index: order.lane, workerId, functions, heapLimitMib, credentials, starts };
    this.lane = new Lane({ ...parts, sink: this, isActor: true });
    this.lane.start(order);
  }

  has(execution: ExecutionId): boolean {
    return execution === this.#actor || this.#calls.has(execution);
  }

  call(order: ExecutionOrder): void {
    this.#calls.set(order.execution, false);
    this.lane.start(order);
  }

  revoke(execution: ExecutionId): boolean {
    const isRevoked = this.lane.revoke(execution);
    if (isRevoked) this.#calls.delete(execution);
    return isRevoked;
  }

  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    if (this.revoke(execution)) {
      this.#sink.aborted(execution);
      if (execution === this.#actor) this.#close("it was told to end before it began");
    } else if (execution === this.#actor) {
      this.#isAborting = true;
      this.lane.abort(execution, reason, graceMs);
    } else if (this.lane.signal(execution, reason)) this.#calls.set(execution, true);
  }

  #end(why: string): void {
    this.#ended ??= why;
  }

  // What the lane tells. The actor's own end is the end of all.

  started(execution: ExecutionId): void {
    // An object that is being made cannot be called yet.
    if (execution !== this.#actor) this.#sink.started(execution);
  }

  waits(execution: ExecutionId): void {
    if (execution !== this.#actor) return this.#sink.waits(execution);
    this.#isMade = true;
    this.#sink.started(execution);
  }

  rejoined(execution: ExecutionId): void {
    if (execution !== this.#actor) this.#sink.rejoined(execution);
  }

  progressed(execution: ExecutionId, progress: Progress): void {
    this.#sink.progressed(execution, progress);
  }

  finished(execution: ExecutionId, value: Uint8Array, durationUs: number): void {
    if (execution === this.#actor) return this.#fail("exited", endedFailure("it returned"));
    this.#calls.delete(execution);
    this.#sink.finished(execution, value, durationUs);
  }

  failed(execution: ExecutionId, cause: FailureCause, failure: AttemptFailure): void {
    if (execution === this.#actor) return this.#fail(cause, failure);
    this.#calls.delete(execution);
    this.#sink.failed(execution, cause, failure);
  }

  #fail(cause: FailureCause, failure: AttemptFailure): void {
    this.#end(failure.error.message);
    this.#sink.failed(this.#actor, cause, failure);
  }

  inputFailed(execution: ExecutionId, task: TaskRef, reason: string): void {
    this.#calls.delete(execution);
    if (execution === this.#actor) this.#end(reason);
    this.#sink.inputFailed(execution, task, reason);
  }

  /** A thread that ended under a call took the object along: nobody asked for that. */
  aborted(execution: ExecutionId): void {
    const isOurs = execution === this.#actor;
    if (isOurs && !this.#isAborting)
      return this.#fail("exited", endedFailure("its thread ended under a call"));
    // A call that nobody told to end has lost its actor: it ends with it, at the end of the batch.
    if (this.#calls.get(execution) === false) return;
    this.#calls.delete(execution);
    if (isOurs) this.#end("it was told to end");
    this.#sink.aborted(execution);
  }

  logged(level: Parameters<ExecutionSink["logged"]>[0], message: string, fields: object): void {
    this.#sink.logged(level, message, { ...fields, actor: this.#actor });
  }

  stuck(lane: number): void {
    this.#sink.stuck(lane);
  }

  batchEnded(): void {
    if (this.#isMade) {
      this.#isMade = false;
      this.lane.yield(this.#actor);
    }
    if (this.#ended !== null) this.#close(this.#ended);
    this.#sink.batchEnded();
  }

  #close(why: string): void {
    for (const call of this.#calls.keys()) this.#sink.failed(call, "actor-lost", endedFailure(why));
    this.#calls.clear();
    this.#onEnded();
    void this.lane.close();
  }
}

function endedFailure(why: string): AttemptFailure {
  const error = plainErrorRecord("ActorEnded", why);
  return { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
}
