/**
 * Answers the requests of one data listener's connections.
 *
 * Bytes go from the store to the socket without a copy, and from the disk a part at a time. A slow
 * reader holds up only its own connection: no more than `sendWindowBytes` (and one value) are
 * handed to a socket ahead.
 *
 * @module
 */

import { once } from "node:events";
import type { Socket } from "node:net";
import { CapstanError } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import type { ValueFile, ValueSource } from "./data-listener.ts";
import {
  decodeRequest,
  encodeValueHead,
  requestHeaderBytes,
  requestLength,
  valueStatus,
} from "./framing.ts";
import { incomingTransfersMax, sendWindowBytes, transferStallTimeoutMs } from "./limits.ts";

export class ValueSender {
  readonly #source: ValueSource;
  #active = 0;

  constructor(source: ValueSource) {
    this.#source = source;
  }

  /** Serves requests on `socket` until it closes. `first` came with the upgrade. */
  serve(socket: Socket, first: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (first.length > 0) socket.unshift(first);
    void this.#serveAll(socket);
  }

  async #serveAll(socket: Socket): Promise<void> {
    let received = Buffer.alloc(0);
    try {
      for await (const chunk of socket) {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        while (received.length >= requestHeaderBytes) {
          const length = requestLength(received);
          if (received.length < length) break;
          await this.#answer(socket, decodeRequest(received.subarray(0, length)));
          received = received.subarray(length);
        }
      }
    } catch (error) {
      // The peer went away or spoke nonsense: it gets no answer. Anything else is a bug of ours.
      if (!(error instanceof Error && "code" in error)) throw error;
    } finally {
      socket.destroy();
    }
  }

  async #answer(socket: Socket, tasks: readonly TaskRef[]): Promise<void> {
    if (this.#active >= incomingTransfersMax) return sendBusy(socket, tasks);
    this.#active++;
    const giveBack = this.#source.lend?.(tasks);
    socket.setTimeout(transferStallTimeoutMs, () => socket.destroy());
    try {
      for (const task of tasks) {
        const file = this.#source.fileOf?.(task);
        if (file === undefined) this.#send(socket, task);
        else await sendFile(socket, task, file);
        if (socket.writableLength > sendWindowBytes) await drained(socket);
      }
      // It counts until the peer has it: what lies in the socket is memory of ours.
      if (socket.writableNeedDrain) await drained(socket);
    } finally {
      socket.setTimeout(0);
      this.#active--;
      giveBack?.();
    }
  }

  #send(socket: Socket, task: TaskRef): void {
    const value = this.#source.get(task);
    if (value === undefined) {
      socket.write(encodeValueHead({ task, status: valueStatus.absent, length: 0 }));
      return;
    }
    socket.cork();
    socket.write(encodeValueHead({ task, status: valueStatus.ok, length: value.length }));
    socket.write(Buffer.from(value.buffer, value.byteOffset, value.length));
    socket.uncork();
  }
}

/** Ends the connection if the file ends early: half a value is none. */
async function sendFile(socket: Socket, task: TaskRef, file: ValueFile): Promise<void> {
  socket.write(encodeValueHead({ task, status: valueStatus.ok, length: file.length }));
  try {
    for await (const chunk of file.chunks()) {
      socket.write(chunk);
      if (socket.writableLength > sendWindowBytes) await drained(socket);
    }
  } catch (cause) {
    const message = `value ${task} could not be read`;
    throw new CapstanError("DISK_FAILED", message, { cause });
  }
}

function sendBusy(socket: Socket, tasks: readonly TaskRef[]): void {
  socket.cork();
  for (const task of tasks) {
    socket.write(encodeValueHead({ task, status: valueStatus.busy, length: 0 }));
  }
  socket.uncork();
}

/** Resolves when the socket has room again; rejects when it is closed. */
async function drained(socket: Socket): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  socket.once("close", onClose);
  try {
    if (socket.destroyed) closed.abort();
    await once(socket, "drain", { signal: closed.signal });
  } finally {
    socket.off("close", onClose);
  }
}
