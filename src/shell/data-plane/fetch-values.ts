/**
 * Fetching values from workers: for workers (inputs) and for clients (large results).
 *
 * A fetch either brings an answer for every value that was asked for, or throws; it never brings a
 * part. Trying again, and where, is the caller's decision.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { idleConnectionsPerPeer, outgoingTransfersMax } from "./limits.ts";
import { type PeerAddress, PeerConnection } from "./peer-connection.ts";
import type { FetchedValues } from "./value-reader.ts";

export type { FetchedValues } from "./value-reader.ts";

export interface FetchRequest extends PeerAddress {
  readonly tasks: readonly TaskRef[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches over a connection of its own.
 *
 * @throws CapstanError UNREACHABLE, UNAUTHENTICATED, FORBIDDEN or PROTOCOL_ERROR; the signal's
 * reason when it is aborted.
 */
export async function fetchValues(request: FetchRequest): Promise<FetchedValues> {
  const fetcher = new ValueFetcher();
  try {
    return await fetcher.fetch(request);
  } finally {
    fetcher.close();
  }
}

/**
 * Fetches with connections that are kept for the next time, at most `outgoingTransfersMax` at once;
 * further calls wait their turn, oldest first.
 */
export class ValueFetcher {
  readonly #idle = new Map<string, PeerConnection[]>();
  readonly #open = new Set<PeerConnection>();
  readonly #turns: (() => void)[] = [];
  #active = 0;

  /** As `fetchValues`. */
  async fetch(request: FetchRequest): Promise<FetchedValues> {
    if (this.#active >= outgoingTransfersMax) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    this.#active++;
    try {
      request.signal?.throwIfAborted();
      return await this.#fetchNow(request);
    } finally {
      this.#active--;
      this.#turns.shift()?.();
    }
  }

  /** Closes every connection; fetches under way fail. */
  close(): void {
    for (const connection of [...this.#open]) connection.close();
  }

  async #fetchNow(request: FetchRequest): Promise<FetchedValues> {
    const kept = this.#idle.get(request.address)?.pop();
    if (kept === undefined) return this.#fetchOver(await this.#connect(request), request);
    try {
      return await this.#fetchOver(kept, request);
    } catch (error) {
      // An idle connection may have died unnoticed, with a peer that has started again since.
      const mayBeStale = error instanceof CapstanError && error.code === "UNREACHABLE";
      if (!mayBeStale || request.signal?.aborted === true) throw error;
    }
    return this.#fetchOver(await this.#connect(request), request);
  }

  async #fetchOver(
    connection: PeerConnection,
    { address, tasks, signal }: FetchRequest,
  ): Promise<FetchedValues> {
    const values = await connection.fetch(tasks, signal);
    this.#keepIdle(address, connection);
    return values;
  }

  async #connect({ address, token, signal }: FetchRequest): Promise<PeerConnection> {
    const connection = await PeerConnection.open({ address, token }, signal);
    this.#open.add(connection);
    connection.onClosed = () => {
      this.#open.delete(connection);
      this.#forgetIdle(address, connection);
    };
    return connection;
  }

  #keepIdle(address: string, connection: PeerConnection): void {
    const idle = this.#idle.get(address) ?? [];
    this.#idle.set(address, idle);
    if (idle.length < idleConnectionsPerPeer) idle.push(connection);
    else connection.close();
  }

  #forgetIdle(address: string, connection: PeerConnection): void {
    const idle = this.#idle.get(address)?.filter((other) => other !== connection) ?? [];
    if (idle.length === 0) this.#idle.delete(address);
    else this.#idle.set(address, idle);
  }
}
