/**
 * The faults of `capstan demo chaos`: processes that are killed (-9) at random moments, and how
 * long it takes until what they did is done again.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Prng } from "../../base/prng.ts";
import { CapstanError } from "../../model/errors.ts";
import type { WorkerView } from "../responses.ts";
import { type DemoCluster, lookUntil, placeOf } from "./demo-cluster.ts";
import { chaosPauseMsMax, chaosPauseMsMin } from "./limits.ts";

/** What is killed: the process of a worker, all of its host, or the controller. */
export type ChaosVictim = "agent" | "host" | "controller";

/** One kill. */
export interface ChaosKill {
  readonly victim: ChaosVictim;
  /** Until another process did its work; null as long as none does. */
  recoveredMs: number | null;
}

const deck: readonly ChaosVictim[] = ["agent", "agent", "host", "host", "controller"];

export class ChaosFaults {
  readonly kills: ChaosKill[] = [];
  readonly #cluster: DemoCluster;
  readonly #random: Prng;
  readonly #recoveries = new Set<Promise<void>>();
  readonly #down = new Set<number>();
  readonly #stopping = new AbortController();
  #deck: ChaosVictim[] = [];

  constructor(cluster: DemoCluster, random: Prng) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Kills until `stop`. Resolves when everything has recovered, or has not within patience. */
  async run(): Promise<void> {
    while (await this.#waitForNext()) await this.#killSomething();
    await Promise.all(this.#recoveries);
  }

  stop(): void {
    this.#stopping.abort();
  }

  countOf(victim: ChaosVictim): number {
    return this.kills.filter((kill) => kill.victim === victim).length;
  }

  /** The longest recovery from a kill of these, in milliseconds; 0 if there was none. */
  slowestOf(victim: ChaosVictim): number {
    const kills = this.kills.filter((kill) => kill.victim === victim);
    return Math.max(0, ...kills.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY));
  }

  async #waitForNext(): Promise<boolean> {
    const { signal } = this.#stopping;
    const ms = chaosPauseMsMin + this.#random.below(chaosPauseMsMax - chaosPauseMsMin);
    await pause(ms, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  async #killSomething(): Promise<void> {
    const victim = this.#draw();
    if (victim === "controller") return this.#killController();
    const count = this.#cluster.processes.workers.length;
    const places = Array.from({ length: count }, (_, place) => place);
    const up = places.filter((place) => !this.#down.has(place));
    if (up.length > 0) await this.#killWorker(victim, this.#random.pick(up));
  }

  /** From a deck, so that a short run has some of each. */
  #draw(): ChaosVictim {
    if (this.#deck.length === 0) this.#deck = [...deck];
    return this.#deck.splice(this.#random.below(this.#deck.length), 1)[0];
  }

  async #killWorker(victim: "agent" | "host", place: number): Promise<void> {
    const { processes } = this.#cluster;
    const before = processes.workers[place].incarnation;
    const kill = this.#begin(victim);
    const startedAt = performance.now();
    this.#down.add(place);
    if (victim === "host") await processes.killHost(place);
    else await processes.killWorker(place);
    const recovery = this.#untilReplaced(place, before).then((isReplaced) => {
      if (!isReplaced) return;
      kill.recoveredMs = performance.now() - startedAt;
      this.#down.delete(place);
      this.#recoveries.delete(recovery);
    });
    this.#recoveries.add(recovery);
  }

  async #killController(): Promise<void> {
    const kill = this.#begin("controller");
    const startedAt = performance.now();
    await this.#cluster.processes.killController();
    await this.#cluster.processes.startController();
    await this.#cluster.call("GetClusterInfo", {});
    kill.recoveredMs = performance.now() - startedAt;
  }

  #begin(victim: ChaosVictim): ChaosKill {
    const kill: ChaosKill = { victim, recoveredMs: null };
    this.kills.push(kill);
    return kill;
  }

  /** Whether another incarnation has its place, and takes work. */
  async #untilReplaced(place: number, before: string): Promise<boolean> {
    const isReplaced = (workers: readonly WorkerView[]) =>
      workers.some(
        ({ workerId, incarnation, state }) =>
          placeOf(workerId) === place && incarnation !== before && state === "HEALTHY",
      );
    return isReplaced(await lookUntil(() => this.#workersIfUp(), isReplaced));
  }

  /** None while the controller is down. */
  async #workersIfUp(): Promise<readonly WorkerView[]> {
    try {
      return await this.#cluster.workers();
    } catch (error) {
      if (error instanceof CapstanError && error.retryable) return [];
      throw error;
    }
  }
}
