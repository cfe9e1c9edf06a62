/**
 * The stream to the controller: opened again for ever, with growing, jittered pauses.
 *
 * Obeys only the highest epoch it has seen of its cluster: a controller with a lower one has been
 * replaced and does not know it yet.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError } from "../../model/errors.ts";
import type {
  ControllerHello,
  Message,
  ToWorkerMessage,
  WorkerHello,
  WorkerMessage,
} from "../../protocol/messages.ts";
import { checkToWorkerMessage } from "../../protocol/validate.ts";
import type { Logger } from "../logging/logger.ts";
import type { MessageStream } from "../transport/message-stream.ts";
import { watchSilence } from "../transport/silence-watch.ts";
import { connectStream } from "../transport/stream-client.ts";
import {
  connectTimeoutMs,
  controllerSilentBeatsMax,
  reconnectDelayMaxMs,
  reconnectDelayMinMs,
} from "./limits.ts";

export interface ControllerLinkOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly logger: Logger;
  /** The cluster of what survived here; "" if nothing did. */
  readonly clusterId: string;
  /** Everything of the hello but what the link itself knows. */
  readonly hello: Omit<WorkerHello, "clusterId" | "epoch">;
  /** `isOtherCluster`: all that was known belongs to a cluster that this controller is not. */
  readonly onConnected: (hello: ControllerHello, isOtherCluster: boolean) => void;
  readonly onMessages: (messages: readonly ToWorkerMessage[]) => void;
  readonly onDisconnected: () => void;
  /** The first controller ever asked said no, and will say no again: nothing more is tried. */
  readonly onRejected: (error: CapstanError) => void;
}

/** A first hello that is refused so is refused for good: somebody must change what was asked. */
const finalRefusals: readonly string[] = ["UNAUTHENTICATED", "FORBIDDEN", "VERSION_MISMATCH"];

export class ControllerLink {
  readonly #options: ControllerLinkOptions;
  readonly #closing = new AbortController();
  #stream: MessageStream | null = null;
  #clusterId: string;
  #epoch = 0;
  #lastRefusal = "";

  constructor(options: ControllerLinkOptions) {
    this.#options = options;
    this.#clusterId = options.clusterId;
  }

  /** Sends, or does nothing while there is no stream: the kernel keeps what is owed. */
  send(message: WorkerMessage): void {
    this.#stream?.send(message);
  }

  /** Serves until `close`. */
  async run(): Promise<void> {
    let delayMs = reconnectDelayMinMs;
    while (!this.#closing.signal.aborted) {
      const served = await this.#serveOnce();
      if (this.#closing.signal.aborted) return;
      delayMs = served ? reconnectDelayMinMs : Math.min(delayMs * 2, reconnectDelayMaxMs);
      await this.#pause(delayMs * (0.5 + Math.random() / 2));
    }
  }

  /** Sends what is left and closes for good. */
  close(): void {
    const stream = this.#stream;
    this.#closing.abort();
    stream?.close();
  }

  /** True if a stream was up: the next try may come soon. */
  async #serveOnce(): Promise<boolean> {
    const connected = await this.#connect();
    if (connected === null) return false;
    const { stream, hello } = connected;
    const isOtherCluster = this.#clusterId !== "" && this.#clusterId !== hello.clusterId;
    if (hello.epoch < this.#epoch && !isOtherCluster) {
      stream.destroy();
      this.#refused(`epoch ${hello.epoch} has been replaced by ${this.#epoch}`);
      return false;
    }
    await this.#serve(stream, hello, isOtherCluster);
    return true;
  }

  #serve(stream: MessageStream, hello: ControllerHello, isOtherCluster: boolean): Promise<void> {
    const { logger, onConnected, onDisconnected } = this.#options;
    this.#clusterId = hello.clusterId;
    this.#epoch = hello.epoch;
    this.#stream = stream;
    this.#lastRefusal = "";
    logger.info({ clusterId: hello.clusterId, epoch: hello.epoch }, "connected to the controller");
    return new Promise((resolve) => {
      stream.onClose = (error) => {
        this.#stream = null;
        logger.warn({ reason: error?.message ?? "closed" }, "the stream to the controller is over");
        onDisconnected();
        resolve();
      };
      onConnected(hello, isOtherCluster);
      stream.onMessages = (messages) => this.#receive(stream, messages);
      // Every beat of ours is acknowledged.
      const silentBeatsMax = controllerSilentBeatsMax;
      watchSilence(stream, { beatMs: hello.heartbeatMs, silentBeatsMax });
    });
  }

  #receive(stream: MessageStream, messages: readonly Message[]): void {
    const checked: ToWorkerMessage[] = [];
    try {
      for (const message of messages) checked.push(checkToWorkerMessage(message));
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      stream.destroy(error);
    }
    this.#options.onMessages(checked);
  }

  async #connect(): Promise<{ stream: MessageStream; hello: ControllerHello } | null> {
    const { url, token, hello } = this.#options;
    const { signal } = this.#closing;
    try {
      return await connectStream({
        url,
        token,
        hello: { ...hello, clusterId: this.#clusterId, epoch: this.#epoch },
        timeoutMs: connectTimeoutMs,
        signal,
      });
    } catch (error) {
      if (signal.aborted) return null;
      if (!(error instanceof CapstanError)) throw error;
      if (this.#clusterId === "" && finalRefusals.includes(error.code)) {
        this.#closing.abort();
        this.#options.onRejected(error);
        return null;
      }
      this.#refused(`${error.code}: ${error.message}`);
      return null;
    }
  }

  /** Said once, however often it is tried. */
  #refused(reason: string): void {
    if (reason === this.#lastRefusal) return;
    this.#lastRefusal = reason;
    this.#options.logger.warn({ reason }, "no controller: trying again");
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#closing.signal });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }
}
