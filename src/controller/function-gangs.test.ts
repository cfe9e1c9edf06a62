/**
 * Gangs whose members are functions: what is different from gangs of commands.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness, type JobOverrides } from "../../test/support/controller-builders.ts";
import { handedBack } from "../../test/support/fake-worker.ts";
import {
  aSlice,
  assertAllFree,
  chargesOf,
  obeyAll,
  ordersOf,
  runGang,
  why,
} from "../../test/support/job-builders.ts";
import type { FunctionRun } from "../model/spec.ts";

const bundle = "0".repeat(64);
const inThread: FunctionRun = {
  ...{ kind: "function", bundle, functionName: "train", executor: "thread" },
};

/** A gang `g` of two functions on a slice of two hosts. */
function aGang(options: JobOverrides = {}) {
  const harness = new ControllerHarness();
  const hosts = aSlice(harness, "a", { hosts: 2, slots: 2 });
  harness.launch("g", { run: inThread, groupBy: "slice", replicas: 2, ...options });
  return { harness, hosts };
}

describe("a gang of functions", () => {
  test("takes slots of functions, and none of its members is sent ahead", () => {
    const { harness, hosts } = aGang({ replicas: 2 });
    assert.equal(harness.usedBy(hosts[0]).slots, 1);
    assert.equal(harness.usedBy(hosts[0])["command slots"] ?? 0, 0);
    for (const name of ["h", "i"]) {
      harness.launch(name, { run: inThread, groupBy: "slice", replicas: 2 });
    }
    assert.equal(ordersOf(...hosts), "w1: g/0 h/0, w2: g/1 h/1", "the last one waits here");
  });

  test("ends the row of returned rounds when all have begun, though none was said to run", () => {
    const { harness, hosts } = aGang({ maxRetriesFailure: 1 });
    hosts[0].reports(handedBack("g/0", { reason: "refused" }));
    obeyAll(hosts);
    harness.after(1_100);
    hosts[0].prepares("g/0");
    hosts[1].prepares("g/1");
    hosts[0].finishes("g/0");
    hosts[1].starts("g/1");
    hosts[1].fails("g/1");
    obeyAll(hosts);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1");
    hosts[1].reports(handedBack("g/1", { reason: "refused" }));
    obeyAll(hosts);
    harness.after(1_100);
    assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1", "a second again, and not two");
  });

  test("that was told nothing is no suspect when its worker dies, however often", () => {
    const { harness, hosts } = aGang({ maxRetriesPreemption: 0 });
    for (let round = 0; round < 3; round++) {
      hosts[0].prepares("g/0");
      hosts[0].exits();
      obeyAll(hosts);
      hosts[0].connects();
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1", `round ${round + 2}`);
    }
    assert.equal(chargesOf(harness, "g"), "0/0");
  });

  test("that was told to start becomes a suspect by a death, and pays for the next one", () => {
    const { harness, hosts } = aGang({ maxRetriesPreemption: 0 });
    for (const name of ["g/0", "g/1"]) hosts[Number(name[2])].prepares(name);
    hosts[0].exits();
    obeyAll(hosts);
    hosts[0].connects();
    assert.equal(chargesOf(harness, "g"), "0/0");
    for (const name of ["g/0", "g/1"]) hosts[Number(name[2])].prepares(name);
    hosts[0].exits();
    assert.equal(harness.statesOf("g/0", "g/1"), "WORKER_FAILED, COSCHED_FAILED");
  });

  test("has ten rounds that end because a member asks to run later, whoever asks", () => {
    const { harness, hosts } = aGang();
    for (let round = 0; round < 10; round++) {
      runGang("g", hosts);
      hosts[round % 2].fails(`g/${round % 2}`, { cause: "rescheduled" });
      obeyAll(hosts);
      assert.equal(ordersOf(...hosts), "w1: g/0, w2: g/1", `after ${round + 1}`);
    }
    runGang("g", hosts);
    hosts[0].fails("g/0", { cause: "rescheduled" });
    assert.equal(harness.statesOf("g/0", "g/1"), "FAILED, COSCHED_FAILED");
    assert.equal(harness.state.failures.get(harness.rowOf("g/0"))?.code, "RESCHEDULE_LIMIT");
    obeyAll(hosts);
    assertAllFree(harness);
    assert.equal(chargesOf(harness, "g"), "1/0", "no failure but the task that ended");
  });

  test("says for whom it waits while it is prepared", () => {
    const { harness, hosts } = aGang();
    hosts[0].prepares("g/0");
    const waits = "1 of 2 members are prepared, and task 1 on w2 is not";
    assert.equal(
      why(harness, "g/0").summary,
      `g is assigned on w1, and waits for its gang: ${waits}`,
    );
    hosts[1].prepares("g/1");
    assert.equal(why(harness, "g/0").summary, "g is assigned on w1");
  });

  test("is told what it is, and a function on its own is not", () => {
    const { harness, hosts } = aGang();
    harness.launch("one", { run: inThread, resources: { cpuMilli: 0 } });
    const attempts = hosts.flatMap((host) => [...host.attempts.values()]);
    const told = attempts.map(({ label, context }) => {
      const { index, replicas, token } = context ? JSON.parse(context) : {};
      return [label, index, replicas, token];
    });
    assert.deepEqual(told.sort(), [
      ["g/0", 0, 2, ""],
      ["g/1", 1, 2, ""],
      ["one/0", undefined, undefined, undefined],
    ]);
  });
});
