/**
 * What is on its way into the store of a simulated worker: values that clients bring, and those
 * that it fetches from others.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import type { TaskRef } from "../model/ids.ts";
import type { WorkerEvent, WorkerSend } from "../worker/events.ts";
import type { SimulatedValue } from "./behaviour.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";
import { type FetchPeer, fetchFrom, travelUs } from "./simulated-fetch.ts";
import type { Timeline } from "./timeline.ts";

type StartFetch = Extract<WorkerSend, { type: "start-fetch" }>;

/** What the arrivals of a worker need of it. */
export interface ArrivalSurroundings {
  readonly workerId: string;
  readonly timeline: Timeline;
  readonly draws: Draws;
  readonly faults: Faults;
  readonly observer: Required<Observer>;
  /** The worker at this place of the controller's table, if it lives. */
  readonly peerAt: (index: number) => FetchPeer | null;
  /** What happens later, while the worker lives; null for nothing. */
  readonly later: (delayUs: number, event: () => WorkerEvent | null) => void;
}

export class SimulatedArrivals {
  readonly #around: ArrivalSurroundings;
  readonly #uploads = new Map<number, SimulatedValue>();
  readonly #fetched = new Map<number, Map<TaskRef, SimulatedValue>>();
  #nextUpload = 0;

  constructor(around: ArrivalSurroundings) {
    this.#around = around;
  }

  /** A client brings a value: what the kernel hears of it. */
  bring(task: TaskRef, value: SimulatedValue): WorkerEvent {
    const upload = this.#nextUpload++;
    this.#uploads.set(upload, value);
    return { type: "value-brought", at: 0, upload, task, sizeBytes: value.sizeBytes };
  }

  takeUpload(upload: number): SimulatedValue {
    const value = present(this.#uploads.get(upload), "only what a client brought is stored");
    this.#uploads.delete(upload);
    return value;
  }

  discardUpload(upload: number): void {
    this.#uploads.delete(upload);
  }

  startFetch({ transfer, peer: index, tasks }: StartFetch): void {
    const { timeline, draws, faults, observer, workerId, peerAt, later } = this.#around;
    this.#fetched.set(transfer, new Map());
    const fails = peerAt(index)?.mishaps.failsFetch() ?? false;
    const lagUs = 100 + draws.below(Math.max(2_000, faults.fetchUsMax));
    later(lagUs + travelUs(peerAt(index), tasks), () => {
      const kept = this.#fetched.get(transfer);
      if (kept === undefined) return null; // Aborted.
      if (fails) return { type: "fetch-failed", at: 0, transfer };
      const peer = peerAt(index);
      if (peer !== null && peer.mishaps.busyUntil > timeline.now)
        return { type: "fetch-busy", at: 0, transfer };
      const around = { draws, faults, observer, workerId, kept };
      return fetchFrom(peer, { transfer, tasks }, around);
    });
  }

  abort(transfer: number): void {
    this.#fetched.delete(transfer);
  }

  fetched(transfer: number, task: TaskRef): SimulatedValue {
    const value = this.#fetched.get(transfer)?.get(task);
    return present(value, "only what a transfer brought is stored");
  }

  discardFetched(transfer: number, task: TaskRef): void {
    this.#fetched.get(transfer)?.delete(task);
  }
}
