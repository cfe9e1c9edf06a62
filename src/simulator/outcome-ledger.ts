/**
 * What the controller owes to clients, by the wire alone: each task that was submitted has an
 * outcome that was told, unless its handle was given up before.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { ClientMessage, ToClientMessage } from "../protocol/messages.ts";
import type { Observer, Traffic } from "./observer.ts";

export class OutcomeLedger implements Observer {
  readonly #owed = new Map<string, Set<number>>();
  /** Client and number of each task whose outcome was told, or whose handle was given up. */
  readonly #settled = new Set<string>();
  /** Tasks of each submit that may still be refused: client and sequence → its numbers. */
  readonly #submits = new Map<string, readonly [first: number, end: number]>();

  onTraffic(traffic: Traffic): void {
    if (traffic.type === "asked") this.#onAsked(traffic.clientId, traffic.message);
    else if (traffic.type === "told") this.#onTold(traffic.clientId, traffic.message);
  }

  /** What a client asks for; it says it again until somebody has heard it. */
  #onAsked(clientId: string, message: ClientMessage): void {
    const owed = this.#owedTo(clientId);
    if (message.type === "close-session") owed.clear();
    if (message.type === "release") this.#settle(clientId, message.tasks);
    if (message.type === "fetch-published") {
      const { sequence, task } = message;
      this.#submits.set(`${clientId} ${sequence}`, [task, task + 1]);
      if (!this.#settled.has(`${clientId} ${task}`)) owed.add(task);
    }
    if (message.type !== "submit") return;
    const end = message.first + message.args.offsets.length - 1;
    this.#submits.set(`${clientId} ${message.sequence}`, [message.first, end]);
    // A submit that is said again owes nothing again.
    const isNew = (number: number) => !this.#settled.has(`${clientId} ${number}`);
    for (let number = message.first; number < end; number++) if (isNew(number)) owed.add(number);
  }

  /** What the controller tells a client. */
  #onTold(clientId: string, message: ToClientMessage): void {
    const owed = this.#owedTo(clientId);
    switch (message.type) {
      case "results":
      case "located":
      case "failures":
        return this.#settle(clientId, message.tasks);
      case "refused": {
        const [first, end] = this.#submits.get(`${clientId} ${message.sequence}`) ?? [0, 0];
        for (let number = first; number < end; number++) owed.delete(number);
        return;
      }
      default: // Progress and addresses.
    }
  }

  /** Nothing moves any more: none of these clients is owed an outcome. */
  atRest(clientIds: readonly string[]): void {
    for (const clientId of clientIds) {
      for (const number of this.#owed.get(clientId) ?? [])
        throw new InvariantError(`every task has an outcome: ${clientId} is owed task ${number}`);
    }
  }

  #settle(clientId: string, numbers: Iterable<number>): void {
    const owed = this.#owedTo(clientId);
    for (const number of numbers) {
      owed.delete(number);
      this.#settled.add(`${clientId} ${number}`);
    }
  }

  #owedTo(clientId: string): Set<number> {
    const known = this.#owed.get(clientId);
    if (known !== undefined) return known;
    const owed = new Set<number>();
    this.#owed.set(clientId, owed);
    return owed;
  }
}
