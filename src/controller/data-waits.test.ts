/**
 * Where a task goes for its inputs: to wait in line where they are, or to have them moved.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FakeClient, TaskDraft } from "../../test/support/fake-client.ts";
import {
  abandoned,
  type FakeWorker,
  finished,
  handedBack,
  have,
  lost,
  type WorkerOptions,
} from "../../test/support/fake-worker.ts";
import { clause, devices, keptWorkers } from "../../test/support/job-builders.ts";
import { defaultRequest } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import { prefetchPerShapeMax, transferBytesMin } from "../scheduler/limits.ts";
import { measureTransfers } from "./data-wait-state.ts";
import { chooseWait, inputBytesOf, lineWaitUs } from "./data-waits.ts";
import { nextDeadline } from "./deadlines.ts";
import { explainTask } from "./explain.ts";
import { dataHoldersMax, dataWaitUsMax, queuesInLineMax } from "./limits.ts";
import { newControllerState, shapeOf } from "./state.ts";

const gigabyte = 1_000_000_000;

interface Scene {
  readonly harness: ControllerHarness;
  readonly client: FakeClient;
  /** Has the value of `big`, and runs `long`, which usually takes 200 ms. */
  readonly full: FakeWorker;
}

interface SceneOptions {
  /** How long such work usually takes. */
  readonly meanUs?: number;
  readonly options?: WorkerOptions;
  readonly like?: TaskDraft;
}

/** A worker whose only slot is taken, with an input of `sizeBytes`. */
function aFullWorkerWith(
  sizeBytes: number,
  { meanUs = 200_000, options = {}, like = {} }: SceneOptions = {},
): Scene {
  const harness = new ControllerHarness();
  const full = harness.aWorker(options);
  const client = harness.aClient();
  client.submits({ big: like });
  full.reports(finished("big", { value: null, sizeBytes, durationUs: meanUs }));
  client.submits({ long: like });
  full.starts("long");
  return { harness, client, full };
}

const reader = { b: { on: ["big"] } };

/** What only this worker may run. */
function onlyOn(workerId: string, ...inputs: readonly string[]) {
  return { spec: { constraints: [clause("worker-id", "=", workerId)] }, on: inputs };
}

/** The worker has fetched so many bytes from another one. */
function saysFetched(
  harness: ControllerHarness,
  worker: FakeWorker,
  sizeBytes: number,
  durationUs: number,
): void {
  harness.workerSays(worker, {
    ...{ type: "traffic", kinds: Uint8Array.of(trafficKind.fetch), tasks: Float64Array.of(1) },
    ...{ counts: Uint32Array.of(1), sizes: Float64Array.of(sizeBytes), omitted: 0 },
    ...{ agos: Float64Array.of(0), durations: Float64Array.of(durationUs) },
    peers: Uint32Array.of(0),
  });
}

/** How many attempts a worker was told to give back. */
function recalledBy({ attempts }: FakeWorker): number {
  return [...attempts.values()].filter(({ recalled }) => recalled).length;
}

/**
 * Workers of one slot that each hold a value, `of-w1` and so on of `sizes[0]` and so on, and run
 * something that has `ranMs[0]` and so on of a second behind it.
 */
function busyHolders(sizes: readonly number[], ranMs: readonly number[]): Scene {
  const harness = new ControllerHarness();
  const workers = sizes.map(() => harness.aWorker());
  const client = harness.aClient();
  for (const [i, worker] of workers.entries()) {
    const [value, runs] = [`of-${worker.workerId}`, `in-${worker.workerId}`];
    client.submits({ [value]: onlyOn(worker.workerId) });
    const more = { value: null, sizeBytes: sizes[i], durationUs: 1_000_000 };
    worker.reports(finished(value, more));
    client.submits({ [runs]: onlyOn(worker.workerId) });
  }
  let ran = Math.max(...ranMs);
  for (const next of [...ranMs].sort((a, b) => b - a)) {
    harness.after(ran - next);
    ran = next;
    const worker = workers[ranMs.indexOf(next)];
    worker.starts(`in-${worker.workerId}`);
  }
  harness.after(ran);
  return { harness, client, full: workers[0] };
}

function whyOf(harness: ControllerHarness, label: string): string {
  const { summary, reasons } = explainTask(harness.state, harness.rowOf(label));
  return [summary, ...reasons.map(({ code }) => code)].join(" | ");
}

describe("a reader of a large input", () => {
  test("waits in line at the full worker that has it, and says for how long", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    assert.equal(idle.orders, "");
    const where = "waits for w1, where 953.67 MiB of its input is, expected in 200ms";
    assert.match(whyOf(harness, "b"), new RegExp(`${where}; elsewhere in 1.8s at the latest`));
    assert.match(whyOf(harness, "b"), /DATA_WAIT/);
    full.reports(finished("long", { successor: "b" }));
    assert.equal(full.orders, "b");
    assert.doesNotMatch(whyOf(harness, "b"), /DATA_WAIT/);
  });

  test("waits there also while somebody keeps a worker that is none of its own", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    const kept = harness.aWorker();
    client.submits({ low: { spec: { ...onlyOn("w2").spec, band: "batch" } } });
    kept.starts("low");
    harness.launch("p", { band: "production", constraints: onlyOn("w2").spec.constraints });
    assert.equal(keptWorkers(harness), "w2");
    harness.aWorker();
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
  });

  test("goes elsewhere at once where what runs there takes longer than the move", () => {
    const { harness, client } = aFullWorkerWith(gigabyte, { meanUs: 11_000_000 });
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  test("goes elsewhere at once where nobody knows how long anything runs", () => {
    const harness = new ControllerHarness();
    const full = harness.aWorker();
    const client = harness.aClient();
    client.submits({ big: {} });
    full.reports(finished("big", { value: null, sizeBytes: gigabyte }));
    client.submits({ long: { spec: { priority: 7 } } });
    full.starts("long");
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  test("goes back at its bound, which is what the move takes, and to who has room", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte, { meanUs: 9_000_000 });
    const idle = harness.aWorker();
    client.submits(reader);
    harness.after(9_990);
    assert.equal(full.orders, "long+ (b)");
    harness.after(20);
    assert.equal(recalledBy(full), 1);
    full.reports(handedBack("b", { reason: "retracted" }));
    assert.equal(idle.orders, "b");
  });

  test("goes back sooner where what it waits for is late", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    harness.aWorker();
    client.submits(reader);
    harness.after(1_790);
    assert.equal(recalledBy(full), 0);
    harness.after(20);
    assert.equal(recalledBy(full), 1);
  });

  test("stays in line past its bound while nobody else has room, until somebody has", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    client.submits(reader);
    harness.after(11_000);
    assert.equal(full.orders, "long+ (b)");
    assert.equal(recalledBy(full), 0);
    assert.match(whyOf(harness, "b"), /whoever has room takes it/);
    const idle = harness.aWorker();
    full.reports(handedBack("b", { reason: "retracted" }));
    assert.equal(idle.orders, "b");
  });

  test("is not taken back by a worker that idles", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    harness.aWorker();
    assert.equal(recalledBy(full), 0);
  });

  test("stands behind those that wait there, until the line is as long as the move", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte / 10);
    const idle = harness.aWorker({ slots: 8 });
    const labels = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];
    client.submits(Object.fromEntries(labels.map((label) => [label, { on: ["big"] }])));
    // The move takes a second, and each of them 200 ms: the fifth would begin when it is over.
    assert.equal(full.orders, "long+ (b1) (b2) (b3) (b4)");
    assert.equal(idle.orders, "b5 b6 b7 b8");
  });

  test("goes elsewhere where others wait for that worker", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    harness.aClient("bob").submits({ theirs: onlyOn("w1") });
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(full.orders, "long+");
    assert.equal(idle.orders, "b");
  });
});

describe("what stands in line for its inputs' sake is taken back", () => {
  /** It waits at w1, and `idle` has room. */
  function inLine(inputs: readonly string[] = ["big"]) {
    const scene = aFullWorkerWith(gigabyte);
    const idle = scene.harness.aWorker();
    scene.client.submits({ small: onlyOn("w2") });
    idle.reports(finished("small", { value: null, sizeBytes: 200_000 }));
    scene.client.submits({ b: { on: inputs } });
    assert.equal(scene.full.orders, "long+ (b)");
    return { ...scene, idle };
  }

  /** Something ends there, so that it is asked what it could do. */
  function becomesIdle({ client }: Scene, idle: FakeWorker): void {
    client.submits({ passing: onlyOn("w2") });
    idle.finishes("passing");
  }

  test("at once by who idles and has got the inputs, and not by who has only some", () => {
    const scene = inLine(["big", "small"]);
    becomesIdle(scene, scene.idle);
    assert.equal(recalledBy(scene.full), 0);
    scene.idle.reports(have("big", { sizeBytes: gigabyte }));
    scene.client.submits({ more: onlyOn("w2") });
    scene.idle.finishes("more");
    assert.equal(recalledBy(scene.full), 1);
    const lines = scene.harness.after(1_900);
    assert.ok(!lines.some((line) => line.includes("retract")), "it is told once");
  });

  test("at once by who idles where it came to stand in another line after all", () => {
    const scene = inLine();
    scene.client.submits({ next: {} });
    scene.idle.starts("next");
    scene.harness.asks({ type: "cordon-worker", workerId: "w1", cordon: true });
    scene.full.reports(handedBack("b"));
    assert.equal(scene.idle.orders, "next+ (b)");
    scene.harness.aWorker();
    assert.equal(recalledBy(scene.idle), 1);
  });

  test("all together where their bounds are the same", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte / 20);
    harness.aWorker({ slots: 2 });
    client.submits({ b: { on: ["big"] }, c: { on: ["big"] } });
    assert.equal(full.orders, "long+ (b) (c)");
    harness.after(510);
    assert.equal(recalledBy(full), 2);
  });

  test("each at its own bound", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    harness.aWorker({ slots: 2 });
    client.submits({ b: { on: ["big"] }, c: { on: ["big"] } });
    assert.equal(full.orders, "long+ (b) (c)");
    for (const [ms, count] of [
      [1_810, 1],
      [800, 2],
    ]) {
      harness.after(ms);
      assert.equal(recalledBy(full), count);
    }
  });

  test("not at the bound that it had before it ran", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte, { meanUs: 1_000_000 });
    harness.aWorker({ slots: 4 });
    const again = { on: ["big"], spec: { maxRetriesFailure: 3 } };
    client.submits({ b: again, c: again, d: again });
    assert.equal(full.orders, "long+ (b) (c) (d)");
    full.reports(finished("long", { successor: "b", durationUs: 1_000_000 }));
    full.starts("b");
    full.fails("b");
    full.starts("c");
    assert.equal(full.orders, "c+ (d) (b)");
    harness.after(6_000);
    assert.equal(recalledBy(full), 0, "it was to wait for 5 s at first");
  });

  test("at once by who idles where transfers have become faster than the line", () => {
    const scene = inLine();
    for (let i = 0; i < 40; i++) saysFetched(scene.harness, scene.idle, gigabyte, 10_000);
    becomesIdle(scene, scene.idle);
    assert.equal(recalledBy(scene.full), 1);
  });

  test("at its bound once, however often it has come back meanwhile", () => {
    const { harness, full } = inLine();
    full.reports(handedBack("b"));
    assert.equal(full.orders, "long+ (b)");
    const lines = harness.after(1_900);
    assert.deepEqual(
      lines.filter((line) => line.includes("retract")),
      ["w1 < retract b"],
    );
  });

  test("not at its bound where it is its turn already", () => {
    const { harness, full } = inLine();
    full.reports(finished("long", { successor: "b" }));
    assert.equal(full.orders, "b");
    harness.after(11_000);
    assert.equal(recalledBy(full), 0);
  });

  test("not from a worker that is not heard", () => {
    const scene = inLine();
    const { harness, full } = scene;
    full.disconnects();
    harness.after(1_900);
    full.connects();
    assert.equal(full.orders, "long+ (b)");
    becomesIdle(scene, scene.idle);
    assert.equal(recalledBy(full), 1);
  });

  test("and nothing is remembered of it once it runs", () => {
    const { harness, full } = inLine();
    full.reports(finished("long", { successor: "b" }));
    full.starts("b");
    const { deadlines, waits } = harness.state.dataWaits;
    assert.deepEqual([deadlines.length, waits.size], [0, 0]);
  });

  test("where its input is lost, and computed again", () => {
    const { harness, full, idle } = inLine();
    full.reports(lost("big"));
    harness.after(1_900);
    assert.equal(recalledBy(full), 1);
    full.reports(handedBack("b"));
    idle.reports(finished("big", { value: null, sizeBytes: gigabyte }));
    assert.equal(idle.orders, "b");
  });
});

describe("what is sent ahead to where its inputs are", () => {
  test("says nothing of waiting for them where they are small", () => {
    const { harness, client, full } = aFullWorkerWith(200_000);
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    assert.doesNotMatch(whyOf(harness, "b"), /DATA_WAIT/);
  });

  test("is taken back at once by who idles where the line is longer than the move", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte / 50, { meanUs: 900_000 });
    client.submits(reader);
    assert.equal(full.orders, "long+ (b)");
    assert.doesNotMatch(whyOf(harness, "b"), /DATA_WAIT/);
    harness.aWorker();
    assert.equal(recalledBy(full), 1);
  });

  const bounds = [
    ["for as long as the move takes", gigabyte / 20, 500],
    ["until what it waits for is late", gigabyte, 1_800],
  ] as const;
  for (const [why, sizeBytes, ms] of bounds) {
    test(`is left there ${why}`, () => {
      const { harness, client, full } = aFullWorkerWith(sizeBytes);
      client.submits(reader);
      assert.equal(full.orders, "long+ (b)");
      harness.aWorker();
      harness.after(ms - 10);
      assert.equal(recalledBy(full), 0);
      assert.ok((nextDeadline(harness.state) ?? Infinity) <= harness.at + 20_000);
      harness.after(20);
      assert.equal(recalledBy(full), 1);
    });
  }
});

describe("goes elsewhere at once", () => {
  const wants: { readonly [why: string]: Partial<TaskSpec> } = {
    "what asks for devices": {
      resources: { ...defaultRequest, devices: devices("gpu", "any", 1) },
    },
    "what begins at most once": { exclusive: true },
  };
  for (const [why, spec] of Object.entries(wants)) {
    test(why, () => {
      const capacity = { devices: devices("gpu", "any", 1) };
      const { harness, client } = aFullWorkerWith(gigabyte, { options: { capacity } });
      const idle = harness.aWorker({ capacity });
      client.submits({ b: { on: ["big"], spec } });
      assert.equal(idle.orders, "b");
    });
  }

  test("what is of a user with a cap", () => {
    const { harness, client } = aFullWorkerWith(gigabyte);
    harness.limits("ann", { cap: { ...defaultRequest, cpuMilli: 9_000, memoryBytes: 2 ** 40 } });
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  test("all that waits where the order is one over all users", () => {
    const { harness, client } = aFullWorkerWith(gigabyte);
    harness.state.policy = "fifo";
    const idle = harness.aWorker();
    client.submits(reader);
    assert.equal(idle.orders, "b");
  });

  /** It runs at w2, w1 has its input and runs `long`, and w3 idles. */
  function runsElsewhere() {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    const cordon = { type: "cordon-worker", workerId: "w1" } as const;
    harness.asks({ ...cordon, cordon: true });
    const other = harness.aWorker();
    client.submits({ b: { on: ["big"], spec: { maxRetriesPreemption: 3 } } });
    other.starts("b");
    harness.asks({ ...cordon, cordon: false });
    return { full, other, idle: harness.aWorker() };
  }

  test("what asked to run later", () => {
    const { full, other, idle } = runsElsewhere();
    other.fails("b", { cause: "rescheduled" });
    assert.deepEqual([full.orders, idle.orders], ["long+", "b"]);
  });

  test("what a worker has died under", () => {
    const { full, other, idle } = runsElsewhere();
    other.exits();
    assert.deepEqual([full.orders, idle.orders], ["long+", "b"]);
  });

  test("what something was evicted for", () => {
    const band = { spec: { band: "production" } } as const;
    const { harness, client, full } = aFullWorkerWith(gigabyte, { meanUs: 3_000_000, like: band });
    const other = harness.aWorker();
    client.submits({ low: { spec: { band: "batch" } } });
    other.starts("low");
    client.submits({ b: { ...band, on: ["big"] } });
    assert.equal(other.orders, "low-");
    other.obeys();
    assert.deepEqual([full.orders, other.orders], ["long+", "b"]);
  });

  test("what would wait for longer than anything may", () => {
    const many = 2 * dataWaitUsMax * 100;
    const { harness, client, full } = aFullWorkerWith(many, { meanUs: dataWaitUsMax + 10_000 });
    const idle = harness.aWorker();
    client.submits(reader);
    assert.deepEqual([full.orders, idle.orders], ["long+", "b"]);
  });
});

test("a small input keeps nobody from a worker that idles", () => {
  const { harness, client } = aFullWorkerWith(100_000);
  const idle = harness.aWorker();
  client.submits(reader);
  assert.equal(idle.orders, "b");
});

test("what is measured of transfers decides what is small", () => {
  const { harness, client, full } = aFullWorkerWith(gigabyte / 10);
  const idle = harness.aWorker();
  for (let i = 0; i < 40; i++) saysFetched(harness, idle, gigabyte, 500_000);
  client.submits(reader);
  assert.equal(full.orders, "long+");
  assert.equal(idle.orders, "b", "100 MB come in 50 ms now");
});

describe("of several workers that have inputs a task stands in line", () => {
  for (const ranMs of [
    [900, 100],
    [100, 900],
  ]) {
    test(`where it begins the soonest, whoever got a copy last: ran ${ranMs} ms`, () => {
      const { harness, client } = busyHolders([gigabyte, 1_000], ranMs);
      const [one, two] = harness.workers;
      two.reports(have("of-w1", { sizeBytes: gigabyte }));
      harness.aWorker();
      client.submits({ b: { on: ["of-w1"] } });
      const soonest = ranMs[0] > ranMs[1] ? one : two;
      assert.match(soonest.orders, /\(b\)$/);
    });
  }

  test("not where the line is the shortest, if what is missing there takes longer", () => {
    const { harness, client } = busyHolders([gigabyte, gigabyte / 10], [100, 900]);
    harness.aWorker();
    client.submits({ b: { on: ["of-w1", "of-w2"] } });
    assert.match(harness.workers[0].orders, /\(b\)$/);
  });

  test("also at one with less of them than who would begin later", () => {
    const { harness, client } = busyHolders([gigabyte / 2, (gigabyte * 6) / 10], [900, 0]);
    client.submits({ b: { on: ["of-w1", "of-w2"] } });
    const task = harness.rowOf("b");
    const shape = shapeOf(harness.state, task);
    const inputs = inputBytesOf(harness.state, task);
    assert.ok(inputs !== null);
    const chosenWhereItBeginsIn = (startUs: number) => {
      const elsewhere = harness.state.workers[1];
      return chooseWait(harness.state, task, { shape, inputs, elsewhere, startUs })?.worker;
    };
    assert.equal(chosenWhereItBeginsIn(0), undefined);
    assert.equal(chosenWhereItBeginsIn(9_000_000), 0);
  });

  test("but looks at so many of them and no more", () => {
    const { harness, client, full } = aFullWorkerWith(gigabyte);
    client.submits(reader);
    const shape = shapeOf(harness.state, harness.rowOf("b"));
    for (let i = 0; i < dataHoldersMax; i++) harness.aWorker({ slots: 0 });
    const last = harness.state.workers.length - 1;
    assert.equal(last, dataHoldersMax);
    const chosenAmong = (workers: readonly number[]) => {
      const byWorker = new Map(workers.map((index) => [index, gigabyte]));
      const idle = { ...harness.state.workers[last], index: last + 1 };
      return chooseWait(harness.state, harness.rowOf("big"), {
        ...{ shape, startUs: 0, elsewhere: idle },
        inputs: { total: gigabyte, byWorker },
      })?.worker;
    };
    const others = Array.from({ length: dataHoldersMax }, (_, i) => i + 1);
    assert.equal(chosenAmong([...others.slice(1), full.index]), full.index);
    assert.equal(chosenAmong([...others, full.index]), undefined);
  });
});

test("of inputs counts what must be fetched, at each worker that has it", () => {
  const { harness, client, full } = aFullWorkerWith(gigabyte);
  const idle = harness.aWorker();
  idle.reports(have("big", { sizeBytes: gigabyte }));
  client.submits({ small: {}, b: { on: ["big", "small"] } });
  idle.finishes("small");
  const byWorker = new Map([full.index, idle.index].map((index) => [index, gigabyte]));
  const inputs = inputBytesOf(harness.state, harness.rowOf("b"));
  assert.deepEqual(inputs, { total: gigabyte, byWorker });
  assert.equal(inputBytesOf(harness.state, harness.rowOf("big")), null);
});

describe("when one more attempt is expected to begin on a worker", () => {
  /** Milliseconds until one more like the task is expected to begin there. */
  function expectedMs({ harness, worker, label = "b" }: Expecting): number {
    const { state } = harness;
    const shape = shapeOf(state, harness.rowOf(label));
    return Math.round(lineWaitUs(state, state.workers[worker.index], shape) / 1_000);
  }

  test("it is when what runs there has run for the mean of its kind, or as late again", () => {
    const { harness, full: worker } = aFullWorkerWith(gigabyte);
    const about = { harness, worker, label: "long" };
    assert.equal(expectedMs(about), 200);
    harness.after(150);
    assert.equal(expectedMs(about), 50);
    harness.after(250);
    assert.equal(expectedMs(about), 200);
  });

  test("of several that run, by the mean of when they began", () => {
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte, { options: { slots: 2 } });
    harness.after(80);
    client.submits({ next: {} });
    worker.starts("next");
    harness.after(80);
    assert.equal(expectedMs({ harness, worker, label: "long" }), 80);
  });

  test("those in line before it go first, as many at a time as run there", () => {
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte, { options: { slots: 2 } });
    client.submits({ other: {} });
    worker.starts("other");
    client.submits({ b1: { on: ["big"] }, b2: { on: ["big"] } });
    assert.equal(worker.orders, "long+ other+ (b1) (b2)");
    assert.equal(expectedMs({ harness, worker, label: "long" }), 200 + (2 * 200) / 2);
  });

  test("those of its own kind and of the one whose room it takes go first", () => {
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte);
    const first = { spec: { priority: 3 }, on: ["big"] };
    client.submits({ alike: {} });
    harness.aWorker({ slots: 8 });
    client.submits({ b: first });
    assert.equal(worker.orders, "long+ (alike) (b)");
    assert.equal(expectedMs({ harness, worker }), 200 + 2 * 200);
  });

  test("what ends first makes room, of whichever kind it is", () => {
    for (const priorities of [
      [3, 0],
      [0, 3],
    ]) {
      const {
        harness,
        client,
        full: worker,
      } = aFullWorkerWith(gigabyte, { options: { slots: 3 } });
      const [short, unlike] = priorities.map((priority) => ({ spec: { priority: 5 + priority } }));
      client.submits({ short, unlike });
      worker.reports(finished("short", { durationUs: 50_000 }));
      worker.reports(finished("unlike", { durationUs: 900_000 }));
      client.submits({ short2: short, unlike2: unlike });
      worker.starts("short2", "unlike2");
      assert.equal(expectedMs({ harness, worker, label: "long" }), 50, `${priorities}`);
    }
  });

  test("what ends makes room only for what then fits", () => {
    const options = { slots: 2 };
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte, { options });
    client.submits({ next: {} });
    const wide = { resources: { ...defaultRequest, cpuMilli: 2_000 } };
    client.submits({ wide: { spec: wide } });
    assert.equal(expectedMs({ harness, worker, label: "wide" }), Infinity);
    worker.reports(finished("next", { durationUs: 200_000 }));
    assert.equal(expectedMs({ harness, worker, label: "wide" }), 200);
  });

  test("nobody knows where nothing runs, or nothing of which a run time is known", () => {
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte);
    worker.finishes("long");
    assert.equal(worker.orders, "");
    assert.equal(expectedMs({ harness, worker, label: "big" }), Infinity);
    client.submits({ unknown: { spec: { priority: 3 } } });
    worker.starts("unknown");
    assert.equal(expectedMs({ harness, worker, label: "big" }), Infinity);
  });

  test("never where it may not be sent", () => {
    const { harness, full: worker } = aFullWorkerWith(gigabyte);
    const expected = (label: string) => expectedMs({ harness, worker, label });
    harness.clients[0].submits({ b: onlyOn("w2", "big") });
    assert.equal(expected("b"), Infinity, "only w2 may run it");
    assert.equal(expected("long"), 200);
    const cordon = { type: "cordon-worker", workerId: "w1" } as const;
    harness.asks({ ...cordon, cordon: true });
    assert.equal(expected("long"), Infinity, "closed");
    harness.asks({ ...cordon, cordon: false });
    assert.equal(expected("long"), 200);
    harness.launch("p", { band: "production", constraints: onlyOn("w1").spec.constraints });
    assert.equal(keptWorkers(harness), "w1");
    assert.equal(expected("long"), Infinity, "kept for p");
  });

  test("never where something uses it that nobody knows", () => {
    const { harness, full: worker } = aFullWorkerWith(gigabyte);
    worker.disconnects();
    worker.attempts.set(77, { ...worker.attemptOf("long"), id: 77, task: 999 });
    worker.connects();
    assert.equal(expectedMs({ harness, worker, label: "long" }), Infinity);
    worker.reports(abandoned("long", { attempt: 77 }));
    assert.notEqual(expectedMs({ harness, worker, label: "long" }), Infinity);
  });

  test("nobody knows past as many queues as are looked at", () => {
    const slots = queuesInLineMax + 2;
    const { harness, client, full: worker } = aFullWorkerWith(gigabyte, { options: { slots } });
    worker.finishes("long");
    const ofKind = (priority: number) => ({ spec: { priority } });
    for (let i = 1; i <= queuesInLineMax; i++) {
      if (i === queuesInLineMax) {
        client.submits({ known: {} });
        assert.notEqual(expectedMs({ harness, worker, label: "known" }), Infinity);
        worker.finishes("known");
      }
      client.submits({ [`unknown-${i}`]: ofKind(i) });
      worker.starts(`unknown-${i}`);
    }
    client.submits({ last: {} });
    assert.equal(expectedMs({ harness, worker, label: "last" }), Infinity);
  });

  test("never behind as many as may wait on one worker", () => {
    const harness = new ControllerHarness({ checks: false });
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ big: {} });
    worker.reports(finished("big", { value: null, sizeBytes: gigabyte, durationUs: 1 }));
    const labels = Array.from({ length: prefetchPerShapeMax }, (_, i) => `b${i}`);
    client.submits({ long: {}, ...Object.fromEntries(labels.map((label) => [label, {}])) });
    assert.equal(worker.orders.split(" ").length, 1 + prefetchPerShapeMax);
    assert.equal(expectedMs({ harness, worker, label: "long" }), Infinity);
    worker.reports(finished("long", { successor: "b0", durationUs: 1 }));
    assert.equal(expectedMs({ harness, worker, label: "b0" }), 2);
  });
});

interface Expecting {
  readonly harness: ControllerHarness;
  readonly worker: FakeWorker;
  readonly label?: string;
}

test("only what large values take on their way from a peer is measured, each of them", () => {
  const state = newControllerState();
  const { fetch, spill } = trafficKind;
  const measured = (kinds: readonly number[], sizes: readonly number[], us: readonly number[]) => {
    const before = state.dataWaits.bytesPerSecond;
    const none = new Float64Array(kinds.length);
    measureTransfers(state, {
      ...{ type: "traffic", kinds: Uint8Array.from(kinds), tasks: none, agos: none, omitted: 0 },
      ...{ counts: new Uint32Array(kinds.length), peers: new Uint32Array(kinds.length) },
      ...{ sizes: Float64Array.from(sizes), durations: Float64Array.from(us) },
    });
    return state.dataWaits.bytesPerSecond - before;
  };
  const large = transferBytesMin;
  assert.equal(measured([spill, fetch], [large, large - 1], [1_000, 1]), 0);
  const first = measured([fetch], [large], [1_000]);
  assert.ok(first > 0);
  assert.ok(measured([spill, fetch, fetch], [large, large, large], [1, 1_000, 1_000]) > first);
});
