/**
 * The calling end of `/v1/stream`: upgrade, hello, answer. It tries once; whether and when to try
 * again is decided by its caller.
 *
 * @module
 */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { CapstanError } from "../../model/errors.ts";
import { FrameReader, FrameWriter } from "../../protocol/codec.ts";
import { protocolError } from "../../protocol/frame-format.ts";
import type { ClientHello, ControllerHello, WorkerHello } from "../../protocol/messages.ts";
import { errorFromWire, parseControllerHello } from "../../protocol/validate.ts";
import { coldCodec } from "./cold-codec.ts";
import { refusalBytesMax } from "./limits.ts";
import { MessageStream } from "./message-stream.ts";
import { streamPath, streamProtocol } from "./stream-server.ts";

/** Where to connect and as whom. */
export interface ConnectStreamOptions {
  /** The controller's address, `http://host:port`. */
  readonly url: string;
  readonly token?: string | undefined;
  readonly hello: ClientHello | WorkerHello;
  /** For everything up to the controller's hello, in ms. */
  readonly timeoutMs: number;
  /** Gives up when aborted: rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A stream that was accepted, and what the controller said. */
export interface ConnectedStream {
  readonly stream: MessageStream;
  readonly hello: ControllerHello;
}

/**
 * Opens a stream. Rejects with UNREACHABLE (no answer, or not in time), UNAUTHENTICATED,
 * FORBIDDEN, VERSION_MISMATCH, PROTOCOL_ERROR, or the code that the controller refused with.
 */
export function connectStream(options: ConnectStreamOptions): Promise<ConnectedStream> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(options.signal.reason);
    const request = openRequest(options);
    const attempt = new ConnectAttempt(options, request, resolve, reject);
    request.on("upgrade", (_response, socket, head) => attempt.onUpgrade(socket as Socket, head));
    request.on("response", (response) => attempt.onResponse(response));
    request.on("error", (error) => attempt.onError(error));
    request.end();
  });
}

function openRequest({ url, token }: ConnectStreamOptions): ClientRequest {
  const target = parseUrl(url);
  const request = target.protocol === "https:" ? httpsRequest : httpRequest;
  const headers: { [name: string]: string } = { Connection: "Upgrade", Upgrade: streamProtocol };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  return request(target, { headers, agent: false });
}

function parseUrl(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `the controller's url must be like http://127.0.0.1:7070, not ${JSON.stringify(url)}`,
    );
  }
  return new URL(streamPath, base);
}

/** One try: ends once, with a stream or with an error, and leaves nothing open behind it. */
class ConnectAttempt {
  readonly #options: ConnectStreamOptions;
  readonly #request: ClientRequest;
  readonly #resolve: (connected: ConnectedStream) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadline: NodeJS.Timeout;
  readonly #reader = new FrameReader(coldCodec);
  readonly #onAbort = (): void => this.#fail(this.#options.signal?.reason);
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  readonly #onEnd = (): void => this.onError(new Error("the connection ended before its hello"));
  readonly #onSocketError = (error: Error): void => this.onError(error);
  #socket: Socket | null = null;
  #done = false;

  constructor(
    options: ConnectStreamOptions,
    request: ClientRequest,
    resolve: (connected: ConnectedStream) => void,
    reject: (error: unknown) => void,
  ) {
    this.#options = options;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#deadline = setTimeout(() => this.#timeOut(), options.timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  onUpgrade(socket: Socket, head: Buffer): void {
    if (this.#done) return void socket.destroy();
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", this.#onSocketError);
    const writer = new FrameWriter();
    writer.writeHello(this.#options.hello);
    socket.write(writer.take());
    if (head.length > 0) this.#receive(head);
  }

  /** No upgrade: an error of the controller, or a server of another kind. */
  onResponse(response: IncomingMessage): void {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      if (body.length < refusalBytesMax) body += text;
    });
    response.on("end", () => this.#fail(refusalOf(response.statusCode ?? 0, body)));
    response.on("error", (error) => this.onError(error));
  }

  onError(cause: Error): void {
    const { url } = this.#options;
    this.#fail(
      new CapstanError("UNREACHABLE", `no controller answers at ${url}: ${reasonOf(cause)}`, {
        details: { url },
        cause,
      }),
    );
  }

  #timeOut(): void {
    const { url, timeoutMs } = this.#options;
    this.#fail(
      new CapstanError("UNREACHABLE", `no controller answered at ${url} within ${timeoutMs} ms`, {
        details: { url, timeoutMs },
      }),
    );
  }

  #receive(chunk: Buffer): void {
    this.#reader.feed(chunk);
    const frame = this.#reader.takeHello();
    if (this.#reader.error !== null) this.#fail(this.#reader.error);
    if (frame === null) return;
    const hello = this.#parseAnswer(frame.hello);
    const socket = this.#release();
    if (hello === null || socket === null) return;
    this.#done = true;
    this.#resolve({ stream: new MessageStream(socket, this.#reader), hello });
  }

  #parseAnswer(value: unknown): ControllerHello | null {
    try {
      return parseControllerHello(value);
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    this.#done = true;
    this.#release()?.destroy();
    this.#request.destroy();
    this.#reject(error);
  }

  /** Lets go of the socket, which goes on with whoever holds it. */
  #release(): Socket | null {
    clearTimeout(this.#deadline);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    const socket = this.#socket;
    if (socket === null) return null;
    this.#socket = null;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onEnd);
    socket.off("error", this.#onSocketError);
    return socket;
  }
}

/** The controller's own error, or one that says what answered instead. */
function refusalOf(status: number, body: string): CapstanError {
  const error = errorIn(body);
  if (error !== null) return errorFromWire(error.code, error.message, error.details);
  return protocolError(`the server answered ${status} to the upgrade: it is not a controller`, {
    details: { status },
  });
}

interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: { readonly [name: string]: unknown };
}

function errorIn(body: string): WireError | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null; // Not ours: the caller says so with the status.
  }
  const error: unknown = Object(Object(parsed).error);
  const { code, message, details } = error as { [name: string]: unknown };
  if (typeof code !== "string" || typeof message !== "string") return null;
  return { code, message, details: { ...Object(details) } };
}

/** An AggregateError of a name with several addresses has its reason inside. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message;
}
