/**
 * A sink that keeps the executor's news, and lets a test wait for it.
 *
 * @module
 */

import type { AttemptFailure } from "../../src/model/failure.ts";
import type { TaskRef } from "../../src/model/ids.ts";
import type { Progress } from "../../src/model/progress.ts";
import type { ExecutionSink, FailureCause } from "../../src/shell/executor/execution.ts";
import { decodeValue } from "../../src/shell/values/value-codec.ts";
import type { ExecutionId } from "../../src/worker/events.ts";

export type News =
  | { readonly type: "started" | "aborted" | "waits" | "rejoined"; readonly execution: ExecutionId }
  | { readonly type: "finished"; readonly execution: ExecutionId; readonly bytes: Uint8Array }
  | {
      readonly type: "failed";
      readonly execution: ExecutionId;
      readonly cause: FailureCause;
      readonly failure: AttemptFailure;
    }
  | { readonly type: "input-failed"; readonly execution: ExecutionId; readonly task: TaskRef };

export class RecordingSink implements ExecutionSink {
  readonly news: News[] = [];
  readonly logs: { level: string; message: string; fields: object }[] = [];
  readonly progress: ({ readonly execution: ExecutionId } & Progress)[] = [];
  readonly #waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];

  started(execution: ExecutionId): void {
    this.news.push({ type: "started", execution });
  }

  waits(execution: ExecutionId): void {
    this.news.push({ type: "waits", execution });
  }

  rejoined(execution: ExecutionId): void {
    this.news.push({ type: "rejoined", execution });
  }

  progressed(execution: ExecutionId, progress: Progress): void {
    this.progress.push({ execution, ...progress });
    setImmediate(() => this.batchEnded());
  }

  finished(execution: ExecutionId, bytes: Uint8Array): void {
    this.news.push({ type: "finished", execution, bytes });
  }

  failed(execution: ExecutionId, cause: FailureCause, failure: AttemptFailure): void {
    this.news.push({ type: "failed", execution, cause, failure });
  }

  inputFailed(execution: ExecutionId, task: TaskRef): void {
    this.news.push({ type: "input-failed", execution, task });
  }

  aborted(execution: ExecutionId): void {
    this.news.push({ type: "aborted", execution });
    setImmediate(() => this.batchEnded());
  }

  logged(level: string, message: string, fields: object): void {
    this.logs.push({ level, message, fields });
    setImmediate(() => this.batchEnded());
  }

  stuck(lane: number): void {
    throw new Error(`lane ${lane} is stuck`);
  }

  batchEnded(): void {
    const done = this.#waiting.filter((waiting) => waiting.isDone());
    for (const waiting of done) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }

  /** Resolves as soon as `isDone` holds. */
  until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isDone, resolve }));
  }

  /** How an execution ended. */
  async end(execution: ExecutionId): Promise<Exclude<News, { type: "started" }>> {
    const find = () =>
      this.news.find((item) => item.execution === execution && item.type !== "started");
    await this.until(() => find() !== undefined);
    return find() as Exclude<News, { type: "started" }>;
  }

  /** The decoded value of an execution that must have finished. */
  async value(execution: ExecutionId): Promise<unknown> {
    const end = await this.end(execution);
    if (end.type !== "finished") throw new Error(`it ended otherwise: ${JSON.stringify(end)}`);
    return decodeValue(end.bytes);
  }

  /** The failure of an execution that must have failed. */
  async failure(execution: ExecutionId): Promise<Extract<News, { type: "failed" }>> {
    const end = await this.end(execution);
    if (end.type !== "failed") throw new Error(`it did not fail: ${end.type}`);
    return end;
  }
}
