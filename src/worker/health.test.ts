/**
 * A worker whose own checks fail: it starts nothing, and what runs goes on.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  aCommandSpec,
  aSpec,
  compute,
  TestWorker,
} from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";

const prefetched = true;
const { refused } = handBackReason;
const full = "the disk of /work has 1 % left";

/** One slot of each kind; spec 1 is a function, spec 2 a command. */
function aWorker(): TestWorker {
  return new TestWorker({ commandSlots: 1 }, [aSpec(), aCommandSpec()]);
}

test("trouble is told when it begins, when it changes and when it ends", () => {
  const worker = aWorker();
  assert.deepEqual(worker.checksHealth(""), []);
  assert.deepEqual(worker.checksHealth(full), [`health "${full}"`]);
  assert.deepEqual(worker.checksHealth(full), []);
  assert.deepEqual(worker.checksHealth("worse"), ['health "worse"']);
  assert.deepEqual(worker.checksHealth(""), ['health ""']);
});

test("on a new connection trouble is told after the inventory, and health is not", () => {
  const worker = aWorker();
  assert.deepEqual(worker.reconnects(), ["inventory"]);
  worker.checksHealth(full);
  assert.deepEqual(worker.reconnects(), ["inventory", `health "${full}"`]);
});

test("a sentence that is too long for the wire is cut", () => {
  const worker = aWorker();
  const [said] = worker.checksHealth("x".repeat(5_000));
  assert.equal(said, `health "${"x".repeat(2_000)}"`);
});

test("in trouble what waits is handed back after the sentence, and what runs goes on", () => {
  const worker = aWorker();
  const command = { spec: 2, shape: 2 };
  const inputs = [{ task: 9, source: 3 }];
  worker.ordered(
    compute(
      { attempt: 11, task: 1 },
      { attempt: 12, task: 2 },
      { attempt: 13, task: 3, prefetched },
      { attempt: 14, task: 4, inputs },
      { attempt: 15, task: 5, ...command },
      { attempt: 16, task: 6, ...command },
    ),
  );
  assert.deepEqual(worker.checksHealth(full), [
    `health "${full}"`,
    `handedBack 12 of 2 reason ${refused}`,
    `handedBack 13 of 3 reason ${refused}`,
    `handedBack 14 of 4 reason ${refused}`,
    `handedBack 16 of 6 reason ${refused}`,
  ]);
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "finished 11 of 1"]);
  assert.deepEqual(worker.finishes(2), ["store result 2 as 5", "finished 15 of 5"]);
});

test("in trouble what is ordered is refused; when it is over work starts again", () => {
  const worker = aWorker();
  worker.checksHealth(full);
  const order = compute({ attempt: 11, task: 1 });
  assert.deepEqual(worker.ordered(order), [`handedBack 11 of 1 reason ${refused}`]);
  worker.checksHealth("");
  const again = compute({ attempt: 12, task: 1 });
  assert.deepEqual(worker.ordered(again), ["start 1 for 12 on lane 0"]);
});

test("what was queued behind a short function comes back and is handed back", () => {
  const worker = aWorker();
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  const runs = [
    { attempt: 11, task: 1 },
    { attempt: 12, task: 2, prefetched },
  ];
  worker.ordered(compute(...runs));
  assert.deepEqual(worker.checksHealth(full), [`health "${full}"`, "revoke 3"]);
  const revoked = { type: "execution-revoked", execution: 3, revoked: true } as const;
  assert.deepEqual(worker.happens(revoked), [`handedBack 12 of 2 reason ${refused}`]);
});

test("in trouble a grant for what went back is answered, and a stop is obeyed", () => {
  const worker = aWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  worker.checksHealth(full);
  assert.deepEqual(worker.ordered(aboutAttempts("grant", [12, 2])), [], "its answer is on the way");
  worker.ordered(aboutAttempts("stop", [11, 1]));
  assert.deepEqual(worker.after(2_000).happens({ type: "tick" }), ["abort 1 (stopped)"]);
});
