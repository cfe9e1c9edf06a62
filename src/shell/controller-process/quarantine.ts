/**
 * Events that stopped the controller. Each is kept as `quarantine/<sequence>.json` with the broken
 * promise and its story, so that a person can replay it. An event that did it twice is refused
 * from the next start on: its sender gets an error, the controller serves everybody else and says
 * that it is degraded.
 *
 * Events are recognised by what was said and by whom, not by when: a client that reconnects
 * replays the same submit.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { InvariantError } from "../../base/assert.ts";
import type { ApiRequest, ControllerEvent } from "../../controller/events.ts";
import { redactArgv } from "../../controller/redact.ts";
import { redactedText } from "../../model/redact-text.ts";
import { encodePlain } from "../journal/fact-codec.ts";
import { quarantineEventBytesMax, quarantineStopsMax } from "./limits.ts";

/** What a peer said, with the peer's own id instead of its place in a table. */
export interface PeerStatement {
  readonly peerId: string;
  readonly said: unknown;
}

/** The part of an event that a peer is answerable for; null for events of our own. */
export function statementOf(
  event: ControllerEvent,
  idOf: { client: (index: number) => string; worker: (index: number) => string },
): PeerStatement | null {
  switch (event.type) {
    case "client-messaged":
      return { peerId: idOf.client(event.client), said: event.message };
    case "worker-messaged":
      return { peerId: idOf.worker(event.worker), said: event.message };
    case "worker-connected":
      return { peerId: event.hello.workerId, said: event.inventory };
    case "api-called":
      return { peerId: event.principal.user, said: withoutChance(event.request) };
    default:
      return null;
  }
}

/** A change without what was drawn for it: the same one sent again has other tokens. */
function withoutChance(request: ApiRequest): unknown {
  switch (request.type) {
    case "launch-job": {
      const { type, spec } = request;
      return { type, spec };
    }
    case "create-token": {
      const { type, user, role, note } = request;
      return { type, user, role, note };
    }
    default:
      return request;
  }
}

export interface StoppedBy {
  readonly event: ControllerEvent;
  readonly statement: PeerStatement | null;
  readonly error: unknown;
  readonly sequence: number;
  readonly epoch: number;
}

export class Quarantine {
  /** Null without a data directory: nothing is kept, nothing is refused. */
  readonly #directory: string | null;
  readonly #refused: ReadonlySet<string>;

  constructor(dataDir: string | null) {
    this.#directory = dataDir === null ? null : join(dataDir, "quarantine");
    this.#refused = this.#directory === null ? new Set() : repeatOffenders(this.#directory);
  }

  /** How many different events are refused; above 0 the controller is degraded. */
  get refusedCount(): number {
    return this.#refused.size;
  }

  refuses(statement: PeerStatement): boolean {
    return this.#refused.size > 0 && this.#refused.has(fingerprintOf(statement));
  }

  /** Writes the record, on the disk when it returns. Returns its path, or null without a place. */
  record({ event, statement, error, sequence, epoch }: StoppedBy): string | null {
    if (this.#directory === null) return null;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${sequence}-${epoch}.json`);
    const report = {
      sequence,
      epoch,
      fingerprint: statement === null ? null : fingerprintOf(statement),
      message: error instanceof Error ? error.message : String(error),
      story: error instanceof InvariantError ? error.story : [],
      stack: error instanceof Error ? (error.stack ?? "") : "",
      event: readable(event),
    };
    writeDurably(path, `${JSON.stringify(report, null, 2)}\n`);
    return path;
  }
}

function fingerprintOf({ peerId, said }: PeerStatement): string {
  return createHash("sha256").update(peerId).update("\0").update(encodePlain(said)).digest("hex");
}

function repeatOffenders(directory: string): ReadonlySet<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stops = new Map<string, number>();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(".json")) continue;
    const text = readFileSync(join(directory, name), "utf8");
    const fingerprint = /"fingerprint": "([0-9a-f]{64})"/.exec(text)?.[1];
    if (fingerprint !== undefined) stops.set(fingerprint, (stops.get(fingerprint) ?? 0) + 1);
  }
  return new Set([...stops].filter(([, count]) => count >= quarantineStopsMax).map(([f]) => f));
}

/** Fields of events that hold a secret. */
const secretNames: ReadonlySet<string> = new Set(["token", "tokenHash", "hash", "stdin"]);

/** What a person need not see of a field to replay the event; undefined if all of it may stay. */
function withoutSecrets(name: string, value: unknown): unknown {
  if (value === "" || value === null) return undefined;
  if (secretNames.has(name) && typeof value === "string") return redactedText;
  if (name === "argv" && Array.isArray(value)) return redactArgv(value.map(String));
  if (name !== "env" || typeof value !== "object" || value === null) return undefined;
  return Object.fromEntries(Object.keys(value).map((variable) => [variable, redactedText]));
}

/** Typed arrays as plain numbers, byte columns as base64; what is too large says its size. */
function readable(event: ControllerEvent): unknown {
  const text = JSON.stringify(event, (name, value: unknown) => {
    const hidden = withoutSecrets(name, value);
    if (hidden !== undefined) return hidden;
    if (value instanceof Uint8Array) return readableBytes(value);
    if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
    return value;
  });
  if (text.length > quarantineEventBytesMax) return { type: event.type, jsonBytes: text.length };
  return JSON.parse(text);
}

function readableBytes(bytes: Uint8Array): unknown {
  if (bytes.length > quarantineEventBytesMax) return { bytes: bytes.length };
  return { base64: Buffer.from(bytes).toString("base64") };
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}
