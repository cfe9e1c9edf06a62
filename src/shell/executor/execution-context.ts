/**
 * Thread side: the context of one execution. What is dear to make (the abort signal) is made when
 * somebody asks for it.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { type AttemptId, formatAttemptId, type TaskRef } from "../../model/ids.ts";
import { fitProgress, type Progress } from "../../model/progress.ts";
import type { RunningTask, TaskCredentials, TaskGang, TaskLogger } from "./context.ts";
import { readable } from "./error-record.ts";
import { FlowLimit } from "./flow-limit.ts";
import { logBurstMax, logsPerSecondMax } from "./limits.ts";
import type { FromThread, LogLevel } from "./thread-messages.ts";

/** How a context speaks to whoever started its execution. */
export interface ContextDoor {
  post(message: FromThread): void;
  /** It begins to wait for tasks of its own, or does not any more. */
  waits(waits: boolean): void;
  /** It says how far it is. */
  progress(progress: Progress): void;
  /** Answered by `takeCredentials`. */
  askCredentials(): void;
}

/** Which execution it is. */
export interface ExecutionIdentity {
  readonly task: TaskRef;
  readonly attempt: AttemptId;
  readonly worker: string;
  readonly user: string;
  readonly priority: number;
  readonly functionName: string;
  /** Its number with its executor. */
  readonly sequence: number;
  /** Default: this thread. */
  readonly home?: object;
  /** Of which it is a member; default: it runs on its own. */
  readonly gang?: TaskGang | undefined;
}

const thisThread = {};

type LogFields = { readonly [name: string]: unknown };

/** Of all functions of this thread, or process: the loop that hears them hears heartbeats too. */
const logFlow = new FlowLimit({ burst: logBurstMax, perSecond: logsPerSecondMax });
let logsDropped = 0;

/** The context that a running function sees, and the handle to abort it. */
export class ExecutionContext implements RunningTask {
  readonly worker: string;
  readonly user: string;
  readonly priority: number;
  readonly home: object;
  readonly gang: TaskGang | undefined;
  readonly functionName: string;
  readonly sequence: number;
  /** What it has begun may go on. */
  isEnded = false;
  readonly #attempt: AttemptId;
  readonly #task: TaskRef;
  readonly #door: ContextDoor;
  readonly #whenEnded: (() => void)[] = [];
  /** Waits that are open now. */
  #waits = 0;
  #waitingSinceMs = 0;
  #waitedMs = 0;
  #asked: PromiseWithResolvers<TaskCredentials> | null = null;
  #controller: AbortController | null = null;
  #abortReason: CapstanError | null = null;
  #logger: TaskLogger | null = null;

  constructor(identity: ExecutionIdentity, door: ContextDoor) {
    const { task, attempt, worker, user, priority } = identity;
    this.#task = task;
    this.#attempt = attempt;
    this.worker = worker;
    this.user = user;
    this.priority = priority;
    this.home = identity.home ?? thisThread;
    this.gang = identity.gang;
    this.functionName = identity.functionName;
    this.sequence = identity.sequence;
    this.#door = door;
  }

  /** How long it has waited for tasks of its own, milliseconds. */
  get waitedMs(): number {
    return this.#waits === 0
      ? this.#waitedMs
      : this.#waitedMs + performance.now() - this.#waitingSinceMs;
  }

  beginWait(): () => void {
    if (this.#waits++ === 0) {
      this.#waitingSinceMs = performance.now();
      this.#door.waits(true);
    }
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      if (--this.#waits > 0) return;
      this.#waitedMs += performance.now() - this.#waitingSinceMs;
      this.#door.waits(false);
    };
  }

  credentials(): Promise<TaskCredentials> {
    if (this.#asked === null) {
      this.#asked = Promise.withResolvers();
      this.#door.askCredentials();
    }
    return this.#asked.promise;
  }

  /** What `askCredentials` asked for. The next one asks anew: they hold for a while only. */
  takeCredentials(answer: {
    readonly credentials: TaskCredentials | null;
    readonly refused: string;
  }): void {
    const asked = this.#asked;
    this.#asked = null;
    if (answer.credentials !== null) asked?.resolve(answer.credentials);
    else asked?.reject(new CapstanError("UNREACHABLE", answer.refused));
  }

  whenEnded(act: () => void): void {
    this.#whenEnded.push(act);
  }

  /** The execution is over. */
  end(): void {
    this.isEnded = true;
    for (const act of this.#whenEnded.splice(0)) act();
  }

  get taskId(): string {
    return String(this.#task);
  }

  get attempt(): string {
    return formatAttemptId(this.#attempt);
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get logger(): TaskLogger {
    this.#logger ??= {
      debug: (message, fields) => this.#log("debug", message, fields),
      info: (message, fields) => this.#log("info", message, fields),
      warn: (message, fields) => this.#log("warn", message, fields),
      error: (message, fields) => this.#log("error", message, fields),
    };
    return this.#logger;
  }

  progress(fraction: number, note = ""): void {
    this.#door.progress(fitProgress(fraction, note));
  }

  /** Fires the signal, now or when it is first looked at. */
  abort(reason: "stopped" | "timeout"): void {
    this.#abortReason =
      reason === "timeout"
        ? new CapstanError("TASK_TIMED_OUT", "the task has run longer than its timeout")
        : new CapstanError("TASK_CANCELLED", "the task was told to stop");
    this.#controller?.abort(this.#abortReason);
  }

  /** Never throws, whatever the fields are: a word in the log ends no task. */
  #log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (logFlow.take(1) === 0) return void logsDropped++;
    const { taskId, attempt } = this;
    const dropped = logsDropped === 0 ? {} : { droppedBefore: logsDropped };
    logsDropped = 0;
    const about = { taskId, attempt, ...dropped };
    const said = { type: "log", level, message: String(message) } as const;
    try {
      this.#door.post({ ...said, fields: { ...about, ...fields } });
    } catch {
      this.#door.post({ ...said, fields: { ...about, fields: readable(fields) } });
    }
  }
}
