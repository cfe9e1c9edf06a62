/**
 * Lists of jobs: what is given as a filter must all hold, and every order can be turned round.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { CapstanError } from "../model/errors.ts";

interface JobList {
  readonly jobs: readonly { readonly jobId: string }[];
  readonly totalCount: number;
}

/**
 * Of ann: `a` failed twice, its child `a/x` runs; `b` has succeeded. Of bob: `b` waits, and was
 * never charged. Launched in the order a, bob's b, a/x, b.
 */
function aCluster(): ControllerHarness {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 2 });
  harness.launch("a", { replicas: 2, maxTaskFailures: 9, maxRetriesFailure: 9 });
  harness.launch("b", { user: "bob", resources: { cpuMilli: 9_000_000 } });
  worker.fails("a/0");
  worker.fails("a/1");
  harness.launch("a/x");
  harness.cancel("/ann/a/x");
  harness.launch("b");
  return harness;
}

function listed(harness: ControllerHarness, request: object = {}): string {
  const { jobs } = harness.call("ListJobs", request) as JobList;
  return jobs.map(({ jobId }) => jobId).join(" ");
}

describe("jobs are listed", () => {
  test("the latest first, unless another order is asked for", () => {
    const harness = aCluster();
    const latestFirst = "/ann/b /ann/a/x /bob/b /ann/a";
    assert.equal(listed(harness), latestFirst);
    assert.equal(listed(harness, { orderBy: "submittedAt desc" }), latestFirst);
    assert.equal(listed(harness, { orderBy: "submittedAt" }), "/ann/a /bob/b /ann/a/x /ann/b");
    assert.equal(listed(harness, { orderBy: "submittedAt asc" }), "/ann/a /bob/b /ann/a/x /ann/b");
  });

  test("by name, and the reverse", () => {
    const harness = aCluster();
    assert.equal(listed(harness, { orderBy: "name" }), "/ann/a /ann/a/x /ann/b /bob/b");
    assert.equal(listed(harness, { orderBy: "name desc" }), "/bob/b /ann/b /ann/a/x /ann/a");
  });

  test("by state, those of one state by age", () => {
    const harness = aCluster();
    assert.equal(listed(harness, { orderBy: "state" }), "/ann/a/x /bob/b /ann/b /ann/a");
    assert.equal(listed(harness, { orderBy: "state desc" }), "/ann/a /bob/b /ann/b /ann/a/x");
  });

  test("by what they were charged", () => {
    const harness = aCluster();
    const most = listed(harness, { orderBy: "failureCount desc" });
    assert.equal(most, "/ann/a /bob/b /ann/a/x /ann/b");
    const least = listed(harness, { orderBy: "failureCount" });
    assert.equal(least, "/bob/b /ann/a/x /ann/b /ann/a");
  });

  test("by how often they were preempted", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("calm");
    worker.finishes("calm/0");
    harness.launch("low", { band: "batch" });
    worker.starts("low/0");
    harness.launch("high", { band: "production" });
    worker.obeys();
    assert.equal(listed(harness, { orderBy: "preemptionCount" }), "/ann/calm /ann/high /ann/low");
    const most = listed(harness, { orderBy: "preemptionCount desc" });
    assert.equal(most, "/ann/low /ann/calm /ann/high");
  });

  test("of a user, in some states, with a part of the name, or those that match all of it", () => {
    const harness = aCluster();
    assert.equal(listed(harness, { filter: { user: "bob" } }), "/bob/b");
    assert.equal(listed(harness, { filter: { user: "" } }), listed(harness));
    assert.equal(listed(harness, { filter: { states: ["KILLED", "RUNNING"] } }), "/ann/a/x /ann/a");
    assert.equal(listed(harness, { filter: { states: [] } }), listed(harness));
    assert.equal(listed(harness, { filter: { namePrefix: "/b" } }), "/ann/b /bob/b");
    assert.equal(listed(harness, { filter: { namePrefix: "/b", user: "ann" } }), "/ann/b");
  });

  test("of one parent, or of none", () => {
    const harness = aCluster();
    assert.equal(listed(harness, { filter: { parent: "/ann/a" } }), "/ann/a/x");
    assert.equal(listed(harness, { filter: { parent: "/ann/b" } }), "");
    assert.equal(listed(harness, { filter: { parent: "" } }), listed(harness));
    assert.equal(listed(harness, { filter: { rootsOnly: true } }), "/ann/b /bob/b /ann/a");
    assert.equal(listed(harness, { filter: { rootsOnly: false } }), listed(harness));
  });

  test("not at all in an order that does not exist", () => {
    const harness = aCluster();
    const known = "submittedAt, name, state, failureCount, preemptionCount";
    for (const orderBy of ["age", "name up", "name desc x", "toString", ""]) {
      assert.throws(
        () => listed(harness, { orderBy }),
        (error) =>
          error instanceof CapstanError &&
          error.code === "INVALID_ARGUMENT" &&
          error.message.includes(`one of ${known}, with " desc"`),
        orderBy,
      );
    }
  });
});
