/**
 * Commands on a worker: real processes, ordered by a scripted controller.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { create } from "tar";
import { commandsOf } from "../../src/backends/host-processes.ts";
import { noResources } from "../../src/model/resources.ts";
import type { CommandRun, TaskSpec } from "../../src/model/spec.ts";
import { reportKind } from "../../src/protocol/messages.ts";
import { decodeValue } from "../../src/shell/values/value-codec.ts";
import {
  aController,
  attempt,
  aWorker,
  Closers,
  order,
  stop,
  until,
  untilNothingRuns,
} from "../shell/command-worker.ts";
import type { ScriptedController, WorkerPeer } from "../shell/scripted-controller.ts";

const closers = new Closers();

afterEach(() => closers.close());

interface Stage {
  readonly controller: ScriptedController;
  readonly peer: WorkerPeer;
  readonly workDir: string;
}

async function aStage(): Promise<Stage> {
  const controller = await aController(closers);
  const { workDir } = await aWorker(closers, controller.url);
  return { controller, workDir, peer: await controller.worker() };
}

/** A script of the shell as a command. */
function aScript(
  { controller }: Stage,
  script: string,
  run: Partial<CommandRun> = {},
  overrides: Partial<TaskSpec> = {},
): TaskSpec {
  return controller.aCommand(["/bin/sh", "-c", script], run, overrides);
}

/** The value of a script that succeeds. */
async function outputOf(stage: Stage, script: string, run: Partial<CommandRun> = {}) {
  order(stage.peer, 1, aScript(stage, script, { result: { type: "text" }, ...run }));
  return decodeValue((await stage.peer.report("finished", attempt(1))).value);
}

describe("a command", () => {
  it("that ends with 0 has finished; what it used and how it ended goes ahead", async () => {
    const stage = await aStage();
    order(stage.peer, 1, aScript(stage, "echo trouble >&2; exit 0"));
    await stage.peer.report("finished", attempt(1));
    const types = stage.peer.received.map(({ type }) => type);
    const measured = await stage.peer.message("attempt-measured");
    assert.ok(types.indexOf("attempt-measured") < types.lastIndexOf("reports"));
    const { exitCode, signal, oom, stderrTail } = measured.usage;
    assert.deepEqual([exitCode, signal, oom, stderrTail], [0, null, false, "trouble\n"]);
    assert.equal(measured.attempt, attempt(1));
  });

  it("that ends with another code has failed with it", async () => {
    const stage = await aStage();
    order(stage.peer, 1, aScript(stage, "echo no luck >&2; exit 3"));
    const { cause, failure } = await stage.peer.message("attempt-failed");
    assert.deepEqual([cause, failure.exitCode, failure.signal], ["failed", 3, null]);
    assert.equal(failure.error.message, "exit code 3");
    assert.equal(failure.stderrTail, "no luck\n");
  });

  it("that is killed by somebody else was killed; one that crashes has failed", async () => {
    const stage = await aStage();
    order(stage.peer, 1, aScript(stage, "kill -KILL $$"));
    const killed = await stage.peer.message("attempt-failed");
    assert.deepEqual([killed.cause, killed.failure.signal], ["killed", "SIGKILL"]);
    order(stage.peer, 2, aScript(stage, "kill -SEGV $$"));
    const failures = () => stage.peer.received.filter(({ type }) => type === "attempt-failed");
    await stage.peer.until(() => failures().length === 2);
    const [, crashed] = failures();
    assert.ok(crashed.type === "attempt-failed");
    assert.deepEqual([crashed.cause, crashed.failure.signal], ["failed", "SIGSEGV"]);
  });

  it("that takes more memory than it was granted is told to have run out of it", async () => {
    const stage = await aStage();
    const resources = { ...noResources, memoryBytes: 48 * 2 ** 20 };
    const script = "x=a; while :; do x=$x$x; done";
    order(stage.peer, 1, aScript(stage, script, {}, { resources }));
    const { cause, failure } = await stage.peer.message("attempt-failed");
    assert.deepEqual([cause, failure.oom], ["oom", true]);
    assert.equal((await stage.peer.message("attempt-measured")).usage.oom, true);
  });

  it("that cannot be started has failed to build", async () => {
    const stage = await aStage();
    order(stage.peer, 1, stage.controller.aCommand(["no-such-program-anywhere"]));
    const { cause, failure } = await stage.peer.message("attempt-failed");
    assert.equal(cause, "build-failed");
    assert.match(failure.error.message, /no-such-program-anywhere/);
  });

  it("sees its own environment and nothing of its worker's", async () => {
    const stage = await aStage();
    process.env.CAPSTAN_TEST_LEAK = "leaked";
    const spec = aScript(stage, "env", { env: { OWN: "1" }, result: { type: "text" } });
    order(stage.peer, 1, spec, { taskId: "/root/job/2", index: 2, replicas: 4, token: "t" });
    const text = decodeValue((await stage.peer.report("finished", attempt(1))).value);
    delete process.env.CAPSTAN_TEST_LEAK;
    const lines = String(text).split("\n");
    for (const line of [
      ...["OWN=1", "CAPSTAN_TASK_ID=/root/job/2", "CAPSTAN_TASK_INDEX=2", "CAPSTAN_NUM_TASKS=4"],
      ...["CAPSTAN_TOKEN=t", "CAPSTAN_ATTEMPT_ID=1.1", `CAPSTAN_FENCING_TOKEN=${attempt(1)}`],
      `CAPSTAN_CONTROLLER_URL=${stage.controller.url}`,
    ]) {
      assert.ok(lines.includes(line), `${line} is missing`);
    }
    assert.ok(!lines.some((line) => line.startsWith("CAPSTAN_TEST_LEAK")));
  });

  it("reads its stdin, and starts in its empty work directory or below it", async () => {
    const stage = await aStage();
    const text = await outputOf(stage, "cat; ls -A; pwd", { stdin: "hello\n" });
    assert.equal(text, `hello\n${join(stage.workDir, "attempts/1.1/work")}\n`);
  });

  it("gives its output as JSON, or a file of its work directory, as its value", async () => {
    const stage = await aStage();
    const json = await outputOf(stage, 'echo "[1, {\\"a\\": 2}]"', { result: { type: "json" } });
    assert.deepEqual(json, [1, { a: 2 }]);
    const result = { type: "file", path: "out.bin" } as const;
    order(stage.peer, 2, aScript(stage, "printf abc > out.bin", { result }));
    const value = decodeValue((await stage.peer.report("finished", attempt(2))).value);
    assert.deepEqual(Buffer.from(value as Uint8Array).toString(), "abc");
  });

  it("leaves its logs and its output, and not its work directory", async () => {
    const stage = await aStage();
    await outputOf(stage, 'touch scratch; echo kept > "$CAPSTAN_OUTPUT_DIR/result"');
    const directory = join(stage.workDir, "attempts/1.1");
    await until("the work directory to go", () => !existsSync(join(directory, "work")));
    assert.deepEqual(readdirSync(directory).sort(), ["logs", "output"]);
    assert.equal(readFileSync(join(directory, "output/result"), "utf8"), "kept\n");
  });

  it("has a port of its own for each name, and is told to be building if that takes", async () => {
    const stage = await aStage();
    const script = 'echo "$CAPSTAN_PORT_HTTP $CAPSTAN_PORT_METRICS"';
    const ports = String(await outputOf(stage, script, { ports: ["http", "metrics"] }));
    const [http, metrics] = ports.trim().split(" ").map(Number);
    assert.ok(http > 0 && metrics > 0 && http !== metrics);
  });
});

describe("a stop", () => {
  it("ends the whole tree, after the grace by force, and is answered then", async () => {
    const stage = await aStage();
    const script = 'trap "" TERM; (trap "" TERM; sleep 300) & setsid sleep 300 & wait; wait';
    order(stage.peer, 1, aScript(stage, script, {}, { graceMs: 200 }));
    await stage.peer.report("started", attempt(1));
    await until("all three", () => commandsOf(stage.workDir).length >= 3);
    stop(stage.peer, 1);
    await stage.peer.report("abandoned", attempt(1));
    assert.deepEqual(commandsOf(stage.workDir), []);
    assert.equal((await stage.peer.message("attempt-measured")).usage.signal, "SIGKILL");
  });

  it("lets a command that heeds SIGTERM end by itself", async () => {
    const stage = await aStage();
    const script = 'trap "exit 7" TERM; touch ready; while :; do sleep 0.05; done';
    order(stage.peer, 1, aScript(stage, script, {}, { graceMs: 20_000 }));
    const ready = join(stage.workDir, "attempts/1.1/work/ready");
    await until("it to be ready", () => existsSync(ready));
    stop(stage.peer, 1);
    await stage.peer.report("abandoned", attempt(1));
    assert.equal((await stage.peer.message("attempt-measured")).usage.exitCode, 7);
  });

  it("by the timeout is told as such, with its last words and how it ended", async () => {
    const stage = await aStage();
    const script = "echo stuck at 17 >&2; exec sleep 300";
    order(stage.peer, 1, aScript(stage, script, {}, { timeoutMs: 2_000, graceMs: 5_000 }));
    const { cause, failure } = await stage.peer.message("attempt-failed");
    assert.equal(cause, "timeout");
    assert.equal(failure.stderrTail, "stuck at 17\n");
    assert.equal(failure.signal, "SIGTERM");
    await untilNothingRuns(stage.workDir);
  });

  it("of a command whose workspace is still on its way leaves nothing", async () => {
    const stage = await aStage();
    stage.controller.bundleFailures.push(500, 500, 500, 500, 500, 500, 500, 500);
    const workspace = "0".repeat(64);
    order(stage.peer, 1, aScript(stage, "true", { workspace }));
    await stage.peer.report("building", attempt(1));
    stop(stage.peer, 1);
    await stage.peer.report("abandoned", attempt(1));
    await until("its directory to go", () => !existsSync(join(stage.workDir, "attempts/1.1")));
  });
});

describe("a workspace", () => {
  async function anArchive(): Promise<Uint8Array> {
    const source = mkdtempSync(join(tmpdir(), "capstan-source-"));
    closers.add(() => rmSync(source, { recursive: true }));
    mkdirSync(join(source, "bin"));
    writeFileSync(join(source, "bin/greet"), "#!/bin/sh\necho hello $1\n", { mode: 0o755 });
    const file = join(source, "archive.tgz");
    await create({ cwd: source, file, gzip: true }, ["bin"]);
    return readFileSync(file);
  }

  it("is fetched once, and unpacked for each command that names it", async () => {
    const stage = await aStage();
    const workspace = stage.controller.addBundle(await anArchive());
    for (const counter of [1, 2]) {
      const run = { workspace, cwd: "bin", result: { type: "text" } } as const;
      order(stage.peer, counter, stage.controller.aCommand(["./greet", `${counter}`], run));
      const { value } = await stage.peer.report("finished", attempt(counter));
      assert.equal(decodeValue(value), `hello ${counter}\n`);
    }
    assert.equal(stage.controller.bundleRequests, 1);
    assert.ok(stage.peer.reports.some(({ kind }) => kind === reportKind.building));
  });

  it("that the controller does not have, or that is none, fails the build", async () => {
    const stage = await aStage();
    const failures = () => stage.peer.received.filter(({ type }) => type === "attempt-failed");
    order(stage.peer, 1, aScript(stage, "true", { workspace: "0".repeat(64) }));
    await stage.peer.until(() => failures().length === 1);
    const workspace = stage.controller.addBundle("this is not an archive".repeat(100));
    order(stage.peer, 2, aScript(stage, "true", { workspace }));
    await stage.peer.until(() => failures().length === 2);
    const causes = failures().map((message) => message.type === "attempt-failed" && message.cause);
    assert.deepEqual(causes, ["build-failed", "build-failed"]);
  });
});

describe("a gang", () => {
  it("is prepared with ports, and starts when all members are, knowing all of them", async () => {
    const stage = await aStage();
    const script = 'echo "$CAPSTAN_GANG_HOSTS $CAPSTAN_GANG_PORT_MEET $CAPSTAN_PORT_MEET"';
    const run = { ports: ["meet"], result: { type: "text" } } as const;
    order(stage.peer, 1, aScript(stage, script, run, { groupBy: "rack" }));
    const { member } = await stage.peer.message("attempt-prepared");
    assert.equal(member.host, "127.0.0.1");
    assert.deepEqual(commandsOf(stage.workDir), []);
    const other = { host: "10.0.0.9", ports: { meet: 4_000 } };
    const members = [other, member];
    stage.peer.send({ type: "start-gang", attempt: attempt(1), task: 1, members });
    const text = decodeValue((await stage.peer.report("finished", attempt(1))).value);
    const port = member.ports.meet;
    assert.equal(text, `10.0.0.9,127.0.0.1 10.0.0.9:4000,127.0.0.1:${port} ${port}\n`);
  });

  it("that is given up before it starts leaves nothing", async () => {
    const stage = await aStage();
    order(stage.peer, 1, aScript(stage, "sleep 300", {}, { groupBy: "rack" }));
    await stage.peer.message("attempt-prepared");
    stop(stage.peer, 1);
    await stage.peer.report("abandoned", attempt(1));
    await until("its directory to go", () => !existsSync(join(stage.workDir, "attempts/1.1")));
  });
});

describe("the hello of a worker", () => {
  it("says how many commands it runs, and what its machine is", async () => {
    const controller = await aController(closers);
    await aWorker(closers, controller.url, { attributes: { region: "eu", os: "plan9" } });
    const { commandSlots, attributes } = (await controller.worker()).hello;
    assert.equal(commandSlots, 256);
    assert.deepEqual([attributes.region, attributes.os], ["eu", "plan9"]);
    assert.equal(attributes.hostname, hostname());
    assert.equal(attributes["node-version"], process.versions.node);
  });
});

describe("the log of an attempt", () => {
  const token = "of-the-cluster";

  interface Page {
    readonly lines: readonly { readonly stream: string; readonly text: string }[];
    readonly cursor: string;
    readonly droppedBytes: number;
    readonly complete: boolean;
  }

  async function get(address: string, path: string, headers: { [name: string]: string } = {}) {
    const authorization = `Bearer ${token}`;
    return fetch(`http://${address}${path}`, { headers: { authorization, ...headers } });
  }

  async function pageOf(address: string, query: string): Promise<Page> {
    const response = await get(address, `/v1/logs/1.1?${query}`);
    assert.equal(response.status, 200);
    return (await response.json()) as Page;
  }

  async function aWriter(script: string) {
    const controller = await aController(closers);
    const { address, workDir } = await aWorker(closers, controller.url, { token });
    const peer = await controller.worker();
    order(peer, 1, controller.aCommand(["/bin/sh", "-c", script]));
    return { address, workDir, peer };
  }

  it("is read page by page while it grows, and after the end of its attempt", async () => {
    const script = "echo one; echo two >&2; until [ -e end ]; do sleep 0.02; done; echo three";
    const { address, workDir, peer } = await aWriter(script);
    await peer.report("started", attempt(1));
    const texts: string[] = [];
    let cursor = "";
    /** True after the last page. */
    const readOn = async () => {
      const page = await pageOf(address, `maxLines=1&cursor=${cursor}`);
      texts.push(...page.lines.map(({ stream, text }) => `${stream} ${text}`));
      cursor = page.cursor;
      return page.complete;
    };
    await until("two lines", async () => {
      await readOn();
      return texts.length === 2;
    });
    assert.deepEqual(texts.sort(), ["stderr two", "stdout one"]);
    writeFileSync(join(workDir, "attempts/1.1/work/end"), "");
    await peer.report("finished", attempt(1));
    await until("the end", readOn);
    assert.equal(texts.at(-1), "stdout three");
  });

  it("is read from its end, by stream, by text and by time", async () => {
    const { address, peer } = await aWriter("for i in 1 2 3 4; do echo line $i; done; echo e >&2");
    await peer.report("finished", attempt(1));
    const textsOf = async (query: string) =>
      (await pageOf(address, query)).lines.map(({ text }) => text);
    assert.deepEqual(await textsOf("stream=stdout&tail=2"), ["line 3", "line 4"]);
    assert.deepEqual(await textsOf("stream=stderr"), ["e"]);
    assert.deepEqual(await textsOf("substring=3"), ["line 3"]);
    assert.deepEqual(await textsOf(`since=${Date.now() + 60_000}`), []);
  });

  it("that is not here is told, and so is a question that makes no sense", async () => {
    const { address, peer } = await aWriter("true");
    await peer.report("finished", attempt(1));
    assert.equal((await get(address, "/v1/logs/9.9")).status, 404);
    assert.equal((await get(address, "/v1/logs/..%2F1.1")).status, 404);
    for (const query of ["cursor=nonsense", "maxLines=0", "tail=-1", "stream=stdin", "colour=1"]) {
      const response = await get(address, `/v1/logs/1.1?${query}`);
      assert.equal(response.status, 400, query);
      assert.match(await response.text(), /"INVALID_ARGUMENT"/);
    }
  });

  it("is for those who have the token, and not for a page of a browser", async () => {
    const { address } = await aWriter("true");
    const wrong = await get(address, "/v1/logs/1.1", { authorization: "Bearer wrong" });
    assert.equal(wrong.status, 401);
    const foreign = await get(address, "/v1/logs/1.1", { origin: "http://evil.example" });
    assert.equal(foreign.status, 403);
  });
});
