/**
 * How facts about tasks change the state. Every index over tasks (queues, counts, edges, wants) is
 * kept here and nowhere else.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { digestWith, digestWithout } from "../base/digest.ts";
import { deleteRare, hasRare } from "../base/rare.ts";
import type { U32Ring } from "../base/ring.ts";
import { newRowSet } from "../base/row-set.ts";
import { textsOf } from "../base/texts.ts";
import { noAttempt, noWorker } from "../model/ids.ts";
import { isTerminalCode, taskStateCode } from "../model/states.ts";
import { addAlias, addOffer, dropOffers, wantBroadcast } from "./apply-shared.ts";
import { isActor, isCall, joinCallLine, leaveCallLine } from "./call-lines.ts";
import { closeOrder, listForLook, touchCopies } from "./copies-state.ts";
import { endDataWait } from "./data-wait-state.ts";
import { countDemand } from "./demand.ts";
import { charge, type FactOf, suspecting } from "./facts.ts";
import { dropInlineValue } from "./inline-values.ts";
import { listKey, taskWithKey } from "./keys.ts";
import { queueDeadEntriesMax } from "./limits.ts";
import { noteReschedules } from "./reschedules.ts";
import {
  type Client,
  type ControllerState,
  type Job,
  jobOf,
  type Shape,
  type Submission,
  shapeOf,
  specOf,
  specRecord,
  submissionOf,
} from "./state.ts";
import { storyKind } from "./story.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot, stage, taskFlag } from "./tables/task-table.ts";
import { tellOfRetry } from "./tell-event.ts";
import { countOpenTasks } from "./users.ts";

export function tell(
  state: ControllerState,
  kind: number,
  task: number,
  detail: { readonly worker?: number; readonly code?: number } = noDetail,
): void {
  const { worker = noWorker, code = 0 } = detail;
  state.story.add(kind, state.tasks.ref(task), noAttempt, worker, code);
}

const noDetail = {};

/** Sets a task's state and its job's counts. */
export function setTaskState(state: ControllerState, task: number, code: number): void {
  const { tasks } = state;
  const job = state.jobs[tasks.job[task]];
  const before = tasks.state[task];
  job.stateCounts[before]--;
  job.stateCounts[code]++;
  tasks.state[task] = code;
  if (state.dataWaits.waits.size > 0 && code > taskStateCode.ASSIGNED) endDataWait(state, task);
  const wasOpen = !isTerminalCode(before);
  if (wasOpen === isTerminalCode(code)) countOpenTasks(state, job, wasOpen ? -1 : 1);
  if (wasOpen && isTerminalCode(code)) {
    state.runs.endedCounts[code]++;
    deleteRare(state.shared.detached, task);
  }
  if (job.launch !== null && before !== code) touchJob(state, job, code);
}

/** Whoever ends or requeues a task of a launched job, its job and its gang hear of it here. */
function touchJob(state: ControllerState, job: Job, code: number): void {
  if (isTerminalCode(code)) state.touchedJobs.add(job.index);
  if (!job.launch?.gang) return;
  const left = code === taskStateCode.PENDING || code > taskStateCode.SUCCEEDED;
  if (left) state.brokenGangs.add(job.index);
  // A short function is never said to run: it has ended.
  const begun = job.stateCounts[taskStateCode.RUNNING] + job.stateCounts[taskStateCode.SUCCEEDED];
  if (begun === job.launch.rows.length) job.launch.gang.returns = 0;
}

/** Whether dependents can read the task's value. */
export function isAvailable(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  return tasks.state[task] === taskStateCode.SUCCEEDED && !tasks.hasFlag(task, taskFlag.valueGone);
}

/** Whether nobody need wait for this input: a call waits in the line of its actor instead. */
export function isReadable(state: ControllerState, input: number): boolean {
  return isAvailable(state, input) || isActor(state, input);
}

/** Puts a PENDING task where it belongs now: offered, waiting, held, delayed, called or queued. */
export function placeInLine(state: ControllerState, task: number): void {
  const { tasks } = state;
  const part = state.calls.hasParts ? shapeOf(state, task).part : null;
  if (part === "call") joinCallLine(state, task);
  if (part === "actor") state.calls.touched.add(task);
  if (hasRare(state.shared.offers, task)) tasks.stage[task] = stage.offered;
  else if (tasks.waitingOn[task] > 0) tasks.stage[task] = stage.waiting;
  else if (isHeld(state, task)) tasks.stage[task] = stage.held;
  else if (state.notBefore.has(task)) tasks.stage[task] = stage.delayed;
  else if (part === "call") tasks.stage[task] = stage.called;
  else enqueue(state, task);
}

/** Whether an earlier attempt of it, or of the job that its job replaces, is still stopping. */
function isHeld(state: ControllerState, task: number): boolean {
  if (hasRare(state.strayOfTask, task)) return true;
  const { launch } = jobOf(state, task);
  return launch !== null && launch.predecessor >= 0;
}

function enqueue(state: ControllerState, task: number): void {
  const { tasks } = state;
  const shape = shapeOf(state, task);
  tasks.stage[task] = stage.queued;
  (tasks.hasFlag(task, taskFlag.woken) ? shape.woken : shape.fresh).pushBack(task);
  shape.queued++;
  if (shape.queued === 1) {
    state.queuedShapes.add(shape.index);
    shape.queuedSince = state.at;
  }
  state.untriedShapes.add(shape.index);
}

/** Takes a task out of its queue; the ring's entry is skipped when it comes up. */
export function leaveLine(state: ControllerState, task: number): void {
  const { tasks } = state;
  const wasQueued = tasks.stage[task] === stage.queued;
  if (tasks.stage[task] === stage.offered) dropOffers(state.shared, task);
  if (tasks.stage[task] !== stage.none && isCall(state, task)) leaveCallLine(state, task);
  tasks.stage[task] = stage.none;
  if (!wasQueued) return;
  const shape = shapeOf(state, task);
  shape.queued--;
  if (shape.queued === 0) state.queuedShapes.delete(shape.index);
  trimRing(state, shape, shape.woken);
  trimRing(state, shape, shape.fresh);
  if (shape.woken.length + shape.fresh.length > 2 * shape.queued + queueDeadEntriesMax) {
    shape.woken.keep(queuedOnce(state, shape));
    shape.fresh.keep(queuedOnce(state, shape));
  }
}

/** Accepts each queued task of the shape once: what a ring needs to remember. */
function queuedOnce(state: ControllerState, shape: Shape): (task: number) => boolean {
  const seen = newRowSet(shape.queued, state.tasks.length);
  return (task) => {
    if (seen.has(task) || !isQueuedIn(state, shape, task)) return false;
    seen.add(task);
    return true;
  };
}

/** Drops dead entries from the front, so that a ring's head is always a queued task. */
function trimRing(state: ControllerState, shape: Shape, ring: U32Ring): void {
  while (ring.length > 0 && !isQueuedIn(state, shape, ring.at(0))) ring.popFront();
}

function isQueuedIn(state: ControllerState, shape: Shape, task: number): boolean {
  const { tasks } = state;
  return (
    tasks.isLive(task) &&
    tasks.stage[task] === stage.queued &&
    specRecord(state, tasks.spec[task]).shape === shape.index
  );
}

export function applyTasksSubmitted(
  state: ControllerState,
  { at, client: index, submit }: FactOf<"tasks-submitted">,
): void {
  const client = present(state.clients[index], "a submit belongs to an open client");
  const count = submit.args.offsets.length - 1;
  const { first, args } = submit;
  const keys = textsOf(submit.keys);
  const place = openSubmission(state, { args, keys, first, sharesArgs: false, at, count });
  const created = new Uint32Array(count);
  let entry = 0;
  for (let group = 0; group < submit.groupSpecs.length; group++) {
    const spec = present(client.specs.get(submit.groupSpecs[group]), "a submit names its specs");
    const isBrought = specRecord(state, spec).definition.run.kind === "value";
    for (let left = submit.groupCounts[group]; left > 0; left--, entry++) {
      created[entry] = createTask(state, client, { at, submit, entry, spec, place });
      if (!isBrought || created[entry] === noSlot) continue;
      addOffer(state.shared, created[entry], { client: index, number: first + entry });
      wantBroadcast(state, created[entry]);
    }
  }
  client.nextNumber = submit.first + count;
  client.lastSequence = submit.sequence;
  linkDependencies(state, client, submit, created);
  for (const task of created) if (task !== noSlot) placeInLine(state, task);
  settleSubmission(state, place);
}

/** The place of a new submission of `count` tasks, which takes as many places in the order. */
export function openSubmission(
  state: ControllerState,
  { count, ...shared }: Omit<Submission, "firstOrder" | "live"> & { readonly count: number },
): number {
  const place = state.freeSubmissions.pop() ?? state.submissions.length;
  state.submissions[place] = { ...shared, firstOrder: state.orderCounter, live: 0 };
  state.orderCounter += count;
  return place;
}

export function settleSubmission(state: ControllerState, place: number): void {
  const { live } = present(state.submissions[place], "one is settled while it is there");
  if (live > 0) return;
  state.submissions[place] = null;
  state.freeSubmissions.push(place);
}

interface Creation {
  readonly at: number;
  readonly submit: FactOf<"tasks-submitted">["submit"];
  readonly entry: number;
  readonly spec: number;
  readonly place: number;
}

/** The row of a new task, or `noSlot` where the key names a task that is already there. */
function createTask(state: ControllerState, client: Client, creation: Creation): number {
  const { submit, entry, spec, place } = creation;
  const number = submit.first + entry;
  const key = submit.keys.length === 0 ? "" : submit.keys[entry];
  if (key !== "" && shareKeyedTask(state, client, number, key)) return noSlot;
  const { tasks } = state;
  const task = tasks.allocate();
  tasks.state[task] = taskStateCode.PENDING;
  tasks.spec[task] = spec;
  tasks.job[task] = client.job;
  tasks.index[task] = number;
  tasks.wants[task] = 1;
  tasks.flags[task] = taskFlag.awaited;
  tasks.submission[task] = place;
  submissionOf(state, task).live++;
  client.handles.set(number, task);
  const job = state.jobs[client.job];
  job.liveTasks++;
  job.stateCounts[taskStateCode.PENDING]++;
  countOpenTasks(state, job, 1);
  if (key !== "") listKey(state, task, key);
  tell(state, storyKind.submitted, task);
  countDemand(state, task);
  boundFirstStart(state, task, creation.at);
  return task;
}

/** From `at` on the task's scheduling timeout runs, if it has one. */
export function boundFirstStart(state: ControllerState, task: number, at: number): void {
  const { schedulingTimeoutMs } = specOf(state, task);
  if (schedulingTimeoutMs === 0) return;
  const startBy = at + schedulingTimeoutMs * 1000;
  state.startBy.set(task, startBy);
  state.schedulingDeadlines.push(startBy, state.tasks.ref(task));
}

function shareKeyedTask(
  state: ControllerState,
  client: Client,
  number: number,
  key: string,
): boolean {
  const task = taskWithKey(state, client.user, key);
  if (task < 0) return false;
  addAlias(state, task, { client: client.index, number });
  client.handles.set(number, task);
  return true;
}

function linkDependencies(
  state: ControllerState,
  client: Client,
  submit: FactOf<"tasks-submitted">["submit"],
  created: Uint32Array,
): void {
  const { tasks } = state;
  let at = 0;
  for (const [entry, count] of submit.dependencyCounts.entries()) {
    const task = created[entry];
    if (task !== noSlot && count > 0) {
      const start = tasks.edges.allocate(count);
      tasks.dependenciesStart[task] = start;
      tasks.dependencyCount[task] = count;
      for (let position = 0; position < count; position++) {
        const target = client.handles.get(submit.dependencies[at + position]);
        linkEdge(state, { edge: start + position, owner: task, target });
      }
    }
    at += count;
  }
}

function linkEdge(
  state: ControllerState,
  { edge, owner, target }: { edge: number; owner: number; target: number },
): void {
  const { tasks } = state;
  tasks.edges.link(edge, { owner, target, head: tasks.dependentsHead[target] });
  tasks.dependentsHead[target] = edge;
  tasks.dependentCount[target]++;
  tasks.pendingDependents[target]++;
  if (!isReadable(state, target)) tasks.waitingOn[owner]++;
}

/** One task has its value. */
export function applySuccess(
  state: ControllerState,
  task: number,
  holder: number,
  sizeBytes: number,
): void {
  const { tasks } = state;
  leaveLine(state, task);
  setTaskState(state, task, taskStateCode.SUCCEEDED);
  tasks.flags[task] &= ~taskFlag.valueGone;
  tasks.valueBytes[task] = sizeBytes;
  deleteRare(state.notBefore, task);
  deleteRare(state.startBy, task);
  setHolder(state, task, holder);
  touchCopies(state, task);
  tell(state, storyKind.succeeded, task, { worker: holder });
  wakeDependents(state, task);
  endNeedOfInputs(state, task);
}

export function setHolder(state: ControllerState, task: number, holder: number): void {
  const ref = state.tasks.ref(task);
  const before = state.tasks.holder[task];
  if (before !== noSlot) {
    const old = state.workers[before];
    old.valuesDigest = digestWithout(old.valuesDigest, ref);
    old.heldValues--;
    old.heldValueBytes -= state.tasks.valueBytes[task];
  }
  state.tasks.holder[task] = holder;
  if (holder === noSlot) return;
  const worker = state.workers[holder];
  worker.valuesDigest = digestWith(worker.valuesDigest, ref);
  worker.heldValues++;
  worker.heldValueBytes += state.tasks.valueBytes[task];
}

function wakeDependents(state: ControllerState, task: number): void {
  const { tasks } = state;
  const { edges } = tasks;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = edges.next[edge]) {
    const owner = edges.owner[edge];
    if (isTerminalCode(tasks.state[owner])) continue;
    tasks.waitingOn[owner]--;
    if (tasks.waitingOn[owner] > 0 || tasks.stage[owner] !== stage.waiting) continue;
    tasks.flags[owner] |= taskFlag.woken;
    placeInLine(state, owner);
  }
}

/** A task that has ended does not need its inputs any more. */
function endNeedOfInputs(state: ControllerState, task: number): void {
  const { tasks } = state;
  const start = tasks.dependenciesStart[task];
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++) {
    const input = tasks.edges.target[edge];
    tasks.pendingDependents[input]--;
    if (tasks.pendingDependents[input] === 0 && isActor(state, input)) {
      state.calls.touched.add(input);
    }
    if (hasRare(state.extraHolders, input)) listForLook(state, input);
  }
}

export function applyTasksSucceeded(state: ControllerState, fact: FactOf<"tasks-succeeded">): void {
  for (let i = 0; i < fact.tasks.length; i++) {
    applySuccess(state, fact.tasks[i], fact.holders[i], fact.sizes[i]);
  }
}

export function applyTasksFailed(state: ControllerState, fact: FactOf<"tasks-failed">): void {
  for (let i = 0; i < fact.tasks.length; i++) {
    const task = fact.tasks[i];
    // A value that nobody can load fails its task after the fact: its inputs were let go before.
    const wasOpen = !isTerminalCode(state.tasks.state[task]);
    leaveLine(state, task);
    setTaskState(state, task, fact.states[i]);
    state.notBefore.delete(task);
    state.startBy.delete(task);
    state.failures.set(task, fact.failures[fact.reasons[i]]);
    if (wasOpen) endNeedOfInputs(state, task);
    tell(state, storyKind.failed, task, { code: fact.states[i] });
  }
}

export function applyTasksRequeued(state: ControllerState, fact: FactOf<"tasks-requeued">): void {
  const { tasks } = state;
  noteReschedules(state, fact);
  for (let i = 0; i < fact.tasks.length; i++) {
    const task = fact.tasks[i];
    if (fact.charges[i] === charge.failure) tasks.failureCount[task]++;
    if (fact.charges[i] === charge.loss) tasks.lossCount[task]++;
    chargeJob(jobOf(state, task), fact.charges[i]);
    if (suspecting.includes(fact.charges[i])) tasks.flags[task] |= taskFlag.suspect;
    if (fact.charges[i] === charge.loss || fact.charges[i] === charge.suspicion) {
      state.recomputedCount++;
    }
    if (fact.notBefore[i] > 0) {
      state.notBefore.set(task, fact.notBefore[i]);
      state.delays.push(fact.notBefore[i], tasks.ref(task));
    }
    const startBy = state.startBy.get(task);
    if (startBy !== undefined) state.schedulingDeadlines.push(startBy, tasks.ref(task));
    setTaskState(state, task, taskStateCode.PENDING);
    tell(state, storyKind.requeued, task, { code: fact.charges[i] });
    placeInLine(state, task);
  }
}

function chargeJob({ launch }: Job, charged: number): void {
  if (launch === null) return;
  if (charged === charge.failure) launch.failureCount++;
  if (charged === charge.loss) launch.preemptionCount++;
}

export function applyTasksResumed(state: ControllerState, fact: FactOf<"tasks-resumed">): void {
  for (const task of fact.tasks) {
    state.notBefore.delete(task);
    tell(state, storyKind.resumed, task);
    if (state.tasks.stage[task] === stage.delayed) placeInLine(state, task);
  }
}

export function applyTasksRevived(state: ControllerState, fact: FactOf<"tasks-revived">): void {
  const { tasks } = state;
  for (const task of fact.tasks) {
    setTaskState(state, task, taskStateCode.PENDING);
    tasks.flags[task] &= ~taskFlag.valueGone;
    tasks.valueBytes[task] = 0;
    state.failures.delete(task);
    if (fact.cause === "retry") startOver(state, task, fact.at);
    tell(state, fact.cause === "recompute" ? storyKind.recomputed : storyKind.retried, task);
    needInputsAgain(state, task);
  }
  if (fact.cause === "recompute") state.recomputedCount += fact.tasks.length;
  for (const task of fact.tasks) {
    tasks.waitingOn[task] = countUnavailable(state, task);
    placeInLine(state, task);
  }
  if (fact.by !== undefined) tellOfRetry(state, fact.tasks, fact.by);
}

/** A person asked for another try: nothing that went before counts. */
function startOver(state: ControllerState, task: number, at: number): void {
  const { tasks } = state;
  const { launch } = jobOf(state, task);
  if (launch !== null) {
    launch.failureCount -= tasks.failureCount[task];
    launch.preemptionCount -= tasks.lossCount[task];
  }
  tasks.failureCount[task] = 0;
  tasks.lossCount[task] = 0;
  deleteRare(state.reschedules, task);
  if (!tasks.hasFlag(task, taskFlag.everStarted)) boundFirstStart(state, task, at);
}

function needInputsAgain(state: ControllerState, task: number): void {
  const { tasks } = state;
  const start = tasks.dependenciesStart[task];
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++) {
    tasks.pendingDependents[tasks.edges.target[edge]]++;
  }
}

/** How many of a task's inputs have no value: what `waitingOn` must be. */
export function countUnavailable(state: ControllerState, task: number): number {
  const { tasks } = state;
  const start = tasks.dependenciesStart[task];
  let count = 0;
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++) {
    if (!isReadable(state, tasks.edges.target[edge])) count++;
  }
  return count;
}

export function applyValuesGone(state: ControllerState, fact: FactOf<"values-gone">): void {
  const { tasks } = state;
  for (const task of fact.tasks) {
    setHolder(state, task, noSlot);
    touchCopies(state, task);
    if (tasks.hasFlag(task, taskFlag.valueGone)) continue;
    tasks.flags[task] |= taskFlag.valueGone;
    tell(state, storyKind["value-gone"], task);
    dropInlineValue(state, task);
    makeDependentsWait(state, task);
  }
}

function makeDependentsWait(state: ControllerState, task: number): void {
  const { tasks } = state;
  const { edges } = tasks;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = edges.next[edge]) {
    const owner = edges.owner[edge];
    if (isTerminalCode(tasks.state[owner])) continue;
    tasks.waitingOn[owner]++;
    if (tasks.stage[owner] === stage.called) tasks.stage[owner] = stage.waiting;
    if (tasks.stage[owner] !== stage.queued) continue;
    leaveLine(state, owner);
    tasks.stage[owner] = stage.waiting;
  }
}

export function applyValuesMoved(state: ControllerState, fact: FactOf<"values-moved">): void {
  for (let i = 0; i < fact.tasks.length; i++) {
    const task = fact.tasks[i];
    const holder = fact.holders[i];
    // The copy was counted as an extra one: take it out before it is counted as the holder's.
    removeExtraHolder(state, task, holder);
    tell(state, storyKind["value-moved"], task, { worker: holder });
    setHolder(state, task, holder);
    touchCopies(state, task);
  }
}

export function addExtraHolder(state: ControllerState, task: number, worker: number): void {
  if (state.tasks.holder[task] === worker) return;
  const extras = state.extraHolders.get(task) ?? [];
  if (extras.includes(worker)) return;
  state.extraHolders.set(task, [...extras, worker]);
  state.unreachable.delete(task); // It travelled.
  const record = state.workers[worker];
  record.valuesDigest = digestWith(record.valuesDigest, state.tasks.ref(task));
  record.heldValues++;
  record.heldValueBytes += state.tasks.valueBytes[task];
  closeOrder(state, task, worker, false);
  touchCopies(state, task);
  listForLook(state, task);
}

export function removeExtraHolder(state: ControllerState, task: number, worker: number): void {
  const extras = state.extraHolders.get(task);
  if (extras === undefined || !extras.includes(worker)) return;
  const left = extras.filter((one) => one !== worker);
  if (left.length === 0) state.extraHolders.delete(task);
  else state.extraHolders.set(task, left);
  const record = state.workers[worker];
  record.valuesDigest = digestWithout(record.valuesDigest, state.tasks.ref(task));
  record.heldValues--;
  record.heldValueBytes -= state.tasks.valueBytes[task];
  touchCopies(state, task);
}
