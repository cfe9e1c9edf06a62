/**
 * A restart: the state is the fold of its facts, a snapshot stands for it, and either goes on
 * working as if nothing had been.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  assertSameText,
  ControllerHarness,
  foldOf,
} from "../../test/support/controller-builders.ts";
import { abandoned, finished, handedBack, have } from "../../test/support/fake-worker.ts";
import { apply } from "./apply.ts";
import { pruneJobs } from "./jobs.ts";
import { Outbox } from "./outbox.ts";
import { durableText, snapshotOf, stateOf } from "./snapshot.ts";

/** A cluster in the middle of everything: every kind of record has some entry. */
function aBusyCluster() {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const w1 = harness.aWorker({ slots: 2 });
  const retried = { spec: { maxRetriesFailure: 2, retryBackoff: { initialMs: 900, maxMs: 900 } } };
  client.submits({
    ...{ done: {}, failed: {}, delayed: retried, running: {}, cancelled: {}, waiting: {} },
    ...{ keyed: { key: "k", args: "1" }, late: { spec: { schedulingTimeoutMs: 60_000 } } },
    ...{ reader: { on: ["done", "running"] }, heir: { on: ["failed"] }, forgotten: {} },
  });
  w1.reports(finished("done", { value: null }));
  w1.fails("failed");
  const run = (label: string) => {
    while (!w1.orders.split(" ").includes(label)) w1.finishes(w1.orders.split(" ")[0]);
  };
  run("delayed");
  w1.fails("delayed");
  run("running");
  w1.starts("running");
  client.cancels(["cancelled"]);
  const w2 = harness.aWorker();
  w2.reports(have("done"));
  return { harness, client, w1, w2 };
}

for (const from of ["facts", "snapshot"] as const) {
  describe(`a controller that restarts from its ${from}`, () => {
    test("has the state that it had, but for who is connected", () => {
      const { harness } = aBusyCluster();
      const before = durableText(harness.state);
      harness.restarts(from);
      assert.equal(
        durableText(harness.state),
        before
          .replace('"epoch":1', '"epoch":2')
          .replace(/"attemptCounter":\d+/, '"attemptCounter":0'),
      );
      assert.ok(harness.state.workers.every((worker) => !worker.connected));
    });

    test("goes on: what ran still runs, what waited is placed, everything ends", () => {
      const { harness, client, w1, w2 } = aBusyCluster();
      const executions = w1.attemptOf("running").id;
      harness.restarts(from);
      w1.connects();
      w2.connects();
      client.connects();
      assert.equal(w1.attemptOf("running").id, executions, "it was not ordered again");
      client.wants(...client.numbers.keys());
      for (let rounds = 0; rounds < 50; rounds++) {
        for (const worker of [w1, w2]) {
          for (const { label, granted, phase, recalled } of [...worker.attempts.values()]) {
            if (phase === 2) worker.reports(abandoned(label));
            else if (recalled) worker.reports(handedBack(label));
            else if (granted) worker.finishes(label);
          }
        }
        harness.after(100);
      }
      const open = [...client.numbers.keys()].filter((label) => {
        return /PENDING|ASSIGNED|RUNNING/.test(harness.stateOf(label));
      });
      assert.deepEqual(open, []);
      assert.deepEqual([harness.usedBy(w1), harness.usedBy(w2)], [{}, {}]);
      assert.equal(client.outcomes.get("reader"), "value of reader");
      client.closes();
      assert.equal(harness.state.tasks.live, 0);
    });

    test("takes a request that was acknowledged before only once", () => {
      const harness = new ControllerHarness();
      const client = harness.aClient();
      const message = client.submission({ a: {} });
      client.says(message);
      harness.restarts(from);
      client.connects();
      assert.deepEqual(client.says(message), ["c1 < accepted 1"]);
      assert.equal(harness.state.tasks.live, 1);
    });

    test("never uses an attempt id again", () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.aClient().submits({ a: {} });
      const { id } = worker.attemptOf("a");
      harness.restarts(from);
      worker.restarts();
      assert.ok(worker.attemptOf("a").id > id);
    });

    test("keeps what a live worker holds: nothing of it runs again", () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      const client = harness.aClient();
      client.submits({ a: {}, b: { on: ["a"] } });
      worker.reports(finished("a", { value: null }));
      harness.restarts(from);
      assert.deepEqual(worker.connects(), ["w1 < grant b"], "said again: it may have been missed");
      assert.equal(harness.stateOf("a"), "SUCCEEDED");
      assert.equal(harness.state.recomputedCount, 0);
    });

    test("learns of an end that came while nobody listened", () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      const client = harness.aClient();
      client.submits({ a: {} });
      const ref = harness.refOf("a");
      harness.restarts(from);
      client.connects();
      worker.attempts.clear();
      worker.values.set(ref, 5);
      worker.connects();
      assert.equal(harness.stateOf("a"), "SUCCEEDED");
    });

    test("loses a worker that does not come back, after its whole bound", () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.aClient().submits({ a: {} });
      worker.starts("a");
      harness.restarts(from);
      harness.after(9_000);
      assert.equal(harness.stateOf("a"), "RUNNING");
      harness.after(2_000);
      assert.equal(harness.stateOf("a"), "PENDING queued");
    });
  });
}

test("the facts after a snapshot do to it what they do to the state that it stands for", () => {
  const { harness } = aBusyCluster();
  const { facts } = harness;
  for (let cut = 0; cut < facts.length; cut += 3) {
    const state = stateOf(structuredClone(snapshotOf(foldOf(facts.slice(0, cut)))));
    for (const fact of facts.slice(cut)) apply(state, fact);
    assertSameText(durableText(state), durableText(harness.state), `cut at ${cut}`);
  }
});

test("a snapshot does not change when its state does", () => {
  const { harness, client } = aBusyCluster();
  const snapshot = snapshotOf(harness.state);
  const text = durableText(stateOf(snapshot));
  client.closes();
  assert.equal(durableText(stateOf(snapshot)), text);
});

test("of several jobs of one name a snapshot means the latest, wherever it stands", () => {
  const harness = new ControllerHarness({ checks: false });
  for (const name of ["y", "x"]) {
    harness.launch(name);
    harness.cancel(`/ann/${name}`);
  }
  const bounds = { endedBefore: 0, jobsMax: 1, tasksMax: 9 };
  pruneJobs(harness.state, new Outbox(), bounds);
  harness.launch("x");
  const { jobs, jobsById } = harness.state;
  assert.deepEqual(
    jobs.map(({ id, sequence }) => [id, sequence]),
    [
      ["/ann/x", 3],
      ["/ann/x", 2],
    ],
  );
  const restored = stateOf(snapshotOf(harness.state));
  assert.equal(restored.jobsById.get("/ann/x"), 0);
  assert.deepEqual(restored.jobsById, jobsById);
});
