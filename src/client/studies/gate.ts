/**
 * Lets so many in at a time, with so many bytes together; others wait in line. One is always let
 * in, however large.
 *
 * @module
 */

interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

export class Gate {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #line: Waiter[] = [];
  #count = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  /** Resolves when it is its turn. Every one that entered must `leave` with the same bytes. */
  enter(bytes: number): Promise<void> {
    return new Promise((enter) => {
      this.#line.push({ bytes, enter });
      this.#admit();
    });
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#admit();
  }

  #admit(): void {
    while (this.#line.length > 0) {
      const [{ bytes, enter }] = this.#line;
      const isFull = this.#count >= this.#countMax || this.#bytes + bytes > this.#bytesMax;
      if (isFull && this.#count > 0) return;
      this.#line.shift();
      this.#count++;
      this.#bytes += bytes;
      enter();
    }
  }
}
