/**
 * The listener on which a worker gives its values to peers and clients, and its logs to the
 * controller.
 *
 * @module
 */

import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { boundConnections } from "../transport/bound-connections.ts";
import { endRefused } from "../transport/end-refused.ts";
import { type GuardOptions, guardRequest } from "../transport/http-guard.ts";
import { dataPath, dataProtocol } from "./framing.ts";
import { openDoor } from "./local-door.ts";
import { LogRoute, type LogSource } from "./log-route.ts";
import { StackRoute, type StackSource } from "./stack-route.ts";
import type { UploadRoute } from "./upload-route.ts";
import { ValueSender } from "./value-sender.ts";

/** A value on the disk. */
export interface ValueFile {
  readonly length: number;
  /** All bytes in their order. Throws what the disk says. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Where the bytes are. */
export interface ValueSource {
  /** A value in memory. */
  get(task: TaskRef): Uint8Array | undefined;
  /** A value on the disk. Default: there is none. */
  fileOf?(task: TaskRef): ValueFile | undefined;
  /** Told that these are about to be sent; what it returns is called when that is over. */
  lend?(tasks: readonly TaskRef[]): () => void;
}

export interface DataListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /**
   * Asked for each request: who sends none of these is refused. None, the default: everybody on the
   * network may read.
   */
  readonly tokens?: (() => readonly string[]) | undefined;
  /** The same for logs; default: what is demanded for values. */
  readonly logTokens?: (() => readonly string[]) | undefined;
  /** Names, `host` or `host:port`, under which it is called besides its own address. */
  readonly names?: readonly string[] | undefined;
  readonly source: ValueSource;
  /** Default: there are none. */
  readonly logs?: LogSource | undefined;
  /** What clients bring. Default: nothing is taken. */
  readonly uploads?: UploadRoute | undefined;
  /** Where attempts are; demands what logs do. Default: nobody can tell. */
  readonly stacks?: StackSource | undefined;
}

export class DataListener {
  readonly port: number;
  readonly #server: http.Server;
  /** For who is on the same machine. */
  readonly #door: http.Server;
  readonly #sockets: ReadonlySet<Duplex>;

  constructor(server: http.Server, door: http.Server, sockets: ReadonlySet<Duplex>) {
    this.#server = server;
    this.#door = door;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const servers = [this.#server, this.#door];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
  }
}

const noLogs: LogSource = { readLog: () => Promise.resolve(null) };
const noStacks: StackSource = { readStack: () => Promise.resolve(null) };

/** @throws CapstanError ADDRESS_IN_USE; other failures of the socket as they are. */
export async function startDataListener(options: DataListenerOptions): Promise<DataListener> {
  const sockets = new Set<Duplex>();
  const logs = new LogRoute(options.logs ?? noLogs);
  const stacks = new StackRoute(options.stacks ?? noStacks);
  const sender = new ValueSender(options.source);
  const server = aServer({ options, logs, stacks, sender, sockets });
  await listen(server, options);
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  const address = `${host}:${(server.address() as AddressInfo).port}`;
  const names = [...(options.names ?? []), address];
  const door = aServer({ options: { ...options, names }, logs, stacks, sender, sockets });
  await openDoor(door, address);
  return new DataListener(server, door, sockets);
}

interface Serving {
  readonly options: DataListenerOptions;
  readonly logs: LogRoute;
  readonly stacks: StackRoute;
  readonly sender: ValueSender;
  /** Those that were upgraded. */
  readonly sockets: Set<Duplex>;
}

function aServer({ options, logs, stacks, sender, sockets }: Serving): http.Server {
  const server = http.createServer((request, response) => {
    const { tokens, logTokens = tokens, uploads } = options;
    const isUpload = request.method === "PUT";
    const guard = guardOf({ ...options, tokens: isUpload ? tokens : logTokens });
    const refusal = guardRequest(request, guard);
    if (refusal !== null) return refusePlain(response, refusal);
    if (isUpload && uploads?.serve(request, response) === true) return;
    if (logs.serve(request, response) || stacks.serve(request, response)) return;
    const message = "this port carries values, and logs under /v1/logs/<attemptId>";
    refusePlain(response, new CapstanError("NOT_FOUND", message));
  });
  boundConnections(server);
  server.on("upgrade", (request: http.IncomingMessage, socket: Socket, first: Buffer) => {
    const refusal = checkUpgrade(request, options);
    if (refusal !== null) return refuse(socket, refusal);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
    sender.serve(socket, first);
  });
  return server;
}

function guardOf({ names = [], tokens }: DataListenerOptions): GuardOptions {
  return { hosts: names, tokens: tokens?.() ?? [] };
}

function refusePlain(response: http.ServerResponse, error: CapstanError): void {
  // What the request still sends is not read.
  const headers = { "content-type": "application/json", connection: "close" };
  response.writeHead(errorRegistry[error.code].httpStatus, headers).end(JSON.stringify(error));
}

function checkUpgrade(
  request: http.IncomingMessage,
  options: DataListenerOptions,
): CapstanError | null {
  if (request.url !== dataPath || request.headers.upgrade !== dataProtocol) {
    return new CapstanError("NOT_FOUND", `the upgrade is ${dataProtocol} on ${dataPath}`);
  }
  return guardRequest(request, guardOf(options));
}

function accept(socket: Socket): void {
  socket.setNoDelay(true);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${dataProtocol}\r\n\r\n`,
  );
}

function refuse(socket: Socket, error: CapstanError): void {
  const status = { UNAUTHENTICATED: "401 Unauthorized", FORBIDDEN: "403 Forbidden" };
  const line = error.code in status ? status[error.code as keyof typeof status] : "404 Not Found";
  const body = JSON.stringify(error);
  endRefused(
    socket,
    `HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function listen(server: http.Server, { host, port }: DataListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const message = `port ${port} of ${host} is in use: choose another, or 0 for any free one`;
      reject(new CapstanError("ADDRESS_IN_USE", message, { cause: error }));
    });
    server.listen({ host, port }, () => resolve());
  });
}
