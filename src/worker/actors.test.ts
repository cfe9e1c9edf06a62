/**
 * Calls of actors on their worker: they go to the thread of their actor, and are never a guess.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { aboutAttempts, compute, resources, TestWorker } from "../../test/worker/builders.ts";
import type { FunctionRun } from "../model/spec.ts";
import { stepAll } from "./step.ts";

const f = { kind: "function", bundle: "b", functionName: "f", executor: "thread" } as const;
const actorRun: FunctionRun = { ...f, part: "actor" };
const callRun: FunctionRun = { ...f, part: "call" };
const kept = resources({ memoryBytes: 10 });
const [plain, actor, call] = [1, 2, 3];

/** Attempt 11 of task 1 is an actor that runs, beside one slot for tasks. */
function aWorker(): TestWorker {
  const worker = new TestWorker({ capacity: resources({ cpuMilli: 1_000, memoryBytes: 100 }) }, [
    {},
    { run: actorRun, resources: kept },
    { run: callRun, resources: resources() },
  ]);
  worker.ordered(compute({ attempt: 11, task: 1, spec: actor, shape: actor }));
  worker.happens({ type: "execution-started", execution: 1 });
  return worker;
}

function aCall(attempt: number, task: number) {
  const inputs = [{ task: 1, source: new Uint8Array(0) }];
  // Submitted in the order of their numbers.
  return { attempt, task, spec: call, shape: call, inputs, context: String(task) };
}

test("calls go to their actor at once, in the order of the orders, and take no lane", () => {
  const worker = aWorker();
  worker.ordered(compute({ attempt: 12, task: 2, spec: plain, shape: plain }));
  const lines = worker.ordered(compute(aCall(13, 3), aCall(14, 4)));
  assert.deepEqual(lines, ["start 3 for 13 on lane -1", "start 4 for 14 on lane -1"]);
  assert.equal(worker.state.idleLanes, 0, "the one lane is that of the task");
  assert.deepEqual(worker.finishes(3), ["store result 3 as 3", "finished 13 of 3"]);
});

test("calls whose shape has a number that was once of functions take no lane either", () => {
  const worker = aWorker();
  worker.ordered(compute({ attempt: 12, task: 2, spec: plain, shape: call }));
  worker.finishes(2);
  assert.deepEqual(worker.ordered(compute(aCall(13, 3))), ["start 3 for 13 on lane -1"]);
});

test("a call whose actor has ended goes back: it has not run", () => {
  const worker = aWorker();
  worker.fails(1);
  const lines = worker.ordered(compute(aCall(13, 3)));
  assert.deepEqual(lines, ["handedBack 13 of 3 reason 4"]);
});

test("a call whose actor is told to end goes back", () => {
  const worker = aWorker();
  worker.ordered(aboutAttempts("stop", [11, 1]));
  const lines = worker.ordered(compute(aCall(13, 3)));
  assert.ok(lines.includes("handedBack 13 of 3 reason 4"), lines.join());
});

test("what was sent before its controller knew that a call came back does not overtake it", () => {
  const worker = aWorker();
  worker.checksHealth("no disk");
  assert.deepEqual(worker.ordered(compute(aCall(13, 3))), ["handedBack 13 of 3 reason 4"]);
  worker.checksHealth("");
  assert.deepEqual(worker.ordered(compute(aCall(14, 4))), ["handedBack 14 of 4 reason 4"]);
  // The controller knows of the first by now, and not of the second.
  assert.deepEqual(worker.ordered(compute(aCall(15, 3))), ["start 2 for 15 on lane -1"]);
  assert.deepEqual(worker.ordered(compute(aCall(16, 5))), ["handedBack 16 of 5 reason 4"]);
  const [four, five] = [aCall(17, 4), aCall(18, 5)];
  const lines = worker.ordered(compute(four, five));
  assert.deepEqual(lines, ["start 3 for 17 on lane -1", "start 4 for 18 on lane -1"]);
});

test("a call that came back and is acknowledged holds nothing up, also if it never returns", () => {
  const worker = aWorker();
  worker.checksHealth("no disk");
  worker.ordered(compute(aCall(13, 3)));
  worker.checksHealth("");
  worker.ordered({ type: "acknowledge", sequence: worker.state.connection.sent });
  assert.deepEqual(worker.ordered(compute(aCall(14, 4))), ["start 2 for 14 on lane -1"]);
});

test("a call whose return is not said yet is not one that the controller knows of", () => {
  const worker = aWorker();
  worker.checksHealth("no disk");
  const { sent: sequence } = worker.state.connection;
  const messages = [compute(aCall(13, 3)), { type: "acknowledge", sequence } as const];
  const events = messages.map((message) => ({ type: "ordered", at: worker.at, message }) as const);
  stepAll(worker.state, events);
  worker.checksHealth("");
  assert.deepEqual(worker.ordered(compute(aCall(14, 4))), ["handedBack 14 of 4 reason 4"]);
});

test("a call that was taken by its actor does not go back when the worker leaves", () => {
  const worker = aWorker();
  worker.ordered(compute(aCall(13, 3)));
  worker.happens({ type: "leave-requested" });
  const lines = worker.happens({ type: "execution-aborted", execution: 2 });
  assert.ok(
    lines.some((line) => line.startsWith("failed 13 of 3 (actor-lost)")),
    lines.join(),
  );
});

test("that an actor runs is said again on each connection", () => {
  const worker = aWorker();
  worker.happens({ type: "disconnected" });
  const lines = worker.happens({ type: "connected", epoch: 1, index: 7 });
  assert.ok(lines.includes("started 11 of 1"), lines.join());
});
