/**
 * What is promised of calls of actors, by the wire and the machines alone: each begins at most
 * once, and those that one object takes begin in the order of submission. (An actor may have two
 * for a while: one begins anew when its worker is given up, which may not be gone.)
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { blobAt } from "../base/blobs.ts";
import { type AttemptId, formatAttemptId, type TaskRef } from "../model/ids.ts";
import { partOf } from "../model/spec.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import type { Observer, Traffic } from "./observer.ts";
import { numberIn } from "./simulated-client.ts";

interface OrderedCall {
  readonly task: TaskRef;
  readonly actor: TaskRef;
  /** Its number with its client: later ones are higher. */
  readonly number: number;
}

export class CallLedger implements Observer {
  /** The numbers of specs, by controller: those of calls. */
  readonly #calls = new Set<number>();
  readonly #ordered = new Map<AttemptId, OrderedCall>();
  readonly #begun = new Set<TaskRef>();
  /** By actor and worker. */
  readonly #latest = new Map<string, number>();

  onTraffic(traffic: Traffic): void {
    if (traffic.type === "started") return this.#onStarted(traffic.attempt, traffic.workerId);
    if (traffic.type !== "ordered") return;
    const { message } = traffic;
    if (message.type === "define-spec") {
      if (partOf(message.definition.run) === "call") this.#calls.add(message.spec);
    } else if (message.type === "compute") this.#onCompute(message);
  }

  #onCompute(message: HotMessageOf<"compute">): void {
    let input = 0;
    for (let i = 0; i < message.attempts.length; i++) {
      const first = input;
      input += message.inputCounts.length === 0 ? 0 : message.inputCounts[i];
      if (!this.#calls.has(message.specs[i])) continue;
      const actor = message.inputTasks[first];
      const number = numberIn(blobAt(message.args, i));
      this.#ordered.set(message.attempts[i], { task: message.tasks[i], actor, number });
    }
  }

  #onStarted(attempt: AttemptId, workerId: string): void {
    const call = this.#ordered.get(attempt);
    if (call === undefined) return;
    if (this.#begun.has(call.task)) fail("no call begins twice", attempt);
    this.#begun.add(call.task);
    const object = `${call.actor} ${workerId}`;
    const before = this.#latest.get(object) ?? -1;
    if (call.number <= before) fail("calls begin in the order of submission", attempt);
    this.#latest.set(object, call.number);
  }
}

function fail(rule: string, attempt: AttemptId): never {
  throw new InvariantError(rule, [formatAttemptId(attempt)]);
}
