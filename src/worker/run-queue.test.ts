/**
 * The order of ready runs, whatever the order in which they became ready.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { aSpec } from "../../test/worker/builders.ts";
import { Prng } from "../base/prng.ts";
import { goesBefore, RunQueue } from "./run-queue.ts";
import type { Run } from "./state.ts";

function aRun(arrival: number, priority: number): Run {
  const queue = new RunQueue();
  return {
    attempt: arrival,
    task: arrival,
    spec: {
      id: 1,
      definition: aSpec({ priority }),
      kind: "function",
      couldRun: true,
      amounts: [],
      amountsYielded: [],
      asksBeyondCpu: false,
      isCall: false,
    },
    shape: {
      id: 1,
      kind: "function",
      isCall: false,
      granted: queue,
      prefetched: queue,
      meanUs: -1,
    },
    granted: false,
    args: new Uint8Array(0),
    context: "",
    inputs: [],
    dependencies: [],
    arrival,
    hasYielded: false,
    queue: null,
  };
}

/** A queue after random pushes and removals, and what is in it by a simpler count. */
function aQueueOf(seed: number) {
  const prng = new Prng(seed);
  const queue = new RunQueue();
  const inside = new Set<Run>();
  for (let arrival = 1; arrival <= 300; arrival++) {
    const run = aRun(prng.chance(0.5) ? arrival : arrival + 10_000, prng.below(3));
    queue.push(run);
    inside.add(run);
    if (!prng.chance(0.4)) continue;
    const taken = prng.chance(0.5) ? queue.first() : prng.pick([...inside]);
    assert.ok(taken !== null);
    queue.remove(taken);
    inside.delete(taken);
  }
  return { queue, inside };
}

test("runs leave by priority, then arrival, however they were put in and taken out", () => {
  // Many seeds: what comes first decides which priorities find their place there already.
  for (let seed = 1; seed <= 20; seed++) {
    const { queue, inside } = aQueueOf(seed);
    assert.equal(queue.size, inside.size);
    const expected = [...inside].sort((a, b) => (goesBefore(a, b) ? -1 : 1));
    assert.deepEqual([...queue], expected);
    for (const run of expected) {
      assert.equal(queue.first(), run);
      queue.remove(run);
    }
    assert.equal(queue.first(), null);
  }
});

test("a long queue is drained from its front without keeping what has left", () => {
  const queue = new RunQueue();
  const runs = Array.from({ length: 10_000 }, (_, i) => aRun(i + 1, 0));
  for (const run of runs) queue.push(run);
  for (const run of runs) {
    assert.equal(queue.first(), run);
    queue.remove(run);
  }
  assert.equal(queue.size, 0);
});
