/**
 * The store of values: what is pending, what is kept, and that nothing is counted twice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import { SpillFiles } from "./spill-files.ts";
import { allocateValue, ValueStore } from "./value-store.ts";

const bytes = (length: number) => new Uint8Array(length).fill(length);

describe("a result", () => {
  it("is pending until the kernel names its task", () => {
    const store = new ValueStore();
    store.addResult(1, bytes(10));
    assert.deepEqual([store.valueBytes, store.pendingBytes], [0, 10]);
    assert.equal(store.storeResult(1, 7), true);
    assert.deepEqual([store.valueBytes, store.pendingBytes], [10, 0]);
    assert.deepEqual(store.get(7), bytes(10));
  });

  it("is gone once it was discarded", () => {
    const store = new ValueStore();
    store.addResult(1, bytes(10));
    store.discardResult(1);
    assert.equal(store.storeResult(1, 7), false);
    assert.deepEqual([store.valueBytes, store.pendingBytes], [0, 0]);
  });

  it("replaces the value that its task had", () => {
    const store = new ValueStore();
    store.addResult(1, bytes(10));
    store.addResult(2, bytes(4));
    store.storeResult(1, 7);
    store.storeResult(2, 7);
    assert.deepEqual([store.valueBytes, store.valueCount], [4, 1]);
  });
});

describe("a transfer", () => {
  it("gives what is stored and takes the rest with it", () => {
    const store = new ValueStore();
    for (const task of [7, 8, 9]) store.addFetched(1, task, bytes(task));
    assert.equal(store.storeFetched(1, 7), true);
    store.discardFetched(1, 8);
    store.endTransfer(1);
    assert.equal(store.storeFetched(1, 9), false);
    assert.deepEqual([store.valueBytes, store.pendingBytes, store.valueCount], [7, 0, 1]);
  });
});

describe("a dropped value", () => {
  it("gives its bytes back once, however often it is dropped", () => {
    const store = new ValueStore();
    store.addResult(1, bytes(10));
    store.storeResult(1, 7);
    store.drop(7);
    store.drop(7);
    assert.equal(store.get(7), undefined);
    assert.equal(store.valueBytes, 0);
  });
});

describe("room for a value", () => {
  it("is shared memory exactly above the inline limit", () => {
    assert(allocateValue(inlineValueBytesMax).buffer instanceof ArrayBuffer);
    assert(allocateValue(inlineValueBytesMax + 1).buffer instanceof SharedArrayBuffer);
  });
});

async function allOf<T>(source: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe("a value on the disk", () => {
  let directory: string;
  let files: SpillFiles;
  let store: ValueStore;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "capstan-store-"));
    files = new SpillFiles(directory);
    store = new ValueStore(files);
    store.addResult(1, bytes(100));
    store.storeResult(1, 7);
    await files.write(4, bytes(100));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const chunksOf = async () => {
    const chunks = await allOf(store.fileOf(7)?.chunks() ?? []);
    return new Uint8Array(Buffer.concat(chunks));
  };

  it("is in its file and not in memory, and counts once", async () => {
    store.unload(7, 4);
    assert.equal(store.get(7), undefined);
    assert.deepEqual([store.valueBytes, store.spilledBytes, store.valueCount], [0, 100, 1]);
    assert.deepEqual(await chunksOf(), bytes(100));
    assert.deepEqual([store.lengthIn(4, 7), store.lengthIn(5, 7)], [100, -1]);
    store.reload(7, bytes(100));
    assert.equal(store.fileOf(7), undefined);
    assert.deepEqual([store.valueBytes, store.spilledBytes, store.valueCount], [100, 0, 1]);
  });

  it("gives its bytes back when it is dropped", () => {
    store.unload(7, 4);
    store.drop(7);
    assert.deepEqual([store.valueBytes, store.spilledBytes, store.valueCount], [0, 0, 0]);
  });

  it("is given from memory to who asked before it was read back", async () => {
    store.unload(7, 4);
    const file = store.fileOf(7);
    store.reload(7, bytes(100));
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(await allOf(file?.chunks() ?? []), [bytes(100)]);
  });

  it("is told to be unreadable when its file is gone", async () => {
    const told: number[] = [];
    store.onUnreadable = (file) => told.push(file);
    store.unload(7, 4);
    rmSync(directory, { recursive: true, force: true });
    await assert.rejects(chunksOf(), { code: "ENOENT" });
    assert.deepEqual(told, [4]);
  });

  it("is waited for while it is being sent, and told to have been used then", async () => {
    const sent: number[] = [];
    store.onSent = (tasks) => sent.push(...tasks);
    const [once, twice] = [store.lend([7]), store.lend([7])];
    let isReturned = false;
    const returned = store.whenReturned(7).then(() => {
      isReturned = true;
    });
    once();
    await Promise.resolve();
    assert.equal(isReturned, false);
    twice();
    await returned;
    assert.deepEqual(sent, [7, 7]);
    await store.whenReturned(7);
  });
});
