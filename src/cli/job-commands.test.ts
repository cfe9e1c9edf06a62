/**
 * Rules of `capstan job …`, against an HTTP server that answers as the API does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { aJob, aLine, aLogPage, anAttempt, aTask, aWorker } from "../../test/support/api-views.ts";
import { FakeApi } from "../../test/support/fake-api.ts";
import { CapstanError } from "../model/errors.ts";
import { encodeValue } from "../shell/values/value-codec.ts";
import { taskPageSize } from "./limits.ts";

const api = new FakeApi();

before(() => api.start());
after(() => api.close());

const running = { job: aJob({ state: "RUNNING", taskStateCounts: { RUNNING: 1 } }), tasks: [] };
const failedJob = aJob({
  ...{ state: "FAILED", replicas: 2, taskStateCounts: { FAILED: 1, SUCCEEDED: 1 } },
  ...{ failureCount: 2, failedTaskCount: 1 },
});

function pageOf(tasks: readonly object[], nextPageToken = "", totalCount = tasks.length) {
  return { tasks, totalCount, nextPageToken };
}

test("job list sends its filters in the API's words and says what other pages hold", async () => {
  api.reset({ ListJobs: [{ jobs: [aJob()], totalCount: 7, nextPageToken: "1" }] });
  const line = "job list --user ann --state RUNNING,FAILED --roots --sort failureCount:desc";
  const { code, out, err } = await api.run(`${line} --page-size 1`);
  assert.equal(code, 0);
  assert.deepEqual(api.requestsOf("ListJobs"), [
    {
      filter: { user: "ann", states: ["RUNNING", "FAILED"], rootsOnly: true },
      ...{ orderBy: "failureCount desc", pageSize: 1, pageToken: "" },
    },
  ]);
  assert.deepEqual(out.split("\n"), [
    "JOB\tSTATE\tENDED\tFAILURES\tTAKEN AWAY\tSUBMITTED\tRAN FOR\tREASON",
    "/ann/x\tSUCCEEDED\t1/1\t0\t0\t2026-01-01T00:00:00.000Z\t1m 4s\t",
    "",
  ]);
  assert.equal(err, "capstan: there are more, 7 in all: --page-token 1\n");
});

test("a field that jobs cannot be sorted by is refused with those that they can", async () => {
  const { code, err } = await api.run("job list --sort colour");
  assert.equal(code, 2);
  assert.match(err, /--sort must be one of submittedAt, name, state/);
});

test("job wait exits with 0 for a job that succeeded, with 1 for any other end", async () => {
  for (const [state, code] of [
    ["SUCCEEDED", 0],
    ["FAILED", 1],
    ["KILLED", 1],
  ] as const) {
    api.reset({ GetJobStatus: [running, "hang-up", { job: aJob({ state }), tasks: [] }] });
    const { code: actual, out } = await api.run("job wait /ann/x");
    assert.deepEqual([actual, out], [code, `/ann/x ${state}\n`]);
  }
});

test("job wait exits with 124 when the time is over, also when nobody answers", async () => {
  api.reset({ GetJobStatus: [running] });
  const { code, err } = await api.run("job wait /ann/x --timeout 100ms");
  assert.equal(code, 124);
  assert.match(err, /\/ann\/x is still RUNNING/);
  const unreachable = { CAPSTAN_URL: "http://127.0.0.1:9" };
  assert.equal((await api.run("job wait /ann/x --timeout 100ms", unreachable)).code, 5);
  assert.equal((await api.run("job wait /ann/x --timeout soon")).code, 2);
});

test("job show and job summary print exactly the status with --json", async () => {
  api.reset({ GetJobStatus: [running] });
  for (const name of ["show", "summary", "wait --timeout 0", "bug-report"]) {
    const { code, out } = await api.run(`job ${name} /ann/x --json`);
    if (code === 124) continue; // Still running: `wait` has nothing to print.
    assert.deepEqual([code, JSON.parse(out)], [0, running], name);
  }
});

test("job summary reads every page and shows what did not succeed first", async () => {
  const good = aTask({ attempts: [anAttempt({ cause: "finished", exitCode: 0 })] });
  const attempts = [anAttempt({ exitCode: 3, peakRssBytes: 1_048_576, cpuMs: 1_500 })];
  const bad = aTask({ taskId: "/ann/x/1", index: 1, state: "FAILED", attempts });
  api.reset({
    GetJobStatus: [{ job: failedJob, tasks: [] }],
    ListTasks: [pageOf([good], "500", 2), pageOf([bad], "", 2)],
  });
  const { out } = await api.run("job summary /ann/x");
  const [header, ...rows] = out.slice(out.indexOf("TASK"), -1).split("\n");
  assert.equal(header, "TASK\tSTATE\tWORKER\tATTEMPTS\tTIME\tPEAK RSS\tCPU\tEND");
  assert.deepEqual(rows, [
    "1\tFAILED\tw-1\t1\t2s\t1 MiB\t1.5s\texit code 3",
    "0\tSUCCEEDED\tw-1\t1\t2s\t\t\t",
  ]);
  assert.match(out, /tasks +2: 1 failed, 1 succeeded/);
  assert.deepEqual(api.requestsOf("ListTasks")[1], {
    ...{ jobId: "/ann/x", states: [], pageSize: taskPageSize, pageToken: "500" },
  });
});

test("job results shows what was returned as code has it, or why it is not there", async () => {
  const encoded = (value: unknown) =>
    Buffer.from(encodeValue(value, { root: "result" })).toString("base64");
  const none = { value: null, sizeBytes: 0 } as const;
  const results = [
    { index: 0, state: "SUCCEEDED", ...none, value: encoded({ a: [1, "two"] }), missing: "" },
    { index: 1, state: "SUCCEEDED", ...none, value: encoded("one\nline"), missing: "" },
    { index: 2, state: "SUCCEEDED", ...none, sizeBytes: 71_680, missing: "TOO_LARGE" },
    { index: 3, state: "RUNNING", ...none, missing: "NOT_SUCCEEDED" },
    { index: 4, state: "SUCCEEDED", ...none, missing: "LEFT" },
    { index: 5, state: "SUCCEEDED", ...none, missing: "COMMAND" },
  ];
  const answer = { jobId: "/ann/x", submittedAt: "", replicas: 9, results, nextPageToken: "6" };
  api.reset({ GetJobResults: [answer] });
  const { code, out, err } = await api.run("job results /ann/x --page-size 6");
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n"), [
    "TASK\tSTATE\tRETURNED",
    "0\tSUCCEEDED\t{ a: [ 1, 'two' ] }",
    "1\tSUCCEEDED\t'one\\nline'",
    "2\tSUCCEEDED\t(70 KiB: too large to be kept; publish it instead)",
    "3\tRUNNING\t(has not succeeded)",
    "4\tSUCCEEDED\t(no longer kept: it was among the oldest)",
    "5\tSUCCEEDED\t(a command returns nothing; see its log)",
    "",
  ]);
  assert.match(err, /--page-token 6/);
  assert.deepEqual(api.requestsOf("GetJobResults"), [
    { jobId: "/ann/x", pageSize: 6, pageToken: "" },
  ]);
  api.reset({ GetJobResults: [answer] });
  assert.deepEqual(JSON.parse((await api.run("job results /ann/x --json")).out), answer);
});

test("job cancel hands on the reason", async () => {
  api.reset({ TerminateJob: [{ jobId: "/ann/x", state: "RUNNING" }] });
  const { code } = await api.run(["job", "cancel", "/ann/x", "--reason", "too slow"]);
  assert.equal(code, 0);
  assert.deepEqual(api.requestsOf("TerminateJob"), [{ jobId: "/ann/x", reason: "too slow" }]);
});

test("job logs asks for the last 1000 lines of all attempts, unless told otherwise", async () => {
  api.reset({ GetJobStatus: [running], FetchLogs: [aLogPage([aLine("a")])] });
  assert.equal((await api.run("job logs /ann/x")).out, "a\n");
  assert.deepEqual(api.requestsOf("FetchLogs"), [
    { jobId: "/ann/x", tail: 1_000, cursor: "", maxLines: 10_000 },
  ]);
});

test("each filter of job logs reaches the API, and one that is not given does not", async () => {
  api.reset({
    GetJobStatus: [running],
    GetTaskStatus: [{ task: aTask() }],
    FetchLogs: [aLogPage([])],
  });
  const before = Date.now();
  await api.run("job logs /ann/x --task 0 --attempt 3.17 --grep error --since 10m --tail 0");
  await api.run("job logs /ann/x/2 --all --since 2026-01-01T00:00:00+01:00");
  const [first, second] = api.requestsOf("FetchLogs");
  const { since, ...others } = first;
  assert.deepEqual(others, {
    ...{ taskId: "/ann/x/0", attemptId: "3.17", substring: "error", tail: 0 },
    ...{ cursor: "", maxLines: 10_000 },
  });
  const agoMs = before - Date.parse(String(since));
  assert.ok(agoMs <= 600_000 && agoMs > 590_000, `${agoMs} ms ago`);
  assert.deepEqual(second, {
    ...{ taskId: "/ann/x/2", since: "2025-12-31T23:00:00.000Z", cursor: "", maxLines: 10_000 },
  });
});

test("filters of job logs that exclude each other are refused", async () => {
  for (const line of ["job logs /ann/x/0 --task 1", "job logs /a/x --all --tail 3"]) {
    assert.equal((await api.run(line)).code, 2, line);
  }
  assert.equal((await api.run("job logs /ann/x --tail 10001")).code, 2);
});

test("job logs says that there are more lines than it shows", async () => {
  const lines = [aLine("a"), aLine("b")];
  api.reset({ GetJobStatus: [running], FetchLogs: [aLogPage(lines)] });
  const { err } = await api.run("job logs /ann/x --tail 2");
  assert.match(err, /the last 2 lines; --all shows every line/);
  assert.equal((await api.run("job logs /ann/x --tail 3")).err, "");
});

test("job logs --follow goes on from its cursor until the job ended and all is read", async () => {
  api.reset({
    GetJobStatus: [running, running, { job: aJob(), tasks: [] }],
    FetchLogs: [
      aLogPage([aLine("a")], { cursor: "c1", complete: false }),
      aLogPage([], { cursor: "c2", complete: false }),
      aLogPage([aLine("b")], { cursor: "c3" }),
    ],
  });
  const { code, out } = await api.run("job logs -f /ann/x --json");
  assert.equal(code, 0);
  const objects = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(objects, [aLine("a"), aLine("b")]);
  const cursors = api.requestsOf("FetchLogs").map(({ cursor, tail }) => [cursor, tail]);
  assert.deepEqual(cursors, [
    ["", 1_000],
    ["c1", undefined],
    ["c2", undefined],
  ]);
});

test("a job that nobody knows is exit code 3 for each of the commands", async () => {
  const unknown = () => {
    throw new CapstanError("NOT_FOUND", "no job /ann/x");
  };
  api.reset({ GetJobStatus: unknown, TerminateJob: unknown });
  for (const name of ["show", "wait", "logs", "logs -f", "cancel", "summary", "bug-report"]) {
    const { code, err } = await api.run(`job ${name} /ann/x`);
    assert.deepEqual([code, err], [3, "capstan: no job /ann/x\n"], name);
  }
});

test("a bug report has tasks, attempts, last lines, workers and children, no secrets", async () => {
  const lines = [
    aLine("starting with --token abc123 and API_KEY=sk-1"),
    aLine("```", { stream: "stderr" }),
    aLine("see https://ann:hunter2@host/ and cst_0123456789"),
  ];
  const attempts = [
    anAttempt({ cause: "worker-lost" }),
    anAttempt({ attemptId: "1.2", workerId: "w-2", exitCode: 134, stderrTail: "x" }),
  ];
  const bad = aTask({ taskId: "/ann/x/1", index: 1, state: "FAILED", attempts });
  const child = aJob({ jobId: "/ann/x/child" });
  const info = {
    ...{ version: "0.1.0", epoch: 3, journalSequence: 12, degraded: [] },
  };
  api.reset({
    GetJobStatus: [{ job: failedJob, tasks: [] }],
    GetClusterInfo: [info],
    ListTasks: [pageOf([aTask(), bad])],
    ListJobs: [{ jobs: [child], totalCount: 1, nextPageToken: "" }],
    ListWorkers: [{ workers: [aWorker(), aWorker({ workerId: "w-9" })], nextPageToken: "" }],
    FetchLogs: [aLogPage(lines)],
  });
  const { code, out } = await api.run("job bug-report /ann/x");
  assert.equal(code, 0);
  assert.match(out, /^# \/ann\/x: FAILED\n/);
  assert.match(out, /\| 1 \| 1\.1 \| w-1 \| ENDED \| worker-lost \| {2}\| its worker was lost \|/);
  assert.match(
    out,
    /\| 1 \| 1\.2 \| w-2 \| ENDED \| failed \| exit code 134 \(128 \+ SIGABRT\) \|/,
  );
  assert.match(out, /## Last lines of \/ann\/x\/1\n\n````\n/);
  assert.match(out, /\| w-1 \| HEALTHY \|/);
  assert.doesNotMatch(out, /w-9/);
  assert.match(out, /\| \/ann\/x\/child \| SUCCEEDED \| 1 succeeded \|/);
  assert.match(out, /0\.1\.0, epoch 3, journal 12/);
  for (const secret of ["abc123", "sk-1", "hunter2", "cst_0123"]) {
    assert.ok(!out.includes(secret), secret);
  }
  assert.deepEqual(api.requestsOf("FetchLogs"), [{ taskId: "/ann/x/1", tail: 50 }]);
});
