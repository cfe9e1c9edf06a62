/**
 * One number for all that happened in a run: every event that a kernel took up, with its time and
 * what it is about, every fact and every send. Two runs with the same number did the same.
 *
 * @module
 */

import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import type { Output } from "../controller/outbox.ts";
import type { Message } from "../protocol/messages.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { WorkerStep } from "../worker/step.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Observer } from "./observer.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

const prime = 0x01000193;

export class TraceHash implements Observer {
  #hash = 0x811c9dc5;
  /** FNV-1a of each name that was met. */
  readonly #names = new Map<string, number>();

  /** An unsigned 32-bit number. */
  get value(): number {
    return this.#hash >>> 0;
  }

  onControllerStep(controller: SimulatedController, event: ControllerEvent, output: Output): void {
    this.#name(event.type);
    this.#number(controller.now());
    if ("message" in event) this.#message(event.message);
    for (const fact of output.facts) this.#name(fact.type);
    for (const send of output.sends) this.#send(send);
  }

  onWorkerStep(worker: SimulatedWorker, events: readonly WorkerEvent[], output: WorkerStep): void {
    this.#name(worker.workerId);
    for (const event of events) {
      this.#name(event.type);
      this.#number(event.at);
      if (event.type === "ordered") this.#message(event.message);
      else if ("execution" in event) this.#number(event.execution);
    }
    for (const fact of output.facts) this.#name(fact.type);
    for (const send of output.sends) {
      this.#name(send.type);
      if (send.type === "send-message") this.#message(send.message);
      else if ("execution" in send) this.#number(send.execution);
    }
  }

  onFault(kind: FaultKind, what: string): void {
    this.#name(kind);
    this.#name(what);
  }

  #send(send: ControllerSend): void {
    this.#name(send.type);
    if ("worker" in send) this.#number(send.worker);
    if ("message" in send) this.#message(send.message);
  }

  #message(message: Message): void {
    this.#name(message.type);
    if ("tasks" in message) this.#column(message.tasks);
    if ("attempts" in message) this.#column(message.attempts);
    if ("task" in message) this.#number(message.task);
    if ("attempt" in message) this.#number(message.attempt);
    if ("sequence" in message) this.#number(message.sequence);
  }

  #column(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.#number(values[i]);
  }

  #name(name: string): void {
    let hash = this.#names.get(name);
    if (hash === undefined) {
      hash = prime;
      for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), prime);
      this.#names.set(name, hash);
    }
    this.#hash = Math.imul(this.#hash ^ hash, prime);
  }

  /** All 53 bits of it. */
  #number(value: number): void {
    const high = Math.floor(value / 0x100000000);
    this.#hash = Math.imul(this.#hash ^ (value | 0), prime);
    if (high !== 0) this.#hash = Math.imul(this.#hash ^ high, prime);
  }
}
