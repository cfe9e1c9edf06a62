/**
 * One ordered stream of messages over a socket. It moves messages and tells when it ends; what
 * they mean, whether to connect again and whom to trust is decided elsewhere.
 *
 * @module
 */

import type { Socket } from "node:net";
import { FrameReader, FrameWriter } from "../../protocol/codec.ts";
import type { Message } from "../../protocol/messages.ts";
import { coldCodec } from "./cold-codec.ts";
import { closeTimeoutMs, flushBytesMin, keepAliveIdleMs, lingerMs } from "./limits.ts";

/**
 * Messages sent in one callback leave in one write at its end. Messages that arrive in one chunk
 * are handed over in one call.
 *
 * A message must not change once it was sent: its large columns are written by reference.
 */
export class MessageStream {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #writer = new FrameWriter();
  #flushScheduled = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #closing = false;
  #ended = false;
  #paused = false;
  #error: Error | null = null;
  #closeTimer: NodeJS.Timeout | undefined;
  #onMessages: ((messages: Message[]) => void) | null = null;
  #onClose: ((error: Error | null) => void) | null = null;

  /** Called when a full socket has emptied: `bufferedBytes` is small again. */
  onDrain: (() => void) | null = null;

  /** Takes over an open socket; `reader` may hold bytes that came behind the hello. */
  constructor(socket: Socket, reader: FrameReader = new FrameReader(coldCodec)) {
    this.#socket = socket;
    this.#reader = reader;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveIdleMs);
    socket.pause();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.onDrain?.());
    socket.on("end", () => this.#peerEnded());
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#closed());
    if (socket.destroyed) setImmediate(() => this.#closed());
  }

  /** Where messages go. Nothing is read from the socket until it is set. */
  get onMessages(): ((messages: Message[]) => void) | null {
    return this.#onMessages;
  }

  set onMessages(handler: (messages: Message[]) => void) {
    const isFirst = this.#onMessages === null;
    this.#onMessages = handler;
    if (isFirst && !this.#paused) this.#startReading();
  }

  /**
   * Called exactly once when the stream is over, with the error that ended it or null after an
   * orderly close by either side. Setting it late is fine: it is called then.
   */
  get onClose(): ((error: Error | null) => void) | null {
    return this.#onClose;
  }

  set onClose(handler: (error: Error | null) => void) {
    this.#onClose = handler;
    if (this.#ended) setImmediate(() => this.#tellClosed());
  }

  /** Bytes that were sent and that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#writer.byteLength + this.#socket.writableLength;
  }

  /** Bytes that have come from the peer so far. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** True once `close` or `destroy` was called or the peer is gone. */
  get closed(): boolean {
    return this.#closing || this.#ended;
  }

  /**
   * Sends a message at the end of this callback. Does nothing once closed: what a peer that has
   * gone did not get is for the next connection. Throws PROTOCOL_ERROR for one that is larger than
   * a frame.
   */
  send(message: Message): void {
    if (this.closed) return;
    this.#writer.writeMessage(message, coldCodec);
    if (this.#writer.byteLength >= flushBytesMin) this.flush();
    else if (!this.#flushScheduled) this.#scheduleFlush();
  }

  /**
   * Like `send`, for what nobody waits for: it leaves with the next message, or alone within
   * `lingerMs`. To wake a peer costs more than the message, at both ends.
   */
  sendLater(message: Message): void {
    if (this.closed) return;
    this.#writer.writeMessage(message, coldCodec);
    if (this.#writer.byteLength >= flushBytesMin) this.flush();
    else if (!this.#flushScheduled && this.#lingerTimer === undefined) this.#linger();
  }

  /** Writes what was sent so far now. */
  flush(): void {
    if (this.#writer.byteLength === 0 || this.#ended || this.#socket.destroyed) return;
    const chunks = this.#writer.takeChunks();
    if (chunks.length > 1) this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    if (chunks.length > 1) this.#socket.uncork();
  }

  /** Stops reading: the peer is held back once the buffers between are full. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  /** Reads on after `pause`. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#onMessages !== null) this.#startReading();
  }

  /** The stream keeps the process alive (the default). */
  ref(): void {
    this.#socket.ref();
  }

  /** The stream alone does not keep the process alive. */
  unref(): void {
    this.#socket.unref();
  }

  /** Sends what is left, closes, and waits at most `closeTimeoutMs` for the peer to do so too. */
  close(): void {
    if (this.closed) return;
    this.flush();
    this.#closing = true;
    this.#socket.end();
    this.#socket.resume(); // The peer's own end is seen only by reading on; messages are dropped.
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), closeTimeoutMs);
    this.#closeTimer.unref();
  }

  /** Cuts the connection; `error` is what `onClose` is told. What was sent may be lost. */
  destroy(error: Error | null = null): void {
    this.#fail(error);
  }

  #scheduleFlush(): void {
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.flush();
    });
  }

  #linger(): void {
    this.#lingerTimer = setTimeout(() => {
      this.#lingerTimer = undefined;
      this.flush();
    }, lingerMs);
  }

  #startReading(): void {
    // Not at once: whoever sets the handler is still setting up.
    setImmediate(() => {
      if (this.#paused || this.closed) return;
      this.#deliver();
      if (!this.#paused && !this.closed) this.#socket.resume();
    });
  }

  #receive(chunk: Buffer): void {
    if (this.closed) return;
    this.#reader.feed(chunk);
    if (this.#onMessages !== null && !this.#paused) this.#deliver();
  }

  #deliver(): void {
    const messages = this.#reader.takeMessages();
    if (messages.length > 0) this.#onMessages?.(messages);
    if (this.#reader.error !== null && !this.closed) this.#fail(this.#reader.error);
  }

  #peerEnded(): void {
    if (this.closed) return;
    this.#reader.end();
    if (this.#reader.error !== null) this.#fail(this.#reader.error);
    else this.close();
  }

  #fail(error: Error | null): void {
    if (this.#ended) return;
    this.#error ??= error;
    this.#closing = true;
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#lingerTimer);
    this.#tellClosed();
  }

  #tellClosed(): void {
    const handler = this.#onClose;
    if (handler === null) return;
    this.#onClose = () => {};
    handler(this.#error);
  }
}
