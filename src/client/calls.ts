/**
 * Calls of API methods over the stream. A call that was not sent yet waits for the connection. One
 * whose answer was lost with its connection is sent again if it changes nothing; else it rejects,
 * because it may have been carried out.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { ApiReply } from "../protocol/messages.ts";
import type { Connection } from "./connection.ts";
import { rebuildRefusal } from "./task-error.ts";
import type { WaitClock } from "./wait-clock.ts";

interface OpenCall {
  readonly method: string;
  readonly request: unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  isSent: boolean;
}

/** Whether a method only looks, so that it may be called twice; by the naming of the API. */
function changesNothing(method: string): boolean {
  return /^(Get|List|Explain|Fetch|WhoAmI)/.test(method);
}

export class Calls {
  readonly #connection: Connection;
  readonly #clock: WaitClock;
  readonly #open = new Map<number, OpenCall>();
  #lastId = 0;

  constructor(connection: Connection, clock: WaitClock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** With a signal it rejects with the signal's reason; the controller is not told. */
  call(method: string, request: unknown, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = { method, request, resolve, reject, isSent: false };
    this.#open.set(id, call);
    this.#send(id, call);
    const answer = this.#awaited(promise, id, method);
    return signal === undefined ? answer : this.#unlessAborted(answer, id, signal);
  }

  async #awaited(answer: Promise<unknown>, id: number, method: string): Promise<unknown> {
    const fail = (error: unknown): void => this.#giveUp(id, error);
    const stopWaiting = this.#clock.waits({ describe: () => `the answer of ${method}`, fail });
    try {
      return await answer;
    } finally {
      stopWaiting();
    }
  }

  async #unlessAborted(
    answer: Promise<unknown>,
    id: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const onAbort = (): void => this.#giveUp(id, signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await answer;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #giveUp(id: number, reason: unknown): void {
    const call = this.#open.get(id);
    this.#open.delete(id);
    call?.reject(reason);
  }

  onReply({ id, result, error }: ApiReply): void {
    const call = this.#open.get(id);
    if (call === undefined) return; // Its connection was lost or it was given up: it was rejected.
    this.#open.delete(id);
    if (error === null) call.resolve(result);
    else call.reject(rebuildRefusal(error));
  }

  onConnected(): void {
    for (const [id, call] of this.#open) this.#send(id, call);
  }

  onLost(): void {
    for (const [id, call] of this.#open) {
      if (!call.isSent) continue;
      if (changesNothing(call.method)) {
        call.isSent = false;
        continue;
      }
      this.#open.delete(id);
      const message = `The connection was lost before ${call.method} was answered.`;
      call.reject(new CapstanError("UNREACHABLE", message));
    }
  }

  close(error: CapstanError): void {
    for (const call of this.#open.values()) call.reject(error);
    this.#open.clear();
  }

  #send(id: number, call: OpenCall): void {
    if (!this.#connection.isUp || call.isSent) return;
    call.isSent = true;
    const { method, request } = call;
    try {
      this.#connection.send({ type: "call", id, method, request });
    } catch (error) {
      // Too large, or not serialisable: nobody else's concern.
      this.#open.delete(id);
      call.reject(error);
    }
  }
}
