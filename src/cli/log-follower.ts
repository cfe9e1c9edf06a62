/**
 * Reads the logs of a job or a task page by page, and says what is missing of them: bytes that were
 * dropped, and workers whose lines cannot be had.
 *
 * @module
 */

import { logLinesMax } from "../shell/api/limits.ts";
import { finalLinesMsMax, missingLinesMsMax, watchPauseMsMax, watchPauseMsMin } from "./limits.ts";
import { type PatientCalls, pause } from "./patient-calls.ts";
import type { LogLine, LogPage } from "./responses.ts";

/** Where lines and remarks about them go. */
export interface LogSink {
  line(line: LogLine): void;
  notice(message: string): void;
}

/** What to read: the fields of `FetchLogs` but for the place. */
export interface LogSelection {
  readonly jobId?: string;
  readonly taskId?: string;
  readonly attemptId?: string;
  readonly since?: string;
  readonly substring?: string;
  /** Only so many of the last lines, to begin with. */
  readonly tail?: number;
}

export class LogFollower {
  readonly #calls: PatientCalls;
  readonly #selection: LogSelection;
  readonly #sink: LogSink;
  /** What could not be had at the last look, by worker and reason; times in Unix milliseconds. */
  #missing = new Map<string, { readonly sinceMs: number; readonly message: string }>();
  readonly #announced = new Set<string>();
  #cursor = "";
  #droppedBytes = 0;
  #complete = false;
  #lastAtMs = 0;

  constructor(calls: PatientCalls, selection: LogSelection, sink: LogSink) {
    this.#calls = calls;
    this.#selection = selection;
    this.#sink = sink;
  }

  /** When the last line so far was written, milliseconds since 1970; 0 before the first. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /** Hands on all lines that there are now. Returns how many. */
  async pull(): Promise<number> {
    let count = 0;
    for (;;) {
      const page = await this.#fetchPage();
      this.#take(page);
      count += page.lines.length;
      if (page.complete || page.lines.length < logLinesMax) return count;
    }
  }

  /** Hands on what there is now, and says what cannot be had: nobody comes back for it. */
  async pullOnce(): Promise<number> {
    const count = await this.pull();
    this.#announceMissing();
    return count;
  }

  /**
   * Hands on what is left of work that has ended: workers tell the last lines a little later, and a
   * cancelled program may write until it is gone. Gives up after `limitMs`.
   */
  async drain(limitMs = finalLinesMsMax): Promise<void> {
    const deadlineMs = Date.now() + limitMs;
    let pauseMs = watchPauseMsMin;
    while (!this.#complete) {
      if (Date.now() >= deadlineMs) {
        this.#announceMissing();
        this.#sink.notice(`further lines did not come within ${limitMs / 1_000} s`);
        return;
      }
      const count = await this.pull();
      const isHopeless = count === 0 && this.#missing.size > 0 && pauseMs >= watchPauseMsMax;
      if (isHopeless) this.#announceMissing();
      if (this.#complete || isHopeless) return;
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, watchPauseMsMax);
    }
  }

  /** Only the first page can begin with the last lines; the others go on from its cursor. */
  #fetchPage(): Promise<LogPage> {
    const { tail, ...selection } = this.#selection;
    const begin = this.#cursor === "" && tail !== undefined ? { tail } : {};
    const place = { cursor: this.#cursor, maxLines: logLinesMax };
    return this.#calls.call("FetchLogs", { ...selection, ...begin, ...place });
  }

  #take(page: LogPage): void {
    for (const line of page.lines) this.#sink.line(line);
    const last = page.lines.at(-1);
    if (last !== undefined) this.#lastAtMs = Date.parse(last.at);
    this.#cursor = page.cursor;
    this.#complete = page.complete;
    this.#noteDropped(page.droppedBytes);
    this.#noteMissing(page.unavailable);
  }

  #noteDropped(droppedBytes: number): void {
    if (droppedBytes <= this.#droppedBytes) return;
    this.#droppedBytes = droppedBytes;
    this.#sink.notice(
      `${droppedBytes} bytes of these logs were not kept: a log has a largest size`,
    );
  }

  /** A worker that is away for a moment, as after a restart of the controller, is not news. */
  #noteMissing(unavailable: LogPage["unavailable"]): void {
    const before = this.#missing;
    const nowMs = Date.now();
    this.#missing = new Map();
    const groups = Map.groupBy(unavailable, ({ workerId, reason }) => `${workerId} ${reason}`);
    for (const [key, group] of groups) {
      const sinceMs = before.get(key)?.sinceMs ?? nowMs;
      const missing = { sinceMs, message: describeMissing(group) };
      this.#missing.set(key, missing);
      const isLong = nowMs - sinceMs >= missingLinesMsMax;
      if (isLong || group.some(({ final }) => final)) this.#announce(key, missing.message);
    }
  }

  /** Says what is missing still, for nobody will ask again. */
  #announceMissing(): void {
    for (const [key, { message }] of this.#missing) this.#announce(key, message);
  }

  #announce(key: string, message: string): void {
    if (this.#announced.has(key)) return;
    this.#announced.add(key);
    this.#sink.notice(message);
  }
}

/** Of one worker, and for one reason. */
function describeMissing(group: LogPage["unavailable"]): string {
  const [{ attemptId, workerId, reason }] = group;
  const whose = group.length === 1 ? `attempt ${attemptId}` : `${group.length} attempts`;
  return `lines of ${whose} on ${workerId} cannot be had: ${reason}`;
}
