/**
 * How far executions say they are: the latest word of each goes with the next heartbeat.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { aboutAttempts, compute, resources, TestWorker } from "../../test/worker/builders.ts";
import { progressRowsMax } from "../protocol/limits.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { nextWorkerDeadline, step } from "./step.ts";

/** Attempt 11 of task 1 runs. */
function aWorker(): TestWorker {
  const worker = new TestWorker({ heartbeatMs: 1_000, slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }));
  return worker;
}

function says(worker: TestWorker, execution: number, fraction: number, note = ""): string[] {
  return worker.happens({ type: "execution-progressed", execution, progress: { fraction, note } });
}

/** What the next heartbeat says before it, as `attempt of task fraction note`. */
function told(worker: TestWorker): string[] {
  worker.at = nextWorkerDeadline(worker.state) ?? worker.at;
  const { sends } = step(worker.state, { type: "tick", at: worker.at });
  const messages = sends.flatMap((send) => (send.type === "send-message" ? [send.message] : []));
  assert.equal(messages.at(-1)?.type, "heartbeat", "everything goes before it");
  return messages.filter((one) => one.type === "progress").flatMap(rowsOf);
}

function rowsOf({ attempts, tasks, fractions, notes }: HotMessageOf<"progress">): string[] {
  return [...attempts].map((attempt, i) => {
    return `${attempt} of ${tasks[i]}: ${fractions[i]} ${notes[i]}`.trimEnd();
  });
}

test("the latest word is told with the next heartbeat, once", () => {
  const worker = aWorker();
  assert.deepEqual(says(worker, 1, 0.1), [], "nothing is sent for it");
  says(worker, 1, 0.5, "reading");
  assert.deepEqual(told(worker), ["11 of 1: 0.5 reading"]);
  assert.deepEqual(told(worker), []);
});

test("what has ended has nothing to tell", () => {
  const worker = aWorker();
  says(worker, 1, 0.5);
  worker.finishes(1);
  says(worker, 1, 0.9);
  assert.deepEqual(told(worker), []);
});

test("all of it is told again on each connection: the controller may be a new one", () => {
  const worker = aWorker();
  says(worker, 1, 0.5);
  told(worker);
  worker.happens({ type: "disconnected" });
  worker.happens({ type: "connected", epoch: 2, index: 7 });
  assert.deepEqual(told(worker), ["11 of 1: 0.5"]);
});

test("of what was stopped nothing is told, and whoever adopts it is told all", () => {
  const worker = aWorker();
  says(worker, 1, 0.5);
  told(worker);
  says(worker, 1, 0.6);
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.ordered(compute({ attempt: 12, task: 1 }));
  assert.deepEqual(told(worker), ["12 of 1: 0.6"]);
  worker.ordered(aboutAttempts("stop", [12, 1]));
  says(worker, 1, 0.7);
  assert.deepEqual(told(worker), []);
});

test("one message is of so many, and the others go with the next", () => {
  const slots = progressRowsMax + 5;
  const capacity = resources({ cpuMilli: slots * 1_000 });
  const worker = new TestWorker({ heartbeatMs: 1_000, slots, capacity });
  for (let task = 1; task <= slots; task++) {
    worker.ordered(compute({ attempt: 10_000 + task, task }));
    says(worker, task, 0.5);
  }
  assert.equal(told(worker).length, progressRowsMax);
  assert.equal(told(worker).length, 5);
  assert.equal(told(worker).length, 0);
});
