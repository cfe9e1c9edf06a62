/**
 * Looking at work that hangs, trying again, and taking everything away in one file: the command
 * line against a real cluster.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Client, command, connect } from "../../src/client/index.ts";
import type { Responses } from "../../src/shell/api/schemas.ts";
import { CliCluster, until } from "./cli-cluster.ts";
import { append, failOnce, spin, wait } from "./diagnosis-tasks.ts";

type Stack = Responses["GetTaskStack"];

const cluster = new CliCluster();
let client: Client;
let token: string;

before(async () => {
  await cluster.start("--workers", "1", "--threads", "4");
  token = readFileSync(cluster.announced.tokenFile, "utf8").trim();
  client = await connect(cluster.announced.url, { token });
});

after(async () => {
  await client?.close();
  await cluster.stop();
});

/** What the stack says once it says so; a busy machine may need some tries. */
async function stackUntil(id: string, isIt: (stack: Stack) => boolean): Promise<Stack> {
  let last: Stack | null = null;
  await until(`the stack of ${id}`, async () => {
    const { code, out } = await cluster.capstan(`task stack ${id} --json`);
    if (code !== 0 && code !== 1) return false;
    last = JSON.parse(out) as Stack;
    return isIt(last);
  });
  assert.ok(last !== null);
  return last;
}

describe("capstan task stack", () => {
  test("shows the calls of a function that never returns, and ends nothing", async () => {
    const future = client.submit(spin, [], { key: "spinning" });
    const stack = await stackUntil("spinning", ({ frames }) => frames.length > 0);
    assert.deepEqual([stack.kind, stack.state, stack.available], ["FUNCTION", "RUNNING", true]);
    assert.equal(stack.workerPid, cluster.announced.workers[0].pid);
    const names = stack.frames.map((frame) => frame.function);
    assert.ok(names.indexOf("turnsForEver") >= 0, names.join());
    assert.ok(names.indexOf("turnsForEver") < names.indexOf("spin"), "the innermost first");
    const { out } = await cluster.capstan("task stack spinning");
    assert.match(out, /on .* \(pid \d+\) for .*/);
    const shown = await cluster.capstan("task show spinning --json");
    const { task } = JSON.parse(shown.out) as Responses["GetTaskStatus"];
    assert.deepEqual([task.state, task.attempts.length], ["RUNNING", 1]);
    future.cancel();
  });

  test("says for what a function waits that does not run", async () => {
    const future = client.submit(wait, [600_000], { key: "waiting" });
    const stack = await stackUntil("waiting", ({ waitsFor }) => waitsFor.length > 0);
    assert.deepEqual(stack.frames, []);
    assert.ok(stack.waitsFor.includes("Timeout"), stack.summary);
    future.cancel();
  });

  test("shows the processes of a command, what each waits in, and its last lines", async () => {
    const script = "echo begun; echo complaint >&2; sleep 600 & wait";
    const future = client.submit(command(["sh", "-c", script]), [], { key: "program" });
    const stack = await stackUntil("program", (one) => {
      return one.processes.length > 1 && one.output.length > 1;
    });
    assert.equal(stack.kind, "COMMAND");
    const commands = stack.processes.map((process) => process.command);
    assert.ok(commands.includes("sleep 600"), commands.join());
    assert.ok(stack.processes.every(({ state }) => state !== ""));
    assert.deepEqual(
      new Set(stack.output.map(({ text }) => text)),
      new Set(["begun", "complaint"]),
    );
    assert.ok(stack.lastOutputAt !== null);
    future.cancel();
  });

  test("says of a task that does not run that it does not, and exits with 1", async () => {
    const future = client.submit(append, ["done"], { key: "ended" });
    await future.result();
    const { code, out } = await cluster.capstan("task stack ended --json");
    assert.equal(code, 1);
    const { available, summary } = JSON.parse(out) as Stack;
    assert.deepEqual([available, summary], [false, "it does not run: it is SUCCEEDED"]);
  });
});

test("capstan task retry runs what failed again, and whoever waits has the value", async () => {
  const first = client.submit(failOnce, [join(cluster.home, "mark")], { key: "first" });
  const second = client.submit(append, [first], { key: "second" });
  await assert.rejects(second.result(), /the first time it fails/);
  const { out } = await cluster.capstan("task retry second");
  assert.match(out, /runs again, with 1 failed before it/);
  await until("the second has its value", () => second.status === "succeeded");
  assert.equal(await second.result(), "again!");
  const events = await cluster.capstan("events");
  assert.match(events.out, /tasks-retried.*2 tasks run again/);
});

test("an event names the fact at which the cluster had come so far", async () => {
  const { events } = await cluster.json<Responses["ListEvents"]>("rpc ListEvents {}");
  const event = events.find(({ type }) => type === "tasks-retried");
  assert.ok(event?.journalSequence != null);
  const seenAt = async (sequence: number) => {
    const url = `${cluster.announced.url}/v1/rpc/ListEvents?at=${sequence}`;
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(url, { method: "POST", headers, body: "{}" });
    const past = (await answer.json()) as Responses["ListEvents"];
    return past.events.some(({ type }) => type === "tasks-retried");
  };
  assert.equal(await seenAt(event.journalSequence), true);
  assert.equal(await seenAt(event.journalSequence - 1), false);
});

test("capstan job retry launches a job again that failed", async () => {
  const mark = join(cluster.home, "job");
  const script = `test -e ${mark} || { touch ${mark}; exit 3; }`;
  const failed = await cluster.capstan(["run", "--name", "again", "--", "sh", "-c", script]);
  assert.equal(failed.code, 1);
  const { code, out } = await cluster.capstan("job retry again");
  assert.equal(code, 0);
  assert.match(out, /launched again, whole/);
  assert.equal((await cluster.capstan("job wait again --timeout 60s")).code, 0);
});

test("capstan task graph shows what a task needs and what needs it", async () => {
  const a = client.submit(append, ["a"], { key: "graph-a" });
  const b = client.submit(append, [a], { key: "graph-b" });
  const c = client.submit(append, [b], { key: "graph-c" });
  await c.result();
  const { out } = await cluster.capstan("task graph graph-b");
  const lines = out.trimEnd().split("\n");
  assert.match(lines[0], /append SUCCEEDED$/);
  assert.deepEqual([lines[1].trim(), lines[3].trim(), lines.length], ["needs", "is needed by", 5]);
  const dot = await cluster.capstan("task graph graph-b --dot");
  assert.match(dot.out, /^digraph capstan \{/);
  assert.equal(dot.out.match(/ -> /g)?.length, 2);
});

describe("capstan dump", () => {
  test("is a journal without secrets that replay opens", async () => {
    const secret = "hunter2-and-more";
    const argv = ["run", "--env", `API_KEY=${secret}`, "--name", "hidden", "--"];
    await cluster.capstan([...argv, "sh", "-c", `echo password=${secret} >&2; exit 3`]);
    await client.submit(append, [`an argument ${secret}`]).result();
    const file = join(cluster.home, "cluster.dump");
    const { code, out, err } = await cluster.capstan(["dump", file]);
    assert.equal(code, 0, err);
    assert.match(out, /wrote .*cluster\.dump/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const bytes = readFileSync(file).toString("latin1");
    assert.ok(!bytes.includes(secret), "what is secret stays");
    assert.ok(!bytes.includes(token), "so does the token");
    assert.ok(!bytes.includes("cst_"), "and those of jobs");
    assert.ok(bytes.includes("hidden"), "names are there");
    const replayed = await cluster.capstan(["replay", file]);
    assert.equal(replayed.code, 0, replayed.err);
    assert.match(replayed.out, /\tjob-launched\n/);
    assert.match(replayed.err, /a dump of cluster .*; release /);
  });

  test("folds to what the cluster was", async () => {
    const file = join(cluster.home, "folded.dump");
    await cluster.capstan(["dump", file]);
    const { child, output } = cluster.run([
      ...["replay", file, "--serve", "--listen", "127.0.0.1:0", "--json"],
    ]);
    try {
      await until("it serves", () => output.out.includes("\n"));
      const { url } = JSON.parse(output.out) as { readonly url: string };
      const env = { CAPSTAN_URL: url, CAPSTAN_TOKEN: "" };
      const shown = await cluster.capstan("job show again --json", env);
      const { job } = JSON.parse(shown.out) as Responses["GetJobStatus"];
      assert.equal(job.state, "SUCCEEDED");
      const doctor = await cluster.capstan("doctor --json", env);
      const report = JSON.parse(doctor.out) as Responses["GetDoctorReport"];
      assert.deepEqual([report.ok, report.violations], [true, []]);
    } finally {
      child.kill("SIGINT");
    }
  });

  test("is not for who is no admin, and not over a file that is there", async () => {
    const made = await cluster.capstan("token create --user vic --role user --json");
    const { token: theirs } = JSON.parse(made.out) as { readonly token: string };
    const file = join(cluster.home, "theirs.dump");
    const refused = await cluster.capstan(["dump", file], { CAPSTAN_TOKEN: theirs });
    assert.equal(refused.code, 4, refused.err);
    const there = await cluster.capstan(["dump", join(cluster.home, "cluster.dump")]);
    assert.equal(there.code, 2, there.err);
  });
});
