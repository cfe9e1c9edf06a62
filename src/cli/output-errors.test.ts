/**
 * How a command ends whose standard output takes nothing any more.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

/** Starts a command that prints something. */
function start(argv: readonly string[], stdout: number | "pipe") {
  const options: SpawnOptions = { stdio: ["ignore", stdout, "pipe"] };
  const flags = ["--disable-warning=ExperimentalWarning", main];
  const child = spawn(process.execPath, [...flags, ...argv], options);
  assert.ok(child.stderr !== null);
  return { child, said: text(child.stderr), ended: once(child, "exit") };
}

const full = { code: "DISK_FAILED", message: "standard output: no space left on device" };

test("a full standard output is one line and the exit code of disks", async () => {
  const descriptor = openSync("/dev/full", "w");
  const { said, ended } = start(["job", "--help"], descriptor);
  assert.deepEqual([(await ended)[0], await said], [74, `capstan: ${full.message}\n`]);
  const json = start(["rpc", "--help", "--json"], descriptor);
  assert.equal((await json.ended)[0], 74);
  assert.deepEqual(JSON.parse(await json.said), {
    error: { ...full, details: {}, retryable: false },
  });
  closeSync(descriptor);
});

test("a reader that has had enough ends a command without a word", async () => {
  const { child, said, ended } = start(["job", "--help"], "pipe");
  child.stdout?.destroy();
  assert.deepEqual([(await ended)[0], await said], [0, ""]);
});
