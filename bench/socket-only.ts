/**
 * What a unix socket of Node takes for a value: the bound of the case `transfer` on this machine.
 * Two processes, nothing of ours between them, fresh memory each time; then the same with a copy
 * behind it, as a function gets one of its own.
 *
 * @module
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const readBytesMax = 1 << 18;

/** A sender that waits for orders. */
export interface SocketOnly {
  /** GB/s of one transfer, and with the copy behind it. */
  measure(): Promise<{ readonly socket: number; readonly withCopy: number }>;
  close(): void;
}

export async function prepareSocketOnly(bytes: number): Promise<SocketOnly> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-socket-"));
  const path = join(directory, "sender");
  const sender = fork(fileURLToPath(new URL("socket-sender.ts", import.meta.url)), [
    path,
    `${bytes}`,
  ]);
  await once(sender, "message");
  const receiver = new Receiver(path);
  await once(receiver.socket, "connect");
  return {
    measure: async () => {
      const startedAt = performance.now();
      const value = await receiver.receive(bytes);
      const receivedMs = performance.now() - startedAt;
      new Uint8Array(value).slice();
      const copiedMs = performance.now() - startedAt;
      return { socket: bytes / 1e6 / receivedMs, withCopy: bytes / 1e6 / copiedMs };
    },
    close: () => {
      receiver.socket.destroy();
      sender.disconnect();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

class Receiver {
  readonly socket: net.Socket;
  readonly #scratch = Buffer.alloc(64);
  #value = new SharedArrayBuffer(0);
  #length = 0;
  #done: (value: SharedArrayBuffer) => void = () => undefined;

  constructor(path: string) {
    this.socket = net.connect({
      path,
      onread: {
        buffer: () => this.#next(),
        callback: (length) => {
          this.#length += length;
          if (this.#length === this.#value.byteLength) this.#done(this.#value);
          return true;
        },
      },
    });
  }

  receive(bytes: number): Promise<SharedArrayBuffer> {
    this.#value = new SharedArrayBuffer(bytes);
    this.#length = 0;
    this.socket.write("x");
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  #next(): Buffer {
    const left = this.#value.byteLength - this.#length;
    if (left === 0) return this.#scratch;
    return Buffer.from(this.#value, this.#length, Math.min(left, readBytesMax));
  }
}
