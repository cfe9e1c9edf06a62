/**
 * What becomes of the directories of attempts.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { AttemptDirectories, defaultRetention, type Retention } from "./command-directories.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "capstan-attempts-test-"));
});

afterEach(() => rmSync(root, { recursive: true }));

function directoriesOf(retention: Partial<Retention> = {}): AttemptDirectories {
  return new AttemptDirectories({
    root,
    retention: { ...defaultRetention, ...retention },
    onTrouble: (path, error) => assert.fail(`${path}: ${error}`),
  });
}

/** An attempt that has left `bytes` of log, and something in its work directory. */
async function runOne(
  directories: AttemptDirectories,
  attemptId: string,
  bytes = 10,
): Promise<void> {
  await directories.make(attemptId);
  const { work, logs } = directories.pathsOf(attemptId);
  mkdirSync(join(work, "deep"));
  writeFileSync(join(work, "deep/scratch"), "x");
  writeFileSync(join(logs, "log.0"), "x".repeat(bytes));
  directories.end(attemptId);
}

test("an ended attempt keeps its logs and its output, and nothing else", async () => {
  const directories = directoriesOf();
  await runOne(directories, "1.1");
  await directories.settled();
  assert.deepEqual(readdirSync(join(root, "1.1")).sort(), ["logs", "output"]);
  assert.equal(directories.logsOf("1.1"), join(root, "1.1/logs"));
});

test("an attempt that never ran leaves nothing", async () => {
  const directories = directoriesOf();
  await directories.make("1.1");
  directories.discard("1.1");
  await directories.settled();
  assert.deepEqual(readdirSync(root), []);
  assert.equal(directories.logsOf("1.1"), null);
});

test("the oldest logs go when there are too many attempts", async () => {
  const directories = directoriesOf({ attemptsMax: 2 });
  for (const attemptId of ["1.1", "1.2", "1.3"]) await runOne(directories, attemptId);
  await directories.settled();
  assert.deepEqual(readdirSync(root).sort(), ["1.2", "1.3"]);
});

test("the oldest logs go when there are too many bytes", async () => {
  const directories = directoriesOf({ bytesMax: 2_500 });
  for (const attemptId of ["1.1", "1.2", "1.3"]) await runOne(directories, attemptId, 1_000);
  await directories.settled();
  assert.deepEqual(readdirSync(root).sort(), ["1.2", "1.3"]);
});

test("logs go when they are too old, also if nothing else ends", async () => {
  const directories = directoriesOf({ ageMaxMs: -1 });
  await runOne(directories, "1.1");
  directories.sweep();
  await directories.settled();
  assert.deepEqual(readdirSync(root), []);
});

test("what an earlier agent did not finish is named, the rest counts as before", async () => {
  const before = directoriesOf();
  await runOne(before, "1.1");
  await runOne(before, "1.2");
  await before.make("1.3");
  await before.settled();
  mkdirSync(join(root, "something-else"));
  const after = directoriesOf({ attemptsMax: 1 });
  assert.deepEqual(await after.takeStock(), ["1.3"]);
  after.end("1.3");
  await after.settled();
  assert.deepEqual(readdirSync(root), ["1.3"]);
});

test("a number that another cluster had given begins with empty directories", async () => {
  const directories = directoriesOf();
  await runOne(directories, "1.1");
  await directories.settled();
  await directories.make("1.1");
  const { logs } = directories.pathsOf("1.1");
  assert.deepEqual(readdirSync(logs), []);
  directories.end("1.1");
  await directories.settled();
  assert.ok(existsSync(logs));
});

test("a name that is not an attempt's leads nowhere", () => {
  const directories = directoriesOf();
  assert.equal(directories.logsOf("../1.1"), null);
  assert.equal(directories.logsOf(""), null);
});

/** An attempt that wrote nothing; the launcher has noted its end. */
async function runSilent(directories: AttemptDirectories, attemptId: string): Promise<void> {
  await directories.make(attemptId);
  writeFileSync(join(directories.pathsOf(attemptId).logs, "exit.json"), "{}");
}

test("what an attempt that left nothing had is the next one's, empty as it was made", async () => {
  const directories = directoriesOf();
  await runSilent(directories, "1.1");
  const { ino } = statSync(join(root, "1.1/work"));
  directories.endSilent("1.1");
  await directories.settled();
  assert.deepEqual([directories.logsOf("1.1"), directories.wasSilent("1.1")], [null, true]);
  await directories.make("1.2");
  const { ino: next } = statSync(join(root, "1.2/work"));
  assert.equal(next, ino);
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  assert.deepEqual(names.sort(), ["1.2", "1.2/logs", "1.2/output", "1.2/work"]);
});

test("a file, a right or a name that an attempt left keeps its directories its own", async () => {
  const directories = directoriesOf();
  const touches: readonly ((path: string) => void)[] = [
    (path) => writeFileSync(join(path, "output/result"), "x"),
    (path) => chmodSync(join(path, "work"), 0o755),
    (path) => writeFileSync(join(path, "beside"), "x"),
    (path) => rmSync(join(path, "work"), { recursive: true }),
  ];
  for (const [at, touch] of touches.entries()) {
    const attemptId = `1.${at}`;
    await runSilent(directories, attemptId);
    touch(join(root, attemptId));
    directories.endSilent(attemptId);
    await directories.settled();
    assert.equal(directories.logsOf(attemptId), join(root, attemptId, "logs"));
    assert.equal(directories.wasSilent(attemptId), false);
  }
});

test("spare directories are nobody's for the next agent", async () => {
  const directories = directoriesOf();
  await runSilent(directories, "1.1");
  directories.endSilent("1.1");
  await directories.settled();
  assert.deepEqual(await directoriesOf().takeStock(), []);
  assert.deepEqual(readdirSync(root), []);
});
