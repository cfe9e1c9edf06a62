/**
 * Adds up numbers of all members of a gang, each of which ends with the sum: what members have goes
 * once around a ring, from each to the next.
 *
 * @module
 */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { TaskGang } from "capstan";

/** Connects to the next member and waits for the one before, by the ports named `ring`. */
export async function joinRing({ rank, size, peers }: TaskGang, signal: AbortSignal) {
  const server = createServer().listen(peers[rank].ports.ring);
  const next = peers[(rank + 1) % size];
  const [ahead, [behind]] = await Promise.all([
    reach(next.host, next.ports.ring, signal),
    once(server, "connection", { signal }) as Promise<[Socket]>,
  ]);
  server.close();
  return new Ring(size, ahead, behind);
}

/** All members begin at once, but none knows when another listens. */
async function reach(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted();
    const socket = connect(port, host).setNoDelay();
    try {
      await once(socket, "connect", { signal });
      return socket;
    } catch {
      socket.destroy();
      await pause(20);
    }
  }
}

export class Ring {
  readonly #size: number;
  readonly #ahead: Socket;
  readonly #behind: Socket;

  constructor(size: number, ahead: Socket, behind: Socket) {
    this.#size = size;
    this.#ahead = ahead;
    this.#behind = behind;
  }

  /** The sums of what all members give, number by number. Throws when another one has gone. */
  async sum(own: Float64Array): Promise<Float64Array> {
    const sums = own.slice();
    let passing = own;
    for (let step = 1; step < this.#size; step++) {
      this.#ahead.write(new Uint8Array(passing.slice().buffer));
      passing = await this.#take(own.length);
      for (let i = 0; i < sums.length; i++) sums[i] += passing[i];
    }
    return sums;
  }

  async #take(length: number): Promise<Float64Array> {
    const bytes = 8 * length;
    for (;;) {
      const chunk: Buffer | null = this.#behind.read(bytes);
      if (chunk?.length === bytes) return new Float64Array(new Uint8Array(chunk).buffer);
      if (this.#behind.readableEnded || chunk !== null) throw new Error("a member has gone");
      await once(this.#behind, "readable");
    }
  }

  close(): void {
    this.#ahead.destroy();
    this.#behind.destroy();
  }
}
