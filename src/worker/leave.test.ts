/**
 * A worker that leaves and has what only it holds copied first.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { compute, ownIndex, TestWorker } from "../../test/worker/builders.ts";
import { nextWorkerDeadline } from "./step.ts";

const leave = { type: "leave-requested", emptyMs: 10_000 } as const;
const emptied = { type: "emptied", leftCount: 0 } as const;

/** A worker with the value of task 1, of which the controller knows. */
function withValue(): TestWorker {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  worker.ordered({ type: "acknowledge", sequence: 1 });
  return worker;
}

test("it asks that others copy its values, and goes when they have", () => {
  const worker = withValue();
  assert.deepEqual(worker.happens(leave), ["emptying"]);
  assert.deepEqual(worker.after(5_000_000).happens({ type: "tick" }).includes("leave"), false);
  assert.deepEqual(worker.ordered(emptied), ["leaving", "leave"]);
});

test("it goes at its limit, though nobody has answered", () => {
  const worker = withValue();
  worker.happens(leave);
  const due = nextWorkerDeadline(worker.state) ?? Number.POSITIVE_INFINITY;
  assert.ok(due <= worker.at + 10_000_000);
  const said = worker.after(10_000_000).happens({ type: "tick" });
  assert.deepEqual(said.slice(-2), ["leaving", "leave"]);
});

test("it asks once nothing runs any more, and not before", () => {
  const worker = withValue();
  worker.ordered(compute({ attempt: 12, task: 2 }));
  assert.deepEqual(worker.happens(leave), ["abort 2 (stopped)"]);
  const lines = worker.happens({ type: "execution-aborted", execution: 2 });
  assert.equal(lines.at(-1), "emptying");
  assert.equal(lines.includes("leaving"), false);
});

test("on a new connection it asks again, for what is left of its time", () => {
  const worker = withValue();
  worker.happens(leave);
  worker.happens({ type: "disconnected" });
  assert.equal(worker.state.left, false);
  const lines = worker.happens({ type: "connected", epoch: 1, index: ownIndex });
  assert.ok(lines.includes("emptying"), lines.join("; "));
});

test("without values, without a connection or without time for it, it goes at once", () => {
  assert.deepEqual(new TestWorker().happens(leave), ["leaving", "leave"]);
  assert.deepEqual(withValue().happens({ type: "leave-requested" }), ["leaving", "leave"]);
  const alone = withValue();
  alone.happens({ type: "disconnected" });
  assert.deepEqual(alone.happens(leave), ["leave"]);
});
