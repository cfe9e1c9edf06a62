/**
 * The worker's view of one process that runs functions, from its start to the end of its group.
 *
 *     starting ─▶ idle ⇄ running ─▶ idle …
 *         └─────────┴───────┴────▶ ending ─▶ gone
 *
 * One run at a time. Only the launcher says that it is gone; that its socket has closed says no
 * more than that it will be.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { CapstanError } from "../../model/errors.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { processLingerMs } from "./limits.ts";
import type { DoorVisitor } from "./process-door.ts";
import { writeFrame } from "./process-frames.ts";
import type { AfterRun, FromProcess, ToProcess } from "./process-messages.ts";

/** What one process can serve. */
export interface ProcessNeeds {
  readonly bundlePath: string;
  /** What names the set of its plugins; "" for none. */
  readonly pluginKey: string;
  /** Limit of its memory in bytes; 0 is none. */
  readonly memoryBytes: number;
  /** Its share of the CPU under contention, in thousandths of a core. */
  readonly cpuMilli: number;
}

/** Whoever has taken it. */
export interface ProcessUser {
  /** It takes an order now. */
  ready(): void;
  message(message: FromProcess): void;
  /** Its group is gone; null if nobody knows how. `reason`: what it said that made no sense. */
  gone(record: ExitRecord | null, reason: string): void;
}

export interface FunctionProcessOptions {
  /** Its name with the launcher. */
  readonly id: string;
  readonly needs: ProcessNeeds;
  /** SIGTERM, and SIGKILL after the grace. */
  readonly stop: (graceMs: number) => void;
  /** It has loaded what it runs, or never will: its start is over. May be called again. */
  readonly onStarted: () => void;
}

export class FunctionProcess implements DoorVisitor {
  readonly id: string;
  readonly needs: ProcessNeeds;
  readonly startedMs = performance.now();
  /** The launcher's word; 0 until it has come. */
  pid = 0;
  /** When it last had nothing to do. */
  idleSinceMs = 0;
  /** Runs that it was given. */
  runs = 0;
  /** What it said of itself behind its last run. */
  lastRun: AfterRun = { rssBytes: 0, leftover: "" };
  user: ProcessUser | null = null;
  readonly #stop: (graceMs: number) => void;
  readonly #onStarted: () => void;
  #socket: Socket | null = null;
  #isEnding = false;
  #complaint = "";
  #linger: NodeJS.Timeout | null = null;

  constructor({ id, needs, stop, onStarted }: FunctionProcessOptions) {
    this.id = id;
    this.needs = needs;
    this.#stop = stop;
    this.#onStarted = onStarted;
  }

  /** It has come, and nobody has sent it away. */
  get isReady(): boolean {
    return this.#socket !== null && !this.#isEnding;
  }

  /** It takes nothing more. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** It stands at the door, which lets it in once. */
  admit(socket: Socket): void {
    this.#socket = socket;
    if (this.#isEnding) socket.end();
    else this.user?.ready();
  }

  send(message: ToProcess, parts: readonly Uint8Array[] = []): void {
    if (this.#socket !== null) writeFrame(this.#socket, { head: message, parts });
  }

  /** It is not needed any more: it ends by itself, or is ended. */
  retire(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (this.#socket === null) this.#stop(0);
    else this.#socket.end();
    this.#armLinger();
  }

  /** Ends it, whatever it is at: SIGTERM, and SIGKILL after `graceMs`. */
  end(graceMs: number): void {
    this.#isEnding = true;
    this.#stop(graceMs);
  }

  /** The launcher's word, or the word that there will be none. */
  gone(record: ExitRecord | null): void {
    this.#isEnding = true;
    this.#onStarted();
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#socket?.destroy();
    this.user?.gone(record, this.#complaint);
  }

  // What comes over its socket.

  message(message: FromProcess): void {
    if ("leftover" in message) this.lastRun = message;
    if (message.type === "begun" || "leftover" in message) this.#onStarted();
    this.user?.message(message);
  }

  closed(error: CapstanError | null): void {
    if (error !== null) this.#complaint = error.message;
    this.#isEnding = true;
    this.#armLinger();
  }

  #armLinger(): void {
    this.#linger ??= setTimeout(() => this.#stop(0), processLingerMs).unref();
  }
}
