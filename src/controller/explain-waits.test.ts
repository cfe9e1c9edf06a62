/**
 * What is said of an attempt that stands in line where its inputs are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { dataWaitReasons, describeDataWait } from "./explain-waits.ts";

/** `b` stands in line on w1 and waits there; what is said of it, so many microseconds later. */
function said(expectedUs: number, untilUs: number, worker = 0): string | null {
  const harness = new ControllerHarness({ checks: false });
  for (const _ of [1, 2]) harness.aWorker();
  harness.aClient().submits({ a: {}, a2: {}, b: {} });
  const { state } = harness;
  const task = harness.rowOf("b");
  assert.equal(state.attempts.worker[state.tasks.attempt[task]], 0, "it is in line on w1");
  const [expectedAt, until] = [state.at + expectedUs, state.at + untilUs];
  state.dataWaits.waits.set(task, { worker, bytes: 1_048_576, expectedAt, until });
  const text = describeDataWait(state, task);
  const [reason] = dataWaitReasons(state, task);
  assert.equal(reason?.message ?? null, text);
  if (reason !== undefined) assert.deepEqual([reason.code, reason.workersTotal], ["DATA_WAIT", 1]);
  return text;
}

test("it is said when it is expected to begin, and until when it stays", () => {
  const where = "waits for w1, where 1 MiB of its input is, ";
  assert.equal(
    said(200_000, 1_500_000),
    `${where}expected in 200ms; elsewhere in 1.5s at the latest`,
  );
  assert.equal(said(0, 1_000), `${where}expected in 0ms; elsewhere in 1ms at the latest`);
  assert.equal(said(-200_000, 0), `${where}expected 200ms ago; whoever has room takes it`);
  assert.equal(said(-1_400, -1), `${where}expected 1ms ago; whoever has room takes it`);
});

test("nothing is said of what waits for another worker than it is on, or waits no more", () => {
  assert.equal(said(200_000, 1_000_000, 1), null);
  const harness = new ControllerHarness({ checks: false });
  harness.aWorker();
  harness.aClient().submits({ a: {}, b: { on: ["a"] } });
  const { state } = harness;
  const wait = { worker: 0, bytes: 1, expectedAt: 0, until: 0 };
  for (const label of ["a", "b"]) state.dataWaits.waits.set(harness.rowOf(label), wait);
  assert.equal(describeDataWait(state, harness.rowOf("a")), null, "it has its grant");
  assert.equal(describeDataWait(state, harness.rowOf("b")), null, "it is on no worker");
  assert.deepEqual(dataWaitReasons(state, harness.rowOf("a")), []);
});
