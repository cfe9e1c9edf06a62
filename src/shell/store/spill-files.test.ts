/**
 * Files of values: whole or not there, read at once or in parts, and gone with their process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { spillChunkBytes, streamChunkBytes } from "./limits.ts";
import { SpillFiles } from "./spill-files.ts";
import { allocateValue } from "./value-store.ts";

async function allOf<T>(source: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe("a value in a file", () => {
  let directory: string;
  let files: SpillFiles;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "capstan-files-")), "spilled");
    files = new SpillFiles(directory);
  });

  afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

  /** In shared memory, and longer than what is written or sent at once. */
  function aValue(length = spillChunkBytes + 3): Uint8Array {
    const value = allocateValue(length);
    for (let i = 0; i < length; i += 997) value[i] = i;
    return value;
  }

  async function streamed(length: number): Promise<Buffer> {
    return Buffer.concat(await allOf(files.stream(1, length)));
  }

  it("comes back as it was, in shared memory if it is large", async () => {
    const value = aValue();
    await files.write(1, value);
    const back = await files.read(1, value.length);
    assert.ok(back.buffer instanceof SharedArrayBuffer);
    assert.ok(Buffer.from(back).equals(Buffer.from(value)));
  });

  it("is streamed in parts of a bounded size", async () => {
    const value = aValue(2 * streamChunkBytes + 1);
    await files.write(1, value);
    const sizes: number[] = [];
    for await (const { length } of files.stream(1, value.length)) sizes.push(length);
    assert.deepEqual(sizes, [streamChunkBytes, streamChunkBytes, 1]);
    assert.ok((await streamed(value.length)).equals(Buffer.from(value)));
  });

  it("is read to its end by who reads it, though it was removed meanwhile", async () => {
    const value = aValue(2 * streamChunkBytes);
    await files.write(1, value);
    const stream = files.stream(1, value.length);
    const first = await stream.next();
    files.remove(1);
    const rest = await allOf(stream);
    assert.equal(rest.length, 1);
    assert.equal(first.value?.length, streamChunkBytes);
  });

  it("is refused if it is not whole", async () => {
    await files.write(1, aValue(70_000));
    truncateSync(join(directory, "1.value"), 69_999);
    await assert.rejects(files.read(1, 70_000), /file 1 has 69999 of 70000 bytes/);
    await assert.rejects(streamed(70_000), /file 1 has 69999 of 70000 bytes/);
    await assert.rejects(files.read(2, 1), { code: "ENOENT" });
  });

  it("is not there if it could not be written", async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "no directory");
    await assert.rejects(files.write(1, aValue(70_000)), { code: "ENOTDIR" });
  });

  it("is removed, and with the next process all are", async () => {
    for (const file of [1, 2]) await files.write(file, aValue(70_000));
    assert.deepEqual(readdirSync(directory).sort(), ["1.value", "2.value"]);
    new SpillFiles(directory);
    assert.deepEqual(readdirSync(directory), []);
  });
});
