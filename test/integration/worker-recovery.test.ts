/**
 * Commands that outlive the agent that started them: a worker process is killed, and the next one
 * with its id and work directory takes over.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { commandsOf, killHostProcesses, launcherOf } from "../../src/backends/host-processes.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import { decodeValue } from "../../src/shell/values/value-codec.ts";
import {
  aController,
  attempt,
  aWorkDirectory,
  aWorkerProcess,
  Closers,
  lives,
  order,
  stop,
  until,
  untilNothingRuns,
  type WorkerChild,
} from "../shell/command-worker.ts";
import type { ScriptedController, WorkerPeer } from "../shell/scripted-controller.ts";

const closers = new Closers();

afterEach(() => closers.close());

interface Stage {
  readonly controller: ScriptedController;
  readonly peer: WorkerPeer;
  readonly workDir: string;
  readonly worker: WorkerChild;
}

async function aStage(): Promise<Stage> {
  const controller = await aController(closers);
  const workDir = aWorkDirectory(closers);
  const worker = await aWorkerProcess(closers, controller.url, workDir);
  return { controller, workDir, worker, peer: await controller.worker() };
}

/** Another agent in the place of one that is gone. */
async function aSuccessor({ controller, workDir }: Stage): Promise<WorkerPeer> {
  await aWorkerProcess(closers, controller.url, workDir);
  return controller.worker();
}

/** A command that says it runs, and ends when the file `end` is there. */
function aPatientCommand({ controller }: Stage, overrides: Partial<TaskSpec> = {}): TaskSpec {
  const script = "touch runs; until [ -e end ]; do sleep 0.02; done; echo done; exit 0";
  const run = { result: { type: "text" } } as const;
  return controller.aCommand(["/bin/sh", "-c", script], run, overrides);
}

function fileOf({ workDir }: Stage, name: string): string {
  return join(workDir, "attempts/1.1/work", name);
}

async function startPatient(stage: Stage, overrides: Partial<TaskSpec> = {}): Promise<void> {
  order(stage.peer, 1, aPatientCommand(stage, overrides), { token: "job-token" });
  await until("it to run", () => existsSync(fileOf(stage, "runs")));
}

function attemptsOf(message: { readonly attempts: Float64Array }): number[] {
  return [...message.attempts];
}

describe("an agent that was killed", () => {
  it("is followed by one that names what runs, and tells how it ended", async () => {
    const stage = await aStage();
    await startPatient(stage);
    const [before] = commandsOf(stage.workDir);
    await stage.worker.kill();
    assert.ok(lives(before.pid));
    const peer = await aSuccessor(stage);
    assert.notEqual(peer.hello.incarnation, stage.peer.hello.incarnation);
    assert.equal(peer.hello.clusterId, "cluster");
    const inventory = await peer.message("inventory");
    assert.deepEqual(attemptsOf(inventory), [attempt(1)]);
    assert.ok(lives(before.pid));
    writeFileSync(fileOf(stage, "end"), "");
    assert.equal(decodeValue((await peer.report("finished", attempt(1))).value), "done\n");
    assert.equal((await peer.message("attempt-measured")).usage.exitCode, 0);
  });

  it("is followed by one that tells of what ended meanwhile", async () => {
    const stage = await aStage();
    await startPatient(stage);
    await stage.worker.kill();
    writeFileSync(fileOf(stage, "end"), "");
    await until("its record", () => existsSync(fileOf(stage, "../logs/exit.json")));
    const peer = await aSuccessor(stage);
    const finished = await peer.report("finished", attempt(1));
    assert.equal(decodeValue(finished.value), "done\n");
    await until("its work directory to go", () => !existsSync(fileOf(stage, "")));
  });

  it("is followed by one that can stop what runs", async () => {
    const stage = await aStage();
    await startPatient(stage);
    await stage.worker.kill();
    const peer = await aSuccessor(stage);
    await peer.message("inventory");
    stop(peer, 1);
    await peer.report("abandoned", attempt(1));
    assert.deepEqual(commandsOf(stage.workDir), []);
  });

  it("is followed by one that keeps the timeout, counted from the real start", async () => {
    const stage = await aStage();
    await startPatient(stage, { timeoutMs: 1_000 });
    await stage.worker.kill();
    const failed = await (await aSuccessor(stage)).message("attempt-failed");
    assert.equal(failed.cause, "timeout");
    assert.deepEqual(commandsOf(stage.workDir), []);
  });

  it("is followed by one that repeats where the member of a gang is", async () => {
    const stage = await aStage();
    const script = "touch runs; exec sleep 300";
    const run = { ports: ["meet"] };
    const spec = stage.controller.aCommand(["/bin/sh", "-c", script], run, { groupBy: "rack" });
    order(stage.peer, 1, spec);
    const { member } = await stage.peer.message("attempt-prepared");
    stage.peer.send({ type: "start-gang", attempt: attempt(1), task: 1, members: [member] });
    await until("it to run", () => existsSync(fileOf(stage, "runs")));
    await stage.worker.kill();
    const repeated = await (await aSuccessor(stage)).message("attempt-prepared");
    assert.deepEqual(repeated.member, member);
  });

  it("of one cluster is followed by one of another: what ran is ended", async () => {
    const stage = await aStage();
    await startPatient(stage);
    await stage.worker.kill();
    const other = await aController(closers, { clusterId: "other" });
    await aWorkerProcess(closers, other.url, stage.workDir);
    const inventory = await (await other.worker()).message("inventory");
    assert.deepEqual(attemptsOf(inventory), []);
    await untilNothingRuns(stage.workDir);
  });

  it("with another id in the same work directory does not take over", async () => {
    const stage = await aStage();
    await startPatient(stage);
    await stage.worker.kill();
    const overrides = { workerId: "another" };
    await aWorkerProcess(closers, stage.controller.url, stage.workDir, overrides);
    const inventory = await (await stage.controller.worker()).message("inventory");
    assert.deepEqual(attemptsOf(inventory), []);
    await untilNothingRuns(stage.workDir);
  });

  it("keeps no token and no environment of a command on the disk", async () => {
    const stage = await aStage();
    await startPatient(stage);
    const found = execFileSync("sh", ["-c", 'grep -rl job-token "$0" || true', stage.workDir]);
    assert.equal(found.toString(), "");
  });
});

describe("a launcher that was killed", () => {
  it("is followed by another, and what ran under it is not lost silently", async () => {
    const stage = await aStage();
    await startPatient(stage);
    const launcher = launcherOf(stage.workDir);
    assert.ok(launcher !== null);
    process.kill(launcher.pid, "SIGKILL");
    await until("another launcher", () => {
      const next = launcherOf(stage.workDir);
      return next !== null && next.pid !== launcher.pid;
    });
    writeFileSync(fileOf(stage, "end"), "");
    const { cause } = await stage.peer.message("attempt-failed");
    assert.equal(cause, "killed");
    order(stage.peer, 2, stage.controller.aCommand(["true"]));
    await stage.peer.report("finished", attempt(2));
  });
});

describe("a worker that ends", () => {
  it("by SIGTERM stops its commands, and leaves neither them nor a launcher", async () => {
    const stage = await aStage();
    await startPatient(stage);
    stage.worker.process.kill("SIGTERM");
    await stage.peer.message("leaving");
    const sequence = stage.peer.received.length - 1;
    stage.peer.send({ type: "acknowledge", sequence });
    await stage.worker.exited;
    assert.deepEqual(commandsOf(stage.workDir), []);
    assert.equal(launcherOf(stage.workDir), null);
  });

  it("because its parent is gone takes everything with it", async () => {
    const stage = await aStage();
    await startPatient(stage);
    stage.worker.process.stdin?.end();
    await stage.worker.exited;
    await untilNothingRuns(stage.workDir);
    await until("the launcher to end", () => launcherOf(stage.workDir) === null);
  });

  it("with its whole machine leaves nothing, and the next one begins anew", async () => {
    const stage = await aStage();
    await startPatient(stage);
    const killed = stage.worker.kill();
    killHostProcesses(stage.workDir);
    await killed;
    assert.deepEqual(commandsOf(stage.workDir), []);
    assert.equal(launcherOf(stage.workDir), null);
    const peer = await aSuccessor(stage);
    await peer.message("inventory");
    order(peer, 2, stage.controller.aCommand(["true"]));
    await peer.report("finished", attempt(2));
  });
});
