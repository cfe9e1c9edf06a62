/**
 * What a session shares with others of its user: values that it brings, published values, locks.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { assertNever } from "../base/assert.ts";
import type { CapstanError } from "../model/errors.ts";
import type { ValueRun } from "../model/spec.ts";
import { wantRowsMax } from "../protocol/limits.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import type { SharedAnswer } from "../protocol/shared-messages.ts";
import { encodeValue } from "../shell/values/value-codec.ts";
import type { Connection } from "./connection.ts";
import { type Future, numberOf } from "./future.ts";
import type { FutureTable } from "./future-table.ts";
import { type Lock, type LockOptions, Locks } from "./locks.ts";
import { parseScatter, type ScatterOptions } from "./scatter-options.ts";
import type { Transport } from "./transport.ts";
import type { ValueFetches } from "./value-fetches.ts";
import { ValueUploads } from "./value-uploads.ts";

/** What it asks of its session. */
export interface SharingHost {
  readonly transport: Transport;
  readonly table: FutureTable;
  readonly connection: Connection;
  readonly fetches: ValueFetches;
  readonly clusterId: string;
  /** Submits a task whose value this client brings. Throws CLIENT_CLOSED, or for a wrong option. */
  submitValue(
    run: ValueRun,
    options: { readonly [name: string]: unknown },
    value: { readonly key: string; readonly digest: Uint8Array },
  ): Future<unknown>;
  fetchPublished(name: string): Future<unknown>;
  /** Sent until it is durable. Rejects when it is refused. */
  request(messageOf: (sequence: number) => ClientMessage): Promise<void>;
  /** Asks the controller where the value of a task is to be brought. */
  askAgain(number: number): void;
  cancel(number: number, reason: string): void;
}

export class Sharing {
  readonly #host: SharingHost;
  readonly #uploads: ValueUploads;
  readonly #locks: Locks;

  constructor(host: SharingHost) {
    this.#host = host;
    const { transport, table, fetches, connection } = host;
    this.#uploads = new ValueUploads({
      ...{ transport, table },
      get dataToken() {
        return fetches.token;
      },
      get clusterId() {
        return host.clusterId;
      },
      peer: (index) => fetches.peer(index),
      askAgain: (number) => host.askAgain(number),
      giveUp: (number, reason) => host.cancel(number, `no worker took the value: ${reason}`),
    });
    this.#locks = new Locks({
      clock: transport.clock,
      get isConnected() {
        return connection.isUp;
      },
      send: (message) => {
        connection.send(message);
        connection.flush();
      },
      request: (messageOf) => host.request(messageOf),
    });
  }

  /** See `Client.scatter`. */
  scatter(value: unknown, options: ScatterOptions | undefined): Future<unknown> {
    const { key: given, hash, copies, specOptions } = parseScatter(options);
    const bytes = encodeValue(value, { root: "value" });
    // By what stands for the content, a key that is used for two values is found out.
    const digest = given !== "" || hash ? contentDigest(bytes) : noBytes;
    const key = hash ? `value-${Buffer.from(digest).toString("hex")}` : given;
    const run = { kind: "value", copies } as const;
    const future = this.#host.submitValue(run, specOptions, { key, digest });
    this.#uploads.add(numberOf(future), bytes);
    return future;
  }

  /** See `Client.publish`. */
  publish(name: string, future: Future<unknown>): Promise<void> {
    const task = numberOf(future);
    return this.#host.request((sequence) => ({ type: "publish", sequence, name, task }));
  }

  /** See `Client.replicate`. */
  async replicate(futures: readonly Future<unknown>[], copies: number): Promise<void> {
    for (let first = 0; first < futures.length; first += wantRowsMax) {
      const tasks = futures.slice(first, first + wantRowsMax).map(numberOf);
      await this.#host.request((sequence) => ({ type: "replicate", sequence, tasks, copies }));
    }
  }

  /** See `Future.detach`. */
  detach(number: number): Promise<void> {
    return this.#host.request((sequence) => ({ type: "detach", sequence, tasks: [number] }));
  }

  /** See `Client.fetch`. */
  fetchPublished(name: string): Future<unknown> {
    return this.#host.fetchPublished(name);
  }

  /** See `Client.lock`. */
  lock(name: string, options: LockOptions): Promise<Lock> {
    return this.#locks.lock(name, options);
  }

  onMessage(message: SharedAnswer): void {
    switch (message.type) {
      case "upload":
        return this.#uploads.onUpload(message);
      case "lock-granted":
        return this.#locks.onGranted(message);
      case "lock-queued":
        return this.#locks.onQueued(message);
      case "locks-renewed":
        return this.#locks.onRenewed(message.locks);
      case "lock-lost":
        return this.#locks.onLost(message);
      default:
        return assertNever(message);
    }
  }

  onConnected(): void {
    this.#locks.onConnected();
  }

  /** The controller knows nothing of what this session had. */
  onOtherSession(why: string): void {
    this.#locks.close(why);
  }

  close(error: CapstanError): void {
    this.#uploads.close(error);
    this.#locks.close("the client was closed");
  }
}

const noBytes = new Uint8Array(0);

/** What stands for the content of a value: SHA-256. */
function contentDigest(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
