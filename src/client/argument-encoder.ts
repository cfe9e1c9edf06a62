/**
 * The arguments of one task as bytes, and the futures among them as dependencies.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { encodeArguments } from "../shell/values/value-codec.ts";
import { Future, numberOf, sessionOf } from "./future.ts";
import { futureState } from "./future-table.ts";
import { argumentsBytesMax, dependenciesMax } from "./limits.ts";
import type { Session } from "./session.ts";

/** From here on a repeated future is looked up and not searched for. */
const searchedMax = 16;

export class ArgumentEncoder {
  readonly #session: Session;
  /** Of the last `encode`, in argument order, each once. Overwritten by the next. */
  dependencies: number[] = [];
  #positions: Map<number, number> | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The bytes are good until the next call. `root` names the list in errors. Throws UNSERIALISABLE
   * with the path of what cannot travel, and INVALID_ARGUMENT for what is too much or not ours.
   * `first` goes before the futures among the arguments: the actor of a call.
   */
  encode(args: readonly unknown[], root: string, first?: number): Uint8Array {
    if (first !== undefined) this.#checkHeld(first, "the actor");
    this.dependencies = first === undefined ? [] : [first];
    this.#positions = null;
    if (!Array.isArray(args)) {
      throw new CapstanError("INVALID_ARGUMENT", `${root}: expected the array of arguments`);
    }
    const bytes = encodeArguments(args, { root, onReference: this.#onReference });
    if (bytes.length <= argumentsBytesMax) return bytes;
    const much = `${root}: the arguments are ${bytes.length} bytes`;
    const most = `at most ${argumentsBytesMax} can travel with a call`;
    const instead = "client.scatter brings a large one";
    throw new CapstanError("INVALID_ARGUMENT", `${much}; ${most}: ${instead}`);
  }

  readonly #onReference = (value: object, path: string): number | null =>
    value instanceof Future ? this.#positionOf(value, path) : null;

  #positionOf(future: Future<unknown>, path: string): number {
    if (sessionOf(future) !== this.#session) {
      throw new CapstanError("INVALID_ARGUMENT", `${path}: a future of another client`);
    }
    const number = numberOf(future);
    const known = this.#find(number);
    if (known >= 0) return known;
    this.#checkHeld(number, `${path}: a future that`);
    const position = this.dependencies.push(number) - 1;
    if (position >= dependenciesMax) {
      throw new CapstanError("INVALID_ARGUMENT", `${path}: more than ${dependenciesMax} futures`);
    }
    this.#positions?.set(number, position);
    return position;
  }

  #checkHeld(number: number, what: string): void {
    const state = this.#session.table.state(number);
    if (state !== futureState.released && state !== futureState.lost) return;
    throw new CapstanError("INVALID_ARGUMENT", `${what} was released or lost`);
  }

  #find(number: number): number {
    if (this.dependencies.length < searchedMax) return this.dependencies.indexOf(number);
    this.#positions ??= new Map(this.dependencies.map((dependency, i) => [dependency, i]));
    return this.#positions.get(number) ?? -1;
  }
}
