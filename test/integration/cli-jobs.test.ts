/**
 * Rules of `capstan run` and `capstan job …`, with a real cluster and real programs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Responses } from "../../src/cli/responses.ts";
import { CliCluster, until } from "./cli-cluster.ts";

const cluster = new CliCluster();

before(() => cluster.start("--workers", "2", "--cpu", "4", "--memory", "4g"));
after(() => cluster.stop());

type Status = Responses["GetJobStatus"];

/** A program of the shell. */
function shell(script: string): readonly string[] {
  return ["--", "/bin/sh", "-c", script];
}

/** Launches a job that goes on by itself, and returns its id. */
async function detach(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await cluster.capstan(["run", "--detach", ...argv]);
  assert.equal(code, 0, err);
  return out.trim();
}

test("a program's stdout and stderr come out where it wrote them, and success is 0", async () => {
  const { code, out, err } = await cluster.capstan(["run", ...shell("echo one; echo two >&2")]);
  assert.equal(code, 0, err);
  assert.equal(out, "one\n");
  assert.match(err, /^two$/m);
});

test("the last line of a program is shown, however late and however many there are", async () => {
  const { code, out } = await cluster.capstan(["run", ...shell("seq 1 30000; sleep 1; echo end")]);
  assert.equal(code, 0);
  const lines = out.trimEnd().split("\n");
  assert.equal(lines.length, 30_001);
  assert.equal(lines.at(-1), "end");
});

test("a program that fails is exit code 1, with its exit code and its last words", async () => {
  const { code, err } = await cluster.capstan(["run", ...shell("echo no disk >&2; exit 3")]);
  assert.equal(code, 1);
  assert.match(err, /ended FAILED/);
  assert.match(err, /exit code 3\n {4}\| no disk\n/);
});

test("a program that a signal ends is told with the signal's name", async () => {
  const { code, err } = await cluster.capstan(["run", ...shell("kill -SEGV $$")]);
  assert.equal(code, 1);
  assert.match(err, /SIGSEGV/);
});

test("each replica's lines begin with its index, and it knows its own", async () => {
  const { code, out, err } = await cluster.capstan([
    ...["run", "--replicas", "3", "--cpu", "0.5"],
    ...shell("echo I am $CAPSTAN_TASK_INDEX of $CAPSTAN_NUM_TASKS"),
  ]);
  assert.equal(code, 0, err);
  const expected = ["[0] I am 0 of 3", "[1] I am 1 of 3", "[2] I am 2 of 3"];
  assert.deepEqual(
    out
      .trimEnd()
      .split("\n")
      .sort((a, b) => (a < b ? -1 : 1)),
    expected,
  );
});

test("a program sees the variables that it was given and no other of the shell", async () => {
  const argv = ["run", "--env", "A=1=2", "--env", "COPIED", "--", "env"];
  const { code, out } = await cluster.capstan(argv, { COPIED: "yes", LEFT_OUT: "no" });
  assert.equal(code, 0);
  const lines = out.split("\n");
  assert.ok(lines.includes("A=1=2") && lines.includes("COPIED=yes"), out);
  assert.doesNotMatch(out, /LEFT_OUT/);
});

test("a workspace is there where the program starts", async () => {
  const directory = join(cluster.home, "workspace");
  mkdirSync(join(directory, "data"), { recursive: true });
  writeFileSync(join(directory, "data", "numbers"), "1 2 3\n");
  const { code, out, err } = await cluster.capstan([
    ...["run", "--workspace", directory, "--cwd", "data", "--", "cat", "numbers"],
  ]);
  assert.equal(code, 0, err);
  assert.equal(out, "1 2 3\n");
});

test("retries are attempts of one task, each with its end", async () => {
  const marker = join(cluster.home, "tried");
  const script = `if [ -e ${marker} ]; then exit 0; fi; touch ${marker}; exit 7`;
  const id = await detach("--retries", "1", ...shell(script));
  assert.equal((await cluster.capstan(`job wait ${id}`)).code, 0);
  const { out } = await cluster.capstan(`task show ${id}/0`);
  assert.match(out, /ENDED \(exit code 7\)/);
  assert.equal(out.match(/attempt \d+\.\d+ on/g)?.length, 2);
});

test("a job that nothing can run says why, and its deadline ends it", async () => {
  const { code, err } = await cluster.capstan([
    ...["run", "--device", "gpu:1", "--scheduling-timeout", "4s", "--", "true"],
  ]);
  assert.equal(code, 1);
  assert.match(err, /waiting: .*gpu/);
  assert.match(err, /ended UNSCHEDULABLE/);
});

test("why counts the workers that do not have what a job asks for", async () => {
  const id = await detach("--memory", "128g", "--", "true");
  const { code, out } = await cluster.capstan(`why ${id}`);
  assert.equal(code, 0);
  assert.match(out, /PENDING/);
  assert.match(out, /2 of 2/);
  assert.match(out, /memory/);
  assert.equal((await cluster.capstan(`job cancel ${id}`)).code, 0);
});

test("Ctrl-C cancels the job, waits until its program is gone, and is exit code 130", async () => {
  const pidFile = join(cluster.home, "interrupted.pid");
  const script = `echo $$ > ${pidFile}; trap 'echo bye; exit 1' TERM; while :; do sleep 0.1; done`;
  const running = cluster.run(["run", "--name", "interrupted", ...shell(script)]);
  await until("the program runs", () => existsSync(pidFile));
  running.child.kill("SIGINT");
  const { code, out, err } = await running.finished;
  assert.equal(code, 130, err);
  assert.equal(out, "bye\n");
  const pid = readFileSync(pidFile, "utf8").trim();
  assert.equal(existsSync(`/proc/${pid}`), false);
  const id = /cancelling (\S+);/.exec(err)?.[1];
  const { job } = await cluster.json<Status>(`job show ${id}`);
  assert.equal(job.state, "KILLED");
});

test("a command line that dies leaves its job alone", async () => {
  const go = join(cluster.home, "go");
  const running = cluster.run([
    ...["run", "--name", "orphaned", ...shell(`while [ ! -e ${go} ]; do sleep 0.1; done; echo ok`)],
  ]);
  await until("it is launched", () => /launched \S+/.test(running.output.err));
  const id = /launched (\S+)/.exec(running.output.err)?.[1];
  running.child.kill("SIGKILL");
  await running.finished;
  writeFileSync(go, "");
  assert.equal((await cluster.capstan(`job wait ${id}`)).code, 0);
  assert.equal((await cluster.capstan(`job logs ${id}`)).out, "ok\n");
});

test("a name that is taken is refused with 4, kept or replaced as the policy says", async () => {
  const first = await detach("--name", "taken", "--", "sleep", "60");
  const again = ["run", "--detach", "--name", "taken"];
  assert.equal((await cluster.capstan([...again, "--", "true"])).code, 4);
  const kept = await cluster.capstan([...again, "--on-existing", "keep", "--", "true"]);
  assert.deepEqual([kept.code, kept.out.trim()], [0, first]);
  await detach("--name", "taken", "--on-existing", "recreate", "--", "true");
  assert.equal((await cluster.capstan(`job wait ${first} --timeout 30s`)).code, 0);
});

test("job wait is 124 when the time is over, and the job goes on", async () => {
  const id = await detach("--", "sleep", "60");
  assert.equal((await cluster.capstan(`job wait ${id} --timeout 200ms`)).code, 124);
  const { job } = await cluster.json<Status>(`job show ${id}`);
  assert.ok(["PENDING", "RUNNING"].includes(job.state), job.state);
  await cluster.capstan(`job cancel ${id} --reason enough`);
  assert.equal((await cluster.capstan(`job wait ${id}`)).code, 1);
});

test("the filters of job logs choose lines, and what they leave out is said", async () => {
  const id = await detach("--replicas", "2", ...shell("seq 1 20; echo warning >&2"));
  assert.equal((await cluster.capstan(`job wait ${id}`)).code, 0);
  const linesOf = async (flags: string) =>
    (await cluster.capstan(`job logs ${id} ${flags}`)).out.split("\n").length - 1;
  assert.equal(await linesOf("--all"), 40);
  assert.equal(await linesOf("--task 1 --all"), 20);
  assert.equal(await linesOf("--grep 19"), 2);
  assert.equal(await linesOf("--since 1h"), 40);
  assert.match((await cluster.capstan(`job logs ${id} --tail 3`)).err, /the last 3 lines/);
});

test("summary and bug report tell of a failed job what there is to know", async () => {
  const script = 'echo "token=hunter2"; [ $CAPSTAN_TASK_INDEX = 0 ] || exit 9';
  const id = await detach("--replicas", "2", "--name", "half", ...shell(script));
  assert.equal((await cluster.capstan(`job wait ${id}`)).code, 1);
  const summary = await cluster.capstan(`job summary ${id}`);
  assert.match(summary.out, /^1\tFAILED\t\S+\t1\t.*exit code 9$/m);
  const report = await cluster.capstan(`job bug-report ${id}`);
  assert.equal(report.code, 0, report.err);
  assert.match(report.out, new RegExp(`^# ${id}: FAILED`));
  assert.match(report.out, /\| exit code 9 \|/);
  assert.match(report.out, /token=\*\*\*/);
  assert.doesNotMatch(report.out, /hunter2/);
});

test("job list finds jobs by state and by prefix", async () => {
  const { jobs } = await cluster.json<Responses["ListJobs"]>("job list --state FAILED --roots");
  assert.ok(jobs.length > 0);
  assert.ok(jobs.every(({ state }) => state === "FAILED"));
});

test("a cordoned cluster starts nothing, and why says so, until it is uncordoned", async () => {
  const names = cluster.announced.workers.map(({ workerId }) => workerId);
  for (const name of names) await cluster.json(`worker cordon ${name}`);
  const id = await detach("--", "true");
  const why = await cluster.capstan(`why ${id}`);
  assert.match(why.out, /cordoned/i);
  for (const name of names) await cluster.json(`worker uncordon ${name}`);
  assert.equal((await cluster.capstan(`job wait ${id} --timeout 30s`)).code, 0);
});

test("a token works until it is revoked", async () => {
  type Created = Responses["CreateToken"];
  const { token, tokenId } = await cluster.json<Created>("token create --user ann");
  const asAnn = { CAPSTAN_TOKEN: token };
  assert.equal((await cluster.capstan("job list", asAnn)).code, 0);
  const run = await cluster.capstan("run --name mine --detach -- true", asAnn);
  assert.deepEqual([run.code, run.out], [0, "/ann/mine\n"]);
  const worker = cluster.announced.workers[0].workerId;
  assert.equal((await cluster.capstan(`worker cordon ${worker}`, asAnn)).code, 4);
  await cluster.json(`token revoke ${tokenId}`);
  assert.equal((await cluster.capstan("job list", asAnn)).code, 4);
});

test("when all is over nothing is charged, nothing is stuck and doctor is content", async () => {
  const { jobs } = await cluster.json<Responses["ListJobs"]>("job list --state PENDING,RUNNING");
  for (const { jobId } of jobs) await cluster.capstan(`job cancel ${jobId}`);
  await until("nothing is charged", async () => {
    const { workers } = await cluster.json<Responses["ListWorkers"]>("worker list");
    return workers.every(({ committed }) => committed.cpuMilli === 0);
  });
  const { ok, violations } = await cluster.json<Responses["GetDoctorReport"]>("doctor");
  assert.deepEqual({ ok, violations }, { ok: true, violations: [] });
});

test("doctor --repair reconciles every worker, and afterwards all are there", async () => {
  const { actions } = await cluster.json<Responses["Repair"]>("doctor --repair");
  const names = cluster.announced.workers.map(({ workerId }) => workerId);
  assert.deepEqual(new Set(actions.map(({ id }) => id)), new Set(names));
  await until("the workers are back", async () => {
    const { workers } = await cluster.json<Responses["ListWorkers"]>("worker list");
    return workers.every(({ state }) => state === "HEALTHY");
  });
  assert.equal((await cluster.capstan("run -- true")).code, 0);
});
