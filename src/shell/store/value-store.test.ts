/**
 * The store of values: what is pending, what is kept, and that nothing is counted twice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
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
