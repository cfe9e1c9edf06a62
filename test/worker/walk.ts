/**
 * Seeded walks of the worker kernel through orders, completions and faults, with what really runs
 * measured outside its ledger; then calm, in which everything must come to an end. Orders come in
 * any sequence: more than the controller would ever give.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Prng } from "../../src/base/prng.ts";
import type { ToWorkerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import type { Survivor, WorkerEvent } from "../../src/worker/events.ts";
import type { WorkerFact } from "../../src/worker/facts.ts";
import { checkWorkerInvariants } from "../../src/worker/invariants.ts";
import { newWorkerState, type WorkerState } from "../../src/worker/state.ts";
import { nextWorkerDeadline, step } from "../../src/worker/step.ts";
import { aCommandSpec, aSpec, forget, type Happening, ownIndex, resources } from "./builders.ts";
import { FakeController } from "./fake-controller.ts";
import { FakeShell } from "./fake-shell.ts";

const capacityCpu = 2_000;
/** Of the worker that walks. */
export const walkConfig = {
  slots: 2,
  commandSlots: 2,
  capacity: resources({ cpuMilli: capacityCpu, custom: { a: 1 } }),
  memoryTargetBytes: 100_000,
  memoryPauseBytes: 1_000_000,
};
const grantsMax = walkConfig.slots + walkConfig.commandSlots;
const specs = [
  aSpec({ resources: resources({ cpuMilli: 1_000 }) }),
  aSpec({ resources: resources({ cpuMilli: 1_000, custom: { a: 1 } }), timeoutMs: 3, priority: 1 }),
  aSpec({ resources: resources({ cpuMilli: 500 }), graceMs: 1 }),
  aCommandSpec({ resources: resources({ cpuMilli: 800 }), timeoutMs: 3 }),
  aCommandSpec({ resources: resources({ cpuMilli: 500 }), groupBy: "rack" }),
];

/** Tasks of the fourth spec: three of them are more than fit, in slots and in CPU. */
const survivingTasks = [3, 8, 13];

/** One worker, its shell, its controller, and the messages between them. */
export class Walk {
  readonly state: WorkerState = newWorkerState(walkConfig);
  readonly facts: WorkerFact[] = [];
  readonly prng: Prng;
  readonly shell: FakeShell;
  readonly controller: FakeController;
  readonly #toWorker: ToWorkerMessage[] = [];
  readonly #toController: WorkerMessage[] = [];
  #at = 1_000_000;
  events = 0;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.shell = new FakeShell(this.prng, walkConfig.slots, specs, capacityCpu);
    this.controller = new FakeController(this.prng, grantsMax, specs.length);
    if (seed % 2 === 0) this.#recover(survivingTasks.slice(0, 1 + (seed % 3)));
    this.reconnect();
  }

  /** An earlier agent was killed while commands ran. */
  #recover(tasks: readonly number[]): void {
    const spec = 4;
    const definition = specs[spec - 1];
    const survivors: Survivor[] = [];
    for (const [lane, task] of tasks.entries()) {
      const attempt = this.controller.knows(task);
      const known = { attempt, task, spec, shape: spec, context: "" };
      survivors.push({ ...known, definition, startedAt: this.#at - 2_000, member: null });
      const nothing = { args: new Uint8Array(0), inputs: [] };
      this.shell.recovers({ execution: lane + 1, lane, ...known, ...nothing });
    }
    this.happens({ type: "recovered", firstExecution: 1, survivors });
  }

  happens(happening: Happening): void {
    this.events++;
    const event = { ...happening, at: this.#at } as WorkerEvent;
    const { facts, sends } = step(this.state, event);
    this.facts.push(...facts);
    checkWorkerInvariants(this.state);
    for (const send of sends) {
      if (send.type === "send-message") this.#toController.push(send.message);
    }
    this.shell.carryOut(sends);
    if (!this.prng.chance(0.3)) this.deliver();
  }

  order(message: ToWorkerMessage): void {
    this.#toWorker.push(message);
  }

  /** Brings the worker's messages to the controller. */
  deliver(): void {
    for (const message of this.#toController.splice(0)) this.controller.receive(message);
  }

  reconnect(): void {
    this.happens({ type: "disconnected" });
    this.#toWorker.length = 0;
    this.#toController.length = 0;
    this.controller.connected();
    this.happens({ type: "connected", epoch: 1, index: ownIndex });
    for (const [i, definition] of specs.entries()) {
      this.order({ type: "define-spec", spec: i + 1, definition });
    }
    for (const index of [1, 2, 3]) this.order(peer(index, 1));
    while (this.takeOrder());
    this.deliver();
    this.#resendLost();
  }

  /** What the controller ordered and the worker never got ends: it was lost on the way. */
  #resendLost(): void {
    const known = new Set<number>();
    for (const { state } of this.state.tasks.values()) {
      if ("run" in state) known.add(state.run.attempt);
    }
    for (const { run } of this.state.executions.values()) known.add(run.attempt);
    for (const attempt of [...this.controller.open.keys()]) {
      if (!known.has(attempt)) this.controller.open.delete(attempt);
    }
    for (const { state } of this.state.tasks.values()) {
      if ("run" in state) this.#regrant(state.run.attempt, state.run.granted);
    }
    for (const { run } of this.state.executions.values()) this.#regrant(run.attempt, run.granted);
  }

  /** A grant that was lost on the way is free again. */
  #regrant(attempt: number, granted: boolean): void {
    const open = this.controller.open.get(attempt);
    if (open !== undefined) open.granted = granted;
  }

  takeOrder(): boolean {
    const message = this.#toWorker.shift();
    if (message === undefined) return false;
    this.happens({ type: "ordered", message });
    // Delivered twice it changes nothing more; other orders are not repeatable within a stream.
    if (message.type === "compute" && this.prng.chance(0.05)) {
      this.happens({ type: "ordered", message });
    }
    return true;
  }

  passTime(): void {
    this.#at += this.prng.pick([10, 500, 3_000, 60_000, 6_000_000]);
  }

  stir(): void {
    const { prng } = this;
    if (prng.chance(0.25)) this.passTime();
    const roll = prng.below(100);
    if (roll < 40) this.order(this.controller.draw());
    else if (roll < 42) {
      this.happens({ type: "memory-measured", rssBytes: prng.pick([0, 0, 950_000, 2_000_000]) });
    } else if (roll < 43) this.order(peer(1 + prng.below(3), prng.below(4)));
    else if (roll < 44) this.order(gone(this.state, 1 + prng.below(3)));
    else if (roll < 45) this.#loseValue();
    else if (roll < 46 && prng.chance(0.3)) this.reconnect();
    else if (roll < 50) this.happens({ type: "tick" });
    else if (roll < 53) {
      this.happens({ type: "health-checked", trouble: prng.pick(["", "", "the disk is full"]) });
    } else if (roll < 54) this.#dropSpec(1 + prng.below(specs.length));
    else if (roll < 55) this.#renew();
    if (prng.chance(0.8)) this.takeOrder();
    this.act(false);
  }

  /** The next restart of the cluster, or one that is known. */
  #renew(): void {
    const isNew = this.prng.chance(0.7);
    this.order({ type: "renew-executors", restart: this.state.renewedFor + (isNew ? 1 : 0) });
  }

  /** Dropped, and soon needed again. */
  #dropSpec(spec: number): void {
    this.order({ type: "drop-spec", spec });
    this.order({ type: "define-spec", spec, definition: specs[spec - 1] });
  }

  #loseValue(): void {
    const [file] = this.shell.files.keys();
    if (file !== undefined && !this.shell.reading.has(file) && this.prng.chance(0.5)) {
      return this.happens({ type: "file-lost", file });
    }
    const onDisk = new Set([...this.shell.files.values(), ...this.shell.writing.values()]);
    const task = [...this.shell.values].find((one) => !onDisk.has(one));
    if (task === undefined) return;
    this.shell.values.delete(task);
    this.happens({ type: "value-lost", task });
  }

  act(calm: boolean): void {
    const happening = this.shell.draw(calm);
    if (happening !== null) this.happens(happening);
  }

  /** Only acknowledgements come any more. */
  settle(): void {
    for (let turn = 0; turn < 1_000 && !this.shell.left; turn++) {
      this.deliver();
      this.order(this.controller.acknowledge());
      if (this.controller.emptying) this.order({ type: "emptied", leftCount: 0 });
      while (this.takeOrder());
      this.act(true);
      if (turn % 50 === 49) this.happens({ type: "tick" });
    }
    this.deliver(); // What was said last was on its way.
  }

  /** No new faults and no new work: everything ends. */
  calm(): void {
    this.happens({ type: "memory-measured", rssBytes: 0 });
    this.happens({ type: "health-checked", trouble: "" });
    for (let turn = 0; turn < 4_000; turn++) {
      if (this.controller.open.size === 0 && !this.shell.busy) break;
      if (turn % 4 === 0) this.order(this.controller.drawCalm(!this.shell.busy));
      while (this.takeOrder());
      this.act(true);
      this.deliver();
      const due = nextWorkerDeadline(this.state);
      if (due === null) continue;
      this.#at = Math.max(this.#at + 1, due);
      this.happens({ type: "tick" });
    }
  }
}

function peer(index: number, life: number): ToWorkerMessage {
  const incarnation = `i${life}`;
  return { type: "peer", index, workerId: `w${index}`, incarnation, address: "h:1" };
}

function gone(state: WorkerState, index: number): ToWorkerMessage {
  return { type: "peer-gone", index, incarnation: state.peers.get(index)?.incarnation ?? "" };
}

function grantedRuns(state: WorkerState): number {
  const granted = new Set<number>();
  for (const { state: taskState } of state.tasks.values()) {
    if ("run" in taskState && taskState.run.granted) granted.add(taskState.run.attempt);
  }
  for (const { run } of state.executions.values()) if (run.granted) granted.add(run.attempt);
  return granted.size;
}

/** Throws unless a walk that is calm has ended all. */
function checkEnd(walk: Walk): void {
  assert.equal(walk.controller.open.size, 0, "every attempt was answered");
  assert.equal(walk.shell.busy, false, "nothing runs");
  assert.equal(walk.controller.copies.size, 0, "every order of a copy was answered");
  walk.order(forget(...Array.from({ length: 13 }, (_, i) => i + 1)));
  while (walk.takeOrder());
  const { tasks, executions, transfers, commands, used, valueBytes, openRuns } = walk.state;
  const left = tasks.size + executions.size + transfers.size + commands.size;
  assert.equal(left, 0, "nothing is left");
  assert.deepEqual([...used, valueBytes, openRuns], [...used.map(() => 0), 0, 0]);
  const { residentBytes, files, spillable } = walk.state.residence;
  assert.deepEqual([residentBytes, files.size, spillable.size], [0, 0, 0]);
  assert.equal(walk.shell.values.size, 0, "the store is empty");
}

/** Walks until so many events have happened; throws if a rule is broken. */
export function walkFor(seed: number, events: number): Walk {
  const walk = new Walk(seed);
  while (walk.events < events) {
    walk.stir();
    assert.ok(grantedRuns(walk.state) <= grantsMax, "no more grants than were given");
  }
  return walk;
}

/** Walks, and then comes to rest: every run has one answer, and nothing is left. */
export function walkToEnd(seed: number): Walk {
  const walk = walkFor(seed, 1_000);
  walk.calm();
  checkEnd(walk);
  return walk;
}
