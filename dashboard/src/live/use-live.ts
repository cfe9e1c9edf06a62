/**
 * What a page shows: the answer of a read method, kept up to date by the stream. Pages that ask for
 * the same share one subscription, and one that was just left is still there on the way back.
 *
 * @module
 */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { applyChanges } from "../../../src/base/changes.ts";
import type { ApiError, MethodName, Requests, Responses } from "../api.ts";
import { instantSequence } from "../moment.ts";
import { instantMs } from "../now.ts";
import { instant } from "../router.ts";
import { connection } from "./connection.ts";

/** How long a subscription outlives its last reader. */
const lingerMs = 1_500;

/** What is known of a subscription. */
export interface Live<Value> {
  /** Null until the first answer. */
  readonly value: Value | null;
  /** Why there is none, or no more. */
  readonly error: ApiError | null;
  /** The value is of the request before: the answer to this one is on its way. */
  readonly stale: boolean;
}

interface Entry {
  readonly live: Signal<Live<unknown>>;
  readonly end: () => void;
  readers: number;
  timer: number;
}

/** How an answer is put to what was there, for methods that answer with what is new. */
type Join = (before: unknown, value: unknown) => unknown;

const entries = new Map<string, Entry>();

const nothing: Live<never> = { value: null, error: null, stale: true };

function entryOf(key: string, method: string, request: unknown, join: Join | undefined): Entry {
  const known = entries.get(key);
  if (known !== undefined) return known;
  const live = signal<Live<unknown>>(nothing);
  const at = instant.peek();
  let goesOn = false;
  const end = connection.subscribe({
    method,
    request,
    at,
    onRestart: () => {
      goesOn = false;
    },
    onMessage: (message) => {
      const before = live.peek().value;
      if (message.type === "error") {
        live.value = { value: before, error: message.error, stale: false };
        return;
      }
      if (at !== null && at === instant.peek()) {
        instantMs.value = Date.parse(message.at);
        instantSequence.value = message.sequence;
      }
      const value =
        message.type === "change" ? applyChanges(before, message.changes) : message.value;
      const joins = join !== undefined && goesOn && message.type === "value";
      goesOn = true;
      live.value = { value: joins ? join(before, value) : value, error: null, stale: false };
    },
  });
  const entry = { live, end, readers: 0, timer: 0 };
  entries.set(key, entry);
  return entry;
}

function retain(key: string, entry: Entry): () => void {
  entry.readers++;
  window.clearTimeout(entry.timer);
  return () => {
    entry.readers--;
    if (entry.readers > 0) return;
    entry.timer = window.setTimeout(() => {
      if (entry.readers > 0) return;
      entries.delete(key);
      entry.end();
    }, lingerMs);
  };
}

/**
 * Subscribes for as long as the component is there; a request of null asks for nothing. While the
 * answer to another request is on its way the last one stays, marked stale.
 */
export function useLive<Name extends MethodName>(
  method: Name,
  request: Requests[Name] | null,
  join?: (before: Responses[Name], value: Responses[Name]) => Responses[Name],
): Live<Responses[Name]> {
  const key =
    request === null ? null : `${method} ${JSON.stringify(request)} ${instant.value ?? ""}`;
  const entry = key === null ? null : entryOf(key, method, request, join as Join | undefined);
  useEffect(() => {
    return key === null || entry === null ? undefined : retain(key, entry);
  }, [key]);
  const last = useRef<Live<Responses[Name]>>(nothing);
  if (entry === null) return nothing;
  const live = entry.live.value as Live<Responses[Name]>;
  if (live.value === null && live.error === null) return { ...last.current, stale: true };
  last.current = live;
  return live;
}
