/**
 * The last bytes of a stream of text.
 *
 * @module
 */

import { stderrTailBytes } from "./limits.ts";

/** Keeps the last `stderrTailBytes` of what is pushed. */
export class TextTail {
  #parts: Buffer[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  push(chunk: Uint8Array | string): void {
    const part = Buffer.from(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    this.#parts.push(part.subarray(Math.max(0, part.length - stderrTailBytes)));
    this.#length += this.#parts[this.#parts.length - 1].length;
    while (this.#length - this.#parts[0].length >= stderrTailBytes) {
      this.#length -= this.#parts[0].length;
      this.#parts.shift();
    }
  }

  clear(): void {
    this.#parts = [];
    this.#length = 0;
  }

  toString(): string {
    const whole = Buffer.concat(this.#parts);
    return whole.subarray(Math.max(0, whole.length - stderrTailBytes)).toString("utf8");
  }
}
