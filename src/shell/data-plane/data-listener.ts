/**
 * The listener on which a worker gives its values to peers and clients.
 *
 * @module
 */

import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CapstanError } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { guardRequest } from "../transport/http-guard.ts";
import { dataPath, dataProtocol } from "./framing.ts";
import { ValueSender } from "./value-sender.ts";

/** Where the bytes are. */
export interface ValueSource {
  get(task: TaskRef): Uint8Array | undefined;
}

export interface DataListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Who does not send it is refused. None: everybody on the network may read. */
  readonly token?: string | undefined;
  /** Names, `host` or `host:port`, under which it is called besides its own address. */
  readonly names?: readonly string[] | undefined;
  readonly source: ValueSource;
}

export class DataListener {
  readonly port: number;
  readonly #server: http.Server;
  readonly #sockets: ReadonlySet<Duplex>;

  constructor(server: http.Server, sockets: ReadonlySet<Duplex>) {
    this.#server = server;
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
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** @throws CapstanError ADDRESS_IN_USE; other failures of the socket as they are. */
export async function startDataListener(options: DataListenerOptions): Promise<DataListener> {
  const server = http.createServer((_request, response) => {
    response.writeHead(404, { "content-type": "text/plain" }).end("this port carries values\n");
  });
  const sockets = new Set<Duplex>();
  const sender = new ValueSender(options.source);
  server.on("upgrade", (request: http.IncomingMessage, socket: Socket, first: Buffer) => {
    const refusal = checkUpgrade(request, options);
    if (refusal !== null) return refuse(socket, refusal);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
    sender.serve(socket, first);
  });
  await listen(server, options);
  return new DataListener(server, sockets);
}

function checkUpgrade(
  request: http.IncomingMessage,
  { names = [], token }: DataListenerOptions,
): CapstanError | null {
  if (request.url !== dataPath || request.headers.upgrade !== dataProtocol) {
    return new CapstanError("NOT_FOUND", `the upgrade is ${dataProtocol} on ${dataPath}`);
  }
  return guardRequest(request, { hosts: names, token });
}

function accept(socket: Socket): void {
  socket.setNoDelay(true);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${dataProtocol}\r\n\r\n`,
  );
}

function refuse(socket: Duplex, error: CapstanError): void {
  const status = { UNAUTHENTICATED: "401 Unauthorized", FORBIDDEN: "403 Forbidden" };
  const line = error.code in status ? status[error.code as keyof typeof status] : "404 Not Found";
  const body = JSON.stringify(error);
  socket.on("error", () => socket.destroy());
  socket.end(
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
