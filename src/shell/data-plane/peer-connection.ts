/**
 * One connection to a worker's data listener, from the side that asks.
 *
 *     connecting ─▶ upgrading ─▶ idle ⇄ fetching ─▶ closed
 *
 * The socket reads into the memory that the value will stay in (`onread`), so a large value is not
 * copied once it has left the kernel.
 *
 * @module
 */

import net from "node:net";
import { CapstanError, type ErrorCode } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { dataPath, dataProtocol, encodeRequest } from "./framing.ts";
import { idleConnectionMs, peerConnectTimeoutMs, transferStallTimeoutMs } from "./limits.ts";
import { doorTo } from "./local-door.ts";
import { type FetchedValues, ValueReader } from "./value-reader.ts";

const upgradeReplyBytesMax = 16 * 1024;

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

export interface PeerAddress {
  /** `host:port` of the data listener. */
  readonly address: string;
  readonly token?: string | undefined;
}

export class PeerConnection {
  readonly #socket: net.Socket;
  readonly #address: string;
  readonly #scratch = Buffer.allocUnsafeSlow(64 * 1024);
  #upgradeReply = Buffer.alloc(0);
  #opening: Waiting<PeerConnection> | null = null;
  #fetching: { readonly reader: ValueReader; readonly waiting: Waiting<FetchedValues> } | null =
    null;
  #failure: CapstanError | null = null;
  /** Called once when the connection can serve no further fetch. */
  onClosed: () => void = () => {};

  /**
   * Connects and upgrades.
   *
   * @throws CapstanError UNREACHABLE, UNAUTHENTICATED, FORBIDDEN or PROTOCOL_ERROR; the signal's
   * reason when it is aborted.
   */
  static async open(peer: PeerAddress, signal?: AbortSignal): Promise<PeerConnection> {
    const door = doorTo(peer.address);
    if (door !== null) {
      try {
        return await PeerConnection.#openOver({ path: door }, peer, signal);
      } catch (error) {
        if (!isDeadDoor(error) || signal?.aborted === true) throw error;
      }
    }
    const way = { ...parseAddress(peer.address), noDelay: true };
    return PeerConnection.#openOver(way, peer, signal);
  }

  static #openOver(
    way: net.NetConnectOpts,
    peer: PeerAddress,
    signal: AbortSignal | undefined,
  ): Promise<PeerConnection> {
    const waiting = Promise.withResolvers<PeerConnection>();
    const connection = new PeerConnection(way, peer, waiting);
    return connection.#abortable(waiting.promise, signal);
  }

  private constructor(
    way: net.NetConnectOpts,
    { address, token }: PeerAddress,
    opening: Waiting<PeerConnection>,
  ) {
    this.#address = address;
    this.#opening = opening;
    this.#socket = net.connect({
      ...way,
      onread: {
        buffer: () => this.#fetching?.reader.nextBuffer() ?? this.#scratch,
        callback: (length, buffer) => this.#onBytes(asBuffer(buffer).subarray(0, length)),
      },
    });
    this.#socket.setTimeout(peerConnectTimeoutMs);
    this.#socket.on("timeout", () => this.#onTimeout());
    this.#socket.on("error", (error) => this.#fail("UNREACHABLE", error.message, error));
    this.#socket.on("end", () => this.#fail("UNREACHABLE", "it closed the connection"));
    this.#socket.on("close", () => this.#fail("UNREACHABLE", "the connection was closed"));
    this.#socket.write(upgradeRequest(address, token));
  }

  /**
   * Asks for values; one call at a time. After an error the connection is closed.
   *
   * @throws CapstanError UNREACHABLE or PROTOCOL_ERROR; the signal's reason when it is aborted.
   */
  fetch(tasks: readonly TaskRef[], signal?: AbortSignal): Promise<FetchedValues> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const reader = new ValueReader(tasks);
    if (reader.isComplete) return Promise.resolve(reader.values);
    const answer = new Promise<FetchedValues>((resolve, reject) => {
      this.#fetching = { reader, waiting: { resolve, reject } };
    });
    this.#socket.setTimeout(transferStallTimeoutMs);
    this.#socket.ref();
    this.#socket.write(encodeRequest(tasks));
    return this.#abortable(answer, signal);
  }

  close(): void {
    this.#fail("UNREACHABLE", "the connection was closed");
  }

  async #abortable<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return answer;
    const onAbort = () => this.close();
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    try {
      return await answer;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #onBytes(chunk: Buffer): boolean {
    if (this.#opening !== null) this.#onUpgradeReply(chunk);
    else if (this.#fetching === null) this.#fail("PROTOCOL_ERROR", "it sent what nobody asked for");
    else this.#onValues(chunk, this.#fetching.reader);
    return true;
  }

  #onValues(chunk: Buffer, reader: ValueReader): void {
    try {
      reader.push(chunk);
    } catch (error) {
      this.#fail("PROTOCOL_ERROR", error instanceof Error ? error.message : String(error));
      return;
    }
    if (!reader.isComplete) return;
    const waiting = this.#fetching?.waiting;
    this.#fetching = null;
    this.#socket.setTimeout(idleConnectionMs);
    this.#socket.unref();
    waiting?.resolve(reader.values);
  }

  #onUpgradeReply(chunk: Buffer): void {
    this.#upgradeReply = Buffer.concat([this.#upgradeReply, chunk]);
    const end = this.#upgradeReply.indexOf("\r\n\r\n");
    if (end === -1) {
      const isTooLong = this.#upgradeReply.length > upgradeReplyBytesMax;
      if (isTooLong) this.#fail("PROTOCOL_ERROR", "its reply to the upgrade does not end");
      return;
    }
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.#upgradeReply.toString("latin1"))?.[1]);
    if (status !== 101) {
      this.#fail(codeOfStatus(status), `it refused the connection with HTTP status ${status}`);
      return;
    }
    const opening = this.#opening;
    this.#opening = null;
    this.#socket.setTimeout(idleConnectionMs);
    opening?.resolve(this);
  }

  #onTimeout(): void {
    if (this.#opening !== null) this.#fail("UNREACHABLE", "it did not answer in time");
    else if (this.#fetching !== null) this.#fail("UNREACHABLE", "the transfer stood still");
    else this.close();
  }

  #fail(code: ErrorCode, reason: string, cause?: Error): void {
    if (this.#failure !== null) return;
    const message = `values from the worker at ${this.#address} could not be fetched: ${reason}`;
    this.#failure = new CapstanError(code, message, { cause });
    this.#socket.destroy();
    this.#opening?.reject(this.#failure);
    this.#fetching?.waiting.reject(this.#failure);
    this.#opening = null;
    this.#fetching = null;
    this.onClosed();
  }
}

function upgradeRequest(address: string, token: string | undefined): string {
  const lines = [
    `GET ${dataPath} HTTP/1.1`,
    `Host: ${address}`,
    "Connection: Upgrade",
    `Upgrade: ${dataProtocol}`,
  ];
  if (token !== undefined && token !== "") lines.push(`Authorization: Bearer ${token}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Throws INVALID_ARGUMENT unless it is `host:port`, `[v6]:port` included. */
export function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(colon + 1));
  const isPort = /^\d+$/.test(address.slice(colon + 1)) && port <= 65_535;
  if (colon < 1 || !isPort) {
    const message = `an address is host:port, not ${JSON.stringify(address)}`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  return { host, port };
}

/** Nobody is behind it: its worker was killed. One that is only slow would be so over TCP too. */
function isDeadDoor(error: unknown): boolean {
  const cause = error instanceof CapstanError ? (error.cause as NodeJS.ErrnoException) : undefined;
  return cause?.code === "ECONNREFUSED" || cause?.code === "ENOENT";
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return "UNAUTHENTICATED";
  return status === 403 ? "FORBIDDEN" : "PROTOCOL_ERROR";
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
