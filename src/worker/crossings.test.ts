/**
 * Orders that cross with what happens to a running execution: one expected end for each pair.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  compute,
  forget,
  type Happening,
  ownIndex,
  someFailure,
  TestWorker,
} from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";

const execution = 2; // Execution 1 made the input.
const input = [{ task: 9, source: ownIndex }];

const endings: { readonly [name: string]: Happening } = {
  finished: {
    type: "execution-finished",
    execution,
    sizeBytes: 1,
    durationUs: 5,
    inline: new Uint8Array([1]),
  },
  failed: { type: "execution-failed", execution, cause: "failed", failure: someFailure },
  died: { type: "execution-failed", execution, cause: "exited", failure: someFailure },
  inputFailed: { type: "execution-input-failed", execution, task: 9 },
  aborted: { type: "execution-aborted", execution },
};

/** A worker with one slot on which attempt 11 of task 1 runs and reads task 9. */
function aRunningWorker(): TestWorker {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 19, task: 9 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 11, task: 1, inputs: input }));
  return worker;
}

const stop = (worker: TestWorker) => worker.ordered(aboutAttempts("stop", [11, 1]));
const again = (worker: TestWorker) =>
  worker.ordered(compute({ attempt: 12, task: 1, inputs: input }));

const orders: { readonly [name: string]: (worker: TestWorker) => string[] } = {
  none: () => [],
  stop,
  stopForget: (worker) => [...stop(worker), ...worker.ordered(forget(1))],
  stopAgain: (worker) => [...stop(worker), ...again(worker)],
  stopWaitAgain: (worker) => [
    ...stop(worker),
    ...worker.happens({ type: "tick" }),
    ...again(worker),
  ],
  again,
  retract: (worker) => worker.ordered(aboutAttempts("retract", [11, 1])),
  forget: (worker) => worker.ordered(forget(1, 9)),
  stopTwice: (worker) => [...stop(worker), ...stop(worker)],
};

const { dependencyFailed: blamed, refused } = handBackReason;
const lost = ["drop 9", "lost 0 of 9"];
const store = "store result 2 as 1";
const goesOn = "start 3 for 12 on lane 0";
const seeks = "needsSources 12 of 9";

/** What is said to the order, then to the ending; rows of both kinds sorted where they mix. */
const expected: { readonly [order: string]: { readonly [ending: string]: string[] } } = {
  none: {
    finished: [store, "finished 11 of 1"],
    failed: ["failed 11 of 1 (failed)"],
    died: ["failed 11 of 1 (exited)"],
    inputFailed: [`handedBack 11 of 1 reason ${blamed} other 9`, ...lost],
    aborted: [`handedBack 11 of 1 reason ${refused}`],
  },
  stop: {
    finished: ["discard result 2", "abandoned 11 of 1"],
    failed: ["abandoned 11 of 1"],
    died: ["abandoned 11 of 1"],
    inputFailed: ["abandoned 11 of 1", ...lost],
    aborted: ["abandoned 11 of 1"],
  },
  stopAgain: {
    finished: ["abandoned 11 of 1", store, "finished 12 of 1"],
    failed: ["abandoned 11 of 1", "failed 12 of 1 (failed)"],
    died: ["abandoned 11 of 1", "failed 12 of 1 (exited)"],
    inputFailed: ["abandoned 11 of 1", `handedBack 12 of 1 reason ${blamed} other 9`, ...lost],
    aborted: ["abandoned 11 of 1", `handedBack 12 of 1 reason ${refused}`],
  },
  stopWaitAgain: {
    finished: ["abort 2 (stopped)", "discard result 2", "abandoned 11 of 1", goesOn],
    failed: ["abort 2 (stopped)", "abandoned 11 of 1", goesOn],
    died: ["abort 2 (stopped)", "abandoned 11 of 1", goesOn],
    inputFailed: ["abort 2 (stopped)", "abandoned 11 of 1", ...lost, seeks],
    aborted: ["abort 2 (stopped)", "abandoned 11 of 1", goesOn],
  },
};

const asIf: { readonly [order: string]: { same: string; extra: string[] } } = {
  stopForget: { same: "stop", extra: [] },
  stopTwice: { same: "stop", extra: [] },
  again: { same: "stopAgain", extra: [] },
  retract: { same: "none", extra: ["retractRefused 11 of 1"] },
  forget: { same: "none", extra: ["kept 0 of 9"] },
};

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort((a, b) => (a < b ? -1 : Number(a > b)));
}

for (const [order, give] of Object.entries(orders)) {
  for (const [ending, happening] of Object.entries(endings)) {
    test(`${order} crossing with ${ending} has its one outcome and frees everything`, () => {
      const worker = aRunningWorker();
      const { same, extra } = asIf[order] ?? { same: order, extra: [] };
      const said = [...give(worker), ...worker.happens(happening)];
      assert.deepEqual(sorted(said), sorted([...extra, ...expected[same][ending]]));
      if (said.includes(goesOn)) worker.finishes(3);
      if (said.includes(seeks)) worker.ordered(aboutAttempts("stop", [12, 1]));
      const { executions, used, openRuns, idleLanes } = worker.state;
      assert.deepEqual([executions.size, openRuns, idleLanes], [0, 0, 1]);
      assert.ok(used.every((amount) => amount === 0));
    });
  }
}

test("an adopted execution answers under the new attempt and hands it the old grant", () => {
  const worker = aRunningWorker();
  stop(worker);
  const prefetched = compute({ attempt: 12, task: 1, inputs: input, prefetched: true });
  assert.deepEqual(worker.ordered(prefetched), ["abandoned 11 of 1 then 12"]);
  assert.deepEqual(worker.happens({ type: "tick" }), [], "nothing is stopped any more");
});

test("a task whose orphan still runs starts again only when that has ended", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.happens({ type: "tick" });
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), []);
  assert.equal(worker.stateOf(1), "ready");
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "start 2 for 12 on lane 0",
    "abandoned 11 of 1",
  ]);
});

test("a grant has one holder: what a superseded execution held is its successor's already", () => {
  const worker = new TestWorker({ slots: 2 });
  const waiting = { attempt: 13, task: 3, prefetched: true };
  worker.ordered(compute({ attempt: 11, task: 1 }, waiting));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.happens({ type: "tick" });
  worker.ordered(compute({ attempt: 12, task: 1 }));
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "start 2 for 12 on lane 0",
    "abandoned 11 of 1",
  ]);
  assert.deepEqual(worker.finishes(2), [
    "store result 2 as 1",
    "start 3 for 13 on lane 0",
    "finished 12 of 1 then 13",
  ]);
});

function aWorkerWithSuccessor(): TestWorker {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.happens({ type: "tick" });
  worker.ordered(compute({ attempt: 12, task: 1 }));
  return worker;
}

test("a grant is free when what used it has ended: a successor is answered then", () => {
  const worker = aWorkerWithSuccessor();
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [12, 1])), ["abandoned 11 of 1"]);
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "abandoned 12 of 1",
  ]);
});

test("a grant is free when what used it has ended: also when the successor is handed back", () => {
  const worker = aWorkerWithSuccessor();
  assert.deepEqual(worker.checksHealth("full"), ['health "full"', "abandoned 11 of 1"]);
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    `handedBack 12 of 1 reason ${refused}`,
  ]);
});

test("a grant is free when what used it has ended: also when the successor is refused", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.happens({ type: "tick" });
  worker.checksHealth("full");
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), ["abandoned 11 of 1"]);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), [], "it is answered later");
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    `handedBack 12 of 1 reason ${refused}`,
  ]);
});

test("a grant has one holder: an adopted execution has that of its new attempt", () => {
  const worker = new TestWorker({ slots: 2 });
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 13, task: 3, prefetched: true }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), ["abandoned 11 of 1"]);
  assert.equal(worker.stateOf(3), "ready");
});

test("an order that was superseded before it started is answered and its grant passes on", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 19, task: 9 }, { attempt: 11, task: 1 }));
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1, prefetched: true })), [
    "abandoned 11 of 1 then 12",
  ]);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1, prefetched: true })), []);
});

test("a stop, grant or retract of an unknown attempt is answered, never thrown at", () => {
  const worker = new TestWorker();
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [99, 5])), ["abandoned 99 of 5"]);
  const back = `handedBack 98 of 5 reason ${refused}`;
  assert.deepEqual(worker.ordered(aboutAttempts("grant", [98, 5])), [back]);
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [98, 5])), [], "its answer is on the way");
});
