/**
 * All states that one kind of node was ever in, each once, with what each event makes of it.
 *
 * A cluster's state is a tuple of node states, and the same node state is met in very many tuples:
 * so a kernel takes each step once, and a tuple is a few numbers. The invariants of a node are
 * checked once per state of it, which is the same as checking them on every tuple.
 *
 * Only recently used states are kept as objects; any other is made again from its nearest kept
 * ancestor, by the events that first led to it.
 *
 * @module
 */

import { assert, InvariantError } from "../../base/assert.ts";
import { Copier } from "./copy.ts";
import { StateHash } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import { Interner } from "./interner.ts";

/** What the explorer must know of a kind of node. */
export interface NodeKind<State, Event, Out, View> {
  /** Whether the records of a state refer to each other, also in circles. */
  readonly isGraph: boolean;
  /** Takes one event, writing into `state`, and says what leaves. Throws what it finds broken. */
  step(state: State, event: Event): readonly Out[];
  /** Throws InvariantError if a rule does not hold. */
  check(state: State): void;
  /** What moves are chosen by. */
  view(state: State): View;
}

/** What an event made of a state. */
export interface Transition<Out> {
  readonly next: number;
  readonly outs: readonly Out[];
  /** Why the run ends here: the rule that broke; null while all is well. */
  readonly broken: string | null;
}

const keptStatesMax = 15_000;

export class Pool<State extends object, Event, Out, View> {
  readonly #kind: NodeKind<State, Event, Out, View>;
  readonly #events = new Interner<Event>();
  readonly #table = new HashTable();
  readonly #parents: number[] = [];
  readonly #causes: number[] = [];
  readonly #views: View[] = [];
  readonly #transitions = new Map<number, Transition<Out>>();
  readonly #kept = new Map<number, State>();
  readonly #roots = new Map<number, State>();

  constructor(kind: NodeKind<State, Event, Out, View>) {
    this.#kind = kind;
  }

  get size(): number {
    return this.#table.size;
  }

  get transitionCount(): number {
    return this.#transitions.size;
  }

  /** Takes in a state that no event led to. */
  root(state: State): number {
    const id = this.#intern(state, -1, -1);
    this.#roots.set(id, state);
    return id;
  }

  view(id: number): View {
    return this.#views[id];
  }

  /** The number of an event; `text` names it among the events of this kind of node. */
  event(event: Event, text: string): number {
    return this.#events.intern(event, text);
  }

  step(id: number, event: number): Transition<Out> {
    const edge = id * 0x400000 + event;
    let transition = this.#transitions.get(edge);
    if (transition === undefined) {
      transition = this.#stepAnew(id, event);
      this.#transitions.set(edge, transition);
    }
    return transition;
  }

  /** The state itself; not to be written. */
  state(id: number): State {
    const kept = this.#kept.get(id) ?? this.#roots.get(id);
    if (kept !== undefined) return kept;
    const path: number[] = [];
    let from = id;
    while (!this.#kept.has(from) && !this.#roots.has(from)) {
      path.push(from);
      from = this.#parents[from];
    }
    const state = new Copier().copy(this.state(from));
    for (const step of path.reverse()) {
      this.#kind.step(state, this.#events.at(this.#causes[step]));
    }
    this.#keep(id, state);
    return state;
  }

  /** Throws unless every state that is kept is still the one that was met: nobody wrote into it. */
  checkNothingWasWritten(): void {
    for (const [id, state] of this.#kept) {
      const hash = new StateHash(this.#kind.isGraph);
      hash.value(state);
      assert(this.#table.add(hash.low, hash.high) === id, "a state that was met was written into");
    }
  }

  #stepAnew(id: number, event: number): Transition<Out> {
    const state = new Copier().copy(this.state(id));
    try {
      const outs = this.#kind.step(state, this.#events.at(event));
      return { next: this.#intern(state, id, event), outs, broken: null };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const broken = error instanceof InvariantError ? error.message : String(error.stack);
      return { next: id, outs: [], broken };
    }
  }

  #intern(state: State, parent: number, cause: number): number {
    const hash = new StateHash(this.#kind.isGraph);
    hash.value(state);
    const known = this.#table.add(hash.low, hash.high);
    if (known >= 0) return known;
    const id = this.#table.size - 1;
    this.#parents[id] = parent;
    this.#causes[id] = cause;
    this.#views[id] = this.#kind.view(state);
    this.#keep(id, state);
    this.#kind.check(state);
    return id;
  }

  #keep(id: number, state: State): void {
    this.#kept.set(id, state);
    if (this.#kept.size <= keptStatesMax) return;
    const [oldest] = this.#kept.keys();
    this.#kept.delete(oldest);
  }
}
