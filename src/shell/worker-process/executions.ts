/**
 * Executions between the kernel, the bundles, the store and the executor.
 *
 * An execution whose bundle is not here yet waits outside its lane, so that it blocks nobody; for
 * the kernel it has been started and can be revoked or aborted like any other.
 *
 * @module
 */

import { present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import type { AttemptFailure } from "../../model/failure.ts";
import type { TaskRef } from "../../model/ids.ts";
import type { TaskSpec } from "../../model/spec.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import type { ExecutionId, WorkerSend } from "../../worker/events.ts";
import { errorRecordOf } from "../executor/error-record.ts";
import type { ExecutionSink, FailureCause } from "../executor/execution.ts";
import { ThreadExecutor } from "../executor/thread-executor.ts";
import type { LogLevel } from "../executor/thread-messages.ts";
import type { Logger } from "../logging/logger.ts";
import type { ValueStore } from "../store/value-store.ts";
import type { BundleStore } from "./bundle-store.ts";
import type { KernelLoop } from "./kernel-loop.ts";

type StartExecution = Extract<WorkerSend, { type: "start-execution" }>;
type AbortExecution = Extract<WorkerSend, { type: "abort-execution" }>;

export interface ExecutionsOptions {
  readonly loop: KernelLoop;
  readonly store: ValueStore;
  readonly bundles: BundleStore;
  readonly logger: Logger;
  readonly slots: number;
  readonly workerId: string;
  readonly heapLimitMib?: number | undefined;
  /** A lane cannot be freed but by ending this process. */
  readonly onStuck: (lane: number) => void;
}

export class Executions implements ExecutionSink {
  readonly #options: ExecutionsOptions;
  readonly #executor: ThreadExecutor;
  readonly #specs = new Map<number, TaskSpec>();
  readonly #waiting = new Map<ExecutionId, StartExecution>();

  constructor(options: ExecutionsOptions) {
    this.#options = options;
    const { slots, workerId, heapLimitMib = 0 } = options;
    this.#executor = new ThreadExecutor({ lanes: slots, workerId, sink: this, heapLimitMib });
  }

  defineSpec(spec: number, definition: TaskSpec): void {
    this.#specs.set(spec, definition);
  }

  start(order: StartExecution): void {
    const spec = this.#specs.get(order.spec);
    const { bundle, functionName } = present(spec, "a spec is defined before its first use").run;
    const bundlePath = this.#options.bundles.pathOf(bundle);
    if (bundlePath === null) this.#awaitBundle(order, bundle);
    else this.#startNow(order, bundlePath, functionName);
  }

  revoke(execution: ExecutionId): void {
    const revoked = this.#waiting.delete(execution) || this.#executor.revoke(execution);
    this.#options.loop.post({ type: "execution-revoked", execution, revoked });
  }

  abort({ execution, reason, graceMs }: AbortExecution): void {
    if (this.#waiting.delete(execution)) this.aborted(execution);
    else this.#executor.abort(execution, reason, graceMs);
  }

  /** Hands the lanes what was started in this turn. */
  flush(): void {
    this.#executor.flush();
  }

  close(): Promise<void> {
    this.#waiting.clear();
    return this.#executor.close();
  }

  #startNow(order: StartExecution, bundlePath: string, functionName: string): void {
    const { execution, lane, attempt, task, args } = order;
    const inputs: Uint8Array[] = [];
    const inputTasks: TaskRef[] = [];
    for (const input of order.inputs) {
      const bytes = input.inline ?? this.#options.store.get(input.task);
      if (bytes === undefined) return this.inputFailed(execution, input.task, "it is not here");
      inputs.push(bytes);
      inputTasks.push(input.task);
    }
    const call = { bundlePath, functionName, args, inputs, inputTasks };
    this.#executor.start({ execution, lane, attempt, task, ...call });
  }

  #awaitBundle(order: StartExecution, bundle: string): void {
    this.#waiting.set(order.execution, order);
    this.#options.bundles.fetch(bundle).then(
      () => this.#onBundle(order),
      (error: unknown) => this.#onBundleFailed(order, error),
    );
  }

  #onBundle(order: StartExecution): void {
    // Taken back while it waited: its number is not used again.
    if (!this.#waiting.delete(order.execution)) return;
    this.start(order);
    this.#options.loop.pump();
  }

  #onBundleFailed(order: StartExecution, error: unknown): void {
    if (!this.#waiting.delete(order.execution)) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn({ err: error }, message);
    this.failed(order.execution, "module-unloadable", failureWithout(error));
    this.#options.loop.pump();
  }

  // What the executor tells. These only post; `batchEnded` pumps.

  started(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-started", execution });
  }

  finished(execution: ExecutionId, value: Uint8Array, durationUs: number): void {
    const { loop, store } = this.#options;
    store.addResult(execution, value);
    const sizeBytes = value.length;
    const inline = sizeBytes <= inlineValueBytesMax ? value : null;
    loop.post({ type: "execution-finished", execution, sizeBytes, durationUs, inline });
  }

  failed(execution: ExecutionId, cause: FailureCause, failure: AttemptFailure): void {
    this.#options.loop.post({ type: "execution-failed", execution, cause, failure });
  }

  inputFailed(execution: ExecutionId, task: TaskRef, reason: string): void {
    this.#options.logger.warn({ task, reason }, "an input could not be read");
    this.#options.loop.post({ type: "execution-input-failed", execution, task });
  }

  aborted(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-aborted", execution });
  }

  logged(level: LogLevel, message: string, fields: { readonly [name: string]: unknown }): void {
    this.#options.logger[level](fields, message);
  }

  stuck(lane: number): void {
    this.#options.onStuck(lane);
  }

  batchEnded(): void {
    this.#options.loop.pump();
  }
}

/** The failure of something that no executor began. */
function failureWithout(error: unknown): AttemptFailure {
  const known = error instanceof CapstanError ? error : new Error(String(error));
  const record = errorRecordOf(known);
  return { error: record, exitCode: null, signal: null, oom: false, stderrTail: "" };
}
