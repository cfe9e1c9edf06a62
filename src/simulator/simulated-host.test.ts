/**
 * What a machine does that no scheduler sees: what outlives its agent, and what cannot.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { jobDefaults, type TaskSpec } from "../model/spec.ts";
import type { StartedExecution, WorkerEvent, WorkerSend } from "../worker/events.ts";
import { DrawnBehaviour } from "./behaviour.ts";
import { Randomness } from "./draws.ts";
import { noFaults } from "./faults.ts";
import { combineObservers } from "./observer.ts";
import { drawHost, SimulatedHost } from "./simulated-host.ts";
import { Timeline } from "./timeline.ts";

const order: StartedExecution = {
  ...{ execution: 1, lane: 0, attempt: 7, task: 3, spec: 0, shape: 0 },
  ...{ context: JSON.stringify({ index: 0, replicas: 1, devices: [] }) },
  ...{ args: new Uint8Array(0), inputs: [] },
};

const stop: Extract<WorkerSend, { type: "abort-execution" }> = {
  ...{ type: "abort-execution", execution: 1, reason: "stopped", graceMs: 1_000 },
};

function aHost(): { host: SimulatedHost; timeline: Timeline } {
  const timeline = new Timeline();
  const draws = new Randomness({ seed: 1 }).stream("host");
  const drawn = { draws, waits: draws, progress: draws, reschedules: draws };
  const behaviour = new DrawnBehaviour({ timeline, ...drawn, faults: noFaults });
  const around = { timeline, draws, faults: noFaults, behaviour, observer: combineObservers([]) };
  return { host: new SimulatedHost(drawHost("w0", 0, 1), around), timeline };
}

function aCommand(host: SimulatedHost): TaskSpec {
  const resources = { ...host.capacity, cpuMilli: 1_000, devices: [] };
  const run = { kind: "command", argv: ["work"], env: {}, cwd: "", workspace: "" } as const;
  const rest = { ports: [], stdin: "", result: { type: "none" } } as const;
  return { ...jobDefaults, run: { ...run, ...rest }, name: "work", resources, constraints: [] };
}

/** Runs for so long; the events that its agent hears. */
function heardFor(host: SimulatedHost, timeline: Timeline, us: number): WorkerEvent["type"][] {
  const heard: WorkerEvent["type"][] = [];
  host.agent = (event) => heard.push(event.type);
  const end = timeline.now + us;
  while (timeline.length > 0 && timeline.now < end) timeline.runNext();
  return heard;
}

test("a member that was stopped before it was launched does not survive its agent", () => {
  const { host, timeline } = aHost();
  host.prepare(order, aCommand(host));
  assert.equal(heardFor(host, timeline, 6_000).at(-1), "execution-prepared");
  host.abort(stop);
  host.agent = null; // Before anything comes of it.
  heardFor(host, timeline, 20_000);
  assert.equal(
    host.recover(() => {}),
    null,
  );
  assert.equal(host.processCount, 0);
});

test("a member that is stopped before it was launched is aborted at once", () => {
  const { host, timeline } = aHost();
  const heard: WorkerEvent["type"][] = [];
  host.agent = (event) => heard.push(event.type);
  host.prepare(order, aCommand(host));
  host.abort(stop);
  timeline.runNext();
  assert.deepEqual(heard, ["execution-aborted"]);
});

test("what runs outlives its agent, and the next one is told of it", () => {
  const { host, timeline } = aHost();
  host.start(order, aCommand(host));
  assert.ok(heardFor(host, timeline, 2_200).includes("execution-started"));
  host.start({ ...order, attempt: 8, execution: 2 }, aCommand(host));
  host.agent = null;
  while (timeline.length > 0) timeline.runNext();
  const recovered = host.recover(() => {});
  assert.deepEqual(
    recovered?.survivors.map(({ attempt, task }) => [attempt, task]),
    [[8, 3]],
  );
});
