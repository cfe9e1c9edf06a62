/**
 * What tasks can do from inside, on a real cluster: in threads and in processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Client,
  connect,
  type LocalCluster,
  reschedule,
  startLocalCluster,
} from "../../src/client/index.ts";
import * as tasks from "./inside-tasks.ts";

/** Far more than any of these takes, and less than the runner's own limit. */
const patience = { timeoutMs: 120_000 };
const executors = ["thread", "process"] as const;

let cluster: LocalCluster;
let client: Client;
let directory: string;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "inside-"));
  cluster = await startLocalCluster({ workers: 2, threads: 2 });
  client = await connect(cluster.url, { token: cluster.token });
});

after(async () => {
  await client?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience.timeoutMs;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what} within ${patience.timeoutMs} ms`);
    await sleep(50);
  }
}

interface Stack {
  readonly processes: readonly { readonly command: string }[];
  readonly waitsFor: readonly string[];
  readonly summary: string;
  readonly output: readonly { readonly text: string }[];
}

/** `capstan task stack` shows the process of a function, and what it wrote. */
async function assertIsSeen(taskId: string): Promise<void> {
  const look = async () => (await client.call("GetTaskStack", { taskId })) as Stack;
  await until("its line is in its log", async () => (await look()).output.length > 0);
  const { processes, output, waitsFor, summary } = await look();
  assert.deepEqual(waitsFor, ["Timeout"]);
  assert.match(summary, /^it waits for Timeout; its process, /);
  assert.match(processes[0].command, /process-main/);
  assert.equal(output[0].text, "half of it is done");
}

for (const executor of executors) {
  test(`a function in a ${executor} says how far it is, and the latest word is shown`, async () => {
    const file = join(directory, executor);
    using future = client.submit(tasks.halfDone, [file], { executor });
    await until("it is half done", async () => (await future.progress())?.note === "half done");
    assert.equal((await future.progress())?.fraction, 0.5);
    if (executor === "process") await assertIsSeen(future.id);
    writeFileSync(file, "");
    await future.result(patience);
    assert.equal(await future.progress(), null, "of what has ended nobody knows it any more");
  });

  test(`a function in a ${executor} that asks to run later goes to another worker`, async () => {
    const file = join(directory, `licence-${executor}`);
    const future = client.submit(tasks.findsAnother, [file], { executor });
    const [first, second] = (await future.result(patience)) ?? [];
    assert.notEqual(first, second);
    const { events } = (await future.story()) as { events: { message: string }[] };
    const told = events.map(({ message }) => message);
    assert.ok(
      told.some((message) => message.endsWith("asked to run later, not charged")),
      `${told}`,
    );
  });

  test(`one in a ${executor} that does so for ever fails with its reason`, async () => {
    const error = await client.submit(tasks.restless, [], { executor }).exception(patience);
    assert.equal(error?.code, "RESCHEDULE_LIMIT");
    assert.equal(error?.message, "restless asked to run later more than 10 times: never now");
  });

  test(`words about progress in a ${executor} end no task, unless they are none`, async () => {
    const codes = await client.submit(tasks.wrongProgress, [], { executor }).result(patience);
    const refused = ["INVALID_ARGUMENT", "INVALID_ARGUMENT"];
    assert.deepEqual(codes, [...refused, "taken", "taken", "taken", "taken"]);
  });
}

test("a program says how far it is with the token of its job", async () => {
  const file = join(directory, "program");
  const script = `
    const { CAPSTAN_CONTROLLER_URL: url, CAPSTAN_TOKEN: token, ...env } = process.env;
    const own = { taskId: env.CAPSTAN_TASK_ID, attemptId: env.CAPSTAN_ATTEMPT_ID };
    const body = JSON.stringify({ ...own, fraction: 0.75, note: "epoch 3" });
    const headers = { authorization: "Bearer " + token };
    await fetch(url + "/v1/rpc/ReportProgress", { method: "POST", headers, body });
    while (!require("fs").existsSync(${JSON.stringify(file)})) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
  const argv = [process.execPath, "-e", `(async () => {${script}})()`];
  const job = await client.launchJob({ name: "trains", command: argv });
  const progress = async () => (await job.tasks())[0]?.progress;
  await until("it has said so", async () => (await progress())?.note === "epoch 3");
  assert.equal((await progress())?.fraction, 0.75);
  writeFileSync(file, "");
  assert.equal((await job.wait(patience)).state, "SUCCEEDED");
});

test("who runs nowhere cannot ask to run later", () => {
  assert.throws(() => reschedule(), { code: "INVALID_ARGUMENT" });
});

test("what is exclusive is not started again when its worker is killed, whoever asks", async () => {
  const file = join(directory, "starts");
  const future = client.submit(tasks.startedOnce, [file], { exclusive: true });
  await until("it has started", async () => existsSync(file));
  const workerId = readFileSync(file, "utf8").trim();
  const pid = (await client.workers()).find((one) => one.workerId === workerId)?.pid;
  process.kill(pid ?? assert.fail(`no pid of ${workerId}`), "SIGKILL");
  const error = await future.exception(patience);
  assert.equal(error?.code, "MAY_HAVE_RUN");
  assert.match(error?.message ?? "", /^startedOnce is exclusive and may have run on /);
  future.retry();
  assert.equal((await future.exception(patience))?.code, "MAY_HAVE_RUN");
  assert.equal(readFileSync(file, "utf8"), `${workerId}\n`);
});
