/**
 * Why a task waits is true: once it is made false, the task moves or waits for something else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Prng } from "../../src/base/prng.ts";
import { explainTask } from "../../src/controller/explain.ts";
import { plainReason } from "../../src/controller/explain-reasons.ts";
import { findTask } from "../../src/controller/lookup.ts";
import { noResources } from "../../src/model/resources.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import type { Profile } from "../../src/simulator/profiles.ts";
import { checkReasons, type Explainer, ReasonChecker } from "../../src/simulator/reasons.ts";
import { ControllerHarness, type JobOverrides } from "../support/controller-builders.ts";
import { clause, devices } from "../support/job-builders.ts";
import { actionCount } from "./seeds.ts";

/** What is tried, and how often at least in these seeds; caps are rare in them. */
const leastCounts = [
  ["new workers have room", 500],
  ["closed workers are opened", 5],
  ["its back-off ends", 10],
] as const;

const firstSeed = 50_001;
const seedCounts: readonly (readonly [Profile, number])[] = [
  ["swarm", 50],
  ["gangs", 50],
];

function checkSeed(seed: number, profile: Profile, explain: Explainer = explainTask) {
  const checker = new ReasonChecker(new Prng(seed), { explain });
  const cluster = new SimulatedCluster({ seed, profile, checks: false, observers: [checker] });
  cluster.run(actionCount);
  return checker;
}

describe("a reason to wait", () => {
  test("is true: without it the task moves, or waits for something else", () => {
    const counts = new Map<string, number>();
    for (const [profile, count] of seedCounts) {
      for (let seed = firstSeed; seed < firstSeed + count; seed++) {
        for (const [tried, times] of checkSeed(seed, profile).counts) {
          counts.set(tried, (counts.get(tried) ?? 0) + times);
        }
      }
    }
    for (const [tried, least] of leastCounts) {
      const times = counts.get(tried) ?? 0;
      assert.ok(times >= least, `${tried}: only ${times} times`);
    }
  });

  test("can be made false, whichever it is", () => {
    const harness = new ControllerHarness();
    harness.limits("bob", { cap: { ...noResources, cpuMilli: 1000 } });
    harness.aWorker({ slots: 4, attributes: { zone: "east", slice: "a" } });
    for (const [name, overrides] of waitingJobs) {
      harness.launch(name, overrides);
      const task = findTask(harness.state, `/${overrides.user ?? "ann"}/${name}/0`);
      const tried = overrides.user === "bob" ? "the cap is lifted" : "new workers have room";
      assert.deepEqual(checkReasons(harness.state, task), [tried], name);
    }
  });
});

/** Jobs of which one worker with four slots, in the east, can run none; bob has a cap. */
const waitingJobs: readonly (readonly [string, JobOverrides])[] = [
  ["cpu", { resources: { cpuMilli: 64_000 } }],
  ["device", { resources: { devices: devices("gpu", "h100", 2) } }],
  ["any-variant", { resources: { devices: devices("gpu", "auto", 1) } }],
  ["west", { constraints: [clause("zone", "=", "west")] }],
  ["many-cores", { constraints: [clause("cores", ">", "63"), clause("cores", "!=", "64")] }],
  ["gang", { replicas: 2, groupBy: "slice" }],
  ["rack", { replicas: 2, groupBy: "rack" }],
  ["capped", { user: "bob", resources: { cpuMilli: 2000 } }],
];

/** Says the same of every task. */
function always(code: string): Explainer {
  const reasons = [plainReason(code, "says the liar")];
  return (state, task) => ({ ...explainTask(state, task), reasons });
}

describe("a reason that is not true", () => {
  for (const code of ["INSUFFICIENT", "BACKOFF", "USER_CAP", "GANG_BUSY"]) {
    test(`is found: ${code}`, () => {
      const isNamed = { name: "InvariantError", message: /waits for a reason that is not true/ };
      const search = () => {
        for (let i = 0; i < 40; i++) checkSeed(firstSeed + i, "gangs", always(code));
      };
      assert.throws(search, isNamed);
    });
  }

  test("is found where it is none at all", () => {
    const nothing: Explainer = () => ({ reasons: [] });
    assert.throws(() => {
      for (let i = 0; i < 5; i++) checkSeed(firstSeed + i, "gangs", nothing);
    }, /nothing keeps it/);
  });
});
