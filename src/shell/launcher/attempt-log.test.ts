/**
 * What the log of attempts tells the next launcher.
 *
 * @module
 */

import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AttemptLog } from "./attempt-log.ts";
import { attemptLogBytesMin } from "./limits.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-attempt-log-"));
after(() => rmSync(directory, { recursive: true }));

let count = 0;
const newPath = () => join(directory, String(count++));

function restored(path: string): { values: readonly unknown[]; unreadable: readonly string[] } {
  const unreadable: string[] = [];
  const values = new AttemptLog(path).restore((line) => void unreadable.push(line));
  return { values, unreadable };
}

test("of each attempt the last word is told, and nothing of what is done with", () => {
  const path = newPath();
  const log = new AttemptLog(path);
  log.set("1.1", { pid: 0 });
  log.set("1.2", { pid: 0 });
  log.set("1.1", { pid: 7 });
  log.remove("1.2");
  log.remove("1.3");
  assert.deepEqual(restored(path), { values: [{ pid: 7 }], unreadable: [] });
});

test("a line that a kill cut off is as if it had not been begun", () => {
  const path = newPath();
  new AttemptLog(path).set("1.1", { pid: 1 });
  appendFileSync(path, '{"name":"1.2","value":{"pi');
  assert.deepEqual(restored(path), { values: [{ pid: 1 }], unreadable: [] });
  const next = new AttemptLog(path);
  next.restore(() => undefined);
  next.set("1.3", { pid: 3 });
  assert.deepEqual(restored(path).values, [{ pid: 1 }, { pid: 3 }]);
});

test("a line that makes no sense costs only itself, and is kept for people", () => {
  const path = newPath();
  const log = new AttemptLog(path);
  log.set("1.1", { pid: 1 });
  appendFileSync(path, "nonsense\n");
  log.set("1.2", { pid: 2 });
  assert.deepEqual(restored(path), { values: [{ pid: 1 }, { pid: 2 }], unreadable: ["nonsense"] });
  assert.equal(readFileSync(`${path}.unreadable`, "utf8"), "nonsense\n");
});

test("the log grows with what is in hand, not with what was", () => {
  const path = newPath();
  const log = new AttemptLog(path);
  const value = { text: "x".repeat(1_000) };
  log.set("kept", value);
  for (let i = 0; i < 5_000; i++) {
    log.set(`1.${i}`, value);
    log.remove(`1.${i}`);
  }
  assert.ok(statSync(path).size <= attemptLogBytesMin + 4_096);
  assert.deepEqual(restored(path).values, [value]);
  log.remove("kept");
  log.close();
  assert.ok(!existsSync(path));
});
