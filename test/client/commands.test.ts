/**
 * Programs as tasks: what a client says when it submits a command.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { blobAt } from "../../src/base/blobs.ts";
import { type Client, command, connect } from "../../src/client/index.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import { decodeArguments } from "../../src/shell/values/value-codec.ts";
import { ScriptedController, until } from "./scripted-controller.ts";
import { add } from "./tasks.ts";

let controller: ScriptedController;
let client: Client;
let directory: string;

beforeEach(async () => {
  controller = await ScriptedController.start();
  client = await connect(controller.url, { user: "ada" });
  directory = mkdtempSync(join(tmpdir(), "capstan-commands-"));
});

afterEach(async () => {
  await client.close();
  await controller.close();
  rmSync(directory, { recursive: true });
});

async function definition(): Promise<TaskSpec> {
  return (await controller.take("define-spec")).definition;
}

test("a command is a spec of its own, with the grace of programs and no arguments", async () => {
  const program = command(["/usr/bin/python3", "sim.py"], {
    env: { A: "1" },
    cwd: "src",
    stdin: "{}",
    result: "json",
    ports: ["http"],
  });
  client.submit(program, [], { resources: { cpu: 2 }, retries: 1 });
  const submit = await controller.takeSubmit();
  assert.deepEqual(decodeArguments(blobAt(submit.args, 0), { input: () => null }), []);
  const { run, name, graceMs, maxRetriesFailure, resources } = await definition();
  assert.deepEqual(run, {
    kind: "command",
    argv: ["/usr/bin/python3", "sim.py"],
    env: { A: "1" },
    cwd: "src",
    workspace: "",
    ports: ["http"],
    stdin: "{}",
    result: { type: "json" },
  });
  assert.deepEqual([name, graceMs, maxRetriesFailure], ["python3", 10_000, 1]);
  assert.equal(resources.cpuMilli, 2_000);
});

test("a command's value is read as any other", async () => {
  const json = client.submit(command<{ x: number }>(["a"], { result: "json" }), []);
  const text = client.submit(command(["a"], { result: "text" }));
  const file = client.submit(command(["a"], { result: { file: "out" } }), []);
  const none = client.submit(command(["a"]));
  await controller.takeSubmit();
  controller.sendResults({ 0: { x: 1 }, 1: "hi", 2: Uint8Array.of(1, 2), 3: undefined });
  assert.deepEqual(await json.result(), { x: 1 });
  assert.equal(await text.result(), "hi");
  assert.deepEqual(await file.result(), Uint8Array.of(1, 2));
  assert.equal(await none.result(), undefined);
});

test("a command's future is an input like any other", async () => {
  const count = client.submit(command<number>(["wc"], { result: "json" }), []);
  client.submit(add, [count, 1]);
  const submit = await controller.takeSubmit();
  assert.deepEqual([...submit.dependencies], [0]);
});

test("commands of one content share a spec, and a map of one is one group", async () => {
  client.map(command(["true"]), [[], [], []]);
  client.submit(command(["true"]), []);
  client.submit(command(["false"]), []);
  const map = await controller.takeSubmit();
  assert.deepEqual([...map.groupCounts], [3]);
  const rest = await controller.takeSubmit();
  assert.deepEqual([...rest.groupSpecs], [map.groupSpecs[0], 1]);
});

test("a command takes no arguments, and says where to put them", () => {
  const program = command(["true"]);
  const future = client.submit(add, [1, 2]);
  const submit = client.submit.bind(client) as (...args: unknown[]) => unknown;
  for (const args of [[1], [future], "x"]) {
    assert.throws(() => submit(program, args), {
      code: "INVALID_ARGUMENT",
      message: /^args: a command takes no arguments; write them into its argv, env, stdin/,
    });
  }
  assert.throws(() => client.map(program, [[], [1] as never]), {
    message: /^args\[1\]: a command/,
  });
});

test("a wrong command is refused where it is made, by the name of the option", () => {
  const make = command as (argv: unknown, options?: unknown) => unknown;
  const cases: readonly (readonly [unknown, unknown, RegExp])[] = [
    [[], {}, /^argv: is empty/],
    ["ls -l", {}, /^argv: .*no shell/],
    [["a"], { result: "yaml" }, /^result: "yaml" is not one of/],
    [["a"], { environment: {} }, /^environment: unknown name .* mean "env"/],
    [["a"], { env: { CAPSTAN_URL: "" } }, /^env\.CAPSTAN_URL: /],
    [["a"], { workspace: "" }, /^workspace: "" is not the path/],
    [["a"], { workspace: 5 }, /^workspace: 5 is not the path/],
  ];
  for (const [argv, options, message] of cases) {
    assert.throws(() => make(argv, options), { message });
  }
  assert.throws(() => client.submit(command(["a"]), [], { executor: "thread" }), {
    code: "INVALID_SPEC",
    message: /^executor: a command runs in a process of its own/,
  });
});

test("a workspace is brought over once, before the first task that needs it", async () => {
  writeFileSync(join(directory, "sim.py"), "print(1)");
  const program = command(["python", "sim.py"], { workspace: directory });
  client.submit(program, []);
  client.submit(program, [], { retries: 1 });
  await controller.takeSubmit();
  const specs = [await definition(), await definition()];
  const [hash] = controller.bundles.keys();
  for (const { run } of specs) assert.equal(run.kind === "command" && run.workspace, hash);
  writeFileSync(join(directory, "sim.py"), "print(2)");
  client.submit(command(["python", "sim.py"], { workspace: directory }), []);
  await controller.takeSubmit();
  assert.equal(controller.bundles.size, 2);
});

test("a workspace that cannot be packed rejects the futures of its command", async () => {
  const workspace = join(directory, "missing");
  const future = client.submit(command(["true"], { workspace }), []);
  const innocent = client.submit(command(["true"]), []);
  await assert.rejects(future.result(), { code: "INVALID_ARGUMENT", message: /missing" cannot/ });
  assert.equal((await controller.takeSubmit()).first, 1);
  controller.sendResults({ 1: undefined });
  await innocent.result();
});

test("a workspace goes to a fresh cluster again before its tasks", async () => {
  const program = command(["true"], { workspace: directory });
  const lost = client.submit(program, []);
  await controller.takeSubmit();
  controller.bundles.clear();
  controller.clusterId = "cluster-2";
  controller.jobId = "/ada/graph-9";
  controller.sequence = 0;
  controller.cut();
  await until(() => lost.status === "lost", "the fresh cluster");
  client.submit(program, []);
  await controller.takeSubmit();
  assert.equal(controller.bundles.size, 1);
});

test("pure commands of one content have one key, and others another", async () => {
  const futures = [
    client.submit(command(["a"], { result: "text" }), [], { pure: true }),
    client.submit(command(["a"], { result: "text" }), [], { pure: true }),
    client.submit(command(["b"], { result: "text" }), [], { pure: true }),
  ];
  for (const _ of futures) await controller.takeSubmit();
  const keys = futures.map(({ key }) => key);
  assert.match(keys[0], /^pure-[0-9a-f]{64}$/);
  assert.equal(keys[0], keys[1]);
  assert.notEqual(keys[0], keys[2]);
});
