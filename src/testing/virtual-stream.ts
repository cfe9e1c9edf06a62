/**
 * The stream of one client in memory: messages become frames and frames messages, as on a socket.
 *
 * @module
 */

import type { ClientStream } from "../client/transport.ts";
import { FrameReader, FrameWriter } from "../protocol/codec.ts";
import type { ClientMessage, Message, ToClientMessage } from "../protocol/messages.ts";
import { coldCodec } from "../shell/transport/cold-codec.ts";
import type { Link } from "../simulator/link.ts";

/** Who is at the other end. */
export interface StreamPeer {
  /** Does it when all else of this moment is done. */
  soon(act: () => void): void;
  /** The client has something to read. */
  onNews(): void;
  /** Something was said by either side. */
  onSaid(): void;
  /** What the client said has arrived. */
  onMessages(messages: readonly Message[]): void;
  /** The client has ended the stream. */
  onClosed(): void;
}

export class VirtualStream implements ClientStream {
  onClose: ((error: Error | null) => void) | null = null;
  readonly #link: Link;
  readonly #peer: StreamPeer;
  readonly #there = new Pipe();
  readonly #back = new Pipe();
  #onMessages: ((messages: Message[]) => void) | null = null;
  #unread: Message[] = [];
  #isFlushDue = false;
  #isFlushBackDue = false;
  #isOver = false;

  constructor(link: Link, peer: StreamPeer) {
    this.#link = link;
    this.#peer = peer;
  }

  get onMessages(): ((messages: Message[]) => void) | null {
    return this.#onMessages;
  }

  set onMessages(handler: ((messages: Message[]) => void) | null) {
    this.#onMessages = handler;
    // Not at once: whoever sets the handler is still setting up.
    queueMicrotask(() => this.#read([]));
  }

  send(message: ClientMessage): void {
    if (this.#isOver) return;
    this.#there.write(message);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isFlushDue = false;
    const bytes = this.#isOver ? null : this.#there.take();
    if (bytes === null) return;
    this.#peer.onSaid();
    this.#link.carry("there", () => this.#peer.onMessages(this.#there.read(bytes)));
  }

  /** Something for the client; it leaves with all else that is told at this moment. */
  tell(message: ToClientMessage): void {
    if (this.#isOver) return;
    this.#back.write(message);
    if (this.#isFlushBackDue) return;
    this.#isFlushBackDue = true;
    this.#peer.soon(() => this.#flushBack());
  }

  #flushBack(): void {
    this.#isFlushBackDue = false;
    const bytes = this.#isOver ? null : this.#back.take();
    if (bytes === null) return;
    this.#peer.onSaid();
    this.#link.carry("back", () => {
      this.#peer.onNews();
      this.#read(this.#back.read(bytes));
    });
  }

  close(): void {
    this.flush();
    this.#over(null);
    // What was sent still arrives, and behind it the end.
    this.#link.carry("there", () => {
      this.#peer.onClosed();
      this.#link.cut();
    });
  }

  destroy(error: Error | null = null): void {
    this.#over(error);
    this.#link.cut();
    this.#peer.onClosed();
  }

  /** The other end, or the network, has ended it. */
  end(error: Error | null): void {
    if (this.#isOver) return;
    this.#over(error);
    this.#link.cut();
    this.#peer.onNews();
  }

  #over(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    queueMicrotask(() => this.onClose?.(error));
  }

  #read(messages: readonly Message[]): void {
    if (this.#isOver) return;
    this.#unread.push(...messages);
    if (this.#onMessages === null || this.#unread.length === 0) return;
    const unread = this.#unread;
    this.#unread = [];
    this.#onMessages(unread);
  }
}

/** One direction: a writer and, at its end, a reader. */
class Pipe {
  readonly #writer = new FrameWriter();
  readonly #reader = new FrameReader(coldCodec);

  write(message: Message): void {
    this.#writer.writeMessage(message, coldCodec);
  }

  take(): Uint8Array | null {
    return this.#writer.byteLength === 0 ? null : this.#writer.take();
  }

  read(bytes: Uint8Array): readonly Message[] {
    this.#reader.feed(bytes);
    const messages = this.#reader.takeMessages();
    if (this.#reader.error !== null) throw this.#reader.error;
    return messages;
  }
}
