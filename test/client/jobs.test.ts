/**
 * What a client says about jobs, and how it bears a controller that comes and goes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Client, connect, type Job, TaskError } from "../../src/client/index.ts";
import { parseLaunchJob } from "../../src/model/parse-job.ts";
import { noResources } from "../../src/model/resources.ts";
import { decodeArguments } from "../../src/shell/values/value-codec.ts";
import { aFailure, ScriptedController, until } from "./scripted-controller.ts";
import { add, box } from "./tasks.ts";

let controller: ScriptedController;
let client: Client;
let warnings: string[];

beforeEach(async () => {
  controller = await ScriptedController.start();
  warnings = [];
  client = await connect(controller.url, {
    user: "ada",
    onWarning: (code, message) => warnings.push(`${code} ${message}`),
  });
});

afterEach(async () => {
  await client.close();
  await controller.close();
});

interface Call {
  readonly id: number;
  readonly request: { readonly [field: string]: unknown };
}

/** The next call, which must be of this method. */
async function taken(method: string): Promise<Call> {
  const call = await controller.take("call");
  assert.equal(call.method, method);
  return { id: call.id, request: call.request as Call["request"] };
}

function reply({ id }: Call, result: unknown): void {
  controller.send({ type: "reply", id, result, error: null });
}

function refuse({ id }: Call, code: string, message = code): void {
  controller.send({ type: "reply", id, result: null, error: { code, message, details: {} } });
}

/** Answers the next call and returns its request. */
async function answer(method: string, result: unknown): Promise<Call["request"]> {
  const call = await taken(method);
  reply(call, result);
  return call.request;
}

/** A job as the controller describes it. */
function aStatus(fields: object = {}): { readonly job: object; readonly tasks: [] } {
  const job = {
    jobId: "/ada/train",
    user: "ada",
    state: "RUNNING",
    error: null,
    band: "INTERACTIVE",
    replicas: 2,
    taskStateCounts: { RUNNING: 2 },
    failureCount: 0,
    preemptionCount: 0,
    failedTaskCount: 0,
    submittedAt: "2026-01-02T03:04:05.000Z",
    startedAt: null,
    finishedAt: null,
    pendingReason: null,
    ...fields,
  };
  return { job, tasks: [] };
}

async function isUnknown(): Promise<void> {
  refuse(await taken("GetJobStatus"), "NOT_FOUND");
}

/** A job that the controller launches without ado. */
async function launched(): Promise<Job> {
  const launch = client.launchJob({ name: "train", command: ["true"] });
  await isUnknown();
  await answer("LaunchJob", { jobId: "/ada/train", created: true, warnings: [] });
  return launch;
}

test("a launch is the request of the API, under its whole name", async () => {
  const launch = client.launchJob({
    name: "train",
    command: ["python", "train.py"],
    replicas: 2,
    resources: { cpu: 2, memory: "1g" },
    timeout: "1h",
    env: { A: "b" },
    ports: undefined,
  });
  await isUnknown();
  const request = await answer("LaunchJob", { jobId: "/ada/train", created: true, warnings: [] });
  assert.deepEqual(request, {
    name: "/ada/train",
    command: { argv: ["python", "train.py"], env: { A: "b" }, cwd: "", stdin: "", result: "none" },
    replicas: 2,
    timeout: "1h",
    resources: { ...noResources, cpuMilli: 2_000, memoryBytes: 1024 ** 3 },
  });
  const job = await launch;
  assert.deepEqual([job.id, job.state, job.warnings], ["/ada/train", "PENDING", []]);
});

test("what the controller warns of is told twice: on the job and to the client", async () => {
  const warning = {
    code: "UNPLACEABLE",
    message: "no",
    nearestWorkerId: "w",
    missing: noResources,
  };
  const launch = client.launchJob({ name: "train", command: ["true"] });
  await isUnknown();
  await answer("LaunchJob", { jobId: "/ada/train", created: true, warnings: [warning] });
  assert.deepEqual((await launch).warnings, [warning]);
  assert.deepEqual(warnings, ["UNPLACEABLE no"]);
});

test("a wrong option rejects by its name before anything is sent", async () => {
  const wrong = { name: "train", command: ["true"], replicas: 0 };
  await assert.rejects(client.launchJob(wrong), { code: "INVALID_SPEC", message: /^replicas: / });
  const unknown = { name: "train", command: ["true"], retries: 1 };
  await assert.rejects(client.launchJob(unknown), { message: /mean "maxRetriesFailure"/ });
  assert.deepEqual(controller.untaken, []);
});

test("a workspace is brought over before the launch, which names its hash", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-jobs-"));
  try {
    writeFileSync(join(directory, "main.py"), "print(1)");
    const launch = client.launchJob({ name: "a", command: ["x"], workspace: directory });
    await isUnknown();
    const call = await taken("LaunchJob");
    const { workspace } = call.request as { readonly workspace: string };
    const bytes = controller.bundles.get(workspace) ?? new Uint8Array(0);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), workspace);
    reply(call, { jobId: "/ada/a", created: true, warnings: [] });
    await launch;
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a job of a task has the bundle of its module and its encoded arguments", async () => {
  const launch = client.launchJob({ name: "sums", task: add, args: [1, 2], replicas: 3 });
  await isUnknown();
  const request = await answer("LaunchJob", { jobId: "/ada/sums", created: true, warnings: [] });
  await launch;
  const { task, args, replicas } = parseLaunchJob(request, "ada");
  assert.ok(task.run.kind === "function" && controller.bundles.has(task.run.bundle));
  assert.equal(task.run.functionName, "add");
  assert.equal(replicas, 3);
  assert.deepEqual(decodeArguments(args, { input: () => null }), [1, 2]);
});

test("a job takes no futures, and only tasks that their module exports", async () => {
  const future = client.submit(add, [1, 2]);
  const withFuture = { name: "a", task: add, args: [future as never, 1] as [number, number] };
  await assert.rejects(client.launchJob(withFuture), {
    code: "INVALID_ARGUMENT",
    message: /^args\[0\]: a job takes no futures; await its result/,
  });
  await assert.rejects(client.launchJob({ name: "a", task: box.hidden, args: [1] }), {
    code: "TASK_MODULE_UNLOADABLE",
    message: /export const hidden/,
  });
});

test("a launch whose answer was lost is not asked for again if the job is there", async () => {
  const launch = client.launchJob({ name: "train", command: ["true"] });
  await isUnknown();
  await taken("LaunchJob");
  controller.cut();
  await answer("GetJobStatus", aStatus({ state: "RUNNING" }));
  const job = await launch;
  assert.equal(job.id, "/ada/train");
  assert.deepEqual(controller.untaken, []);
});

test("a launch that was lost on the way is asked for again", async () => {
  const launch = client.launchJob({ name: "train", command: ["true"] });
  await isUnknown();
  await taken("LaunchJob");
  controller.cut();
  await isUnknown();
  await answer("LaunchJob", { jobId: "/ada/train", created: true, warnings: [] });
  assert.equal((await launch).state, "PENDING");
});

test("a job that ended before is not taken for the one whose answer was lost", async () => {
  const old = aStatus({ state: "SUCCEEDED" });
  const launch = client.launchJob({ name: "train", command: ["true"] });
  await answer("GetJobStatus", old);
  await taken("LaunchJob");
  controller.cut();
  await answer("GetJobStatus", old);
  await answer("LaunchJob", { jobId: "/ada/train", created: true, warnings: [] });
  await launch;
});

test("a conflict is never tried again", async () => {
  const launch = client.launchJob({ name: "train", command: ["true"] });
  const rejected = assert.rejects(launch, { code: "ALREADY_EXISTS" });
  await answer("GetJobStatus", aStatus());
  refuse(await taken("LaunchJob"), "ALREADY_EXISTS");
  await rejected;
  assert.deepEqual(controller.untaken, []);
});

test("a launch that is kept waiting ends when it was told to", async () => {
  const launch = client.launchJob({ name: "train", command: ["true"] }, { timeoutMs: 50 });
  await assert.rejects(launch, { code: "UNREACHABLE", message: /LaunchJob within 50 ms/ });
  const ended = AbortSignal.abort(new Error("enough"));
  await assert.rejects(client.launchJob({ name: "a", command: ["b"] }, { signal: ended }), {
    message: "enough",
  });
});

test("a job that was there already has its state", async () => {
  const launch = client.launchJob({ name: "train", command: ["true"], onExisting: "keep" });
  await answer("GetJobStatus", aStatus());
  await answer("LaunchJob", { jobId: "/ada/train", created: false, warnings: [] });
  await answer("GetJobStatus", aStatus());
  assert.equal((await launch).state, "RUNNING");
});

test("a wait outlives the controller, and says how the job ended", async () => {
  const job = await launched();
  const wait = job.wait();
  await answer("GetJobStatus", aStatus({ state: "PENDING" }));
  await taken("GetJobStatus");
  controller.cut();
  refuse(await taken("GetJobStatus"), "OVERLOADED");
  await answer("GetJobStatus", aStatus({ state: "RUNNING" }));
  await until(() => job.state === "RUNNING", "the state");
  await answer("GetJobStatus", aStatus({ state: "FAILED", failedTaskCount: 1 }));
  assert.equal((await wait).failedTaskCount, 1);
  assert.equal(job.state, "FAILED");
});

test("a wait ends by its time, its signal, and for a job that is forgotten", async () => {
  const job = await launched();
  await assert.rejects(job.wait({ timeoutMs: 30 }), {
    code: "TIMED_OUT",
    message: /the job \/ada\/train \(PENDING\); it goes on/,
  });
  await taken("GetJobStatus");
  const ending = new AbortController();
  const wait = assert.rejects(job.wait({ signal: ending.signal }), { message: "enough" });
  await taken("GetJobStatus");
  ending.abort(new Error("enough"));
  await wait;
  const forgotten = assert.rejects(job.wait(), { code: "NOT_FOUND" });
  await isUnknown();
  await forgotten;
});

test("a wait throws what went wrong if it is told to", async () => {
  const job = await launched();
  const wait = job.wait({ throwOnFailure: true }).then(
    () => assert.fail("it should have thrown"),
    (error: unknown) => error,
  );
  const error = aFailure({ message: "task 1 exited with code 3", blame: "/ada/train/1" });
  await answer("GetJobStatus", aStatus({ state: "FAILED", error }));
  const thrown = await wait;
  assert.ok(thrown instanceof TaskError);
  assert.equal(thrown.blame, "/ada/train/1");
  assert.equal(thrown.message, "The job /ada/train ended FAILED: task 1 exited with code 3");
  const killed = assert.rejects(job.wait({ throwOnFailure: true }), { code: "TASK_CANCELLED" });
  await answer("GetJobStatus", aStatus({ state: "KILLED" }));
  await killed;
});

test("the tasks of a job are read page by page", async () => {
  const job = client.job("train");
  const tasks = job.tasks();
  const task = (index: number): object => ({ taskId: `/ada/train/${index}`, index });
  const first = await answer("ListTasks", { tasks: [task(0)], nextPageToken: "more" });
  assert.deepEqual(first, { jobId: "/ada/train", pageSize: 500, pageToken: "" });
  const second = await answer("ListTasks", { tasks: [task(1)], nextPageToken: "" });
  assert.equal(second.pageToken, "more");
  assert.deepEqual(
    (await tasks).map(({ index }) => index),
    [0, 1],
  );
});

test("a handle is by name, and knows no state until somebody asks", async () => {
  const job = client.job("/bob/other");
  assert.deepEqual([job.id, job.state], ["/bob/other", null]);
  const explained = job.explain();
  assert.deepEqual(await answer("Explain", { summary: "it runs" }), { id: "/bob/other" });
  assert.equal((await explained).summary, "it runs");
  const cancelled = job.cancel("not needed");
  const request = await answer("TerminateJob", { jobId: "/bob/other", state: "RUNNING" });
  assert.deepEqual(request, { jobId: "/bob/other", reason: "not needed" });
  await cancelled;
  assert.throws(() => client.job("/bob/3"), { code: "INVALID_SPEC", message: /^id: / });
});

interface Page {
  readonly texts?: readonly string[];
  readonly cursor: string;
  readonly complete?: boolean;
  readonly droppedBytes?: number;
  readonly unavailable?: readonly object[];
}

function aPage({ texts = [], cursor, complete = false, ...gaps }: Page): object {
  const lines = texts.map((text) => ({
    taskId: "/ada/train/1",
    attemptId: "1.4",
    at: "2026-01-02T03:04:05.000Z",
    stream: "stdout",
    text,
  }));
  return { lines, cursor, complete, droppedBytes: 0, unavailable: [], ...gaps };
}

async function textsOf(lines: AsyncIterable<{ readonly text: string }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of lines) texts.push(text);
  return texts;
}

test("followed logs go on where they were, also over an outage, until all is read", async () => {
  const texts = textsOf(client.job("train").logs({ follow: true, since: "10m", tail: 5 }));
  const first = await answer("FetchLogs", aPage({ texts: ["a", "b"], cursor: "2" }));
  assert.deepEqual(first, {
    jobId: "/ada/train",
    since: "10m",
    tail: 5,
    cursor: "",
    maxLines: 1_000,
  });
  const second = await answer("FetchLogs", aPage({ cursor: "2" }));
  assert.deepEqual(second, { jobId: "/ada/train", since: "10m", cursor: "2", maxLines: 1_000 });
  await taken("FetchLogs");
  controller.cut();
  assert.equal((await answer("FetchLogs", aPage({ texts: ["c"], cursor: "3" }))).cursor, "2");
  await answer("FetchLogs", aPage({ texts: ["d"], cursor: "4", complete: true }));
  assert.deepEqual(await texts, ["a", "b", "c", "d"]);
});

test("logs that are not followed end where nothing more is there", async () => {
  const lines = client.job("train").logs({ taskIndex: 1, attempt: "1.4" });
  const texts = textsOf(lines);
  const request = await answer("FetchLogs", aPage({ texts: ["a"], cursor: "1" }));
  assert.deepEqual(request, {
    taskId: "/ada/train/1",
    attemptId: "1.4",
    cursor: "",
    maxLines: 1_000,
  });
  await answer("FetchLogs", aPage({ cursor: "1" }));
  assert.deepEqual(await texts, ["a"]);
});

test("a line says which task wrote it, and gaps in a log are told once", async () => {
  const lines = client.job("train").logs({ follow: true });
  const unavailable = [{ attemptId: "1.9", workerId: "w2", reason: "it is gone", final: true }];
  const first = lines.next();
  const gaps = { droppedBytes: 7, unavailable };
  await answer("FetchLogs", aPage({ texts: ["a"], cursor: "1", ...gaps }));
  assert.equal((await first).value?.index, 1);
  const last = lines.next();
  await answer("FetchLogs", aPage({ cursor: "1", complete: true, ...gaps }));
  assert.equal((await last).done, true);
  assert.deepEqual(warnings, [
    "LOGS_DROPPED 7 bytes of these logs were not kept.",
    "LOGS_UNAVAILABLE The log of attempt 1.9 on w2 is unavailable: it is gone",
  ]);
});

test("the reading of logs ends by its signal, and when its reader has enough", async () => {
  const ending = new AbortController();
  const texts = textsOf(client.job("train").logs({ follow: true, signal: ending.signal }));
  const rejected = assert.rejects(texts, { message: "enough" });
  await answer("FetchLogs", aPage({ cursor: "" }));
  await taken("FetchLogs");
  ending.abort(new Error("enough"));
  await rejected;
  const lines = client.job("train").logs({ follow: true });
  const first = lines.next();
  await answer("FetchLogs", aPage({ texts: ["a", "b"], cursor: "2" }));
  await first;
  await lines.return();
  assert.equal((await lines.next()).done, true);
  assert.deepEqual(controller.untaken, []);
});

test("a wrong option of logs is refused by name", async () => {
  const { logs } = { logs: (options: object) => client.job("train").logs(options).next() };
  await assert.rejects(logs({ tail: 10_001 }), { message: /^tail: 10001 is not a whole number/ });
  await assert.rejects(logs({ taskIndex: -1 }), { message: /^taskIndex: -1/ });
  assert.deepEqual(controller.untaken, []);
});

test("calls of jobs wait for a controller that is away", async () => {
  controller.cut();
  const status = client.job("train").status();
  await answer("GetJobStatus", aStatus());
  assert.equal((await status).state, "RUNNING");
  await client.close();
  assert.throws(() => client.call("GetJobStatus"), { code: "CLIENT_CLOSED" });
  await until(() => controller.untaken.length > 0, "the end of the session");
});
