/**
 * Builds wait for a place, in order, and a build that fails gives its place back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BuildSlots } from "./command-build.ts";

test("never more builds than places run at once, and each runs in its turn", async () => {
  const slots = new BuildSlots(2);
  const begun: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const builds = gates.map(({ promise }, index) =>
    slots.run(async () => {
      begun.push(index);
      most = Math.max(most, ++running);
      await promise;
      running--;
    }),
  );
  for (const [index, { resolve }] of gates.entries()) {
    resolve();
    await builds[index];
  }
  assert.equal(most, 2);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
});

test("a build that fails gives its place back", async () => {
  const slots = new BuildSlots(1);
  await assert.rejects(
    slots.run(() => Promise.reject(new Error("no disk"))),
    /no disk/,
  );
  let ran = false;
  await slots.run(async () => {
    ran = true;
  });
  assert.ok(ran);
});
