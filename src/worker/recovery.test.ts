/**
 * Commands that outlived the agent which had started them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  aCommandSpec,
  aMember,
  aSpec,
  compute,
  linesOf,
  ownIndex,
  resources,
  startGang,
} from "../../test/worker/builders.ts";
import type { Survivor, WorkerEvent } from "./events.ts";
import { checkWorkerInvariants } from "./invariants.ts";
import { newWorkerState, type WorkerConfig, type WorkerState } from "./state.ts";
import { nextWorkerDeadline, step } from "./step.ts";

const start = 50_000_000;

function aSurvivor(overrides: Partial<Survivor> = {}): Survivor {
  return {
    attempt: 21,
    task: 1,
    spec: 5,
    definition: aCommandSpec(),
    shape: 3,
    context: "{}",
    startedAt: start - 1_000_000,
    member: null,
    ...overrides,
  };
}

/** An agent that has just started, whose launcher had these. */
class RecoveringWorker {
  readonly state: WorkerState;
  /** What was sent on recovery. */
  readonly said: readonly string[];
  at = start;

  constructor(survivors: readonly Survivor[], config: Partial<WorkerConfig> = {}) {
    const capacity = resources({ cpuMilli: 4_000 });
    this.state = newWorkerState({ slots: 1, commandSlots: 2, capacity, ...config });
    this.said = this.happens({ type: "recovered", at: this.at, firstExecution: 1, survivors });
  }

  happens(event: WorkerEvent): string[] {
    const { sends } = step(this.state, event);
    checkWorkerInvariants(this.state);
    return linesOf(sends);
  }

  connects(): string[] {
    return this.happens({ type: "connected", at: this.at, epoch: 4, index: ownIndex });
  }

  orders(message: Extract<WorkerEvent, { type: "ordered" }>["message"]): string[] {
    return this.happens({ type: "ordered", at: this.at, message });
  }

  finishes(execution: number): string[] {
    const ended = { execution, sizeBytes: 1, durationUs: 5, inline: null };
    return this.happens({ type: "execution-finished", at: this.at, ...ended });
  }
}

function inventoryOf(worker: RecoveringWorker): readonly (readonly number[])[] {
  const event = { type: "connected", at: worker.at, epoch: 4, index: ownIndex } as const;
  const [send] = step(worker.state, event).sends;
  assert.ok(send.type === "send-message" && send.message.type === "inventory");
  const { attempts, attemptTasks, phases } = send.message;
  return Array.from(attempts, (attempt, i) => [attempt, attemptTasks[i], phases[i]]);
}

test("a survivor is named as running in the first inventory, and answers when it ends", () => {
  const worker = new RecoveringWorker([aSurvivor()]);
  assert.deepEqual(worker.said, []);
  assert.deepEqual(inventoryOf(worker), [[21, 1, 1]]);
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "finished 21 of 1"]);
});

test("what ended while nobody listened is answered on the first connection", () => {
  const worker = new RecoveringWorker([aSurvivor()]);
  worker.finishes(1);
  assert.deepEqual(worker.connects(), ["inventory", "finished 21 of 1"]);
});

test("a survivor holds what it was granted, and what is ordered finds the rest", () => {
  const definition = aCommandSpec({ resources: resources({ cpuMilli: 3_000 }) });
  const worker = new RecoveringWorker([aSurvivor({ definition })]);
  worker.connects();
  worker.orders({ type: "define-spec", spec: 5, definition });
  const order = compute({ attempt: 31, task: 2, spec: 5, shape: 3 });
  assert.deepEqual(worker.orders(order), [], "3 of 4 cores are taken");
  assert.deepEqual(worker.finishes(1), [
    "store result 1 as 1",
    "start 2 for 31 on lane 0",
    "finished 21 of 1",
  ]);
});

test("a worker that has become smaller takes its survivors and starts nothing beside them", () => {
  const definition = aCommandSpec({ resources: resources({ cpuMilli: 9_000, custom: { a: 1 } }) });
  const worker = new RecoveringWorker([aSurvivor({ definition })]);
  worker.connects();
  worker.orders({ type: "define-spec", spec: 6, definition: aSpec() });
  const order = compute({ attempt: 31, task: 2, spec: 6 });
  assert.deepEqual(worker.orders(order), []);
  assert.deepEqual(worker.finishes(1), [
    "store result 1 as 1",
    "start 2 for 31 on lane 0",
    "finished 21 of 1",
  ]);
});

test("more survivors than there are slots run, and nothing new starts until there is one", () => {
  const definition = aCommandSpec({ resources: resources() });
  const survivors = [21, 22, 23].map((attempt) =>
    aSurvivor({ attempt, task: attempt, definition }),
  );
  const worker = new RecoveringWorker(survivors);
  worker.connects();
  assert.deepEqual(worker.orders(compute({ attempt: 31, task: 2, spec: 5 })), []);
  const first = worker.finishes(3);
  assert.deepEqual(first, ["store result 3 as 23", "finished 23 of 23"]);
  assert.ok(worker.finishes(1).includes("start 4 for 31 on lane 0"));
});

test("executions are numbered on from the survivors", () => {
  const worker = new RecoveringWorker([aSurvivor(), aSurvivor({ attempt: 22, task: 2 })]);
  worker.connects();
  worker.finishes(1);
  const order = compute({ attempt: 31, task: 3, spec: 5 });
  assert.deepEqual(worker.orders(order), ["start 3 for 31 on lane 0"]);
});

test("a survivor that contradicts another is ended, and is nobody's attempt", () => {
  const survivors = [
    aSurvivor(),
    aSurvivor({ attempt: 22 }),
    aSurvivor({ attempt: 23, task: 2, definition: aCommandSpec({ name: "other" }) }),
    aSurvivor({ attempt: 21, task: 3 }),
    aSurvivor({ attempt: 24, task: 4, spec: 6, definition: aSpec() }),
  ];
  const worker = new RecoveringWorker(survivors);
  const aborts = [2, 3, 4, 5].map((execution) => `abort ${execution} (stopped)`);
  assert.deepEqual(worker.said, aborts);
  assert.deepEqual(inventoryOf(worker), [[21, 1, 1]]);
  const ended = { type: "execution-aborted", at: worker.at, execution: 2 } as const;
  assert.deepEqual(worker.happens(ended), []);
  worker.finishes(1);
  const order = compute({ attempt: 31, task: 3, spec: 5 });
  assert.deepEqual(worker.orders(order), ["start 6 for 31 on lane 0"], "no number is used twice");
});

test("the run time of a survivor counts from when it really started", () => {
  const definition = aCommandSpec({ timeoutMs: 3_000 });
  const worker = new RecoveringWorker([aSurvivor({ definition })]);
  assert.equal(nextWorkerDeadline(worker.state), start + 2_000_000);
  worker.at = start + 2_000_000;
  assert.deepEqual(worker.happens({ type: "tick", at: worker.at }), ["abort 1 (timeout)"]);
});

test("a survivor of a gang tells its address when it connects, and is not started again", () => {
  const definition = aCommandSpec({ groupBy: "rack" });
  const worker = new RecoveringWorker([aSurvivor({ definition, member: aMember("h1") })]);
  assert.deepEqual(worker.connects(), ["inventory", "prepared 21 of 1 at h1"]);
  assert.deepEqual(worker.orders(startGang(21, 1, aMember("h1"))), []);
});

test("a survivor is stopped, ordered again and reset like anything that runs", () => {
  const worker = new RecoveringWorker([aSurvivor(), aSurvivor({ attempt: 22, task: 2 })]);
  worker.connects();
  const repeated = compute({ attempt: 21, task: 1, spec: 5, shape: 3 });
  assert.deepEqual(worker.orders(repeated), [], "it runs already");
  worker.orders(aboutAttempts("stop", [21, 1]));
  assert.deepEqual(worker.orders({ type: "reset" }), ["abort 1 (stopped)", "abort 2 (stopped)"]);
  worker.happens({ type: "execution-aborted", at: worker.at, execution: 1 });
  worker.happens({ type: "execution-aborted", at: worker.at, execution: 2 });
  assert.equal(worker.state.commands.size, 0);
});
