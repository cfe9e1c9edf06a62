/**
 * Asks the thread of the past: one call at a time, so that what nobody waits for any more is never
 * begun. The thread begins with the first call and ends when nobody has asked for a while: it holds
 * a whole state in its memory.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { CapstanError, type ErrorCode } from "../../model/errors.ts";
import { threadModule } from "../journal/thread-module.ts";
import { pastCallsMax, pastIdleMs } from "./limits.ts";
import type { PastCall } from "./past-fold.ts";
import type { PastReply, PastThreadData } from "./past-thread.ts";

/** An answer of the past. */
export interface PastAnswer {
  /** The answer of the method, JSON. */
  readonly text: string;
  readonly sequence: number;
  /** RFC 3339. */
  readonly at: string;
}

interface Waiting {
  readonly call: PastCall;
  readonly resolve: (answer: PastAnswer) => void;
  readonly reject: (error: unknown) => void;
}

export class PastReader {
  readonly #path: string;
  readonly #waiting: Waiting[] = [];
  #current: Waiting | null = null;
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with CapstanError. Once `signal` is aborted nobody waits, and nothing comes back. */
  read(call: PastCall, signal?: AbortSignal): Promise<PastAnswer> {
    if (this.#waiting.length >= pastCallsMax) {
      const message = `${pastCallsMax} reads of the past wait: try again`;
      return Promise.reject(new CapstanError("OVERLOADED", message));
    }
    return new Promise((resolve, reject) => {
      const waiting = { call, resolve, reject };
      this.#waiting.push(waiting);
      signal?.addEventListener("abort", () => this.#forget(waiting), { once: true });
      this.#next();
    });
  }

  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#refuse(new CapstanError("UNREACHABLE", "the controller has closed"));
    await this.#thread?.terminate();
  }

  #forget(waiting: Waiting): void {
    const place = this.#waiting.indexOf(waiting);
    if (place >= 0) this.#waiting.splice(place, 1);
  }

  #next(): void {
    if (this.#current !== null) return;
    const next = this.#waiting.shift();
    if (this.#idle !== null) clearTimeout(this.#idle);
    if (next === undefined) {
      this.#idle = setTimeout(() => this.#endThread(), pastIdleMs);
      this.#idle.unref();
      return;
    }
    this.#current = next;
    this.#thread ??= this.#startThread();
    this.#thread.postMessage(next.call);
  }

  #startThread(): Worker {
    const workerData: PastThreadData = { path: this.#path };
    const thread = new Worker(threadModule("./past-thread", import.meta.url), {
      workerData,
      name: "past",
    });
    thread.on("message", (reply: PastReply) => this.#onReply(reply));
    thread.on("error", (error) => this.#onFailure(error));
    thread.unref();
    return thread;
  }

  #endThread(): void {
    void this.#thread?.terminate();
    this.#thread = null;
  }

  #onReply(reply: PastReply): void {
    const asked = this.#current;
    this.#current = null;
    if ("code" in reply) {
      const { code, message, details } = reply;
      asked?.reject(new CapstanError(code as ErrorCode, message, { details: { ...details } }));
    } else {
      const { text, sequence } = reply;
      asked?.resolve({ text, sequence, at: new Date(reply.at / 1000).toISOString() });
    }
    this.#next();
  }

  /** What the thread could not do is told to whoever asked; the next call begins another one. */
  #onFailure(error: Error): void {
    this.#thread = null;
    const asked = this.#current;
    this.#current = null;
    const message = `the journal cannot be read: ${error.message}`;
    asked?.reject(new CapstanError("DISK_FAILED", message));
    this.#next();
  }

  #refuse(error: CapstanError): void {
    const open = [...this.#waiting.splice(0), ...(this.#current === null ? [] : [this.#current])];
    this.#current = null;
    for (const { reject } of open) reject(error);
  }
}
