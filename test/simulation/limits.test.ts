/**
 * The rules about limits of run times: each can be broken, and is then named.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TaskSpec } from "../../src/model/spec.ts";
import { ExecutionRules } from "../../src/simulator/execution-rules.ts";
import type { WorkerFact } from "../../src/worker/facts.ts";
import { step } from "../../src/worker/step.ts";
import { aboutAttempts, aCommandSpec, compute, TestWorker } from "../worker/builders.ts";

const limited = { timeoutMs: 10 };

/** A worker on which execution 1 has begun. */
function running(spec: Partial<TaskSpec>): TestWorker {
  const worker = new TestWorker({ commandSlots: 1 }, [spec]);
  worker.ordered(compute({ attempt: 11, task: 1 }));
  worker.happens({ type: "execution-started", execution: 1 });
  return worker;
}

/** The rules see the worker woken `afterUs` later, and these facts as what it did then. */
function judged({ state, at }: TestWorker, afterUs: number, facts: readonly WorkerFact[]): void {
  const worker = { workerId: "w", incarnation: "i", state };
  new ExecutionRules().check(worker, [{ type: "tick", at: at + afterUs }], facts);
}

const told: WorkerFact = { type: "execution-abort-sent", execution: 1, reason: "timeout" };

describe("the rules about limits", () => {
  for (const [kind, spec] of [
    ["function", limited],
    ["command", aCommandSpec(limited)],
  ] as const) {
    test(`see a ${kind} that runs on past its limit`, () => {
      const rule = /what runs longer than it may is stopped/;
      assert.throws(() => judged(running(spec), 10_000, []), rule);
      judged(running(spec), 9_999, []);
    });

    test(`see a ${kind} that is ended before its limit`, () => {
      const rule = /nothing is ended for its limit before it/;
      assert.throws(() => judged(running(spec), 9_999, [told]), rule);
      assert.throws(() => judged(running({ ...spec, timeoutMs: 0 }), 9_999, [told]), rule);
    });

    test(`let a ${kind} be told at its limit, once`, () => {
      const worker = running(spec).after(10_000);
      const { facts } = step(worker.state, { type: "tick", at: worker.at });
      assert.ok(facts.some(({ type }) => type === "execution-abort-sent"));
      judged(worker, 0, facts);
      judged(worker, 1_000, []);
    });

    test(`let a ${kind} be let go of in the turn in which it is told`, () => {
      const worker = running(spec).after(10_000);
      const { facts } = step(worker.state, { type: "tick", at: worker.at });
      worker.ordered(aboutAttempts("stop", [11, 1]));
      assert.equal(worker.state.executions.get(1)?.orphan, true);
      judged(worker, 0, facts);
    });

    test(`see that nobody wakes the worker for a ${kind}`, () => {
      const worker = running(spec);
      for (const { entries } of worker.state.lanes) entries.length = 0;
      worker.state.commands.clear();
      assert.throws(
        () => judged(worker, 0, []),
        /a worker wakes when what it runs has run as long/,
      );
    });
  }
});
