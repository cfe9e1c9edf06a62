/**
 * One JSON value a line, as worker and launcher speak over their socket and as they keep files.
 *
 * @module
 */

import type { Socket } from "node:net";
import { CapstanError } from "../../model/errors.ts";
import { launcherMessageBytesMax } from "./limits.ts";

const newline = 10;

/** The line of one message. JSON has no raw newline inside. */
export function encodeLine(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * What is written to `socket` in one turn of the loop leaves with one call: to wake a peer costs
 * more than a message.
 */
export function gatherWrites(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

/** Cuts a stream of bytes into lines and parses each. */
export class JsonLineReader {
  readonly #onMessage: (message: unknown) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(onMessage: (message: unknown) => void) {
    this.#onMessage = onMessage;
  }

  /** Throws PROTOCOL_ERROR on a line that is too long or no JSON, and what `onMessage` throws. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      this.#onMessage(parseLine(this.#take()));
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes <= launcherMessageBytesMax) return;
    const message = `a message to or from the launcher is longer than ${launcherMessageBytesMax}`;
    throw new CapstanError("PROTOCOL_ERROR", message);
  }

  #take(): string {
    const text = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const message = "a message to or from the launcher is not JSON";
    throw new CapstanError("PROTOCOL_ERROR", message, { cause });
  }
}
