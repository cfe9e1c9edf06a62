/**
 * How facts about attempts change the state: the ledger of every worker is kept here.
 *
 * @module
 */

import { digestWith, digestWithout } from "../base/digest.ts";
import { deleteRare, getRare, hasRare } from "../base/rare.ts";
import { U32Ring } from "../base/ring.ts";
import { formatDuration } from "../model/format-quantities.ts";
import { attemptId } from "../model/ids.ts";
import { type DeviceAmount, noResources } from "../model/resources.ts";
import { attemptCauseCode, attemptCauses, bandCode, taskStateCode } from "../model/states.ts";
import { deviceDimension, dimension, resourcesOf } from "../scheduler/dimensions.ts";
import { dropEndpointsOfAttempt } from "./apply-access.ts";
import { leaveLine, placeInLine, setTaskState } from "./apply-tasks.ts";
import { countSent, isActor, isCall, uncountSent } from "./call-lines.ts";
import type { FactOf, SpecialGrant } from "./facts.ts";
import { noteLedger } from "./granted-rows.ts";
import { attemptRecordsMax, startMaxUs } from "./limits.ts";
import {
  type ControllerState,
  jobOf,
  type Launch,
  launchAt,
  type Reservation,
  type ShapeOnWorker,
  shapeOf,
  specOf,
  taskIdOf,
  touchWorker,
  type User,
  type Worker,
} from "./state.ts";
import { storyKind } from "./story.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot, stage, taskFlag } from "./tables/task-table.ts";
import { tellEvent } from "./tell-event.ts";
import { budgetOf } from "./users.ts";

export function shapeOnWorker(worker: Worker, shape: number): ShapeOnWorker {
  let entry = worker.shapes.get(shape);
  if (entry === undefined) {
    entry = { granted: 0, started: 0, startedMs: 0, prefetched: 0, waiting: new U32Ring() };
    worker.shapes.set(shape, entry);
  }
  return entry;
}

/** A worker knows the shapes of what it has, not of all that it ever had. */
function forgetIdleShape({ shapes }: Worker, shape: number): void {
  const entry = shapes.get(shape);
  if (entry !== undefined && entry.granted + entry.prefetched + entry.started === 0) {
    shapes.delete(shape);
  }
}

/** Charges what attempt `row` holds to its worker and its user (sign 1), or gives it back (-1). */
export function chargeGrant(state: ControllerState, row: number, sign: 1 | -1): void {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  chargeAmounts(state, row, sign);
  const shape = state.shapes[attempts.shape[row]];
  const user = state.users[shape.user];
  state.grantedByBand[attempts.band[row]] += sign;
  if (sign > 0) user.lastServed = attempts.id[row];
  if (attempts.band[row] !== bandCode.batch) spend(state, user, sign * shape.value);
  chargeDevices(state, worker, row, sign);
  touchKept(state, worker.reservations);
}

/** What attempt `row` holds, on its worker and among what its user has. */
function chargeAmounts(state: ControllerState, row: number, sign: 1 | -1): void {
  const { attempts } = state;
  const grant = attempts.grantOf(row);
  const worker = state.workers[attempts.worker[row]];
  const { used } = worker;
  for (let i = 0; i < used.length && i < grant.length; i++) used[i] += sign * grant[i];
  state.fleet.changes.mark(worker.index);
  noteLedger(state, worker.index);
  const user = state.users[state.shapes[attempts.shape[row]].user];
  if (user.used.length < grant.length) user.used = enlargedVector(user.used, grant.length);
  for (let i = 0; i < grant.length; i++) user.used[i] += sign * grant[i];
}

/**
 * Back within its budget a user's work competes in its own band again, wherever it waits. Past it
 * what the user has reserved keeps fewer away.
 */
function spend(state: ControllerState, user: User, value: number): void {
  const before = user.spend;
  user.spend += value;
  if (state.access.budgets.size === 0) return;
  const { budget } = budgetOf(state, user.name);
  if (budget === 0 || before > budget === user.spend > budget) return;
  if (before <= budget) return touchKept(state, reservationsOfUser(state, user));
  for (const index of state.queuedShapes) {
    if (state.shapes[index].user === user.index) state.untriedShapes.add(index);
  }
}

/**
 * Whom a reservation keeps away follows from what all its workers grant, from what is told to stop
 * there, and from the band of whom it is for: where one of these changes, all that it keeps is
 * looked at again.
 */
function touchKept(state: ControllerState, reservations: Iterable<Reservation>): void {
  for (const { workers } of reservations) {
    for (const worker of workers) state.touchedWorkers.add(worker);
  }
}

function reservationsOfUser(state: ControllerState, user: User): Reservation[] {
  return [...state.reservations.values()].filter(
    ({ shape }) => state.shapes[shape].user === user.index,
  );
}

function enlargedVector(vector: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(vector);
  return larger;
}

const finishedCode = attemptCauseCode("finished");

const noDevices: readonly DeviceAmount[] = [];

function chargeDevices(state: ControllerState, worker: Worker, row: number, sign: 1 | -1): void {
  for (const { kind, variant, countMilli, indices } of getRare(state.deviceGrants, row) ??
    noDevices) {
    const index = state.dimensions.intern(deviceDimension(kind, variant));
    const use = worker.deviceUse.get(index);
    if (use === undefined) continue; // The worker came back without that device.
    for (const { index: device, milli } of sharesOf(indices, countMilli)) {
      if (device < use.length) use[device] += sign * milli;
    }
  }
}

/** How much of each granted device: all of it, but for a fraction, which is the last one's. */
function sharesOf(
  indices: readonly number[],
  countMilli: number,
): { readonly index: number; readonly milli: number }[] {
  return indices.map((index, position) => ({
    index,
    milli: Math.min(1000, countMilli - position * 1000),
  }));
}

export function applyAttemptsAssigned(
  state: ControllerState,
  fact: FactOf<"attempts-assigned">,
): void {
  let next = 0;
  for (let i = 0; i < fact.tasks.length; i++) {
    const special = next < fact.grants.length && fact.grants[next].entry === i;
    const assignment = {
      task: fact.tasks[i],
      worker: fact.workers[i],
      prefetched: fact.prefetched[i] === 1,
      grant: special ? fact.grants[next++] : null,
      band: fact.bands[i],
    };
    applyAssignment(state, assignment, fact.at);
  }
}

/** One assignment; `grant` is null where it is the shape's own request. */
export interface Assignment {
  readonly task: number;
  readonly worker: number;
  readonly prefetched: boolean;
  readonly grant: Pick<SpecialGrant, "grant" | "devices"> | null;
  /** Index into `bands`. */
  readonly band: number;
}

/** A new attempt; returns its row. */
export function applyAssignment(
  state: ControllerState,
  assignment: Assignment,
  at: number,
): number {
  const row = assign(state, assignment, at);
  if (assignment.grant !== null) {
    const { grant, devices } = assignment.grant;
    state.attempts.grants[row] = grant;
    if (devices.length > 0) state.deviceGrants.set(row, devices);
  }
  if (assignment.prefetched) prefetchRow(state, row);
  else grantRow(state, row);
  tellAttempt(state, assignment.prefetched ? storyKind.prefetched : storyKind.assigned, row);
  return row;
}

/** A new attempt of `task` on `worker`, neither granted nor prefetched yet. */
function assign(
  state: ControllerState,
  { task, worker, band }: { task: number; worker: number; band: number },
  at: number,
): number {
  const { tasks, attempts } = state;
  const id = attemptId(state.epoch, ++state.attemptCounter);
  const row = attempts.allocate(id);
  const shape = shapeOf(state, task);
  attempts.task[row] = task;
  attempts.worker[row] = worker;
  attempts.shape[row] = shape.index;
  attempts.assignedAt[row] = at;
  attempts.band[row] = band;
  attempts.stopReason[row] = stoppedCode;
  attempts.grants[row] = shape.request.amounts;
  tasks.attempt[task] = row;
  if (shape.part === "call") countSent(state, task, id);
  leaveLine(state, task);
  setTaskState(state, task, taskStateCode.ASSIGNED);
  const record = state.workers[worker];
  record.liveAttempts++;
  record.attemptsDigest = digestWith(record.attemptsDigest, id);
  const { launch } = jobOf(state, task);
  if (launch !== null) {
    launch.liveAttempts++;
    state.startDeadlines.push(at + startMaxUs, tasks.ref(task));
    beginRound(launch, tasks.index[task]);
  }
  return row;
}

/** What was known of a member of a gang was about its round before. */
function beginRound({ gang }: Launch, index: number): void {
  if (gang === null) return;
  gang.members.delete(index);
  gang.holdExpiries = 0;
  gang.holdAgainAt = 0;
}

const stoppedCode = attemptCauseCode("stopped");

function grantRow(state: ControllerState, row: number): void {
  const { attempts } = state;
  chargeGrant(state, row, 1);
  shapeOnWorker(state.workers[attempts.worker[row]], attempts.shape[row]).granted++;
}

function prefetchRow(state: ControllerState, row: number): void {
  const { attempts } = state;
  attempts.flags[row] |= attemptFlag.prefetched;
  const entry = shapeOnWorker(state.workers[attempts.worker[row]], attempts.shape[row]);
  entry.prefetched++;
  state.workers[attempts.worker[row]].prefetched++;
  entry.waiting.pushBack(row);
  state.shapes[attempts.shape[row]].prefetched++;
}

/** Notes that an attempt was ordered back, or that this is over. */
export function setRetracting(state: ControllerState, row: number, on: boolean): void {
  const { attempts } = state;
  if (attempts.hasFlag(row, attemptFlag.retracting) === on) return;
  attempts.flags[row] ^= attemptFlag.retracting;
  state.shapes[attempts.shape[row]].retracting += on ? 1 : -1;
}

function leavePrefetched(state: ControllerState, row: number): void {
  const { attempts } = state;
  attempts.flags[row] &= ~attemptFlag.prefetched;
  const entry = shapeOnWorker(state.workers[attempts.worker[row]], attempts.shape[row]);
  entry.prefetched--;
  state.workers[attempts.worker[row]].prefetched--;
  state.shapes[attempts.shape[row]].prefetched--;
  while (entry.waiting.length > 0 && !isPrefetchedOn(state, entry.waiting.at(0), row)) {
    entry.waiting.popFront();
  }
}

/** Whether `row` is a prefetched attempt beside `sibling`: same worker, same shape. */
function isPrefetchedOn(state: ControllerState, row: number, sibling: number): boolean {
  const { attempts } = state;
  return (
    attempts.id[row] !== 0 &&
    !attempts.isGranted(row) &&
    attempts.worker[row] === attempts.worker[sibling] &&
    attempts.shape[row] === attempts.shape[sibling]
  );
}

export function applyAttemptsGranted(
  state: ControllerState,
  fact: FactOf<"attempts-granted">,
): void {
  for (const row of fact.attempts) {
    leavePrefetched(state, row);
    grantRow(state, row);
    tellAttempt(state, storyKind.granted, row);
  }
}

export function tellAttempt(state: ControllerState, kind: number, row: number, detail = 0): void {
  const { attempts } = state;
  const task = state.tasks.ref(attempts.task[row]);
  state.story.add(kind, task, attempts.id[row], attempts.worker[row], detail);
}

/** One attempt runs. */
export function applyStart(state: ControllerState, row: number, at: number): void {
  const { attempts, tasks } = state;
  noteLedger(state, attempts.worker[row]);
  attempts.flags[row] |= attemptFlag.started;
  attempts.startedAt[row] = at;
  countStarted(state, row, 1);
  tellAttempt(state, storyKind.started, row);
  const task = attempts.task[row];
  if (tasks.attempt[task] !== row) return;
  if (state.calls.byActor.size > 0 && isActor(state, task)) state.calls.touched.add(task);
  tasks.flags[task] |= taskFlag.everStarted;
  deleteRare(state.startBy, task);
  setTaskState(state, task, taskStateCode.RUNNING);
  const job = state.jobs[tasks.job[task]];
  if (job.startedAt === 0) job.startedAt = at;
}

/** Keeps how many attempts of its shape run on its worker, and since when. */
export function countStarted(
  { attempts, workers }: ControllerState,
  row: number,
  sign: 1 | -1,
): void {
  const entry = shapeOnWorker(workers[attempts.worker[row]], attempts.shape[row]);
  entry.started += sign;
  entry.startedMs += sign * Math.floor(attempts.startedAt[row] / 1000);
}

export function applyAttemptsBuilding(
  state: ControllerState,
  fact: FactOf<"attempts-building">,
): void {
  const { attempts, tasks } = state;
  for (const row of fact.attempts) {
    attempts.flags[row] |= attemptFlag.building;
    const task = attempts.task[row];
    if (tasks.attempt[task] === row) setTaskState(state, task, taskStateCode.BUILDING);
  }
}

/** What an attempt that waits for tasks of its own does not hold meanwhile. */
const yieldedDimensions = [dimension.cpu, dimension.slots];

export function applyAttemptsYielded(
  state: ControllerState,
  { attempts: rows, on }: FactOf<"attempts-yielded">,
): void {
  const { attempts } = state;
  for (const row of rows) {
    const worker = state.workers[attempts.worker[row]];
    chargeAmounts(state, row, -1);
    attempts.grants[row] = grantWhile(state, row, on);
    chargeAmounts(state, row, 1);
    if (on) attempts.flags[row] |= attemptFlag.yielded | attemptFlag.hasYielded;
    else attempts.flags[row] &= ~attemptFlag.yielded;
    touchWorker(state, worker.index);
    touchKept(state, worker.reservations);
    tellAttempt(state, on ? storyKind.yielded : storyKind.rejoined, row);
  }
}

/** The grant of an attempt without its slot and its CPU, or with them. */
function grantWhile(state: ControllerState, row: number, yielded: boolean): Float64Array {
  const { attempts } = state;
  const { amounts } = state.shapes[attempts.shape[row]].request;
  if (!yielded && getRare(state.deviceGrants, row) === undefined) return amounts;
  const grant = attempts.grantOf(row).slice();
  for (const index of yieldedDimensions) grant[index] = yielded ? 0 : amounts[index];
  return grant;
}

export function applyAttemptsStopping(
  state: ControllerState,
  fact: FactOf<"attempts-stopping">,
): void {
  const { attempts, tasks } = state;
  for (const row of fact.attempts) {
    noteLedger(state, attempts.worker[row]);
    attempts.flags[row] |= attemptFlag.stopping;
    attempts.stopReason[row] = fact.reason;
    tellAttempt(state, storyKind["stop-ordered"], row, fact.reason);
    const task = attempts.task[row];
    tasks.attempt[task] = noSlot;
    state.strays.set(attempts.id[row], row);
    state.strayOfTask.set(task, row);
    touchKept(state, state.workers[attempts.worker[row]].reservations);
    state.fleet.changes.mark(attempts.worker[row]); // It can be evicted no more.
  }
}

/** How an attempt ends. */
interface AttemptEnd {
  readonly successor: number;
  /** Index into `attemptCauses`. */
  readonly cause: number;
  /** How long it ran, as its worker told; 0 where nobody did. */
  readonly ranUs: number;
}

/**
 * The only place where an attempt leaves the ledger. Its grant goes back to its worker, or whole to
 * the prefetched attempt of its shape that took over.
 */
export function applyEnd(
  state: ControllerState,
  row: number,
  { successor, cause, ranUs }: AttemptEnd,
): void {
  const { attempts } = state;
  const worker = state.workers[attempts.worker[row]];
  const wasGranted = attempts.isGranted(row);
  if (!wasGranted) leavePrefetched(state, row);
  else if (successor !== noSlot) {
    leavePrefetched(state, successor);
    attempts.grants[successor] = attempts.grants[row];
    attempts.band[successor] = attempts.band[row];
  } else {
    chargeGrant(state, row, -1);
    shapeOnWorker(worker, attempts.shape[row]).granted--;
  }
  touchWorker(state, worker.index);
  tellAttempt(state, storyKind.ended, row, cause);
  if (cause === finishedCode) countRunTime(state, row);
  if (attempts.startedAt[row] > 0 || cause === finishedCode) keepRun(state, row, cause, ranUs);
  if (hasRare(state.hung, row)) tellOfEndOfHung(state, row, cause);
  if (jobOf(state, attempts.task[row]).launch !== null)
    keepRecord(state, row, { cause, wasGranted });
  closeRow(state, row);
}

/** How many attempts of its kind its worker runs at once. A call has the thread of its actor. */
export function lanesFor({ workers, attempts, shapes }: ControllerState, row: number): number {
  const { slots, commandSlots } = workers[attempts.worker[row]];
  const { isCommand, part } = shapes[attempts.shape[row]];
  return isCommand || part === "call" ? slots + commandSlots : slots;
}

/** What nobody said had begun before it ended was short. */
function countRunTime({ attempts, tasks, runTimes, at }: ControllerState, row: number): void {
  const startedAt = attempts.startedAt[row];
  runTimes.add(tasks.spec[attempts.task[row]], startedAt === 0 ? 0 : at - startedAt);
}

export function applyAttemptsHung(state: ControllerState, fact: FactOf<"attempts-hung">): void {
  const { attempts } = state;
  for (const [i, row] of fact.attempts.entries()) {
    const usualUs = fact.usualUs[i];
    state.hung.set(row, { usualUs });
    const { workerId, pid } = state.workers[attempts.worker[row]];
    const ran = formatDuration((fact.at - attempts.startedAt[row]) / 1000);
    const usual = formatDuration(usualUs / 1000);
    const id = taskIdOf(state, attempts.task[row]);
    const message = `runs on ${workerId} (pid ${pid}) for ${ran}; usual is at most ${usual}`;
    tellEvent(state, { type: "task-hung", id, message });
  }
}

function tellOfEndOfHung(state: ControllerState, row: number, cause: number): void {
  const { attempts } = state;
  const ran = formatDuration((state.at - attempts.startedAt[row]) / 1000);
  const id = taskIdOf(state, attempts.task[row]);
  const message = `ended after ${ran}: ${attemptCauses[cause]}`;
  tellEvent(state, { type: "hung-task-ended", id, message });
}

/** Where and when an attempt ran that has ended. */
function keepRun(state: ControllerState, row: number, cause: number, ranUs: number): void {
  const { attempts, tasks } = state;
  const task = attempts.task[row];
  state.runs.add({
    attempt: attempts.id[row],
    worker: attempts.worker[row],
    slots: lanesFor(state, row),
    jobId: jobOf(state, task).id,
    index: tasks.index[task],
    name: specOf(state, task).name,
    assignedAt: attempts.assignedAt[row],
    startedAt: attempts.startedAt[row] || state.at - ranUs,
    endedAt: state.at,
    cause,
  });
}

/** What a launched job remembers of an attempt that has ended. */
function keepRecord(
  state: ControllerState,
  row: number,
  { cause, wasGranted }: { readonly cause: number; readonly wasGranted: boolean },
): void {
  const { attempts } = state;
  const task = attempts.task[row];
  const worker = state.workers[attempts.worker[row]];
  const granted = wasGranted ? resourcesOf(state.dimensions, attempts.grantOf(row)) : noResources;
  const devices = state.deviceGrants.get(row) ?? granted.devices;
  let history = state.histories.get(task);
  if (history === undefined) {
    history = [];
    state.histories.set(task, history);
  }
  history.push({
    id: attempts.id[row],
    workerId: worker.workerId,
    incarnation: worker.incarnation,
    cause: attemptCauses[cause],
    assignedAt: attempts.assignedAt[row],
    startedAt: attempts.startedAt[row],
    endedAt: state.at,
    granted: { ...granted, devices },
    usage: state.usages.get(row) ?? null,
  });
  if (history.length > attemptRecordsMax) history.shift();
}

function closeRow(state: ControllerState, row: number): void {
  const { attempts, tasks } = state;
  setRetracting(state, row, false);
  const worker = state.workers[attempts.worker[row]];
  noteLedger(state, worker.index);
  const task = attempts.task[row];
  const id = attempts.id[row];
  worker.liveAttempts--;
  worker.attemptsDigest = digestWithout(worker.attemptsDigest, id);
  if (attempts.hasFlag(row, attemptFlag.started)) countStarted(state, row, -1);
  forgetIdleShape(worker, attempts.shape[row]);
  if (state.calls.byActor.size > 0 && isCall(state, task)) uncountSent(state, task);
  deleteRare(state.usages, row);
  deleteRare(state.hung, row);
  deleteRare(state.progress, row);
  dropEndpointsOfAttempt(state.access, id);
  deleteRare(state.deviceGrants, row);
  attempts.release(row);
  if (tasks.attempt[task] === row) tasks.attempt[task] = noSlot;
  else {
    state.strays.delete(id);
    state.strayOfTask.delete(task);
    // If better work takes what it leaves, whom it was kept for must look everywhere again.
    for (const { shape } of worker.reservations) {
      if (state.shapes[shape].queued > 0) state.untriedShapes.add(shape);
    }
    if (tasks.stage[task] === stage.held) placeInLine(state, task);
  }
  const { launch } = jobOf(state, task);
  if (launch !== null) endAttemptOfJob(state, launch);
}

/** When the last attempt of a job that is being replaced has ended, the new one goes on. */
function endAttemptOfJob(state: ControllerState, launch: Launch): void {
  launch.liveAttempts--;
  if (launch.liveAttempts > 0 || launch.successor < 0) return;
  const next = launchAt(state, launch.successor);
  launch.successor = -1;
  next.predecessor = -1;
  for (const row of next.rows) {
    if (state.tasks.stage[row] === stage.held) placeInLine(state, row);
  }
}

export function applyAttemptsEnded(state: ControllerState, fact: FactOf<"attempts-ended">): void {
  for (let i = 0; i < fact.attempts.length; i++) {
    const [successor, cause] = [fact.successors[i], fact.causes[i]];
    applyEnd(state, fact.attempts[i], { successor, cause, ranUs: 0 });
  }
}

/** The task's new attempt holds what its stopping one held; nothing is charged or credited. */
export function applyAttemptSuperseded(
  state: ControllerState,
  fact: FactOf<"attempt-superseded">,
): void {
  const { attempts } = state;
  const grant = attempts.grants[fact.attempt];
  const devices = state.deviceGrants.get(fact.attempt);
  tellAttempt(state, storyKind.superseded, fact.attempt);
  const worker = attempts.worker[fact.attempt];
  const band = attempts.band[fact.attempt];
  const row = assign(state, { task: fact.task, worker, band }, fact.at);
  state.fleet.changes.mark(worker); // What was stopping can be evicted again.
  attempts.grants[row] = grant;
  if (devices !== undefined) state.deviceGrants.set(row, devices);
  const isGranted = attempts.isGranted(fact.attempt);
  if (!isGranted) {
    leavePrefetched(state, fact.attempt);
    prefetchRow(state, row);
  }
  tellAttempt(state, isGranted ? storyKind.assigned : storyKind.prefetched, row);
  closeRow(state, fact.attempt);
}
