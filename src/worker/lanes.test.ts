/**
 * Grants, successors, and the queueing of short functions behind the head of a lane.
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
  resources,
  TestWorker,
} from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";
import { nextWorkerDeadline } from "./step.ts";

const prefetched = true;
const retracted = handBackReason.retracted;

/** One slot, a shape known to be short, attempt 11 running, 12 and 13 queued behind it. */
function aShortLane(): TestWorker {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  const said = worker.ordered(
    compute(
      { attempt: 11, task: 1 },
      { attempt: 12, task: 2, prefetched },
      { attempt: 13, task: 3, prefetched },
    ),
  );
  assert.equal(said.length, 3);
  return worker;
}

test("nothing starts without a grant, and a grant starts it", () => {
  const worker = new TestWorker({ slots: 2 });
  assert.deepEqual(worker.ordered(compute({ attempt: 11, task: 1, prefetched })), []);
  const grant = aboutAttempts("grant", [11, 1]);
  assert.deepEqual(worker.ordered(grant), ["start 1 for 11 on lane 0"]);
  assert.deepEqual(worker.ordered(grant), [], "twice equals once");
});

test("the first ready run of the shape takes over the grant of an attempt that ends", () => {
  const worker = new TestWorker({}, [{}, {}]);
  worker.ordered(
    compute(
      { attempt: 11, task: 1 },
      { attempt: 12, task: 2, spec: 2, prefetched },
      { attempt: 13, task: 3, prefetched },
    ),
  );
  assert.deepEqual(worker.finishes(1, 5_000).slice(1), [
    "start 2 for 13 on lane 0",
    "finished 11 of 1 then 13",
  ]);
  assert.deepEqual(worker.fails(2), ["failed 13 of 3 (failed)"]);
  assert.equal(worker.stateOf(2), "ready");
});

test("a granted run that is stopped or retracted before it started passes its grant on", () => {
  const worker = new TestWorker();
  worker.ordered(
    compute(
      { attempt: 11, task: 1 },
      { attempt: 12, task: 2 },
      { attempt: 13, task: 3, prefetched },
    ),
  );
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), [
    `handedBack 12 of 2 reason ${retracted} then 13`,
  ]);
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [13, 3])), ["abandoned 13 of 3"]);
});

test("while paused a grant that comes free stays free", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  worker.runsShort();
  assert.deepEqual(worker.finishes(1).slice(1), ["finished 11 of 1"]);
});

test("short functions queue behind the head and follow it without a turn", () => {
  const worker = aShortLane();
  assert.deepEqual(worker.finishes(2).slice(1), ["finished 11 of 1 then 12"]);
  assert.deepEqual(worker.finishes(3).slice(1), ["finished 12 of 2 then 13"]);
  assert.deepEqual(worker.finishes(4).slice(1), ["finished 13 of 3"]);
});

test("a shape that is not known to be short does not queue", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1, 1_001);
  const order = compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched });
  assert.deepEqual(worker.ordered(order), ["start 2 for 11 on lane 0"]);
});

test("a lane takes the work of its window and no more", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1, 500);
  const granted = [1, 2].map((task) => ({ attempt: 100 + task, task }));
  const more = Array.from({ length: 20 }, (_, i) => ({
    attempt: 200 + i,
    task: 20 + i,
    prefetched,
  }));
  worker.ordered(compute(...granted, ...more));
  assert.deepEqual(
    worker.state.lanes.map(({ entries }) => entries.length),
    [5, 5],
  );
});

test("what is queued is taken back when the head turns out long", () => {
  const worker = aShortLane();
  assert.equal(nextWorkerDeadline(worker.state), worker.at + 8_000);
  assert.deepEqual(worker.after(8_000).happens({ type: "tick" }), ["revoke 3", "revoke 4"]);
  worker.happens({ type: "execution-revoked", execution: 3, revoked: true });
  worker.happens({ type: "execution-revoked", execution: 4, revoked: true });
  assert.deepEqual([worker.stateOf(2), worker.stateOf(3)], ["ready", "ready"]);
  assert.deepEqual(worker.finishes(2, 9_000).slice(1), [
    "start 5 for 12 on lane 0",
    "finished 11 of 1 then 12",
  ]);
});

test("a queued execution that is stopped is taken back, or aborted if its thread has begun", () => {
  for (const revoked of [true, false]) {
    const worker = aShortLane();
    worker.ordered(aboutAttempts("stop", [12, 2]));
    assert.deepEqual(worker.happens({ type: "tick" }), ["revoke 3"]);
    assert.deepEqual(
      worker.happens({ type: "execution-revoked", execution: 3, revoked }),
      revoked ? ["abandoned 12 of 2"] : ["abort 3 (stopped)"],
    );
  }
});

test("a queued execution that is retracted is handed back, or refused once begun", () => {
  for (const revoked of [true, false]) {
    const worker = aShortLane();
    assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), ["revoke 3"]);
    assert.deepEqual(
      worker.happens({ type: "execution-revoked", execution: 3, revoked }),
      revoked ? [`handedBack 12 of 2 reason ${retracted}`] : ["retractRefused 12 of 2"],
    );
  }
});

test("a head that ends while its successor is being taken back still names it", () => {
  const worker = aShortLane();
  worker.ordered(aboutAttempts("retract", [12, 2]));
  assert.deepEqual(worker.finishes(2).slice(1), ["finished 11 of 1 then 12"]);
  assert.deepEqual(worker.happens({ type: "execution-revoked", execution: 3, revoked: true }), [
    `handedBack 12 of 2 reason ${retracted} then 13`,
  ]);
});

test("a follower that was promoted and then taken back gives its grant to what runs now", () => {
  const worker = aShortLane();
  worker.after(8_000).happens({ type: "tick" });
  worker.finishes(2);
  assert.deepEqual(worker.happens({ type: "execution-revoked", execution: 3, revoked: true }), [
    `handedBack 12 of 2 reason ${retracted} then 13`,
  ]);
  assert.deepEqual(worker.happens({ type: "execution-revoked", execution: 4, revoked: false }), []);
  assert.deepEqual(worker.finishes(4).slice(1), ["finished 13 of 3"]);
});

test("a queued run that gets a grant of its own moves to an idle lane", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  assert.deepEqual(worker.ordered(aboutAttempts("grant", [12, 2])), ["revoke 3"]);
  assert.deepEqual(worker.happens({ type: "execution-revoked", execution: 3, revoked: true }), [
    "start 4 for 12 on lane 1",
  ]);
});

test("started is told only of what outlives the step", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  assert.deepEqual(worker.happens({ type: "execution-started", execution: 1 }), [
    "started 11 of 1",
  ]);
  assert.deepEqual(worker.happens({ type: "execution-started", execution: 1 }), []);
});

test("a run longer than its timeout fails for that when it has really ended", () => {
  const worker = new TestWorker({}, [{ timeoutMs: 10 }]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.happens({ type: "execution-started", execution: 1 });
  assert.equal(nextWorkerDeadline(worker.state), worker.at + 10_000);
  assert.deepEqual(worker.after(10_000).happens({ type: "tick" }), ["abort 1 (timeout)"]);
  assert.deepEqual(worker.fails(1), ["failed 11 of 1 (timeout)"]);
});

test("a function that returned before its abort landed has finished", () => {
  const worker = new TestWorker({}, [{ timeoutMs: 10 }]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.happens({ type: "execution-started", execution: 1 });
  worker.after(10_000).happens({ type: "tick" });
  assert.deepEqual(worker.finishes(1).slice(1), ["finished 11 of 1"]);
});

test("an order that is answered at once passes its grant to what its own kind sent ahead", () => {
  const never = aCommandSpec({ resources: resources({ cpuMilli: 9_000 }) });
  const worker = new TestWorker({ commandSlots: 1 }, [aSpec(), aCommandSpec(), never]);
  const command = { spec: 2, shape: 1 };
  const refused = { ...command, spec: 3 };
  worker.ordered(compute({ attempt: 10, task: 9 }));
  worker.finishes(1, 5_000);
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, ...command }));
  worker.ordered(compute({ attempt: 13, task: 3, prefetched }));
  assert.deepEqual(worker.ordered(compute({ attempt: 14, task: 8, ...refused })), [
    `handedBack 14 of 8 reason ${handBackReason.refused}`,
  ]);
  worker.ordered(compute({ attempt: 15, task: 4, ...command, prefetched }));
  assert.deepEqual(worker.ordered(compute({ attempt: 16, task: 8, ...refused })), [
    `handedBack 16 of 8 reason ${handBackReason.refused} then 15`,
  ]);
  assert.deepEqual(worker.ordered(compute({ attempt: 17, task: 9 })), ["finished 17 of 9 then 13"]);
});

test("a function that took no time at all is short", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1, 0);
  const order = compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched });
  assert.equal(worker.ordered(order).length, 2);
});

test("a stop of what is being taken back waits for that answer, though its turn has come", () => {
  const worker = aShortLane();
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), ["revoke 3"]);
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [12, 2])), []);
  assert.deepEqual(worker.finishes(2).slice(1), ["finished 11 of 1 then 12"]);
  assert.deepEqual(worker.after(2_000).happens({ type: "tick" }), []);
  const begun = { type: "execution-revoked", execution: 3, revoked: false } as const;
  assert.deepEqual(worker.happens(begun), ["abort 3 (stopped)"]);
});

test("while paused nothing is queued behind a head", () => {
  const worker = aShortLane();
  worker.runsShort();
  assert.deepEqual(worker.ordered(compute({ attempt: 14, task: 4, prefetched })), []);
  assert.deepEqual(worker.hasRoom(), ['health ""', "start 5 for 14 on lane 0"]);
});

/** Two slots: attempt 11 runs on one, and 12, sent ahead, is queued behind it; 1 lane is idle. */
function aQueuedRun(): TestWorker {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 10, task: 10 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, prefetched }));
  return worker;
}

test("a grant for what is queued takes it back for the idle lane, once", () => {
  const worker = aQueuedRun();
  const grant = aboutAttempts("grant", [12, 2]);
  assert.deepEqual(worker.ordered(grant), ["revoke 3"]);
  assert.deepEqual(worker.ordered(grant), []);
  const revoked = { type: "execution-revoked", execution: 3, revoked: true } as const;
  assert.deepEqual(worker.happens(revoked), ["start 4 for 12 on lane 1"]);
});

test("a grant for what is queued and has begun already changes no lane", () => {
  const worker = aQueuedRun();
  assert.deepEqual(worker.starts(3), [], "its start is told when it is at the head");
  assert.deepEqual(worker.ordered(aboutAttempts("grant", [12, 2])), []);
});

test("a grant that crosses the retract of what is queued does not undo it", () => {
  const worker = aQueuedRun();
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), ["revoke 3"]);
  assert.deepEqual(worker.ordered(aboutAttempts("grant", [12, 2])), []);
  const revoked = { type: "execution-revoked", execution: 3, revoked: true } as const;
  assert.deepEqual(worker.happens(revoked), [`handedBack 12 of 2 reason ${retracted}`]);
});

test("a start that was seen behind a head is told when its turn comes", () => {
  const worker = aShortLane();
  assert.deepEqual(worker.starts(3), []);
  const said = worker.finishes(2).slice(1);
  assert.deepEqual(said, ["finished 11 of 1 then 12", "started 12 of 2"]);
});
