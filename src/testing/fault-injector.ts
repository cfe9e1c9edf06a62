/**
 * Faults that happen by themselves, as the seed draws them. They pause while nothing makes
 * progress, so that a cluster that stands still can be told from one that is kept busy by faults.
 *
 * @module
 */

import type { Draws } from "../simulator/draws.ts";
import { type FaultKind, type FaultRates, faultKinds } from "./fault-options.ts";
import { faultPauseUs } from "./limits.ts";
import type { Outages } from "./outages.ts";
import type { VirtualTime } from "./virtual-time.ts";

const minuteUs = 60_000_000;
const controllerAwayUsMax = 10_000_000;

export class FaultInjector {
  readonly #time: VirtualTime;
  readonly #draws: Draws;
  readonly #rates: FaultRates;
  readonly #outages: Outages;
  readonly #paused = new Set<FaultKind>();
  #progressAt: number;
  #workerLosses = 0;
  /** How many have happened. */
  count = 0;

  constructor(time: VirtualTime, draws: Draws, rates: FaultRates, outages: Outages) {
    this.#time = time;
    this.#draws = draws;
    this.#rates = rates;
    this.#outages = outages;
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
    this.#time.afterIdly(this.#draws.below(2 * meanUs), () => {
      if (this.#time.now - this.#progressAt > faultPauseUs) {
        this.#paused.add(kind);
        return;
      }
      this.#inject(kind);
      this.#arm(kind);
    });
  }

  #inject(kind: FaultKind): void {
    const { liveWorkerIds, clientIds, isControllerUp } = this.#outages;
    if (kind === "controllerCrash") {
      if (isControllerUp) this.#crashController();
    } else if (kind === "connectionLoss" && clientIds.length > 0 && this.#draws.chance(0.3)) {
      this.#outages.dropClient(this.#draws.pick(clientIds));
    } else if (liveWorkerIds.length > 0) this.#disturb(kind, this.#draws.pick(liveWorkerIds));
    else return;
    this.count++;
  }

  #crashController(): void {
    this.#outages.killController();
    this.#time.after(this.#draws.below(controllerAwayUsMax), () => this.#outages.startController());
  }

  #disturb(kind: FaultKind, workerId: string): void {
    const backUs = this.#draws.below(minuteUs);
    if (kind === "connectionLoss") return this.#outages.dropWorker(workerId);
    if (this.#workerLosses++ >= this.#rates.workerLossesMax) return;
    if (kind === "partition") {
      this.#outages.partition(workerId, backUs);
      return;
    }
    this.#outages.killWorker(workerId);
    this.#time.after(backUs, () => this.#outages.startWorker(workerId));
  }
}
