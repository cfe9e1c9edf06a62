/**
 * What the controller said of locks, by the wire alone: no token is given to two requests, whatever
 * died in between; and who was told that a lock is lost is not told later that it is held.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { Observer, Traffic } from "./observer.ts";

export class LockLedger implements Observer {
  /** Token → the client and its request. */
  readonly #owners = new Map<number, string>();
  readonly #lost = new Set<string>();

  onTraffic(traffic: Traffic): void {
    if (traffic.type !== "told") return;
    const { clientId, message } = traffic;
    if (message.type === "lock-lost") this.#lost.add(`${clientId} ${message.lock}`);
    if (message.type !== "lock-granted") return;
    const request = `${clientId} ${message.lock}`;
    const owner = this.#owners.get(message.token) ?? request;
    if (owner !== request) {
      throw new InvariantError(`a token is given once: ${message.token} to ${owner}, ${request}`);
    }
    this.#owners.set(message.token, request);
    if (this.#lost.has(request)) {
      throw new InvariantError(`what is lost is not held again: ${request}`);
    }
  }
}
