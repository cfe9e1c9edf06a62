/**
 * Assertions and the seeded generator.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";
import { test } from "node:test";
import { assert, assertNever, InvariantError, present } from "./assert.ts";
import { Prng } from "./prng.ts";

test("a broken promise says the rule and tells its story", () => {
  const error = new InvariantError("a grant has one owner", ["attempt 3.17", "worker w1"]);
  nodeAssert.equal(error.message, "a grant has one owner\n  attempt 3.17\n  worker w1");
  nodeAssert.deepEqual(error.story, ["attempt 3.17", "worker w1"]);
  nodeAssert.throws(() => assert(false, "no"), new InvariantError("no"));
  assert(true, "holds");
});

test("what a rule says is there is there, zero and the empty string too", () => {
  nodeAssert.equal(present(0, "zero"), 0);
  nodeAssert.equal(present("", "empty"), "");
  nodeAssert.throws(() => present(undefined, "gone"), InvariantError);
  nodeAssert.throws(() => present(null, "gone"), InvariantError);
});

test("a member that the compiler did not know of is a bug", () => {
  const unknown: unknown = "new-kind";
  nodeAssert.throws(() => assertNever(unknown as never), /new-kind/);
});

const draws = (seed: number): readonly number[] => {
  const prng = new Prng(seed);
  return Array.from({ length: 5 }, () => prng.u32());
};

test("a seed fixes every draw, and seeds differ", () => {
  nodeAssert.deepEqual(draws(1), draws(1));
  nodeAssert.notDeepEqual(draws(1), draws(2));
  nodeAssert.notDeepEqual(draws(1), draws(1 + 2 ** 32));
});

test("draws stay below their bound and reach all of it", () => {
  const prng = new Prng(7);
  const seen = new Set(Array.from({ length: 1_000 }, () => prng.below(10)));
  nodeAssert.deepEqual(
    [...seen].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  nodeAssert.equal(prng.below(1), 0);
  nodeAssert.equal(prng.pick(["only"]), "only");
});

test("a chance comes as often as it says", () => {
  const prng = new Prng(7);
  const hits = Array.from({ length: 10_000 }, () => prng.chance(0.25)).filter(Boolean).length;
  nodeAssert.ok(hits > 2_300 && hits < 2_700, `${hits} of 10000`);
});
