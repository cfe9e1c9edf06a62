/**
 * A controller that orders at random and keeps its own book: which attempts are open, which hold a
 * grant, and what was answered. It never orders what its own rules forbid, but it may be late.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Prng } from "../../src/base/prng.ts";
import type {
  AttemptMeasured,
  AttemptPrepared,
  ToWorkerMessage,
  WorkerMessage,
} from "../../src/protocol/messages.ts";
import {
  aboutAttempts,
  aMember,
  compute,
  copy,
  forgetHaving,
  ownIndex,
  type Row,
  rowsOf,
  sources,
  startGang,
  uncopy,
} from "./builders.ts";

interface Attempt {
  readonly attempt: number;
  readonly task: number;
  granted: boolean;
}

const terminalKinds: readonly string[] = ["finished", "handedBack", "abandoned"];

export class FakeController {
  readonly open = new Map<number, Attempt>();
  readonly answers = new Map<number, string>();
  /** Tasks whose record may live at the worker. */
  readonly mentioned = new Set<number>();
  readonly asked = new Set<number>();
  /** Tasks of which a copy was ordered and not answered. */
  readonly copies = new Set<number>();
  /** Attempts of gangs that wait for their start, with their tasks. */
  readonly prepared = new Map<number, number>();
  applied = 0;
  received = 0;
  leaving = false;
  /** It was asked to have the worker's values copied. */
  emptying = false;
  readonly #prng: Prng;
  readonly #grantsMax: number;
  readonly #specs: number;
  readonly #measured = new Set<number>();
  #nextAttempt = 1;

  /** Task `t` has spec `1 + t % specs`. It gives out at most `grantsMax` grants. */
  constructor(prng: Prng, grantsMax: number, specs: number) {
    this.#prng = prng;
    this.#grantsMax = grantsMax;
    this.#specs = specs;
  }

  /** An attempt of an earlier agent, which a new one took over. */
  knows(task: number): number {
    const attempt = this.#nextAttempt++;
    this.open.set(attempt, { attempt, task, granted: true });
    this.mentioned.add(task);
    return attempt;
  }

  connected(): void {
    this.received = -1; // The inventory is not counted.
    this.asked.clear();
    this.copies.clear();
    this.prepared.clear();
  }

  receive(message: WorkerMessage): void {
    this.received++;
    if (message.type === "attempt-failed") {
      return this.#end(message.attempt, message.successor, message.cause);
    }
    if (message.type === "emptying") this.emptying = true;
    if (message.type === "leaving") this.leaving = true;
    if (message.type === "attempt-prepared") this.#receivePrepared(message);
    if (message.type === "attempt-measured") this.#receiveMeasured(message);
    if (message.type === "heartbeat") assert.equal(message.sent, this.received - 1);
    if (message.type === "reports") for (const row of rowsOf(message)) this.#receiveRow(row);
  }

  #receivePrepared({ attempt, task, member }: AttemptPrepared): void {
    assert.equal(member.host, `host of ${attempt}`);
    if (this.open.has(attempt)) this.prepared.set(attempt, task);
  }

  /** Once more after a reconnect; but the first time the attempt has not been answered. */
  #receiveMeasured({ attempt }: AttemptMeasured): void {
    const first = !this.#measured.has(attempt);
    assert.ok(!first || !this.answers.has(attempt), `${attempt} is measured before its answer`);
    this.#measured.add(attempt);
  }

  get measured(): number {
    return this.#measured.size;
  }

  #receiveRow(row: Row): void {
    if (row.kind === "needsSources") this.asked.add(row.task);
    if (row.kind === "have" || row.kind === "notCopied") this.copies.delete(row.task);
    if (terminalKinds.includes(row.kind)) this.#end(row.attempt, row.successor, row.kind);
  }

  #end(attempt: number, successor: number, how: string): void {
    const before = this.answers.get(attempt);
    assert.ok(before === undefined || before === how, `attempt ${attempt} is answered one way`);
    this.answers.set(attempt, how);
    const ended = this.open.get(attempt);
    if (ended === undefined) return; // Said again after a reconnect.
    this.open.delete(attempt);
    this.prepared.delete(attempt);
    const heir = this.open.get(successor);
    if (successor === 0) return;
    assert.ok(ended.granted, `attempt ${attempt} had a grant to pass on`);
    if (heir !== undefined) heir.granted = true;
  }

  get grantedCount(): number {
    return [...this.open.values()].filter(({ granted }) => granted).length;
  }

  /** An order that a controller could give now. */
  draw(): ToWorkerMessage {
    const draws = [
      () => this.#compute(),
      () => this.#compute(),
      () => this.#compute(),
      () => this.#about("stop"),
      () => this.#about("retract"),
      () => this.#grant() ?? this.#compute(),
      () => this.#sources(),
      () => forgetHaving(this.received, 1 + this.#prng.below(12)),
      () => this.acknowledge(),
      () => this.#startGang() ?? this.#compute(),
      () => this.#copy(),
    ];
    return this.#prng.pick(draws)();
  }

  /**
   * What a calm controller says: it answers what was asked and grants what waits. When nothing
   * runs and no grant is left, those that hold one wait for others here: it takes one back.
   */
  drawCalm(nothingRuns: boolean): ToWorkerMessage {
    if (this.asked.size > 0) return this.#sources();
    const start = this.#startGang();
    if (start !== null) return start;
    const grant = this.#grant();
    if (grant !== null) return grant;
    const idle = [...this.open.values()].find(({ granted }) => granted && nothingRuns);
    if (idle === undefined) return this.acknowledge();
    return aboutAttempts("retract", [idle.attempt, idle.task]);
  }

  #copy(): ToWorkerMessage {
    const task = 1 + this.#prng.below(12);
    if (this.#prng.chance(0.2)) {
      this.copies.delete(task);
      return uncopy(task);
    }
    this.copies.add(task);
    return copy(this.#prng.pick([1, 2, 3, 9, ownIndex]), task);
  }

  acknowledge(): ToWorkerMessage {
    return { type: "acknowledge", sequence: this.received };
  }

  /** One member stands for all: the worker cannot know how many there are. */
  #startGang(): ToWorkerMessage | null {
    const [first] = this.prepared;
    if (first === undefined) return null;
    const [attempt, task] = first;
    this.prepared.delete(attempt);
    return startGang(attempt, task, aMember("h"));
  }

  #compute(): ToWorkerMessage {
    const runs = Array.from({ length: 1 + this.#prng.below(4) }, () => this.#run());
    return compute(...runs);
  }

  #run() {
    const task = 1 + this.#prng.below(12);
    const attempt = this.#nextAttempt++;
    const granted = this.grantedCount < this.#grantsMax && this.#prng.chance(0.6);
    this.open.set(attempt, { attempt, task, granted });
    this.mentioned.add(task);
    this.copies.delete(task); // Its value is made here, or the order is not taken.
    // A task always has the same spec and the same inputs: smaller ones, and it may not loop.
    const inputs = [task - 5, task - 7].filter((input) => input > 0 && task % 2 === 0);
    return {
      attempt,
      task,
      spec: 1 + (task % this.#specs),
      prefetched: !granted,
      inputs: inputs.map((input) => {
        const source = this.#prng.pick([1, 2, 3, ownIndex, new Uint8Array([4])]);
        return { task: input, source };
      }),
    };
  }

  #about(type: "stop" | "retract"): ToWorkerMessage {
    const open = [...this.open.values()];
    if (open.length === 0) return this.acknowledge();
    const { attempt, task } = this.#prng.pick(open);
    return aboutAttempts(type, [attempt, task]);
  }

  #grant(): ToWorkerMessage | null {
    if (this.grantedCount >= this.#grantsMax) return null;
    const waiting = [...this.open.values()].find(({ granted }) => !granted);
    if (waiting === undefined) return null;
    waiting.granted = true;
    return aboutAttempts("grant", [waiting.attempt, waiting.task]);
  }

  #sources(): ToWorkerMessage {
    const [task = 1 + this.#prng.below(12)] = this.asked;
    this.asked.delete(task);
    const from = this.#prng.pick([[1], [2, 3], [], [ownIndex], [1, 2, 3]]);
    return sources(task, ...from);
  }
}
