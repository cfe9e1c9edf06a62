/**
 * Rules of the commands, against an HTTP server that answers as the API does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { noMemory } from "../protocol/messages.ts";
import { packageVersion } from "../shell/controller-process/version.ts";
import { runCli } from "./app.ts";
import type { Responses } from "./responses.ts";

/** What the server was asked last. */
interface Asked {
  path: string;
  authorization: string;
  body: unknown;
}

const asked: Asked = { path: "", authorization: "", body: null };
let answer: { status: number; body: unknown } = { status: 200, body: {} };
let server: Server;
let url = "";

before(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      asked.path = request.url ?? "";
      asked.authorization = request.headers.authorization ?? "";
      asked.body = JSON.parse(text);
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

/** Runs a command line against the server and collects what it prints. */
async function capstan(line: string | readonly string[], env: { [name: string]: string } = {}) {
  const output = { code: 0, out: "", err: "" };
  const argv = typeof line === "string" ? line.split(" ") : line;
  output.code = await runCli(argv, {
    stdout: {
      write: (text) => {
        output.out += text;
      },
    },
    stderr: {
      write: (text) => {
        output.err += text;
      },
    },
    env: { CAPSTAN_URL: url, ...env },
  });
  return output;
}

function respond(body: unknown, status = 200): void {
  answer = { status, body };
}

const resources = { cpuMilli: 1_000, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} };

const whyResponse: Responses["Explain"] = {
  id: "/root/graph-1/7",
  kind: "TASK",
  state: "PENDING",
  summary: "no worker has 128 GiB of memory",
  canRunNow: false,
  canEverRun: false,
  reasons: [
    {
      code: "INSUFFICIENT",
      dimension: "memory",
      clause: null,
      workers: 7,
      workersTotal: 9,
      need: 137_438_953_472,
      best: 120_259_084_288,
      bestWorkerId: "w-3",
      message: "7 of 9 workers: memory, 128 GiB > 112 GiB at the best (w-3)",
    },
  ],
  wakers: [{ kind: "CAPACITY", id: "", message: "a worker with 128 GiB of memory" }],
  aheadCount: 0,
  ahead: [],
  holders: [],
  change: { kind: "LOWER", message: "ask for at most 112 GiB" },
  deadlineAt: null,
};

const healthy: Responses["GetDoctorReport"] = {
  ok: true,
  journalSeq: 12,
  invariantsChecked: 40,
  violations: [],
  usageMismatches: [],
  orphans: [],
  stuck: [],
  hung: [],
  otherReleases: [],
  watchdogFired: 0,
  loops: [],
  version: "0.1.0",
};

test("--version, -v and version print the version, and help is --help", async () => {
  for (const line of ["--version", "-v", "version", "--json version"]) {
    assert.deepEqual(await capstan(line), { code: 0, out: `${packageVersion}\n`, err: "" }, line);
  }
  assert.deepEqual(await capstan("help"), await capstan("--help"));
  const help = await capstan("job list --help");
  assert.match(help.out, /--page-size/);
  assert.deepEqual(await capstan("help job list"), help);
});

test("--json prints exactly what the API answered", async () => {
  respond(whyResponse);
  const { code, out } = await capstan("why /root/graph-1/7 --json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), whyResponse);
  assert.equal(asked.path, "/v1/rpc/Explain");
  assert.deepEqual(asked.body, { id: "/root/graph-1/7" });
});

test("why says the summary, the counted reasons, the wakers and the smallest change", async () => {
  respond(whyResponse);
  const { out } = await capstan("why /root/graph-1/7");
  assert.equal(
    out,
    [
      "/root/graph-1/7 is PENDING: no worker has 128 GiB of memory",
      "  reasons",
      "    7 of 9 workers: memory, 128 GiB > 112 GiB at the best (w-3)",
      "  what will move it",
      "    a worker with 128 GiB of memory",
      "  what would start it",
      "    ask for at most 112 GiB",
      "",
    ].join("\n"),
  );
});

test("why counts no workers for a reason that is not about single ones", async () => {
  const [reason] = whyResponse.reasons;
  const counted = {
    ...reason,
    message: "the attribute zone is not eu",
    workers: 3,
    workersTotal: 4,
  };
  const general = {
    ...reason,
    message: "the user's budget is used up",
    workers: 0,
    workersTotal: 4,
  };
  respond({ ...whyResponse, reasons: [counted, general] });
  const { out } = await capstan("why /root/graph-1/7");
  assert.match(out, /zone is not eu \[3 of 4 workers\]\n {4}the user's budget is used up\n/);
});

test("task list sends its filters in the API's words", async () => {
  respond({ tasks: [], totalCount: 0, nextPageToken: "" });
  const { code } = await capstan("task list --unfinished --state FAILED,KILLED --job /root/x");
  assert.equal(code, 0);
  assert.deepEqual(asked.body, {
    jobId: "/root/x",
    states: ["FAILED", "KILLED"],
    unfinished: true,
    pageSize: 50,
    pageToken: "",
  });
});

test("a table in a pipe has one line a row and tabs between its columns", async () => {
  const worker = {
    ...{ workerId: "w-1", incarnation: "a", address: "127.0.0.1:9", state: "HEALTHY" },
    ...{ stateReason: "", lastHeartbeatAt: null, attributes: {}, total: resources },
    ...{ committed: resources, held: resources, available: resources, runningTaskIds: ["t"] },
    ...{ runningJobIds: [], stoppingAttemptIds: [], heldValueBytes: 0, ...noMemory },
  };
  respond({ workers: [worker], controllerEpoch: 1, nextPageToken: "" });
  const { out } = await capstan("worker list");
  assert.deepEqual(out.split("\n"), [
    "WORKER\tSTATE\tADDRESS\tRUNNING\tCOMMITTED\tTOTAL\tREASON",
    "w-1\tHEALTHY\t127.0.0.1:9\t1\tcpu=1\tcpu=1\tkeeps cpu=1 for work that waits",
    "",
  ]);
});

test("doctor exits with 0 when nothing was found and with 1 when something was", async () => {
  respond(healthy);
  assert.equal((await capstan("doctor")).code, 0);
  const violations = [{ rule: "usage is derived", ids: ["w-1"], message: "off by 1", story: [] }];
  respond({ ...healthy, ok: false, violations });
  const { code, out } = await capstan("doctor");
  assert.equal(code, 1);
  assert.match(out, /broken rule usage is derived: off by 1 \[w-1\]/);
});

test("an error of the API goes to stderr with its exit code, as JSON with --json", async () => {
  const error = { code: "NOT_FOUND", message: "no task x", details: {}, retryable: false };
  respond({ error }, 404);
  const plain = await capstan("task show x");
  assert.deepEqual(plain, { code: 3, out: "", err: "capstan: no task x\n" });
  const json = await capstan("task show x --json");
  assert.equal(json.code, 3);
  assert.deepEqual(JSON.parse(json.err), { error });
});

test("a controller that does not answer is exit code 5, and it says what to do", async () => {
  const { code, err } = await capstan("task list", { CAPSTAN_URL: "http://127.0.0.1:9" });
  assert.equal(code, 5);
  assert.match(err, /no controller answers at http:\/\/127\.0\.0\.1:9 .*capstan up/);
});

test("something that is no controller is named, not trusted", async () => {
  respond("<html>hello</html>");
  const { code, err } = await capstan("task list");
  assert.equal(code, 4);
  assert.match(err, /is not a Capstan controller: "<html>hello/);
});

test("a wrong command line is exit code 2, with --json in the form of the API", async () => {
  const lines = ["task list --bogus", "why", "why a b", "nope", "task list --state NOPE"];
  for (const line of [...lines, "up --port 99999", "up --workers x", "task list --page-size 0"]) {
    const { code, err } = await capstan(`${line} --json`);
    assert.equal(code, 2, line);
    assert.equal(JSON.parse(err).error.code, "INVALID_ARGUMENT", line);
  }
});

test("the token comes from the flag, else from the environment", async () => {
  respond(healthy);
  await capstan("doctor --token abc", { CAPSTAN_TOKEN: "xyz" });
  assert.equal(asked.authorization, "Bearer abc");
  await capstan("doctor", { CAPSTAN_TOKEN: "xyz" });
  assert.equal(asked.authorization, "Bearer xyz");
});

test("rpc calls any method with the request that was typed", async () => {
  respond({ anything: [1] });
  const { code, out } = await capstan(["rpc", "GetClusterInfo", '{"a":1}']);
  assert.deepEqual([code, out, asked.path], [0, '{"anything":[1]}\n', "/v1/rpc/GetClusterInfo"]);
  assert.deepEqual(asked.body, { a: 1 });
  await capstan("rpc controller GetTaskStatus --task_id /root/x/0");
  assert.deepEqual(asked.body, { taskId: "/root/x/0" });
  const { code: refused, err } = await capstan(["rpc", "Explain", "{"]);
  assert.equal(refused, 2);
  assert.match(err, /the request is not JSON/);
});

test("every command has --help", async () => {
  const commands = ["up", "controller", "worker run", "worker list", "task list", "task show"];
  for (const line of [...commands, "task story", "events", "why", "doctor", "rpc"]) {
    const { code, out } = await capstan(`${line} --help`);
    assert.equal(code, 0, line);
    assert.match(out, /USAGE/, line);
    assert.match(out, /--json/, line);
  }
});

test("what is missing or means nothing is refused in one line that names the flag", async () => {
  const refusals: readonly [readonly string[], RegExp][] = [
    [["token", "create"], /^capstan: --user is missing; --help shows how it is used\n$/],
    [["token", "create", "--user"], /^capstan: --user needs a value\n$/],
    [["token", "create", "--role", "user", "--user"], /^capstan: --user needs a value\n$/],
    [["simulate", "jobs.csv"], /^capstan: --cluster is missing/],
    [["worker", "--id", ""], /^capstan: --id: expected a name, not ""\n$/],
    [["job", "list", "--user", ""], /^capstan: --user: expected a name, not ""\n$/],
    [["value", "list", "--user", ""], /^capstan: --user: expected a name, not ""\n$/],
    [["run", "--timeout", "0", "--", "true"], /^capstan: --timeout must be above 0; without/],
    [["run", "--timeout", "0s", "--", "true"], /^capstan: --timeout must be above 0; without/],
    [["run", "--scheduling-timeout", "0s", "--", "true"], /^capstan: --scheduling-timeout must/],
    [["job", "list", "--url", `${url}/v1`], /^capstan: --url must be the controller's address alo/],
  ];
  for (const [argv, expected] of refusals) {
    asked.path = "";
    const { code, out, err } = await capstan(argv);
    assert.deepEqual([code, out, asked.path], [2, "", ""], argv.join(" "));
    assert.match(err, expected);
    assert.equal(err.split("\n").length, 2, err);
  }
  respond({ jobs: [], nextPageToken: "", totalCount: 0 });
  assert.equal((await capstan(["job", "list", "--url", `${url}/`])).code, 0);
});
