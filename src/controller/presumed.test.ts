/**
 * A state that was folded from a journal, as people look at it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerHarness, foldOf } from "../../test/support/controller-builders.ts";
import { doctorReport } from "./doctor.ts";
import { presumeConnected } from "./presumed.ts";
import { finish } from "./scan.ts";
import { taskFlag } from "./tables/task-table.ts";

interface Report {
  readonly ok: boolean;
  readonly violations: readonly object[];
}

test("in the past whoever was not lost is there and was just heard", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const [here, gone] = [harness.aWorker(), harness.aWorker()];
  client.submits({ a: {}, b: {} });
  gone.exits();
  const past = foldOf(harness.facts);
  const heardAt = past.workers[gone.index].lastHeardAt;
  const at = harness.at + 3_600_000_000;
  presumeConnected(past, at);
  const shown = past.workers.map(({ connected, lastHeardAt }) => [connected, lastHeardAt]);
  assert.deepEqual(shown, [
    [true, at],
    [false, heardAt],
  ]);
  assert.equal(here.index, 0);
  const isAwaited = past.tasks.hasFlag(harness.rowOf("a"), taskFlag.awaited);
  assert.equal(isAwaited, harness.state.tasks.hasFlag(harness.rowOf("a"), taskFlag.awaited));
  assert.equal(isAwaited, true);
});

test("in the past every session that was not over is there, and nobody is suspected", () => {
  const harness = new ControllerHarness();
  const [over, open] = [harness.aClient(), harness.aClient("bob")];
  const worker = harness.aWorker();
  over.closes();
  open.disconnects();
  const past = foldOf(harness.facts);
  past.workers[worker.index].suspect = true;
  past.brokenGangs.add(0);
  past.touchedJobs.add(0);
  presumeConnected(past, harness.at);
  assert.deepEqual(
    past.clients.map((client) => client?.connected ?? null),
    [null, true],
  );
  assert.equal(past.workers[worker.index].suspect, false);
  assert.equal(past.at, harness.at);
  assert.deepEqual([past.brokenGangs.size, past.touchedJobs.size], [0, 0]);
});

test("the past of a cluster in which tasks and jobs failed breaks no rule", () => {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker({ slots: 2 });
  client.submits({ a: {}, b: { on: ["a"] }, c: {} });
  worker.fails("a");
  worker.finishes("c");
  harness.launch("one");
  worker.starts("one/0");
  worker.fails("one/0");
  const past = foldOf(harness.facts);
  presumeConnected(past, harness.at);
  const { ok, violations } = finish(doctorReport(past)) as Report;
  assert.deepEqual([ok, violations], [true, []]);
});
