/**
 * What is said on `GET /v1/events`, a WebSocket of JSON texts: live queries. A client subscribes to
 * a read method with its request; it is told the answer, and then what changed in it.
 *
 * This module has types and constants only, for the server and for whoever reads the stream.
 *
 * @module
 */

import type { Change } from "../../base/changes.ts";

/** The subprotocol that a client offers and the server chooses. */
export const liveProtocol = "capstan.events.1";

/**
 * A client that can set no headers, such as a browser, offers its token as a second subprotocol:
 * this, and the token's UTF-8 in base64url without padding.
 */
export const liveTokenPrefix = "capstan.token.";

/** Close codes of the server, besides those of RFC 6455. */
export const liveCloseCodes = {
  /** The token was revoked or has expired. */
  tokenEnded: 4401,
  /** What the client said is not a message of this protocol. */
  badMessage: 4400,
} as const;

export interface SubscribeMessage {
  readonly type: "subscribe";
  /** Chosen by the client, not in use on this connection: a whole number from 0. */
  readonly id: number;
  /** A read method of the API. */
  readonly method: string;
  readonly request?: unknown;
  /** An instant of the past: a sequence of the journal, or RFC 3339. One value, no changes. */
  readonly at?: number | string;
}

export interface UnsubscribeMessage {
  readonly type: "unsubscribe";
  readonly id: number;
}

/** What a client says. */
export type LiveRequest = SubscribeMessage | UnsubscribeMessage;

/**
 * The answer of the method, whole. The first of each subscription; of FetchLogs, each brings the
 * lines that came since the one before.
 */
export interface ValueMessage<Value = unknown> {
  readonly type: "value";
  readonly id: number;
  /** How far the journal was that the value shows. */
  readonly sequence: number;
  /** RFC 3339: the time of the cluster that it shows. */
  readonly at: string;
  readonly value: Value;
}

/** What differs from the value that this subscription was told last. */
export interface ChangeMessage {
  readonly type: "change";
  readonly id: number;
  readonly sequence: number;
  readonly at: string;
  readonly changes: readonly Change[];
}

/** The error as the API answers it. The subscription is over. */
export interface LiveErrorMessage {
  readonly type: "error";
  readonly id: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: { readonly [field: string]: unknown };
    readonly retryable: boolean;
  };
}

/** About once a second: the connection lives, and how far the journal reaches both ways. */
export interface ClockMessage {
  readonly type: "clock";
  readonly sequence: number;
  readonly at: string;
  /** The earliest instant that `at` may name; null without a journal on a disk. */
  readonly oldestSequence: number | null;
  readonly oldestAt: string | null;
  /** The present: false if this server only shows a journal's past. */
  readonly live: boolean;
}

/** What the server says. */
export type LiveMessage = ValueMessage | ChangeMessage | LiveErrorMessage | ClockMessage;
