/**
 * Rules of how an end is told.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { anAttempt } from "../../test/support/api-views.ts";
import { describeEnd, describeExit, lastLines } from "./describe-attempt.ts";

test("exit codes and signals are said in words", () => {
  const told: readonly (readonly [number | null, string | null, boolean, string])[] = [
    [3, null, false, "exit code 3"],
    [137, null, false, "exit code 137 (128 + SIGKILL)"],
    [134, null, false, "exit code 134 (128 + SIGABRT)"],
    [143, null, false, "exit code 143 (128 + SIGTERM)"],
    [null, "SIGSEGV", false, "SIGSEGV (signal 11)"],
    [null, "SIGKILL", true, "out of memory, SIGKILL (signal 9)"],
    [null, null, false, ""],
  ];
  for (const [exitCode, signal, oom, text] of told) {
    assert.equal(describeExit({ exitCode, signal, oom }), text);
  }
});

test("an end says whose doing it was and then how; what goes on has none", () => {
  assert.equal(describeEnd(anAttempt({ cause: null })), "");
  assert.equal(describeEnd(anAttempt({ cause: "finished", exitCode: 0 })), "");
  assert.equal(describeEnd(anAttempt({ cause: "failed", exitCode: 3 })), "exit code 3");
  assert.equal(
    describeEnd(anAttempt({ cause: "timeout", signal: "SIGTERM" })),
    "ran longer than its timeout, SIGTERM (signal 15)",
  );
  assert.equal(describeEnd(anAttempt({ cause: "exited" })), "exited");
});

test("the last lines of a text do not count empty ones at its end", () => {
  assert.deepEqual(lastLines("a\nb\nc\n\n", 2), ["b", "c"]);
  assert.deepEqual(lastLines("\n", 2), []);
});
