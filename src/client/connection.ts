/**
 * The stream to the controller, kept up: lost, it is tried again with growing pauses until the
 * client is closed or the controller says that it is of no use.
 *
 *     connecting ─▶ up ─▶ waiting ─▶ connecting …        any ─▶ closed
 *
 * @module
 */

import { CapstanError, type ErrorCode } from "../model/errors.ts";
import type {
  ClientMessage,
  ControllerHello,
  Message,
  ToClientMessage,
} from "../protocol/messages.ts";
import { protocolVersion } from "../protocol/messages.ts";
import { checkToClientMessage } from "../protocol/validate.ts";
import { reconnectDelayMaxMs, reconnectDelayMinMs } from "./limits.ts";
import type { ClientStream, Transport } from "./transport.ts";

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly user: string;
  readonly clientId: string;
  readonly onConnected: (hello: ControllerHello) => void;
  readonly onMessages: (messages: readonly ToClientMessage[]) => void;
  readonly onLost: () => void;
  /** It will not be tried again. */
  readonly onGivenUp: (error: CapstanError) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #closed = new AbortController();
  #stream: ClientStream | null = null;
  #hasFlushed = false;
  #clusterId = "";

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#stream !== null;
  }

  /** The first connection: one try. Rejects with UNREACHABLE, UNAUTHENTICATED, VERSION_MISMATCH. */
  open(): Promise<void> {
    return this.#connect();
  }

  /** Connects in the background, and tries as often as is of use. */
  begin(): void {
    this.#connect().catch((error: unknown) => {
      if (isWorthRetrying(error)) return this.#tryAgain();
      if (!this.#closed.signal.aborted) this.#options.onGivenUp(asCapstanError(error));
    });
  }

  /** Only while it is up. */
  send(message: ClientMessage): void {
    this.#stream?.send(message);
  }

  /**
   * What was sent so far need not wait for the end of the turn. Only the first call of a turn does
   * something: a turn that sends again and again is better served by one write at its end.
   */
  flush(): void {
    if (this.#hasFlushed || this.#stream === null) return;
    this.#hasFlushed = true;
    setImmediate(() => {
      this.#hasFlushed = false;
    });
    this.#stream.flush();
  }

  /** Sends `last` if it is up, and ends for good. Resolves when the stream is closed. */
  async close(last: ClientMessage): Promise<void> {
    this.#closed.abort();
    const stream = this.#stream;
    this.#stream = null;
    if (stream === null) return;
    const closed = new Promise<void>((resolve) => {
      stream.onClose = () => resolve();
    });
    stream.send(last);
    stream.close();
    await closed;
  }

  async #connect(): Promise<void> {
    const { transport, user, clientId } = this.#options;
    const self = { role: "client", protocolVersion, clientId, user } as const;
    const greeting = { ...self, clusterId: this.#clusterId };
    const { stream, hello } = await transport.connect(greeting, this.#closed.signal);
    if (this.#closed.signal.aborted) return stream.destroy();
    this.#clusterId = hello.clusterId;
    this.#stream = stream;
    stream.onMessages = (messages) => this.#onMessages(stream, messages);
    stream.onClose = () => this.#onClose(stream);
    this.#options.onConnected(hello);
  }

  #onMessages(stream: ClientStream, messages: readonly Message[]): void {
    if (this.#stream !== stream) return;
    let checked: ToClientMessage[];
    try {
      checked = messages.map(checkToClientMessage);
    } catch (error) {
      // A controller that cannot be understood: begin again, and what it said is asked for again.
      stream.destroy(asCapstanError(error));
      return;
    }
    this.#options.onMessages(checked);
  }

  #onClose(stream: ClientStream): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#options.onLost();
    this.#tryAgain();
  }

  #tryAgain(): void {
    this.#reconnect().catch((error: unknown) => {
      if (!this.#closed.signal.aborted) this.#options.onGivenUp(asCapstanError(error));
    });
  }

  async #reconnect(): Promise<void> {
    for (
      let delayMs = reconnectDelayMinMs;
      ;
      delayMs = Math.min(2 * delayMs, reconnectDelayMaxMs)
    ) {
      const { clock } = this.#options.transport;
      const jittered = delayMs * (0.75 + 0.5 * clock.random());
      await clock.pause(jittered, this.#closed.signal);
      try {
        return await this.#connect();
      } catch (error) {
        if (this.#closed.signal.aborted || !isWorthRetrying(error)) throw error;
      }
    }
  }
}

/** What another try cannot change. Anything else may be a controller, or a proxy, that restarts. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "VERSION_MISMATCH",
  "INVALID_ARGUMENT",
]);

function isWorthRetrying(error: unknown): boolean {
  return error instanceof CapstanError && !finalCodes.has(error.code);
}

function asCapstanError(error: unknown): CapstanError {
  if (error instanceof CapstanError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CapstanError("BUG", `The connection failed unexpectedly: ${reason}`, { cause: error });
}
