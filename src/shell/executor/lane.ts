/**
 * Owner side of a lane: one thread, its orders, its results, its end and its next life.
 *
 *     in line ─▶ starting ─▶ serving ─▶ exited ─▶ in line …          closed
 *
 * A thread that is to be renewed gets nothing more, ends when it has nothing left, and is replaced.
 *
 * An execution ends exactly once: by its result, or by the exit of the thread that had claimed it.
 * What the thread had not claimed is given to the next thread, in the same order.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { AttemptFailure } from "../../model/failure.ts";
import type { AttemptId } from "../../model/ids.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { TaskCredentials } from "./context.ts";
import { errorRecordOf, plainErrorRecord } from "./error-record.ts";
import type { ExecutionOrder, ExecutionSink, FailureCause } from "./execution.ts";
import type { ExecutorStarts, StartTurn } from "./executor-starts.ts";
import type { FunctionTable } from "./function-table.ts";
import { LaneMemory, type ResultRecord, recordKind } from "./lane-memory.ts";
import { LaneOrders, type SentOrder } from "./lane-orders.ts";
import {
  idleExitsMax,
  restartDelayInitialMs,
  restartDelayMaxMs,
  teardownMaxMs,
  terminateWaitMs,
} from "./limits.ts";
import { moduleBeside } from "./module-file.ts";
import { OrderFrameWriter } from "./order-frame.ts";
import { environmentOfTasks } from "./task-environment.ts";
import { TextTail } from "./text-tail.ts";
import {
  type FromThread,
  type FunctionPlace,
  type GangOfOrder,
  type ThreadData,
  type ToThread,
  unsealed,
} from "./thread-messages.ts";

type Blame = Extract<FromThread, { type: "blame" }>;
type ResultMessage = Extract<FromThread, { type: "large-value" | "failed" | "input-failed" }>;

export interface LaneOptions {
  readonly index: number;
  readonly workerId: string;
  readonly functions: FunctionTable;
  readonly sink: ExecutionSink;
  /** Old-generation heap limit of the thread in MiB; 0 leaves the engine's default. */
  readonly heapLimitMib: number;
  /** With what a running task speaks to its controller. */
  readonly credentials: (attempt: AttemptId) => Promise<TaskCredentials>;
  /** The line in which threads wait to be started. */
  readonly starts: ExecutorStarts;
  /** The thread of one actor; default: of one task after the other. */
  readonly isActor?: boolean;
}

/** The thread that an execution has. */
export interface LaneThreadView {
  /** What the thread is called in this process; "" while the execution waits for it. */
  readonly name: string;
  /** It is being started, or waits for its turn at that. */
  readonly isStarting: boolean;
  /** It waits for tasks of its own, and the thread runs others meanwhile. */
  readonly isBeside: boolean;
  /** Unix milliseconds of what it last wrote; null if it wrote nothing. */
  readonly lastOutputAtMs: number | null;
}

/** Threads that were started in this process: no two have one name. */
let threadCount = 0;

export class Lane {
  readonly #options: LaneOptions;
  readonly #orders = new LaneOrders();
  readonly #frame = new OrderFrameWriter();
  /** Of the orders in the frame. */
  #gangs: GangOfOrder[] = [];
  readonly #messages = new Map<number, ResultMessage>();
  readonly #stderr = new TextTail();
  #memory = new LaneMemory();
  #worker: Worker | null = null;
  #functionsTold = 0;
  #seenSequence = -1;
  /** When something was last written, and under which execution. */
  #lastOutput = { sequence: -1, atMs: 0 };
  #threadName = "";
  #threadError: unknown = null;
  /** What the thread has said of its own end. */
  #blame: Blame | null = null;
  #idleExits = 0;
  #isClosed = false;
  /** The thread may have something to tear down. */
  #hasPlugins = false;
  /** Something ran since it was last told to collect its garbage. */
  #hasGarbage = false;
  #restartTimer: NodeJS.Timeout | null = null;
  /** The thread was free, and is being ended for another one. */
  #isReplaced = false;
  /** Of its start, the last one. */
  #turn: StartTurn;
  /** The thread takes orders. */
  #isReady = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#turn = this.#joinLine();
  }

  /** Executions that have not ended here. */
  get count(): number {
    return this.#orders.count;
  }

  start(order: ExecutionOrder): void {
    this.#hasGarbage = true;
    const sent = this.#orders.add(order);
    if (sent !== null) this.#write(sent);
  }

  /** Posts what was started since the last flush, as one message. */
  flush(): void {
    if (this.#frame.count === 0 || this.#worker === null) return;
    const functions = this.#options.functions.from(this.#functionsTold);
    this.#functionsTold = this.#options.functions.count;
    this.#postOrders(this.#worker, functions);
  }

  /** True if the execution was here and will never begin; false if it has begun or is not here. */
  revoke(execution: ExecutionId): boolean {
    if (this.#orders.removeWaiting(execution)) return true;
    const sent = this.#orders.find(execution);
    if (sent === null || this.#orders.isBeside(sent)) return false;
    if (!this.#memory.revoke(sent.sequence)) return false;
    this.#orders.end(sent);
    this.#endStartIfFree();
    this.#replaceIfFree();
    return true;
  }

  /** What is started from now on runs in another thread, which begins when this one is free. */
  renew(): void {
    if (this.#worker === null) return; // The next one has not begun.
    this.#orders.isHeld = true;
    this.#replaceIfFree();
  }

  /** True if the execution was here: it waits beside the line from now on. */
  yield(execution: ExecutionId): boolean {
    const sent = this.#orders.find(execution);
    if (sent === null) return false;
    const { sequence } = sent;
    if (this.#orders.setBeside(sent)) this.#tell({ type: "go-on", sequence });
    this.#sendWaiting(); // It may wait for these.
    return true;
  }

  /** Signals a begun execution; false if it is not here, or was signalled before. */
  signal(execution: ExecutionId, reason: "stopped" | "timeout"): boolean {
    const sent = this.#orders.find(execution);
    if (sent === null || sent.isAborting) return false;
    sent.isAborting = true;
    this.#tell({ type: "abort", sequence: sent.sequence, reason });
    return true;
  }

  /** Signals a begun execution, and ends the thread after `graceMs` if it is still at it. */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): boolean {
    const sent = this.#orders.find(execution);
    if (sent === null) return false;
    if (!this.signal(execution, reason)) return true;
    const timer = setTimeout(() => {
      if (this.#orders.at(sent.sequence) === sent) this.#terminate(this.#worker);
    }, graceMs);
    timer.unref();
    return true;
  }

  /**
   * Memory is short: the thread collects its garbage when it is free. False if it has none: nothing
   * has run in it since the last time.
   */
  collect(): boolean {
    if (!this.#hasGarbage) return false;
    this.#hasGarbage = false;
    this.#tell({ type: "collect" });
    return true;
  }

  /** What the thread is called in this process. */
  get threadName(): string {
    return this.#threadName;
  }

  /** Whether the execution of this attempt has its thread now, or waits here; null if neither. */
  threadOf(attempt: AttemptId): LaneThreadView | null {
    const sent = this.#orders.ofAttempt(attempt);
    if (sent === null) return null;
    const isBeside = this.#orders.isBeside(sent);
    const runs = !isBeside && sent === this.#orders.at(this.#memory.current);
    if (!runs || !this.#memory.isClaimed(sent.sequence)) {
      return { name: "", isStarting: !this.#isReady, isBeside, lastOutputAtMs: null };
    }
    const { sequence, atMs } = this.#lastOutput;
    const lastOutputAtMs = sequence === sent.sequence ? atMs : null;
    return { name: this.#threadName, isStarting: false, isBeside, lastOutputAtMs };
  }

  /** True if a look might find something that the thread has not told: see `poll`. */
  get wantsPoll(): boolean {
    if (this.#orders.inLine === 0) return false;
    return this.#orders.inLine > 1 || this.#orders.first()?.isReportedStarted !== true;
  }

  /** Collects results, and reports an execution that was already running at the last look. */
  poll(): void {
    this.#drain();
    const sequence = this.#memory.current;
    const running = this.#orders.at(sequence);
    if (running === null || !this.#memory.isClaimed(sequence)) return;
    if (this.#seenSequence === sequence && !running.isReportedStarted) {
      running.isReportedStarted = true;
      this.#options.sink.started(running.order.execution);
    }
    this.#seenSequence = sequence;
  }

  /** Ends the thread and forgets what it had. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#turn.end();
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    if (this.#worker !== null && this.#hasPlugins) await endGently(this.#worker);
    await this.#worker?.terminate();
    this.#orders.takeAll();
  }

  #write(sent: SentOrder): void {
    const { order, sequence } = sent;
    const functionIndex = this.#options.functions.indexOf(order);
    if (order.plugins.places.length > 0) this.#hasPlugins = true;
    this.#memory.resetClaim(sequence);
    const { attempt, task, args, inputs, gang } = order;
    this.#frame.write({ sequence, functionIndex, attempt, task, args, inputs });
    if (gang !== undefined) this.#gangs.push({ sequence, gang });
  }

  #tell(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #postOrders(worker: Worker, functions: readonly FunctionPlace[]): void {
    const frame = this.#frame.take();
    const message: ToThread = { type: "orders", functions, frame, gangs: this.#gangs };
    worker.postMessage(message, [frame.buffer]);
    if (this.#gangs.length > 0) this.#gangs = [];
  }

  #startThread(): void {
    const { heapLimitMib, index, workerId } = this.#options;
    const key = randomUUID();
    const isActor = this.#options.isActor === true;
    const data: ThreadData = { shared: this.#memory.shared, workerId, key, isActor };
    this.#threadName = `capstan (lane ${index}, thread ${++threadCount})`;
    const worker = new Worker(moduleBeside(import.meta.url, "./thread-main"), {
      name: this.#threadName,
      workerData: data,
      env: environmentOfTasks(),
      stdout: true,
      stderr: true,
      ...(heapLimitMib > 0 ? { resourceLimits: { maxOldGenerationSizeMb: heapLimitMib } } : {}),
    });
    this.#worker = worker;
    this.#functionsTold = 0;
    this.#threadError = null;
    this.#blame = null;
    worker.on("message", (posted: unknown) => {
      const message = unsealed(posted, key);
      if (message !== null) this.#onMessage(message);
    });
    worker.on("error", (error) => {
      this.#threadError = error;
    });
    worker.on("exit", (code) => this.#onExit(code));
    worker.stdout.on("data", (chunk: Buffer) => this.#onOutput("stdout", String(chunk)));
    worker.stderr.on("data", (chunk: Buffer) => this.#onOutput("stderr", String(chunk)));
  }

  #onOutput(stream: "stdout" | "stderr", text: string): void {
    if (stream === "stderr") this.#stderr.push(text);
    this.#lastOutput = { sequence: this.#memory.current, atMs: Date.now() };
    this.#options.sink.logged("info", text.trimEnd(), { stream, lane: this.#options.index });
  }

  /** Whoever runs now has nothing to do with it; but nobody knows what else is left there. */
  #onLeftoverError({ message, fields }: Extract<FromThread, { type: "leftover-error" }>): void {
    this.#options.sink.logged("error", message, { ...fields, lane: this.#options.index });
    this.renew();
  }

  #onDropped(droppedCharacters: number): void {
    const fields = { droppedCharacters, lane: this.#options.index };
    this.#options.sink.logged("warn", "what functions write is more than is kept", fields);
  }

  #onMessage(message: FromThread): void {
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#endStartIfFree();
        return;
      case "loaded":
        this.#turn.end();
        return;
      case "log":
        this.#options.sink.logged(message.level, message.message, message.fields);
        return;
      case "output":
        if (message.text !== "") this.#onOutput(message.stream, message.text);
        if (message.droppedCharacters > 0) this.#onDropped(message.droppedCharacters);
        return;
      case "blame":
        this.#blame = message;
        return;
      case "leftover-error":
        this.#onLeftoverError(message);
        break;
      case "notice":
        this.#memory.lowerNotice();
        break;
      case "credentials-wanted":
        this.#giveCredentials(message.sequence);
        return;
      case "waits":
      case "rejoined":
        this.#drain();
        this.#onWait(message);
        break;
      case "progress":
        this.#onProgress(message);
        break;
      case "large-value":
      case "failed":
      case "input-failed":
        this.#messages.set(message.sequence, message);
        break;
    }
    this.#drain();
    this.#options.sink.batchEnded();
  }

  /** What it is to run belongs to its start, if there is anything. */
  #endStartIfFree(): void {
    if (this.#isReady && this.#orders.isThreadFree) this.#turn.end();
  }

  #giveCredentials(sequence: number): void {
    const sent = this.#orders.at(sequence);
    if (sent === null) return;
    const worker = this.#worker; // Another thread never asked.
    const tell = (credentials: TaskCredentials | null, refused: string): void => {
      worker?.postMessage({
        type: "credentials",
        sequence,
        credentials,
        refused,
      } satisfies ToThread);
    };
    this.#options.credentials(sent.order.attempt).then(
      (credentials) => tell(credentials, ""),
      (reason: unknown) => tell(null, errorRecordOf(reason).message),
    );
  }

  #onWait({ type, sequence }: Extract<FromThread, { type: "waits" | "rejoined" }>): void {
    const sent = this.#orders.at(sequence);
    if (sent === null) return;
    sent.isReportedStarted = true; // Who waits runs.
    this.#options.sink[type](sent.order.execution);
  }

  #onProgress({ sequence, progress }: Extract<FromThread, { type: "progress" }>): void {
    const sent = this.#orders.at(sequence);
    if (sent !== null) this.#options.sink.progressed(sent.order.execution, progress);
  }

  #drain(): void {
    this.#memory.read((record) => this.#settle(record));
    this.#orders.passTo(this.#memory.passed);
    this.#replaceIfFree();
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (let sent = this.#orders.sendWaiting(); sent !== null; sent = this.#orders.sendWaiting()) {
      this.#write(sent);
    }
    this.flush();
  }

  /** False if the record's message has not come yet: what follows waits, to keep the order. */
  #settle(record: ResultRecord): boolean {
    const message = this.#messages.get(record.sequence);
    if (record.kind === recordKind.message && message === undefined) return false;
    this.#messages.delete(record.sequence);
    this.#idleExits = 0;
    this.#hasGarbage = true;
    const sent = this.#orders.at(record.sequence);
    if (sent === null) return true;
    this.#orders.end(sent);
    if (message !== undefined) this.#settleByMessage(sent, message);
    else this.#options.sink.finished(sent.order.execution, record.value, record.durationUs);
    return true;
  }

  #settleByMessage(sent: SentOrder, message: ResultMessage): void {
    const { sink } = this.#options;
    const { execution, inputTasks } = sent.order;
    switch (message.type) {
      case "large-value": {
        const value = new Uint8Array(message.value.shared, 0, message.value.length);
        return sink.finished(execution, value, message.durationUs);
      }
      case "failed":
        if (sent.isAborting) return sink.aborted(execution);
        return sink.failed(execution, message.cause, message.failure);
      case "input-failed":
        return sink.inputFailed(execution, inputTasks[message.index], message.reason);
    }
  }

  #replaceIfFree(): void {
    const worker = this.#worker;
    const { isHeld, isThreadFree } = this.#orders;
    if (worker === null || !isHeld || !isThreadFree || this.#isReplaced || this.#isClosed) return;
    this.#isReplaced = true;
    const torn = this.#hasPlugins ? endGently(worker) : Promise.resolve();
    void torn.then(() => this.#terminate(worker));
  }

  #terminate(worker: Worker | null): void {
    if (worker === null) return;
    const timer = setTimeout(() => this.#options.sink.stuck(this.#options.index), terminateWaitMs);
    void worker.terminate().then(() => clearTimeout(timer));
  }

  #onExit(exitCode: number): void {
    this.#worker = null;
    this.#isReady = false;
    this.#turn.end();
    if (this.#isClosed) return;
    const isReplaced = this.#isReplaced;
    this.#isReplaced = false;
    this.#drain();
    if (!isReplaced) this.#endClaimed(exitCode);
    const left = this.#orders.takeAll();
    const delayMs = isReplaced ? 0 : this.#planRestart(exitCode, left);
    this.#frame.clear();
    this.#gangs = [];
    this.#messages.clear();
    this.#stderr.clear();
    this.#memory = new LaneMemory();
    this.#seenSequence = -1;
    for (const order of left) this.start(order);
    const fields = { lane: this.#options.index, exitCode, delayMs };
    const level = isReplaced ? "debug" : "warn";
    this.#options.sink.logged(level, "a lane's thread ended and is started again", fields);
    this.#options.sink.batchEnded();
    if (this.#isClosed) return; // What heard of it needs no other thread.
    this.#restartTimer = setTimeout(() => this.#restart(), delayMs);
  }

  #restart(): void {
    this.#restartTimer = null;
    this.#turn = this.#joinLine();
  }

  /** What comes until it is its turn is handed over then. */
  #joinLine(): StartTurn {
    return this.#options.starts.join(() => {
      this.#startThread();
      this.flush();
    });
  }

  /**
   * Ends what the thread was at when it ended. Whoever the thread has named is to blame, else
   * who was told to end, else what ran; the others have lost their thread, and may run elsewhere.
   */
  #endClaimed(exitCode: number): void {
    const head = this.#orders.first();
    const running = head !== null && this.#memory.isClaimed(head.sequence) ? [head] : [];
    const begun = [...running, ...this.#orders.beside()];
    if (begun.length === 0) {
      this.#idleExits++;
      return;
    }
    this.#idleExits = 0;
    const { sink } = this.#options;
    const blamed = this.#blamed(begun, running);
    const cause = this.#exitCause();
    for (const sent of begun) {
      const { execution } = sent.order;
      this.#orders.end(sent);
      if (!blamed.includes(sent)) sink.aborted(execution);
      else sink.failed(execution, cause, this.#exitFailure(cause, exitCode));
    }
  }

  #blamed(begun: readonly SentOrder[], running: readonly SentOrder[]): readonly SentOrder[] {
    const named = begun.filter(({ sequence }) => sequence === this.#blame?.sequence);
    const isWanted = (sent: SentOrder) => !sent.isAborting;
    if (named.length > 0) return named.filter(isWanted);
    if (!begun.every(isWanted)) return [];
    return running.length > 0 ? running : begun;
  }

  /** A thread that keeps ending without having done anything fails what is next in its queue. */
  #planRestart(exitCode: number, left: ExecutionOrder[]): number {
    if (this.#idleExits === 0) return 0;
    if (this.#idleExits >= idleExitsMax) {
      const order = left.shift();
      const failure = this.#exitFailure("exited", exitCode);
      if (order !== undefined) this.#options.sink.failed(order.execution, "exited", failure);
    }
    const delayMs = restartDelayInitialMs * 2 ** Math.min(16, this.#idleExits - 1);
    return Math.min(delayMs, restartDelayMaxMs);
  }

  #exitCause(): FailureCause {
    if (isOutOfMemory(this.#threadError)) return "oom";
    return this.#memory.isLoading ? "module-unloadable" : "exited";
  }

  #exitFailure(cause: FailureCause, exitCode: number): AttemptFailure {
    const during = this.#memory.isLoading ? "while its module was imported" : "under the task";
    const message = `the executor's thread ended ${during} with exit code ${exitCode}`;
    const told = this.#threadError === null ? null : errorRecordOf(this.#threadError);
    return {
      error: told ?? this.#blame?.error ?? plainErrorRecord("ThreadExit", message),
      exitCode,
      signal: null,
      oom: cause === "oom",
      stderrTail: this.#stderr.toString(),
    };
  }
}

/** Lets a thread tear down what was set up in it, for a bounded time. */
async function endGently(worker: Worker): Promise<void> {
  const message: ToThread = { type: "end" };
  worker.postMessage(message);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, teardownMaxMs);
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
