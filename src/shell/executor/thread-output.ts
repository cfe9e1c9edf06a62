/**
 * Thread side: what functions write, on its way to the log of their worker.
 *
 * The loop that writes that log hears heartbeats too, and a loop that prints is faster than it. So
 * the first lines pass at once, more of them go together, and what is above a rate is counted and
 * not kept.
 *
 * @module
 */

import { FlowLimit } from "./flow-limit.ts";
import {
  outputBurstCharacters,
  outputCharactersPerSecond,
  outputPiecesMax,
  outputWindowMs,
} from "./limits.ts";
import type { FromThread } from "./thread-messages.ts";

type Output = Extract<FromThread, { type: "output" }>;
type StreamName = Output["stream"];
type Callback = (error: null) => void;

export class ThreadOutput {
  readonly #post: (output: Output) => void;
  readonly #flow = new FlowLimit({
    burst: outputBurstCharacters,
    perSecond: outputCharactersPerSecond,
  });
  readonly #waiting = { stdout: "", stderr: "" };
  readonly #callbacks: Callback[] = [];
  #dropped = 0;
  #pieces = 0;
  #windowMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(post: (output: Output) => void) {
    this.#post = post;
  }

  write(stream: StreamName, text: string): void {
    const nowMs = performance.now();
    const kept = this.#flow.take(text.length, nowMs);
    this.#dropped += text.length - kept;
    if (kept > 0) this.#waiting[stream] += kept < text.length ? text.slice(0, kept) : text;
    if (nowMs - this.#windowMs >= outputWindowMs) {
      this.#windowMs = nowMs;
      this.#pieces = 0;
    }
    // No timer fires in a loop without an end: what it writes next passes by itself.
    if (this.#pieces < outputPiecesMax) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), outputWindowMs).unref();
  }

  /** Passes on what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#pieces++;
    const { stdout, stderr } = this.#waiting;
    if (stdout !== "") this.#tell("stdout", stdout);
    if (stderr !== "") this.#tell("stderr", stderr);
    if (this.#dropped > 0) this.#tell("stdout", "");
  }

  #tell(stream: StreamName, text: string): void {
    this.#waiting[stream] = "";
    const droppedCharacters = this.#dropped;
    this.#dropped = 0;
    this.#post({ type: "output", stream, text, droppedCharacters });
  }

  /** Together: a loop may write millions of times before anything else has its turn. */
  #callLater(callback: Callback): void {
    if (this.#callbacks.push(callback) > 1) return;
    queueMicrotask(() => {
      for (const call of this.#callbacks.splice(0)) call(null);
    });
  }

  /** From now on everything that is written in this thread comes here. */
  takeOver(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      process[stream].write = (
        chunk: Uint8Array | string,
        encoding?: BufferEncoding | Callback,
        then?: Callback,
      ): boolean => {
        this.write(stream, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
        const callback = typeof encoding === "function" ? encoding : then;
        if (callback !== undefined) this.#callLater(callback);
        return true;
      };
    }
    process.on("exit", () => this.flush());
  }
}
