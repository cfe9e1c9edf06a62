/**
 * The workers that a queue could use now, best first: a heap in which a worker's place is known, so
 * that a change of one worker costs no look at the others.
 *
 * The order is total (score, then the lower index), so what comes first does not depend on the
 * order in which workers came in.
 *
 * @module
 */

export class LineUp {
  /** Position in the change log up to which it is right. */
  seen = -1;
  /** The demand that its scores are about. */
  version = 0;
  /** Reservation → how it stood to the queue when its workers were last looked at for that. */
  readonly stances = new Map<number, number>();
  length = 0;
  /** By place in the heap. */
  #workers = new Uint32Array(0);
  #scores = new Float64Array(0);
  /** Worker → its place in the heap, from 1; 0 for none. */
  #places = new Uint32Array(0);

  /** Takes everybody out. */
  clear(): void {
    for (let i = 0; i < this.length; i++) this.#places[this.#workers[i]] = 0;
    this.length = 0;
  }

  has(worker: number): boolean {
    return worker < this.#places.length && this.#places[worker] > 0;
  }

  /** The best worker; -1 for none. */
  first(): number {
    return this.length === 0 ? -1 : this.#workers[0];
  }

  /** Puts a worker in, or to its new place. */
  set(worker: number, score: number): void {
    if (worker >= this.#places.length) this.#places = enlarged(this.#places, worker + 1);
    const place = this.#places[worker];
    if (place > 0) return this.#settle(place - 1, worker, score);
    if (this.length === this.#workers.length) {
      this.#workers = enlarged(this.#workers, this.length + 1);
      this.#scores = enlarged(this.#scores, this.length + 1);
    }
    this.#settle(this.length++, worker, score);
  }

  remove(worker: number): void {
    if (!this.has(worker)) return;
    const place = this.#places[worker] - 1;
    this.#places[worker] = 0;
    const last = --this.length;
    if (place < last) this.#settle(place, this.#workers[last], this.#scores[last]);
  }

  /** Gives everybody in it a new score. */
  rescore(scoreOf: (worker: number) => number): void {
    for (let place = 0; place < this.length; place++) {
      this.#scores[place] = scoreOf(this.#workers[place]);
    }
    for (let place = (this.length >> 1) - 1; place >= 0; place--) {
      this.#sink(place, this.#workers[place], this.#scores[place]);
    }
  }

  /** What a worker in it was put in with. */
  scoreOf(worker: number): number {
    return this.#scores[this.#places[worker] - 1];
  }

  /** Fills the gap at `place` with a worker: there, or above or below it. */
  #settle(place: number, worker: number, score: number): void {
    let at = place;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#goesBefore(worker, score, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#sink(at, worker, score);
  }

  /** Fills the gap with a worker that nobody above it comes after: there, or below it. */
  #sink(place: number, worker: number, score: number): void {
    let at = place;
    for (let child = this.#bestBelow(at); child < this.length; child = this.#bestBelow(at)) {
      if (this.#goesBefore(worker, score, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#workers[at] = worker;
    this.#scores[at] = score;
    this.#places[worker] = at + 1;
  }

  /** The better of the two places below; past the end if there are none. */
  #bestBelow(at: number): number {
    const left = 2 * at + 1;
    const right = left + 1;
    if (right >= this.length) return left;
    return this.#goesBefore(this.#workers[right], this.#scores[right], left) ? right : left;
  }

  #move(from: number, to: number): void {
    this.#workers[to] = this.#workers[from];
    this.#scores[to] = this.#scores[from];
    this.#places[this.#workers[to]] = to + 1;
  }

  #goesBefore(worker: number, score: number, place: number): boolean {
    const gap = score - this.#scores[place];
    return gap > 0 || (gap === 0 && worker < this.#workers[place]);
  }
}

function enlarged<C extends Uint32Array | Float64Array>(column: C, count: number): C {
  const larger = new (column.constructor as new (length: number) => C)(
    Math.max(16, count, column.length * 2),
  );
  larger.set(column);
  return larger;
}
