/**
 * Gangs: all or none, in one group, ranked the same way every time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseGang, chooseGangToWaitFor, explainGang, type GangCandidate } from "./gang.ts";

function aCandidate(worker: number, overrides: Partial<GangCandidate> = {}): GangCandidate {
  const workerId = `w${String(worker).padStart(3, "0")}`;
  const fit = { fits: true, couldFit: true, preference: 0 };
  return { worker, group: "a", hostIndex: 0, workerId, ...fit, ...overrides };
}

const none: ReadonlySet<string> = new Set();

test("a gang goes to one group, or nowhere", () => {
  const candidates = [
    aCandidate(0, { group: "a" }),
    aCandidate(1, { group: "a" }),
    aCandidate(2, { group: "b" }),
  ];
  assert.deepEqual(chooseGang(candidates, 2), { group: "a", workers: [0, 1] });
  assert.equal(chooseGang(candidates, 3), null);
});

test("workers without the attribute, or with an empty one, are in no group", () => {
  const candidates = [
    aCandidate(0, { group: undefined }),
    aCandidate(1, { group: undefined }),
    aCandidate(2, { group: "" }),
    aCandidate(3, { group: "" }),
  ];
  assert.equal(chooseGang(candidates, 2), null);
  assert.equal(chooseGangToWaitFor(candidates, 2, none), null);
  assert.deepEqual(explainGang(candidates, 2), {
    withAttribute: 0,
    total: 4,
    groups: [],
    verdict: "NO_ATTRIBUTE",
  });
});

test("task i runs on the i-th host: by host index, then by worker id", () => {
  const candidates = [
    aCandidate(0, { hostIndex: 10 }),
    aCandidate(1, { hostIndex: 2 }),
    aCandidate(2, { hostIndex: 2, workerId: "w0" }),
    aCandidate(3, { hostIndex: 0 }),
  ];
  assert.deepEqual(chooseGang(candidates, 4)?.workers, [3, 2, 1, 0]);
});

test("the preferred workers are taken, and ranked by host and not by preference", () => {
  const candidates = [
    aCandidate(0, { hostIndex: 0 }),
    aCandidate(1, { hostIndex: 1, preference: 1 }),
    aCandidate(2, { hostIndex: 2, preference: 2 }),
  ];
  assert.deepEqual(chooseGang(candidates, 2)?.workers, [1, 2]);
});

test("preference decides between groups, then the fewest to spare, then the name", () => {
  const group = (name: string, first: number, count: number, preference = 0) =>
    Array.from({ length: count }, (_, i) => aCandidate(first + i, { group: name, preference }));
  const large = group("a", 0, 4);
  const tight = group("b", 10, 2);
  const same = group("c", 20, 2);
  const preferred = group("z", 30, 9, 1);
  assert.equal(chooseGang([...large, ...same, ...tight, ...preferred], 2)?.group, "z");
  assert.equal(chooseGang([...same, ...large, ...tight], 2)?.group, "b");
  assert.equal(chooseGang(large, 2)?.group, "a");
});

test("an explanation counts the members of each group, able and free", () => {
  const busy = { fits: false };
  const tooSmall = { fits: false, couldFit: false };
  const candidates = [
    aCandidate(0, { group: "b" }),
    aCandidate(1, { group: "b", ...busy }),
    aCandidate(2, { group: "b", ...tooSmall }),
    aCandidate(3, { group: "a" }),
    aCandidate(4, { group: undefined }),
  ];
  assert.deepEqual(explainGang(candidates, 2), {
    withAttribute: 4,
    total: 5,
    groups: [
      { group: "a", members: 1, able: 1, free: 1 },
      { group: "b", members: 3, able: 2, free: 1 },
    ],
    verdict: "BUSY",
  });
  assert.equal(explainGang(candidates, 1).verdict, "FITS");
  assert.equal(explainGang(candidates, 3).verdict, "TOO_SMALL");
});

test("a gang waits for the group that is nearest to holding it and that nobody waits for", () => {
  const candidates = [
    aCandidate(0, { group: "a", fits: false }),
    aCandidate(1, { group: "a", fits: false }),
    aCandidate(2, { group: "b", fits: false, hostIndex: 0 }),
    aCandidate(3, { group: "b", fits: true, hostIndex: 5 }),
    aCandidate(4, { group: "b", fits: false, hostIndex: 1 }),
    aCandidate(5, { group: "c", fits: true, couldFit: true }),
  ];
  assert.deepEqual(chooseGangToWaitFor(candidates, 2, none), { group: "b", workers: [3, 2] });
  const taken = new Set(["b"]);
  assert.deepEqual(chooseGangToWaitFor(candidates, 2, taken), { group: "a", workers: [0, 1] });
  assert.equal(chooseGangToWaitFor(candidates, 4, none), null);
});

const someCandidates = fc
  .array(
    fc.record({
      group: fc.constantFrom("a", "b", "c", "", undefined),
      hostIndex: fc.nat(3),
      room: fc.nat(2),
      preference: fc.nat(2),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ group, hostIndex, room, preference }, worker) =>
      aCandidate(worker, {
        group,
        hostIndex,
        preference,
        fits: room > 1,
        couldFit: room > 0,
      }),
    ),
  );
const someSize = fc.integer({ min: 1, max: 4 });

test("a choice is of distinct workers of one group that all fit; and the verdict agrees", () => {
  fc.assert(
    fc.property(someCandidates, someSize, (candidates, size) => {
      const choice = chooseGang(candidates, size);
      assert.equal(choice !== null, explainGang(candidates, size).verdict === "FITS");
      if (choice === null) return;
      assert.equal(new Set(choice.workers).size, size);
      for (const worker of choice.workers) {
        assert.equal(candidates[worker].group, choice.group);
        assert.ok(candidates[worker].fits);
      }
    }),
  );
});

test("there is a group to wait for exactly if one could hold the gang", () => {
  fc.assert(
    fc.property(someCandidates, someSize, (candidates, size) => {
      const choice = chooseGangToWaitFor(candidates, size, none);
      const { verdict } = explainGang(candidates, size);
      assert.equal(choice !== null, verdict === "FITS" || verdict === "BUSY");
      if (choice === null) return;
      assert.equal(new Set(choice.workers).size, size);
      assert.ok(choice.workers.every((worker) => candidates[worker].couldFit));
    }),
  );
});

test("the order in which workers are listed does not matter", () => {
  const shuffled = someCandidates.chain((candidates) =>
    fc.tuple(
      fc.constant(candidates),
      fc.shuffledSubarray(candidates, { minLength: candidates.length }),
    ),
  );
  fc.assert(
    fc.property(shuffled, someSize, ([candidates, mixed], size) => {
      assert.deepEqual(chooseGang(mixed, size), chooseGang(candidates, size));
      assert.deepEqual(explainGang(mixed, size), explainGang(candidates, size));
      const waited = chooseGangToWaitFor(candidates, size, none);
      assert.deepEqual(chooseGangToWaitFor(mixed, size, none), waited);
    }),
  );
});
