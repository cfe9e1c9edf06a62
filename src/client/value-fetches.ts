/**
 * Large values, fetched from the workers that hold them when somebody asks.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { HotMessageOf, Peer } from "../protocol/messages.ts";
import type { FutureTable, Located } from "./future-table.ts";
import { futureState } from "./future-table.ts";
import { fetchesMax, fetchTriesMax, reconnectDelayMinMs } from "./limits.ts";
import type { Transport } from "./transport.ts";
import { limited, untilSettled, type WaitLimits } from "./waiting.ts";

export class ValueFetches {
  readonly #transport: Transport;
  #token: string;
  readonly #peers = new Map<number, Peer>();
  /** Under way, by task: whoever asks for the same value shares the fetch. */
  readonly #active = new Map<number, Promise<void>>();
  readonly #turns: (() => void)[] = [];
  readonly #closed = new AbortController();
  #running = 0;

  /** `token`: what is presented to workers until the controller has told what they demand. */
  constructor(transport: Transport, token: string) {
    this.#transport = transport;
    this.#token = token;
  }

  /** What the controller said in its hello; "" if it has no secret to share. */
  onDataToken(dataToken: string): void {
    if (dataToken !== "") this.#token = dataToken;
  }

  /** What is presented to workers. */
  get token(): string {
    return this.#token;
  }

  /** A worker that the controller has named. */
  peer(index: number): Peer | undefined {
    return this.#peers.get(index);
  }

  onPeer(peer: Peer): void {
    this.#peers.set(peer.index, peer);
  }

  onPeerGone(index: number): void {
    this.#peers.delete(index);
  }

  onLocated(table: FutureTable, message: HotMessageOf<"located">): void {
    for (let i = 0; i < message.tasks.length; i++) {
      const located = {
        ref: message.refs[i],
        sizeBytes: message.sizes[i],
        holder: message.holders[i],
      };
      table.settleLocated(message.tasks[i], located);
    }
  }

  /** Another cluster has other workers. */
  forgetPeers(): void {
    this.#peers.clear();
  }

  close(error: CapstanError): void {
    this.#closed.abort(error);
    this.#transport.close();
  }

  /**
   * Brings the located value of a task into its table. `locateAgain` asks the controller where it
   * is now. Rejects with UNREACHABLE when nobody could give it, and as the limits say; the fetch
   * goes on for others who wait for it.
   */
  fetch(
    table: FutureTable,
    number: number,
    limits: WaitLimits,
    locateAgain: () => void,
  ): Promise<void> {
    let fetch = this.#active.get(number);
    if (fetch === undefined) {
      fetch = this.#fetchInTurn(table, number, locateAgain);
      this.#active.set(number, fetch);
    }
    const shared = fetch;
    return limited(limits, this.#transport.clock, {
      begin: (end) => void shared.then(() => end(null), end),
      abandon: () => {},
      describe: () => "the value of a task",
    });
  }

  async #fetchInTurn(table: FutureTable, number: number, locateAgain: () => void): Promise<void> {
    if (this.#running >= fetchesMax) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    this.#running++;
    try {
      await this.#fetchWithRetries(table, number, locateAgain);
    } finally {
      this.#running--;
      this.#active.delete(number);
      this.#turns.shift()?.();
    }
  }

  async #fetchWithRetries(
    table: FutureTable,
    number: number,
    locateAgain: () => void,
  ): Promise<void> {
    let reason = "";
    for (let tries = 0; tries < fetchTriesMax; tries++) {
      if (tries > 0) await this.#pauseBefore(tries);
      if (table.state(number) !== futureState.located) return;
      const located = table.entry(number) as Located;
      reason = await this.#fetchOnce(table, number, located);
      if (reason === "") return;
      if (reason === busy) continue;
      locateAgain();
      await untilSettled([{ table, number }], { count: 1, signal: this.#closed.signal });
    }
    throw new CapstanError("UNREACHABLE", `The value could not be fetched: ${reason}`);
  }

  /** "" when it is here, else why not. */
  async #fetchOnce(table: FutureTable, number: number, located: Located): Promise<string> {
    const peer = this.#peers.get(located.holder);
    if (peer === undefined) return "its worker is gone";
    const { address, workerId } = peer;
    const { signal } = this.#closed;
    try {
      const request = { address, token: this.#token, tasks: [located.ref], signal };
      const { got, busy: isBusy } = await this.#transport.fetchValues(request);
      if (isBusy.length > 0) return busy;
      if (got.length === 0) return `worker ${workerId} does not hold it any more`;
      table.setEncoded(number, got[0].bytes);
      return "";
    } catch (error) {
      if (signal.aborted || !(error instanceof CapstanError)) throw error;
      return `worker ${workerId} at ${address}: ${error.message}`;
    }
  }

  #pauseBefore(tries: number): Promise<void> {
    const delayMs = reconnectDelayMinMs * 2 ** (tries - 1);
    return this.#transport.clock.pause(delayMs, this.#closed.signal);
  }
}

const busy = "its worker serves too many others";
