/**
 * Values and logs between processes that each have a token of their own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, connect } from "../../src/client/index.ts";
import { dataTokenOf, logTokenOf } from "../../src/shell/controller-process/authentication.ts";
import {
  type ControllerProcess,
  runController,
} from "../../src/shell/controller-process/real-controller.ts";
import { fetchValues } from "../../src/shell/data-plane/fetch-values.ts";
import {
  aWorkDirectory,
  aWorkerProcess,
  Closers,
  until,
  type WorkerChild,
} from "../shell/command-worker.ts";
import { countBytes, giveBytes } from "./sdk-tasks.ts";

/** Past what travels with messages: it is fetched from its worker. */
const largeBytes = 100_000;

const secret = "the-secret-of-the-controller";

describe("a cluster in which everybody has a token of their own", () => {
  const closers = new Closers();
  const children: WorkerChild[] = [];
  const tokens: string[] = [secret];
  let controller: ControllerProcess;
  let admin: Client;
  let client: Client;

  before(async () => {
    const options = { listen: "127.0.0.1:0", token: secret, logLevel: "silent" } as const;
    controller = await runController(options, ({ error }) => assert.fail(String(error)));
    closers.add(() => controller.close());
    admin = await aClient(secret);
    for (const workerId of ["a", "b"]) await addWorker(workerId);
    await until("two workers", async () => (await admin.workers()).length === 2);
    client = await aClient(await newToken("user"));
  });

  after(() => closers.close());

  async function aClient(token: string): Promise<Client> {
    const one = await connect(controller.url, { token });
    closers.add(() => one.close());
    return one;
  }

  async function newToken(role: "user" | "worker"): Promise<string> {
    const answer = await admin.call("CreateToken", { user: "ann", role });
    const { token } = answer as { readonly token: string };
    assert.match(token, /^cst_/);
    tokens.push(token);
    return token;
  }

  async function addWorker(workerId: string): Promise<void> {
    const directory = aWorkDirectory(closers);
    const offer = { workerId, token: await newToken("worker"), attributes: { seat: workerId } };
    children.push(await aWorkerProcess(closers, controller.url, directory, offer));
  }

  /** Only on worker `workerId`. */
  function on(workerId: string) {
    return { constraints: [{ key: "seat", op: "=", values: [workerId] }] } as const;
  }

  it("brings a large value from worker to worker, and to a client", async () => {
    const value = client.submit(giveBytes, [largeBytes], on("a"));
    const sum = client.submit(countBytes, [value], on("b"));
    assert.equal(await sum.result(), 7 * largeBytes);
    assert.equal((await value.result()).length, largeBytes);
  });

  it("shows what a command wrote", async () => {
    const command = ["/bin/sh", "-c", "echo on $CAPSTAN_WORKER_ID"];
    const job = await client.launchJob({ name: "hello", command, ...on("b") });
    await job.wait({ throwOnFailure: true, timeoutMs: 30_000 });
    const lines = [];
    for await (const { text } of job.logs()) lines.push(text);
    assert.deepEqual(lines, ["on b"]);
  });

  it("lets nobody fetch with less, and nobody call with what fetches", async () => {
    const [{ address }] = await admin.workers();
    const own = tokens[1];
    const shared = dataTokenOf(secret, controller.clusterId);
    const tasks = [1e6];
    for (const token of [undefined, "wrong", tokens[2], secret]) {
      await assert.rejects(fetchValues({ address, token, tasks }), { code: "UNAUTHENTICATED" });
    }
    for (const token of [own, shared]) {
      assert.deepEqual((await fetchValues({ address, token, tasks })).absent, tasks);
    }
    await assert.rejects(connect(controller.url, { token: shared }), { code: "UNAUTHENTICATED" });
  });

  it("gives logs to nobody but the controller, which asks the API's questions first", async () => {
    const [{ address }] = await admin.workers();
    const read = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`http://${address}/v1/logs/9.9`, { headers })).status;
    };
    assert.equal(await read(dataTokenOf(secret, controller.clusterId)), 401);
    assert.equal(await read(logTokenOf(secret, controller.clusterId)), 404);
  });

  it("writes none of its secrets to a log", () => {
    const shared = dataTokenOf(secret, controller.clusterId);
    for (const child of children) {
      assert.match(child.log(), /connected to the controller/);
      for (const each of [...tokens, shared]) assert.ok(!child.log().includes(each));
    }
  });
});
