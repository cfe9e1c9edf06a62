/**
 * The index of rows by hash, against a plain list of pairs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HashIndex } from "./hash-index.ts";

test("an index finds what was added and not removed, however the hashes collide", () => {
  // Few hashes in few parts: long runs of places, which wrap around, are the rule.
  const hash = fc.tuple(fc.nat(1), fc.nat(11)).map(([part, low]) => part * 0x1000000 + low);
  const step = fc.tuple(fc.boolean(), hash, fc.nat(40));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const index = new HashIndex();
      const model = new Map<number, number>();
      for (const [add, at, row] of steps) {
        const known = model.get(row);
        if (add && known === undefined) {
          index.add(at, row);
          model.set(row, at);
        } else if (!add && known !== undefined) {
          index.remove(known, row);
          model.delete(row);
        }
      }
      for (const one of [index, index.clone()]) {
        assert.equal(one.size, model.size);
        for (let row = 0; row <= 40; row++) {
          const at = model.get(row);
          const found = (hash: number) => one.find(hash, (candidate) => candidate === row);
          if (at !== undefined) assert.equal(found(at), row);
          else assert.equal(found(0), -1);
        }
      }
    }),
  );
});

test("a copy does not see what is added later", () => {
  const index = new HashIndex();
  index.add(7, 1);
  const copy = index.clone();
  index.add(7, 2);
  assert.equal(
    copy.find(7, (row) => row === 2),
    -1,
  );
  assert.equal(
    index.find(7, (row) => row === 2),
    2,
  );
});
