/**
 * So much at once, and so much a second after that.
 *
 * @module
 */

export class FlowLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #refilledMs = performance.now();

  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** How much of `wanted` may pass now: a whole number, which is gone then. */
  take(wanted: number, nowMs = performance.now()): number {
    const refill = ((nowMs - this.#refilledMs) * this.#perSecond) / 1000;
    this.#refilledMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + refill);
    const taken = Math.min(wanted, Math.floor(this.#left));
    this.#left -= taken;
    return taken;
  }
}
