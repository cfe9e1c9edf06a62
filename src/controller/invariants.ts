/**
 * What must be true of the controller's state after every event, as functions named as sentences.
 * Each recounts from the tables what `apply` keeps as an index. Never called on a hot path.
 *
 * The S-numbers are those of the scheduler invariants that this design was built to.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { digestWith } from "../base/digest.ts";
import { isTerminalCode, taskStateCode, taskStates } from "../model/states.ts";
import { chooseGang } from "../scheduler/gang.ts";
import { countUnavailable, isAvailable } from "./apply-tasks.ts";
import { mayUse } from "./eligibility.ts";
import { gangCandidates, isWhole, launchOfGang } from "./gang-placement.ts";
import { jobInvariants } from "./job-invariants.ts";
import { keyInUserSpace } from "./keys.ts";
import { fits } from "./place-solo.ts";
import {
  type ControllerState,
  isOpen,
  jobOf,
  type Shape,
  shapeOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noEdge } from "./tables/edges.ts";
import { noSlot, stage, taskFlag } from "./tables/task-table.ts";
import { capCount } from "./users.ts";

/** A promise that does not hold. */
export interface Violation {
  readonly rule: string;
  readonly ids: readonly string[];
  readonly message: string;
}

export type Report = (ids: readonly string[], message: string) => void;
export type Invariant = (state: ControllerState, report: Report) => void;

/** S-1: counters equal what they count. */
function everyCounterEqualsItsRecount(state: ControllerState, report: Report): void {
  const { tasks, attempts } = state;
  const queued = new Map<number, number>();
  const jobTasks = new Map<number, number>();
  let live = 0;
  for (const task of liveTasks(state)) {
    live++;
    jobTasks.set(tasks.job[task], (jobTasks.get(tasks.job[task]) ?? 0) + 1);
    if (tasks.stage[task] !== stage.queued) continue;
    const { index } = shapeOf(state, task);
    queued.set(index, (queued.get(index) ?? 0) + 1);
  }
  if (live !== tasks.live) report([], `${tasks.live} live tasks counted, ${live} found`);
  for (const shape of state.shapes) {
    const found = queued.get(shape.index) ?? 0;
    if (found !== shape.queued)
      report([], `shape ${shape.index}: ${shape.queued} queued, ${found} found`);
  }
  for (const job of state.jobs) {
    if (job.pruned) continue;
    const found = jobTasks.get(job.index) ?? 0;
    if (found !== job.liveTasks) report([job.id], `${job.liveTasks} tasks counted, ${found} found`);
  }
  const rows = liveAttempts(state).length;
  if (rows !== attempts.live) report([], `${attempts.live} attempts counted, ${rows} found`);
}

/** S-1: the counts of a job by state cover its live tasks. */
function jobCountsCoverTheirTasks(state: ControllerState, report: Report): void {
  const counts = state.jobs.map(() => new Uint32Array(taskStates.length));
  for (const task of liveTasks(state)) counts[state.tasks.job[task]][state.tasks.state[task]]++;
  for (const job of state.jobs) {
    if (job.pruned) continue;
    for (const [code, count] of counts[job.index].entries()) {
      const recorded = job.stateCounts[code];
      const exact = code < taskStateCode.SUCCEEDED;
      if (exact ? recorded !== count : recorded < count) {
        report([job.id], `${recorded} ${taskStates[code]} recorded, ${count} found`);
      }
    }
  }
}

/** S-2: edges are symmetric and lead to remembered tasks. */
function everyEdgeIsListedAtBothEnds(state: ControllerState, report: Report): void {
  const { tasks } = state;
  const dependents = new Map<number, number>();
  for (const task of liveTasks(state)) {
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      const input = tasks.dependency(task, position);
      if (!tasks.isLive(input)) report([taskIdOf(state, task)], "depends on a forgotten task");
      dependents.set(input, (dependents.get(input) ?? 0) + 1);
    }
  }
  for (const task of liveTasks(state)) {
    let listed = 0;
    let edge = tasks.dependentsHead[task];
    for (; edge !== noEdge; edge = tasks.edges.next[edge]) {
      listed++;
      if (tasks.edges.target[edge] !== task)
        report([taskIdOf(state, task)], "lists a foreign edge");
    }
    const found = dependents.get(task) ?? 0;
    if (listed !== found || tasks.dependentCount[task] !== found) {
      const counts = `${found} dependents, ${listed} listed, ${tasks.dependentCount[task]} counted`;
      report([taskIdOf(state, task)], counts);
    }
  }
}

/** S-3, S-4: a task waits for exactly its inputs without a value. */
function waitingCountsAreExact(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    if (isTerminalCode(tasks.state[task])) continue;
    const missing = countUnavailable(state, task);
    if (tasks.waitingOn[task] !== missing) {
      report([taskIdOf(state, task)], `waits on ${tasks.waitingOn[task]}, ${missing} are missing`);
    }
  }
}

/** S-3, S-10: what a waiting task waits for is on its way: none has failed or is gone. */
function everyMissingInputWillCome(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    if (tasks.stage[task] !== stage.waiting) continue;
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      const input = tasks.dependency(task, position);
      if (isAvailable(state, input) || !isTerminalCode(tasks.state[input])) continue;
      const ids = [taskIdOf(state, task), taskIdOf(state, input)];
      report(ids, `waits for an input that is ${taskStates[tasks.state[input]]} without a value`);
    }
  }
}

/** S-5: a value that counts as available has a holder; no lost worker holds one. */
function availableValuesHaveLiveHolders(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    const holder = tasks.holder[task];
    if (isAvailable(state, task) !== (holder !== noSlot)) {
      report([taskIdOf(state, task)], `holder ${holder} does not fit its availability`);
    }
    if (holder !== noSlot && state.workers[holder].lost) {
      report([taskIdOf(state, task), state.workers[holder].workerId], "held by a lost worker");
    }
  }
  for (const [task, extras] of state.extraHolders) {
    if (!tasks.isLive(task) || tasks.holder[task] === noSlot)
      report([], `copies of no value: ${task}`);
    if (extras.includes(tasks.holder[task]))
      report([taskIdOf(state, task)], "counts a holder twice");
  }
}

/** S-6: assigned tasks have one current attempt on a live incarnation, others none. */
function assignedTasksHaveOneCurrentAttempt(state: ControllerState, report: Report): void {
  const { tasks, attempts } = state;
  for (const task of liveTasks(state)) {
    const code = tasks.state[task];
    const isAssigned = code >= taskStateCode.ASSIGNED && code <= taskStateCode.RUNNING;
    const row = tasks.attempt[task];
    if (isAssigned !== (row !== noSlot)) {
      report([taskIdOf(state, task)], `${taskStates[code]} with attempt row ${row}`);
    }
    if (row === noSlot) continue;
    if (attempts.id[row] === 0 || attempts.task[row] !== task) {
      report([taskIdOf(state, task)], "its current attempt is not its own");
    } else if (state.workers[attempts.worker[row]].lost) {
      report([taskIdOf(state, task)], "its attempt is on a lost worker");
    }
  }
}

/** S-7: usage is the sum of grants of attempts that have not ended, within capacity. */
function usageIsTheSumOfGrants(state: ControllerState, report: Report): void {
  for (const mismatch of auditUsage(state)) {
    report(
      [mismatch.workerId],
      `${mismatch.dimension}: charged ${mismatch.charged}, owed ${mismatch.recomputed}`,
    );
  }
  for (const worker of state.workers) {
    for (const [index, used] of worker.used.entries()) {
      // What was adopted by an agent that declares less than the last one pays all the same.
      if (used >= 0 && (used <= worker.capacity[index] || hasAdopted(state, worker))) continue;
      const name = state.dimensions.names[index];
      report([worker.workerId], `${name}: ${used} used of ${worker.capacity[index]}`);
    }
  }
}

function hasAdopted(state: ControllerState, worker: Worker): boolean {
  return liveAttempts(state).some(
    (row) =>
      state.attempts.worker[row] === worker.index &&
      state.attempts.assignedAt[row] < worker.registeredAt,
  );
}

/** What a worker is charged against what its attempts own. */
export interface UsageMismatch {
  readonly workerId: string;
  readonly dimension: string;
  readonly charged: number;
  readonly recomputed: number;
  readonly reported: null;
}

/** Recomputes every worker's usage from the attempts alone. */
export function auditUsage(state: ControllerState): UsageMismatch[] {
  const owed = state.workers.map((worker) => new Float64Array(worker.used.length));
  for (const row of liveAttempts(state)) {
    const grant = state.attempts.grants[row];
    if (grant === null || !state.attempts.isGranted(row)) continue;
    const sum = owed[state.attempts.worker[row]];
    for (let i = 0; i < sum.length && i < grant.length; i++) sum[i] += grant[i];
  }
  const mismatches: UsageMismatch[] = [];
  for (const worker of state.workers) {
    for (const [index, charged] of worker.used.entries()) {
      const recomputed = owed[worker.index][index];
      if (charged === recomputed) continue;
      const dimension = state.dimensions.names[index];
      mismatches.push({
        workerId: worker.workerId,
        dimension,
        charged,
        recomputed,
        reported: null,
      });
    }
  }
  return mismatches;
}

/** S-7: the per-shape counts, queues and digests of a worker equal their recount. */
function workerIndexesEqualTheirRecount(state: ControllerState, report: Report): void {
  const { attempts } = state;
  for (const worker of state.workers) {
    let digest = 0;
    let count = 0;
    const granted = new Map<number, number>();
    const prefetched = new Map<number, number>();
    const started = new Map<number, number>();
    for (const row of liveAttempts(state)) {
      if (attempts.worker[row] !== worker.index) continue;
      count++;
      digest = digestWith(digest, attempts.id[row]);
      const tally = attempts.isGranted(row) ? granted : prefetched;
      tally.set(attempts.shape[row], (tally.get(attempts.shape[row]) ?? 0) + 1);
      if (!attempts.hasFlag(row, attemptFlag.started)) continue;
      started.set(attempts.shape[row], (started.get(attempts.shape[row]) ?? 0) + 1);
    }
    if (count !== worker.liveAttempts)
      report([worker.workerId], `${worker.liveAttempts} attempts counted, ${count} found`);
    if (digest !== worker.attemptsDigest)
      report([worker.workerId], "the digest of its attempts is off");
    for (const [shape, entry] of worker.shapes) {
      const counts = [
        entry.granted,
        granted.get(shape) ?? 0,
        entry.prefetched,
        prefetched.get(shape) ?? 0,
        entry.started,
        started.get(shape) ?? 0,
      ];
      if (counts.every((one, i) => one === counts[i ^ 1])) continue;
      const what = "granted, prefetched and started, each counted and found";
      report([worker.workerId], `shape ${shape}: ${what}: ${counts.join(", ")}`);
    }
  }
}

/** S-8: work conservation: no queued shape fits free capacity on a worker that may run it. */
function noQueuedShapeFitsFreeCapacity(state: ControllerState, report: Report): void {
  for (const id of idleMatches(state))
    report([id.workerId], `shape ${id.shape} is queued and fits`);
}

/** Pairs of a queued shape and a healthy worker with room for it: what the watchdog looks for. */
export function idleMatches(state: ControllerState): { shape: number; workerId: string }[] {
  const matches: { shape: number; workerId: string }[] = [];
  for (const shape of state.shapes) {
    if (shape.queued === 0 || capCount(state, shape, 1) < 1) continue;
    if (shape.gang >= 0) {
      const group = state.reservations.size > 0 ? null : idleGroup(state, shape);
      if (group !== null) matches.push({ shape: shape.index, workerId: group });
      continue;
    }
    for (const worker of state.workers) {
      // Whom a reservation keeps away is looked at again with each check of silence.
      if (!isOpen(worker) || worker.reservations.length > 0) continue;
      if (!mayUse(worker, shape) || !fits(state, worker, shape)) continue;
      matches.push({ shape: shape.index, workerId: worker.workerId });
    }
  }
  return matches;
}

/** The group that could take a waiting gang now, or null. */
function idleGroup(state: ControllerState, shape: Shape): string | null {
  const launch = launchOfGang(state, shape);
  if (launch === null || !isWhole(shape, launch)) return null;
  const size = launch.rows.length;
  if (capCount(state, shape, size) < size) return null;
  return chooseGang(gangCandidates(state, shape), size)?.group ?? null;
}

/** S-11: what is SUCCEEDED without a value is needed by nobody. */
function goneValuesAreNotNeeded(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    if (tasks.state[task] !== taskStateCode.SUCCEEDED) continue;
    if (!tasks.hasFlag(task, taskFlag.valueGone)) continue;
    const needed = tasks.pendingDependents[task] > 0 || tasks.hasFlag(task, taskFlag.awaited);
    if (needed) report([taskIdOf(state, task)], "its value is gone and somebody needs it");
  }
}

/** S-11, S-12: wants equal the handles that name the task; need equals the open dependents. */
function wantsMirrorTheHandles(state: ControllerState, report: Report): void {
  const { tasks } = state;
  const wants = new Map<number, number>();
  for (const client of state.clients) {
    client?.handles.forEach((number, task) => {
      wants.set(task, (wants.get(task) ?? 0) + 1);
      if (!tasks.isLive(task)) report([client.clientId], `handle ${number} names a forgotten task`);
    });
  }
  for (const task of liveTasks(state)) {
    const found = wants.get(task) ?? 0;
    if (found !== tasks.wants[task])
      report([taskIdOf(state, task)], `${tasks.wants[task]} wants, ${found} handles`);
    let open = 0;
    for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = tasks.edges.next[edge]) {
      if (!isTerminalCode(tasks.state[tasks.edges.owner[edge]])) open++;
    }
    if (open !== tasks.pendingDependents[task]) {
      report(
        [taskIdOf(state, task)],
        `${tasks.pendingDependents[task]} open dependents, ${open} found`,
      );
    }
  }
}

/** S-13: strays are live, stopping, let go of by their task, and one per task. */
function straysAreStoppingAttempts(state: ControllerState, report: Report): void {
  const { attempts, tasks } = state;
  for (const [id, row] of state.strays) {
    const task = attempts.task[row];
    const sound =
      attempts.id[row] === id &&
      attempts.hasFlag(row, attemptFlag.stopping) &&
      tasks.attempt[task] !== row &&
      state.strayOfTask.get(task) === row;
    if (!sound) report([taskIdOf(state, task)], "a stray attempt is not what it is listed as");
  }
  if (state.strays.size !== state.strayOfTask.size) report([], "a task has two stray attempts");
  for (const row of liveAttempts(state)) {
    const task = attempts.task[row];
    if (!tasks.isLive(task)) report([], `attempt row ${row} belongs to a forgotten task`);
    else if (tasks.attempt[task] !== row && state.strays.get(attempts.id[row]) !== row) {
      report([taskIdOf(state, task)], "an attempt that its task does not know");
    }
  }
}

/** S-17, S-19: nothing that is not needed is remembered. */
function whatNobodyNeedsIsForgotten(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    const unneeded =
      jobOf(state, task).launch === null &&
      isTerminalCode(tasks.state[task]) &&
      tasks.wants[task] === 0 &&
      tasks.pendingDependents[task] === 0 &&
      tasks.dependentCount[task] === 0 &&
      !state.strayOfTask.has(task);
    if (unneeded) report([taskIdOf(state, task)], "nobody needs it, and it is remembered");
  }
}

/** S-21: keys name live tasks, both ways. */
function keysNameLiveTasks(state: ControllerState, report: Report): void {
  for (const [key, task] of state.keys) {
    if (state.keyOfTask.get(task) !== key || !state.tasks.isLive(task))
      report([key], "names nothing");
    const { user } = state.jobs[state.tasks.job[task]] ?? { user: "" };
    if (!key.startsWith(keyInUserSpace(user, ""))) report([key], "belongs to another user");
  }
}

/** S-26: every task that has not ended has a named waker. */
function everyOpenTaskHasAWaker(state: ControllerState, report: Report): void {
  const { tasks } = state;
  for (const task of liveTasks(state)) {
    if (isTerminalCode(tasks.state[task])) {
      if (tasks.stage[task] !== stage.none)
        report([taskIdOf(state, task)], "ended and still in line");
      continue;
    }
    if (!hasWaker(state, task))
      report([taskIdOf(state, task)], `stage ${tasks.stage[task]} without a waker`);
  }
}

/** Whether something named will move the task. */
export function hasWaker(state: ControllerState, task: number): boolean {
  const { tasks } = state;
  if (tasks.attempt[task] !== noSlot) return tasks.stage[task] === stage.none;
  switch (tasks.stage[task]) {
    case stage.waiting:
      return tasks.waitingOn[task] > 0;
    case stage.queued:
      return tasks.waitingOn[task] === 0;
    case stage.delayed:
      return state.notBefore.has(task);
    case stage.held:
      return state.strayOfTask.has(task) || (jobOf(state, task).launch?.predecessor ?? -1) >= 0;
    default:
      return false;
  }
}

const invariants: readonly Invariant[] = [
  everyCounterEqualsItsRecount,
  jobCountsCoverTheirTasks,
  everyEdgeIsListedAtBothEnds,
  waitingCountsAreExact,
  everyMissingInputWillCome,
  availableValuesHaveLiveHolders,
  assignedTasksHaveOneCurrentAttempt,
  usageIsTheSumOfGrants,
  workerIndexesEqualTheirRecount,
  noQueuedShapeFitsFreeCapacity,
  goneValuesAreNotNeeded,
  wantsMirrorTheHandles,
  straysAreStoppingAttempts,
  whatNobodyNeedsIsForgotten,
  keysNameLiveTasks,
  everyOpenTaskHasAWaker,
  ...jobInvariants,
];

export const invariantCount = invariants.length;

/** Every violated rule; empty when all hold. */
export function findViolations(state: ControllerState): Violation[] {
  const violations: Violation[] = [];
  for (const invariant of invariants) {
    invariant(state, (ids, message) => {
      violations.push({ rule: sentenceOf(invariant.name), ids, message });
    });
  }
  return violations;
}

/** Throws InvariantError with every violated rule. */
export function checkInvariants(state: ControllerState): void {
  const violations = findViolations(state);
  if (violations.length === 0) return;
  throw new InvariantError(
    `${violations.length} invariants are broken`,
    violations
      .slice(0, 20)
      .map(({ rule, ids, message }) => `${rule}: ${ids.join(", ")} ${message}`),
  );
}

/** `usageIsTheSumOfGrants` → `usage is the sum of grants`. */
function sentenceOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function* liveTasks(state: ControllerState): Generator<number> {
  for (let task = 0; task < state.tasks.length; task++) {
    if (state.tasks.job[task] !== noSlot) yield task;
  }
}

function liveAttempts(state: ControllerState): number[] {
  const rows: number[] = [];
  for (let row = 0; row < state.attempts.length; row++) {
    if (state.attempts.id[row] !== 0) rows.push(row);
  }
  return rows;
}
