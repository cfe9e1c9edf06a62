/**
 * Commands: lanes of their own, what they say on their way, and how they really end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  aboutAttempts,
  aCommandSpec,
  aSpec,
  aUsage,
  compute,
  linesOf,
  resources,
  someFailure,
  TestWorker,
} from "../../test/worker/builders.ts";
import type { TaskSpec } from "../model/spec.ts";
import { handBackReason, type ToWorkerMessage } from "../protocol/messages.ts";
import type { WorkerConfig } from "./state.ts";
import { nextWorkerDeadline, step, stepAll } from "./step.ts";

const prefetched = true;
const { refused, shutdown } = handBackReason;

/** A worker with one slot of each kind; spec 1 is a function, spec 2 a command. */
function aWorker(config: Partial<WorkerConfig> = {}, command: Partial<TaskSpec> = {}): TestWorker {
  const specs = [aSpec(), aCommandSpec(command)];
  return new TestWorker({ commandSlots: 1, ...config }, specs);
}

/** A run of the command, in the shape that functions have too. */
function aCommandRun(attempt: number, task = attempt) {
  return { attempt, task, spec: 2, shape: 1 };
}

test("a command has a lane of its own, beside the threads", () => {
  const worker = aWorker();
  const runs = [{ attempt: 11, task: 1 }, aCommandRun(12)];
  const started = ["start 1 for 11 on lane 0", "start 2 for 12 on lane 0"];
  assert.deepEqual(worker.ordered(compute(...runs)), started);
});

test("an order carries its spec, its shape and its context to the executor", () => {
  const worker = aWorker();
  const message = compute({ ...aCommandRun(12), context: '{"index":3}' });
  const { sends } = step(worker.state, { type: "ordered", at: worker.at, message });
  const [send] = sends;
  assert.ok(send.type === "start-execution");
  const { attempt, task, spec, shape, context } = send;
  assert.deepEqual([attempt, task, spec, shape, context], [12, 12, 2, 1, '{"index":3}']);
});

test("a command that has ended runs again when it is ordered again", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12, 2)));
  worker.finishes(1);
  const lines = worker.ordered(compute(aCommandRun(13, 2)));
  assert.deepEqual(lines, ["drop 2", "start 2 for 13 on lane 0"]);
  assert.equal(worker.state.tasks.get(2)?.state.type, "executing");
});

test("256 commands run at once by default, and 0 slots refuse them", () => {
  const unlimited = new TestWorker({}, [aCommandSpec({ resources: resources() })]);
  const runs = Array.from({ length: 300 }, (_, i) => ({ attempt: i + 1, task: i + 1 }));
  assert.equal(unlimited.ordered(compute(...runs)).length, 256);
  const none = aWorker({ commandSlots: 0 });
  assert.deepEqual(none.ordered(compute(aCommandRun(12))), [
    `handedBack 12 of 12 reason ${refused}`,
  ]);
  assert.throws(() => aWorker({ commandSlots: -1 }), RangeError);
});

test("a kind without an idle lane does not hold up the other, in one shape too", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  const runs = [aCommandRun(13), { attempt: 11, task: 1 }];
  assert.deepEqual(worker.ordered(compute(...runs)), ["start 2 for 11 on lane 0"]);
  worker.ordered(compute({ attempt: 14, task: 2 }, aCommandRun(15)));
  assert.deepEqual(worker.finishes(1), [
    "store result 1 as 12",
    "start 3 for 13 on lane 0",
    "finished 12 of 12",
  ]);
});

test("a command that does not fit holds up no function that does", () => {
  const worker = aWorker({ slots: 2 }, { resources: resources({ cpuMilli: 7_500 }) });
  worker.ordered(compute({ attempt: 10, task: 1 }));
  const runs = [
    { ...aCommandRun(12), shape: 2 },
    { attempt: 11, task: 2 },
  ];
  assert.deepEqual(worker.ordered(compute(...runs)), ["start 2 for 11 on lane 1"]);
  worker.finishes(1);
  assert.deepEqual(worker.finishes(2), [
    "store result 2 as 2",
    "start 3 for 12 on lane 0",
    "finished 11 of 2",
  ]);
});

test("a prefetched command takes over the grant of a command, never that of a function", () => {
  const worker = aWorker();
  const heir = { ...aCommandRun(13), prefetched };
  worker.ordered(compute({ attempt: 11, task: 1 }, aCommandRun(12), heir));
  assert.deepEqual(worker.finishes(1), ["store result 1 as 1", "finished 11 of 1"]);
  assert.deepEqual(worker.finishes(2), [
    "store result 2 as 12",
    "start 3 for 13 on lane 0",
    "finished 12 of 12 then 13",
  ]);
});

test("nothing queues behind a command, however short its shape is", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(11)));
  worker.finishes(1);
  const runs = [aCommandRun(12), { ...aCommandRun(13), prefetched }];
  assert.deepEqual(worker.ordered(compute(...runs)), ["start 2 for 12 on lane 0"]);
});

test("building is told once, and only before the start", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  const building = { type: "execution-building", execution: 1 } as const;
  assert.deepEqual(worker.happens(building), ["building 12 of 12"]);
  assert.deepEqual(worker.happens(building), []);
  assert.deepEqual(worker.starts(1), ["started 12 of 12"]);
  worker.finishes(1);
  worker.ordered(compute(aCommandRun(13)));
  worker.starts(2);
  assert.deepEqual(worker.happens({ ...building, execution: 2 }), []);
});

test("building of what was stopped is nobody's business", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  worker.ordered(aboutAttempts("stop", [12, 12]));
  assert.deepEqual(worker.happens({ type: "execution-building", execution: 1 }), [
    "abort 1 (stopped)",
  ]);
});

test("what a command used is told before its answer, whatever the answer is", () => {
  const worker = aWorker({ commandSlots: 2 });
  worker.ordered(compute(aCommandRun(12), aCommandRun(13)));
  assert.deepEqual(worker.isMeasured(1, 0), ["measured 12 of 12: exit 0"]);
  assert.deepEqual(worker.finishes(1), ["store result 1 as 12", "finished 12 of 12"]);
  worker.ordered(aboutAttempts("stop", [13, 13]));
  worker.after(2_000).happens({ type: "tick" });
  assert.deepEqual(worker.isMeasured(2, 143), ["measured 13 of 13: exit 143"]);
  const ended = worker.happens({ type: "execution-aborted", execution: 2 });
  assert.deepEqual(ended, ["abandoned 13 of 13"]);
  assert.deepEqual(worker.isMeasured(2, 0), [], "a dead id says nothing");
});

test("in one step too what was measured goes before the answer", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  const { at } = worker;
  const { sends } = stepAll(worker.state, [
    { type: "execution-started", at, execution: 1 },
    { type: "execution-measured", at, execution: 1, usage: aUsage() },
    { type: "execution-aborted", at, execution: 1 },
  ]);
  const handedBack = `handedBack 12 of 12 reason ${refused}`;
  assert.deepEqual(linesOf(sends), ["measured 12 of 12: exit 0", handedBack]);
});

test("what was measured while nobody listened is told before its answer", () => {
  const worker = aWorker({ commandSlots: 2 });
  worker.ordered(compute(aCommandRun(12)));
  worker.happens({ type: "disconnected" });
  worker.starts(1);
  worker.isMeasured(1, 3);
  worker.fails(1);
  const said = worker.happens({ type: "connected", epoch: 1, index: 7 });
  const told = ["inventory", "measured 12 of 12: exit 3", "failed 12 of 12 (failed)"];
  assert.deepEqual(said, told);
});

test("what was measured is said again until it is acknowledged", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  worker.isMeasured(1, 3);
  assert.deepEqual(worker.reconnects(), ["inventory", "measured 12 of 12: exit 3"]);
  worker.ordered({ type: "acknowledge", sequence: 1 });
  assert.deepEqual(worker.reconnects(), ["inventory"]);
});

test("after a reset nothing more is said of what ran", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  assert.deepEqual(worker.ordered({ type: "reset" }), ["abort 1 (stopped)"]);
  assert.deepEqual(worker.isMeasured(1, 143), []);
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), []);
});

test("a command is never adopted: its processes know the attempt that they have", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12, 1)));
  worker.ordered(aboutAttempts("stop", [12, 1]));
  assert.deepEqual(worker.ordered(compute(aCommandRun(13, 1))), []);
  assert.deepEqual(worker.after(2_000).happens({ type: "tick" }), ["abort 1 (stopped)"]);
  assert.deepEqual(worker.happens({ type: "execution-aborted", execution: 1 }), [
    "start 2 for 13 on lane 0",
    "abandoned 12 of 1",
  ]);
});

test("a command that cannot be built, or that a stranger killed, fails for that", () => {
  for (const cause of ["build-failed", "killed"] as const) {
    const worker = aWorker();
    worker.ordered(compute(aCommandRun(12)));
    assert.deepEqual(worker.fails(1, cause), [`failed 12 of 12 (${cause})`]);
  }
});

/** A worker whose command has run for longer than it may and was told to end. */
function anOverdueWorker(): TestWorker {
  const worker = aWorker({}, { timeoutMs: 50 });
  worker.ordered(compute(aCommandRun(12)));
  worker.after(1_000_000).happens({ type: "tick" });
  worker.starts(1);
  assert.equal(nextWorkerDeadline(worker.state), worker.at + 50_000);
  assert.deepEqual(worker.after(50_000).happens({ type: "tick" }), ["abort 1 (timeout)"]);
  return worker;
}

test("the run time of a command counts from its start, and past it any end is a timeout", () => {
  const aborted = { type: "execution-aborted", execution: 1 } as const;
  assert.deepEqual(anOverdueWorker().happens(aborted), ["failed 12 of 12 (timeout)"]);
  const causes = ["failed", "killed", "exited"] as const;
  for (const cause of causes) {
    assert.deepEqual(anOverdueWorker().fails(1, cause), ["failed 12 of 12 (timeout)"]);
  }
});

test("a timeout tells how its process ended", () => {
  const { state, at } = anOverdueWorker();
  const failure = { ...someFailure, exitCode: null, signal: "SIGKILL", stderrTail: "late" };
  const event = { type: "execution-failed", at, execution: 1, cause: "killed", failure } as const;
  const [send] = step(state, event).sends;
  assert.ok(send.type === "send-message" && send.message.type === "attempt-failed");
  const { signal, stderrTail, error } = send.message.failure;
  assert.deepEqual([signal, stderrTail, error.name], ["SIGKILL", "late", "TimeoutError"]);
});

test("what ran out of memory or finished while it was told to end did just that", () => {
  assert.deepEqual(anOverdueWorker().fails(1, "oom"), ["failed 12 of 12 (oom)"]);
  const finished = ["store result 1 as 12", "finished 12 of 12"];
  assert.deepEqual(anOverdueWorker().finishes(1), finished);
  const leaving = aWorker();
  leaving.ordered(compute(aCommandRun(12)));
  leaving.happens({ type: "leave-requested" });
  assert.ok(leaving.fails(1, "oom").includes("failed 12 of 12 (oom)"));
});

test("a leaving worker stops its commands and waits for the longest grace of any", () => {
  const worker = aWorker({}, { graceMs: 90_000 });
  worker.ordered(compute({ attempt: 11, task: 1 }, aCommandRun(12), aCommandRun(13)));
  assert.deepEqual(worker.happens({ type: "leave-requested" }), [
    "abort 1 (stopped)",
    "abort 2 (stopped)",
    `handedBack 13 of 13 reason ${shutdown}`,
  ]);
  assert.equal(worker.state.leaveBy, worker.at + 95_000_000);
  assert.deepEqual(worker.fails(2, "killed"), [`handedBack 12 of 12 reason ${shutdown}`]);
});

test("a paused worker starts no command", () => {
  const worker = aWorker();
  worker.runsShort();
  assert.deepEqual(worker.ordered(compute(aCommandRun(12))), []);
  assert.deepEqual(worker.hasRoom(), ['health ""', "start 1 for 12 on lane 0"]);
});

test("a command that runs cannot be retracted", () => {
  const worker = aWorker();
  worker.ordered(compute(aCommandRun(12)));
  assert.deepEqual(worker.ordered(aboutAttempts("retract", [12, 12])), ["retractRefused 12 of 12"]);
});

test("a spec that was dropped is unknown, but not to the runs that have it", () => {
  const worker = aWorker();
  const drop: ToWorkerMessage = { type: "drop-spec", spec: 2 };
  worker.ordered(compute(aCommandRun(12), aCommandRun(13)));
  worker.ordered(drop);
  worker.ordered(drop);
  const late = worker.ordered(compute(aCommandRun(14)));
  assert.deepEqual(late, [`handedBack 14 of 14 reason ${refused}`]);
  assert.deepEqual(worker.finishes(1), [
    "store result 1 as 12",
    "start 2 for 13 on lane 0",
    "finished 12 of 12",
  ]);
});
