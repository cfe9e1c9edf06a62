/**
 * The serving end of `/v1/stream`: HTTP upgrade, one hello, then a MessageStream or a refusal.
 * Who may come in is decided by its caller.
 *
 * A worker's inventory is its first ordinary message, sent after it has read the controller's
 * hello; the stream holds whatever comes until `onMessages` is set.
 *
 * @module
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CapstanError } from "../../model/errors.ts";
import { FrameReader, FrameWriter } from "../../protocol/codec.ts";
import { protocolError } from "../../protocol/frame-format.ts";
import type { ClientHello, ControllerHello, WorkerHello } from "../../protocol/messages.ts";
import { helloRefusal, parsePeerHello } from "../../protocol/validate.ts";
import { coldCodec } from "./cold-codec.ts";
import { endRefused } from "./end-refused.ts";
import { helloTimeoutMs } from "./limits.ts";
import { MessageStream } from "./message-stream.ts";
import { refuseUpgrade } from "./refuse-upgrade.ts";

/** The path of the stream on the one port. */
export const streamPath = "/v1/stream";

/** What `Upgrade` must say. */
export const streamProtocol = "capstan/1";

/** The decisions that the listener leaves to its caller. */
export interface StreamServerOptions {
  /** The error to refuse an upgrade with (host, origin, token), or null to let it in. */
  readonly authorise: (request: IncomingMessage) => CapstanError | null;
  /**
   * Called once per connection with a valid hello. Answer with exactly one of `accept` and
   * `refuse`, now or later; if the peer leaves before, `accept` returns a stream that has ended.
   */
  readonly onHello: (
    hello: ClientHello | WorkerHello,
    accept: (hello: ControllerHello) => MessageStream,
    refuse: (error: CapstanError) => void,
    /** The upgrade, which was let in: for who sent it. */
    request: IncomingMessage,
  ) => void;
  /** Told of each peer that was turned away before its hello was whole and valid. */
  readonly onRejected?: (error: CapstanError) => void;
  /** Paths whose upgrades somebody else serves; those to any other path are refused. */
  readonly otherPaths?: readonly string[];
  /** How long a hello may take. Default `helloTimeoutMs`. */
  readonly helloTimeoutMs?: number;
}

/** What `attachStreamServer` returns. */
export interface StreamServer {
  /** Takes no more upgrades and cuts those that have not said hello. */
  close(): void;
}

/** Serves streams on `httpServer`. Upgrades to unknown paths are refused. */
export function attachStreamServer(httpServer: Server, options: StreamServerOptions): StreamServer {
  const greeting = new Set<Duplex>();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const error = upgradeError(request, options);
    if (error === "not-ours") return;
    if (error !== null) {
      refuseUpgrade(socket as Socket, error);
      return;
    }
    greeting.add(socket);
    socket.once("close", () => greeting.delete(socket));
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" +
        `Upgrade: ${streamProtocol}\r\n\r\n`,
    );
    const onHello: Greeting["onHello"] = (hello, accept, refuse) => {
      options.onHello(hello, accept, refuse, request);
    };
    const onGreeted = () => greeting.delete(socket);
    greet(socket as Socket, head, { ...options, onHello, onGreeted });
  };
  httpServer.on("upgrade", onUpgrade);
  return {
    close: () => {
      httpServer.off("upgrade", onUpgrade);
      for (const socket of greeting) socket.destroy();
    },
  };
}

function upgradeError(
  request: IncomingMessage,
  options: StreamServerOptions,
): CapstanError | "not-ours" | null {
  const path = (request.url ?? "").split("?", 1)[0];
  if (path !== streamPath) {
    if (options.otherPaths?.includes(path) === true) return "not-ours";
    return new CapstanError("NOT_FOUND", `nothing to upgrade to at ${path}`);
  }
  const denied = options.authorise(request);
  if (denied !== null) return denied;
  if (request.headers.upgrade?.toLowerCase() === streamProtocol) return null;
  return new CapstanError(
    "VERSION_MISMATCH",
    `this port speaks ${streamProtocol}, not ${JSON.stringify(request.headers.upgrade)}`,
  );
}

/** What is done with one upgraded socket. */
interface Greeting extends Pick<StreamServerOptions, "onRejected" | "helloTimeoutMs"> {
  readonly onHello: (
    hello: ClientHello | WorkerHello,
    accept: (hello: ControllerHello) => MessageStream,
    refuse: (error: CapstanError) => void,
  ) => void;
  readonly onGreeted: () => void;
}

/** Reads the hello of one upgraded socket and hands it on. */
function greet(socket: Socket, head: Buffer, options: Greeting): void {
  const reader = new FrameReader(coldCodec);
  const deadline = setTimeout(
    () => reject(protocolError("no hello came in time")),
    options.helloTimeoutMs ?? helloTimeoutMs,
  );
  const release = (): void => {
    clearTimeout(deadline);
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("error", onError);
    socket.off("close", release);
  };
  const reject = (error: CapstanError): void => {
    release();
    options.onRejected?.(error);
    refuseHello(socket, error);
  };
  const onData = (chunk: Buffer): void => {
    reader.feed(chunk);
    const hello = readHello(reader);
    if (hello === null) return;
    if (hello instanceof CapstanError) {
      reject(hello);
      return;
    }
    release();
    options.onGreeted();
    offerHello(socket, reader, hello, options);
  };
  const onEnd = (): void => reject(protocolError("the connection ended before a hello"));
  const onError = (): void => void socket.destroy(); // Its close follows; nothing was promised.
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("error", onError);
  socket.on("close", release);
  if (head.length > 0) onData(head);
}

/** A valid hello, what is wrong with it, or null while it is not whole. */
function readHello(reader: FrameReader): ClientHello | WorkerHello | CapstanError | null {
  const frame = reader.takeHello();
  if (reader.error !== null) return reader.error;
  if (frame === null) return null;
  try {
    return parsePeerHello(frame.hello);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
}

function offerHello(
  socket: Socket,
  reader: FrameReader,
  hello: ClientHello | WorkerHello,
  { onHello }: Greeting,
): void {
  const stream = new MessageStream(socket, reader);
  const accept = (answer: ControllerHello): MessageStream => {
    if (!socket.destroyed) socket.write(helloFrame(answer));
    return stream;
  };
  const refuse = (error: CapstanError): void => {
    if (!socket.destroyed) socket.write(helloFrame(helloRefusal(error)));
    stream.close();
  };
  onHello(hello, accept, refuse);
}

function refuseHello(socket: Socket, error: CapstanError): void {
  endRefused(socket, helloFrame(helloRefusal(error)));
}

function helloFrame(hello: object): Uint8Array {
  const writer = new FrameWriter();
  writer.writeHello(hello);
  return writer.take();
}
