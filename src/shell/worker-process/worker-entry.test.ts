/**
 * The worker's program as a real process: how it starts, leaves, and dies with its parent.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ScriptedController } from "../../../test/shell/scripted-controller.ts";
import { noResources } from "../../model/resources.ts";

const entry = fileURLToPath(new URL("../worker-entry.ts", import.meta.url));
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface StartedWorker {
  readonly child: ChildProcess;
  /** Everything that it logged so far. */
  readonly log: () => string;
  /** Resolves when it has logged this. */
  readonly logged: (text: string) => Promise<void>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly announced: Promise<{ readonly [field: string]: unknown }>;
}

async function aController(): Promise<ScriptedController> {
  const controller = await ScriptedController.start();
  closers.push(() => controller.close());
  return controller;
}

function startWorker(settings: object): StartedWorker {
  const workDir = mkdtempSync(join(tmpdir(), "capstan-entry-test-"));
  const capacity = { ...noResources, cpuMilli: 1000 };
  const options = { workerId: "w", slots: 1, capacity, workDir, ...settings };
  const child = spawn(process.execPath, [entry, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const lines = createInterface({ input: child.stdout });
  const announced = once(lines, "line").then(([line]) => JSON.parse(line));
  closers.push(async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(workDir, { recursive: true, force: true });
  });
  const logged = async (text: string) => {
    while (!log.includes(text)) await once(child.stderr, "data");
  };
  return { child, log: () => log, logged, exited, announced };
}

describe("the worker's program", () => {
  it("announces itself in one line and leaves with 0 when it is asked to", async () => {
    const controller = await aController();
    const { child, announced, exited } = startWorker({ controllerUrl: controller.url });
    const { workerId, incarnation, pid, address } = await announced;
    const peer = await controller.worker();
    assert.deepEqual([workerId, pid], ["w", child.pid]);
    assert.deepEqual([incarnation, address], [peer.hello.incarnation, peer.hello.address]);
    await peer.message("inventory");
    child.kill("SIGTERM");
    await peer.message("leaving");
    assert.deepEqual(await exited, { code: 0, signal: null });
  });

  it("ends at once at the second signal", async () => {
    const controller = await aController();
    const { child, exited, logged } = startWorker({ controllerUrl: controller.url });
    const peer = await controller.worker();
    const definition = controller.aSpec("() => { for (;;) {} }", { graceMs: 60_000 });
    peer.send({ type: "define-spec", spec: 1, definition });
    peer.compute([{ attempt: 11, task: 5 }]);
    await peer.report("started", 11);
    child.kill("SIGINT");
    await logged('"leaving"');
    child.kill("SIGINT");
    assert.deepEqual(await exited, { code: 1, signal: null });
  });

  it("ends when the pipe from its parent closes", async () => {
    const controller = await aController();
    const { child, exited, announced } = startWorker({ controllerUrl: controller.url });
    await announced;
    child.stdin?.end();
    assert.deepEqual(await exited, { code: 1, signal: null });
  });

  it("ends when its parent is another process than the one it was told", async () => {
    const controller = await aController();
    const settings = { controllerUrl: controller.url, parentPid: 1 };
    const { exited } = startWorker(settings);
    assert.deepEqual(await exited, { code: 1, signal: null });
  });

  it("refuses an option that it does not know, by its name", async () => {
    const { exited, log } = startWorker({ controllerUrl: "http://127.0.0.1:1", slot: 1 });
    assert.deepEqual(await exited, { code: 2, signal: null });
    assert.match(log(), /"code":"INVALID_ARGUMENT".*slot: expected one of/);
  });

  it("says that its port is in use", async () => {
    const controller = await aController();
    const listen = `127.0.0.1:${controller.port}`;
    const { exited, log } = startWorker({ controllerUrl: controller.url, listen });
    assert.equal((await exited).code, 4);
    assert.match(log(), /"code":"ADDRESS_IN_USE"/);
  });
});
