/**
 * Each transition of the reference table (T1–T27) and the two closing rules, one by one.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  compute,
  forget,
  forgetHaving,
  ownIndex,
  resources,
  sources,
  TestWorker,
} from "../../test/worker/builders.ts";
import { handBackReason } from "../protocol/messages.ts";
import { nextWorkerDeadline } from "./step.ts";

const inputOf = (task: number, source: number) => [{ task, source }];

test("a run without inputs starts in the step that ordered it (T2, T4)", () => {
  const worker = new TestWorker();
  assert.deepEqual(worker.ordered(compute({ attempt: 11, task: 1 })), ["start 1 for 11 on lane 0"]);
  assert.equal(worker.stateOf(1), "executing");
});

test("a finished run stores its value and answers once (T16)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "finished 11 of 1"]);
  assert.equal(worker.stateOf(1), "memory");
  assert.deepEqual(worker.finishes(1), ["discard result 1"], "a dead id changes no task");
});

test("a failed run says why and frees its lane (T17)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  assert.deepEqual(
    worker.fails(1),
    ["start 2 for 12 on lane 0", "failed 11 of 1 (failed)"].reverse(),
  );
  assert.equal(worker.stateOf(1), "failed");
});

test("a run that lacks an input waits for it, then starts (T1, T8, T10, T11, T2)", () => {
  const worker = new TestWorker();
  const order = compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) });
  assert.deepEqual(worker.ordered(order), ["fetch 1 from 3: 1"]);
  assert.equal(worker.stateOf(2), "waiting");
  assert.deepEqual(worker.got(1, 1), [
    "store fetched 1",
    "start 1 for 12 on lane 0",
    "have 0 of 1",
  ]);
});

test("an inline input is carried along and is no record here", () => {
  const worker = new TestWorker();
  const inputs = [{ task: 1, source: new Uint8Array([5]) }];
  assert.equal(worker.ordered(compute({ attempt: 12, task: 2, inputs })).length, 1);
  assert.equal(worker.stateOf(1), "unknown");
});

test("an input that should be here and is not is asked for, then fetched (T9, T14)", () => {
  const worker = new TestWorker();
  const order = compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) });
  assert.deepEqual(worker.ordered(order), ["needsSources 12 of 1"]);
  assert.deepEqual(worker.ordered(sources(1, 2)), ["fetch 1 from 2: 1"]);
});

test("no source at all hands the waiting run back, naming the input", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  const reason = handBackReason.dependencyLost;
  assert.deepEqual(worker.ordered(sources(1)), [`handedBack 12 of 2 reason ${reason} other 1`]);
  assert.equal(worker.stateOf(1), "unknown", "an input that never ran here is forgotten");
});

test("a source that lacks the value is dropped and others are tried (T12, T13)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.ordered(sources(1, 2));
  const none = { got: [], corrupt: [], absent: [1] };
  assert.deepEqual(worker.happens({ type: "fetch-finished", transfer: 1, ...none }), [
    "fetch 2 from 2: 1",
  ]);
  assert.deepEqual(worker.happens({ type: "fetch-finished", transfer: 2, ...none }), [
    "needsSources 12 of 1",
  ]);
});

test("a busy peer stays a source and is asked again after its back-off", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  assert.deepEqual(worker.happens({ type: "fetch-busy", transfer: 1 }), []);
  assert.deepEqual(worker.after(49_000).happens({ type: "tick" }), []);
  assert.deepEqual(worker.after(1_000).happens({ type: "tick" }), ["fetch 2 from 3: 1"]);
});

test("of many keys on a busy peer those that another has come at once, the rest later", () => {
  const worker = new TestWorker();
  const tasks = [1, 2, 3, 4];
  const inputs = tasks.map((task) => ({ task, source: 3 }));
  worker.ordered(compute({ attempt: 19, task: 9, inputs }));
  worker.ordered(sources(1, 2));
  assert.deepEqual(worker.happens({ type: "fetch-busy", transfer: 1 }), ["fetch 2 from 2: 1"]);
  assert.deepEqual(worker.after(50_000).happens({ type: "tick" }), ["fetch 3 from 3: 2 3 4"]);
});

test("corrupt bytes hand the waiting run back, naming the input (T15, rule b)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  const reason = handBackReason.dependencyFailed;
  assert.deepEqual(
    worker.happens({ type: "fetch-finished", transfer: 1, got: [], absent: [], corrupt: [1] }),
    [`handedBack 12 of 2 reason ${reason} other 1`],
  );
  assert.equal(worker.stateOf(2), "rescheduled");
});

test("an input that fails here hands back what waits for it, through a chain (rule b)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  worker.ordered(compute({ attempt: 13, task: 3, inputs: inputOf(2, ownIndex) }));
  const { dependencyFailed, dependencyLost } = handBackReason;
  assert.deepEqual(worker.fails(1), [
    "failed 11 of 1 (failed)",
    `handedBack 12 of 2 reason ${dependencyFailed} other 1`,
    `handedBack 13 of 3 reason ${dependencyLost} other 2`,
  ]);
});

test("a chain of 100,000 waiting runs is handed back without recursion", () => {
  const worker = new TestWorker();
  const runs = Array.from({ length: 100_000 }, (_, i) => ({
    attempt: 1_000_000 + i,
    task: i + 2,
    inputs: inputOf(i + 1, ownIndex),
  }));
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(compute(...runs));
  assert.equal(worker.fails(1).length, 100_001);
});

test("what asks for more than CPU waits until it fits and blocks nothing (T3, T5)", () => {
  const specs = [
    { resources: resources({ custom: { a: 1 } }) },
    { resources: resources({ custom: { b: 1 } }) },
  ];
  const worker = new TestWorker({ slots: 3 }, specs);
  const a = (attempt: number, task: number) => ({ attempt, task, spec: 1 });
  worker.ordered(compute(a(11, 1), a(12, 2), { attempt: 13, task: 3, spec: 2 }));
  assert.equal(worker.stateOf(2), "blocked");
  assert.equal(worker.stateOf(3), "executing");
  assert.deepEqual(worker.finishes(1).at(-1), "finished 11 of 1");
  assert.equal(worker.stateOf(2), "executing");
});

test("a run that this worker could never hold, or of an unknown spec, is refused (T3)", () => {
  const worker = new TestWorker({}, [{ resources: resources({ custom: { fpga: 1 } }) }]);
  const { refused } = handBackReason;
  assert.deepEqual(
    worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2, spec: 99 })),
    [`handedBack 11 of 1 reason ${refused}`, `handedBack 12 of 2 reason ${refused}`],
  );
  assert.equal(worker.stateOf(1), "unknown");
});

test("higher priority goes first, then the order of arrival", () => {
  const worker = new TestWorker({}, [{}, { priority: 5 }]);
  const plain = [11, 12, 13].map((attempt) => ({ attempt, task: attempt - 10 }));
  const urgent = { attempt: 14, task: 4, spec: 2 };
  assert.deepEqual(worker.ordered(compute(...plain, urgent)), ["start 1 for 14 on lane 0"]);
  for (const [i, attempt] of [11, 12, 13].entries()) {
    assert.equal(worker.finishes(i + 1)[1], `start ${i + 2} for ${attempt} on lane 0`);
  }
});

test("a stop before the start is answered at once and lets its inputs go (T20, T23)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [12, 2])), ["abandoned 12 of 2"]);
  assert.equal(worker.stateOf(2), "released");
  assert.equal(worker.stateOf(1), "unknown");
});

test("a stop of what runs frees nothing until it has really ended (T21)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  assert.deepEqual(worker.ordered(aboutAttempts("stop", [11, 1])), []);
  assert.equal(worker.stateOf(1), "released");
  assert.deepEqual(worker.happens({ type: "tick" }), ["abort 1 (stopped)"]);
  assert.equal(worker.stateOf(2), "ready", "the orphan still pays");
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "start 2 for 12 on lane 0",
    "abandoned 11 of 1",
  ]);
});

test("a retract hands back what has not started and refuses what has (T19)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }, { attempt: 12, task: 2 }));
  const order = aboutAttempts("retract", [11, 1], [12, 2], [13, 3]);
  assert.deepEqual(worker.ordered(order), [
    "retractRefused 11 of 1",
    `handedBack 12 of 2 reason ${handBackReason.retracted}`,
    "retractRefused 13 of 3",
  ]);
});

test("what nobody needs any more is no longer fetched, and late bytes are nobody's (T22)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.ordered(aboutAttempts("stop", [12, 2]));
  assert.equal(worker.state.transfers.size, 1, "the transfer goes on counting");
  assert.deepEqual(worker.got(1, 1), []);
  assert.equal(worker.stateOf(1), "unknown");
});

test("a run of a task in flight starts without waiting for the socket (T22, T1)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  assert.deepEqual(worker.ordered(compute({ attempt: 11, task: 1 })), ["start 1 for 11 on lane 0"]);
  assert.deepEqual(worker.got(1, 1), [], "its bytes come too late to be taken");
  assert.deepEqual(worker.finishes(1).slice(0, 2), [
    "store result 1 as 1",
    "start 2 for 12 on lane 0",
  ]);
});

test("late bytes of a task that is ordered but has not started end its run, once", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 19, task: 9 }));
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.ordered(compute({ attempt: 11, task: 1 }));
  assert.deepEqual(worker.got(1, 1), ["store fetched 1", "finished 11 of 1"]);
  assert.equal(worker.stateOf(2), "ready");
});

test("a run of a value that is held is finished at once", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), ["finished 12 of 1"]);
});

test("a failed task runs again when it is ordered again (T25)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.fails(1);
  assert.deepEqual(worker.ordered(compute({ attempt: 12, task: 1 })), ["start 2 for 12 on lane 0"]);
});

test("forget drops the value and the record (T24, T26)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  assert.deepEqual(worker.ordered(forget(1, 99)), ["drop 1"]);
  assert.equal(worker.stateOf(1), "unknown");
});

test("a value that is read or needed is kept in spite of forget, and so are open runs", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  worker.ordered(compute({ attempt: 13, task: 3, inputs: inputOf(1, ownIndex) }));
  assert.deepEqual(worker.ordered(forget(1, 2, 3)), ["kept 0 of 1"]);
  assert.deepEqual([worker.stateOf(2), worker.stateOf(3)], ["executing", "ready"]);
  worker.ordered(aboutAttempts("stop", [13, 3], [12, 2]));
  worker.happens({ type: "tick" });
  assert.deepEqual(worker.ordered(forget(1)), ["kept 0 of 1"], "the orphan still reads it");
  worker.happens({ type: "execution-aborted", execution: 2 });
  assert.deepEqual(worker.ordered(forget(1)), ["drop 1"]);
});

test("a record without a value that is still needed is forgotten when it is not", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  assert.equal(worker.stateOf(1), "missing");
  assert.deepEqual(worker.ordered(forget(1)), []);
  worker.ordered(aboutAttempts("stop", [12, 2]));
  assert.equal(worker.stateOf(1), "unknown");
});

test("forget of a run leaves the copy of which its giver had not heard", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  worker.happens({ type: "tick" });
  worker.happens({ type: "execution-aborted", execution: 1 });
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.got(1, 1);
  worker.finishes(2);
  // Two ends are told before the copy: that of the run, and none of the other.
  assert.deepEqual(worker.ordered(forgetHaving(1, 1)), []);
  assert.equal(worker.stateOf(1), "memory");
  worker.happens({ type: "value-lost", task: 1 });
  assert.equal(worker.stateOf(1), "unknown", "the run was spoken of");
});

test("a ready run whose input is lost waits for it again (T27, rule a)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 19, task: 9 }));
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  assert.equal(worker.stateOf(2), "ready");
  assert.deepEqual(worker.happens({ type: "value-lost", task: 1 }), [
    "lost 0 of 1",
    "needsSources 12 of 1",
  ]);
  assert.equal(worker.stateOf(2), "waiting");
});

test("an input that cannot be decoded sends its reader back and is dropped here", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.got(1, 1);
  const reason = handBackReason.dependencyFailed;
  assert.deepEqual(worker.happens({ type: "execution-input-failed", execution: 1, task: 1 }), [
    "drop 1",
    `handedBack 12 of 2 reason ${reason} other 1`,
    "lost 0 of 1",
  ]);
  assert.equal(worker.stateOf(1), "unknown");
});

test("when a peer is gone its transfers fail and its tasks are sought elsewhere", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  worker.ordered(sources(1, 2));
  assert.deepEqual(worker.ordered({ type: "peer-gone", index: 3, incarnation: "other" }), []);
  assert.deepEqual(worker.ordered({ type: "peer-gone", index: 3, incarnation: "i3" }), [
    "abort fetch 1",
    "fetch 2 from 2: 1",
  ]);
  assert.deepEqual(worker.ordered({ type: "peer-gone", index: 2, incarnation: "i2" }), [
    "abort fetch 2",
    "needsSources 12 of 1",
  ]);
});

test("a peer that comes back as another incarnation is a source no more", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  const again = {
    type: "peer",
    index: 3,
    workerId: "w3",
    incarnation: "new",
    address: "h:2",
  } as const;
  assert.deepEqual(worker.ordered(again), ["abort fetch 1", "needsSources 12 of 1"]);
  assert.deepEqual(worker.ordered(sources(1, 3)), ["fetch 2 from 3: 1"]);
});

test("sources that did not come are asked for again", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  worker.happens({ type: "tick" });
  worker.after(1_000_000).ordered(compute({ attempt: 13, task: 3, inputs: inputOf(4, ownIndex) }));
  const asked = () => worker.happens({ type: "tick" }).filter((line) => /needs/.test(line));
  worker.happens({ type: "disconnected" });
  worker.happens({ type: "connected", epoch: 1, index: ownIndex });
  assert.deepEqual(worker.after(4_999_999) && asked(), []);
  assert.equal(nextWorkerDeadline(worker.state), worker.at + 1);
  assert.deepEqual(worker.after(1) && asked(), [
    "needsSources 12 of 1 reason 2",
    "needsSources 13 of 4 reason 2",
  ]);
  assert.deepEqual(asked(), []);
});

test("a worker that is said to have what it looks for says that it has not", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  assert.deepEqual(worker.ordered(sources(1, 9)), [], "of whom it has not heard");
  assert.deepEqual(worker.ordered(sources(1, ownIndex)), ["lost 0 of 1"]);
});

test("of several inputs without sources only those are asked for again whose time has come", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  worker.after(1_000_000).ordered(compute({ attempt: 13, task: 3, inputs: inputOf(4, ownIndex) }));
  const asked = () => worker.happens({ type: "tick" }).filter((line) => /needs/.test(line));
  assert.deepEqual(worker.after(4_000_000) && asked(), ["needsSources 12 of 1 reason 2"]);
  assert.deepEqual(worker.after(1_000_000) && asked(), ["needsSources 13 of 4 reason 2"]);
});

test("a peer that is gone is a source no more", () => {
  const worker = new TestWorker();
  worker.ordered({ type: "peer-gone", index: 3, incarnation: "i3" });
  const order = compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) });
  assert.deepEqual(worker.ordered(order), ["needsSources 12 of 1"]);
});

test("the worker wakes for what is due first: a peer's back-off, a time limit, a heartbeat", () => {
  const worker = new TestWorker({ slots: 2, heartbeatMs: 1_000 }, [{}, { timeoutMs: 100 }]);
  const due = () => (nextWorkerDeadline(worker.state) ?? 0) - worker.at;
  assert.equal(due(), 1_000_000);
  worker.ordered(compute({ attempt: 11, task: 1, spec: 2 }));
  worker.starts(1);
  assert.equal(due(), 100_000);
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(4, 3) }));
  worker.happens({ type: "fetch-busy", transfer: 1 });
  assert.equal(due(), 50_000);
  worker.runsShort();
  assert.equal(due(), 100_000, "while paused nothing is fetched");
  assert.deepEqual(worker.after(99_999).happens({ type: "tick" }), []);
  assert.deepEqual(worker.after(1).happens({ type: "tick" }), ["abort 1 (timeout)"]);
});

test("what a stopped run read is not dropped for an input that was not its own", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.finishes(1);
  worker.ordered(compute({ attempt: 12, task: 2 }));
  const failed = (task: number) =>
    worker.happens({ type: "execution-input-failed", execution: 2, task });
  assert.deepEqual(failed(1), [
    `handedBack 12 of 2 reason ${handBackReason.dependencyFailed} other 1`,
  ]);
  assert.equal(worker.stateOf(1), "memory");
});

test("an end or a loss of something that is unknown changes nothing", () => {
  const worker = new TestWorker();
  assert.deepEqual(worker.fails(9), []);
  assert.deepEqual(worker.starts(9), []);
  assert.deepEqual(worker.isMeasured(9, 0), []);
  assert.deepEqual(worker.isPrepared(9, "h"), []);
  for (const type of ["execution-aborted", "execution-building"] as const) {
    assert.deepEqual(worker.happens({ type, execution: 9 }), []);
  }
  assert.deepEqual(worker.happens({ type: "execution-input-failed", execution: 9, task: 1 }), []);
  assert.deepEqual(worker.happens({ type: "execution-revoked", execution: 9, revoked: true }), []);
  assert.deepEqual(worker.happens({ type: "value-lost", task: 9 }), []);
});

test("paused starts and fetches nothing, and resumed goes on (W28)", () => {
  const worker = new TestWorker();
  worker.runsShort();
  const fetching = compute(
    { attempt: 12, task: 2, inputs: inputOf(1, 3) },
    { attempt: 13, task: 3 },
  );
  assert.deepEqual(worker.ordered(fetching), []);
  assert.deepEqual(worker.hasRoom(), [
    'health ""',
    "start 1 for 13 on lane 0",
    "fetch 1 from 3: 1",
  ]);
});

test("quiescence: what still waits has asked for its input (W31)", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  assert.deepEqual(worker.happens({ type: "fetch-failed", transfer: 1 }), [
    "needsSources 12 of 1 reason 1",
  ]);
  assert.equal(worker.state.executions.size + worker.state.transfers.size, 0);
});

test("a run that waits for itself is refused", () => {
  const worker = new TestWorker();
  const said = worker.ordered(compute({ attempt: 11, task: 1, inputs: inputOf(1, 3) }));
  assert.deepEqual(said, [`handedBack 11 of 1 reason ${handBackReason.refused}`]);
});

test("a run with two inputs waits for both", () => {
  const worker = new TestWorker();
  const inputs = [...inputOf(1, 2), ...inputOf(4, 3)];
  assert.equal(worker.ordered(compute({ attempt: 12, task: 2, inputs })).length, 2);
  assert.deepEqual(worker.got(1, 1), ["store fetched 1", "have 0 of 1"]);
  assert.equal(worker.stateOf(2), "waiting");
  assert.deepEqual(worker.got(2, 4), [
    "store fetched 4",
    "start 1 for 12 on lane 0",
    "have 0 of 4",
  ]);
});

test("an input that was asked for is not asked for again because one more run needs it", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  const order = compute({ attempt: 13, task: 3, inputs: inputOf(1, ownIndex) });
  assert.deepEqual(worker.ordered(order), []);
  assert.equal(worker.stateOf(1), "missing");
});

test("a run that another attempt replaces lets go of the inputs that only it needed", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 9 }));
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, ownIndex) }));
  assert.deepEqual(worker.ordered(compute({ attempt: 13, task: 2 })), ["abandoned 12 of 2"]);
  assert.equal(worker.stateOf(1), "unknown");
});

test("a retract of an attempt that another one has replaced is refused", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 9 }, { attempt: 13, task: 2 }));
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 2])), ["retractRefused 12 of 2"]);
  assert.equal(worker.stateOf(2), "ready");
});

test("a start of what was stopped meanwhile is not told", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.ordered(aboutAttempts("stop", [11, 1]));
  assert.deepEqual(worker.starts(1), ["abort 1 (stopped)"]);
});

test("a run whose value came from elsewhere lets its own inputs go", () => {
  const worker = new TestWorker();
  worker.ordered(compute({ attempt: 12, task: 2, inputs: inputOf(1, 3) }));
  const order = compute({ attempt: 11, task: 1, inputs: inputOf(5, ownIndex) });
  assert.deepEqual(worker.ordered(order), ["needsSources 11 of 5"]);
  worker.got(1, 1);
  assert.equal(worker.stateOf(1), "memory");
  assert.equal(worker.stateOf(5), "unknown");
});
