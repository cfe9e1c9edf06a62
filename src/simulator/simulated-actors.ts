/**
 * The threads of actors on a simulated worker: each keeps one object and takes its calls one by
 * one, in the order in which it was given them.
 *
 * An actor runs until it is stopped or the seed ends it. Its end is that of the calls it still has.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { TaskRef } from "../model/ids.ts";
import type { ExecutionId, ExecutionInput, WorkerEvent, WorkerSend } from "../worker/events.ts";
import {
  type Behaviour,
  type Ending,
  type ExecutionNews,
  endEventOf,
  failureOf,
  newsOf,
  type RunningExecution,
  type SimulatedValue,
} from "./behaviour.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

type StartExecution = Extract<WorkerSend, { type: "start-execution" }>;

interface ActorThread {
  readonly order: StartExecution;
  /** First the one that runs. */
  readonly calls: StartExecution[];
}

/** What the actors of a worker need of it. */
export interface ActorSurroundings {
  readonly timeline: Timeline;
  readonly draws: Draws;
  readonly faults: Faults;
  readonly behaviour: Behaviour;
  /** Whether the worker's process lives. */
  isAlive(): boolean;
  /** What happens later, while the worker lives; null for nothing. */
  later(delayUs: number, event: () => WorkerEvent | null): void;
  say(event: WorkerEvent): void;
  tell(type: "started" | "ended", order: StartExecution): void;
  /** Whether something that it reads is gone. */
  isLost(order: StartExecution): boolean;
  isOnDisk(input: ExecutionInput): boolean;
  runningOf(order: StartExecution): RunningExecution;
  /** Keeps what a call returned until it is stored. */
  keepResult(execution: ExecutionId, value: SimulatedValue): void;
}

/** A function, or a call, that still runs after this long is said to run. */
export const saidToRunUs = 5_000;

export class SimulatedActors {
  readonly #around: ActorSurroundings;
  readonly #threads = new Map<TaskRef, ActorThread>();

  constructor(around: ActorSurroundings) {
    this.#around = around;
  }

  /** The worker is gone, and they with it. */
  clear(): void {
    this.#threads.clear();
  }

  /** Makes an object. */
  start(order: StartExecution): void {
    assert(!this.#threads.has(order.task), "an actor is started when the one before has ended");
    const thread: ActorThread = { order, calls: [] };
    this.#threads.set(order.task, thread);
    this.#around.tell("started", order);
    const { execution } = order;
    this.#run(
      order,
      (ending, ranUs) => {
        if (!this.#lives(thread)) return;
        this.#end(thread);
        this.#around.say(this.#endEventOf(order, ending, ranUs));
      },
      {
        waits: (isMade) => {
          if (isMade && this.#lives(thread))
            this.#around.say({ type: "execution-started", at: 0, execution });
        },
        progress: () => undefined,
      },
    );
  }

  /** Gives a call to the thread of its actor. */
  call(order: StartExecution): void {
    const thread = this.#threads.get(order.inputs[0].task);
    if (thread === undefined) return this.#around.say(lost(order.execution));
    thread.calls.push(order);
    if (thread.calls.length === 1) this.#begin(thread);
  }

  /** Files were read, or could not be: the calls that waited for them go on. */
  goOn(): void {
    for (const thread of this.#threads.values()) {
      const [order] = thread.calls;
      if (order !== undefined && this.#waiting.has(order.execution)) this.#begin(thread);
    }
  }

  readonly #waiting = new Set<ExecutionId>();

  #begin(thread: ActorThread): void {
    const { draws, faults } = this.#around;
    const [order] = thread.calls;
    const { execution, inputs } = order;
    const isLost = this.#around.isLost(order);
    if (!isLost && inputs.some((input) => this.#around.isOnDisk(input))) {
      this.#waiting.add(execution);
      return;
    }
    this.#waiting.delete(execution);
    const isUnreadable = inputs.length > 1 && draws.chance(faults.inputFailure);
    if (isLost || isUnreadable) {
      this.#advance(thread);
      const { task } = inputs[inputs.length - 1];
      return this.#around.say({ type: "execution-input-failed", at: 0, execution, task });
    }
    this.#around.tell("started", order);
    const isRunning = () => this.#lives(thread) && thread.calls[0] === order;
    this.#around.later(saidToRunUs, () =>
      isRunning() ? { type: "execution-started", at: 0, execution } : null,
    );
    this.#run(
      order,
      (ending, ranUs) => {
        if (!isRunning()) return;
        this.#around.tell("ended", order);
        this.#around.say(this.#endEventOf(order, ending, ranUs));
        this.#advance(thread);
      },
      newsOf(execution, (event) => {
        if (isRunning()) this.#around.say(event);
      }),
    );
  }

  /** Runs an actor, which waits once its object is made, or a call. */
  #run(
    order: StartExecution,
    end: (ending: Ending, ranUs: number) => void,
    news: ExecutionNews,
  ): void {
    const { timeline, behaviour, isAlive, runningOf } = this.#around;
    const begunAt = timeline.now;
    const onEnd = (ending: Ending): void => {
      if (isAlive()) end(ending, timeline.now - begunAt);
    };
    behaviour.begin(runningOf(order), onEnd, {
      waits: (isWaiting) => isAlive() && news.waits(isWaiting),
      progress: (progress) => isAlive() && news.progress(progress),
    });
  }

  /** It is told to stop, or its thread has ended under it: nobody listens any more. */
  #stop({ attempt }: StartExecution): void {
    this.#around.behaviour.abort?.(attempt, "stopped");
  }

  #endEventOf({ execution }: StartExecution, ending: Ending, durationUs: number): WorkerEvent {
    if (ending.type === "finished") this.#around.keepResult(execution, ending.value);
    return endEventOf(ending, { execution, durationUs });
  }

  #advance(thread: ActorThread): void {
    thread.calls.shift();
    if (thread.calls.length > 0) this.#begin(thread);
  }

  /** Ends an actor or a call a little later; false if it is neither. */
  abort(execution: ExecutionId): boolean {
    for (const thread of this.#threads.values()) {
      if (thread.order.execution === execution) {
        this.#abortActor(thread, this.#stopUs());
        return true;
      }
      const place = thread.calls.findIndex((order) => order.execution === execution);
      if (place < 0) continue;
      this.#abortCall(thread, place, this.#stopUs());
      return true;
    }
    return false;
  }

  #stopUs(): number {
    return this.#around.draws.below(3_000);
  }

  #abortActor(thread: ActorThread, delayUs: number): void {
    const { execution } = thread.order;
    this.#stop(thread.order);
    this.#around.later(delayUs, () => {
      if (!this.#lives(thread)) return null;
      this.#end(thread);
      return { type: "execution-aborted", at: 0, execution };
    });
  }

  /** What has not begun is taken out of the line at once. */
  #abortCall(thread: ActorThread, place: number, delayUs: number): void {
    const order = thread.calls[place];
    const { execution } = order;
    const aborted = { type: "execution-aborted", at: 0, execution } as const;
    if (place > 0 || this.#waiting.delete(execution)) {
      if (place > 0) thread.calls.splice(place, 1);
      else this.#advance(thread);
      return this.#around.later(0, () => aborted);
    }
    this.#stop(order);
    this.#around.later(delayUs, () => {
      if (!this.#lives(thread) || thread.calls[0] !== order) return null;
      this.#around.tell("ended", order);
      this.#advance(thread);
      return aborted;
    });
  }

  #lives(thread: ActorThread): boolean {
    return this.#threads.get(thread.order.task) === thread;
  }

  #end(thread: ActorThread): void {
    this.#threads.delete(thread.order.task);
    const [running] = thread.calls;
    if (running !== undefined && !this.#waiting.has(running.execution)) {
      this.#stop(running);
      this.#around.tell("ended", running);
    }
    for (const { execution } of thread.calls) {
      this.#waiting.delete(execution);
      this.#around.say(lost(execution));
    }
    this.#around.tell("ended", thread.order);
  }
}

function lost(execution: ExecutionId): WorkerEvent {
  const failure = failureOf("the actor ended", null);
  return { type: "execution-failed", at: 0, execution, cause: "actor-lost", failure };
}
