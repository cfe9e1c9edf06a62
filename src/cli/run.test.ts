/**
 * Rules of `capstan run`, against an HTTP server that answers as the API does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  aJob,
  aLine,
  aLogPage,
  anAttempt,
  anExplanation,
  aTask,
} from "../../test/support/api-views.ts";
import { FakeApi } from "../../test/support/fake-api.ts";
import { CapstanError } from "../model/errors.ts";

const api = new FakeApi();

before(() => api.start());
after(() => api.close());

const noChildren = { jobs: [], totalCount: 0, nextPageToken: "" };
const launched = { jobId: "/ann/x", created: true, warnings: [] };
const running = { job: aJob({ state: "RUNNING", taskStateCounts: { RUNNING: 1 } }), tasks: [] };
const succeeded = { job: aJob(), tasks: [] };
const noTasks = { tasks: [], totalCount: 0, nextPageToken: "" };

function failedWith(overrides: Parameters<typeof aJob>[0] = {}) {
  return {
    job: aJob({
      ...{ state: "FAILED", taskStateCounts: { FAILED: 1 }, failedTaskCount: 1, failureCount: 1 },
      ...overrides,
    }),
    tasks: [],
  };
}

test("each line goes to the stream that it came from, and success is exit code 0", async () => {
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [running, succeeded],
    FetchLogs: [
      aLogPage([aLine("hello"), aLine("careful", { stream: "stderr" })], { complete: false }),
      aLogPage([aLine("bye")]),
    ],
  });
  const { code, out, err } = await api.run("run --cpu 2 --name x -- echo --cpu hello");
  assert.equal(code, 0);
  assert.equal(out, "hello\nbye\n");
  assert.equal(err, "capstan: launched /ann/x\ncareful\n");
  const [request] = api.requestsOf("LaunchJob");
  assert.equal(request.name, "x");
  assert.deepEqual(request.command, { argv: ["echo", "--cpu", "hello"], env: {} });
  assert.deepEqual(request.resources, {
    ...{ cpuMilli: 2_000, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
  });
});

test("the last lines are fetched also when they come after the end of the job", async () => {
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [succeeded],
    FetchLogs: [
      ...[aLogPage([], { complete: false }), aLogPage([], { complete: false })],
      aLogPage([aLine("the very last")]),
    ],
  });
  const { code, out } = await api.run("run -- true");
  assert.deepEqual([code, out], [0, "the very last\n"]);
});

test("lines say which task wrote them when there are several, and child jobs always", async () => {
  const lines = [aLine("a"), aLine("b", { taskId: "/ann/x/3" })];
  const child = aLine("c", { taskId: "/ann/x/child/0" });
  const answers = { LaunchJob: [launched], ListJobs: [noChildren], GetJobStatus: [succeeded] };
  api.reset({ ...answers, FetchLogs: [aLogPage([...lines, child])] });
  const several = await api.run("run --replicas 4 -- true");
  assert.equal(several.out, "[0] a\n[3] b\n[child/0] c\n");
  const one = await api.run("run -- true");
  assert.equal(one.out, "a\nb\n[child/0] c\n");
});

test("a job that did not succeed is exit code 1, with its task and its last words", async () => {
  const attempt = anAttempt({ exitCode: 137, stderrTail: "loading\nno space left\n" });
  const task = aTask({ state: "FAILED", taskId: "/ann/x/0", attempts: [attempt] });
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [failedWith()],
    FetchLogs: [aLogPage([])],
    ListTasks: [{ ...noTasks, tasks: [task], totalCount: 1 }],
  });
  const { code, err } = await api.run("run -- false");
  assert.equal(code, 1);
  assert.equal(
    err,
    [
      "capstan: launched /ann/x",
      "capstan: /ann/x ended FAILED",
      "  task /ann/x/0 FAILED (attempt 1.1 on w-1): exit code 137 (128 + SIGKILL)",
      "    | loading",
      "    | no space left",
      "  for more: capstan job summary /ann/x",
      "",
    ].join("\n"),
  );
});

test("a program without two dashes in front is explained, and nothing is launched", async () => {
  api.reset({});
  const lines = ["run echo hi", "run --cpu 1 python -c 1", "run", "run --", "run echo -- hi"];
  for (const line of [...lines, "run --bogus 1 -- true", "run -x -- true"]) {
    const { code, err } = await api.run(line);
    assert.equal(code, 2, line);
    if (!line.includes("-- true")) assert.match(err, /capstan run \[flags\] -- /, line);
  }
  assert.deepEqual(api.calls, []);
});

test("a refused launch is its error and its exit code", async () => {
  api.reset({
    LaunchJob: () => {
      throw new CapstanError("INVALID_SPEC", "replicas: expected at most 10000");
    },
  });
  const { code, err } = await api.run("run --replicas 20000 -- true");
  assert.deepEqual([code, err], [4, "capstan: replicas: expected at most 10000\n"]);
});

test("--detach prints the id alone, --json what the API answered", async () => {
  const warnings = [{ code: "UNPLACEABLE", message: "no worker has a gpu" }];
  api.reset({ LaunchJob: [{ ...launched, warnings }] });
  const plain = await api.run("run --detach -- true");
  const err = "capstan: warning: no worker has a gpu\n";
  assert.deepEqual(plain, { code: 0, out: "/ann/x\n", err });
  const json = await api.run("run --detach --json -- true");
  assert.deepEqual(JSON.parse(json.out), { ...launched, warnings });
});

test("--json prints the launch, each line and the end as one object a line", async () => {
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [succeeded],
    FetchLogs: [aLogPage([aLine("a")])],
  });
  const { out, err } = await api.run("run --json -- true");
  const objects = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(objects, [launched, aLine("a"), { job: aJob() }]);
  assert.equal(err, "");
});

test("an outage is a notice, and run goes on when the controller is back", async () => {
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: ["hang-up", "hang-up", succeeded],
    FetchLogs: [aLogPage([aLine("done")])],
  });
  const { code, out, err } = await api.run("run -- true");
  assert.deepEqual([code, out], [0, "done\n"]);
  assert.match(err, /Trying again; the job goes on\.\ncapstan: connected again\n$/);
  assert.equal(err.match(/Trying again/g)?.length, 1);
});

test("a launch whose reply is lost is asked for again, and never made twice", async () => {
  api.reset({
    LaunchJob: ["hang-up", { ...launched, created: false }],
    ListJobs: [noChildren],
    GetJobStatus: [succeeded],
    FetchLogs: [aLogPage([])],
  });
  const { code } = await api.run("run -- true");
  assert.equal(code, 0);
  const [first, second] = api.requestsOf("LaunchJob");
  assert.deepEqual(second, { ...first, onExisting: "KEEP" });
});

test("a launch under a chosen name is not repeated when its reply is lost", async () => {
  api.reset({ LaunchJob: ["hang-up", launched] });
  const { code, err } = await api.run("run --name x -- true");
  assert.equal(code, 5);
  assert.match(err, /may have been launched: capstan job show x/);
  assert.equal(api.requestsOf("LaunchJob").length, 1);
});

test("when nothing runs, run says why once, and again when the reason changes", async () => {
  const pending = { job: aJob({ state: "PENDING", taskStateCounts: { PENDING: 1 } }), tasks: [] };
  let explained = 0;
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: () => (explained < 3 ? pending : succeeded),
    FetchLogs: (_request) => aLogPage([], { complete: explained >= 3 }),
    Explain: (request) => {
      assert.deepEqual(request, { id: "/ann/x" });
      explained++;
      const summary = explained < 3 ? "no worker has a gpu" : "2 jobs are ahead";
      const change = { kind: "ADD_WORKER", message: "a worker with gpu=1" };
      return anExplanation({ summary, change: explained < 3 ? change : null });
    },
  });
  const { err } = await api.run("run -- true");
  assert.equal(
    err,
    [
      "capstan: launched /ann/x",
      "capstan: waiting: no worker has a gpu. What would start it: a worker with gpu=1",
      "capstan: waiting: 2 jobs are ahead",
      "",
    ].join("\n"),
  );
});

test("Ctrl-C cancels the job, shows its last lines and exits with 130", async () => {
  let cancelled = false;
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: () => {
      if (!cancelled && api.requestsOf("GetJobStatus").length === 2) process.emit("SIGINT");
      return cancelled ? failedWith({ state: "KILLED", taskStateCounts: { KILLED: 1 } }) : running;
    },
    TerminateJob: (request) => {
      cancelled = true;
      assert.equal(request.jobId, "/ann/x");
      return { jobId: "/ann/x", state: "KILLED" };
    },
    FetchLogs: () => aLogPage(cancelled ? [aLine("cleaning up")] : [], { complete: cancelled }),
    ListTasks: [noTasks],
  });
  const { code, out, err } = await api.run("run -- sleep 1000");
  assert.equal(code, 130);
  assert.match(out, /cleaning up/);
  assert.match(err, /cancelling \/ann\/x; Ctrl-C again leaves it/);
  assert.equal(api.requestsOf("TerminateJob").length, 1);
  assert.equal(process.listenerCount("SIGINT"), 0);
});

test("lines that cannot be had and bytes that were not kept are said once", async () => {
  const unavailable = [
    { attemptId: "1.1", workerId: "w-1", reason: "the worker is lost", final: true },
  ];
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [running, succeeded],
    FetchLogs: [
      aLogPage([], { unavailable, droppedBytes: 5, complete: false }),
      aLogPage([], { unavailable, droppedBytes: 5 }),
    ],
  });
  const { err } = await api.run("run -- true");
  assert.equal(err.match(/attempt 1\.1 on w-1 cannot be had: the worker is lost/g)?.length, 1);
  assert.equal(err.match(/5 bytes of these logs were not kept/g)?.length, 1);
});

test("lines of a worker that is away for a moment are waited for without a word", async () => {
  const away = { attemptId: "1.1", workerId: "w-1", reason: "is not connected", final: false };
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [running, succeeded],
    FetchLogs: [aLogPage([], { unavailable: [away], complete: false }), aLogPage([aLine("back")])],
  });
  const { out, err } = await api.run("run -- true");
  assert.deepEqual([out, err], ["back\n", "capstan: launched /ann/x\n"]);
});

test("lines of many attempts that are lost with one worker are one remark", async () => {
  const lost = { workerId: "w-1", reason: "the worker is lost", final: true };
  const unavailable = [1, 2, 3].map((i) => ({ attemptId: `1.${i}`, ...lost }));
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [succeeded],
    FetchLogs: [aLogPage([], { unavailable })],
  });
  const { err } = await api.run("run -- true");
  assert.match(err, /lines of 3 attempts on w-1 cannot be had: the worker is lost\n$/);
});

test("Ctrl-C is answered also while no controller is", async () => {
  let cancelled = false;
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: () => {
      const looks = api.requestsOf("GetJobStatus").length;
      if (looks === 2) process.emit("SIGINT");
      if (looks < 4) return "hang-up";
      return cancelled ? failedWith({ state: "KILLED", taskStateCounts: { KILLED: 1 } }) : running;
    },
    TerminateJob: () => {
      cancelled = true;
      return { jobId: "/ann/x", terminated: true, state: "KILLED" };
    },
    FetchLogs: [aLogPage([])],
    ListTasks: [noTasks],
  });
  const { code, err } = await api.run("run -- sleep 1000");
  assert.deepEqual([code, cancelled], [130, true]);
  assert.match(err, /Trying again; the job goes on\.\ncapstan: cancelling \/ann\/x; Ctrl-C again/);
});

test("on a terminal one status line is drawn and cleared, never left behind", async () => {
  api.reset({
    LaunchJob: [launched],
    ListJobs: [noChildren],
    GetJobStatus: [running, succeeded],
    FetchLogs: [aLogPage([aLine("a")], { complete: false }), aLogPage([])],
  });
  const { out, err } = await api.run("run -- true", {}, { isTTY: true });
  assert.equal(out, "a\n");
  assert.match(err, /\/ann\/x {2}RUNNING {2}1 running {2}0s/);
  assert.ok(err.endsWith("\r\x1b[2K"), JSON.stringify(err));
});

test("--workspace packs a directory, uploads it once and names it by its hash", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-workspace-"));
  writeFileSync(join(directory, "train.py"), "print(1)\n");
  api.reset({ LaunchJob: [launched] });
  try {
    for (let i = 0; i < 2; i++) {
      const { code, err } = await api.run([
        ...["run", "--detach", "--workspace", directory, "--", "true"],
      ]);
      assert.equal(code, 0, err);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const [request] = api.requestsOf("LaunchJob");
  const [[hash, bytes], ...others] = api.bundles;
  assert.deepEqual(others, []);
  assert.equal(createHash("sha256").update(bytes).digest("hex"), hash);
  assert.equal(request.workspace, hash);
  assert.equal(api.uploads, 1);
});

test("logs that are refused are a notice, and the job is followed to its end", async () => {
  api.reset({
    LaunchJob: [launched],
    GetJobStatus: [running, succeeded],
    FetchLogs: () => {
      throw new CapstanError("INVALID_ARGUMENT", "jobId: 20000 logs, at most 10000 at once");
    },
  });
  const { code, err } = await api.run("run -- true");
  assert.equal(code, 0);
  assert.equal(err.match(/its lines cannot be shown: jobId: 20000 logs/g)?.length, 1);
  assert.equal(api.requestsOf("FetchLogs").length, 1);
});

test("child jobs that outlive the job are counted and not waited for", async () => {
  api.reset({
    LaunchJob: [launched],
    GetJobStatus: [succeeded],
    ListJobs: [{ ...noChildren, totalCount: 2 }],
    FetchLogs: [aLogPage([aLine("a")], { complete: false })],
  });
  const { code, err } = await api.run("run -- true");
  assert.equal(code, 0);
  assert.match(err, /2 child jobs of \/ann\/x go on; capstan job list --prefix \/ann\/x\//);
  const [{ filter }] = api.requestsOf("ListJobs");
  assert.deepEqual(filter, { namePrefix: "/ann/x/", states: ["PENDING", "RUNNING"] });
});
