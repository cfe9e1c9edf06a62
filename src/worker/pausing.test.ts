/**
 * A worker that is short of memory starts nothing, says so, and goes on when there is room again.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aSpec,
  compute,
  type OrderedRun,
  shortOfMemory,
  TestWorker,
} from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";
import { pauseBoundMs } from "./limits.ts";
import { nextWorkerDeadline } from "./step.ts";

const { refused } = handBackReason;
const mebibyte = 1024 * 1024;
const boundUs = pauseBoundMs * 1_000;

function aRun(attempt: number): OrderedRun {
  return { attempt, task: attempt };
}

/** Without heartbeats in between. */
function aWorker(): TestWorker {
  return new TestWorker({ heartbeatMs: 100_000 }, [aSpec()]);
}

test("short of memory nothing new starts and what runs goes on; with room it starts again", () => {
  const worker = aWorker();
  worker.ordered(compute(aRun(11), aRun(12)));
  assert.deepEqual(worker.runsShort(), [shortOfMemory]);
  assert.deepEqual(worker.finishes(1), ["store result 1 as 11", "finished 11 of 11"]);
  assert.deepEqual(worker.hasRoom(), ['health ""', "start 2 for 12 on lane 0"]);
});

test("values count at once, before anybody has measured anything", () => {
  const worker = aWorker();
  worker.ordered(compute(aRun(11), aRun(12)));
  const said = worker.finishesWith(1, 2 * mebibyte);
  assert.deepEqual(said, ["store result 1 as 11", "finished 11 of 11", shortOfMemory]);
});

test("it goes on only well below the bound", () => {
  const worker = aWorker();
  worker.runsShort();
  const measures = (rssBytes: number) => worker.happens({ type: "memory-measured", rssBytes });
  assert.deepEqual(measures(mebibyte), []);
  assert.deepEqual(measures(0.91 * mebibyte), []);
  assert.deepEqual(measures(0.9 * mebibyte), ['health ""']);
  assert.deepEqual(measures(mebibyte), []);
});

test("what waits for too long goes back, and what is ordered then is refused", () => {
  const worker = aWorker();
  worker.runsShort();
  assert.deepEqual(worker.ordered(compute(aRun(11), { ...aRun(12), prefetched: true })), []);
  assert.equal(nextWorkerDeadline(worker.state), worker.at + boundUs);
  assert.deepEqual(worker.after(boundUs - 1).happens({ type: "tick" }), []);
  assert.deepEqual(worker.after(1).happens({ type: "tick" }), [
    `handedBack 11 of 11 reason ${refused}`,
    `handedBack 12 of 12 reason ${refused}`,
  ]);
  assert.deepEqual(worker.ordered(compute(aRun(13))), [`handedBack 13 of 13 reason ${refused}`]);
  worker.hasRoom();
  assert.deepEqual(worker.ordered(compute(aRun(14))), ["start 1 for 14 on lane 0"]);
});

test("trouble goes before a shortage, and a new connection hears what holds", () => {
  const worker = aWorker();
  worker.runsShort();
  assert.deepEqual(worker.reconnects(), ["inventory", shortOfMemory]);
  assert.deepEqual(worker.checksHealth("its disk is full"), ['health "its disk is full"']);
  assert.deepEqual(worker.checksHealth(""), [shortOfMemory]);
  worker.checksHealth("its disk is full");
  assert.deepEqual(worker.hasRoom(), [], "the trouble is what was said");
});

test("what was queued behind a short function comes back", () => {
  const worker = aWorker();
  worker.ordered(compute(aRun(10)));
  worker.finishes(1);
  worker.ordered(compute(aRun(11), { ...aRun(12), prefetched: true }));
  assert.deepEqual(worker.runsShort(), [shortOfMemory, "revoke 3"]);
});
