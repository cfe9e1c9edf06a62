/**
 * The launcher's side of one connection with a worker. It begins with the inventory and every end
 * that is not acknowledged. What the worker does not read stays here as names, not as text: ends
 * are read from the disk when they are sent.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { ExitRecord } from "./exit-record.ts";
import { encodeLine, gatherWrites, JsonLineReader } from "./json-lines.ts";
import { logLine } from "./launcher-log.ts";
import { goodbyeMs, workerUnreadBytesMax } from "./limits.ts";
import { type FromLauncher, parseToLauncher, type ToLauncher } from "./messages.ts";

/** What a connection needs of its launcher. */
export interface ConnectionHost {
  onMessage(message: ToLauncher): void;
  onClose(connection: WorkerConnection): void;
  /** Null once it was acknowledged. */
  recordOf(attemptId: string): ExitRecord | null;
}

type Waiting =
  | { readonly type: "message"; readonly message: FromLauncher }
  | { readonly type: "end"; readonly attemptId: string };

export class WorkerConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  #waiting: Waiting[] = [];

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    const reader = new JsonLineReader((value) => host.onMessage(parseToLauncher(value)));
    socket.on("data", (chunk: Buffer) => this.#read(reader, chunk));
    socket.on("drain", () => this.#write());
    socket.on("error", () => undefined); // "close" follows.
    socket.on("close", () => host.onClose(this));
  }

  send(message: FromLauncher): void {
    this.#waiting.push({ type: "message", message });
    this.#write();
  }

  /** `record`: if it is at hand, it is not read again. */
  sendEnd(attemptId: string, record: ExitRecord | null = null): void {
    const isNext = record !== null && this.#waiting.length === 0 && this.#hasRoom();
    if (isNext) this.send({ type: "ended", record });
    else {
      this.#waiting.push({ type: "end", attemptId });
      this.#write();
    }
  }

  /** Resolves when what was sent so far is out of this process, or cannot be. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.end();
      this.#socket.resume();
      setTimeout(() => this.#socket.destroy(), goodbyeMs);
    });
  }

  #read(reader: JsonLineReader, chunk: Buffer): void {
    try {
      reader.push(chunk);
    } catch (error) {
      if ((error as Error).name !== "CapstanError") throw error; // A bug of ours, not of its.
      logLine(`a worker is disconnected: ${(error as Error).message}`);
      this.#socket.destroy();
    }
  }

  #write(): void {
    const waiting = this.#waiting;
    let done = 0;
    while (done < waiting.length && this.#hasRoom()) {
      const message = this.#messageOf(waiting[done++]);
      if (message === null) continue;
      gatherWrites(this.#socket);
      this.#socket.write(encodeLine(message));
    }
    if (done > 0) this.#waiting = waiting.slice(done);
  }

  #hasRoom(): boolean {
    return this.#socket.writable && this.#socket.writableLength < workerUnreadBytesMax;
  }

  #messageOf(waiting: Waiting): FromLauncher | null {
    if (waiting.type === "message") return waiting.message;
    const record = this.#host.recordOf(waiting.attemptId);
    return record === null ? null : { type: "ended", record };
  }
}
