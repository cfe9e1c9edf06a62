/**
 * Fair order: bands before shares, shares before queues, and a misfit holds nobody up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareWithinUser, dominantShare, type QueueKey, walkFairly } from "./fair-order.ts";

interface TestQueue extends QueueKey {
  /** Tasks that are queued. */
  readonly tasks: number;
  /** What one task takes; more than there ever is: it never fits. */
  readonly size: number;
}

function aQueue(overrides: Partial<TestQueue>): TestQueue {
  const orders = { rank: 0, priority: 0, depth: 0, treeOrder: 0, headOrder: 0, index: 0 };
  return { band: 1, user: 0, ...orders, tasks: 1, size: 1, ...overrides };
}

/** Indices of queues in the order of placements, one task a turn, on a host with this capacity. */
function placements(queues: readonly TestQueue[], capacity: number): readonly number[] {
  const used = new Map<number, number>();
  const left = new Map(queues.map(({ index, tasks }) => [index, tasks]));
  const placed: number[] = [];
  let free = capacity;
  const total = Float64Array.of(capacity);
  const shareOf = (user: number) => dominantShare(Float64Array.of(used.get(user) ?? 0), total, 1);
  walkFairly(queues, shareOf, ({ index, user, size }) => {
    const tasks = left.get(index) ?? 0;
    if (tasks === 0) return "empty";
    if (size > free) return "blocked";
    free -= size;
    left.set(index, tasks - 1);
    used.set(user, (used.get(user) ?? 0) + size);
    placed.push(index);
    return shareOf(user);
  });
  return placed;
}

test("a user with one task is served within two placements, however long other queues are", () => {
  for (const [long, short] of [
    [0, 1],
    [1, 0],
  ]) {
    const queues = [
      aQueue({ index: 0, user: long, tasks: 100 }),
      aQueue({ index: 1, user: short, tasks: 1, headOrder: 1_000 }),
    ];
    const order = placements(queues, 10);
    assert.ok(order.indexOf(1) <= 1 && order.includes(1), order.join());
    assert.equal(order.length, 10);
  }
});

test("a band is finished before the next begins, whatever the shares", () => {
  const queues = [
    aQueue({ index: 0, band: 2, user: 0, tasks: 3, priority: 9 }),
    aQueue({ index: 1, band: 0, user: 1, tasks: 3 }),
    aQueue({ index: 2, band: 1, user: 2, tasks: 3 }),
  ];
  assert.deepEqual(placements(queues, 7), [1, 1, 1, 2, 2, 2, 0]);
});

test("what a user got in a better band counts in the next", () => {
  const queues = [
    aQueue({ index: 0, band: 0, user: 0, tasks: 2 }),
    aQueue({ index: 1, band: 1, user: 0, tasks: 2 }),
    aQueue({ index: 2, band: 1, user: 1, tasks: 3 }),
  ];
  assert.deepEqual(placements(queues, 6), [0, 0, 2, 2, 1, 2]);
});

test("a queue that does not fit does not block the other queues of its user", () => {
  const queues = [
    aQueue({ index: 0, tasks: 5, size: 100, priority: 1 }),
    aQueue({ index: 1, tasks: 2 }),
  ];
  assert.deepEqual(placements(queues, 10), [1, 1]);
});

test("users whose shares do not move take turns", () => {
  const turns: number[] = [];
  const queues = [0, 1, 2].map((user) => aQueue({ index: user, user: 2 - user }));
  walkFairly(
    queues,
    () => 0.5,
    ({ user }) => (turns.push(user) > 6 ? "empty" : 0.5),
  );
  assert.deepEqual(turns.slice(0, 6), [0, 1, 2, 0, 1, 2]);
});

test("within a user: priority, then the deeper, then the older tree, then the older head", () => {
  const inOrder = [
    aQueue({ index: 9, priority: 1, headOrder: 9 }),
    aQueue({ index: 8, depth: 2, treeOrder: 9 }),
    aQueue({ index: 7, depth: 1, treeOrder: 1, headOrder: 9 }),
    aQueue({ index: 6, depth: 1, treeOrder: 2, headOrder: 0 }),
    aQueue({ index: 4, headOrder: 1 }),
    aQueue({ index: 5, headOrder: 1 }),
  ];
  assert.deepEqual([...inOrder].reverse().sort(compareWithinUser), inOrder);
});

test("the dominant share is the largest part of a dimension, over the weight", () => {
  const total = Float64Array.of(10, 100, 0);
  assert.equal(dominantShare(Float64Array.of(5, 20, 7), total, 1), 0.5);
  assert.equal(dominantShare(Float64Array.of(1, 80, 7, 9), total, 2), 0.4);
  assert.equal(dominantShare(Float64Array.of(), total, 1), 0);
  assert.throws(() => dominantShare(total, total, 0), /weight is above zero/);
});

test("a share that is no number is a bug and not an order", () => {
  const queues = [aQueue({ index: 0, user: 0 }), aQueue({ index: 1, user: 1 })];
  assert.throws(
    () =>
      walkFairly(
        queues,
        () => Number.NaN,
        () => "empty",
      ),
    /a share is a number/,
  );
});

const someQueues = fc
  .array(
    fc.record({
      band: fc.nat(2),
      user: fc.nat(3),
      priority: fc.nat(1),
      depth: fc.nat(2),
      treeOrder: fc.nat(2),
      headOrder: fc.nat(2),
      tasks: fc.nat(5),
      size: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 10 },
  )
  .map((keys) => keys.map((key, index) => aQueue({ ...key, index })));

test("the order in which queues are listed does not matter", () => {
  fc.assert(
    fc.property(someQueues, fc.nat(40), (queues, capacity) => {
      const order = placements(queues, capacity);
      assert.deepEqual(placements([...queues].reverse(), capacity), order);
    }),
  );
});

test("a queue that never fits changes nothing for the others", () => {
  fc.assert(
    fc.property(someQueues, fc.nat(40), fc.nat(2), fc.nat(4), (queues, capacity, band, user) => {
      const misfit = aQueue({ band, user, index: 99, priority: 9, tasks: 3, size: 1_000 });
      const order = placements(queues, capacity);
      assert.deepEqual(placements([misfit, ...queues], capacity), order);
    }),
  );
});

test("nothing that fits at the end is left behind", () => {
  fc.assert(
    fc.property(someQueues, fc.nat(40), (queues, capacity) => {
      const order = placements(queues, capacity);
      const free = capacity - order.reduce((sum, index) => sum + queues[index].size, 0);
      for (const { index, size, tasks } of queues) {
        const placed = order.filter((one) => one === index).length;
        assert.ok(placed === tasks || size > free, `queue ${index} fits and was left behind`);
      }
    }),
  );
});

test("users who want the same differ by no more than one task", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 40 }), (users, room) => {
      const queues = Array.from({ length: users }, (_, user) =>
        aQueue({ index: user, user, tasks: 100, priority: user }),
      );
      const order = placements(queues, room);
      const counts = queues.map(({ index }) => order.filter((one) => one === index).length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join());
    }),
  );
});

test("nobody's share is asked for where one user is alone in a band", () => {
  const queues = [aQueue({ index: 0, user: 0, tasks: 2 }), aQueue({ index: 1, user: 1, band: 2 })];
  const taken: number[] = [];
  walkFairly(
    queues,
    () => assert.fail("asked"),
    ({ index, tasks }) => {
      if (taken.filter((one) => one === index).length === tasks) return "empty";
      taken.push(index);
      return 1;
    },
  );
  assert.deepEqual(taken, [0, 0, 1]);
});
