/**
 * Where a controller without a data directory keeps bundles, as a real process sees it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../controller-entry.ts", import.meta.url));

/** A controller whose temporary directory is its own, so that what it leaves can be counted. */
function aController(t: TestContext, listen: string): { child: ChildProcess; temporary: string } {
  const temporary = mkdtempSync(join(tmpdir(), "capstan-own-bundles-"));
  const child = spawn(process.execPath, [entry, JSON.stringify({ listen })], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ["pipe", "pipe", "ignore"],
  });
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  });
  return { child, temporary };
}

test("the bundles of a controller without a data directory go when it ends", async (t) => {
  const { child, temporary } = aController(t, "127.0.0.1:0");
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  assert.equal(readdirSync(temporary).length, 1, "it has a directory while it serves");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.deepEqual(readdirSync(temporary), []);
});

test("a controller that cannot start leaves no bundles behind", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const taken = other.address();
  assert.ok(typeof taken === "object" && taken !== null);
  const { child, temporary } = aController(t, `127.0.0.1:${taken.port}`);
  const [exitCode] = await once(child, "exit");
  assert.notEqual(exitCode, 0);
  assert.deepEqual(readdirSync(temporary), []);
});
