/**
 * Jobs and commands through the SDK against a real cluster: one controller and two workers, each a
 * process, on a journal that outlives the controller.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Client,
  command,
  connect,
  type Job,
  type LocalCluster,
  startLocalCluster,
  TaskError,
} from "../../src/client/index.ts";
import { add, fail, giveBytes } from "./sdk-tasks.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-sdk-jobs-"));
const waitMs = 30_000;
let cluster: LocalCluster;
let client: Client;
const warnings: string[] = [];

before(async () => {
  cluster = await startLocalCluster({
    workers: 2,
    threads: 2,
    cpu: 4,
    dataDir: join(directory, "data"),
    workerOptions: (index) => ({ attributes: { rack: "r1", place: `p${index}` } }),
  });
  client = await connect(cluster.url, {
    token: cluster.token,
    onWarning: (code) => warnings.push(code),
  });
});

after(async () => {
  await client?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

/** A command that a shell reads. */
function script(text: string): readonly string[] {
  return ["sh", "-c", text];
}

async function logOf(job: Job): Promise<string[]> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(waitMs);
  for await (const { index, stream, text } of job.logs({ follow: true, signal })) {
    lines.push(`${index} ${stream} ${text}`);
  }
  return lines.sort();
}

async function taskErrorOf(promise: Promise<unknown>): Promise<TaskError> {
  const error = await promise.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TaskError, String(error));
  return error;
}

test("each task of a job knows its place, and what it writes can be read", async () => {
  const job = await client.launchJob({
    name: "places",
    command: script('echo "$CAPSTAN_TASK_INDEX of $CAPSTAN_NUM_TASKS $WORD"; echo oh >&2'),
    replicas: 3,
    env: { WORD: "hello" },
  });
  assert.deepEqual(job.warnings, []);
  const status = await job.wait({ timeoutMs: waitMs });
  assert.equal(status.state, "SUCCEEDED");
  assert.equal(job.state, "SUCCEEDED");
  assert.deepEqual(status.taskStateCounts.SUCCEEDED, 3);
  assert.deepEqual(await logOf(job), [
    "0 stderr oh",
    "0 stdout 0 of 3 hello",
    "1 stderr oh",
    "1 stdout 1 of 3 hello",
    "2 stderr oh",
    "2 stdout 2 of 3 hello",
  ]);
  const tasks = await job.tasks();
  assert.deepEqual(
    tasks.map(({ index, state, attempts }) => [index, state, attempts[0].exitCode]),
    [0, 1, 2].map((index) => [index, "SUCCEEDED", 0]),
  );
});

test("a job that fails says which task did, how it ended and what it wrote last", async () => {
  const job = await client.launchJob({
    name: "failing",
    command: script('echo "no such file" >&2; exit $((CAPSTAN_TASK_INDEX + 2))'),
    maxRetriesFailure: 1,
    retryExitCodes: [2],
  });
  const error = await taskErrorOf(job.wait({ timeoutMs: waitMs, throwOnFailure: true }));
  assert.match(error.message, /^The job \/.*\/failing ended FAILED: /);
  assert.equal(error.blame, `${job.id}/0`);
  assert.equal(error.exitCode, 2);
  assert.match(error.stderrTail, /no such file/);
  const [task] = await job.tasks();
  assert.deepEqual(
    task.attempts.map(({ exitCode }) => exitCode),
    [2, 2],
  );
});

test("failures within the tolerance leave a job that succeeded", async () => {
  const job = await client.launchJob({
    name: "tolerant",
    command: script("exit $CAPSTAN_TASK_INDEX"),
    replicas: 2,
    maxTaskFailures: 1,
  });
  const { state, failedTaskCount } = await job.wait({ timeoutMs: waitMs });
  assert.deepEqual([state, failedTaskCount], ["SUCCEEDED", 1]);
});

test("a workspace is the work directory of each task", async () => {
  const workspace = join(directory, "workspace");
  mkdirSync(join(workspace, "data"), { recursive: true });
  writeFileSync(join(workspace, "data/greeting.txt"), "hello from afar\n");
  writeFileSync(join(workspace, "secret.key"), "x");
  writeFileSync(join(workspace, ".capstanignore"), "*.key\n");
  const job = await client.launchJob({
    name: "reading",
    command: script("cat greeting.txt; ls .."),
    cwd: "data",
    workspace,
  });
  assert.equal((await job.wait({ timeoutMs: waitMs })).state, "SUCCEEDED");
  assert.deepEqual(await logOf(job), ["0 stdout data", "0 stdout hello from afar"]);
});

test("a job that is cancelled is KILLED, and stays so", async () => {
  const job = await client.launchJob({ name: "endless", command: ["sleep", "600"], grace: "1s" });
  await job.cancel("not needed");
  assert.equal((await job.wait({ timeoutMs: waitMs })).state, "KILLED");
  await job.cancel();
  assert.equal((await job.status()).state, "KILLED");
});

test("a gang runs all at once and knows its hosts", async () => {
  const job = await client.launchJob({
    name: "gang",
    command: script('echo "$CAPSTAN_GANG_HOSTS" | tr , "\\n" | wc -l'),
    replicas: 2,
    coscheduling: { groupBy: "rack" },
    ports: ["peer"],
  });
  assert.equal((await job.wait({ timeoutMs: waitMs })).state, "SUCCEEDED");
  const tasks = await job.tasks();
  const workers = tasks.flatMap(({ attempts }) => attempts.map(({ workerId }) => workerId));
  assert.deepEqual(
    workers.sort(),
    cluster.workers.map(({ workerId }) => workerId),
  );
  assert.deepEqual(await logOf(job), ["0 stdout 2", "1 stdout 2"]);
});

test("a job of functions runs its task once for each replica", async () => {
  const job = await client.launchJob({ name: "sums", task: add, args: [1, 2], replicas: 3 });
  const { state, taskStateCounts } = await job.wait({ timeoutMs: waitMs });
  assert.deepEqual([state, taskStateCounts.SUCCEEDED], ["SUCCEEDED", 3]);
});

test("what functions of a job return is there by index, for any client and for long", async () => {
  const job = await client.launchJob({ name: "returns", task: add, args: [40, 2], replicas: 3 });
  assert.deepEqual(await job.results({ timeoutMs: waitMs }), [42, 42, 42]);
  await cluster.processes.killController();
  await cluster.processes.startController();
  const other = await connect(cluster.url, { token: cluster.token });
  try {
    assert.deepEqual(await other.job("returns").results({ timeoutMs: waitMs }), [42, 42, 42]);
  } finally {
    await other.close();
  }
});

test("a result that is not there is refused: too large, of a command, of a failure", async () => {
  const large = await client.launchJob({ name: "large", task: giveBytes, args: [70_000] });
  await assert.rejects(large.results({ timeoutMs: waitMs }), {
    code: "VALUE_LOST",
    message:
      /what \/\w+\/large\/0 returned is not there: it has 700\d\d bytes, and up to 65536 are kept/,
  });
  const written = await client.launchJob({ name: "written", command: ["true"] });
  await assert.rejects(written.results({ timeoutMs: waitMs }), {
    code: "INVALID_ARGUMENT",
    message: /runs commands; only functions return values/,
  });
  const failed = await client.launchJob({ name: "failed", task: fail, args: ["the tide"] });
  await taskErrorOf(failed.results({ timeoutMs: waitMs }));
});

test("a name that is taken is refused, kept or made anew, as it is told", async () => {
  const options = { name: "taken", command: ["sleep", "600"], grace: "1s" };
  const first = await client.launchJob(options);
  await assert.rejects(client.launchJob(options), { code: "ALREADY_EXISTS" });
  const kept = await client.launchJob({ ...options, onExisting: "keep" });
  assert.equal(kept.id, first.id);
  assert.equal((await kept.status()).submittedAt, (await first.status()).submittedAt);
  const again = await client.launchJob({ ...options, command: ["true"], onExisting: "recreate" });
  assert.equal((await again.wait({ timeoutMs: waitMs })).state, "SUCCEEDED");
});

test("a job that nobody can run is accepted with a warning, and says why it waits", async () => {
  const job = await client.launchJob({
    name: "huge",
    command: ["true"],
    resources: { cpu: 1_000 },
    schedulingTimeout: "5m",
  });
  assert.equal(job.warnings[0]?.code, "UNPLACEABLE");
  assert.ok(warnings.includes("UNPLACEABLE"));
  const { canEverRun, reasons } = await job.explain();
  assert.equal(canEverRun, false);
  assert.ok(reasons.some(({ code }) => code === "INSUFFICIENT"));
  assert.equal(client.job(job.id).state, null);
  await job.cancel();
});

test("a command's value is its output as JSON or text, a file, or nothing", async () => {
  const json = client.submit(command<{ x: number }>(["echo", '{"x": 1}'], { result: "json" }), []);
  const text = client.submit(command(["cat"], { stdin: "grüße", result: "text" }));
  const file = client.submit(
    command(script("printf abc > out.bin"), { result: { file: "out.bin" } }),
  );
  const none = client.submit(command(["echo", "ignored"]));
  assert.deepEqual(await json.result({ timeoutMs: waitMs }), { x: 1 });
  assert.equal(await text.result({ timeoutMs: waitMs }), "grüße");
  assert.deepEqual(await file.result({ timeoutMs: waitMs }), Uint8Array.from([97, 98, 99]));
  assert.equal(await none.result({ timeoutMs: waitMs }), undefined);
});

test("a command's value is the input of a function", async () => {
  const two = client.submit(command<number>(["echo", "2"], { result: "json" }));
  assert.equal(await client.submit(add, [two, 40]).result({ timeoutMs: waitMs }), 42);
});

test("a command that fails is a task that failed, with its exit code and last words", async () => {
  const failing = client.submit(command(script("echo why >&2; exit 3"), { result: "text" }));
  const error = await taskErrorOf(failing.result({ timeoutMs: waitMs }));
  assert.equal(error.exitCode, 3);
  assert.match(error.stderrTail, /why/);
  const noJson = client.submit(command(["echo", "{"], { result: "json" }));
  await taskErrorOf(noJson.result({ timeoutMs: waitMs }));
  const noProgram = client.submit(command(["no-such-program-anywhere"]));
  const missing = await taskErrorOf(noProgram.result({ timeoutMs: waitMs }));
  assert.match(missing.message, /no-such-program-anywhere/);
});

test("functions and commands share a cluster", async () => {
  const bytes = client.submit(giveBytes, [100]);
  const text = client.submit(command(["echo", "hi"], { result: "text" }));
  assert.equal(await text.result({ timeoutMs: waitMs }), "hi\n");
  assert.equal((await bytes.result({ timeoutMs: waitMs })).length, 100);
});

test("a job and who waits for it outlive the controller", async () => {
  const job = await client.launchJob({
    name: "survivor",
    command: script("echo before; sleep 3; echo after"),
  });
  const ended = job.wait({ timeoutMs: waitMs });
  const texts: string[] = [];
  for await (const { text } of job.logs({ follow: true, signal: AbortSignal.timeout(waitMs) })) {
    texts.push(text);
    if (text !== "before") continue;
    await cluster.processes.killController();
    await cluster.processes.startController();
  }
  assert.equal((await ended).state, "SUCCEEDED");
  assert.deepEqual(texts, ["before", "after"]);
  const [task] = await job.tasks();
  assert.equal(task.attempts.length, 1);
});
