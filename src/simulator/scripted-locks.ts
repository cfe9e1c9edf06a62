/**
 * The locks of a client of a script, by name. It renews a lease when the script says so, and not
 * otherwise: a client that is silent is one that stands still.
 *
 * @module
 */

import type { LockGranted, LockLost } from "../protocol/shared-messages.ts";

/** `waits` also before the controller has answered. */
export type LockState = "waits" | "holds" | "lost";

interface LockOfClient {
  readonly number: number;
  state: LockState;
  token: number;
}

export class ScriptedLocks {
  readonly #byName = new Map<string, LockOfClient>();
  #last = 0;

  /** A request for the lock of that name, by its number; what was lost may be asked for anew. */
  ask(name: string): number {
    const number = ++this.#last;
    this.#byName.set(name, { number, state: "waits", token: 0 });
    return number;
  }

  /** Its number; undefined for what was not asked for, or was given back. */
  numberOf(name: string): number | undefined {
    return this.#byName.get(name)?.number;
  }

  stateOf(name: string): LockState | "nothing" {
    return this.#byName.get(name)?.state ?? "nothing";
  }

  tokenOf(name: string): number {
    return this.#byName.get(name)?.token ?? 0;
  }

  giveBack(name: string): void {
    this.#byName.delete(name);
  }

  /** The numbers of those that it waits for or takes for its own. */
  get open(): number[] {
    return [...this.#byName.values()]
      .filter(({ state }) => state !== "lost")
      .map(({ number }) => number);
  }

  receive(message: LockGranted | LockLost): void {
    const known = [...this.#byName.values()].find(({ number }) => number === message.lock);
    if (known === undefined) return; // It was given back meanwhile.
    if (message.type === "lock-lost") known.state = "lost";
    else Object.assign(known, { state: "holds", token: message.token });
  }

  clear(): void {
    this.#byName.clear();
  }
}
