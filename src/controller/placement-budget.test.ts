/**
 * A turn places so much and no more; the rest is placed in the next turns, in the same order, and
 * nothing of it is forgotten.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { TaskDraft } from "../../test/support/fake-client.ts";
import { nextDeadline } from "./deadlines.ts";
import { isPlacementPaused } from "./placement-budget.ts";

const labels = Array.from({ length: 10 }, (_unused, i) => `t${i}`);
const drafts: { [label: string]: TaskDraft } = Object.fromEntries(labels.map((one) => [one, {}]));

function aFleet(turnUnits: number) {
  const harness = new ControllerHarness();
  const workers = Array.from({ length: 5 }, () => harness.aWorker({ slots: 2 }));
  harness.state.fleet.turnUnits = turnUnits;
  return { harness, workers };
}

/** Ticks until nothing is left for another turn; how many there were. */
function turns({ harness }: { readonly harness: ControllerHarness }): number {
  let count = 0;
  for (; isPlacementPaused(harness.state); count++) {
    assert.equal(nextDeadline(harness.state), harness.at, "the next turn is due at once");
    assert.ok(count < 100, "every turn places something");
    harness.happens({ type: "tick", at: harness.at });
  }
  return count;
}

describe("a turn that has spent its budget", () => {
  test("leaves the rest to the next ones, which place the same", () => {
    const whole = aFleet(1_000);
    const pieces = aFleet(6);
    for (const { harness } of [whole, pieces]) harness.aClient().submits(drafts);
    assert.equal(isPlacementPaused(whole.harness.state), false);
    assert.ok(turns(pieces) > 2);
    const orders = ({ workers }: ReturnType<typeof aFleet>) => workers.map((one) => one.orders);
    assert.deepEqual(orders(pieces), orders(whole));
    assert.notEqual(nextDeadline(pieces.harness.state), pieces.harness.at);
  });

  test("places nothing more at that moment, whatever comes, and goes on by itself", () => {
    const fleet = aFleet(2);
    const { harness } = fleet;
    const client = harness.aClient();
    client.submits({ a: {}, b: {}, c: {} });
    const running = harness.state.attempts.live;
    harness.happens({ type: "worker-disconnected", at: harness.state.at, worker: 4 });
    assert.equal(harness.state.attempts.live, running);
    turns(fleet);
    assert.equal(harness.state.attempts.live, 3);
  });

  test("is only put off: what ends meanwhile, and who comes, is looked at too", () => {
    const fleet = aFleet(2);
    const { harness, workers } = fleet;
    harness.aClient().submits(drafts);
    workers[0].obeys();
    harness.aWorker({ slots: 8 });
    workers[1].disconnects();
    turns(fleet);
    harness.check();
    assert.equal(harness.state.attempts.live, 10);
  });

  test("evicts for what waits once all is placed that can be", () => {
    const fleet = aFleet(3);
    const { harness, workers } = fleet;
    harness.aClient().submits(drafts);
    turns(fleet);
    harness.aClient("bob").submits({ urgent: { spec: { band: "production" } } });
    turns(fleet);
    for (const worker of workers) worker.obeys();
    turns(fleet);
    assert.equal(
      harness.state.reservations.size + Number(harness.stateOf("urgent") !== "PENDING queued"),
      1,
    );
  });
});
