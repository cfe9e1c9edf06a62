/**
 * Studies on real clusters: what they find, and that nothing is computed twice whatever dies.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runCli } from "../../src/cli/app.ts";
import {
  type Client,
  connect,
  type LocalCluster,
  parameterSetId,
  replicateSeed,
  type Study,
  type StudyOptions,
  startLocalCluster,
} from "../../src/client/index.ts";
import {
  count,
  mean,
  type Point,
  simulate,
  simulateBadly,
  simulateOrHang,
  simulateSlowly,
  total,
} from "./study-models.ts";

let directory: string;
let cluster: LocalCluster | undefined;
let client: Client;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-study-"));
});

afterEach(async () => {
  await client.close();
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

async function aCluster(options: { durable?: boolean } = {}): Promise<LocalCluster> {
  const dataDir = options.durable === true ? { dataDir: join(directory, "cluster") } : {};
  cluster = await startLocalCluster({ workers: 2, threads: 2, ...dataDir });
  client = await connect(cluster.url, { token: cluster.token });
  return cluster;
}

function points(number: number): Point[] {
  return Array.from({ length: number }, (_unused, x) => ({ x }));
}

const common = { name: "s", parameterSets: points(3), replicates: 10, simulate, aggregate: mean };

function expectedMean(x: number, replicates: number, studySeed = 0): number {
  const id = parameterSetId({ x });
  const values = Array.from({ length: replicates }, (_unused, i) => {
    return x + (replicateSeed(studySeed, id, i) % 1_000) / 1_000;
  });
  return values.reduce((sum, value) => sum + value, 0) / replicates - x;
}

test("a study simulates each set with seeds of its own and aggregates it", async () => {
  await aCluster();
  await using study = client.study({ ...common, directory });
  const results = await study.results();
  assert.deepEqual(
    results.map(({ index, state, succeeded, failed }) => [index, state, succeeded, failed]),
    [0, 1, 2].map((index) => [index, "SUCCEEDED", 10, 0]),
  );
  assert.deepEqual(
    results.map(({ value }) => value),
    [0, 1, 2].map((x) => expectedMean(x, 10)),
  );
  assert.deepEqual(study.progress, {
    ...{ sets: 3, setsSucceeded: 3, setsPartial: 0, setsFailed: 0 },
    ...{ replicates: 30, replicatesSucceeded: 30, replicatesFailed: 0 },
    ...{ replicatesReused: 0, replicatesOpen: 0 },
    ...{ aggregations: 3, aggregationsSucceeded: 3, aggregationsFailed: 0, refusal: "" },
  });
});

test("what is finished is never computed again: by name, seed, replicates and code", async () => {
  await aCluster();
  const run = async (options: Partial<StudyOptions<Point, number, typeof mean>>) => {
    await using study = client.study({ ...common, directory, ...options });
    const results = await study.results();
    return { results, reused: study.progress.replicatesReused };
  };
  const first = await run({});
  assert.deepEqual(await run({}), {
    results: first.results.map((result) => ({ ...result, reused: 10 })),
    reused: 30,
  });
  const more = await run({ replicates: 15 });
  assert.equal(more.reused, 30);
  assert.deepEqual(
    more.results.map(({ value }) => value),
    [0, 1, 2].map((x) => expectedMean(x, 15)),
  );
  assert.equal((await run({ seed: 7 })).reused, 0, "another study seed");
  const other = { simulate: simulateBadly, quorum: 1 };
  assert.equal((await run(other)).reused, 0, "another function");
  assert.equal((await run({ replicates: 9, aggregate: count })).reused, 27, "another aggregation");
  assert.equal((await run({ parameterSets: points(4) })).reused, 30, "a set more");
});

test("a study has one writer, refuses what JSON cannot say, and closes in the middle", async () => {
  await aCluster();
  const study = client.study({ ...common, directory, simulate: simulateSlowly, replicates: 500 });
  const results = assert.rejects(study.results(), { code: "CLIENT_CLOSED" });
  const rival = await connect(cluster?.url, { token: cluster?.token });
  const second = rival.study({ ...common, directory });
  const refused = { code: "DATA_DIRECTORY_IN_USE", message: /one writer at a time/ };
  await assert.rejects(second.results(), refused);
  await second.close();
  await rival.close();
  const twice = { parameterSets: [{ x: 1 }, { x: 2 }, { x: 1 }] };
  assert.throws(() => client.study({ ...common, directory, ...twice }), {
    message: "parameterSets[2] is the same as parameterSets[0]",
  });
  const infinite = { parameterSets: [{ x: Number.POSITIVE_INFINITY }] };
  assert.throws(() => client.study({ ...common, directory, ...infinite }), {
    message: "parameterSets[0].x is Infinity, which JSON cannot say",
  });
  await study.close();
  await results;
  await using again = client.study({ ...common, directory });
  assert.equal((await again.results()).length, 3);
});

test("targets are aggregated over the same values, a reduction in parts as at once", async () => {
  await aCluster();
  const aggregate = { mean, total };
  const sets = { parameterSets: points(2), replicates: 600, aggregate };
  await using study = client.study({ ...common, directory, ...sets, openReplicates: 100 });
  const ended: number[] = [];
  for await (const { index } of study) ended.push(index);
  assert.deepEqual(ended.sort(), [0, 1]);
  for (const { value, index, state } of study.sets) {
    assert.equal(state, "SUCCEEDED");
    assert.ok(value !== null);
    assert.equal(value.mean, expectedMean(index, 600));
    assert.equal(value.total.count, 600);
    assert.ok(Math.abs(value.total.mean - value.mean) < 1e-9);
  }
});

test("a set needs its quorum; replicates that failed say why and are tried again", async () => {
  await aCluster();
  const options = { ...common, directory, simulate: simulateBadly, aggregate: count };
  await using strict = client.study({ ...options, replicates: 20 });
  const failed = await strict.results();
  await strict.close();
  const bad = failed.map(({ failed }) => failed);
  assert.ok(bad.every((number) => number > 0 && number < 12));
  assert.deepEqual(
    failed.map(({ state, value, error }) => [state, value, error]),
    bad.map((number) => [
      ...["FAILED", null, `${20 - number} of 20 replicates succeeded, and the quorum is 20`],
    ]),
  );
  const [failure] = failed[0].failures;
  assert.equal(failure.code, "TASK_FAILED");
  assert.match(failure.message, new RegExp(`seed ${failure.seed} is a multiple of five`));
  await using tolerant = client.study({ ...options, replicates: 20, quorum: 8 });
  const partial = await tolerant.results();
  assert.deepEqual(
    partial.map(({ state, value, reused }) => [state, value, reused]),
    bad.map((number) => ["PARTIAL", 20 - number, 20 - number]),
  );
});

test("a search asks wave by wave, and is told at once what the record knows", async () => {
  await aCluster();
  const search = async () => {
    await using study = client.study({ ...common, parameterSets: [], directory });
    let best = { x: 8 };
    for (let wave = 0; wave < 4; wave++) {
      const around = [best.x - 1, best.x, best.x + 1].map((x) => ({ x }));
      const results = await study.evaluate(around);
      const ranked = results.toSorted(
        (a, b) => (a.parameters.x - 5) ** 2 - (b.parameters.x - 5) ** 2,
      );
      best = ranked[0].parameters;
    }
    return { best, progress: study.progress };
  };
  const first = await search();
  assert.deepEqual(first.best, { x: 5 });
  assert.equal(first.progress.sets, 6);
  const second = await search();
  assert.equal(second.progress.replicatesReused, 60);
});

test("a study outlives a killed worker and a controller that is killed and restarted", async () => {
  const { processes } = await aCluster({ durable: true });
  const options = { simulate: simulateSlowly, replicates: 100 };
  await using study = client.study({ ...common, directory, ...options, openReplicates: 50 });
  await untilSucceeded(study, 60);
  await processes.killWorker(0);
  await untilSucceeded(study, 120);
  await processes.killController();
  await processes.startController();
  const results = await study.results();
  assert.deepEqual(
    results.map(({ value, succeeded }) => [value, succeeded]),
    [0, 1, 2].map((x) => [expectedMean(x, 100), 100]),
  );
});

test("a study whose controller forgot everything submits again what has no value", async () => {
  const { processes } = await aCluster();
  const options = { simulate: simulateSlowly, replicates: 100 };
  await using study = client.study({ ...common, directory, ...options, openReplicates: 50 });
  await untilSucceeded(study, 60);
  await processes.killController();
  await processes.startController();
  const results = await study.results();
  assert.deepEqual(
    results.map(({ value, failed }) => [value, failed]),
    [0, 1, 2].map((x) => [expectedMean(x, 100), 0]),
  );
});

test("two of twenty sets with replicates that hang are named, and eighteen are there", async () => {
  await aCluster();
  const options = {
    ...{ ...common, directory, parameterSets: points(20), simulate: simulateOrHang },
    ...{ replicates: 40, aggregate: count, replicateOptions: { timeout: "4s" } },
  };
  await using study = client.study(options);
  const results = await study.results();
  const done = results.filter(({ state }) => state === "SUCCEEDED");
  const others = results.filter(({ state }) => state !== "SUCCEEDED");
  assert.equal(done.length, 18, JSON.stringify(others));
  assert.deepEqual(
    others.map(({ index, state }) => [index, state]),
    [
      [18, "FAILED"],
      [19, "FAILED"],
    ],
  );
  for (const { failures, failed } of others) {
    assert.ok(failed > 0);
    for (const { code, seed, worker, taskId } of failures) {
      assert.equal(code, "TASK_TIMED_OUT");
      assert.equal(seed % 20, 0);
      assert.match(worker, /^local-/);
      assert.match(taskId, /^\//);
    }
  }
  await study.close();
  await using tolerant = client.study({ ...options, quorum: 30 });
  const states = (await tolerant.results()).map(({ state }) => state);
  assert.deepEqual(states.slice(17), ["SUCCEEDED", "PARTIAL", "PARTIAL"]);
});

test("a study whose process is killed is taken up by the next where it stood", async () => {
  const { url, token } = await aCluster();
  const program = fileURLToPath(new URL("study-program.ts", import.meta.url));
  const flags = ["--disable-warning=ExperimentalWarning", program, url, token ?? "", directory];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.includes("60 done")) break;
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  const options = { simulate: simulateSlowly, replicates: 100 };
  await using study = client.study({ ...common, directory, ...options });
  const results = await study.results();
  const reused = study.progress.replicatesReused;
  assert.ok(reused >= 60 && reused < 300, `${reused} reused`);
  assert.deepEqual(
    results.map(({ value }) => value),
    [0, 1, 2].map((x) => expectedMean(x, 100)),
  );
});

test("capstan study run tells progress and result, and resume goes on", async () => {
  const { url, token } = await aCluster();
  const file = fileURLToPath(new URL("study-definition.ts", import.meta.url));
  const cli = async (...words: readonly string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const exitCode = await runCli(["study", ...words, "--dir", directory], {
      stdout: { write: (chunk: string) => void out.push(chunk) },
      stderr: { write: (chunk: string) => void err.push(chunk) },
      env: { CAPSTAN_URL: url, CAPSTAN_TOKEN: token },
    });
    return { exitCode, out: out.join(""), err: err.join("") };
  };
  const first = await cli("run", file);
  assert.equal(first.exitCode, 0, first.err);
  assert.match(first.err, /^100 % .* failed {2}2\/2 sets/m);
  assert.match(first.out, /^0\t0\t.*\tPARTIAL\t\d+ replicates? failed$/m);
  assert.match(first.out, /^set 0 replicate \d+: TASK_FAILED on local-\d: .* multiple of five/m);
  const { study, progress } = JSON.parse((await cli("resume", "cli", "--json")).out);
  assert.equal(study.runs, 2);
  assert.equal(progress.replicatesReused, progress.replicatesSucceeded);
  assert.ok(progress.replicatesReused > 10);
});

async function untilSucceeded(study: Study, number: number): Promise<void> {
  while (study.progress.replicatesSucceeded < number) await turn();
}
