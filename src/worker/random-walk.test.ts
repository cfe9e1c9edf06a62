/**
 * Seeded walks of the worker kernel: see test/worker/walk.ts.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { snapshotOf } from "../../test/worker/snapshot.ts";
import { Walk, walkConfig, walkFor, walkToEnd } from "../../test/worker/walk.ts";
import { apply } from "./apply.ts";
import { newWorkerState } from "./state.ts";

test("under every order and fault the rules hold, and calm ends every run with one answer", () => {
  const seen = { begun: 0, commands: 0, members: 0, measured: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    try {
      const walk = walkToEnd(seed);
      seen.begun += walk.shell.begunCount;
      seen.commands += walk.shell.begunCommands;
      seen.members += walk.shell.begunMembers;
      seen.measured += walk.controller.measured;
    } catch (error) {
      throw new Error(`walk with seed ${seed}`, { cause: error });
    }
  }
  const enough = seen.begun > 2_000 && seen.commands > 500 && seen.members > 100;
  assert.ok(enough && seen.measured > 500, `the walks ran everything: ${JSON.stringify(seen)}`);
});

test("a worker that leaves at any moment answers every run, frees everything and goes", () => {
  for (let seed = 200; seed < 230; seed++) {
    const walk = walkFor(seed, 300);
    while (walk.takeOrder()); // What does not reach it is the controller's to take back.
    walk.happens({ type: "leave-requested", emptyMs: seed % 2 === 0 ? 0 : 10_000 });
    walk.settle();
    assert.ok(walk.shell.left && walk.controller.leaving, `seed ${seed} left`);
    assert.equal(walk.controller.open.size, 0, `seed ${seed} answered`);
    assert.equal(walk.state.executions.size + walk.state.transfers.size, 0);
  }
});

test("a reset at any moment leaves nothing behind once what ran has ended", () => {
  for (let seed = 300; seed < 330; seed++) {
    const walk = walkFor(seed, 300);
    walk.order({ type: "reset" });
    while (walk.takeOrder());
    walk.controller.open.clear();
    walk.settle();
    const { tasks, executions, transfers, openRuns, attemptsDigest } = walk.state;
    assert.equal(tasks.size + executions.size + transfers.size + openRuns + attemptsDigest, 0);
    assert.equal(walk.shell.values.size, 0, "the store is empty");
  }
});

test("the same events give the same facts, and the state is the fold of its facts", () => {
  for (let seed = 100; seed < 106; seed++) {
    const walk = walkFor(seed, 600);
    const again = walkFor(seed, 600);
    assert.equal(snapshotOf(again.state), snapshotOf(walk.state));
    assert.deepEqual(again.facts, walk.facts);
    const folded = newWorkerState(walkConfig);
    for (const fact of walk.facts) apply(folded, fact);
    assert.equal(snapshotOf(folded), snapshotOf(walk.state));
  }
});

test("work per event is bounded by the records that it touches", () => {
  const walk = new Walk(7);
  let before = walk.facts.length;
  for (let i = 0; i < 400; i++) {
    const records = walk.state.tasks.size + walk.state.executions.size;
    const events = walk.events;
    walk.stir();
    const facts = walk.facts.length - before;
    assert.ok(facts <= (walk.events - events) * (12 * (records + 16)), `${facts} facts`);
    before = walk.facts.length;
  }
});
