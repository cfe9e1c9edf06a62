/**
 * What the growable columns, byte strings, rings, heaps and maps promise, against plain arrays.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BlobsBuilder, blobAt, blobCount, blobsOf, emptyBlobs } from "./blobs.ts";
import { F64Column, U8Column, U32Column } from "./column.ts";
import { digestWith, digestWithout, mixId } from "./digest.ts";
import { Heap } from "./heap.ts";
import { NumberMap } from "./number-map.ts";
import { U32Ring } from "./ring.ts";

describe("columns", () => {
  const u32 = fc.nat(0xffffffff);

  test("a column gives back what was pushed, and is empty afterwards", () => {
    fc.assert(
      fc.property(fc.array(u32, { maxLength: 200 }), (values) => {
        for (const column of [new U32Column(), new F64Column()]) {
          for (const value of values) column.push(value);
          assert.equal(column.length, values.length);
          values.forEach((value, index) => {
            assert.equal(column.at(index), value);
          });
          assert.deepEqual([...column.take()], values);
          assert.equal(column.length, 0);
          assert.equal(column.take().length, 0);
        }
      }),
    );
  });

  test("what was taken is not changed by what is pushed later", () => {
    const column = new U8Column();
    column.push(1);
    const taken = column.take();
    column.push(2);
    assert.deepEqual([...taken], [1]);
    assert.deepEqual([...column.take()], [2]);
  });

  test("a column of floats keeps ids of 53 bits", () => {
    const column = new F64Column();
    column.push(Number.MAX_SAFE_INTEGER);
    assert.equal(column.at(0), Number.MAX_SAFE_INTEGER);
  });
});

describe("byte strings", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 100 });

  test("each comes out as it went in, empty ones too", () => {
    fc.assert(
      fc.property(parts, (written) => {
        const blobs = blobsOf(written);
        assert.equal(blobCount(blobs), written.length);
        const read = written.map((_, index) => [...blobAt(blobs, index)]);
        assert.deepEqual(
          read,
          written.map((part) => [...part]),
        );
      }),
    );
  });

  test("a builder starts anew after it was taken, also after large strings", () => {
    const builder = new BlobsBuilder();
    builder.push(new Uint8Array(2_000_000).fill(7));
    builder.pushEmpty();
    assert.equal(builder.count, 2);
    assert.equal(builder.byteLength, 2_000_000);
    const large = builder.take();
    assert.equal(blobAt(large, 0)[1_999_999], 7);
    assert.equal(blobAt(large, 1).length, 0);
    builder.push(new Uint8Array([1, 2]));
    assert.deepEqual([...blobAt(builder.take(), 0)], [1, 2]);
    assert.deepEqual([...blobAt(large, 0).subarray(0, 2)], [7, 7]);
  });

  test("no byte strings are a column of one offset", () => {
    assert.equal(blobCount(emptyBlobs), 0);
    assert.deepEqual(new BlobsBuilder().take(), emptyBlobs);
  });
});

test("a ring is a queue that can be swept, whatever it held before", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("back" as const), value: fc.nat(0xffffffff) }),
    fc.record({ do: fc.constant("pop" as const), value: fc.constant(0) }),
    fc.record({ do: fc.constant("sweep" as const), value: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ring = new U32Ring();
      let model: number[] = [];
      for (const { do: what, value } of steps) {
        if (what === "back") ring.pushBack(value);
        if (what === "back") model.push(value);
        if (what === "sweep") ring.keep((one) => one % 4 !== value);
        if (what === "sweep") model = model.filter((one) => one % 4 !== value);
        if (what === "pop" && model.length > 0) assert.equal(ring.popFront(), model.shift());
        assert.equal(ring.length, model.length);
      }
      assert.deepEqual(
        model.map((_, index) => ring.at(index)),
        model,
      );
    }),
  );
});

test("a heap gives the smallest key first, and equal keys in the order in which they came", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (keys) => {
      const heap = new Heap();
      keys.forEach((key, index) => {
        heap.push(key, index);
      });
      const expected = keys.map((key, index) => ({ key, index })).sort((a, b) => a.key - b.key);
      const due = expected.filter(({ key }) => key <= 7).map(({ index }) => index);
      assert.deepEqual(heap.valuesUpTo(7), due);
      for (const { key, index } of expected) {
        assert.equal(heap.peekKey(), key);
        assert.equal(heap.pop(), index);
      }
      assert.equal(heap.length, 0);
    }),
  );
});

test("a number map is a map, and forgets its chunks with their last entries", () => {
  const key = fc.oneof(fc.nat(40), fc.nat(5_000), fc.nat(2 ** 31 - 1));
  const step = fc.tuple(fc.boolean(), key, fc.nat(0xfffffffe));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = new NumberMap();
      const model = new Map<number, number>();
      for (const [add, at, value] of steps) {
        if (add) map.set(at, value);
        else map.delete(at);
        if (add) model.set(at, value);
        else model.delete(at);
        assert.equal(map.size, model.size);
        assert.equal(map.get(at), model.get(at) ?? -1);
      }
      const seen = new Map<number, number>();
      map.forEach((at, value) => {
        seen.set(at, value);
      });
      assert.deepEqual(seen.size, model.size);
      for (const [at, value] of model) assert.equal(seen.get(at), value);
    }),
  );
});

describe("digests", () => {
  const ids = fc.uniqueArray(fc.nat(Number.MAX_SAFE_INTEGER), { maxLength: 50 });

  test("a digest depends on the set and not on its order", () => {
    fc.assert(
      fc.property(ids, (set) => {
        assert.equal(set.reduce(digestWith, 0), [...set].reverse().reduce(digestWith, 0));
        assert.equal(set.reduce(digestWithout, set.reduce(digestWith, 0)), 0);
      }),
    );
  });

  test("the high bits of an id count", () => {
    assert.notEqual(mixId(5), mixId(5 + 2 ** 32));
    assert.notEqual(mixId(2 ** 36), mixId(2 ** 37));
  });

  test("the first ids of a table show", () => {
    for (let id = 0; id < 1_000; id++) assert.notEqual(mixId(id), 0);
  });

  test("one id that is missing shows", () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (set, id) => {
        const digest = set.reduce(digestWith, 0);
        assert.equal(digestWith(digest, id) === digest, mixId(id) === 0);
      }),
    );
  });
});
