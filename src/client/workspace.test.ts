/**
 * What of a directory becomes a workspace, and that the same files become the same bytes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, test } from "node:test";
import { extract } from "tar";
import { unpackWorkspace } from "../shell/executor/command-workspace.ts";
import { packWorkspace } from "./workspace.ts";
import { listEntries } from "./workspace-entries.ts";
import { parseIgnoreRule } from "./workspace-ignore.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-workspace-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(path: string, text = path): string {
  const whole = join(directory, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

test("the same files make the same archive, whatever their times, owners and order", async () => {
  write("b/run.sh");
  write("a.txt");
  chmodSync(join(directory, "b/run.sh"), 0o700);
  const first = await packWorkspace(directory);
  rmSync(join(directory, "a.txt"));
  write("a.txt");
  utimesSync(join(directory, "a.txt"), 5, 5);
  chmodSync(join(directory, "a.txt"), 0o600);
  chmodSync(join(directory, "b/run.sh"), 0o777);
  const second = await packWorkspace(directory);
  assert.equal(second.hash, first.hash);
  assert.equal(createHash("sha256").update(first.bytes).digest("hex"), first.hash);
  chmodSync(join(directory, "a.txt"), 0o755);
  assert.notEqual((await packWorkspace(directory)).hash, first.hash);
});

test("what is unpacked is what was there", async () => {
  write("bin/run.sh", "#!/bin/sh\n");
  chmodSync(join(directory, "bin/run.sh"), 0o755);
  write("data/@odd name", "x".repeat(100_000));
  linkSync(join(directory, "data/@odd name"), join(directory, "data/twin"));
  mkdirSync(join(directory, "empty"));
  write(`${"deep/".repeat(60)}leaf`);
  symlinkSync("bin/run.sh", join(directory, "start"));
  const { bytes, entryCount } = await packWorkspace(directory);
  assert.equal(entryCount, 5 + 60 + 3);
  const target = join(directory, "unpacked");
  mkdirSync(target);
  await pipeline(Readable.from([bytes]), extract({ cwd: target, strict: true }));
  rmSync(join(directory, "data/twin"));
  assert.equal(readFileSync(join(target, "data/twin"), "utf8"), "x".repeat(100_000));
  assert.equal(statSync(join(target, "data/twin")).nlink, 1);
  assert.ok((statSync(join(target, "start")).mode & 0o100) !== 0);
  assert.ok(statSync(join(target, "empty")).isDirectory());
  assert.equal(readFileSync(join(target, `${"deep/".repeat(60)}leaf`), "utf8").length, 304);
});

test("an empty directory is a workspace too", async () => {
  const { bytes, entryCount, hash } = await packWorkspace(directory);
  assert.equal(entryCount, 0);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const archive = write("archive");
  writeFileSync(archive, bytes);
  const work = join(directory, "work");
  mkdirSync(work);
  await unpackWorkspace({ archive, directory: work, signal: new AbortController().signal });
  assert.deepEqual(readdirSync(work), []);
});

test("what the ignore file lists stays here, and so do .git and node_modules", async () => {
  write(".git/config");
  write("node_modules/x/index.js");
  write("lib/node_modules/y.js");
  write("logs/today.log");
  write("src/main.py");
  write("src/cache.pyc");
  write(".capstanignore", "# made by hand\n\n*.pyc\nlogs/\n");
  assert.deepEqual(await listEntries(directory), [".capstanignore", "lib", "src", "src/main.py"]);
  write(".capstanignore", "!node_modules\n/node_modules\n");
  assert.ok((await listEntries(directory)).includes("lib/node_modules/y.js"));
  assert.ok(!(await listEntries(directory)).includes("node_modules"));
});

test("ignore patterns are read as git reads them", () => {
  const cases: readonly (readonly [string, string, boolean, boolean])[] = [
    ["*.log", "a/b.log", false, true],
    ["*.log", "a/b.log.txt", false, false],
    ["data/", "x/data", true, true],
    ["data/", "x/data", false, false],
    ["/build", "build", true, true],
    ["/build", "a/build", true, false],
    ["src/*.c", "src/a.c", false, true],
    ["src/*.c", "src/x/a.c", false, false],
    ["src/*.c", "lib/src/a.c", false, false],
    ["a/**/z", "a/z", false, true],
    ["a/**/z", "a/b/c/z", false, true],
    ["a/**", "a/b/c", false, true],
    ["**/tmp", "a/b/tmp", false, true],
    ["?.txt", "a.txt", false, true],
    ["?.txt", "ab.txt", false, false],
    ["a+b(c)", "a+b(c)", false, true],
    ["a.c", "abc", false, false],
    ["name", "my-name", false, false],
    ["*.log\n!keep.log", "keep.log", false, false],
    ["!keep.log\n*.log", "keep.log", false, true],
    ["# name", "# name", false, false],
  ];
  for (const [text, path, isDirectory, expected] of cases) {
    assert.equal(parseIgnoreRule(text)(path, isDirectory), expected, `${text} on ${path}`);
  }
});

test("a link that leads out of the directory is refused by name", async () => {
  const outside = mkdtempSync(join(tmpdir(), "capstan-outside-"));
  try {
    for (const target of ["/etc/hosts", "../elsewhere", "sub/../../elsewhere", outside]) {
      symlinkSync(target, join(directory, "way-out"));
      await assert.rejects(packWorkspace(directory), {
        code: "INVALID_ARGUMENT",
        message: /^workspace: "way-out" is a link to ".*", which no worker has; list it/,
      });
      rmSync(join(directory, "way-out"));
    }
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("a link within the directory stays a link, also one that leads to nothing", async () => {
  write("a/x");
  symlinkSync("../a/x", join(directory, "a/same"));
  symlinkSync("missing", join(directory, "dangling"));
  symlinkSync(".", join(directory, "self"));
  assert.deepEqual(await listEntries(directory), ["a", "dangling", "self", "a/same", "a/x"]);
});

test("a link that leads nowhere because it leads to itself is refused by name", async () => {
  symlinkSync("loop", join(directory, "loop"));
  await assert.rejects(packWorkspace(directory), { message: /"loop" cannot be followed/ });
});

test("what is neither file nor directory nor link is refused by name", async () => {
  execFileSync("mkfifo", [join(directory, "pipe")]);
  await assert.rejects(packWorkspace(directory), {
    message: /^workspace: "pipe" is neither .*; list it in \.capstanignore/,
  });
  write(".capstanignore", "pipe\n");
  assert.deepEqual(await listEntries(directory), [".capstanignore"]);
});

test("too many bytes are refused before they are read, with the largest file", async () => {
  write("small");
  truncateSync(write("huge.bin"), 512 * 1024 * 1024);
  await assert.rejects(packWorkspace(directory), {
    code: "INVALID_ARGUMENT",
    message: /holds more than 536870912 bytes; .*largest file so far is "huge\.bin"/,
  });
});

test("what is no directory is refused", async () => {
  const file = write("file");
  await assert.rejects(packWorkspace(file), { message: /is not a directory$/ });
  await assert.rejects(packWorkspace(join(directory, "none")), {
    code: "INVALID_ARGUMENT",
    message: /none" cannot be read: ENOENT/,
  });
});
