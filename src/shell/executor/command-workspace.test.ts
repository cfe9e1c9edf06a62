/**
 * What a workspace may hold, and what is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { create, Header } from "tar";
import { type UnpackOptions, unpackWorkspace } from "./command-workspace.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "capstan-workspace-test-"));
  for (const name of ["source", "work"]) mkdirSync(join(root, name));
});

afterEach(() => rmSync(root, { recursive: true }));

interface Entry {
  readonly path: string;
  readonly type?: "File" | "SymbolicLink" | "Link" | "FIFO" | "CharacterDevice";
  readonly linkpath?: string;
  readonly content?: string;
}

/** An archive as no well-meaning program would write it. */
function archiveOf(entries: readonly Entry[]): string {
  const blocks = entries.flatMap(({ path, type = "File", linkpath, content = "" }) => {
    const size = Buffer.byteLength(content);
    const link = linkpath === undefined ? {} : { linkpath };
    const header = new Header({ path, type, ...link, size, mode: 0o644, mtime: new Date(0) });
    header.encode();
    const padded = Buffer.alloc(Math.ceil(size / 512) * 512);
    padded.write(content);
    return [header.block as Buffer, padded];
  });
  const archive = join(root, "made.tar");
  writeFileSync(archive, Buffer.concat([...blocks, Buffer.alloc(1024)]));
  return archive;
}

function unpack(archive: string, overrides: Partial<UnpackOptions> = {}): Promise<void> {
  const { signal } = new AbortController();
  return unpackWorkspace({ archive, directory: join(root, "work"), signal, ...overrides });
}

function refusal(entries: readonly Entry[], overrides: Partial<UnpackOptions> = {}) {
  return assert.rejects(unpack(archiveOf(entries), overrides), (error: unknown) => {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "TASK_BUILD_FAILED");
    assert.match(error.message, /entry/);
    return true;
  });
}

describe("a workspace", () => {
  it("is unpacked with its folders, links and modes, gzipped or not", async () => {
    const source = join(root, "source");
    mkdirSync(join(source, "bin"));
    writeFileSync(join(source, "bin/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(source, "data.txt"), "x".repeat(200_000));
    symlinkSync("../data.txt", join(source, "bin/data"));
    for (const gzip of [true, false]) {
      const archive = join(root, `archive-${gzip}`);
      const directory = join(root, `work-${gzip}`);
      mkdirSync(directory);
      await create({ cwd: source, file: archive, gzip }, ["."]);
      await unpack(archive, { directory });
      assert.equal(readFileSync(join(directory, "bin/data"), "utf8").length, 200_000);
      assert.equal(readlinkSync(join(directory, "bin/data")), "../data.txt");
      assert.equal(statSync(join(directory, "bin/run.sh")).mode & 0o111, 0o111);
    }
  });

  it("that climbs out of its directory is refused, naming the entry", async () => {
    await refusal([{ path: "../outside", content: "x" }]);
    await refusal([{ path: "a/../../outside", content: "x" }]);
    await refusal([{ path: join(root, "outside"), content: "x" }]);
    assert.equal(existsSync(join(root, "outside")), false);
  });

  it("with a link that leads out is refused", async () => {
    await refusal([{ path: "out", type: "SymbolicLink", linkpath: "../source" }]);
    await refusal([{ path: "out", type: "SymbolicLink", linkpath: "/etc" }]);
    await refusal([{ path: "out", type: "Link", linkpath: "/etc/passwd" }]);
    await refusal([{ path: "out", type: "Link", linkpath: "../source" }]);
  });

  it("with a link that leads out through another link is refused", async () => {
    await refusal([
      { path: "a/up", type: "SymbolicLink", linkpath: ".." },
      { path: "out", type: "SymbolicLink", linkpath: "a/up/../source" },
    ]);
  });

  it("never writes through a link of its own", async () => {
    const archive = archiveOf([
      { path: "link", type: "SymbolicLink", linkpath: "folder" },
      { path: "link/file", content: "x" },
    ]);
    await assert.rejects(unpack(archive), { code: "TASK_BUILD_FAILED" });
    assert.equal(existsSync(join(root, "work/folder")), false);
  });

  it("with a device or a pipe is refused", async () => {
    await refusal([{ path: "pipe", type: "FIFO" }]);
    await refusal([{ path: "null", type: "CharacterDevice" }]);
  });

  it("with too many entries or bytes is refused before it has filled the disk", async () => {
    const files = [0, 1, 2].map((i) => ({ path: `file-${i}`, content: "x".repeat(1000) }));
    await refusal(files, { entriesMax: 2 });
    await refusal(files, { bytesMax: 2500 });
    assert.equal(existsSync(join(root, "work/file-2")), false);
    await unpack(archiveOf(files), { entriesMax: 3, bytesMax: 3000 });
  });

  it("that is no archive, or is cut off, is refused", async () => {
    const archive = join(root, "noise");
    writeFileSync(archive, "not a tar archive, but long enough to be looked at ".repeat(50));
    await assert.rejects(unpack(archive), { code: "TASK_BUILD_FAILED" });
    const whole = readFileSync(archiveOf([{ path: "file", content: "x".repeat(5000) }]));
    writeFileSync(archive, whole.subarray(0, 2000));
    await assert.rejects(unpack(archive), { code: "TASK_BUILD_FAILED" });
  });

  it("is not unpacked any further once nobody wants it", async () => {
    const controller = new AbortController();
    const reason = new Error("nobody wants it");
    controller.abort(reason);
    const { signal } = controller;
    const archive = archiveOf([{ path: "file", content: "x" }]);
    await assert.rejects(unpack(archive, { signal }), reason);
  });
});
