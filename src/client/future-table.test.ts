/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { blobsOf } from "../base/blobs.ts";
import { CapstanError } from "../model/errors.ts";
import { FutureTable, futureState } from "./future-table.ts";

/** A table that has given out `count` numbers, and what it has told. */
function aTable(count: number) {
  const table = new FutureTable();
  const released: number[] = [];
  table.onRelease = (number) => released.push(number);
  table.allocate(count);
  return { table, released };
}

test("a released task is told of once, whatever happens to it afterwards", () => {
  const { table, released } = aTable(3);
  table.release(1);
  table.release(1);
  table.settleResults(Uint32Array.of(1), blobsOf([Uint8Array.of(1)]));
  assert.equal(table.state(1), futureState.released);
  assert.deepEqual(released, [1]);
});

test("a page whose tasks are all released is forgotten, and still says so", () => {
  const { table, released } = aTable(3_000);
  for (let number = 0; number < 2_048; number++) table.release(number);
  assert.equal(released.length, 2_048);
  assert.equal(table.state(5), futureState.released);
  assert.equal(table.numbersIn(() => true)[0], 2_048);
  assert.equal(table.state(2_048), futureState.pending);
});

test("a page that is not full yet is kept for the numbers to come", () => {
  const { table } = aTable(10);
  for (let number = 0; number < 10; number++) table.release(number);
  assert.equal(table.allocate(1), 10);
  table.settleRefused(10, new CapstanError("KEY_CONFLICT", "taken"));
  assert.equal(table.state(10), futureState.refused);
});

test("a pinned task is released when its last reader is done", () => {
  const { table, released } = aTable(1);
  table.pin(0);
  table.pin(0);
  table.release(0);
  table.unpin(0);
  assert.deepEqual(released, []);
  table.unpin(0);
  assert.deepEqual(released, [0]);
});

test("what the controller does not know is released without telling it", () => {
  const { table, released } = aTable(2);
  table.settleRefused(0, new CapstanError("KEY_CONFLICT", "taken"));
  table.settleAllLost(new CapstanError("NOT_FOUND", "gone"));
  table.release(0);
  table.release(1);
  assert.deepEqual(released, []);
});

test("a number that was never given out changes nothing", () => {
  const { table } = aTable(2);
  table.settleResults(Uint32Array.of(7, 70_000), blobsOf([Uint8Array.of(1), Uint8Array.of(1)]));
  table.markRunning(Uint32Array.of(7, 70_000));
  assert.deepEqual(table.unsettled(), [0, 1]);
  assert.equal(table.allocate(6), 2);
  assert.equal(table.state(7), futureState.pending);
});

test("every watcher of a task is told once, also when there are several", () => {
  const { table } = aTable(2);
  const told: string[] = [];
  const watchers = ["a", "b", "c"].map((name) => ({
    onSettled: (_: FutureTable, number: number) => void told.push(`${name}${number}`),
  }));
  for (const watcher of watchers) assert.equal(table.watch(0, watcher), true);
  table.unwatch(0, watchers[1]);
  table.settleResults(Uint32Array.of(0), blobsOf([Uint8Array.of(1)]));
  assert.deepEqual(told, ["a0", "c0"]);
  assert.equal(table.watch(0, watchers[0]), false);
});

test("a release ends the waits of those who watch", () => {
  const { table } = aTable(1);
  let state = -1;
  const onSettled = (_: FutureTable, number: number): void => {
    state = table.state(number);
  };
  table.watch(0, { onSettled });
  table.release(0);
  assert.equal(state, futureState.released);
});

test("a value that has come is the outcome, though it is said again or was lost since", () => {
  const { table } = aTable(2);
  table.settleResults(Uint32Array.of(0, 1), blobsOf([Uint8Array.of(1), Uint8Array.of(2)]));
  const lost = { code: "ACTOR_LOST", message: "its worker died", blame: "", workerId: "w1" };
  table.settleFailed(1, "failed", { ...lost, attempts: 1, failure: null });
  table.settleResults(Uint32Array.of(1), blobsOf([Uint8Array.of(2)]));
  assert.equal(table.state(1), futureState.encoded);
  assert.deepEqual(table.encodedBytes(1), Uint8Array.of(2));
  table.settleFailed(1, "cancelled", { ...lost, attempts: 1, failure: null });
  assert.equal(table.state(1), futureState.cancelled, "a restart takes back what was not read");
});
