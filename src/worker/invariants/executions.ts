/**
 * Rules about what runs, what it holds, and what is owed for it.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import { digestWith } from "../../base/digest.ts";
import type { TaskRef } from "../../model/ids.ts";
import { mayStart } from "../answers.ts";
import { amountsFit, charge } from "../ledger.ts";
import { unacknowledgedAnswers } from "../reports.ts";
import { type Run, unstartedRun, type Value, type WorkerState } from "../state.ts";
import type { WorkerRules } from "./rule.ts";

function theHeadOfEachLaneAndNothingElsePays(state: WorkerState): void {
  let idle = 0;
  let placed = 0;
  for (const { entries } of state.lanes) {
    if (entries.length === 0) idle++;
    placed += entries.length;
    for (const execution of entries) {
      assert(state.executions.get(execution.id) === execution, "what is on a lane is live");
      assert(execution.paying === (execution === entries[0]), "exactly the head pays");
      assert(!execution.paying || execution.run.granted, "nothing pays without a grant");
    }
  }
  assert(placed === state.executions.size, "every live execution is on one lane");
  assert(idle === state.idleLanes, "idle lanes are counted");
}

function whatIsUsedIsWhatPayingExecutionsHold(state: WorkerState): void {
  const used = state.used.map(() => 0);
  for (const { paying, run } of state.executions.values()) {
    if (paying) charge(used, run.spec.amounts ?? [], 1);
  }
  for (const [dimension, amount] of used.entries()) {
    assert(amount === state.used[dimension], `dimension ${dimension} is charged ${amount}`);
    assert(Number.isSafeInteger(amount) && amount >= 0, "amounts are whole");
    assert(amount <= state.capacity.amounts[dimension], `dimension ${dimension} is not exceeded`);
  }
}

function anExecutionHasAnOwnerOrIsAnOrphan(state: WorkerState): void {
  const owned = new Set<number>();
  for (const { task, state: taskState } of state.tasks.values()) {
    if (taskState.type !== "executing") continue;
    const { execution } = taskState;
    assert(state.executions.get(execution.id) === execution, `task ${task} names a live execution`);
    assert(execution.run.task === task && !execution.orphan, `task ${task} owns its execution`);
    owned.add(execution.id);
  }
  for (const { id, orphan, run } of state.executions.values()) {
    assert(orphan !== owned.has(id), `execution ${id} has an owner or is an orphan`);
    if (orphan) assert(state.orphans.get(run.task)?.id === id, `orphan ${id} is found by task`);
  }
}

function atMostOneExecutionOfATaskIsLive(state: WorkerState): void {
  const live = new Set<TaskRef>();
  for (const { run } of state.executions.values()) {
    assert(!live.has(run.task), `task ${run.task} has one live execution`);
    live.add(run.task);
  }
  for (const [task, orphan] of state.orphans) {
    assert(state.executions.has(orphan.id) && orphan.run.task === task, "orphans are live");
  }
}

function whatIsReadStays(state: WorkerState): void {
  const pins = new Map<Value, number>();
  for (const { id, values } of state.executions.values()) {
    for (const value of values) {
      pins.set(value, (pins.get(value) ?? 0) + 1);
      const held = state.tasks.get(value.task)?.state;
      const here = held?.type === "memory" && held.value === value;
      assert(here || value.gone, `execution ${id} reads the value of ${value.task}, which is here`);
    }
  }
  for (const [value, count] of pins) assert(value.pins === count, `pins of ${value.task}`);
  for (const { task, state: held } of state.tasks.values()) {
    if (held.type !== "memory") continue;
    assert(held.value.pins === (pins.get(held.value) ?? 0), `pins of ${task} are those of readers`);
  }
}

function nothingThatFitsIsLeftWaiting(state: WorkerState): void {
  if (!mayStart(state) || state.idleLanes === 0) return;
  for (const shape of state.startable) {
    const run = shape.granted.first();
    const fits = run !== null && amountsFit(state.capacity, state.used, run.spec.amounts ?? []);
    assert(!fits, `shape ${shape.id} fits an idle lane and does not start`);
  }
}

function openRunsOf(state: WorkerState): readonly Run[] {
  const runs: Run[] = [];
  for (const { state: taskState } of state.tasks.values()) {
    const run = unstartedRun(taskState);
    if (run !== null) runs.push(run);
  }
  for (const { run, silent } of state.executions.values()) if (!silent) runs.push(run);
  return runs;
}

function everyRunIsOwedExactlyOneAnswer(state: WorkerState): void {
  const runs = openRunsOf(state);
  const attempts = new Set(runs.map((run) => run.attempt));
  assert(attempts.size === runs.length, "an attempt is open once");
  assert(runs.length === state.openRuns, `${runs.length} runs are open, not ${state.openRuns}`);
  let digest = 0;
  for (const attempt of attempts) digest = digestWith(digest, attempt);
  assert(digest === state.attemptsDigest, "the digest of attempts is that of the open ones");
  const answered = new Set<number>();
  for (const { attempt } of unacknowledgedAnswers(state)) {
    assert(!attempts.has(attempt), `attempt ${attempt} was answered and is not open`);
    assert(!answered.has(attempt), `attempt ${attempt} was answered once`);
    answered.add(attempt);
  }
}

function everyOrphanIsOnItsWayOut(state: WorkerState): void {
  for (const execution of state.executions.values()) {
    if (!execution.orphan) continue;
    const told = execution.abort !== null || execution.revoke !== null;
    assert(told !== state.unsentStops.has(execution), `orphan ${execution.id} is being stopped`);
  }
  for (const execution of state.unsentStops.keys()) {
    assert(state.executions.get(execution.id) === execution && execution.orphan, "stops are due");
  }
}

export const executionRules: WorkerRules = {
  "W3 the head of each lane and nothing else pays": theHeadOfEachLaneAndNothingElsePays,
  "W4 what is used is what paying executions hold": whatIsUsedIsWhatPayingExecutionsHold,
  "W5 an execution has an owner or is an orphan": anExecutionHasAnOwnerOrIsAnOrphan,
  "W6 at most one execution of a task is live": atMostOneExecutionOfATaskIsLive,
  "W11 what is read stays": whatIsReadStays,
  "W15 nothing that fits is left waiting": nothingThatFitsIsLeftWaiting,
  "W17 every run is owed exactly one answer": everyRunIsOwedExactlyOneAnswer,
  "W29 every orphan is on its way out": everyOrphanIsOnItsWayOut,
};
