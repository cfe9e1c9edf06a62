/**
 * A TCP proxy that stands for a bad network. It passes on as fast as the other side reads, so that
 * it holds no more than a chunk for each direction.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { Prng } from "../../../src/base/prng.ts";

/**
 * - `clear`: passes on;
 * - `delay`: each chunk waits up to `delayMsMax`;
 * - `dribble`: the first bytes of each chunk come one by one;
 * - `half-open`: swallows, and whatever it swallows something of stays silent for good;
 * - `cut`: passes on a part of a chunk, and then the connection is over;
 * - `refuse`: new connections are reset at once.
 */
export type ProxyMode = "clear" | "delay" | "dribble" | "half-open" | "cut" | "refuse";

const delayMsMax = 2_000;
const dribbledBytesMax = 400;

export class FaultyProxy implements AsyncDisposable {
  mode: ProxyMode = "clear";
  /** Connections that were asked for, ever. */
  connectionCount = 0;
  readonly #random: Prng;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new Set<Socket>();
  readonly #server = createServer({ pauseOnConnect: true }, (near) => this.#join(near));

  private constructor(target: number, random: Prng) {
    this.#target = target;
    this.#random = random;
  }

  /** Listens on a free port of 127.0.0.1 for the port `target`. */
  static async listen(target: number, random: Prng): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target, random);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections with a reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #join(near: Socket): void {
    this.connectionCount++;
    if (this.mode === "refuse") {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    void this.#pump(near, far);
    void this.#pump(far, near);
  }

  async #pump(from: Socket, to: Socket): Promise<void> {
    this.#sockets.add(from);
    from.on("error", () => undefined); // The loop ends with it.
    try {
      for await (const chunk of from) await this.#pass(chunk as Buffer, from, to);
    } catch {
      // Reset by either side, or by us.
    }
    this.#sockets.delete(from);
    this.#silent.delete(from);
    if (!this.#silent.has(to)) to.destroy();
  }

  async #pass(chunk: Buffer, from: Socket, to: Socket): Promise<void> {
    if (this.mode === "half-open") this.#silent.add(from);
    if (this.#silent.has(from)) return;
    switch (this.mode) {
      case "delay":
        await pause(this.#random.below(delayMsMax));
        return write(to, chunk);
      case "dribble":
        for (let at = 0; at < Math.min(chunk.length, dribbledBytesMax); at++) {
          await write(to, chunk.subarray(at, at + 1));
          await nextTurn();
        }
        return write(to, chunk.subarray(dribbledBytesMax));
      case "cut":
        await write(to, chunk.subarray(0, this.#random.below(chunk.length)));
        from.destroy();
        return;
      default:
        return write(to, chunk);
    }
  }
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || to.destroyed || to.write(bytes)) return;
  await Promise.race([once(to, "drain"), once(to, "close")]);
}

/** A port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
