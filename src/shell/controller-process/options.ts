/**
 * What a controller process can be told, parsed once.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { parseOneOf } from "../../model/parse-fields.ts";
import { type QueuePolicy, queuePolicies } from "../../scheduler/queue-policy.ts";
import { type LogLevel, parseLogLevel } from "../logging/logger.ts";

export interface ControllerOptions {
  /** `host:port`; port 0 takes a free one. Default `127.0.0.1:7070`. */
  readonly listen?: string;
  /** Where the journal and the bundles live. Without it everything is gone with the process. */
  readonly dataDir?: string;
  /** What clients and workers must present. Required off loopback. */
  readonly token?: string;
  /**
   * `host:port` under which others reach this controller, the host a name or an address. It answers
   * to it besides its own address. Default: where it listens.
   */
  readonly advertise?: string;
  /** `/readyz` waits until this many workers have registered. Default 0. */
  readonly expectWorkers?: number;
  /**
   * How queues are ordered (`scheduler/queue-policy.ts`). Default `fair`: by user. `fifo` and
   * `slowdown` keep a turn for what does not fit, and are not fair between users.
   */
  readonly policy?: QueuePolicy;
  /** Default `info`. */
  readonly logLevel?: LogLevel;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const defaultListen = "127.0.0.1:7070";
const portMax = 65_535;

const parsers: { readonly [K in keyof ControllerOptions]-?: (value: unknown) => unknown } = {
  listen: (value) => text("listen", value),
  dataDir: (value) => text("dataDir", value),
  token: (value) => text("token", value),
  advertise: (value) => {
    const address = text("advertise", value);
    parseHostAndPort("advertise", address);
    return address;
  },
  expectWorkers: (value) => count("expectWorkers", value),
  policy: (value) => parseOneOf("policy", value, queuePolicies),
  logLevel: (value) => parseLogLevel("logLevel", value),
};

/** Checks a parsed JSON object. Throws INVALID_ARGUMENT that names the field. */
export function parseControllerOptions(value: unknown): ControllerOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("the controller's options are one JSON object");
  }
  const parsed: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(value)) {
    const parse = Object.hasOwn(parsers, name) ? parsers[name as keyof ControllerOptions] : null;
    if (parse === null) throw invalid(`${name}: no such option; known: ${optionNames()}`);
    if (field !== null && field !== undefined) parsed[name] = parse(field);
  }
  return parsed;
}

/** The address to listen on. Throws INVALID_ARGUMENT when it needs a token and has none. */
export function parseListen(options: ControllerOptions): ListenAddress {
  const listen = options.listen ?? defaultListen;
  const { host, port } = parseHostAndPort("listen", listen);
  if (options.token === undefined && !isLoopback(host)) {
    throw invalid(
      `listen: ${listen} can be reached from other machines, and without a token anybody there ` +
        "could run programs here. Give a token, or listen on 127.0.0.1",
    );
  }
  return { host, port };
}

function parseHostAndPort(field: string, address: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address);
  const port = Number(match?.[3]);
  if (match !== null && port <= portMax) return { host: match[1] ?? match[2], port };
  throw invalid(`${field}: ${JSON.stringify(address)} is not host:port (port 0 to ${portMax})`);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** `host:port` with the brackets that an IPv6 address needs. */
export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function text(field: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${field}: expected a string that is not empty`);
}

function count(field: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${field}: expected a whole number of 0 or more`);
}

function optionNames(): string {
  return Object.keys(parsers).join(", ");
}

function invalid(message: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", message);
}
