/**
 * What functions of launched jobs return is kept with them, up to a bound.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import { finished } from "../../test/support/fake-worker.ts";
import { aSlice, obeyAll } from "../../test/support/job-builders.ts";
import { decodeBase64 } from "../model/base64.ts";
import { CapstanError } from "../model/errors.ts";
import type { FunctionRun } from "../model/spec.ts";
import { keepResult, newJobResults } from "./job-results-state.ts";
import { jobRetentionUs, resultsPageBytesMax } from "./limits.ts";
import { redactFact, redactSnapshot } from "./redact-journal.ts";
import { snapshotOf } from "./snapshot.ts";

const run: FunctionRun = {
  ...{ kind: "function", bundle: "0".repeat(64), functionName: "train", executor: "thread" },
};

interface Answer {
  readonly replicas: number;
  readonly nextPageToken: string;
  readonly results: readonly {
    readonly index: number;
    readonly sizeBytes: number;
    readonly value: string | null;
    readonly missing: string;
  }[];
}

function resultsOf(harness: ControllerHarness, request: object = {}): Answer {
  return harness.call("GetJobResults", { jobId: "/ann/j", ...request }) as Answer;
}

/** What each task returned, as text, or why it is missing. */
function textsOf(harness: ControllerHarness, request: object = {}): string[] {
  return resultsOf(harness, request).results.map(({ value, sizeBytes, missing }) =>
    value === null ? missing : new TextDecoder().decode(decodeBase64(value, sizeBytes)),
  );
}

function aJob(options: JobOverrides = {}) {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 4 });
  harness.launch("j", { run, replicas: 3, ...options });
  return { harness, worker };
}

describe("what the functions of a job return", () => {
  test("is there by index, and its worker keeps nothing", () => {
    const { harness, worker } = aJob();
    worker.finishes("j/2", "j/0");
    assert.deepEqual(textsOf(harness), ["value of j/0", "NOT_SUCCEEDED", "value of j/2"]);
    worker.finishes("j/1");
    assert.deepEqual(textsOf(harness), ["value of j/0", "value of j/1", "value of j/2"]);
    assert.equal(worker.values.size, 0);
  });

  test("outlives its worker and its controller", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, worker } = aJob();
      worker.finishes("j/0", "j/1", "j/2");
      worker.exits();
      harness.restarts(from);
      assert.deepEqual(textsOf(harness), ["value of j/0", "value of j/1", "value of j/2"]);
    }
  });

  test("says its size where it is too large to be kept", () => {
    const { harness, worker } = aJob({ replicas: 1 });
    worker.reports(finished("j/0", { value: null, sizeBytes: 70_000 }));
    const [{ sizeBytes, missing }] = resultsOf(harness).results;
    assert.deepEqual([sizeBytes, missing], [70_000, "TOO_LARGE"]);
  });

  test("is that of the round that succeeded, in a gang that began again", () => {
    const harness = new ControllerHarness();
    const hosts = aSlice(harness, "a", { hosts: 2, slots: 2 });
    harness.launch("j", { run, groupBy: "slice", replicas: 2, maxRetriesFailure: 1 });
    hosts[0].prepares("j/0");
    hosts[1].prepares("j/1");
    hosts[0].reports(finished("j/0", { value: bytesOf("first") }));
    assert.deepEqual(textsOf(harness), ["first", "NOT_SUCCEEDED"]);
    hosts[1].fails("j/1");
    assert.deepEqual(textsOf(harness), ["NOT_SUCCEEDED", "NOT_SUCCEEDED"]);
    obeyAll(hosts);
    harness.after(2_000);
    hosts[0].prepares("j/0");
    hosts[1].prepares("j/1");
    hosts[0].reports(finished("j/0", { value: null, sizeBytes: 70_000 }));
    hosts[1].reports(finished("j/1", { value: bytesOf("second") }));
    assert.deepEqual(textsOf(harness), ["TOO_LARGE", "second"], "and nothing of the first is left");
  });

  test("comes in pages, and is forgotten with its job", () => {
    const { harness, worker } = aJob();
    worker.finishes("j/0", "j/1", "j/2");
    assert.equal(harness.state.shared.results.byTask.size, 3);
    const { nextPageToken } = resultsOf(harness, { pageSize: 2 });
    assert.deepEqual(textsOf(harness, { pageSize: 2, pageToken: nextPageToken }), ["value of j/2"]);
    assert.equal(resultsOf(harness, { pageToken: nextPageToken }).nextPageToken, "");
    harness.at += jobRetentionUs + 1_000_000;
    harness.happens({ type: "tick", at: harness.at });
    assert.equal(harness.state.shared.results.byTask.size, 0);
    assert.equal(harness.state.shared.results.totalBytes, 0);
  });

  test("is nothing for a command, and is not asked of a session", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ commandSlots: 3 });
    harness.launch("j", { replicas: 3 });
    worker.finishes("j/0");
    assert.deepEqual(textsOf(harness), ["COMMAND", "COMMAND", "COMMAND"]);
    assert.equal(harness.state.shared.results.byTask.size, 0);
    harness.aClient().submits({ a: {} });
    const isRefusal = (error: unknown) =>
      error instanceof CapstanError && /is a session, whose futures have its/.test(error.message);
    assert.throws(() => resultsOf(harness, { jobId: "/ann/graph-2" }), isRefusal);
  });

  test("is not in a journal that leaves its cluster", () => {
    const { harness, worker } = aJob({ replicas: 1 });
    worker.finishes("j/0");
    const fact = harness.facts.find(({ type }) => type === "results-returned");
    assert.ok(fact !== undefined);
    for (const shown of [redactFact(fact), redactSnapshot(snapshotOf(harness.state)).shared]) {
      const bytes = JSON.stringify(Buffer.from("value of j/0").toJSON().data).slice(1, -1);
      assert.ok(!textOf(shown).includes(bytes));
      assert.ok(textOf(harness.facts).includes(bytes), "as it is in the journal itself");
    }
  });
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes as a list of numbers. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    one instanceof Uint8Array ? [...one] : one,
  );
}

test("a page of results is closed by the one that makes it large", () => {
  const harness = new ControllerHarness({ checks: false });
  const worker = harness.aWorker({ slots: 4 });
  harness.launch("j", { run, replicas: 4 });
  const value = new Uint8Array(400_000);
  worker.reports(...[0, 1, 2, 3].map((i) => finished(`j/${i}`, { value })));
  const first = resultsOf(harness);
  assert.deepEqual([first.results.length, first.nextPageToken], [2, "2"]);
  assert.equal(resultsOf(harness, { pageSize: 1 }).results.length, 1);
  const second = resultsOf(harness, { pageToken: "2" });
  assert.deepEqual([second.results.length, second.nextPageToken], [2, ""]);
});

test("a result that fills a page is alone on it", () => {
  const harness = new ControllerHarness({ checks: false });
  const worker = harness.aWorker({ slots: 2 });
  harness.launch("j", { run, replicas: 2 });
  const value = new Uint8Array((3 * resultsPageBytesMax) / 4);
  worker.reports(...[0, 1].map((i) => finished(`j/${i}`, { value })));
  assert.equal(resultsOf(harness).results.length, 1);
});

test("results leave past the bound, the oldest first; one that comes again is the youngest", () => {
  const results = newJobResults();
  const keep = (task: number, bytes: number) =>
    keepResult(results, task, { sizeBytes: bytes, bytes: new Uint8Array(bytes) }, 1_200);
  keep(1, 44);
  keep(2, 44);
  keep(3, 44);
  keep(4, 44);
  assert.deepEqual([...results.byTask.keys()], [1, 2, 3, 4]);
  keep(1, 44);
  keep(5, 44);
  assert.deepEqual([...results.byTask.keys()], [3, 4, 1, 5]);
  assert.equal(results.totalBytes, 1_200);
  keep(6, 2_000);
  assert.deepEqual([...results.byTask.keys()], []);
  assert.equal(results.totalBytes, 0);
});
