/**
 * The commands that look at studies, on records without a cluster; and what they refuse.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { StudyRecord } from "../client/studies/study-record.ts";
import { runCli } from "./app.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-study-cli-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

async function cli(...words: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await runCli(["study", ...words, "--dir", directory], {
    stdout: { write: (text: string) => void out.push(text) },
    stderr: { write: (text: string) => void err.push(text) },
    env: {},
  });
  return { exitCode, stdout: out.join(""), stderr: err.join("") };
}

const failure = {
  ...{ code: "TASK_FAILED", message: 'it <b>broke</b>, "twice"', taskId: "/a/graph-1/3" },
  ...{ worker: "w1", attempts: 1, stderrTail: "last words" },
};

/** Two sets of two replicates: one is complete, one lacks a replicate and has no value. */
function aStudy(name: string, file = ""): void {
  const record = new StudyRecord(join(directory, name), "write");
  const series = record.seriesOf("model");
  record.begin({
    ...{ at: "2026-01-01T00:00:00Z", name, file, series, model: "simulate", seed: 3 },
    ...{ replicates: 2, quorum: 2, targets: ["value"], aggregateKeys: ["k"] },
  });
  const [whole, broken] = [1, 2].map((x) => record.use(`id${x}`, { x, tag: "a,b" }).number);
  record.addValue(series, whole, 0, 0.1 + 0.2);
  record.addValue(series, whole, 1, 4);
  record.addAggregate(whole, "k", { value: { loss: 1 / 3 }, count: 2 });
  record.addValue(series, broken, 0, 5);
  record.addFailure(series, broken, 1, failure);
  const missed = { ...failure, message: "1 of 2 replicates succeeded" };
  record.addAggregateFailure(broken, "k", missed);
  record.end("2026-01-01T00:01:00Z");
  record.close();
}

test("study list and show tell what the records have", async () => {
  assert.deepEqual(await cli("list", "--json"), {
    ...{ exitCode: 0, stdout: '{"studies":[]}\n', stderr: "" },
  });
  aStudy("first");
  const list = await cli("list");
  const row = ["first", "1/2", "3/4", "1", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"];
  assert.equal(list.stdout.split("\n")[1], row.join("\t"));
  const show = await cli("show", "first");
  assert.match(show.stdout, /^0\t1\ta,b\t0\.333333\t2\/2\tSUCCEEDED\t$/m);
  assert.match(show.stdout, /^1\t2\ta,b\t\t1\/2\tFAILED\t1 of 2 replicates succeeded$/m);
  assert.match(show.stdout, /^set 1 replicate 1: TASK_FAILED on w1: it .*\(\/a\/graph-1\/3\)$/m);
  assert.match(show.stdout, /^3\/4 replicates, 1\/2 sets, 1 set failed, 1 replicate failed$/m);
  const { study } = JSON.parse((await cli("show", "first", "--json")).stdout);
  assert.deepEqual(study.sets[0].value, { loss: 1 / 3 });
});

test("study export writes every digit as CSV and JSON", async () => {
  aStudy("first");
  const csv = await cli("export", "first");
  assert.deepEqual(csv.stdout.split("\r\n"), [
    "index,id,state,succeeded,failed,parameters.x,parameters.tag,value.loss,error",
    '0,id1,SUCCEEDED,2,0,1,"a,b",0.3333333333333333,',
    '1,id2,FAILED,1,1,2,"a,b",,1 of 2 replicates succeeded',
    "",
  ]);
  const replicates = await cli("export", "first", "--replicates");
  const lines = replicates.stdout.split("\r\n");
  assert.equal(lines[0], "set,id,replicate,seed,parameters.x,parameters.tag,value");
  assert.match(lines[1], /^0,id1,0,\d+,1,"a,b",0\.30000000000000004$/);
  assert.equal(lines.length, 5);
  const json = JSON.parse(
    (await cli("export", "first", "--format", "json", "--replicates")).stdout,
  );
  assert.equal(json.replicates[0].value, 0.1 + 0.2);
});

test("study export writes a page without scripts that escapes what it shows", async () => {
  aStudy("first");
  const path = join(directory, "page.html");
  const written = await cli("export", "first", "--format", "html", "--output", path);
  assert.deepEqual(written, { exitCode: 0, stdout: "", stderr: `capstan: wrote ${path}\n` });
  const page = readFileSync(path, "utf8");
  assert.match(page, /it &lt;b&gt;broke&lt;\/b&gt;, &quot;twice&quot;/);
  assert.match(page, /<pre>last words<\/pre>/);
  assert.equal(page.match(/<circle/g)?.length, 1);
  assert.doesNotMatch(page, /<script|https?:\/\/|<b>|@import|url\(/);
});

test("what is no study is refused with what to do", async () => {
  const missing = await cli("show", "nothing");
  assert.equal(missing.exitCode, 3);
  assert.match(missing.stderr, /there is no study record .*nothing.*`capstan study list`/);
  assert.equal((await cli("show", "../up")).exitCode, 2);
  aStudy("by-program");
  const resumed = await cli("resume", "by-program");
  assert.equal(resumed.exitCode, 2);
  assert.match(resumed.stderr, /run that program again/);
  const module = join(directory, "module.mjs");
  writeFileSync(module, "export const nothing = 1;\n");
  const empty = await cli("run", module);
  assert.equal(empty.exitCode, 2);
  assert.match(empty.stderr, /exports no study; export one: export const study = defineStudy/);
  aStudy("gone", join(directory, "gone.mjs"));
  assert.match((await cli("resume", "gone")).stderr, /gone\.mjs cannot be imported/);
});
