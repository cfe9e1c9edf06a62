/**
 * Bounds what strangers can open on a listener. Connections that say nothing, or that dribble
 * their headers, give way to new ones, oldest first: however many there are, a worker gets in.
 * Streams are counted by those who greet them.
 *
 * @module
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { headersTimeoutMs, plainConnectionsMax } from "./limits.ts";

/** To be called before the server listens. */
export function boundConnections(server: Server, connectionsMax = plainConnectionsMax): void {
  /** Connections that were not upgraded. */
  const plain = new Set<Socket>();
  /** Those of which no request is being answered; the one that is quiet for longest is first. */
  const quiet = new Set<Socket>();
  const forget = (socket: Socket): void => {
    plain.delete(socket);
    quiet.delete(socket);
  };
  server.headersTimeout = headersTimeoutMs;
  server.on("connection", (socket: Socket) => {
    plain.add(socket);
    quiet.add(socket);
    socket.once("close", () => forget(socket));
    if (plain.size <= connectionsMax) return;
    const [first] = quiet; // If all others are busy that is the new one itself.
    forget(first);
    first.destroy();
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    quiet.delete(socket);
    response.once("close", () => {
      if (plain.has(socket)) quiet.add(socket);
    });
  });
  server.on("upgrade", ({ socket }: IncomingMessage) => forget(socket));
}
