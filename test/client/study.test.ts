/**
 * What a study asks of its cluster: a bounded number at a time, fewer when it is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Aggregate, type Client, connect, type Study } from "../../src/client/index.ts";
import { aFailure, ScriptedController, until } from "./scripted-controller.ts";
import { add, first } from "./tasks.ts";

let controller: ScriptedController;
let client: Client;
let directory: string;
let study: Study<number, number>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-study-"));
  controller = await ScriptedController.start();
  client = await connect(controller.url, { user: "ada" });
  const sizes = { parameterSets: [7], replicates: 12, openReplicates: 8 };
  const tasks = { simulate: add, aggregate: first as Aggregate<number, number, number> };
  study = client.study({ name: "s", directory, ...sizes, ...tasks });
});

afterEach(async () => {
  await study.close();
  await client.close();
  await controller.close();
  rmSync(directory, { recursive: true });
});

function refuse(sequence: number, code: string): void {
  const error = { code, message: `${code} for a test`, details: {} };
  controller.send({ type: "refused", sequence, error });
}

/** Takes submits, which are accepted, until they have so many tasks; the numbers of these. */
async function takeTasks(count: number): Promise<number[]> {
  const tasks: number[] = [];
  while (tasks.length < count) {
    const { first, groupCounts } = await controller.takeSubmit();
    for (let i = 0; i < groupCounts[0]; i++) tasks.push(first + i);
  }
  assert.equal(tasks.length, count);
  return tasks;
}

function sendResults(tasks: readonly number[]): void {
  controller.sendResults(Object.fromEntries(tasks.map((task) => [task, task])));
}

test("replicates beyond the bound wait in the client until some have ended", async () => {
  const tasks = await takeTasks(8);
  assert.equal(study.progress.replicatesOpen, 8);
  assert.deepEqual(
    controller.untaken.map(({ type }) => type),
    ["define-spec"],
  );
  sendResults(tasks);
  const [bad, ...good] = await takeTasks(4);
  controller.sendFailures([bad], aFailure({ message: "add: no" }));
  sendResults(good);
  await study.results();
  const [{ state, succeeded, failures, error }] = study.sets;
  assert.deepEqual([state, succeeded, failures.length], ["FAILED", 11, 1]);
  assert.equal(failures[0].message, "add: no");
  assert.equal(error, "11 of 12 replicates succeeded, and the quorum is 12");
});

test("a cluster without room is asked for half as many, and the reason is told", async () => {
  const submit = await controller.take("submit");
  refuse(submit.sequence, "OVERLOADED");
  await until(() => study.progress.refusal !== "", "the refusal");
  assert.equal(study.progress.refusal, "OVERLOADED for a test");
  assert.equal(study.progress.replicatesFailed, 0);
  sendResults(await takeTasks(4));
  await until(() => study.progress.refusal === "", "the end of the refusal");
});

test("a refusal that will not pass ends the study with it", async () => {
  const results = assert.rejects(study.results(), { code: "INVALID_SPEC" });
  const submit = await controller.take("submit");
  refuse(submit.sequence, "INVALID_SPEC");
  await results;
  await assert.rejects(study.evaluate([8]), { code: "INVALID_SPEC" });
});
