/**
 * Rules of the commands that administer: workers, tokens, users, endpoints, repairs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { aWorker, oneCpu } from "../../test/support/api-views.ts";
import { FakeApi } from "../../test/support/fake-api.ts";
import type { WorkerView } from "./responses.ts";

const api = new FakeApi();

before(() => api.start());
after(() => api.close());

/** The one request that a line sends, to a method that answers with `answer`. */
async function sent(line: string, method: string, answer: object): Promise<unknown> {
  api.reset({ [method]: [answer] });
  const json = await api.run(`${line} --json`);
  assert.deepEqual([json.code, JSON.parse(json.out)], [0, answer], line);
  const plain = await api.run(line);
  assert.equal(plain.code, 0, plain.err);
  const [first, second] = api.requestsOf(method);
  assert.deepEqual(first, second);
  return first;
}

test("draining, cordoning and their opposites say which worker and which way", async () => {
  const worker = { worker: aWorker() };
  const drain = async (line: string) => sent(`worker ${line}`, "DrainWorker", worker);
  const cordon = async (line: string) => sent(`worker ${line}`, "CordonWorker", worker);
  assert.deepEqual(await drain("drain w-1"), { workerId: "w-1", drain: true, deadline: 0 });
  assert.deepEqual(await drain("drain w-1 --deadline 10m"), {
    ...{ workerId: "w-1", drain: true, deadline: 600_000 },
  });
  assert.deepEqual(await drain("undrain w-1"), { workerId: "w-1", drain: false });
  assert.deepEqual(await cordon("cordon w-1"), { workerId: "w-1", cordon: true });
  assert.deepEqual(await cordon("uncordon w-1"), { workerId: "w-1", cordon: false });
});

test("what takes a drain or a cordon back says what still keeps work away", async () => {
  const cordoned = aWorker({ state: "CORDONED", stateReason: "cordoned by an administrator" });
  const answers = { DrainWorker: [{ worker: cordoned }], CordonWorker: [{ worker: aWorker() }] };
  api.reset(answers);
  const undrained = await api.run("worker undrain w-1");
  const reason = "w-1 takes no work yet, it is CORDONED: cordoned by an administrator\n";
  assert.deepEqual([undrained.code, undrained.out], [0, reason]);
  const open = await api.run("worker uncordon w-1");
  assert.deepEqual([open.code, open.out], [0, "w-1 takes work again\n"]);
});

test("a worker that would listen everywhere and be reached nowhere is not started", async () => {
  for (const listen of ["0.0.0.0:7071", "[::]:7071"]) {
    const { code, err } = await api.run(`worker --listen ${listen}`);
    const reason = `--listen ${listen} is nobody's address: say with --advertise HOST:PORT`;
    assert.deepEqual([code, err], [2, `capstan: ${reason} where others reach it\n`]);
  }
});

test("a drain that is waited for says what it waits for, and ends when that is over", async () => {
  const view = (stateReason: string, state: WorkerView["state"] = "DRAINING") => ({
    worker: aWorker({ state, stateReason }),
  });
  const two = view("draining: 2 attempts have not ended");
  const play = (...answers: object[]) =>
    api.reset({ DrainWorker: [two], GetWorkerStatus: answers });
  play(two, two, view("drained"));
  const plain = await api.run("worker drain w-1 --wait");
  assert.deepEqual([plain.code, plain.out], [0, "w-1 is drained\n"]);
  assert.equal(plain.err, "capstan: w-1 is draining: 2 attempts have not ended\n");
  play(view("drained, but 1 value (8 B) was not copied in time"));
  const json = await api.run("worker drain w-1 --wait --json");
  assert.equal(json.code, 1);
  assert.match(JSON.parse(json.out).worker.stateReason, /not copied in time/);
  play(view("not heard for some seconds", "LOST"));
  const lost = await api.run("worker drain w-1 --wait");
  assert.match(lost.err, /w-1 is LOST: not heard for some seconds; nobody waits/);
});

test("worker show prints what it offers, holds and runs", async () => {
  const attributes = { region: "eu" };
  const worker = aWorker({ attributes, runningTaskIds: ["/ann/x/0"] });
  assert.deepEqual(await sent("worker show w-1", "GetWorkerStatus", { worker }), {
    workerId: "w-1",
  });
  const { out } = await api.run("worker show w-1");
  assert.match(out, /attributes +region=eu/);
  assert.match(out, /available +cpu=1/);
  assert.match(out, /1 running\n {4}\/ann\/x\/0/);
});

test("a worker that is to run functions in processes is refused with what there is", async () => {
  const { code, err } = await api.run("worker --controller http://127.0.0.1:9 --processes 2");
  assert.equal(code, 4);
  assert.match(err, /--threads N .* --commands N/);
});

test("the secret of a new token stands alone on stdout", async () => {
  const answer = { tokenId: "t-1", token: "cst_abc" };
  const line = "token create --user ann --role viewer --expires-in 30d";
  assert.deepEqual(await sent(line, "CreateToken", answer), {
    ...{ user: "ann", role: "viewer", expiresIn: 2_592_000_000 },
  });
  assert.equal((await api.run(line)).out, "cst_abc\n");
  assert.equal((await api.run("token create")).code, 2);
});

test("a token that is to live for no time is refused, and not one for ever", async () => {
  const { code, err } = await api.run("token create --user ann --expires-in 0s");
  assert.equal(code, 2);
  assert.match(err, /--expires-in must be above 0; without it the token does not expire/);
});

test("tokens are listed without their secrets, and revoked by their id", async () => {
  const token = {
    ...{ tokenId: "t-1", user: "ann", role: "user", note: "laptop", active: false },
    ...{
      createdAt: "2026-01-01T00:00:00.000Z",
      expiresAt: null,
      revokedAt: "2026-01-02T00:00:00Z",
    },
  };
  await sent("token list", "ListTokens", { tokens: [token], totalCount: 2, nextPageToken: "1" });
  const { out, err } = await api.run("token list");
  assert.match(out, /t-1\tuser\tann\trevoked 2026-01-02T00:00:00Z\t/);
  assert.match(err, /there are more: --page-token 1/);
  assert.deepEqual(await sent("token revoke t-1", "RevokeToken", { tokenId: "t-1" }), {
    tokenId: "t-1",
  });
});

test("user set sends what was given and nothing else", async () => {
  const answer = { budget: {} };
  assert.deepEqual(await sent("user set ann --weight 2", "SetUserBudget", answer), {
    ...{ user: "ann", weight: 2 },
  });
  const all = "--budget 0 --band-max batch --cap-cpu 4 --cap-device gpu:2 --active-tasks-max 9";
  assert.deepEqual(await sent(`user set ann ${all}`, "SetUserBudget", answer), {
    ...{ user: "ann", budget: 0, bandMax: "BATCH", activeTasksMax: 9 },
    cap: {
      ...{ cpuMilli: 4_000, memoryBytes: 0, diskBytes: 0, custom: {} },
      devices: [{ kind: "gpu", variant: "auto", countMilli: 2_000, indices: [] }],
    },
  });
  assert.deepEqual(await sent("user set ann --no-cap", "SetUserBudget", answer), {
    ...{ user: "ann", cap: null },
  });
  assert.equal((await api.run("user set ann")).code, 2);
  assert.equal((await api.run("user set ann --no-cap --cap-cpu 1")).code, 2);
  for (const cap of ["--cap-cpu 0", "--cap-cpu 0 --cap-memory 1g", "--cap-device gpu:0"]) {
    const { code, err } = await api.run(`user set ann ${cap}`);
    assert.equal(code, 2);
    assert.match(err, /--cap-(cpu|device) must be above 0; --no-cap takes the cap away/);
  }
  assert.match((await api.run("user set ann --cap-device x")).err, /--cap-device must be KIND/);
});

test("user list says who is over the budget, and 0 is unlimited", async () => {
  const user = {
    ...{ user: "ann", weight: 1, budget: 10, bandMax: "PRODUCTION", cap: oneCpu },
    ...{ activeTasksMax: 5, spend: 12, overBudget: true, runningTaskCount: 1 },
    pendingTaskCount: 2,
  };
  const users = [user, { ...user, user: "bob", budget: 0, overBudget: false, cap: null }];
  await sent("user list", "ListUsers", { users, totalCount: 2, nextPageToken: "" });
  const { out } = await api.run("user list");
  assert.match(out, /ann\t1\t12 \(over\)\t10\tproduction\t1\t2\tcpu=1/);
  assert.match(out, /bob\t1\t12\tunlimited\tproduction\t1\t2\t\n/);
});

test("endpoints are listed by prefix", async () => {
  const endpoint = {
    ...{ endpointId: "e-1", name: "/ann/x/http", address: "h:1", taskId: "/ann/x/0" },
    ...{ attemptId: "1.1", metadata: {}, leaseMs: 1, registeredAt: null, expiresAt: null },
  };
  const answer = { endpoints: [endpoint], totalCount: 1, nextPageToken: "" };
  assert.deepEqual(await sent("endpoint list --prefix /ann", "ListEndpoints", answer), {
    ...{ pageSize: 50, pageToken: "", prefix: "/ann" },
  });
  assert.match((await api.run("endpoint list")).out, /\/ann\/x\/http\th:1\t\/ann\/x\/0\t1\.1/);
});

test("restart says what has ended, what is made anew and what stays", async () => {
  const counts = { taskCount: 3, valueCount: 2, lockCount: 1, sessionCount: 4, workerCount: 5 };
  api.reset({ RestartCluster: [counts, counts] });
  const { code, out } = await api.run("restart --reason upgrade");
  assert.deepEqual([code, api.requestsOf("RestartCluster")], [0, [{ reason: "upgrade" }]]);
  assert.match(out, /^cancelled 3 tasks of 4 sessions, dropped 2 values and 1 lock\n/);
  assert.match(out, /anew on 5 workers; on those that are away when they come back\n/);
  assert.match(out, /launched jobs and published values stay\n$/);
  assert.deepEqual(JSON.parse((await api.run("restart --json")).out), counts);
});

test("doctor --repair says what it did, with --dry-run what it would do", async () => {
  const actions = [{ type: "end-attempt", id: "1.1", message: "no worker has it" }];
  api.reset({
    Repair: [
      { dryRun: true, actions },
      { dryRun: false, actions: [] },
    ],
  });
  const dry = await api.run("doctor --repair --dry-run");
  assert.deepEqual([dry.code, api.requestsOf("Repair")], [0, [{ dryRun: true }]]);
  assert.equal(dry.out, "would do 1 repairs\n  end-attempt 1.1: no worker has it\n");
  const wet = await api.run("doctor --repair");
  assert.deepEqual([wet.code, wet.out], [0, "nothing to repair\n"]);
  assert.equal((await api.run("doctor --dry-run")).code, 2);
});
