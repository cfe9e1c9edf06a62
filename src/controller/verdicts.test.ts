/**
 * What is said of tasks whose tries are spent, and how long a gang waits after a returned round.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { reschedulesMax, startMaxUs } from "./limits.ts";
import { returnDelayUs } from "./verdicts.ts";

/** State, code and message of a task that has failed. */
function failureOf(harness: ControllerHarness, label: string): string {
  const failure = harness.state.failures.get(harness.rowOf(label));
  return `${harness.stateOf(label)} ${failure?.code}: ${failure?.message}`;
}

describe("of a task whose tries are spent it is said", () => {
  test("that it was not started in time", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("slow", { maxRetriesPreemption: 0 });
    harness.at += startMaxUs;
    worker.heartbeats();
    harness.happens({ type: "tick", at: harness.at });
    const why = "WORKER_FAILED TASK_NOT_STARTED: slow was not started in time by w1";
    assert.equal(failureOf(harness, "slow/0"), why);
    assert.equal(worker.orders, "slow/0-");
  });

  test("that it was preempted, where and for whom", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("low", { band: "batch", maxRetriesPreemption: 0 });
    worker.starts("low/0");
    harness.launch("high", { band: "production" });
    const failure = failureOf(harness, "low/0");
    assert.match(failure, /^PREEMPTED TASK_PREEMPTED: low was preempted on w1: .*\/ann\/high/);
  });

  test("that it asked to run later too often, and what it said last", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.aClient().submits({ later: {} });
    for (let i = 0; i <= reschedulesMax; i++) {
      assert.equal(harness.stateOf("later"), "ASSIGNED", `${i} times`);
      worker.starts("later");
      worker.fails("later", { cause: "rescheduled" });
    }
    assert.equal(
      failureOf(harness, "later"),
      "FAILED RESCHEDULE_LIMIT: f asked to run later more than 10 times: out of range",
    );
  });

  test("how many workers died under it, and how the last one did", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    client.submits({ poison: { spec: { maxRetriesPreemption: 1 } } });
    for (const signal of ["SIGSEGV", "SIGABRT"]) {
      const worker = harness.aWorker();
      worker.starts("poison");
      worker.exits(signal);
    }
    assert.equal(
      failureOf(harness, "poison"),
      "WORKER_FAILED WORKER_DIED: f: 2 workers died under it; " +
        "the last, w2: its process ended (signal SIGABRT)",
    );
  });
});

test("the wait of a gang doubles with each return in a row, up to a minute", () => {
  const waitMs = (returns: number) =>
    returnDelayUs({ returns, holdExpiries: 0, holdAgainAt: 0, members: new Map() }) / 1_000;
  assert.deepEqual(
    [0, 1, 2, 5, 6, 16, 17, 2_000].map(waitMs),
    [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000, 60_000],
  );
});
