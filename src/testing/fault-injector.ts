/**
 * Faults that happen by themselves, as the seed draws them. They pause while nothing makes
 * progress, so that a cluster that stands still can be told from one that is kept busy by faults.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";
import { type FaultKind, type FaultRates, faultKinds } from "./fault-options.ts";
import { faultPauseUs } from "./limits.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a fault does, and what undoes it. */
export interface Faulty {
  readonly liveWorkerIds: readonly string[];
  readonly clientIds: readonly string[];
  readonly isControllerUp: boolean;
  killWorker(workerId: string): void;
  startWorker(workerId: string): void;
  partition(workerId: string): void;
  heal(workerId: string): void;
  dropWorker(workerId: string): void;
  dropClient(clientId: string): void;
  killController(): void;
  startController(): void;
}

const minuteUs = 60_000_000;
const controllerAwayUsMax = 10_000_000;

export class FaultInjector {
  readonly #time: VirtualTime;
  readonly #prng: Prng;
  readonly #rates: FaultRates;
  readonly #faulty: Faulty;
  readonly #paused = new Set<FaultKind>();
  #progressAt: number;
  #workerLosses = 0;
  /** How many have happened. */
  count = 0;

  constructor(time: VirtualTime, prng: Prng, rates: FaultRates, faulty: Faulty) {
    this.#time = time;
    this.#prng = prng;
    this.#rates = rates;
    this.#faulty = faulty;
    this.#progressAt = time.now;
    for (const kind of faultKinds) this.#arm(kind);
  }

  /** Something was begun or said: what was paused goes on. */
  progress(): void {
    this.#progressAt = this.#time.now;
    const paused = [...this.#paused];
    this.#paused.clear();
    for (const kind of paused) this.#arm(kind);
  }

  /** Evenly from 0 to twice the mean. */
  #arm(kind: FaultKind): void {
    const meanUs = this.#rates[kind];
    if (meanUs === Number.POSITIVE_INFINITY) return;
    this.#time.afterIdly(this.#prng.below(2 * meanUs), () => {
      if (this.#time.now - this.#progressAt > faultPauseUs) {
        this.#paused.add(kind);
        return;
      }
      this.#inject(kind);
      this.#arm(kind);
    });
  }

  #inject(kind: FaultKind): void {
    const { liveWorkerIds, clientIds, isControllerUp } = this.#faulty;
    if (kind === "controllerCrash") {
      if (isControllerUp) this.#crashController();
    } else if (kind === "connectionLoss" && clientIds.length > 0 && this.#prng.chance(0.3)) {
      this.#faulty.dropClient(this.#prng.pick(clientIds));
    } else if (liveWorkerIds.length > 0) this.#disturb(kind, this.#prng.pick(liveWorkerIds));
    else return;
    this.count++;
  }

  #crashController(): void {
    this.#faulty.killController();
    this.#time.after(this.#prng.below(controllerAwayUsMax), () => this.#faulty.startController());
  }

  #disturb(kind: FaultKind, workerId: string): void {
    const backUs = this.#prng.below(minuteUs);
    if (kind === "connectionLoss") return this.#faulty.dropWorker(workerId);
    if (this.#workerLosses++ >= this.#rates.workerLossesMax) return;
    if (kind === "partition") {
      this.#faulty.partition(workerId);
      this.#time.after(backUs, () => this.#faulty.heal(workerId));
      return;
    }
    this.#faulty.killWorker(workerId);
    this.#time.after(backUs, () => this.#faulty.startWorker(workerId));
  }
}
