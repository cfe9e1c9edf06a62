/**
 * Plugins on a real cluster: set up before the first task, in every executor, or not at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Client,
  connect,
  gather,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import { ThreadPlugins } from "../../src/shell/executor/thread-plugins.ts";
import { Counter } from "./actor-tasks.ts";
import { setUpElsewhere, timesSetUp } from "./plugin-tasks.ts";
import { whoRuns } from "./sdk-tasks.ts";

const module = new URL("./plugin-tasks.ts", import.meta.url).href;
const directory = mkdtempSync(join(tmpdir(), "capstan-plugins-"));
const tornDown = join(directory, "down");
let cluster: LocalCluster;

before(async () => {
  process.env.CAPSTAN_TEST_TEARDOWN = tornDown;
  cluster = await startLocalCluster({ workers: 2, threads: 2 });
});

after(async () => {
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

function aClient(): Promise<Client> {
  return connect(cluster.url, { token: cluster.token });
}

test("a plugin is set up once in each executor, before its first task there", async () => {
  await using client = await aClient();
  const before = await gather(client.map(timesSetUp, new Array(8).fill([])));
  assert.deepEqual(new Set(before), new Set([0]), "what needs no plugin gets none");
  await client.registerPlugin({ name: "counts", module, setup: "setUp", teardown: "tearDown" });
  const counts = await gather(client.map(timesSetUp, new Array(200).fill([])));
  assert.deepEqual(new Set(counts), new Set([1]));
});

test("a plugin of one client is not that of another", async () => {
  await using client = await aClient();
  await using other = await aClient();
  await client.registerPlugin({ name: "never", module, setup: "setUpNowhere" });
  assert.match(await other.submit(whoRuns, []).result(), /\S/);
  client.unregisterPlugin("never");
  assert.match(await client.submit(whoRuns, []).result(), /\S/);
});

test("where a plugin fails to set up none of its client's tasks run, and why says so", async () => {
  await using client = await aClient();
  const ids = (await client.workers()).map(({ workerId }) => workerId).sort();
  const { name } = setUpElsewhere;
  await client.registerPlugin({ name: "licence", module, setup: name });
  const places = await gather(client.map(whoRuns, new Array(40).fill([])));
  const failing = ids.filter((id) => !places.includes(id));
  assert.deepEqual(failing, ["local-1"], `${ids.join()}: ${places.join()}`);
  const strict = client.submit(whoRuns, [], { workers: "local-1" });
  for (;;) {
    const { summary } = await strict.explain();
    if (/PluginError: licence: RangeError: no licence here/.test(summary)) break;
  }
  strict.cancel();
});

test("a plugin that fails everywhere leaves its tasks waiting, and says why", async () => {
  await using client = await aClient();
  await client.registerPlugin({ name: "none", module, setup: "setUpNowhere" });
  const future = client.submit(whoRuns, [], { retries: 0 });
  for (;;) {
    const { summary } = await future.explain();
    if (/no present worker could ever run it: .*no licence at all/.test(summary)) break;
  }
  assert.equal(future.status, "pending");
});

test("a module without the task is refused where it is registered", async () => {
  await using client = await aClient();
  const plugin = { name: "x", module, setup: "nothing" };
  await assert.rejects(client.registerPlugin(plugin), { code: "TASK_MODULE_UNLOADABLE" });
  assert.throws(() => client.unregisterPlugin("x"), { code: "NOT_FOUND" });
});

test("an actor is refused as what sets up or tears down, by its name", async () => {
  await using client = await aClient();
  const module = import.meta.resolve("./actor-tasks.ts");
  assert.equal(typeof Counter, "function");
  const setup = client.registerPlugin({ name: "x", module, setup: "Counter" });
  const message = /^setup: "Counter" is not a task \(defineTask\): that is an actor/;
  await assert.rejects(setup, { code: "INVALID_ARGUMENT", message });
  const plugin = { name: "x", module, setup: "double", teardown: "Counter" };
  await assert.rejects(client.registerPlugin(plugin), { message: /^teardown: "Counter" is not/ });
});

test("an actor of a module that only workers import is refused there, by its name", async () => {
  const tasks = new Map([
    ["Counter", () => undefined],
    ["Counter.", () => undefined],
  ]);
  const plugins = new ThreadPlugins(async () => tasks, { worker: "w" });
  const place = { name: "x", bundlePath: "b", setup: "Counter", teardown: "" };
  await assert.rejects(plugins.setUp([place]), { message: /^x: .*: Counter is an actor; / });
});

test("run calls a task once on each worker", async () => {
  await using client = await aClient();
  const ids = (await client.workers()).map(({ workerId }) => workerId).sort();
  const where = await client.run(whoRuns, []);
  assert.deepEqual([...where.keys()].sort(), ids);
  for (const [id, said] of where) assert.equal(said, id);
  const one = await client.run(whoRuns, [], { workers: ids[1] });
  assert.deepEqual([...one], [[ids[1], ids[1]]]);
});

test("a plugin is torn down when its executor ends", async () => {
  const own = await startLocalCluster({ workers: 1, threads: 1 });
  const client = await connect(own.url, { token: own.token });
  await client.registerPlugin({ name: "counts", module, setup: "setUp", teardown: "tearDown" });
  assert.equal(await client.submit(timesSetUp, []).result(), 1);
  await client.close();
  await own.close();
  assert.ok(existsSync(tornDown), "it was torn down");
  assert.match(readFileSync(tornDown, "utf8"), /^down\n/);
});
