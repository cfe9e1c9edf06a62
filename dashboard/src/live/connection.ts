/**
 * The one stream to the controller. It subscribes to read methods, keeps what each was told, and
 * comes back by itself when it was cut off, with every subscription as it was.
 *
 *     closed ─▶ connecting ─▶ live ─▶ lost ─▶ connecting …
 *
 * @module
 */

import { signal } from "@preact/signals";
import type {
  ClockMessage,
  LiveErrorMessage,
  LiveMessage,
  LiveRequest,
} from "../../../src/shell/api/live-messages.ts";
import { liveProtocol, liveTokenPrefix } from "../../../src/shell/api/live-messages.ts";
import { type ApiError, asksForToken, CallError, call, token } from "../api.ts";

export type ConnectionState = "connecting" | "live" | "lost" | "refused";

/** The clock ticks about once a second: so much silence means that nobody is there. */
const silenceMs = 6_000;
const retryFirstMs = 250;
const retryMaxMs = 4_000;

/** Who is told what comes for a subscription. */
export interface Listener {
  readonly method: string;
  readonly request: unknown;
  readonly at: string | null;
  onMessage(message: Exclude<LiveMessage, ClockMessage>): void;
  /** It was subscribed to again: what comes next stands for itself. */
  onRestart(): void;
}

class Connection {
  readonly state = signal<ConnectionState>("connecting");
  readonly clock = signal<ClockMessage | null>(null);
  /** When the connection was lost, in ms since 1970; null while it is not. */
  readonly lostSince = signal<number | null>(null);
  /** Why the controller lets nobody in, or null. */
  readonly refusal = signal<ApiError | null>(null);
  readonly #listeners = new Map<number, Listener>();
  #socket: WebSocket | null = null;
  #nextId = 0;
  #retryMs = retryFirstMs;
  #retryTimer = 0;
  #silenceTimer = 0;

  /** Connects, unless it is known that it would be refused: a browser shows that as an error. */
  async begin(): Promise<void> {
    if (token.value !== "" || !(await asksForToken())) return this.open();
    this.refusal.value = {
      ...{ code: "UNAUTHENTICATED", message: "a token is needed", retryable: false, details: {} },
    };
    this.state.value = "refused";
  }

  /** Connects, or does so again at once. */
  open(): void {
    window.clearTimeout(this.#retryTimer);
    this.#drop();
    const socket = new WebSocket(eventsUrl(), protocols());
    this.#socket = socket;
    socket.addEventListener("open", () => this.#onOpen(socket));
    socket.addEventListener("message", ({ data }) => this.#onMessage(socket, String(data)));
    socket.addEventListener("close", () => this.#onClose(socket));
    this.#listen();
  }

  /** Subscribes; what is returned ends that. */
  subscribe(listener: Listener): () => void {
    const id = this.#nextId++;
    this.#listeners.set(id, listener);
    if (this.state.value === "live") this.#say(subscription(id, listener));
    return () => {
      if (this.#listeners.delete(id) && this.state.value === "live") {
        this.#say({ type: "unsubscribe", id });
      }
    };
  }

  #onOpen(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#retryMs = retryFirstMs;
    this.state.value = "live";
    this.lostSince.value = null;
    this.refusal.value = null;
    for (const id of this.#listeners.keys()) this.#restart(id);
  }

  #restart(id: number): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined || this.state.value !== "live") return;
    listener.onRestart();
    this.#say(subscription(id, listener));
  }

  #onMessage(socket: WebSocket, text: string): void {
    if (socket !== this.#socket) return;
    this.#listen();
    const message: LiveMessage = JSON.parse(text);
    if (message.type === "clock") this.clock.value = message;
    else this.#tell(message);
  }

  #tell(message: Exclude<LiveMessage, ClockMessage>): void {
    const listener = this.#listeners.get(message.id);
    if (listener === undefined) return; // Ended while this was on its way.
    if (message.type === "error") this.#onError(message);
    listener.onMessage(message);
  }

  /** A subscription that was refused is over; one that may be tried again is, after a while. */
  #onError({ id, error }: LiveErrorMessage): void {
    if (error.retryable) window.setTimeout(() => this.#restart(id), retryMaxMs);
    else this.#listeners.delete(id);
  }

  #onClose(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    window.clearTimeout(this.#silenceTimer);
    if (this.lostSince.value === null) this.lostSince.value = Date.now();
    if (this.state.value === "live") this.state.value = "lost";
    void this.#learnWhy();
    this.#retryTimer = window.setTimeout(() => this.open(), this.#retryMs);
    this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2);
  }

  /** A browser does not say why a WebSocket was refused: a call does. */
  async #learnWhy(): Promise<void> {
    try {
      await call("WhoAmI", {});
    } catch (error) {
      if (!(error instanceof CallError) || error.code !== "UNAUTHENTICATED") return;
      const { code, message, retryable } = error;
      this.refusal.value = { code, message, retryable, details: {} };
      this.state.value = "refused";
      window.clearTimeout(this.#retryTimer);
      return;
    }
    this.refusal.value = null;
  }

  #listen(): void {
    window.clearTimeout(this.#silenceTimer);
    this.#silenceTimer = window.setTimeout(() => {
      const socket = this.#socket;
      if (socket === null) return;
      this.#onClose(socket);
      socket.close();
    }, silenceMs);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #say(message: LiveRequest): void {
    this.#socket?.send(JSON.stringify(message));
  }
}

function subscription(id: number, { method, request, at }: Listener): LiveRequest {
  const message = { type: "subscribe", id, method, request } as const;
  return at === null ? message : { ...message, at: /^\d+$/.test(at) ? Number(at) : at };
}

function eventsUrl(): string {
  const url = new URL("/v1/events", window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function protocols(): string[] {
  if (token.value === "") return [liveProtocol];
  const bytes = new TextEncoder().encode(token.value);
  const base64 = btoa(String.fromCharCode(...bytes));
  const base64Url = base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [liveProtocol, `${liveTokenPrefix}${base64Url}`];
}

export const connection = new Connection();
