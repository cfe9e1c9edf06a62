/**
 * What the end of a command means.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { CommandResult, CommandRun } from "../../model/spec.ts";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { decodeValue } from "../values/value-codec.ts";
import { type CommandOutcome, judgeExit } from "./command-outcome.ts";
import { commandFileBytesMax } from "./limits.ts";

let work = "";

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "capstan-outcome-test-"));
});

afterEach(() => rmSync(work, { recursive: true }));

const exited: ExitRecord = {
  ...{ attemptId: "1.1", tag: null, pid: 7, kind: "exited", exitCode: 0, signal: null },
  ...{ oom: false, stop: "none", message: "", startedAtMs: 1_000, endedAtMs: 1_250 },
  ...{ peakRssBytes: 0, cpuMs: 0, stdoutBytes: 0, stderrBytes: 0, droppedLogBytes: 0 },
  ...{ stderrTail: "last words", stdoutResult: "", resultTruncated: false },
};

function judge(
  record: Partial<ExitRecord>,
  result: CommandResult = { type: "none" },
): Promise<CommandOutcome> {
  const nothing = { env: {}, cwd: "", workspace: "", ports: [], stdin: "" };
  const run: CommandRun = { kind: "command", argv: ["true"], ...nothing, result };
  return judgeExit({ ...exited, ...record }, run, work);
}

async function resultFor(record: Partial<ExitRecord>, result: CommandResult): Promise<unknown> {
  const outcome = await judge(record, result);
  assert.ok(outcome.type === "finished", JSON.stringify(outcome));
  return decodeValue(outcome.value);
}

/** `[cause, name, message]`. */
async function failureOf(
  record: Partial<ExitRecord>,
  result: CommandResult = { type: "none" },
): Promise<readonly string[]> {
  const outcome = await judge(record, result);
  assert.ok(outcome.type === "failed", JSON.stringify(outcome));
  const { name, message } = outcome.failure.error;
  return [outcome.cause, name, message];
}

describe("a command that ended", () => {
  it("with 0 has a value, and has taken as long as it ran", async () => {
    const outcome = await judge({});
    assert.ok(outcome.type === "finished");
    assert.equal(decodeValue(outcome.value), undefined);
    assert.equal(outcome.durationUs, 250_000);
  });

  it("with another code failed, and what it wrote last is told", async () => {
    const outcome = await judge({ exitCode: 3 });
    assert.ok(outcome.type === "failed");
    const { error, exitCode, stderrTail } = outcome.failure;
    assert.deepEqual([error.name, error.message], ["ExitError", "exit code 3"]);
    assert.deepEqual([outcome.cause, exitCode, stderrTail], ["failed", 3, "last words"]);
  });

  it("by SIGKILL that nobody here sent was killed; by another signal it failed", async () => {
    const killed = await failureOf({ exitCode: null, signal: "SIGKILL" });
    assert.deepEqual(killed.slice(0, 2), ["killed", "SIGKILL"]);
    const crashed = await failureOf({ exitCode: null, signal: "SIGSEGV" });
    assert.deepEqual(crashed, ["failed", "SIGSEGV", "it was ended by SIGSEGV"]);
  });

  it("by its memory limit ran out of memory, also if it was being stopped", async () => {
    for (const stop of ["none", "stopped", "timeout"] as const) {
      const [cause] = await failureOf({ exitCode: null, signal: "SIGKILL", oom: true, stop });
      assert.equal(cause, "oom");
    }
  });

  it("because it was told to has aborted, whatever its status", async () => {
    const statuses = [
      { exitCode: 0, signal: null },
      { exitCode: null, signal: "SIGTERM" },
    ];
    for (const status of statuses) {
      assert.deepEqual(await judge({ ...status, stop: "stopped" }), { type: "aborted" });
    }
  });

  it("because no agent came back was killed", async () => {
    const [cause, name] = await failureOf({ signal: "SIGKILL", exitCode: null, stop: "lease" });
    assert.deepEqual([cause, name], ["killed", "LeaseExpired"]);
  });

  it("and could not be started has failed to build", async () => {
    const message = "no program nonsense in PATH";
    const failure = await failureOf({ kind: "start-failed", exitCode: null, message });
    assert.deepEqual(failure, ["build-failed", "StartError", message]);
  });

  it("and could not be started for want of something is given back", async () => {
    const record = { kind: "start-refused", exitCode: null, message: "no descriptors" } as const;
    assert.deepEqual(await judge(record), { type: "refused", message: "no descriptors" });
  });

  it("under a launcher that died was killed: its status is not known", async () => {
    const lost = { kind: "lost", exitCode: null, message: "the launcher died" } as const;
    assert.deepEqual(await failureOf(lost), ["killed", "ExitUnknown", "the launcher died"]);
  });
});

describe("the value of a command", () => {
  it("is its output as JSON or as text", async () => {
    const stdoutResult = '{"mean": [1, 2.5]}\n';
    assert.deepEqual(await resultFor({ stdoutResult }, { type: "json" }), { mean: [1, 2.5] });
    assert.equal(await resultFor({ stdoutResult }, { type: "text" }), stdoutResult);
  });

  it("that is not JSON fails the command and is quoted", async () => {
    const [cause, name, message] = await failureOf({ stdoutResult: "oops" }, { type: "json" });
    assert.deepEqual([cause, name], ["failed", "ResultError"]);
    assert.match(message, /^exit code 0, but its standard output is not JSON: .*"oops"/);
    const [, , empty] = await failureOf({}, { type: "json" });
    assert.match(empty, /it is empty/);
  });

  it("that was too long to be kept fails the command", async () => {
    const truncated = { stdoutResult: "123", resultTruncated: true };
    const [cause, , message] = await failureOf(truncated, { type: "text" });
    assert.equal(cause, "failed");
    assert.match(message, /longer than the first 3 bytes/);
  });

  it("is a file's bytes, in shared memory if they are many", async () => {
    const bytes = new Uint8Array(inlineValueBytesMax + 1).fill(7);
    mkdirSync(join(work, "out"));
    writeFileSync(join(work, "out/small"), Uint8Array.of(1, 2, 3));
    writeFileSync(join(work, "out/large"), bytes);
    const small = await resultFor({}, { type: "file", path: "out/small" });
    assert.deepEqual(small, Uint8Array.of(1, 2, 3));
    const outcome = await judge({}, { type: "file", path: "out/large" });
    assert.ok(outcome.type === "finished");
    assert.ok(outcome.value.buffer instanceof SharedArrayBuffer);
    assert.deepEqual(new Uint8Array(decodeValue(outcome.value) as Uint8Array), bytes);
  });

  it("that is a file which is missing, elsewhere, too large or a pipe is a failure", async () => {
    execFileSync("mkfifo", [join(work, "pipe")]);
    writeFileSync(join(work, "large"), "");
    truncateSync(join(work, "large"), commandFileBytesMax + 1);
    const messageFor = async (path: string) => (await failureOf({}, { type: "file", path }))[2];
    assert.match(await messageFor("absent"), /"absent" cannot be read: ENOENT/);
    assert.match(await messageFor("../elsewhere"), /is not in its work directory/);
    assert.match(await messageFor("/etc/hostname"), /is not in its work directory/);
    assert.match(await messageFor("large"), /at most 268435456 are allowed/);
    assert.match(await messageFor("pipe"), /is not a file/);
  });
});
