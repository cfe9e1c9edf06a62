/**
 * A worker: the kernel, its executor, its values, its listener and its stream, put together.
 *
 *     starting ─▶ listening ─▶ (connected ⇄ disconnected) ─▶ leaving ─▶ ended
 *
 * It decides nothing: events go to the kernel and the kernel's orders to who can carry them out.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { assertNever } from "../../base/assert.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { WorkerIndex } from "../../model/ids.ts";
import {
  type ControllerHello,
  protocolVersion,
  type ToWorkerMessage,
} from "../../protocol/messages.ts";
import type { WorkerSend } from "../../worker/events.ts";
import { type DataListener, startDataListener } from "../data-plane/data-listener.ts";
import { parseAddress } from "../data-plane/peer-connection.ts";
import type { Logger } from "../logging/logger.ts";
import { ValueStore } from "../store/value-store.ts";
import { BundleStore } from "./bundle-store.ts";
import { ControllerLink } from "./controller-link.ts";
import { Executions } from "./executions.ts";
import { type Carrier, KernelLoop } from "./kernel-loop.ts";
import { Transfers } from "./transfers.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** A worker that listens and looks for its controller. */
export interface RunningWorker {
  readonly workerId: string;
  readonly incarnation: string;
  /** `host:port` of the data listener, as others see it. */
  readonly address: string;
  /** Hands back what has not started, stops the rest, says goodbye. Resolves when all has ended. */
  leave(): Promise<void>;
  /** Ends at once: as if it had died, but for the process. */
  close(): Promise<void>;
  /** Settles when it has left. */
  readonly left: Promise<void>;
  /** Settles with the lane whose thread cannot be ended: the process must be. */
  readonly stuck: Promise<number>;
  /** Settles when the controller refuses this worker for good, with why. */
  readonly rejected: Promise<CapstanError>;
}

/** @throws CapstanError ADDRESS_IN_USE or INVALID_ARGUMENT; failures of the disk as they are. */
export async function runWorker(options: WorkerOptions, logger: Logger): Promise<RunningWorker> {
  await mkdir(options.workDir, { recursive: true });
  const store = new ValueStore();
  const listen = parseAddress(options.listen ?? "127.0.0.1:0");
  const { advertise, token } = options;
  const names = advertise === undefined ? [] : [advertise];
  const listener = await startDataListener({ ...listen, token, names, source: store });
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const address = advertise ?? `${host}:${listener.port}`;
  return new WorkerProcess(options, { logger, store, listener, address });
}

interface WorkerParts {
  readonly logger: Logger;
  readonly store: ValueStore;
  readonly listener: DataListener;
  readonly address: string;
}

class WorkerProcess implements RunningWorker, Carrier {
  readonly workerId: string;
  readonly incarnation = randomUUID();
  readonly address: string;
  readonly left: Promise<void>;
  readonly stuck: Promise<number>;
  readonly rejected: Promise<CapstanError>;
  readonly #parts: WorkerParts;
  readonly #loop: KernelLoop;
  readonly #executions: Executions;
  readonly #transfers: Transfers;
  readonly #link: ControllerLink;
  readonly #closing = new AbortController();
  #fence = 0;
  #isMuted = false;
  #resolveLeft: () => void = () => {};
  #resolveStuck: (lane: number) => void = () => {};
  #resolveRejected: (error: CapstanError) => void = () => {};

  constructor(options: WorkerOptions, parts: WorkerParts) {
    const { workerId, slots, capacity, token, controllerUrl } = options;
    const { logger, store } = parts;
    this.workerId = workerId;
    this.address = parts.address;
    this.#parts = parts;
    this.left = new Promise((resolve) => {
      this.#resolveLeft = resolve;
    });
    this.stuck = new Promise((resolve) => {
      this.#resolveStuck = resolve;
    });
    this.rejected = new Promise((resolve) => {
      this.#resolveRejected = resolve;
    });
    const loop = new KernelLoop({ slots, capacity });
    this.#loop = loop;
    const directory = join(options.workDir, "bundles");
    const { signal } = this.#closing;
    const bundles = new BundleStore({ controllerUrl, token, directory, signal });
    const { heapLimitMib } = options;
    const onStuck = (lane: number) => this.#resolveStuck(lane);
    this.#executions = new Executions({
      ...{ loop, store, bundles, logger, slots, workerId, heapLimitMib, onStuck },
    });
    this.#transfers = new Transfers({ loop, store, logger, token });
    this.#link = this.#openLink(options);
    loop.carrier = this;
    void this.#link.run();
  }

  leave(): Promise<void> {
    this.#loop.post({ type: "leave-requested" });
    this.#loop.pump();
    return this.left;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#loop.close();
    this.#link.close();
    this.#transfers.close();
    await Promise.all([this.#executions.close(), this.#parts.listener.close()]);
  }

  turnEnded(): void {
    this.#executions.flush();
  }

  perform(send: WorkerSend): void {
    const { store } = this.#parts;
    switch (send.type) {
      case "send-message":
        return this.#send(send);
      case "start-execution":
        return this.#executions.start(send);
      case "revoke-execution":
        return this.#executions.revoke(send.execution);
      case "abort-execution":
        return this.#executions.abort(send);
      case "store-result":
        return this.#checkStored(store.storeResult(send.execution, send.task), send);
      case "discard-result":
        return store.discardResult(send.execution);
      case "start-fetch":
        return this.#transfers.start(send);
      case "abort-fetch":
        return this.#transfers.abort(send.transfer);
      case "store-fetched":
        return this.#checkStored(store.storeFetched(send.transfer, send.task), send);
      case "discard-fetched":
        return store.discardFetched(send.transfer, send.task);
      case "drop-value":
        return store.drop(send.task);
      case "leave":
        return this.#resolveLeft();
      default:
        return assertNever(send);
    }
  }

  #openLink(options: WorkerOptions): ControllerLink {
    const { controllerUrl: url, token, workerId, slots, capacity, attributes = {} } = options;
    const { incarnation, address } = this;
    const identity = { workerId, incarnation, address, pid: process.pid };
    return new ControllerLink({
      ...{ url, token, logger: this.#parts.logger },
      hello: { role: "worker", protocolVersion, ...identity, capacity, slots, attributes },
      onConnected: (hello, isOtherCluster) => this.#onConnected(hello, isOtherCluster),
      onMessages: (messages) => this.#onMessages(messages),
      onRejected: (error) => this.#resolveRejected(error),
      onDisconnected: () => {
        this.#loop.post({ type: "disconnected" });
        this.#loop.pump();
      },
    });
  }

  #onConnected({ epoch, index }: ControllerHello, isOtherCluster: boolean): void {
    if (isOtherCluster) this.#forgetCluster(index);
    // The kernel's own fence compares epochs, also of two clusters: keep it from falling.
    this.#fence = Math.max(this.#fence, epoch);
    this.#loop.post({ type: "connected", epoch: this.#fence, index });
    this.#loop.pump();
  }

  /**
   * What this worker has goes by numbers that mean something else in the other cluster. The kernel
   * takes orders from a stream only, so it gets one on which nothing it says is heard.
   */
  #forgetCluster(index: WorkerIndex): void {
    this.#isMuted = true;
    this.#loop.post({ type: "connected", epoch: this.#fence, index });
    this.#loop.post({ type: "ordered", message: { type: "reset" } });
    this.#loop.post({ type: "disconnected" });
    this.#loop.pump();
    this.#isMuted = false;
  }

  #onMessages(messages: readonly ToWorkerMessage[]): void {
    for (const message of messages) {
      if (message.type === "define-spec") {
        this.#executions.defineSpec(message.spec, message.definition);
      } else if (message.type === "peer") this.#transfers.setPeer(message);
      else if (message.type === "peer-gone") this.#transfers.removePeer(message.index);
      this.#loop.post({ type: "ordered", message });
    }
    this.#loop.pump();
  }

  #send({ message }: Extract<WorkerSend, { type: "send-message" }>): void {
    if (this.#isMuted) return;
    if (message.type !== "heartbeat") return this.#link.send(message);
    // What is true of the process, not of the kernel.
    const { store } = this.#parts;
    const valueBytes = store.valueBytes + store.pendingBytes;
    this.#link.send({ ...message, rssBytes: process.memoryUsage.rss(), valueBytes });
  }

  #checkStored(stored: boolean, send: Extract<WorkerSend, { readonly task: number }>): void {
    if (stored) return;
    this.#parts.logger.error({ send: send.type, task: send.task }, "a value to keep is not here");
    this.#loop.post({ type: "value-lost", task: send.task });
  }
}
