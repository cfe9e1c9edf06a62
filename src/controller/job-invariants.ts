/**
 * What must be true of launched jobs, gangs, users, devices and reservations after every event.
 *
 * @module
 */

import { attributeOf } from "../model/constraints.ts";
import { attemptCauseCode, bandCode, isTerminalCode, taskStateCode } from "../model/states.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import { accessInvariants } from "./access-invariants.ts";
import type { Invariant, Report } from "./invariants.ts";
import { openTasks } from "./job-state.ts";
import { type ControllerState, type Job, jobOf, type Launch, type Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { noSlot } from "./tables/task-table.ts";

function launches(state: ControllerState): { job: Job; launch: Launch }[] {
  const found: { job: Job; launch: Launch }[] = [];
  for (const job of state.jobs) {
    if (!job.pruned && job.launch !== null) found.push({ job, launch: job.launch });
  }
  return found;
}

function liveRows(state: ControllerState): number[] {
  const rows: number[] = [];
  for (let row = 0; row < state.attempts.length; row++) {
    if (state.attempts.id[row] !== 0) rows.push(row);
  }
  return rows;
}

/** Z-5: a job is terminal exactly when its tasks are. */
function jobsEndWithTheirTasks(state: ControllerState, report: Report): void {
  for (const { job, launch } of launches(state)) {
    const open = openTasks(job);
    if (launch.ended !== null && open > 0) report([job.id], `ended with ${open} open tasks`);
    if (launch.ended === null && open === 0)
      report([job.id], "all its tasks ended, and it is open");
    if (job.finishedAt > 0 !== (launch.ended !== null)) report([job.id], "its end has no time");
  }
}

/** The quota of a user and the token of a job are looked up: both indices say what the jobs say. */
function jobsAreIndexed(state: ControllerState, report: Report): void {
  const open = new Map<string, number>();
  for (const job of state.jobs) {
    if (!job.pruned) open.set(job.user, (open.get(job.user) ?? 0) + openTasks(job));
  }
  for (const { name, openTasks: recorded } of state.users) {
    const found = open.get(name) ?? 0;
    if (recorded !== found) report([name], `${recorded} open tasks counted, ${found} found`);
  }
  for (const { job, launch } of launches(state)) {
    const led = state.jobs[state.jobsByTokenHash.get(launch.tokenHash) ?? -1];
    if (led?.launch?.tokenHash !== launch.tokenHash) report([job.id], "its token leads nowhere");
  }
  for (const [hash, index] of state.jobsByTokenHash) {
    const { id, launch, pruned } = state.jobs[index];
    if (pruned || launch?.tokenHash !== hash) report([id], "a token that it has not leads to it");
  }
}

/** A launched job has its rows, in order, and counts its attempts. */
function launchesOwnTheirRows(state: ControllerState, report: Report): void {
  const attempts = new Map<Job, number>();
  for (const row of liveRows(state)) {
    const job = jobOf(state, state.attempts.task[row]);
    attempts.set(job, (attempts.get(job) ?? 0) + 1);
  }
  for (const { job, launch } of launches(state)) {
    const live = attempts.get(job) ?? 0;
    if (live !== launch.liveAttempts)
      report([job.id], `${launch.liveAttempts} attempts counted, ${live} found`);
    for (const [index, task] of launch.rows.entries()) {
      const isOurs = state.tasks.job[task] === job.index && state.tasks.index[task] === index;
      if (!isOurs) report([job.id], `row ${task} is not its task ${index}`);
    }
  }
}

/** Z-7: what a job says of its attempts is what its tasks say. */
function chargesAddUp(state: ControllerState, report: Report): void {
  for (const { job, launch } of launches(state)) {
    let failures = 0;
    let losses = 0;
    for (const task of launch.rows) {
      failures += state.tasks.failureCount[task];
      losses += state.tasks.lossCount[task];
    }
    if (failures !== launch.failureCount)
      report([job.id], `${launch.failureCount} failures counted, ${failures} found`);
    if (losses !== launch.preemptionCount)
      report([job.id], `${launch.preemptionCount} losses counted, ${losses} found`);
  }
}

/** Z-6: of a gang all members are placed or none, on distinct workers of one group. */
function gangsAreWhole(state: ControllerState, report: Report): void {
  for (const { job, launch } of launches(state)) {
    if (launch.gang === null) continue;
    const { tasks, attempts } = state;
    const hosts: Worker[] = [];
    let missing = 0;
    for (const task of launch.rows) {
      const row = tasks.attempt[task];
      if (row !== noSlot) hosts.push(state.workers[attempts.worker[row]]);
      else if (tasks.state[task] !== taskStateCode.SUCCEEDED) missing++;
    }
    if (hosts.length > 0 && missing > 0)
      report([job.id], `${hosts.length} members are placed, ${missing} are not`);
    if (new Set(hosts).size !== hosts.length) report([job.id], "two members share a worker");
    const groups = new Set(
      hosts.map((host) => attributeOf(host.attributes, launch.spec.task.groupBy)),
    );
    if (groups.size > 1) report([job.id], `its members are in ${groups.size} groups`);
  }
}

/** A user's usage and spend are the sums over the user's attempts. */
function usersPayForTheirAttempts(state: ControllerState, report: Report): void {
  const used = state.users.map(() => new Float64Array(state.dimensions.count));
  const spend = state.users.map(() => 0);
  for (const row of liveRows(state)) {
    if (!state.attempts.isGranted(row)) continue;
    const shape = state.shapes[state.attempts.shape[row]];
    const grant = state.attempts.grants[row] ?? [];
    for (let i = 0; i < grant.length; i++) used[shape.user][i] += grant[i];
    if (state.attempts.band[row] !== bandCode.batch) spend[shape.user] += shape.value;
  }
  for (const user of state.users) {
    if (user.spend !== spend[user.index])
      report([user.name], `spends ${user.spend}, found ${spend[user.index]}`);
    for (const [index, amount] of user.used.entries()) {
      if (amount === used[user.index][index]) continue;
      const name = state.dimensions.names[index];
      report([user.name], `uses ${amount} of ${name}, found ${used[user.index][index]}`);
    }
  }
}

/** What placement looks up instead of counting is what counting finds. */
function placementIndexesEqualTheirRecount(state: ControllerState, report: Report): void {
  const granted = state.grantedByBand.map(() => 0);
  for (const row of liveRows(state)) {
    if (state.attempts.isGranted(row)) granted[state.attempts.band[row]]++;
  }
  for (const [band, count] of granted.entries()) {
    const recorded = state.grantedByBand[band];
    if (recorded !== count) report([], `band ${band}: ${recorded} granted, ${count} found`);
  }
  for (const shape of state.shapes) {
    if (state.queuedShapes.has(shape.index) !== shape.queued > 0)
      report([], `shape ${shape.index} with ${shape.queued} queued is listed wrongly`);
  }
}

/** No device is given away twice, and each index is charged what its attempts hold. */
function devicesAreGrantedOnce(state: ControllerState, report: Report): void {
  const found = new Map<string, number>();
  for (const row of liveRows(state)) {
    if (!state.attempts.isGranted(row)) continue;
    for (const { kind, variant, countMilli, indices } of state.deviceGrants.get(row) ?? []) {
      const index = state.dimensions.intern(deviceDimension(kind, variant));
      for (const [position, device] of indices.entries()) {
        const key = `${state.attempts.worker[row]} ${index} ${device}`;
        const milli = Math.min(1000, countMilli - position * 1000);
        found.set(key, (found.get(key) ?? 0) + milli);
      }
    }
  }
  for (const worker of state.workers) {
    for (const [index, use] of worker.deviceUse) {
      for (const [device, milli] of use.entries()) {
        const sum = found.get(`${worker.index} ${index} ${device}`) ?? 0;
        const name = `${state.dimensions.names[index]} ${device}`;
        if (sum !== milli) report([worker.workerId], `${name}: ${milli} charged, ${sum} found`);
        if (milli < 0 || milli > 1000) report([worker.workerId], `${name}: ${milli} of 1000 used`);
      }
    }
  }
}

/** Z-11: nothing is evicted for work of its own band or a better one. */
function evictionsServeBetterBands(state: ControllerState, report: Report): void {
  for (const row of liveRows(state)) {
    const { attempts } = state;
    const isEvicted = attempts.hasFlag(row, attemptFlag.stopping);
    if (isEvicted && attempts.band[row] === bandCode.production && isPreempted(state, row))
      report([String(attempts.id[row])], "production work was evicted");
  }
}

const preemptedCode = attemptCauseCode("preempted");

function isPreempted(state: ControllerState, row: number): boolean {
  return state.attempts.stopReason[row] === preemptedCode;
}

/** Reservations are listed with their workers, both ways. */
function reservationsAreListed(state: ControllerState, report: Report): void {
  for (const worker of state.workers) {
    for (const one of worker.reservations) {
      const known = state.reservations.get(one.id);
      if (known === undefined || !known.workers.includes(worker.index))
        report([worker.workerId], `lists reservation ${one.id}, which is not there`);
    }
  }
  for (const one of state.reservations.values()) {
    const listed = one.workers.every((index) =>
      state.workers[index].reservations.some(({ id }) => id === one.id),
    );
    if (!listed) report([String(one.id)], "a reservation that its workers do not know");
  }
}

/** Trees of jobs are linked both ways. */
function jobTreesAreLinked(state: ControllerState, report: Report): void {
  for (const { job, launch } of launches(state)) {
    const above = launch.parent < 0 ? null : state.jobs[launch.parent].launch;
    if (above !== null && !above.children.has(job.index))
      report([job.id], "its parent does not list it");
    for (const child of launch.children) {
      if (state.jobs[child].launch?.parent !== job.index)
        report([job.id], `lists ${state.jobs[child].id}, which has another parent`);
    }
  }
}

/** A replaced job and the one that waits for it know each other. */
function successionsAreLinked(state: ControllerState, report: Report): void {
  for (const { job, launch } of launches(state)) {
    if (launch.predecessor < 0) continue;
    const before = state.jobs[launch.predecessor].launch;
    if (before === null || before.successor !== job.index || before.liveAttempts === 0)
      report([job.id], "waits for a job that does not hold it up");
  }
}

/** Attempts of ended tasks are stopping, and nothing else of them runs. */
function endedTasksHaveNoAttempt(state: ControllerState, report: Report): void {
  for (const row of liveRows(state)) {
    const task = state.attempts.task[row];
    const isCurrent = state.tasks.attempt[task] === row;
    if (isCurrent && isTerminalCode(state.tasks.state[task]))
      report([String(state.attempts.id[row])], "its task ended, and it is current");
  }
}

export const jobInvariants: readonly Invariant[] = [
  jobsEndWithTheirTasks,
  jobsAreIndexed,
  launchesOwnTheirRows,
  chargesAddUp,
  gangsAreWhole,
  usersPayForTheirAttempts,
  placementIndexesEqualTheirRecount,
  devicesAreGrantedOnce,
  evictionsServeBetterBands,
  reservationsAreListed,
  jobTreesAreLinked,
  successionsAreLinked,
  endedTasksHaveNoAttempt,
  ...accessInvariants,
];
