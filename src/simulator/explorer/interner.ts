/**
 * Small numbers for what is met again and again: messages, frames, queues, events.
 *
 * @module
 */

/** A readable text of plain data and typed arrays: equal data, equal text. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) =>
    ArrayBuffer.isView(item) ? [...(item as Uint8Array)] : item,
  );
}

/** Value ↔ number, from 0, in the order of first arrival. */
export class Interner<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  intern(value: T, text = textOf(value)): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#values.length);
    this.#values.push(value);
    return this.#values.length - 1;
  }

  at(number: number): T {
    return this.#values[number];
  }
}

/** First-in-first-out queues of numbers; 0 is the empty one. Equal content, equal number. */
export class Queues {
  readonly #interner = new Interner<readonly number[]>();
  readonly #pushed = new Map<number, number>();
  readonly #shifted: number[] = [];

  constructor() {
    this.#interner.intern([], "");
  }

  items(queue: number): readonly number[] {
    return this.#interner.at(queue);
  }

  head(queue: number): number {
    return this.#interner.at(queue)[0];
  }

  push(queue: number, item: number): number {
    const edge = queue * 0x4000000 + item;
    let next = this.#pushed.get(edge);
    if (next === undefined) {
      next = this.#number([...this.#interner.at(queue), item]);
      this.#pushed.set(edge, next);
    }
    return next;
  }

  /** Without its head. */
  shift(queue: number): number {
    this.#shifted[queue] ??= this.#number(this.#interner.at(queue).slice(1));
    return this.#shifted[queue];
  }

  /** Only its first `count` items. */
  keep(queue: number, count: number): number {
    return this.#number(this.#interner.at(queue).slice(0, count));
  }

  #number(items: readonly number[]): number {
    return this.#interner.intern(items, items.join());
  }
}
