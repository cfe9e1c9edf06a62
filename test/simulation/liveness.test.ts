/**
 * A standstill is called by its name, and what is owed has a bound that follows from the state.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newControllerState } from "../../src/controller/state.ts";
import { stage } from "../../src/controller/tables/task-table.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";
import { diagnose, settleBoundUs, taskNode, waitGraphOf } from "../../src/simulator/liveness.ts";

function graphOf(edges: Record<string, readonly string[]>, pending: readonly string[] = []) {
  return { edges: new Map(Object.entries(edges)), pending: new Set(pending) };
}

describe("a standstill", () => {
  test("in a circle is a deadlock", () => {
    const graph = graphOf({ a: ["room 1"], "room 1": ["b"], b: ["room 2"], "room 2": ["a"] });
    const { kind, sentence } = diagnose(graph, "a", false);
    assert.equal(kind, "deadlock");
    const waits = "room 1, which waits for b, which waits for room 2, which waits for a";
    assert.equal(sentence, `deadlock: a, which waits for ${waits}`);
  });

  test("before something that nothing will move is a lost wake-up", () => {
    const { kind, sentence } = diagnose(graphOf({ a: ["b"], b: ["a timer"] }), "a", false);
    assert.equal(kind, "lost wake-up");
    assert.match(sentence, /nothing will move a timer$/);
  });

  test("in which the same states come again is a livelock", () => {
    assert.equal(diagnose(graphOf({ a: ["b"] }, ["b"]), "a", true).kind, "livelock");
  });

  test("behind what moves is starvation", () => {
    const graph = graphOf({ a: ["room 1"], "room 1": ["b", "c"] }, ["c"]);
    assert.equal(diagnose(graph, "a", false).kind, "starvation");
  });
});

/** A cluster of one busy worker and a graph that waits. */
function aBusyCluster(): SimulatedCluster {
  const faults = { ...noFaults, runUsMax: 400_000, jobLaunch: 0 };
  const cluster = new SimulatedCluster({
    seed: 3,
    workerCount: 1,
    clientCount: 1,
    slots: 1,
    faults,
  });
  cluster.runUntil(cluster.timeline.now + 50_000);
  cluster.clients[0].submit(12);
  cluster.runUntil(cluster.timeline.now + 4_000);
  return cluster;
}

describe("the graph of a cluster", () => {
  test("leads from what waits to what runs", () => {
    const { state } = aBusyCluster();
    const queued = [...state.tasks.rows()].find((row) => state.tasks.stage[row] === stage.queued);
    assert.ok(queued !== undefined);
    const graph = waitGraphOf(state, { anythingPending: true, hasAttempt: () => true });
    const { kind, sentence } = diagnose(graph, taskNode(state, queued), false);
    assert.equal(kind, "starvation");
    assert.match(sentence, /waits for the room of w0, which waits for attempt 1\.\d+ on w0/);
  });

  test("ends at an attempt that no worker has", () => {
    const { state } = aBusyCluster();
    const placed = [...state.tasks.rows()].find((row) => state.tasks.attempt[row] < 64);
    assert.ok(placed !== undefined);
    const graph = waitGraphOf(state, { anythingPending: true, hasAttempt: () => false });
    const { kind, sentence } = diagnose(graph, taskNode(state, placed), false);
    assert.equal(kind, "lost wake-up");
    assert.match(sentence, /nothing will move attempt 1\.\d+ on w0$/);
  });
});

test("the bound grows with the work that is left", () => {
  const { state } = aBusyCluster();
  const idle = settleBoundUs(newControllerState(), 400_000);
  assert.equal(idle, 70_000_000);
  assert.ok(settleBoundUs(state, 400_000) > idle + 4 * 400_000);
});
