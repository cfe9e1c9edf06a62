/**
 * What columns in one buffer promise, and how columns and byte strings are moved there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlobsBuilder, blobsOf } from "./blobs.ts";
import { F64Column, U8Column, U32Column } from "./column.ts";
import { Slab } from "./slab.ts";

test("what is moved to one buffer is what was pushed, and the columns are used again", () => {
  const values = fc.array(fc.nat(255), { maxLength: 100 });
  fc.assert(
    fc.property(fc.array(values, { maxLength: 4 }), (rounds) => {
      const columns = { f64: new F64Column(), u32: new U32Column(), u8: new U8Column() };
      for (const pushed of rounds) {
        for (const value of pushed) {
          for (const column of Object.values(columns)) column.push(value);
        }
        const slab = new Slab(13 * pushed.length);
        const f64 = slab.f64(pushed.length);
        const u32 = slab.u32(pushed.length);
        const u8 = slab.u8(pushed.length);
        columns.f64.moveTo(f64);
        columns.u32.moveTo(u32);
        columns.u8.moveTo(u8);
        for (const moved of [f64, u32, u8]) assert.deepEqual([...moved], pushed);
        for (const column of Object.values(columns)) assert.equal(column.length, 0);
      }
    }),
  );
});

test("parts that do not fit a buffer are refused", () => {
  assert.throws(() => new Slab(7).f64(1), RangeError);
  const slab = new Slab(8);
  slab.u8(1);
  assert.throws(() => slab.u32(1), RangeError, "not aligned");
});

test("byte strings are moved as they are taken, pushed or copied from others", () => {
  const part = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const from = blobsOf(parts);
      const builder = new BlobsBuilder();
      for (let round = 0; round < 2; round++) {
        parts.forEach((one, index) => {
          if (index % 2 === 0) builder.push(one);
          else builder.pushFrom(from, index);
        });
        const offsets = new Uint32Array(parts.length + 1);
        const data = new Uint8Array(builder.byteLength);
        builder.moveTo({ offsets, data });
        assert.deepEqual({ offsets, data }, from);
        assert.equal(builder.count, 0);
      }
    }),
  );
});
