/**
 * How values travelled is told with the next heartbeat: within bounds, and nothing that is too
 * small to look at.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { compute, TestWorker } from "../../test/worker/builders.ts";
import { trafficRowsMax } from "../protocol/limits.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import { nextWorkerDeadline, step } from "./step.ts";

const mebibyte = 1024 * 1024;
const { fetch, spill, load } = trafficKind;

/** What the next heartbeats say before them. */
function told(worker: TestWorker): HotMessageOf<"traffic">[] {
  worker.at = nextWorkerDeadline(worker.state) ?? worker.at;
  const { sends } = step(worker.state, { type: "tick", at: worker.at });
  return sends.flatMap((send) =>
    send.type === "send-message" && send.message.type === "traffic" ? [send.message] : [],
  );
}

function aWorker(): TestWorker {
  const memory = { memoryTargetBytes: mebibyte, memoryPauseBytes: Infinity };
  return new TestWorker({ heartbeatMs: 1_000, ...memory });
}

function fetches(worker: TestWorker, task: number, sizeBytes: number, takesUs = 0): void {
  const transfer = worker.state.nextTransfer;
  const inputs = [{ task, source: 3, sizeBytes }];
  worker.ordered(compute({ attempt: 1_000 + task, task: 1_000 + task, inputs }));
  const got = [{ task, sizeBytes }];
  const nothing = { absent: [], corrupt: [] };
  worker.after(takesUs).happens({ type: "fetch-finished", transfer, got, ...nothing });
}

test("a fetch, a spill and a load are told once, with their times", () => {
  const worker = aWorker();
  fetches(worker, 1, 2 * mebibyte, 300);
  worker.finishes(1);
  worker.after(200).happens({ type: "value-written", file: 1 });
  worker.ordered(compute({ attempt: 9, task: 9, inputs: [{ task: 1, source: 7 }] }));
  worker.after(100).happens({ type: "value-read", file: 1 });
  const endedAt = worker.at;
  const [message] = told(worker);
  const since = worker.at - endedAt;
  assert.deepEqual(message, {
    type: "traffic",
    kinds: Uint8Array.of(fetch, spill, load),
    tasks: Float64Array.of(1, 1, 1),
    counts: Uint32Array.of(1, 1, 1),
    sizes: Float64Array.of(2 * mebibyte, 2 * mebibyte, 2 * mebibyte),
    agos: Float64Array.of(since + 300, since + 100, since),
    durations: Float64Array.of(300, 200, 100),
    peers: Uint32Array.of(3, 0, 0),
    omitted: 0,
  });
  assert.deepEqual(told(worker), []);
});

test("a small value is told only if it took long", () => {
  const worker = aWorker();
  fetches(worker, 1, 100, 9_999);
  fetches(worker, 2, 100, 10_000);
  const [{ tasks }] = told(worker);
  assert.deepEqual([...tasks], [2]);
});

test("what is too much for one message is counted", () => {
  const worker = aWorker();
  for (let i = 1; i <= trafficRowsMax + 3; i++) fetches(worker, i, 100, 10_000);
  const messages = told(worker);
  const rows = messages.reduce((sum, { kinds }) => sum + kinds.length, 0);
  const omitted = messages.reduce((sum, message) => sum + message.omitted, 0);
  assert.deepEqual([rows + omitted, omitted > 0], [trafficRowsMax + 3, true]);
});
