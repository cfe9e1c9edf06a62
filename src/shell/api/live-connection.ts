/**
 * One connection to `GET /v1/events`: its subscriptions, and what is sent to it. Of each
 * subscription at most one message is under way.
 *
 * @module
 */

import type { WebSocket } from "ws";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import type { PastAnswer } from "../past/past-reader.ts";
import type { CallOutcome, PastOrder } from "./http-api.ts";
import {
  liveClockMs,
  liveLogMs,
  livePingMs,
  liveSubscriptionsMax,
  liveUnsentMsMax,
} from "./live-limits.ts";
import {
  type ClockMessage,
  type LiveRequest,
  liveCloseCodes,
  type SubscribeMessage,
} from "./live-messages.ts";
import type { LiveQueries, LiveSource, LiveSubscriber } from "./live-queries.ts";
import { isReadMethod, type Responses } from "./schemas.ts";

/** What connections need of the controller. */
export interface LiveBackend extends LiveSource {
  clock(): Omit<ClockMessage, "type">;
  /** The answer of a read method at an instant of the past. Rejects with CapstanError. */
  past(order: PastOrder, signal: AbortSignal): Promise<PastAnswer>;
}

export interface LiveConnectionOptions {
  readonly socket: WebSocket;
  readonly backend: LiveBackend;
  readonly queries: LiveQueries;
  /** The principal now; null once its token has ended. */
  readonly principal: () => Principal | null;
  readonly onClose: () => void;
}

export class LiveConnection {
  readonly #options: LiveConnectionOptions;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #timers: readonly NodeJS.Timeout[];
  #answered = true;

  constructor(options: LiveConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#timers = [
      setInterval(() => this.#beat(), liveClockMs),
      setInterval(() => this.#ping(), livePingMs),
    ];
    socket.on("message", (data, isBinary) => this.#hear(isBinary ? "" : String(data)));
    socket.on("pong", () => {
      this.#answered = true;
    });
    socket.on("error", () => socket.terminate()); // Its close follows.
    socket.once("close", () => this.#end());
    this.#beat();
  }

  close(code: number, reason: string): void {
    this.#options.socket.close(code, reason);
    this.#end();
  }

  #end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const subscription of this.#subscriptions.values()) subscription.end();
    this.#subscriptions.clear();
    this.#options.onClose();
  }

  #hear(text: string): void {
    const message = parseMessage(text);
    if (typeof message === "string") {
      this.close(liveCloseCodes.badMessage, message);
    } else if (message.type === "unsubscribe") {
      this.#subscriptions.get(message.id)?.end();
      this.#subscriptions.delete(message.id);
    } else if (this.#subscriptions.has(message.id)) {
      this.close(liveCloseCodes.badMessage, `subscription ${message.id} is open`);
    } else this.#subscribe(message);
  }

  #subscribe(message: SubscribeMessage): void {
    const principal = this.#options.principal();
    if (principal === null) return this.#cutUnwelcome();
    const { queries } = this.#options;
    const subscription = new Subscription(this.#options, message, () => {
      this.#subscriptions.delete(message.id);
    });
    const isFull = this.#subscriptions.size >= liveSubscriptionsMax || queries.isFull;
    this.#subscriptions.set(message.id, subscription);
    if (isFull) {
      subscription.fail(new CapstanError("OVERLOADED", "there are too many subscriptions"));
    } else subscription.begin(principal);
  }

  #cutUnwelcome(): void {
    this.close(liveCloseCodes.tokenEnded, "the token was revoked or has expired");
  }

  /** Once a second: the clock, whether it may still look, whether it reads. */
  #beat(): void {
    const { socket, backend, principal } = this.#options;
    if (principal() === null) return this.#cutUnwelcome();
    const nowMs = performance.now();
    for (const { busySinceMs } of this.#subscriptions.values()) {
      if (nowMs - busySinceMs < liveUnsentMsMax) continue;
      socket.terminate();
      return;
    }
    if (socket.bufferedAmount > 0) return;
    socket.send(JSON.stringify({ type: "clock", ...backend.clock() }));
  }

  #ping(): void {
    const { socket } = this.#options;
    if (!this.#answered) {
      socket.terminate();
      return;
    }
    this.#answered = false;
    socket.ping();
  }
}

/** One question of one connection. */
class Subscription implements LiveSubscriber {
  /** When the message that is under way was handed over; Infinity while there is none. */
  busySinceMs = Infinity;
  readonly #options: LiveConnectionOptions;
  readonly #message: SubscribeMessage;
  readonly #onOver: () => void;
  #stop: () => void = () => undefined;
  #over = false;

  constructor(options: LiveConnectionOptions, message: SubscribeMessage, onOver: () => void) {
    this.#options = options;
    this.#message = message;
    this.#onOver = onOver;
  }

  get busy(): boolean {
    return this.busySinceMs !== Infinity;
  }

  begin(principal: Principal): void {
    const { method, request, at } = this.#message;
    if (!isReadMethod(method)) {
      const why = `${method}: only a method that reads can be subscribed to`;
      this.fail(new CapstanError("INVALID_ARGUMENT", why));
    } else if (at !== undefined) {
      this.#askPast(principal, at);
    } else if (method === "FetchLogs") {
      this.#followLogs(principal, (request ?? {}) as { readonly [field: string]: unknown });
    } else {
      const order = { principal, method, request };
      this.#stop = this.#options.queries.subscribe(order, this);
    }
  }

  tell(type: "value" | "change", fields: string): void {
    this.#send(`{"type":"${type}","id":${this.#message.id},${fields}}`);
  }

  fail(error: CapstanError): void {
    if (this.#over) return;
    this.end();
    this.#onOver();
    const { id } = this.#message;
    this.#options.socket.send(JSON.stringify({ type: "error", id, ...error.toJSON() }));
  }

  end(): void {
    this.#over = true;
    this.#stop();
  }

  #send(text: string): void {
    this.busySinceMs = performance.now();
    this.#options.socket.send(text, () => {
      this.busySinceMs = Infinity;
    });
  }

  #askPast(principal: Principal, at: number | string): void {
    const { method, request } = this.#message;
    const leaving = new AbortController();
    this.#stop = () => leaving.abort();
    this.#options.backend.past({ principal, method, request, at }, leaving.signal).then(
      (answer) => {
        if (this.#over) return;
        const position = `"sequence":${answer.sequence},"at":${JSON.stringify(answer.at)}`;
        this.tell("value", `${position},"value":${answer.text}`);
      },
      (error: CapstanError) => this.fail(error),
    );
  }

  /** Each answer of FetchLogs names where the next one begins. */
  #followLogs(principal: Principal, request: { readonly [field: string]: unknown }): void {
    const { backend } = this.#options;
    let timer: NodeJS.Timeout | null = null;
    let drop = (): void => undefined;
    const next = (asked: { readonly [field: string]: unknown }, isFirst: boolean): void => {
      if (this.busy) {
        timer = setTimeout(() => next(asked, isFirst), liveLogMs);
        return;
      }
      const at = backend.at();
      drop = backend.read({ principal, method: "FetchLogs", request: asked }, (outcome) => {
        if (outcome.error !== null) return this.fail(outcome.error);
        const logs = outcome.result as Responses["FetchLogs"];
        if (isFirst || logs.lines.length > 0 || logs.complete) this.#tellLogs(outcome, at);
        if (logs.complete) return;
        const { tail: _, ...rest } = asked;
        const again = { ...rest, cursor: logs.cursor };
        timer = setTimeout(() => next(again, false), liveLogMs);
      });
    };
    this.#stop = () => {
      drop();
      if (timer !== null) clearTimeout(timer);
    };
    next(request, true);
  }

  #tellLogs({ result, sequence }: CallOutcome, at: string): void {
    const position = `"sequence":${sequence},"at":${JSON.stringify(at)}`;
    this.tell("value", `${position},"value":${JSON.stringify(result)}`);
  }
}

/** A message of the protocol, or what is wrong with it. */
function parseMessage(text: string): LiveRequest | string {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return "a message is one JSON object in a text";
  }
  if (typeof message !== "object" || message === null) return "a message is a JSON object";
  const { type, id, method, at } = message as { readonly [field: string]: unknown };
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) {
    return "id: a whole number from 0";
  }
  if (type === "unsubscribe") return { type, id };
  if (type !== "subscribe") return 'type: "subscribe" or "unsubscribe"';
  if (typeof method !== "string") return "method: the name of a method";
  const isInstant = at === undefined || typeof at === "number" || typeof at === "string";
  return isInstant ? (message as SubscribeMessage) : "at: a sequence, or a time as in RFC 3339";
}
