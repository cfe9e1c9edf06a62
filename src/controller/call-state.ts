/**
 * What actors are asked to do: their calls that have not ended.
 *
 * @module
 */

import type { AttemptId } from "../model/ids.ts";

/** What one actor is asked to do. */
export interface ActorCalls {
  /** Rows of the calls that are PENDING from place `head` on, first submitted first. */
  readonly rows: number[];
  /** The places of these in the order of submission. */
  readonly orders: number[];
  head: number;
  /** Attempts of its calls that have not ended, and those of them that read other values. */
  sent: number;
  sentReaders: number;
  /** The last that was sent while there were any, by its id. */
  lastSent: AttemptId;
  /** The last that was sent while there were any, in the order of submission. */
  lastOrder: number;
}

/** Of an actor that was sent calls: what those that live do not tell. */
export type SentCallsImage = readonly [
  actor: number,
  last: Pick<ActorCalls, "lastSent" | "lastOrder">,
];

export function imageOfSentCalls({ byActor }: CallState): readonly SentCallsImage[] {
  const sent = [...byActor].filter(([, calls]) => calls.sent > 0);
  const images = sent.map(([actor, { lastSent, lastOrder }]) => {
    return [actor, { lastSent, lastOrder }] as const;
  });
  return images.sort(([a], [b]) => a - b);
}

export interface CallState {
  /** Actor's row → its calls that have not ended. */
  readonly byActor: Map<number, ActorCalls>;
  /** Actors that may be sent calls, or may be needed no more. */
  readonly touched: Set<number>;
  /** Whether there ever was a part of an actor: most clusters have none, and look no further. */
  hasParts: boolean;
}

export function newCallState(): CallState {
  return { byActor: new Map(), touched: new Set(), hasParts: false };
}
