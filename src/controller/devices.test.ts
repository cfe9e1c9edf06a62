/**
 * Devices of launched jobs: each is given once, by index, and comes back on every way out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { abandoned, handedBack } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  devices,
  ordersOf,
  runGang,
  why,
} from "../../test/support/job-builders.ts";
import { parseResources } from "../model/parse-resources.ts";
import { pruneJobs } from "./jobs.ts";
import { Outbox } from "./outbox.ts";

const gpu = (count: number, variant = "auto") => ({
  resources: { devices: devices("gpu", variant, count) },
});

/** A worker with these GPUs, by variant, and room for everything else. */
function aGpuHost(harness: ControllerHarness, counts: { readonly [variant: string]: number }) {
  const owned = Object.entries(counts).flatMap(([variant, count]) =>
    devices("gpu", variant, count),
  );
  return harness.aWorker({ slots: 32, capacity: { devices: owned } });
}

/** The devices of a task's live attempt: `h100:0,1`. */
function grantOf(harness: ControllerHarness, label: string): string {
  const row = harness.state.tasks.attempt[harness.rowOf(label)];
  const granted = harness.state.deviceGrants.get(row) ?? [];
  return granted.map(({ variant, indices }) => `${variant}:${indices.join()}`).join(" ");
}

describe("what is usually asked of devices", () => {
  const half = { resources: { cpuMilli: 2_000, devices: devices("gpu", "auto", 1) } };
  const owned = { devices: devices("gpu", "h100", 1) };

  test("draws plain work to where it leaves devices of use", () => {
    for (const sizes of [
      [2_000, 3_000],
      [3_000, 2_000],
    ]) {
      const harness = new ControllerHarness();
      const large = sizes.indexOf(3_000);
      harness.launch("usual", half);
      harness.cancel("/ann/usual");
      const workers = sizes.map((cpuMilli) => {
        return harness.aWorker({ slots: 4, capacity: { ...owned, cpuMilli } });
      });
      harness.launch("plain");
      assert.equal(workers[large].orders, "plain/0", `${sizes}`);
    }
  });

  test("is what draws work also where it waited in line before that was known", () => {
    for (const sizes of [
      [2_000, 3_000],
      [3_000, 2_000],
    ]) {
      const harness = new ControllerHarness();
      const workers = sizes.map((cpuMilli) => {
        return harness.aWorker({ slots: 4, capacity: { ...owned, cpuMilli } });
      });
      harness.launch("before");
      for (const worker of workers) if (worker.orders !== "") worker.finishes("before/0");
      harness.launch("usual", half);
      harness.cancel("/ann/usual");
      for (const worker of workers) worker.obeys();
      harness.launch("plain");
      assert.equal(workers[sizes.indexOf(3_000)].orders, "plain/0", `${sizes}`);
    }
  });

  test("is of those requests only that somebody still knows", () => {
    const harness = new ControllerHarness({ checks: false });
    harness.launch("usual", half);
    harness.cancel("/ann/usual");
    const bounds = { endedBefore: harness.at, jobsMax: 0, tasksMax: 0 };
    pruneJobs(harness.state, new Outbox(), bounds);
    harness.aWorker({ capacity: owned });
    assert.equal(harness.state.demand.demand.classes.length, 0);
  });

  test("is computed anew when twice as many have asked, and not before", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ capacity: owned });
    const versions: number[] = [];
    for (let i = 0; i < 8; i++) {
      harness.launch(`usual${i}`, half);
      versions.push(harness.state.demand.version);
    }
    assert.deepEqual(versions, [1, 2, 2, 3, 3, 3, 3, 4]);
    assert.equal(harness.state.demand.count, 8);
    harness.launch("plain");
    assert.equal(harness.state.demand.count, 8, "who asks for no device is not counted");
  });

  test("is computed anew for a variant that was not known, and for nothing else that joins", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ capacity: owned });
    harness.launch("usual", half);
    const { demand, dimensions } = harness.state;
    const { version } = demand;
    harness.aWorker({ capacity: owned });
    assert.equal(demand.version, version);
    harness.aWorker({ capacity: { devices: devices("gpu", "a100", 1) } });
    assert.equal(demand.demand.kinds.length, dimensions.count);
    assert.equal(demand.version, version + 1);
  });
});

describe("device indices", () => {
  test("are given to one attempt each, and the ninth of eight waits", () => {
    const harness = new ControllerHarness();
    aGpuHost(harness, { h100: 8 });
    harness.launch("g", { replicas: 9, ...gpu(1) });
    const granted = [...Array(8).keys()].map((index) => grantOf(harness, `g/${index}`));
    assert.deepEqual(
      granted,
      [...Array(8).keys()].map((index) => `h100:${index}`),
    );
    assert.equal(harness.stateOf("g/8"), "PENDING queued");
  });

  test("go with the order to the worker", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 4 });
    harness.launch("a", gpu(2));
    harness.launch("b", gpu(1));
    assert.equal(grantOf(harness, "a/0"), "h100:0,1");
    assert.equal(grantOf(harness, "b/0"), "h100:2");
    assert.equal(harness.usedBy(worker)["device:gpu:h100"], 3000);
  });

  test("that came back are given again", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 2 });
    harness.launch("a", gpu(1));
    harness.launch("b", gpu(1));
    harness.launch("c", gpu(1));
    worker.finishes("a/0");
    assert.equal(grantOf(harness, "c/0"), "h100:0");
  });

  test("are shared by fractions, which leave whole devices whole", () => {
    const harness = new ControllerHarness();
    aGpuHost(harness, { h100: 2 });
    harness.launch("half", { replicas: 2, ...gpu(0.5) });
    harness.launch("whole", gpu(1));
    harness.launch("third", gpu(0.3));
    assert.equal(grantOf(harness, "half/0"), "h100:0");
    assert.equal(grantOf(harness, "half/1"), "h100:0");
    assert.equal(grantOf(harness, "whole/0"), "h100:1");
    assert.equal(harness.stateOf("third/0"), "PENDING queued");
  });

  test("that are free in halves only are no whole device, and the reason says so", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 2 });
    harness.launch("a", { replicas: 4, ...gpu(0.5) });
    worker.finishes("a/0");
    worker.finishes("a/2");
    harness.launch("whole", gpu(1));
    assert.equal(harness.stateOf("whole/0"), "PENDING queued");
    assert.match(why(harness, "whole/0").reasons[0].message, /free in parts, but not whole/);
    worker.finishes("a/1");
    assert.equal(grantOf(harness, "whole/0"), "h100:0");
  });

  test("of one and a half are one whole device and a part of another", () => {
    const harness = new ControllerHarness();
    aGpuHost(harness, { h100: 2 });
    harness.launch("a", gpu(1.5));
    harness.launch("b", gpu(0.5));
    assert.equal(grantOf(harness, "a/0"), "h100:0,1");
    assert.equal(grantOf(harness, "b/0"), "h100:1");
  });
});

describe("a variant", () => {
  test("that is named is the only one that will do, in any case of its letters", () => {
    const harness = new ControllerHarness();
    const a100 = aGpuHost(harness, { A100: 1 });
    const h100 = aGpuHost(harness, { h100: 2 });
    const asked = (variant: string) => ({
      resources: parseResources("r", { device: { kind: "GPU", variant, count: 1 } }),
    });
    harness.launch("upper", asked("H100"));
    harness.launch("lower", asked("h100"));
    harness.launch("third", asked("H100"));
    assert.equal(ordersOf(a100, h100), "w1: , w2: upper/0 lower/0");
    harness.launch("other", asked("a100"));
    assert.equal(a100.orders, "other/0");
  });

  test("that is left open is whatever is free, all of one variant", () => {
    const harness = new ControllerHarness();
    aGpuHost(harness, { a100: 1, h100: 2 });
    harness.launch("pair", gpu(2));
    harness.launch("one", gpu(1));
    assert.equal(grantOf(harness, "pair/0"), "h100:0,1");
    assert.equal(grantOf(harness, "one/0"), "a100:0");
  });

  test("that is kept for somebody is not taken by who would take any", () => {
    const harness = new ControllerHarness();
    const owned = [...devices("gpu", "a100", 1), ...devices("gpu", "h100", 1)];
    const worker = harness.aWorker({ slots: 4, capacity: { devices: owned } });
    const asks = (cpuMilli: number, variant?: string) => ({
      resources: { cpuMilli, ...(variant === undefined ? {} : gpu(1, variant).resources) },
    });
    harness.launch("low", { band: "batch", ...asks(1_000, "a100") });
    harness.launch("more", { band: "batch", ...asks(2_000) });
    worker.starts("low/0", "more/0");
    harness.launch("p", { band: "production", ...asks(4_000, "a100") });
    assert.equal(worker.orders, "low/0- more/0-");
    worker.reports(abandoned("low/0"));
    harness.launch("any", { user: "bob", ...asks(0, "auto") });
    assert.equal(grantOf(harness, "any/0"), "h100:0");
  });

  test("that no worker has is said to be the reason, and so is a kind that none has", () => {
    const harness = new ControllerHarness();
    aGpuHost(harness, { a100: 1 });
    harness.launch("variant", gpu(1, "h100"));
    harness.launch("kind", { resources: { devices: devices("tpu", "auto", 1) } });
    const codeOf = (label: string) => why(harness, label).reasons[0].code;
    assert.equal(codeOf("variant/0"), "DEVICE_VARIANT");
    assert.equal(codeOf("kind/0"), "DEVICE_KIND");
  });
});

describe("devices of a worker that comes back with work that was given up", () => {
  test("are given to nobody until that has ended", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 2 });
    harness.launch("a", { ...gpu(1), maxRetriesPreemption: 5 });
    worker.starts("a/0");
    const { id } = worker.attemptOf("a/0");
    harness.after(11_000, { silent: true });
    assert.equal(harness.stateOf("a/0"), "PENDING queued");
    worker.connects();
    assert.equal(harness.stateOf("a/0"), "PENDING queued", "what it runs may use any of them");
    harness.launch("plain");
    assert.match(harness.stateOf("plain/0"), /ASSIGNED/, "work without devices does not wait");
    worker.reports(abandoned("a/0", { attempt: id }));
    assert.equal(grantOf(harness, "a/0"), "h100:0");
  });
});

describe("work without devices", () => {
  test("goes to hosts with devices last", () => {
    const harness = new ControllerHarness();
    const fast = aGpuHost(harness, { h100: 1 });
    const plain = harness.aWorker({ slots: 2 });
    harness.launch("cpu", { replicas: 3 });
    assert.equal(ordersOf(fast, plain), "w1: cpu/2, w2: cpu/0 cpu/1");
  });

  test("never goes to hosts with devices that are tainted", () => {
    const harness = new ControllerHarness();
    const fast = harness.aWorker({
      capacity: { devices: devices("gpu", "h100", 1) },
      attributes: { "taint:gpu": "true" },
    });
    harness.launch("cpu");
    assert.equal(fast.orders, "");
  });
});

describe("devices are free again", () => {
  type Played = { harness: ControllerHarness; worker: ReturnType<typeof aGpuHost> };
  const endings: readonly (readonly [string, (played: Played) => void])[] = [
    ["after a success", ({ worker }) => worker.finishes("g/0")],
    ["after a failure", ({ worker }) => worker.fails("g/0")],
    ["after a refusal", ({ worker }) => worker.reports(handedBack("g/0", { reason: "refused" }))],
    [
      "after a cancel, when it has stopped",
      ({ harness, worker }) => {
        harness.cancel("/ann/g");
        assert.equal(harness.usedBy(worker)["device:gpu:h100"], 1500, "not before");
        worker.reports(abandoned("g/0"));
      },
    ],
    [
      "after a preemption, when it has stopped",
      ({ harness, worker }) => {
        harness.launch("p", { band: "production", ...gpu(2), user: "eve" });
        worker.obeys();
        assert.equal(grantOf(harness, "p/0"), "h100:0,1");
        worker.finishes("p/0");
        harness.cancel("/ann/g");
        worker.obeys();
      },
    ],
    [
      "after a worker that leaves",
      ({ harness, worker }) => {
        worker.leaves();
        harness.cancel("/ann/g");
        worker.restarts();
      },
    ],
    [
      "after a worker that died and came back",
      ({ harness, worker }) => {
        worker.exits();
        harness.cancel("/ann/g");
        worker.connects();
      },
    ],
    [
      "after a drain",
      ({ harness, worker }) => {
        const workerId = worker.workerId;
        harness.asks({ type: "drain-worker", workerId, drain: true, deadlineMs: 100 });
        harness.after(200);
        worker.obeys();
        harness.cancel("/ann/g");
        harness.asks({ type: "drain-worker", workerId, drain: false, deadlineMs: 0 });
      },
    ],
  ];
  for (const [how, end] of endings) {
    test(how, () => {
      const harness = new ControllerHarness();
      const worker = aGpuHost(harness, { h100: 2 });
      harness.launch("g", { ...gpu(1.5), band: "batch" });
      worker.starts("g/0");
      end({ harness, worker });
      harness.after(2_000);
      if (harness.stateOf("g/0") === "ASSIGNED") {
        harness.cancel("/ann/g");
        worker.obeys();
      }
      assertAllFree(harness);
      harness.launch("all", gpu(2));
      assert.equal(grantOf(harness, "all/0"), "h100:0,1");
    });
  }

  test("after a gang whose member failed", () => {
    const harness = new ControllerHarness();
    const capacity = { devices: devices("gpu", "h100", 2) };
    const hosts = aSlice(harness, "a", { hosts: 2, capacity });
    harness.launch("g", { replicas: 2, groupBy: "slice", ...gpu(2) });
    runGang("g", hosts);
    assert.equal(grantOf(harness, "g/1"), "h100:0,1");
    hosts[0].fails("g/0");
    hosts[1].obeys();
    assertAllFree(harness);
    harness.launch("next", { replicas: 2, groupBy: "slice", ...gpu(2) });
    assert.equal(grantOf(harness, "next/1"), "h100:0,1");
  });
});

describe("devices that are in use stay so", () => {
  for (const from of ["facts", "snapshot"] as const) {
    test(`over a restart of the controller from ${from}`, () => {
      const harness = new ControllerHarness();
      const worker = aGpuHost(harness, { h100: 2 });
      harness.launch("a", { replicas: 2, ...gpu(0.5) });
      harness.restarts(from);
      worker.connects();
      harness.launch("b", { replicas: 2, ...gpu(1) });
      assert.equal(grantOf(harness, "a/1"), "h100:0");
      assert.equal(grantOf(harness, "b/0"), "h100:1");
      assert.equal(harness.stateOf("b/1"), "PENDING queued");
      worker.finishes("a/0");
      worker.finishes("a/1");
      assert.equal(grantOf(harness, "b/1"), "h100:0");
    });
  }

  test("over a cancel and a retry, until both attempts have ended", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 2 });
    const client = harness.aClient();
    const device = { kind: "gpu", variant: "h100", count: 1 };
    const draft = { spec: { resources: parseResources("resources", { device }) } };
    client.submits({ a: draft });
    worker.starts("a");
    client.cancels(["a"]);
    client.retries("a");
    assert.equal(grantOf(harness, "a"), "h100:0");
    client.submits({ b: draft, c: draft });
    worker.heartbeats(); // The old attempt is told to have ended.
    assert.equal(grantOf(harness, "b"), "h100:1");
    assert.equal(harness.stateOf("c"), "PENDING queued");
    worker.finishes("a");
    assert.equal(grantOf(harness, "c"), "h100:0");
    worker.finishes("b", "c");
    assertAllFree(harness);
  });

  test("over a new agent that takes over what runs", () => {
    const harness = new ControllerHarness();
    const worker = aGpuHost(harness, { h100: 2 });
    harness.launch("a", gpu(1));
    worker.starts("a/0");
    worker.exits("SIGKILL", { launcherLives: true });
    worker.connected = false;
    worker.adopts();
    harness.launch("b", { replicas: 2, ...gpu(1) });
    assert.equal(grantOf(harness, "a/0"), "h100:0");
    assert.equal(grantOf(harness, "b/0"), "h100:1");
    assert.equal(harness.stateOf("b/1"), "PENDING queued");
    worker.finishes("a/0");
    assert.equal(grantOf(harness, "b/1"), "h100:0");
  });
});

describe("every amount that a request names is enforced", () => {
  const amounts = {
    disk: { capacity: { diskBytes: 1_000 }, resources: { diskBytes: 600 } },
    memory: { capacity: { memoryBytes: 1_000 }, resources: { memoryBytes: 600 } },
    custom: { capacity: { custom: { license: 3_000 } }, resources: { custom: { license: 2_000 } } },
  } as const;
  for (const [name, { capacity, resources }] of Object.entries(amounts)) {
    test(name, () => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker({ slots: 4, capacity });
      harness.launch("a", { replicas: 2, resources });
      assert.equal(worker.orders, "a/0");
      assert.equal(why(harness, "a/1").reasons[0].code, "INSUFFICIENT");
      worker.reports({ kind: "finished", label: "a/0", durationUs: 5_000_000 });
      assert.equal(worker.orders, "a/1");
    });
  }

  test("a place for a process, also without any CPU", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ commandSlots: 2 });
    harness.launch("a", { replicas: 3, resources: { cpuMilli: 0 } });
    assert.equal(worker.orders, "a/0 a/1");
    assert.deepEqual(harness.usedBy(worker), { "command slots": 2 });
    assert.equal(why(harness, "a/2").reasons[0].code, "SLOTS");
  });

  test("a custom resource that no worker has", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("a", { resources: { custom: { licence: 1_000 } } });
    assert.equal(worker.orders, "");
    assert.equal(why(harness, "a/0").canEverRun, false);
  });
});
