/**
 * The controller of a simulated cluster: the real kernel, a journal in memory that loses what was
 * not synced, and the real calls of the API.
 *
 * What it sends leaves only when the facts before it are durable.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";
import type { Micros } from "../base/time.ts";
import { apply } from "../controller/apply.ts";
import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import type { DurableFact } from "../controller/facts.ts";
import { type ControllerState, newControllerState } from "../controller/state.ts";
import { ApiCalls } from "../shell/controller-process/api-calls.ts";
import { controllerKernel } from "../shell/controller-process/controller-kernel.ts";
import { apiContextOf } from "./api-context.ts";
import type { VirtualLogs } from "./virtual-logs.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Who carries out what the kernel orders. */
export interface Peers {
  deliver(send: Exclude<ControllerSend, { type: "reply-to-call" }>): void;
  /** All that may leave now was delivered. */
  flush(): void;
}

interface Unsynced {
  readonly facts: readonly DurableFact[];
  readonly after: (() => void)[];
}

export class VirtualController {
  readonly clusterId = "simulated";
  readonly time: VirtualTime;
  state: ControllerState = newControllerState();
  epoch = 0;
  isUp = false;
  /** When anything was decided last. */
  decidedAt: Micros = 0;
  calls: ApiCalls;
  readonly #prng: Prng;
  readonly #syncUsMax: number;
  readonly #logs: VirtualLogs;
  readonly #journal: DurableFact[] = [];
  #peers: Peers | null = null;
  #unsynced: Unsynced[] = [];
  #isSyncing = false;
  #timerAt: Micros = Number.POSITIVE_INFINITY;

  constructor(time: VirtualTime, prng: Prng, syncUsMax: number, logs: VirtualLogs) {
    this.time = time;
    this.#prng = prng;
    this.#syncUsMax = syncUsMax;
    this.#logs = logs;
    this.calls = new ApiCalls(apiContextOf(this, logs));
  }

  get journalSequence(): number {
    return this.#journal.length;
  }

  start(peers: Peers): void {
    this.#peers = peers;
    this.epoch++;
    this.state = newControllerState();
    for (const fact of this.#journal) apply(this.state, fact);
    this.calls = new ApiCalls(apiContextOf(this, this.#logs));
    this.isUp = true;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.take({ type: "controller-started", at: this.time.now, epoch: this.epoch });
  }

  /** Ends at once: what was not synced never happened, and nobody heard of it. */
  crash(): void {
    this.isUp = false;
    this.#unsynced = [];
    this.#isSyncing = false;
    this.time.stir();
  }

  /** Steps the kernel; `first` is done before its sends, when they may leave. */
  take(event: ControllerEvent, first?: () => void): void {
    const { facts, sends } = controllerKernel.step(this.state, event);
    const durable = facts.filter(controllerKernel.isDurable) as DurableFact[];
    if (durable.length > 0 || sends.length > 0) this.decidedAt = this.time.now;
    const go = (): void => {
      first?.();
      for (const send of sends) this.#deliver(send);
      this.#peers?.flush();
    };
    if (durable.length > 0) this.#unsynced.push({ facts: durable, after: [go] });
    else if (sends.length > 0 || first !== undefined) this.afterSync(go);
    this.#sync();
    this.#arm();
  }

  /** When all that was decided so far is durable. */
  afterSync(act: () => void): void {
    const last = this.#unsynced.at(-1);
    if (last === undefined) act();
    else last.after.push(act);
  }

  /** When the kernel has something to do, silence aside; infinity for never. */
  nextDeadline(): Micros {
    if (!this.isUp) return Number.POSITIVE_INFINITY;
    const withoutSilence = { ...this.state, nextSilenceCheckAt: Number.POSITIVE_INFINITY };
    return controllerKernel.nextDeadline(withoutSilence) ?? Number.POSITIVE_INFINITY;
  }

  #deliver(send: ControllerSend): void {
    if (send.type === "reply-to-call") this.calls.deliver(send, this.journalSequence);
    else this.#peers?.deliver(send);
  }

  #sync(): void {
    if (this.#isSyncing || this.#unsynced.length === 0) return;
    this.#isSyncing = true;
    const { epoch } = this;
    this.time.afterIdly(this.#prng.below(this.#syncUsMax), () => {
      if (!this.isUp || epoch !== this.epoch) return;
      this.#isSyncing = false;
      const synced = this.#unsynced;
      this.#unsynced = [];
      for (const { facts } of synced) for (const fact of facts) this.#journal.push(fact);
      for (const { after } of synced) for (const act of after) act();
      this.#sync();
    });
  }

  #arm(): void {
    const due = controllerKernel.nextDeadline(this.state);
    if (due === null || due >= this.#timerAt) return;
    this.#timerAt = due;
    const { epoch } = this;
    this.time.afterIdly(due - this.time.now, () => {
      if (!this.isUp || epoch !== this.epoch || this.#timerAt !== due) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.take({ type: "tick", at: this.time.now });
    });
  }
}
