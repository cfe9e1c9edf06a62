/**
 * How far tasks say they are, as the controller keeps and shows it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";

interface TaskStatus {
  readonly task: { readonly progress: { readonly fraction: number; readonly note: string } | null };
}

/** One slot, on which `a` runs. */
function aRunningTask() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  client.submits({ a: {} });
  worker.starts("a");
  const progress = () => {
    const { task } = harness.call("GetTaskStatus", { taskId: "/ann/graph-1/0" }) as TaskStatus;
    return task.progress === null ? null : [task.progress.fraction, task.progress.note];
  };
  return { harness, client, worker, progress };
}

describe("what a running task says of itself", () => {
  test("is shown with the task, the latest word of it", () => {
    const { worker, progress } = aRunningTask();
    assert.equal(progress(), null);
    worker.tells("a", 0.25, "reading");
    worker.tells("a", 0.5);
    assert.deepEqual(progress(), [0.5, ""]);
  });

  test("is told by why of whoever waits for it", () => {
    const { harness, client, worker } = aRunningTask();
    client.submits({ b: { on: ["a"] } });
    const said = () => {
      const { wakers } = harness.call("Explain", { id: "/ann/graph-1/1" }) as {
        readonly wakers: readonly { readonly message: string }[];
      };
      return wakers.at(-1)?.message ?? "";
    };
    worker.tells("a", 0.429, "reading");
    assert.match(said(), /; 42 % done, reading, as it said 0ms ago$/);
    worker.tells("a", 0.5);
    assert.match(said(), /; 50 % done, as it said 0ms ago$/);
  });

  test("goes with its attempt", () => {
    const { worker, progress, harness } = aRunningTask();
    worker.tells("a", 0.5);
    worker.finishes("a");
    assert.equal(progress(), null);
    assert.equal(harness.state.progress.size, 0);
  });

  test("is learned anew after a restart, and is in no journal", () => {
    const { harness, worker, progress } = aRunningTask();
    worker.tells("a", 0.5);
    harness.restarts();
    assert.equal(progress(), null);
    worker.connects();
    worker.tells("a", 0.75);
    assert.deepEqual(progress(), [0.75, ""]);
  });

  test("is nobody's if it is of an attempt that is over", () => {
    const { harness, client, worker, progress } = aRunningTask();
    const late = worker.attemptOf("a");
    client.cancels(["a"]);
    worker.obeys();
    worker.tells("a", 0.5, "", late);
    assert.equal(progress(), null);
    assert.equal(harness.state.progress.size, 0);
  });
});
