/**
 * Directories are made with their parents, and what cannot be made is told with its path.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CapstanError } from "../model/errors.ts";
import { makeDirectory } from "./make-directory.ts";

const root = mkdtempSync(join(tmpdir(), "capstan-directories-"));
after(() => rmSync(root, { recursive: true }));

test("a directory is made with its parents, for its owner alone, and made once", () => {
  const path = join(root, "a", "b", "c");
  for (let time = 0; time < 2; time++) makeDirectory(path, "the data directory");
  for (const made of [path, join(root, "a")]) assert.equal(statSync(made).mode & 0o777, 0o700);
});

test("what cannot be made fails with its path, and returns at all", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  const dangling = join(root, "dangling");
  symlinkSync(join(root, "unmounted", "volume"), dangling);
  const impossible = [file, join(file, "x"), dangling, join(dangling, "x"), "/proc/none/x"];
  for (const path of impossible) {
    assert.throws(
      () => makeDirectory(path, "the data directory"),
      (error) =>
        error instanceof CapstanError &&
        error.code === "DISK_FAILED" &&
        error.message.includes(` ${path} cannot`),
      path,
    );
  }
});
