/**
 * A restart of the cluster on a worker: executors are made anew, and nothing of before is taken
 * over.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { aboutAttempts, compute, TestWorker } from "../../test/worker/builders.ts";

const renew = (restart: number) => ({ type: "renew-executors", restart }) as const;

describe("a restart of the cluster", () => {
  test("is carried out once, in whatever order it is told", () => {
    const worker = new TestWorker();
    assert.deepEqual(worker.ordered(renew(2)), ["renew executors"]);
    assert.deepEqual(worker.ordered(renew(2)), []);
    assert.deepEqual(worker.ordered(renew(1)), []);
    assert.deepEqual(worker.ordered(renew(3)), ["renew executors"]);
  });

  test("ends the hope that an order takes over what still stops", () => {
    const worker = new TestWorker();
    worker.ordered(compute({ attempt: 1, task: 10 }));
    worker.happens({ type: "execution-started", execution: 1 });
    assert.deepEqual(worker.ordered(aboutAttempts("stop", [1, 10])), [], "it may be taken over");
    assert.deepEqual(worker.ordered(renew(1)), ["abort 1 (stopped)", "renew executors"]);
    assert.deepEqual(worker.ordered(compute({ attempt: 2, task: 10 })), [], "it waits");
  });

  test("lets no order take over what ran before it and is told to stop after it", () => {
    const worker = new TestWorker();
    worker.ordered(compute({ attempt: 1, task: 10 }));
    worker.happens({ type: "execution-started", execution: 1 });
    worker.ordered(renew(1));
    worker.ordered(aboutAttempts("stop", [1, 10]));
    worker.ordered(compute({ attempt: 2, task: 10 }));
    assert.equal(worker.state.executions.get(1)?.orphan, true);
  });

  test("leaves what is not told to stop alone", () => {
    const worker = new TestWorker();
    worker.ordered(compute({ attempt: 1, task: 10 }));
    worker.happens({ type: "execution-started", execution: 1 });
    worker.ordered(renew(1));
    assert.equal(worker.state.executions.get(1)?.orphan, false);
  });
});
