/**
 * Rules about what runs, what it holds, and what is owed for it.
 *
 * @module
 */

import { digestWith } from "../../base/digest.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import { runsInProcess } from "../../model/spec.ts";
import { mayStart } from "../answers.ts";
import { amountsOfPaying } from "../apply-executions.ts";
import { unacknowledgedAnswers } from "../kept-answers.ts";
import { amountsFit, charge } from "../ledger.ts";

import {
  besideLanes,
  type Execution,
  hasIdleCommandLane,
  isGang,
  type Lane,
  type Run,
  type RunKind,
  type Shape,
  unstartedRun,
  type Value,
  type WorkerState,
} from "../state.ts";
import { broken, type WorkerRules } from "./rule.ts";

/** Checks the lanes of one kind; how many of them are idle. */
function checkLanes(state: WorkerState, lanes: readonly Lane[], kind: RunKind): number {
  let idle = 0;
  for (let index = 0; index < lanes.length; index++) {
    const lane = lanes[index];
    const { entries } = lane;
    if (lane.index !== index) broken("a lane knows its place");
    if (entries.length === 0) idle++;
    for (const execution of entries) {
      if (state.executions.get(execution.id) !== execution) broken("what is on a lane is live");
      if (execution.lane !== lane) broken(`execution ${execution.id} knows its lane`);
      if (execution.run.spec.kind !== kind)
        broken(`execution ${execution.id} is on lanes of its kind`);
      if (execution.paying !== (execution === entries[0])) broken("exactly the head pays");
      if (execution.paying && !execution.run.granted) broken("nothing pays without a grant");
    }
  }
  return idle;
}

function theHeadOfEachLaneAndNothingElsePays(state: WorkerState): void {
  const idle = checkLanes(state, state.lanes, "function");
  checkLanes(state, state.commandLanes, "command");
  for (const execution of state.executions.values()) {
    if (!execution.lane.entries.includes(execution))
      broken(`execution ${execution.id} is on its lane`);
    if (execution.lane.index === besideLanes) checkBeside(state, execution);
  }
  if (idle !== state.idleLanes) broken("idle lanes are counted");
}

/** A lane is a thread or a process at any time, and what follows on it inherits its place. */
function whatSharesALaneSharesAnExecutor(state: WorkerState): void {
  for (const { index, entries } of state.lanes) {
    if (entries.length < 2) continue;
    const isProcess = runsInProcess(entries[0].run.spec.definition.run);
    if (entries.some(({ run }) => runsInProcess(run.spec.definition.run) !== isProcess)) {
      broken(`lane ${index} is of one executor`);
    }
  }
}

/** W35: what has yielded once, or calls an actor, has a place of its own and pays all the same. */
function checkBeside(state: WorkerState, execution: Execution): void {
  const { id, lane, paying, run, waits, yielded } = execution;
  if (lane.entries.length !== 1) broken(`execution ${id} is alone beside the lanes`);
  if (!paying || !run.granted) broken(`execution ${id} pays beside the lanes too`);
  if (run.spec.kind !== "function") broken(`execution ${id} yields, which functions do`);
  if (!run.hasYielded && !run.spec.isCall) broken(`nobody inherits from execution ${id}`);
  if (yielded && !waits) broken(`execution ${id} rejoins when it does not wait any more`);
  const isTimed = run.spec.definition.timeoutMs > 0;
  if (state.besideTimed.has(execution) !== isTimed) broken(`execution ${id} has its timeout`);
}

function whatWaitsYieldsUnlessSomethingQueuesBehindIt(state: WorkerState): void {
  for (const execution of state.executions.values()) {
    const { id, lane, waits, yielded } = execution;
    if (yielded && lane.index !== besideLanes) broken(`execution ${id} yielded its lane`);
    if (state.yielding.has(execution) !== (waits && !yielded))
      broken(`execution ${id} yields when it can`);
    if (waits && !yielded && lane.entries.length === 1)
      broken(`execution ${id} waits, and holds its lane`);
  }
  for (const { id } of state.yielding) if (!state.executions.has(id)) broken("what yields is live");
}

function commandsStayInTheirSlots(state: WorkerState): void {
  const { commands, commandSlots, recoveredBelow, executions } = state;
  let ordered = 0;
  let placed = 0;
  for (const execution of commands) {
    if (executions.get(execution.id) !== execution) broken("every known command is live");
    if (execution.lane.entries.length > 1) broken("nothing queues behind a command");
    if (execution.id >= recoveredBelow) ordered++;
  }
  for (const execution of executions.values()) {
    if (execution.run.spec.kind !== "command") continue;
    if (!commands.has(execution)) broken(`command ${execution.id} is known as one`);
    placed++;
  }
  if (placed !== commands.size) broken("only commands are known as such");
  if (commands.size > commandSlots && ordered > 0) broken("only what was recovered exceeds slots");
}

function aMemberStartsWhenItIsReleased(state: WorkerState): void {
  for (const { id, run, member, released, startedAt } of state.executions.values()) {
    const gang = isGang(run.spec);
    if (!gang && member !== null) broken(`execution ${id} is prepared because it is of a gang`);
    if (released && member === null) broken(`execution ${id} is released after it was prepared`);
    if (gang && startedAt >= 0 && !released)
      broken(`execution ${id} started after it was released`);
  }
}

let used = [0];
let ordered = [0];

function whatIsUsedIsWhatPayingExecutionsHold(state: WorkerState): void {
  const dimensions = state.used.length;
  if (used.length < dimensions) {
    used = state.used.slice();
    ordered = state.used.slice();
  }
  used.fill(0);
  ordered.fill(0);
  for (const execution of state.executions.values()) {
    const { id, paying, run, lane } = execution;
    if (!paying) continue;
    charge(used, amountsOfPaying(execution), 1);
    // What yielded once may hold CPU beyond what there is, and nothing else.
    const { amounts, amountsYielded } = run.spec;
    const counted = lane.index === besideLanes ? amountsYielded : amounts;
    if (id >= state.recoveredBelow) charge(ordered, counted, 1);
  }
  for (let i = 0; i < dimensions; i++) {
    if (used[i] !== state.used[i]) broken(`dimension ${i} is charged ${used[i]}`);
    if (!Number.isSafeInteger(used[i]) || used[i] < 0) broken("amounts are whole");
    if (ordered[i] > state.capacity.amounts[i])
      broken(`dimension ${i} is exceeded by nothing that was ordered here`);
  }
}

function anExecutionHasAnOwnerOrIsAnOrphan(state: WorkerState): void {
  for (const execution of state.executions.values()) {
    const { id, orphan, run } = execution;
    const owner = state.tasks.get(run.task)?.state;
    const isOwned = owner?.type === "executing" && owner.execution === execution;
    if (orphan === isOwned) broken(`execution ${id} has an owner or is an orphan`);
    if (orphan && state.orphans.get(run.task) !== execution)
      broken(`orphan ${id} is found by task`);
  }
}

const live = new Set<number>();

function atMostOneExecutionOfATaskIsLive(state: WorkerState): void {
  live.clear();
  for (const { run } of state.executions.values()) {
    if (live.has(run.task)) broken(`task ${run.task} has one live execution`);
    live.add(run.task);
  }
  for (const [task, orphan] of state.orphans) {
    if (!state.executions.has(orphan.id) || orphan.run.task !== task) broken("orphans are live");
  }
}

const pins = new Map<Value, number>();

function whatIsReadStays(state: WorkerState): void {
  pins.clear();
  for (const { id, values } of state.executions.values()) {
    for (const value of values) {
      pins.set(value, (pins.get(value) ?? 0) + 1);
      const held = state.tasks.get(value.task)?.state;
      const isHere = held?.type === "memory" && held.value === value;
      if (!isHere && !value.gone)
        broken(`execution ${id} reads the value of ${value.task}, which is here`);
    }
  }
  for (const [value, count] of pins) if (value.pins !== count) broken(`pins of ${value.task}`);
  for (const { task, state: held } of state.tasks.values()) {
    if (held.type === "memory" && held.value.pins > 0 && !pins.has(held.value))
      broken(`the value of ${task} is pinned by its readers`);
  }
}

function checkNothingFits(state: WorkerState, shapes: ReadonlySet<Shape>): void {
  for (const shape of shapes) {
    const run = shape.granted.first();
    if (run !== null && amountsFit(state.capacity, state.used, run.spec.amounts))
      broken(`shape ${shape.id} fits an idle lane and does not start`);
  }
}

function nothingThatFitsIsLeftWaiting(state: WorkerState): void {
  if (!mayStart(state)) return;
  if (state.idleLanes > 0) checkNothingFits(state, state.startable);
  if (hasIdleCommandLane(state)) checkNothingFits(state, state.startableCommands);
  if (state.startableCalls.size > 0) broken("calls that are ready are with their actor");
}

/** W43: the thread of an actor takes its calls in the order in which they were ordered. */
function callsOfAnActorKeepTheirOrder(state: WorkerState): void {
  const latest = new Map<TaskRef, number>();
  for (const { id, lane, run } of state.executions.values()) {
    if (!run.spec.isCall) continue;
    if (lane.index !== besideLanes) broken(`execution ${id} is a call and takes a lane`);
    const actor = run.inputs[0].task;
    if (run.arrival <= (latest.get(actor) ?? 0)) broken(`execution ${id} overtook another call`);
    latest.set(actor, run.arrival);
  }
}

const open = new Set<AttemptId>();
const answered = new Set<AttemptId>();

function addOpen({ attempt }: Run): void {
  if (open.has(attempt)) broken(`attempt ${attempt} is open once`);
  open.add(attempt);
}

function everyRunIsOwedExactlyOneAnswer(state: WorkerState): void {
  open.clear();
  for (const { state: taskState } of state.tasks.values()) {
    const run = unstartedRun(taskState);
    if (run !== null) addOpen(run);
  }
  for (const { run, silent } of state.executions.values()) if (!silent) addOpen(run);
  if (open.size !== state.openRuns) broken(`${open.size} runs are open, not ${state.openRuns}`);
  let digest = 0;
  for (const attempt of open) digest = digestWith(digest, attempt);
  if (digest !== state.attemptsDigest) broken("the digest of attempts is that of the open ones");
  if (state.keptAnswers.length > 0) checkAnswers(state);
}

function checkAnswers(state: WorkerState): void {
  answered.clear();
  for (const { attempt } of unacknowledgedAnswers(state)) {
    if (open.has(attempt)) broken(`attempt ${attempt} was answered and is not open`);
    if (answered.has(attempt)) broken(`attempt ${attempt} was answered once`);
    answered.add(attempt);
  }
}

function everyOrphanIsOnItsWayOut(state: WorkerState): void {
  for (const execution of state.executions.values()) {
    if (!execution.orphan) continue;
    const told = execution.abort !== null || execution.revoke !== null;
    if (told === state.unsentStops.has(execution))
      broken(`orphan ${execution.id} is being stopped`);
  }
  for (const execution of state.unsentStops.keys()) {
    if (state.executions.get(execution.id) !== execution || !execution.orphan)
      broken("stops are due");
  }
}

/** What has ended has nothing to tell, and what has said nothing neither. */
function progressThatIsNewsIsThatOfAnExecution(state: WorkerState): void {
  for (const execution of state.progressed) {
    const isLive = state.executions.get(execution.id) === execution;
    if (!isLive || execution.progress === null) broken(`execution ${execution.id} has progress`);
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
  "W35 what waits yields unless something queues behind it":
    whatWaitsYieldsUnlessSomethingQueuesBehindIt,
  "W41 what shares a lane shares an executor": whatSharesALaneSharesAnExecutor,
  "W43 progress that is news is that of an execution": progressThatIsNewsIsThatOfAnExecution,
  "W29 every orphan is on its way out": everyOrphanIsOnItsWayOut,
  "W44 calls of an actor keep their order": callsOfAnActorKeepTheirOrder,
};
