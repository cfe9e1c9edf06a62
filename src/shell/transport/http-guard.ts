/**
 * Who may speak to the one port at all: the right `Host`, no foreign `Origin`, the token. A page
 * in a browser must not reach a controller on loopback through a name of its own.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { CapstanError } from "../../model/errors.ts";

/** What a listener demands. */
export interface GuardOptions {
  /** Names by which clients may call it, `host` or `host:port`, besides its own address. */
  readonly hosts: readonly string[];
  /** Every request must bear one of these; none is demanded if there are none. */
  readonly tokens: readonly string[];
}

/** The error to answer with, or null: host, origin and token, in this order. */
export function guardRequest(request: IncomingMessage, options: GuardOptions): CapstanError | null {
  return checkHostAndOrigin(request, options.hosts) ?? checkTokens(request, options.tokens);
}

/** FORBIDDEN unless `Host` names this listener and `Origin` is absent or the same host. */
export function checkHostAndOrigin(
  request: IncomingMessage,
  hosts: readonly string[],
): CapstanError | null {
  const host = request.headers.host ?? "";
  if (!isOwnHost(request, host.toLowerCase(), hosts)) {
    return new CapstanError("FORBIDDEN", `Host ${JSON.stringify(host)} is not this listener`, {
      details: { host },
    });
  }
  const { origin } = request.headers;
  if (origin === undefined || isOriginOf(origin, host)) return null;
  return new CapstanError("FORBIDDEN", `Origin ${JSON.stringify(origin)} may not call this port`, {
    details: { origin },
  });
}

/** UNAUTHENTICATED unless the request bears one of `tokens`; null if none is demanded. */
export function checkTokens(
  request: IncomingMessage,
  tokens: readonly string[],
): CapstanError | null {
  if (tokens.length === 0) return null;
  const given = bearerToken(request);
  // All are compared, so that the time does not say which one it was.
  const fitting = given === null ? [] : tokens.filter((token) => sameSecret(given, token));
  if (fitting.length > 0) return null;
  const why = given === null ? "a token is needed" : "the token is not known";
  return new CapstanError("UNAUTHENTICATED", `${why}: send \`Authorization: Bearer <token>\``);
}

/** The token of `Authorization: Bearer <token>`, or null. */
export function bearerToken(request: IncomingMessage): string | null {
  const match = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
  return match === null ? null : match[1];
}

/** Compares in a time that does not depend on where, or in length, the two differ. */
export function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected));
}

/** True for an address that only this machine can reach. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === "::1" || plain === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(plain);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isOwnHost(request: IncomingMessage, host: string, hosts: readonly string[]): boolean {
  const { name, port } = splitHost(host);
  // A client leaves out the port of plain HTTP.
  const forms = [host, name, `${name}:${port}`];
  if (hosts.some((own) => forms.includes(own.toLowerCase()))) return true;
  const { localAddress = "", localPort } = request.socket;
  if (port !== String(localPort)) return false;
  if (name === "localhost") return isLoopback(localAddress);
  return name === plainAddress(localAddress);
}

/** `name:port`, `[v6]:port` or `name`; an absent port is the one of plain HTTP. */
function splitHost(host: string): { name: string; port: string } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host);
  if (match === null) return { name: "", port: "" };
  return { name: plainAddress(match[1]), port: match[2] ?? "80" };
}

/** Without brackets, and without the prefix of an IPv4 address that came in over IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^\[|\]$/g, "").replace(/^::ffff:(?=\d)/, "");
}

function isOriginOf(origin: string, host: string): boolean {
  const lower = origin.toLowerCase();
  const name = host.toLowerCase();
  return lower === `http://${name}` || lower === `https://${name}`;
}
