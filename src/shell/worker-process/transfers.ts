/**
 * Fetches from peers, as the kernel orders them: each is answered exactly once.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../../model/ids.ts";
import type { Peer } from "../../protocol/messages.ts";
import type { TransferId, WorkerSend } from "../../worker/events.ts";
import { type FetchedValues, ValueFetcher } from "../data-plane/fetch-values.ts";
import type { Logger } from "../logging/logger.ts";
import type { ValueStore } from "../store/value-store.ts";
import type { DataSecrets } from "./data-secrets.ts";
import type { KernelLoop } from "./kernel-loop.ts";

type StartFetch = Extract<WorkerSend, { type: "start-fetch" }>;

export interface TransfersOptions {
  readonly loop: KernelLoop;
  readonly store: ValueStore;
  readonly logger: Logger;
  readonly secrets: DataSecrets;
}

export class Transfers {
  readonly #options: TransfersOptions;
  readonly #fetcher = new ValueFetcher();
  readonly #addresses = new Map<WorkerIndex, string>();
  readonly #aborts = new Map<TransferId, AbortController>();

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /** A peer's address, from now on. */
  setPeer({ index, address }: Pick<Peer, "index" | "address">): void {
    this.#addresses.set(index, address);
  }

  removePeer(index: WorkerIndex): void {
    this.#addresses.delete(index);
  }

  start({ transfer, peer, tasks }: StartFetch): void {
    const address = this.#addresses.get(peer);
    if (address === undefined) return this.#failed(transfer, "the peer is gone");
    const abort = new AbortController();
    this.#aborts.set(transfer, abort);
    const token = this.#options.secrets.presented;
    const fetching = this.#fetcher.fetch({ address, token, tasks, signal: abort.signal });
    void fetching.then(
      (values) => this.#answer(transfer, values),
      (error: unknown) => this.#failed(transfer, error instanceof Error ? error.message : error),
    );
  }

  /** The transfer ends soon, as failed. */
  abort(transfer: TransferId): void {
    this.#aborts.get(transfer)?.abort(new Error("nobody wants it any more"));
  }

  close(): void {
    this.#fetcher.close();
  }

  #answer(transfer: TransferId, { got, absent, busy, corrupt }: FetchedValues): void {
    this.#aborts.delete(transfer);
    const { loop, store } = this.#options;
    // A listener is busy for a whole request.
    if (busy.length > 0) loop.post({ type: "fetch-busy", transfer });
    else {
      const came: { task: TaskRef; sizeBytes: number }[] = [];
      for (const { task, bytes } of got) {
        store.addFetched(transfer, task, bytes);
        came.push({ task, sizeBytes: bytes.length });
      }
      loop.post({ type: "fetch-finished", transfer, got: came, absent, corrupt });
    }
    loop.pump();
    store.endTransfer(transfer);
  }

  #failed(transfer: TransferId, reason: unknown): void {
    this.#aborts.delete(transfer);
    const { loop, logger } = this.#options;
    logger.debug({ transfer, reason }, "a fetch failed");
    loop.post({ type: "fetch-failed", transfer });
    loop.pump();
  }
}
