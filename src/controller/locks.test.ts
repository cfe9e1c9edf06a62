/**
 * Locks: one holder at a time, in the order of asking, and never a dead one for ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { locksPerClientMax } from "./limits.ts";

function twoClients() {
  const harness = new ControllerHarness();
  return { harness, one: harness.aClient(), other: harness.aClient() };
}

const lost = "its lease ran out before it was renewed";

describe("a lock", () => {
  test("is held by who asks first, and goes on in the order of asking", () => {
    const { harness, one, other } = twoClients();
    const third = harness.aClient();
    assert.deepEqual(one.locks(1, "disk"), ["c1 < accepted 1", "c1 < granted 1, token 1"]);
    assert.deepEqual(other.locks(1, "disk"), ["c2 < accepted 1", "c2 < queued 1 behind 1"]);
    assert.deepEqual(third.locks(1, "disk"), ["c3 < accepted 1", "c3 < queued 1 behind 2"]);
    assert.deepEqual(one.unlocks(1), ["c1 < accepted 2", "c2 < granted 1, token 2"]);
    assert.deepEqual(other.unlocks(1), ["c2 < accepted 2", "c3 < granted 1, token 3"]);
    assert.deepEqual(third.unlocks(1), ["c3 < accepted 2"]);
    const { locks, locksOfClients } = harness.state.shared;
    assert.deepEqual([locks.size, locksOfClients.size], [0, 0], "nothing is remembered of it");
  });

  test("of one user is not that of another", () => {
    const { harness, one } = twoClients();
    one.locks(1, "disk");
    assert.deepEqual(harness.aClient("bob").locks(1, "disk"), [
      "c3 < accepted 1",
      "c3 < granted 1, token 2",
    ]);
  });

  test("goes to the next when its lease runs out, and its holder is told", () => {
    const { harness, one, other } = twoClients();
    one.locks(1, "disk", 5_000);
    other.locks(1, "disk", 5_000);
    assert.deepEqual(harness.after(4_900), []);
    assert.deepEqual(harness.after(200), ["c2 < granted 1, token 2", `c1 < lost 1: ${lost}`]);
    assert.deepEqual(one.renews(1), [`c1 < lost 1: ${lost}`]);
  });

  test("stays with its holder as long as it is renewed", () => {
    const { harness, one, other } = twoClients();
    one.locks(1, "disk", 5_000);
    other.locks(1, "disk", 5_000);
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(harness.after(4_000), []);
      assert.deepEqual(one.renews(1), ["c1 < renewed 1"]);
    }
    assert.deepEqual(other.renews(1), [], "who waits has nothing to renew");
  });

  test("is given up by a session that ends, held or waited for", () => {
    const { harness, one, other } = twoClients();
    const third = harness.aClient();
    one.locks(1, "disk");
    other.locks(1, "disk");
    third.locks(1, "disk");
    other.closes();
    assert.deepEqual(one.closes(), [
      "c3 < granted 1, token 2",
      "disconnect c1: its session was closed",
    ]);
  });

  test("is not asked for twice by a request that is said again", () => {
    const { one } = twoClients();
    one.locks(1, "disk");
    const again = { type: "lock", sequence: 1, lock: 1, name: "disk", leaseMs: 30_000 } as const;
    assert.deepEqual(one.says(again), ["c1 < accepted 1"]);
  });

  test("has a token above all before it, after a restart too, and its holder is told again", () => {
    for (const from of ["facts", "snapshot"] as const) {
      const { harness, one, other } = twoClients();
      one.locks(1, "disk", 5_000);
      one.unlocks(1);
      one.locks(2, "disk", 5_000);
      other.locks(1, "disk", 5_000);
      harness.after(4_000);
      harness.restarts(from);
      assert.deepEqual(one.connects(), ["c1 < granted 2, token 2"]);
      assert.deepEqual(other.connects(), []);
      assert.deepEqual(harness.after(4_900), [], "its lease has begun anew");
      assert.deepEqual(harness.after(200), ["c2 < granted 1, token 3", `c1 < lost 2: ${lost}`]);
    }
  });

  test("is not taken from its holder for a pause of the controller", () => {
    const { harness, one, other } = twoClients();
    one.locks(1, "disk", 5_000);
    other.locks(1, "disk", 5_000);
    harness.at += 60_000_000;
    harness.happens({ type: "controller-paused", at: harness.at, pausedUs: 60_000_000 });
    assert.deepEqual(harness.after(4_000), []);
    assert.deepEqual(one.renews(1), ["c1 < renewed 1"]);
  });

  test("is refused with a lease that is no lease, and past the limit of its client", () => {
    const harness = new ControllerHarness({ checks: false });
    const one = harness.aClient();
    assert.deepEqual(one.locks(1, "disk", 10), [
      "c1 < refused 1 INVALID_ARGUMENT: lease: 10 ms is not from 1000 to 3600000 ms",
    ]);
    for (let lock = 1; lock <= locksPerClientMax; lock++) one.locks(lock, `n${lock}`);
    const [line] = one.locks(0, "one more");
    assert.match(line, /QUOTA_EXCEEDED: lock: a client holds or waits for 1000 locks at most/);
    assert.equal(harness.state.shared.locks.size, locksPerClientMax);
  });

  test("that is left in line is not granted", () => {
    const { harness, one, other } = twoClients();
    one.locks(1, "disk");
    other.locks(1, "disk");
    other.unlocks(1);
    assert.deepEqual(one.unlocks(1), ["c1 < accepted 2"]);
    assert.equal(harness.state.shared.locks.size, 0);
  });
});

describe("ListLocks", () => {
  test("says who holds what, for how long yet, and who waits", () => {
    const { harness, one, other } = twoClients();
    one.locks(1, "disk", 5_000);
    other.locks(7, "disk");
    harness.after(1_000);
    const { locks } = harness.call("ListLocks") as { locks: { leaseLeftMs: number }[] };
    const [{ leaseLeftMs, ...lock }] = locks;
    assert.ok(leaseLeftMs > 3_900 && leaseLeftMs <= 4_000, String(leaseLeftMs));
    const { grantedAt: _, ...shown } = lock as unknown as { grantedAt: string };
    assert.deepEqual(shown, {
      user: "ann",
      name: "disk",
      token: 1,
      holderJobId: "/ann/graph-1",
      waitingJobIds: ["/ann/graph-2"],
    });
  });
});
