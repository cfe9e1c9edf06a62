/**
 * What runs much longer than its kind is named, once, everywhere where people look; and nothing is
 * done about it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { type FakeWorker, yielded } from "../../test/support/fake-worker.ts";
import { hungAttempts, hungCount, hungTaskOf, lookForHangs } from "./hangs.ts";
import { hangLookRows, hangMinUs, hangSamplesMin, hungListedMax } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { Problem } from "./overview.ts";

const hangMinMs = hangMinUs / 1000;

interface Explained {
  readonly summary: string;
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
  readonly wakers: readonly { readonly message: string }[];
}

function explain(harness: ControllerHarness, id: string): Explained {
  return harness.call("Explain", { id }) as Explained;
}

function reasonCodes(harness: ControllerHarness, id: string): string[] {
  return explain(harness, id).reasons.map(({ code }) => code);
}

function eventsOf(harness: ControllerHarness): string[] {
  return harness.state.story.events
    .filter(({ type }) => type.includes("hung"))
    .map(({ type, id, message }) => `${type} ${id} ${message}`);
}

/** A client whose tasks of one kind took a second each, and one more of that kind that runs. */
function aKindWithOneThatRuns(samples: number) {
  const harness = new ControllerHarness();
  const client = harness.aClient();
  const worker = harness.aWorker();
  for (let i = 0; i < samples; i++)
    run(harness, worker, () => client.submits({ [`t${i}`]: {} }), `t${i}`);
  client.submits({ last: {}, after: { on: ["last"] } });
  worker.starts("last");
  const id = `${harness.state.jobs[0].id}/${samples}`;
  return { harness, client, worker, id };
}

function run(harness: ControllerHarness, worker: FakeWorker, submit: () => void, label: string) {
  submit();
  worker.starts(label);
  harness.after(1_000);
  worker.finishes(label);
}

describe("a task that runs much longer than others of its kind", () => {
  test("is named with its worker and with what is usual, when it has run for long enough", () => {
    const { harness, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(hangMinMs - 2_000);
    assert.deepEqual(reasonCodes(harness, id), []);
    harness.after(4_000);
    const { reasons } = explain(harness, id);
    assert.equal(reasons[0]?.code, "HUNG");
    assert.match(reasons[0].message, /^hung\? it runs on w1 for 3\d.*s; of others like it 95 in /);
    assert.match(reasons[0].message, /took at most 1\.\d+s;.*capstan task stack/);
  });

  test("is named with how far it last said it was", () => {
    const { harness, worker, id } = aKindWithOneThatRuns(hangSamplesMin);
    worker.tells("last", 0.5, "reading");
    harness.after(hangMinMs + 2_000);
    const [{ message }] = explain(harness, id).reasons;
    assert.match(
      message,
      /took at most 1\.\d+s; 50 % done, reading, as it said 3\ds ago; it is left/,
    );
  });

  test("is named to whoever waits for it, in the overview, and by a doctor who is content", () => {
    const { harness, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(hangMinMs + 2_000);
    const after = explain(harness, `${id.slice(0, id.lastIndexOf("/"))}/${hangSamplesMin + 1}`);
    assert.match(after.wakers.at(-1)?.message ?? "", /runs on w1 \(pid \d+\).*; hung\? usual is/);
    const { problems } = harness.call("GetOverview") as { readonly problems: readonly Problem[] };
    assert.deepEqual(
      problems.map(({ code, subject, count }) => [code, subject.id, count]),
      [["TASK_HUNG", id, 1]],
    );
    const report = harness.call("GetDoctorReport") as {
      readonly ok: boolean;
      readonly hung: readonly { readonly taskId: string; readonly workerId: string }[];
    };
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.hung.map(({ taskId, workerId }) => [taskId, workerId]),
      [[id, "w1"]],
    );
    assert.match(explain(harness, harness.state.jobs[0].id).reasons[0].message, /^hung\?/);
  });

  test("is told in the events once, and again when it ends; nothing is ended for it", () => {
    const { harness, worker, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(10 * hangMinMs);
    assert.equal(eventsOf(harness).length, 1);
    assert.match(
      eventsOf(harness)[0],
      new RegExp(`^task-hung ${id} runs on w1 \\(pid \\d+\\) for 3`),
    );
    assert.equal(harness.stateOf("last"), "RUNNING");
    worker.finishes("last");
    assert.match(
      eventsOf(harness)[1],
      new RegExp(`^hung-task-ended ${id} ended after 5m.*finished$`),
    );
    assert.equal(harness.state.hung.size, 0);
  });

  test("is known to the controller that takes over, with what is usual", () => {
    const { harness, worker, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(hangMinMs + 2_000);
    harness.restarts("snapshot");
    worker.connects();
    assert.ok(reasonCodes(harness, id).includes("HUNG"));
    assert.notEqual(
      harness.state.runTimes.p95(harness.state.tasks.spec[harness.rowOf("last")]),
      null,
    );
  });

  test("is named by the controller that took over while it ran", () => {
    const { harness, worker, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(5_000);
    harness.restarts("snapshot");
    worker.connects();
    harness.after(hangMinMs);
    assert.deepEqual(reasonCodes(harness, id), ["HUNG"]);
  });

  test("is not named while too few of its kind have ended", () => {
    const { harness, id } = aKindWithOneThatRuns(hangSamplesMin - 1);
    harness.after(10 * hangMinMs);
    assert.deepEqual(reasonCodes(harness, id), []);
  });

  test("is not named for a kind that takes as long", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker({ slots: hangSamplesMin + 1 });
    const labels = Array.from({ length: hangSamplesMin + 1 }, (_, i) => `t${i}`);
    client.submits(Object.fromEntries(labels.map((label) => [label, {}])));
    for (const label of labels) worker.starts(label);
    harness.after(20_000);
    for (const label of labels.slice(1)) worker.finishes(label);
    harness.after(5 * 20_000);
    assert.equal(harness.state.hung.size, 0);
    harness.after(10 * 20_000);
    assert.equal(harness.state.hung.size, 1);
  });

  test("is not named any more once it was told to stop", () => {
    const { harness, client, id } = aKindWithOneThatRuns(hangSamplesMin);
    harness.after(hangMinMs + 2_000);
    client.cancels(["last"]);
    const { problems } = harness.call("GetOverview") as { readonly problems: readonly Problem[] };
    assert.deepEqual(problems, []);
    assert.deepEqual(reasonCodes(harness, id), []);
  });
});

/** The rows that a look at `at` names, of what runs since `startedAt` of a kind with this p95. */
function namedAt(at: number, { usualUs, startedAt = 1_000_000_000 }: Running): readonly number[] {
  const harness = new ControllerHarness({ checks: false });
  const worker = harness.aWorker({ slots: 2 });
  harness.aClient().submits({ runs: {}, waits: {} });
  worker.starts("runs");
  const { state } = harness;
  const row = state.tasks.attempt[harness.rowOf("runs")];
  state.attempts.startedAt[row] = startedAt;
  const spec = state.tasks.spec[harness.rowOf("runs")];
  for (let i = 0; i < hangSamplesMin; i++) state.runTimes.add(spec, usualUs - 1);
  assert.equal(state.runTimes.p95(spec), usualUs);
  const out = new Outbox();
  lookForHangs(state, out, at);
  return [...state.hung.keys()];
}

interface Running {
  readonly usualUs: number;
  readonly startedAt?: number;
}

test("what runs is named ten times past what is usual, and not before half a minute", () => {
  const startedAt = 1_000_000_000;
  assert.deepEqual(namedAt(startedAt + hangMinUs - 1, { usualUs: 1_024 }), []);
  assert.deepEqual(namedAt(startedAt + hangMinUs, { usualUs: 1_024 }), [0]);
  const usualUs = 1_024 * 4_096;
  assert.deepEqual(namedAt(startedAt + 10 * usualUs - 1, { usualUs }), []);
  assert.deepEqual(namedAt(startedAt + 10 * usualUs, { usualUs }), [0]);
});

test("what may hang is listed, the longest first, up to a bound, and all are counted", () => {
  const harness = new ControllerHarness({ checks: false });
  const count = hungListedMax + 2;
  const worker = harness.aWorker({
    slots: count + 2,
    capacity: { cpuMilli: 1_000 * count + 2_000 },
  });
  const labels = Array.from({ length: count + 1 }, (_, i) => `t${i}`);
  harness.aClient().submits(Object.fromEntries(labels.map((label) => [label, {}])));
  worker.starts(...labels);
  const { state } = harness;
  for (const [i, label] of labels.entries()) {
    const row = state.tasks.attempt[harness.rowOf(label)];
    state.attempts.startedAt[row] = 1_000_000 * (1 + ((i * 7) % 50));
    state.hung.set(row, { usualUs: 2_000_000 });
  }
  worker.reports(yielded("t1"));
  assert.equal(hungCount(state), count, "what waits for its own is not counted");
  state.at = 100_000_000;
  const hung = hungAttempts(state);
  assert.equal(hung.length, hungListedMax);
  const times = hung.map(({ ranMs }) => ranMs);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => b - a),
  );
  assert.deepEqual(hung[0], {
    ...{ taskId: "/ann/graph-1/0", attemptId: hung[0].attemptId, name: "f", workerId: "w1" },
    ...{ workerPid: 7, startedAt: "1970-01-01T00:00:01.000Z", ranMs: 99_000, usualMs: 2_000 },
    message:
      "it runs on w1 for 1m 39s; of others like it 95 in 100 took at most 2s; it is left alone, " +
      "and capstan task stack /ann/graph-1/0 shows where it is",
  });
  const [job] = state.jobs;
  assert.equal(hungTaskOf(state, job), harness.rowOf("t0"));
  assert.equal(hungTaskOf(state, { ...job, index: 5 }), undefined);
});

test("a look goes over a bounded part of the attempts, and the next one goes on behind it", () => {
  const harness = new ControllerHarness({ checks: false });
  const client = harness.aClient();
  const slots = hangLookRows + 10;
  const worker = harness.aWorker({ slots, capacity: { cpuMilli: slots * 1_000 } });
  const labels = Array.from({ length: slots }, (_, i) => `t${i}`);
  client.submits(Object.fromEntries(labels.map((label) => [label, {}])));
  assert.ok(harness.state.attempts.length > hangLookRows);
  worker.heartbeats();
  const seen: number[] = [];
  for (let look = 0; look < 10; look++) {
    harness.after(200);
    if (seen.at(-1) !== harness.state.hangLookRow) seen.push(harness.state.hangLookRow);
  }
  assert.ok(seen.length > 2, seen.join());
  assert.deepEqual(new Set(seen), new Set([0, hangLookRows]));
});
