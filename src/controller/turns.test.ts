/**
 * Under `fair` nothing waits for what does not fit, but not for ever: what has waited for hours has
 * its turn kept on a worker.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { TaskDraft } from "../../test/support/fake-client.ts";
import { parseResources } from "../model/parse-resources.ts";
import { lateAfterUs, lateTurnRestUs } from "../scheduler/limits.ts";

const cpus = (cpu: number): TaskDraft => ({
  spec: { resources: parseResources("resources", { cpu }) },
});

/** A worker of four, of which one is busy; somebody waits for all of it, others for parts. */
function aCrowd() {
  const harness = new ControllerHarness({ checks: false });
  const capacity = parseResources("capacity", { cpu: 4 });
  const worker = harness.aWorker({ slots: 8, capacity });
  harness.aClient("bob").submits({ first: cpus(1) });
  const ann = harness.aClient("ann");
  ann.submits({ wide: cpus(4) });
  const bob = harness.aClient("bob");
  return { harness, worker, ann, bob };
}

/** So long that what waits is late; thousands of events, after which everything must hold. */
function waitsLong(harness: ControllerHarness): void {
  harness.after(lateAfterUs / 1_000 + 1_000);
  harness.check();
}

function turnsIn({ state }: ControllerHarness): string[] {
  return [...state.reservations.values()].map(({ reason }) => reason);
}

describe("under fair, what does not fit", () => {
  test("blocks nobody while it has not waited for long", () => {
    const { harness, worker, bob } = aCrowd();
    harness.after(lateAfterUs / 2_000);
    bob.submits({ second: cpus(1) });
    assert.equal(worker.orders, "first second");
    assert.deepEqual(turnsIn(harness), []);
  });

  test("has a turn once it is late, and what comes free is kept for it", () => {
    const { harness, worker, bob } = aCrowd();
    waitsLong(harness);
    bob.submits({ second: cpus(1) });
    assert.equal(worker.orders, "first");
    assert.deepEqual(turnsIn(harness), ["turn"]);
    worker.finishes("first");
    assert.equal(worker.orders, "wide");
    assert.deepEqual(turnsIn(harness), []);
    worker.finishes("wide");
    assert.equal(worker.orders, "second");
  });

  test("has it where the least is missing, if nobody knows where there is room first", () => {
    const harness = new ControllerHarness({ checks: false });
    const options = { slots: 8, capacity: parseResources("capacity", { cpu: 4 }) };
    const workers = [3, 1, 2].map((cpu) => {
      const worker = harness.aWorker(options);
      harness.aClient("bob").submits({ [`busy-${cpu}`]: cpus(cpu) });
      harness.asks({ type: "cordon-worker", workerId: worker.workerId, cordon: true });
      return worker;
    });
    for (const { workerId } of workers) {
      harness.asks({ type: "cordon-worker", workerId, cordon: false });
    }
    harness.aClient("ann").submits({ wide: cpus(4) });
    waitsLong(harness);
    harness.aClient("bob").submits({ next: cpus(4) });
    const [turn] = harness.state.reservations.values();
    assert.deepEqual(turn?.workers, [1]);
  });

  test("keeps the turn that it has, and takes it from nobody else", () => {
    const { harness, bob } = aCrowd();
    waitsLong(harness);
    bob.submits({ second: cpus(1) });
    const [turn] = harness.state.reservations.values();
    harness.after(lateTurnRestUs / 1_000);
    bob.submits({ third: cpus(1) });
    assert.deepEqual([...harness.state.reservations.values()], [turn]);
  });

  test("loses its turn with its task, and others go on at once", () => {
    const { harness, worker, ann, bob } = aCrowd();
    waitsLong(harness);
    bob.submits({ second: cpus(1) });
    assert.equal(worker.orders, "first");
    ann.cancels(["wide"]);
    assert.equal(worker.orders, "first second");
    assert.deepEqual(turnsIn(harness), []);
  });

  test("has no turn while its user has something before it", () => {
    const { harness, ann, bob } = aCrowd();
    const { spec } = cpus(4);
    ann.submits({ wider: { spec: { ...spec, priority: 5 } } });
    waitsLong(harness);
    bob.submits({ second: cpus(1) });
    const [reservation] = harness.state.reservations.values();
    assert.equal(harness.state.shapes[reservation.shape].priority, 5);
  });

  test("is late by what it waited in line, not for its inputs", () => {
    const { harness, worker, ann, bob } = aCrowd();
    ann.cancels(["wide"]);
    ann.submits({ input: cpus(1), after: { ...cpus(4), on: ["input"] } });
    waitsLong(harness);
    worker.finishes("input");
    bob.submits({ second: cpus(1) });
    assert.deepEqual(turnsIn(harness), []);
  });

  test("keeps nothing from a better band", () => {
    const { harness, worker, bob } = aCrowd();
    waitsLong(harness);
    const { spec } = cpus(1);
    bob.submits({ urgent: { spec: { ...spec, band: "production" } } });
    assert.equal(worker.orders, "first urgent");
  });

  test("has a turn after another one not before a rest", () => {
    const { harness, worker } = aCrowd();
    harness.aClient("eve").submits({ broad: cpus(3.5) });
    waitsLong(harness);
    worker.finishes("first");
    assert.equal(worker.orders, "wide");
    assert.deepEqual(turnsIn(harness), []);
    harness.after(lateTurnRestUs / 1_000);
    harness.aClient("bob").submits({ third: cpus(1) });
    assert.deepEqual(turnsIn(harness), ["turn"]);
  });
});
