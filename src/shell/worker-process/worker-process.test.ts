/**
 * A worker against a scripted controller, over real sockets, threads and files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import {
  ScriptedController,
  type ScriptedOptions,
} from "../../../test/shell/scripted-controller.ts";
import { noResources } from "../../model/resources.ts";
import { reportKind } from "../../protocol/messages.ts";
import { fetchValues } from "../data-plane/fetch-values.ts";
import { createLogger } from "../logging/logger.ts";
import { decodeValue, encodeArguments } from "../values/value-codec.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { type RunningWorker, runWorker } from "./worker-process.ts";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function aController(options: ScriptedOptions = {}): Promise<ScriptedController> {
  const controller = await ScriptedController.start(options);
  closers.push(() => controller.close());
  return controller;
}

async function aWorker(
  controllerUrl: string,
  overrides: Partial<WorkerOptions> = {},
): Promise<RunningWorker & { readonly workDir: string }> {
  const workDir = mkdtempSync(join(tmpdir(), "capstan-worker-test-"));
  const capacity = { ...noResources, cpuMilli: 2000 };
  const options = { controllerUrl, workerId: "w", slots: 2, capacity, workDir, ...overrides };
  const worker = await runWorker(options, createLogger({ name: "worker", level: "silent" }));
  closers.push(async () => {
    await worker.close();
    rmSync(workDir, { recursive: true, force: true });
  });
  return Object.assign(worker, { workDir });
}

describe("a worker", () => {
  it("says who it is, then what it has", async () => {
    const controller = await aController();
    const { incarnation, address } = await aWorker(controller.url);
    const peer = await controller.worker();
    const { role, workerId, slots, clusterId, epoch } = peer.hello;
    assert.deepEqual([role, workerId, slots, clusterId, epoch], ["worker", "w", 2, "", 0]);
    assert.deepEqual([peer.hello.incarnation, peer.hello.address], [incarnation, address]);
    await peer.message("inventory");
    assert.equal(peer.received[0].type, "inventory");
  });

  it("runs what it is told to and reports the value", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    const args = encodeArguments([20, 22], { root: "args" });
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec("(a, b) => a + b") });
    peer.compute([{ attempt: 11, task: 5, args }]);
    const report = await peer.report("finished", 11);
    assert.equal(decodeValue(report.value), 42);
  });

  it("runs thousands of short tasks, each exactly once", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec("() => 1") });
    const rows = Array.from({ length: 4000 }, (_, i) => ({
      ...{ attempt: 1 + i, task: i, prefetched: i >= 2 },
    }));
    peer.compute(rows);
    await peer.until(
      () => peer.reports.filter((row) => row.kind === reportKind.finished).length >= rows.length,
    );
    const finished = peer.reports
      .filter((row) => row.kind === reportKind.finished)
      .map((row) => row.attempt);
    assert.deepEqual(
      finished.sort((a, b) => a - b),
      rows.map((row) => row.attempt),
    );
  });

  it("tells why a task failed", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    const source = "() => { throw new Error('no luck') }";
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec(source) });
    peer.compute([{ attempt: 11, task: 5 }]);
    const failed = await peer.message("attempt-failed");
    assert.deepEqual([failed.attempt, failed.cause], [11, "failed"]);
    assert.equal(failed.failure.error.message, "no luck");
  });

  it("sends heartbeats with its real memory", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const heartbeat = await (await controller.worker()).message("heartbeat");
    assert(heartbeat.rssBytes > 10e6);
  });

  it("stops an endless task and says so when it has really ended", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    const definition = controller.aSpec("() => { for (;;) {} }", { graceMs: 20 });
    peer.send({ type: "define-spec", spec: 1, definition });
    peer.compute([{ attempt: 11, task: 5 }]);
    await peer.report("started", 11);
    peer.send({ type: "stop", attempts: Float64Array.of(11), tasks: Float64Array.of(5) });
    await peer.report("abandoned", 11);
    peer.send({ type: "define-spec", spec: 2, definition: controller.aSpec("() => 2") });
    peer.compute([{ attempt: 12, task: 6, spec: 2 }]);
    await peer.report("finished", 12);
  });
});

describe("large values", () => {
  it("stay with their worker, go from peer to peer and are inputs there", async () => {
    const controller = await aController();
    const first = await aWorker(controller.url, { workerId: "first" });
    const maker = await controller.worker();
    const second = await aWorker(controller.url, { workerId: "second" });
    const reader = await controller.worker();
    const source = "() => new Float64Array(1e6).fill(2)";
    maker.send({ type: "define-spec", spec: 1, definition: controller.aSpec(source) });
    maker.compute([{ attempt: 11, task: 5 }]);
    const made = await maker.report("finished", 11);
    assert(made.size > 8e6 && made.value.length === 0);

    const { incarnation, address } = first;
    reader.send(
      { type: "peer", index: 7, workerId: "first", incarnation, address },
      { type: "define-spec", spec: 1, definition: controller.aSpec("(xs) => xs.length") },
    );
    const args = encodeArguments([new Input()], { root: "args", onReference: () => 0 });
    reader.compute([{ attempt: 12, task: 6, args, inputs: [{ task: 5, source: 7 }] }]);
    assert.equal(decodeValue((await reader.report("finished", 12)).value), 1e6);
    assert(reader.reports.some((row) => row.kind === reportKind.have && row.size > 8e6));

    const fetched = await fetchValues({ address: second.address, tasks: [5] });
    assert.equal(fetched.got.length, 1);
    reader.send({ type: "forget", tasks: Float64Array.of(5), heard: Number.MAX_SAFE_INTEGER });
    await pollUntil(async () => {
      const again = await fetchValues({ address: second.address, tasks: [5] });
      return again.absent.length === 1;
    });
  });
});

describe("a bundle", () => {
  it("is fetched once for all that need it, and kept as a file", async () => {
    const controller = await aController();
    const { workDir } = await aWorker(controller.url);
    const peer = await controller.worker();
    const definition = controller.aSpec("() => 3");
    peer.send({ type: "define-spec", spec: 1, definition });
    peer.compute([
      { attempt: 11, task: 5 },
      { attempt: 12, task: 6 },
    ]);
    await peer.report("finished", 11);
    await peer.report("finished", 12);
    assert.equal(controller.bundleRequests, 1);
    const files = readdirSync(join(workDir, "bundles"));
    assert.ok(definition.run.kind === "function");
    assert.deepEqual(files, [`${definition.run.bundle}.mjs`]);
  });

  it("is asked for again when the controller could not give it", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    controller.bundleFailures.push(500, 503);
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec("() => 3") });
    peer.compute([{ attempt: 11, task: 5 }]);
    await peer.report("finished", 11);
    assert.equal(controller.bundleRequests, 3);
  });

  it("that the controller does not have makes the task's module unloadable", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    const definition = controller.aSpec("() => 3");
    controller.bundles.clear();
    peer.send({ type: "define-spec", spec: 1, definition });
    peer.compute([{ attempt: 11, task: 5 }]);
    const failed = await peer.message("attempt-failed");
    assert.equal(failed.cause, "module-unloadable");
    assert.match(failed.failure.error.message, /the controller does not have it/);
  });
});

describe("a lost controller", () => {
  it("is looked for until it is back; what ran goes on and is reported then", async () => {
    const controller = await aController();
    await aWorker(controller.url);
    const peer = await controller.worker();
    const source = "() => new Promise((resolve) => setTimeout(resolve, 200, 'done'))";
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec(source) });
    peer.compute([{ attempt: 11, task: 5 }]);
    await peer.report("started", 11);
    const { port } = controller;
    await controller.close();
    const next = await aController({ port, epoch: 2 });
    const again = await next.worker();
    assert.deepEqual([again.hello.clusterId, again.hello.epoch], ["cluster", 1]);
    assert.equal(again.hello.incarnation, peer.hello.incarnation);
    assert.equal(decodeValue((await again.report("finished", 11)).value), "done");
    assert.equal(again.received[0].type, "inventory");
  });

  it("with a lower epoch than one that was seen is not obeyed", async () => {
    const controller = await aController({ epoch: 5 });
    await aWorker(controller.url);
    await (await controller.worker()).message("inventory");
    const { port } = controller;
    await controller.close();
    const stale = await aController({ port, epoch: 4 });
    const refused = await stale.worker();
    await refused.until(() => refused.isClosed);
    assert.deepEqual(refused.received, []);
    await stale.close();
    const fresh = await aController({ port, epoch: 6 });
    await (await fresh.worker()).message("inventory");
  });

  it("of another cluster finds a worker that has forgotten everything", async () => {
    const controller = await aController({ clusterId: "one", epoch: 5 });
    await aWorker(controller.url);
    const peer = await controller.worker();
    peer.send({ type: "define-spec", spec: 1, definition: controller.aSpec("() => 3") });
    peer.compute([{ attempt: 11, task: 5 }]);
    await peer.report("finished", 11);
    const { port } = controller;
    await controller.close();
    const other = await aController({ port, clusterId: "two", epoch: 1 });
    const inventory = await (await other.worker()).message("inventory");
    assert.deepEqual([inventory.values.length, inventory.attempts.length], [0, 0]);
  });
});

describe("leaving", () => {
  it("hands back what has not started and says goodbye", async () => {
    const controller = await aController();
    const worker = await aWorker(controller.url, { slots: 1 });
    const peer = await controller.worker();
    const source = "() => { for (;;) {} }";
    const definition = controller.aSpec(source, { graceMs: 20 });
    peer.send({ type: "define-spec", spec: 1, definition });
    peer.compute([
      { attempt: 11, task: 5 },
      { attempt: 12, task: 6, prefetched: true },
    ]);
    await peer.report("started", 11);
    const left = worker.leave();
    await peer.report("handedBack", 12);
    await peer.message("leaving");
    peer.send({ type: "acknowledge", sequence: peer.received.length - 1 });
    await left;
  });
});

/** Stands for an input in encoded arguments. */
class Input {
  readonly isInput = true;
}

async function pollUntil(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error("it did not happen within 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
