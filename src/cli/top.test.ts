/**
 * Rules of `capstan top`: what it says of a cluster, and to whom.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { aJob } from "../../test/support/api-views.ts";
import { FakeApi } from "../../test/support/fake-api.ts";
import { describeOverview, type Overview } from "./describe-overview.ts";

const api = new FakeApi();

before(() => api.start());
after(() => api.close());

const series = {
  stepMs: 1_000,
  endAt: "2026-01-01T00:01:00.000Z",
  succeeded: [0, 4, 8],
  failed: [0, 0, 1],
};

function anOverview(overrides: Partial<Overview> = {}): Overview {
  const gib = 2 ** 30;
  return {
    ...{ clusterId: "c", startedAt: null, recent: series, history: series },
    ...{ taskStateCounts: { RUNNING: 3 }, jobStateCounts: { RUNNING: 1, PENDING: 2 } },
    ...{ workerStateCounts: { HEALTHY: 2 }, reservations: 0, problems: [] },
    ...{ queued: { tasks: 5, queues: 2, waiting: 1 }, running: { attempts: 3, prefetched: 4 } },
    resources: [
      { name: "cpu", unit: "MILLI", total: 8_000, committed: 2_000, held: 0 },
      { name: "memory", unit: "BYTES", total: 4 * gib, committed: gib, held: gib },
      { name: "device:gpu:h100", unit: "MILLI", total: 0, committed: 0, held: 0 },
    ],
    ...overrides,
  };
}

const pipe = { stdout: { write: () => undefined }, stderr: { write: () => undefined }, env: {} };

function linesOf(overview: Overview, jobs = [aJob()]): string[] {
  return describeOverview(pipe, { overview, jobs, at: new Date("2026-01-01T17:20:50Z") });
}

test("it says the rate, the queue, the use of each resource, and what runs", () => {
  const pending = aJob({ jobId: "/ann/y", state: "PENDING", pendingReason: "waits for cpu" });
  assert.deepEqual(linesOf(anOverview(), [pending]), [
    "capstan top  17:20:50 UTC",
    "",
    "tasks/s     4.3  ▁▄█  1 failed",
    "on workers  3, 4 sent ahead",
    "queued      5 in 2 queues, 1 not ready",
    "jobs        1 RUNNING, 2 PENDING",
    "workers     2 HEALTHY",
    "",
    "cpu       ██████░░░░░░░░░░░░░░░░░░  25 %  2 / 8",
    "memory    ██████░░░░░░░░░░░░░░░░░░  25 %  1 GiB / 4 GiB  1 GiB kept",
    "gpu:h100  ░░░░░░░░░░░░░░░░░░░░░░░░  0 %   0 / 0",
    "",
    "nothing is wrong",
    "",
    "/ann/y  PENDING  1 succeeded  waits for cpu",
  ]);
});

test("what is wrong names whom it is about, and how many are like it", () => {
  const subject = { kind: "WORKER", id: "w-7" } as const;
  const problem = { code: "WORKER_LOST", severity: "ERROR", message: "silent for 11 s" } as const;
  const lines = linesOf(anOverview({ problems: [{ ...problem, subject, count: 3 }] }), []);
  assert.ok(lines.includes("error    silent for 11 s (w-7)  and 2 like it"), lines.join("\n"));
  assert.equal(lines.at(-1), "no job runs or waits");
});

test("in a pipe it looks once and ends; as JSON it prints what the API answered", async () => {
  const overview = anOverview();
  api.reset({
    GetOverview: [overview],
    ListJobs: [{ jobs: [], nextPageToken: "", totalCount: 0 }],
  });
  const plain = await api.run("top");
  assert.equal(plain.code, 0, plain.err);
  assert.match(plain.out, /^capstan top .*\n\ntasks\/s/);
  const json = await api.run("top --json");
  assert.deepEqual(JSON.parse(json.out), overview);
});

test("an interval that is none is refused", async () => {
  const { code, err } = await api.run("top --interval 0");
  assert.equal(code, 2);
  assert.match(err, /--interval: expected a number of seconds above 0, not "0"/);
});
