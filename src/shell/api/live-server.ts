/**
 * The WebSocket at `GET /v1/events`: who may open it, and how many. Host, origin and token are
 * checked as for every other request; a browser, which can set no header, offers its token as a
 * subprotocol.
 *
 * @module
 */

import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import { checkHostAndOrigin } from "../transport/http-guard.ts";
import { refuseUpgrade } from "../transport/refuse-upgrade.ts";
import { type LiveBackend, LiveConnection } from "./live-connection.ts";
import { liveConnectionsMax, liveMessageBytesMax } from "./live-limits.ts";
import { liveProtocol, liveTokenPrefix } from "./live-messages.ts";
import { LiveQueries } from "./live-queries.ts";
import { routeAccess } from "./route-access.ts";

/** The path of live queries on the one port. */
export const livePath = "/v1/events";

export interface LiveServerOptions<Caller extends { readonly principal: Principal }> {
  /** Names by which clients may call it, besides its own address. */
  readonly hosts: readonly string[];
  readonly backend: LiveBackend;
  /** Who sends the request with this token, or null for none; or why nobody who is known. */
  identify(request: IncomingMessage): Caller | CapstanError;
  /** The same caller's principal now; null once its token has ended. */
  renew(caller: Caller): Principal | null;
}

export interface LiveServer {
  readonly connectionCount: number;
  readonly queries: LiveQueries;
  /** Takes no more connections and closes those that there are. */
  close(): void;
}

/** Serves live queries on `httpServer`; upgrades to other paths are left to others. */
export function attachLiveServer<Caller extends { readonly principal: Principal }>(
  httpServer: Server,
  options: LiveServerOptions<Caller>,
): LiveServer {
  const { backend } = options;
  const queries = new LiveQueries(backend);
  const connections = new Set<LiveConnection>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: liveMessageBytesMax,
    handleProtocols: (offered) => (offered.has(liveProtocol) ? liveProtocol : false),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) !== livePath) return;
    const caller = admit(request, options, connections.size);
    if (caller instanceof CapstanError) {
      refuseUpgrade(socket as Socket, caller);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const connection = new LiveConnection({
        ...{ socket: opened, backend, queries },
        principal: () => options.renew(caller),
        onClose: () => connections.delete(connection),
      });
      connections.add(connection);
    });
  };
  httpServer.on("upgrade", onUpgrade);
  return {
    queries,
    get connectionCount() {
      return connections.size;
    },
    close: () => {
      httpServer.off("upgrade", onUpgrade);
      for (const connection of connections) connection.close(1001, "the controller is closing");
      queries.close();
    },
  };
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0];
}

function admit<Caller extends { readonly principal: Principal }>(
  request: IncomingMessage,
  { hosts, identify }: LiveServerOptions<Caller>,
  connectionCount: number,
): Caller | CapstanError {
  const denied = checkHostAndOrigin(request, hosts);
  if (denied !== null) return denied;
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    return new CapstanError("VERSION_MISMATCH", `${livePath} is a WebSocket`);
  }
  const caller = identify(withOfferedToken(request));
  if (caller instanceof CapstanError) return caller;
  const { role } = caller.principal;
  const access = routeAccess[`GET ${livePath}`];
  if (access !== "everybody" && !access.includes(role)) {
    return new CapstanError("FORBIDDEN", `${livePath}: not for role ${role}`);
  }
  if (connectionCount < liveConnectionsMax) return caller;
  return new CapstanError("OVERLOADED", `${liveConnectionsMax} connections are open: try again`);
}

/** A token that was offered as a subprotocol, as if it had come in its header. */
function withOfferedToken(request: IncomingMessage): IncomingMessage {
  if (request.headers.authorization !== undefined) return request;
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",");
  const token = offered.map((one) => one.trim()).find((one) => one.startsWith(liveTokenPrefix));
  if (token === undefined) return request;
  const secret = Buffer.from(token.slice(liveTokenPrefix.length), "base64url").toString("utf8");
  request.headers.authorization = `Bearer ${secret}`;
  return request;
}
