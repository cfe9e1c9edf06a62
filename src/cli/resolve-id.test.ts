/**
 * Rules of names without a leading slash, against an HTTP server that answers as the API does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { aJob, aLogPage, anExplanation, aTask } from "../../test/support/api-views.ts";
import { FakeApi } from "../../test/support/fake-api.ts";
import { CapstanError } from "../model/errors.ts";

const api = new FakeApi();

before(() => api.start());
after(() => api.close());

const status = { job: aJob(), tasks: [] };
const noJobs = { jobs: [], totalCount: 0, nextPageToken: "" };

/** What a command finds that runs as a task of `/ann/parent`. */
function insideOfATask(): { readonly [name: string]: string } {
  return {
    CAPSTAN_URL: "",
    CAPSTAN_CONTROLLER_URL: api.url,
    CAPSTAN_TOKEN: "of-the-job",
    CAPSTAN_JOB_ID: "/ann/parent",
  };
}

test("a job is found by the name that it was launched under, whoever launched it", async () => {
  for (const line of ["job show x", "job wait x", "job summary x"]) {
    api.reset({
      GetJobStatus: [status],
      ListTasks: [{ tasks: [], totalCount: 0, nextPageToken: "" }],
    });
    assert.equal((await api.run(line)).code, 0, line);
    const asked = api.requestsOf("GetJobStatus").slice(0, 2);
    assert.deepEqual(asked, [{ jobId: "x" }, { jobId: "/ann/x" }]);
  }
});

test("the logs of one task of a job are found by the name of the job", async () => {
  const task = { task: aTask({ taskId: "/ann/x/1", jobId: "/ann/x" }) };
  for (const line of ["job logs x --task 1", "job logs x/1", "job logs /ann/x --task 1"]) {
    api.reset({ GetJobStatus: [status], GetTaskStatus: [task], FetchLogs: [aLogPage([])] });
    assert.equal((await api.run(line)).code, 0, line);
    assert.equal(api.requestsOf("FetchLogs")[0].taskId, "/ann/x/1", line);
  }
});

test("the name of no job is answered as the controller does", async () => {
  const unknown = new CapstanError("NOT_FOUND", 'no job "x"');
  for (const line of ["job show x", "job logs x --task 1", "job cancel x", "task list x"]) {
    api.reset({
      GetJobStatus: () => {
        throw unknown;
      },
    });
    const { code, err } = await api.run(line);
    assert.deepEqual([code, err], [3, 'capstan: no job "x"\n'], line);
  }
});

test("which job is meant is not asked for one that is named in full", async () => {
  api.reset({ GetJobStatus: [status] });
  assert.equal((await api.run("job show /ann/x")).code, 0);
  assert.deepEqual(api.requestsOf("GetJobStatus"), [{ jobId: "/ann/x" }]);
});

test("why takes a key or a name as it is, and in a task else a job below its own", async () => {
  const nothing = new CapstanError("NOT_FOUND", "no task there");
  const answer = ({ id }: { readonly id?: unknown }) => {
    if (id !== "/ann/parent/x" && id !== "key") throw nothing;
    return anExplanation();
  };
  api.reset({ Explain: answer });
  assert.equal((await api.run("why key")).code, 0);
  assert.equal((await api.run("why x", insideOfATask())).code, 0);
  for (const environment of [{}, insideOfATask()]) {
    const { code, err } = await api.run("why neither", environment);
    assert.deepEqual([code, err], [3, "capstan: no task there\n"]);
  }
});

test("a command that runs as a task calls its own cluster, with the token of its job", async () => {
  api.reset({ GetJobStatus: [status] });
  assert.equal((await api.run("job show other", insideOfATask())).code, 0);
  assert.equal(api.calls[0].authorization, "Bearer of-the-job");
  assert.deepEqual(api.requestsOf("GetJobStatus")[0], { jobId: "/ann/parent/other" });
});

test("a program says how far its task is, and nobody else does", async () => {
  const own = { CAPSTAN_TASK_ID: "/ann/parent/0", CAPSTAN_ATTEMPT_ID: "3.17" };
  const env = { ...insideOfATask(), ...own };
  api.reset({ ReportProgress: [{ taskId: "/ann/parent/0", attemptId: "3.17" }] });
  assert.equal((await api.run(["task", "progress", "0.25", "epoch 3"], env)).code, 0);
  assert.deepEqual(api.requestsOf("ReportProgress")[0], {
    ...{ taskId: "/ann/parent/0", attemptId: "3.17", fraction: 0.25, note: "epoch 3" },
  });
  for (const [line, inside] of [
    ["task progress 0.25", {}],
    ["task progress 2", env],
    ["task progress half", env],
  ] as const) {
    assert.equal((await api.run(line, inside)).code, 2, line);
  }
});

test("what a task launches is a child of its job", async () => {
  const launched = { jobId: "/ann/parent/kid", created: true, warnings: [] };
  const answers = {
    LaunchJob: [launched],
    ListJobs: [noJobs],
    GetJobStatus: [status],
    FetchLogs: [aLogPage([])],
  };
  for (const [flags, name] of [
    ["--name kid", /^\/ann\/parent\/kid$/],
    ["", /^\/ann\/parent\/true-[a-z0-9]{6}$/],
    ["--name /ann/parent/a/b", /^\/ann\/parent\/a\/b$/],
    ["--token mine --name kid", /^kid$/],
  ] as const) {
    api.reset(answers);
    const line = ["run", ...flags.split(" ").filter((word) => word !== ""), "--", "true"];
    assert.equal((await api.run(line, insideOfATask())).code, 0, flags);
    assert.match(String(api.requestsOf("LaunchJob")[0].name), name);
  }
});

test("a cancel of what had ended says so", async () => {
  api.reset({ TerminateJob: [{ jobId: "/ann/x", terminated: false, state: "SUCCEEDED" }] });
  const { code, out } = await api.run("job cancel /ann/x");
  assert.deepEqual([code, out], [0, "/ann/x had ended before: SUCCEEDED\n"]);
});

test("task list takes the job alone or behind --job, not both", async () => {
  const none = { tasks: [], totalCount: 0, nextPageToken: "" };
  for (const line of ["task list x", "task list --job x", "task list --job /ann/x"]) {
    api.reset({ GetJobStatus: [status], ListTasks: [none] });
    assert.equal((await api.run(line)).code, 0, line);
    assert.equal(api.requestsOf("ListTasks")[0].jobId, "/ann/x");
  }
  assert.equal((await api.run("task list x --job y")).code, 2);
});

test("who has no token is told which flag takes it", async () => {
  const refusal = new CapstanError(
    "UNAUTHENTICATED",
    "a token is needed: send `Authorization: Bearer <token>`",
  );
  api.reset({
    ListJobs: () => {
      throw refusal;
    },
  });
  const { code, err } = await api.run("job list");
  assert.equal(code, 4);
  assert.equal(
    err,
    `capstan: a token is needed: give one for ${api.url} with --token or CAPSTAN_TOKEN\n`,
  );
});

test("what is wrong with a command line names the flag and what was expected", async () => {
  const errorOf = async (line: string) => (await api.run(line)).err;
  const zero = 'capstan: --replicas: expected a whole number, 1 or more, not "0"\n';
  assert.equal(await errorOf("run --replicas 0 -- true"), zero);
  assert.match(await errorOf("run --memry 4g -- true"), /no flag --memry: did you mean --memory\?/);
  assert.match(await errorOf("job show"), /^capstan: ID is missing; --help/);
  assert.match(await errorOf("job show a b"), /"b" is one argument too many/);
  assert.match(await errorOf("run --band gold -- true"), /--band: expected production, /);
});
