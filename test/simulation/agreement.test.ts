/**
 * What the two sides of a connection must agree on when nothing is under way between them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerState } from "../../src/controller/state.ts";
import type { LiveWorker } from "../../src/simulator/agreement-rules.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";
import { checkQuiet } from "../../src/simulator/quiet-rules.ts";

const lively = { ...noFaults, jobLaunch: 0.4, runUsMax: 400_000 };

/** The worker has spoken, and was heard. */
function look(state: ControllerState, worker: LiveWorker): void {
  const index = worker.state.connection.index;
  const message = { type: "leaving" } as const;
  checkQuiet(state, { type: "worker-messaged", at: state.at, worker: index, message }, [worker]);
}

/** A worker on which something runs, to and from which nothing is under way. */
function quietWorker(): { readonly state: ControllerState; readonly worker: LiveWorker } {
  const cluster = new SimulatedCluster({ seed: 1, faults: lively, checks: false });
  for (let action = 0; action < 200; action++) {
    cluster.act(action);
    cluster.runUntil(cluster.timeline.now + 2_000);
    const { state } = cluster;
    for (const worker of cluster.workers) {
      const { connection, executions } = worker.state;
      const record = state.workers[connection.index];
      if (executions.size === 0 || record === undefined || !connection.up) continue;
      const { sentCount, receivedCount } = record;
      if (connection.applied === sentCount && connection.sent === receivedCount)
        return { state, worker };
    }
  }
  throw new Error("nobody is quiet while something runs");
}

test("nobody waits for the answer of what a worker forgot, once nothing is under way", () => {
  const { state, worker } = quietWorker();
  look(state, worker);
  const [execution] = worker.state.executions.values();
  worker.state.executions.delete(execution.id);
  const { applied } = worker.state.connection;
  const rule = /of what has not ended somebody owes an answer/;
  assert.throws(() => look(state, worker), rule);
  worker.state.connection.applied = applied - 1; // An order may still change that.
  look(state, worker);
  worker.state.connection.applied = applied;
  worker.state.connection.sent++; // And so may an answer.
  look(state, worker);
});
