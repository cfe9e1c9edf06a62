/**
 * Each invariant of administration can be broken, and says so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AccessScene,
  anEndpointRequest,
  aPrincipal,
  aTokenRequest,
} from "../../test/support/access-builders.ts";
import { onCreateToken, onRegisterEndpoint } from "./access.ts";
import { budgetsMax } from "./access-limits.ts";
import type { AccessState } from "./access-state.ts";

const principal = aPrincipal("root", "admin");

function aScene(): AccessScene {
  const scene = new AccessScene();
  const { state, at } = scene;
  scene.runs("/ann/train/0");
  onCreateToken(state, scene, { principal, request: aTokenRequest(), at });
  onRegisterEndpoint(state, scene, { principal, request: anEndpointRequest(), at });
  return scene;
}

const breakages: readonly (readonly [string, RegExp, (access: AccessState) => void])[] = [
  ["a hash is lost", /not found by its hash/, (access) => access.tokensByHash.clear()],
  ["a hash is left over", /2 hashes of 1/, (access) => access.tokensByHash.set("x", "t1")],
  ["a name is lost", /its name misses it/, (access) => access.endpointsByName.clear()],
  ["an attempt is lost", /its attempt misses it/, (access) => access.endpointsByAttempt.clear()],
  [
    "a name is left over",
    /1 under \/x, 0 found/,
    (access) => access.endpointsByName.set("/x", new Set(["e9"])),
  ],
  [
    "no look at leases is due",
    /its lease ends/,
    (access) => Object.assign(access, { sweepEndpointsAt: 0 }),
  ],
  [
    "a lease ends before the look",
    /its lease ends/,
    (access) => Object.assign(access, { sweepEndpointsAt: Number.MAX_SAFE_INTEGER }),
  ],
  [
    "there are too many budgets",
    /budgets, at most/,
    ({ budgets, tokens }) => {
      for (let i = 0; i <= budgetsMax; i++) budgets.set(`u${i}`, Object(tokens));
    },
  ],
];

for (const [happening, message, breaks] of breakages) {
  test(`when ${happening}, it is seen`, () => {
    const scene = aScene();
    assert.deepEqual(scene.violations(), []);
    breaks(scene.state.access);
    assert.match(scene.violations().join("\n"), message);
  });
}

test("an endpoint of an attempt that has ended is seen, and so is one of a forgotten task", () => {
  const scene = aScene();
  const { tasks, attempts } = scene.state;
  tasks.release(attempts.task[0]);
  assert.match(scene.violations().join("\n"), /e1 \/ann\/train\/0: .*another task/);
  attempts.release(0);
  assert.match(scene.violations().join("\n"), /e1 \/ann\/train\/0: .*has ended/);
});
