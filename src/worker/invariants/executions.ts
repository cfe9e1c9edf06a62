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
import {
  hasIdleCommandLane,
  isGang,
  type Lane,
  type Run,
  type RunKind,
  unstartedRun,
  type Value,
  type WorkerState,
} from "../state.ts";
import type { WorkerRules } from "./rule.ts";

/** Checks the lanes of one kind; how many of them are idle, and how many executions they have. */
function checkLanes(
  state: WorkerState,
  lanes: readonly Lane[],
  kind: RunKind,
): { readonly idle: number; readonly placed: number } {
  let idle = 0;
  let placed = 0;
  for (const [index, lane] of lanes.entries()) {
    const { entries } = lane;
    assert(lane.index === index, "a lane knows its place");
    if (entries.length === 0) idle++;
    placed += entries.length;
    for (const execution of entries) {
      assert(state.executions.get(execution.id) === execution, "what is on a lane is live");
      assert(execution.lane === lane, `execution ${execution.id} knows its lane`);
      assert(execution.run.spec.kind === kind, `execution ${execution.id} is on lanes of its kind`);
      assert(execution.paying === (execution === entries[0]), "exactly the head pays");
      assert(!execution.paying || execution.run.granted, "nothing pays without a grant");
    }
  }
  return { idle, placed };
}

function theHeadOfEachLaneAndNothingElsePays(state: WorkerState): void {
  const functions = checkLanes(state, state.lanes, "function");
  const commands = checkLanes(state, state.commandLanes, "command");
  const placed = functions.placed + commands.placed;
  assert(placed === state.executions.size, "every live execution is on one lane");
  assert(functions.idle === state.idleLanes, "idle lanes are counted");
}

function commandsStayInTheirSlots(state: WorkerState): void {
  const { commands, commandSlots, recoveredBelow } = state;
  let ordered = 0;
  for (const lane of state.commandLanes) {
    assert(lane.entries.length <= 1, "nothing queues behind a command");
    for (const execution of lane.entries) {
      assert(commands.has(execution), `command ${execution.id} is known as one`);
      if (execution.id >= recoveredBelow) ordered++;
    }
  }
  const live = [...commands].every((command) => state.executions.get(command.id) === command);
  assert(live, "every known command is live");
  assert(commands.size <= commandSlots || ordered === 0, "only what was recovered exceeds slots");
}

function aMemberStartsWhenItIsReleased(state: WorkerState): void {
  for (const { id, run, member, released, startedAt } of state.executions.values()) {
    const gang = isGang(run.spec);
    assert(gang || member === null, `execution ${id} is prepared because it is of a gang`);
    assert(!released || member !== null, `execution ${id} is released after it was prepared`);
    assert(!gang || startedAt < 0 || released, `execution ${id} started after it was released`);
  }
}

function whatIsUsedIsWhatPayingExecutionsHold(state: WorkerState): void {
  const used = state.used.map(() => 0);
  const ordered = state.used.map(() => 0);
  for (const { id, paying, run } of state.executions.values()) {
    if (!paying) continue;
    charge(used, run.spec.amounts, 1);
    if (id >= state.recoveredBelow) charge(ordered, run.spec.amounts, 1);
  }
  for (const [dimension, amount] of used.entries()) {
    assert(amount === state.used[dimension], `dimension ${dimension} is charged ${amount}`);
    assert(Number.isSafeInteger(amount) && amount >= 0, "amounts are whole");
    const isWithin = ordered[dimension] <= state.capacity.amounts[dimension];
    assert(isWithin, `dimension ${dimension} is exceeded by nothing that was ordered here`);
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
  if (!mayStart(state)) return;
  const functions = state.idleLanes > 0 ? [...state.startable] : [];
  const commands = hasIdleCommandLane(state) ? [...state.startableCommands] : [];
  for (const shape of [...functions, ...commands]) {
    const run = shape.granted.first();
    const fits = run !== null && amountsFit(state.capacity, state.used, run.spec.amounts);
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
  "W32 commands stay in their slots": commandsStayInTheirSlots,
  "W33 a member starts when it is released": aMemberStartsWhenItIsReleased,
  "W29 every orphan is on its way out": everyOrphanIsOnItsWayOut,
};
