/**
 * The index of the workers against a scan: random clusters with devices, attributes and taints,
 * random requests, and whatever changes them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { TaskDraft } from "../../test/support/fake-client.ts";
import type { FakeWorker } from "../../test/support/fake-worker.ts";
import { checkFleet } from "../../test/support/fleet-check.ts";
import { clause, devices } from "../../test/support/job-builders.ts";
import type { Constraint } from "../model/constraints.ts";
import { parseResources, type ResourceOptions } from "../model/parse-resources.ts";
import { cheapestSet, compareHarm } from "../scheduler/victim-sets.ts";
import { groupsOf, lineUpOf } from "./fleet.ts";
import { hostFor } from "./preempt.ts";
import { leastHarm } from "./preemption-bounds.ts";
import type { ControllerState } from "./state.ts";
import { effectiveBand } from "./users.ts";

const someDevice = fc.record({
  kind: fc.constantFrom("gpu", "tpu"),
  variant: fc.constantFrom("a", "b", undefined),
  count: fc.constantFrom(0.5, 1, 1.5, 2, 3),
});

const someMachine = fc.record({
  slots: fc.integer({ min: 2, max: 6 }),
  cpu: fc.integer({ min: 4, max: 8 }),
  memory: fc.constantFrom("4g", "8g"),
  custom: fc.dictionary(fc.constantFrom("r", "s"), fc.integer({ min: 1, max: 4 })),
  device: fc.option(
    someDevice.map((device) => ({ ...device, variant: device.variant ?? "a" })),
    { nil: undefined },
  ),
  attributes: fc.dictionary(
    fc.constantFrom("zone", "zone", "disk", "taint:slow"),
    fc.constantFrom("1", "2", "3"),
    { maxKeys: 2 },
  ),
});

type Clause = Pick<Constraint, "key" | "op" | "values">;

const someClause = fc.constantFrom<Clause>(
  { key: "zone", op: "=", values: ["1"] },
  { key: "zone", op: "in", values: ["1", "2"] },
  { key: "zone", op: "!=", values: ["3"] },
  { key: "zone", op: ">=", values: ["2"] },
  { key: "disk", op: "exists", values: [] },
  { key: "disk", op: "not-exists", values: [] },
  { key: "taint:slow", op: "exists", values: [] },
  { key: "worker-id", op: "=", values: ["w2"] },
);

const someRequest = fc.record({
  cpu: fc.integer({ min: 0, max: 4 }),
  memory: fc.constantFrom("1m", "1g", "3g"),
  custom: fc.dictionary(fc.constantFrom("r", "s"), fc.integer({ min: 1, max: 3 }), { maxKeys: 1 }),
  device: fc.option(someDevice, { nil: undefined, freq: 2 }),
  required: fc.array(someClause, { maxLength: 2, size: "xsmall" }),
  preferred: fc.array(someClause, { maxLength: 1 }),
  band: fc.constantFrom("production", "interactive", "batch"),
});

const kinds = [
  "submit",
  "finish",
  "fail",
  "cancel",
  "join",
  "rejoin",
  "away",
  "cordon",
  "ill",
  "exit",
];
const someEvent = fc.record({
  kind: fc.constantFrom(...kinds, "submit", "submit", "submit", "submit", "join", "finish"),
  which: fc.nat(1_000),
  machine: someMachine,
  request: someRequest,
});

type Machine = typeof someMachine extends fc.Arbitrary<infer M> ? M : never;
type Request = typeof someRequest extends fc.Arbitrary<infer R> ? R : never;
type Event = typeof someEvent extends fc.Arbitrary<infer E> ? E : never;

function resourcesOf(where: string, { device, ...amounts }: Machine | Request) {
  const { cpu, memory, custom } = amounts;
  const options: ResourceOptions = { cpu, memory, custom };
  return parseResources(where, device === undefined ? options : { ...options, device });
}

function draftOf(request: Request): TaskDraft {
  const constraints: readonly Constraint[] = [
    ...request.required.map((clause) => ({ ...clause, mode: "REQUIRED" as const })),
    ...request.preferred.map((clause) => ({ ...clause, mode: "PREFERRED" as const })),
  ];
  const resources = resourcesOf("resources", request);
  return { spec: { resources, constraints, band: request.band, maxRetriesPreemption: 99 } };
}

/** Plays events on a cluster that a test may look at after each. */
class Play {
  readonly harness = new ControllerHarness({ checks: false });
  readonly #client = this.harness.aClient();
  #submitted = 0;

  take({ kind, which, machine, request }: Event): void {
    const { workers } = this.harness;
    if (kind === "submit") this.#client.submits({ [`t${this.#submitted++}`]: draftOf(request) });
    else if (kind === "cancel") this.#cancel(which);
    else if (kind === "join") {
      const { slots, attributes } = machine;
      this.harness.aWorker({ slots, attributes, capacity: resourcesOf("capacity", machine) });
    } else if (workers.length > 0) this.#happensTo(workers[which % workers.length], kind);
  }

  #cancel(which: number): void {
    if (this.#submitted > 0) this.#client.cancels([`t${which % this.#submitted}`]);
  }

  #happensTo(worker: FakeWorker, kind: string): void {
    if (kind === "cordon") {
      const { cordoned } = this.harness.state.workers[worker.index];
      const { workerId } = worker;
      this.harness.asks({ type: "cordon-worker", workerId, cordon: !cordoned });
    } else if (kind === "rejoin") {
      if (!worker.connected) worker.connects();
    } else if (!worker.connected) return;
    else if (kind === "away") worker.disconnects();
    else if (kind === "exit") worker.exits();
    else if (kind === "ill") {
      const { trouble } = this.harness.state.workers[worker.index];
      worker.feels(trouble === "" ? "no disk" : "");
    } else this.#ends(worker, kind);
  }

  #ends(worker: FakeWorker, kind: string): void {
    worker.obeys();
    const running = [...worker.attempts.values()].find(
      ({ granted, phase }) => granted && phase < 2,
    );
    if (running === undefined) return;
    if (kind === "fail") worker.fails(running.label);
    else worker.finishes(running.label);
  }
}

/** So many random events; in parts by how many, so that each part is quick. */
function someEvents(length: number) {
  return fc.array(someEvent, { minLength: length, maxLength: length, size: "max" });
}

/** As many clusters as make so many events in all. */
const runsOf = (length: number) => ({ numRuns: Math.round(1_000 / length) });

describe("the index of the workers", () => {
  for (const length of [10, 20, 30, 40, 50, 60]) {
    test(`says what a scan says after each of ${length} random changes`, () => {
      let compared = 0;
      fc.assert(
        fc.property(someEvents(length), (events) => {
          const play = new Play();
          for (const event of events) {
            play.take(event);
            compared += checkFleet(play.harness.state);
            assertNothingIdles(play.harness);
          }
        }),
        runsOf(length),
      );
      assert.ok(compared > 0, "some queue waited while workers took work of its shape");
    });
  }
});

describe("what an eviction costs at least", () => {
  for (const length of [20, 30, 40, 50, 60]) {
    test(`is never more than it costs, and null only where none helps, after ${length}`, () => {
      let planned = 0;
      fc.assert(
        fc.property(someEvents(length), (events) => {
          const play = new Play();
          for (const event of events) play.take(event);
          planned += checkBounds(play.harness.state);
        }),
        runsOf(length),
      );
      assert.ok(planned > 0, "something could be evicted for something");
    });
  }
});

/** How many evictions there were to compare with. */
function checkBounds(state: ControllerState): number {
  let planned = 0;
  for (const shape of state.shapes) {
    if (shape.specCount === 0) continue;
    for (const worker of state.workers) {
      const band = effectiveBand(state, shape);
      const least = leastHarm(state, worker, { shape, band });
      const { amounts, used } = shape.request;
      const preemptor = { amounts, used, band, unitVictims: () => [] };
      const host = hostFor(state, worker, shape);
      if (host === null || host.victims.length === 0) continue;
      const set = cheapestSet(host, preemptor, { gone: new Set(), limit: null });
      if (set === null) continue;
      planned++;
      assert.ok(least !== null, `shape ${shape.index} has room on ${worker.workerId}`);
      assert.ok(compareHarm(least, set.harm) <= 0, `shape ${shape.index} on ${worker.workerId}`);
    }
  }
  return planned;
}

/** What waits fits nowhere: a pass leaves no queue that a worker takes. */
function assertNothingIdles({ state }: ControllerHarness): void {
  for (const index of state.queuedShapes) {
    const shape = state.shapes[index];
    assert.equal(lineUpOf(state, shape).length, 0, `shape ${index} waits and fits`);
  }
}

describe("a line of workers that is made anew", () => {
  const gpus = { capacity: { devices: devices("gpu", "h100", 1) } };
  const asks = { resources: { devices: devices("gpu", "h100", 1) } };

  /** Alike workers, of which one runs what nobody knows; who takes a job that asks for a GPU. */
  function takers(found: number): number[] {
    const harness = new ControllerHarness();
    const workers = [0, 1, 2].map(() => harness.aWorker({ slots: 2, ...gpus }));
    const other = workers[found];
    other.disconnects();
    const stray = { id: 901, task: 77, label: "x", granted: true, phase: 1, recalled: false };
    other.attempts.set(901, stray);
    other.connects();
    harness.launch("g", { ...asks, band: "batch" });
    harness.launch("h", { ...asks, band: "batch", replicas: 5 });
    return workers.filter(({ orders }) => orders.includes("/")).map(({ index }) => index);
  }

  test("has nobody whose devices may be in use by what nobody knows", () => {
    assert.deepEqual([0, 1, 2].map(takers), [
      [1, 2],
      [0, 2],
      [0, 1],
    ]);
  });

  test("has no more of a constraint's workers than take work, many or few", () => {
    const harness = new ControllerHarness();
    for (let i = 0; i < 40; i++) {
      harness.aWorker({ slots: 1, attributes: { zone: i % 20 === 7 ? "b" : "a" } });
    }
    const [, , , , , , , first, second] = harness.workers;
    first.feels("no disk");
    harness.aClient().submits({
      ...{ one: inZone("b"), two: inZone("b"), three: inZone("b") },
    });
    assert.equal(first.orders, "");
    assert.equal(harness.workers[27].orders.split(" ")[0], "one");
    assert.equal(second.orders, "");
    assert.equal(harness.state.workers[27].liveAttempts, 2, "the next is in line there");
  });

  test("has for a gang the groups of workers that take work, as they are now", () => {
    const harness = new ControllerHarness();
    const hosts = ["a", "a", "b", "b", "b"].map((slice) => {
      return harness.aWorker({ slots: 2, capacity: { cpuMilli: 2_000 }, attributes: { slice } });
    });
    harness.launch("g", { replicas: 3, groupBy: "slice", resources: { cpuMilli: 2_000 } });
    assert.deepEqual(
      hosts.map(({ orders }) => orders),
      ["", "", "g/0", "g/1", "g/2"],
    );
    const { state } = harness;
    const [shape] = state.shapes.filter(({ gang }) => gang >= 0);
    const groups = () => {
      const tally = groupsOf(state, shape, "slice");
      return [...tally.groups].map(([group, { able, free }]) => [group, able.size, free]);
    };
    assert.deepEqual(groups(), [
      ["a", 2, 2],
      ["b", 3, 0],
    ]);
    hosts[0].feels("no disk");
    harness.asks({ type: "cordon-worker", workerId: "w3", cordon: true });
    assert.deepEqual(groups(), [
      ["a", 1, 1],
      ["b", 2, 0],
    ]);
  });
});

function inZone(zone: string): TaskDraft {
  return { spec: { constraints: [clause("zone", "=", zone)] } };
}
