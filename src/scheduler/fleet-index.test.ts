/**
 * What is kept in order says what a scan says, whatever was put in, taken out or changed before.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Constraint } from "../model/constraints.ts";
import { AttributeIndex } from "./attribute-index.ts";
import { ChangeLog } from "./change-log.ts";
import { satisfiesAll } from "./fit.ts";
import { FleetIndex } from "./fleet-index.ts";
import { GroupTally } from "./group-tally.ts";
import { changesPerWorkerMax, indexedKeysMax, linePlacesMax } from "./limits.ts";
import { LineUp } from "./line-up.ts";
import { type Need, RoomTree } from "./room-tree.ts";

/** More workers than one node of the tree has below it, by two levels. */
const workersMax = 700;
const aWorker = fc.nat(workersMax - 1);

test("the tree of rooms finds exactly the workers that have enough of everything, in order", () => {
  const change = fc.record({
    worker: aWorker,
    column: fc.integer({ min: -3, max: 3 }),
    amount: fc.integer({ min: -2, max: 9 }),
  });
  const need = fc.record({
    column: fc.integer({ min: -3, max: 3 }),
    amount: fc.integer({ min: 1, max: 9 }),
  });
  const needs = fc.array(need, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300, size: "max" }), needs, (changes, wanted) => {
      const tree = new RoomTree();
      const rooms = new Map<string, number>();
      for (const { worker, column, amount } of changes) {
        tree.set(worker, column, amount);
        rooms.set(`${worker} ${column}`, amount);
      }
      const scanned: number[] = [];
      const has = (worker: number, one: Need) =>
        (rooms.get(`${worker} ${one.column}`) ?? 0) >= one.amount;
      for (let worker = 0; worker < workersMax; worker++) {
        if (wanted.every((one) => has(worker, one))) scanned.push(worker);
      }
      const found: number[] = [];
      tree.forEachFit(wanted, (worker) => found.push(worker));
      assert.deepEqual(found, scanned);
    }),
    { numRuns: 300 },
  );
});

test("a line gives its workers by score, then by index, and knows who is in it", () => {
  const change = fc.record({ worker: fc.nat(60), score: fc.option(fc.nat(5)) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200, size: "max" }), (changes) => {
      const line = new LineUp();
      const scores = new Map<number, number>();
      for (const { worker, score } of changes) {
        if (score === null) {
          line.remove(worker);
          scores.delete(worker);
        } else {
          line.set(worker, score);
          scores.set(worker, score);
        }
        assert.equal(line.length, scores.size);
        assert.equal(line.has(worker), scores.has(worker));
      }
      const scanned = [...scores]
        .sort(([a, s], [b, t]) => t - s || a - b)
        .map(([worker]) => worker);
      const drained: number[] = [];
      for (let first = line.first(); first >= 0; first = line.first()) {
        assert.equal(line.scoreOf(first), scores.get(first));
        drained.push(first);
        line.remove(first);
      }
      assert.deepEqual(drained, scanned);
      line.set(3, 1);
      line.clear();
      assert.deepEqual([line.length, line.first(), line.has(3)], [0, -1, false]);
    }),
  );
});

test("a line whose workers all get new scores is in their order, and stays in order", () => {
  const score = fc.nat(5);
  const change = fc.record({ worker: fc.nat(60), before: score, after: score });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80, size: "max" }), (changes) => {
      const line = new LineUp();
      const fresh = new LineUp();
      const scores = new Map(changes.map(({ worker, after }) => [worker, after]));
      for (const { worker, before } of changes) line.set(worker, before);
      line.rescore((worker) => scores.get(worker) ?? -1);
      for (const [worker, after] of scores) fresh.set(worker, after);
      for (let first = fresh.first(); first >= 0; first = fresh.first()) {
        assert.equal(line.first(), first);
        assert.equal(line.scoreOf(first), scores.get(first));
        for (const each of [line, fresh]) each.remove(first);
      }
      assert.equal(line.length, 0);
    }),
  );
});

test("readers of the log see each worker that changed since they read, once", () => {
  const event = fc.oneof(fc.record({ mark: fc.nat(5) }), fc.record({ reader: fc.nat(2) }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 600, size: "max" }), (events) => {
      const log = new ChangeLog();
      const readers = [0, 1, 2].map(() => ({ seen: 0, missed: new Set<number>() }));
      for (const one of events) {
        if ("mark" in one) {
          log.mark(one.mark);
          for (const { missed } of readers) missed.add(one.mark);
          continue;
        }
        const reader = readers[one.reader];
        const heard: number[] = [];
        if (reader.seen >= log.start) {
          log.forEachSince(reader.seen, (worker) => heard.push(worker));
          assert.equal(new Set(heard).size, heard.length);
          assert.deepEqual(new Set(heard), reader.missed);
        }
        reader.seen = log.read();
        reader.missed.clear();
      }
    }),
  );
  const log = new ChangeLog();
  for (let i = 0; i < changesPerWorkerMax * 100; i++) {
    log.mark(i % 2);
    log.read();
  }
  assert.ok(log.start > 0, "the log forgets its beginning");
});

const someAttributes = fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("1", "2", "3"));
const someConstraint: fc.Arbitrary<Constraint> = fc
  .record({
    key: fc.constantFrom("a", "b", "c"),
    op: fc.constantFrom("=", "in", "!=", "exists"),
    values: fc.array(fc.constantFrom("1", "2", "4"), { minLength: 1, maxLength: 3 }),
    mode: fc.constantFrom("REQUIRED", "PREFERRED"),
  })
  .map((one) => ({ ...one, values: one.op === "exists" ? [] : one.values }));

test("among the workers that a constraint names are all that satisfy the constraints", () => {
  const change = fc.tuple(fc.nat(20), someAttributes);
  const query = fc.array(someConstraint, { maxLength: 3 });
  const events = fc.array(fc.tuple(change, query), { maxLength: 40 });
  fc.assert(
    fc.property(events, fc.nat(20), (all, limit) => {
      const index = new AttributeIndex();
      const workers = new Map<number, { readonly [key: string]: string }>();
      for (const [[worker, attributes], constraints] of all) {
        index.set(worker, attributes);
        workers.set(worker, attributes);
        const named = index.fewestFor(constraints, limit);
        if (named === null) continue;
        const suits = (one: number) => satisfiesAll(workers.get(one) ?? {}, constraints);
        const scanned = [...workers.keys()].sort((a, b) => a - b).filter(suits);
        assert.deepEqual(named.filter(suits), scanned);
        assert.deepEqual(
          named,
          [...named].sort((a, b) => a - b),
        );
      }
    }),
  );
});

test("a constraint that names one worker leads to it and to nobody else", () => {
  const index = new AttributeIndex();
  for (let worker = 0; worker < 1_000; worker++) index.set(worker, { host: `h${worker}` });
  const only = (value: string): Constraint => ({
    key: "host",
    op: "=",
    values: [value],
    mode: "REQUIRED",
  });
  assert.deepEqual(index.fewestFor([only("h77")], 10), [77]);
  assert.deepEqual(index.fewestFor([only("nobody")], 10), []);
  assert.equal(index.fewestFor([{ ...only("h77"), mode: "PREFERRED" }], 10), null);
  const zones = Array.from({ length: indexedKeysMax + 1 }, (_unused, i) => `zone-${i}`);
  for (const key of zones) assert.deepEqual(index.fewestFor([{ ...only("x"), key }], 10), []);
  assert.deepEqual(index.fewestFor([only("h78")], 10), [78]);
});

test("a tally of groups counts who is able and who is free", () => {
  const member = fc.record({
    worker: fc.nat(15),
    group: fc.constantFrom(undefined, "", "a", "b"),
    couldFit: fc.boolean(),
    free: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(member, { maxLength: 80 }), (changes) => {
      const tally = new GroupTally();
      const latest = new Map<number, { group: string; fits: boolean }>();
      for (const { worker, group, couldFit, free } of changes) {
        tally.set(worker, { group, couldFit, fits: couldFit && free });
        if (group && couldFit) latest.set(worker, { group, fits: free });
        else latest.delete(worker);
      }
      for (const name of ["a", "b", ""]) {
        const members = [...latest].filter(([, { group }]) => group === name);
        const count = tally.groups.get(name);
        assert.deepEqual(new Set(count?.able), new Set(members.map(([worker]) => worker)));
        assert.equal(count?.free ?? 0, members.filter(([, { fits }]) => fits).length);
      }
    }),
  );
});

test("as many lines are kept as have places, and another queue has a new one", () => {
  const index = new FleetIndex();
  const [first, second] = [{}, {}];
  const line = index.lineUp(1, first);
  assert.equal(index.lineUp(1, first), line);
  assert.notEqual(index.lineUp(1, second), line);
  const kept = index.lineUp(1, second);
  index.bound(linePlacesMax / 4);
  for (const other of [2, 3, 4]) index.lineUp(other, first);
  assert.equal(index.lineUp(1, second), kept);
  index.lineUp(5, first);
  assert.notEqual(index.lineUp(1, second), kept);
});
