/**
 * What must be true of every job that is remembered: launched ones, gangs, trees, successions.
 *
 * @module
 */

import { attributeOf } from "../../model/constraints.ts";
import { taskStateCode, taskStates } from "../../model/states.ts";
import { openTasks } from "../job-state.ts";
import { noSlot } from "../tables/task-table.ts";
import type { Inspection, RecordRule } from "./inspection.ts";
import { RowSet } from "./row-set.ts";

/** S-1: a job counts its tasks, and those that have not ended by their states. */
function jobCountsCoverTheirTasks(look: Inspection, index: number): void {
  const job = look.state.jobs[index];
  const tally = look.tally.jobs[index];
  if (tally.tasks !== job.liveTasks)
    look.ofJob(index, `${job.liveTasks} tasks counted, ${tally.tasks} found`);
  for (let code = 0; code < taskStates.length; code++) {
    const count = tally.states[code];
    const recorded = job.stateCounts[code];
    // Of those that ended some are forgotten.
    if (code < taskStateCode.SUCCEEDED ? recorded === count : recorded >= count) continue;
    look.ofJob(index, `${recorded} ${taskStates[code]} recorded, ${count} found`);
  }
}

/** Z-5: a job is terminal exactly when its tasks are. */
function jobsEndWithTheirTasks(look: Inspection, index: number): void {
  const job = look.state.jobs[index];
  const { launch } = job;
  if (launch === null) return;
  const open = openTasks(job);
  if (launch.ended !== null && open > 0) look.ofJob(index, `ended with ${open} open tasks`);
  if (launch.ended === null && open === 0) look.ofJob(index, "all its tasks ended, and it is open");
  if (job.finishedAt > 0 !== (launch.ended !== null)) look.ofJob(index, "its end has no time");
}

/** A launched job has its rows, in order, and counts its attempts. */
function launchesOwnTheirRows(look: Inspection, index: number): void {
  const { launch } = look.state.jobs[index];
  if (launch === null) return;
  const { tasks } = look.state;
  const { attempts } = look.tally.jobs[index];
  if (attempts !== launch.liveAttempts)
    look.ofJob(index, `${launch.liveAttempts} attempts counted, ${attempts} found`);
  for (let place = 0; place < launch.rows.length; place++) {
    const task = launch.rows[place];
    if (tasks.job[task] === index && tasks.index[task] === place) continue;
    look.ofJob(index, `row ${task} is not its task ${place}`);
  }
}

/** Z-7: what a job says of its attempts is what its tasks say. */
function chargesAddUp(look: Inspection, index: number): void {
  const { launch } = look.state.jobs[index];
  if (launch === null) return;
  const { tasks } = look.state;
  let failures = 0;
  let losses = 0;
  for (let place = 0; place < launch.rows.length; place++) {
    failures += tasks.failureCount[launch.rows[place]];
    losses += tasks.lossCount[launch.rows[place]];
  }
  if (failures !== launch.failureCount)
    look.ofJob(index, `${launch.failureCount} failures counted, ${failures} found`);
  if (losses !== launch.preemptionCount)
    look.ofJob(index, `${launch.preemptionCount} losses counted, ${losses} found`);
}

const hosts = new RowSet();

/** Z-6: of a gang all members are placed or none, on distinct workers of one group. */
function gangsAreWhole(look: Inspection, index: number): void {
  const { tasks, attempts, jobs } = look.state;
  const { launch } = jobs[index];
  if (launch === null || launch.gang === null) return;
  hosts.clear();
  let placed = 0;
  let missing = 0;
  for (let place = 0; place < launch.rows.length; place++) {
    const task = launch.rows[place];
    const row = tasks.attempt[task];
    if (row !== noSlot) {
      placed++;
      hosts.add(attempts.worker[row]);
    } else if (tasks.state[task] !== taskStateCode.SUCCEEDED) missing++;
  }
  if (placed > 0 && missing > 0)
    look.ofJob(index, `${placed} members are placed, ${missing} are not`);
  if (hosts.length !== placed) look.ofJob(index, "two members share a worker");
  checkOneGroup(look, index, launch.spec.task.groupBy);
}

function checkOneGroup(look: Inspection, index: number, groupBy: string): void {
  const { workers } = look.state;
  for (let i = 1; i < hosts.length; i++) {
    const group = attributeOf(workers[hosts.at(i)].attributes, groupBy);
    if (group === attributeOf(workers[hosts.at(0)].attributes, groupBy)) continue;
    return look.ofJob(index, "its members are in two groups");
  }
}

/** The token of a launched job leads to a job that has it. */
function tokensLeadToTheirJobs(look: Inspection, index: number): void {
  const { jobs, jobsByTokenHash } = look.state;
  const { launch } = jobs[index];
  if (launch === null) return;
  const led = jobs[jobsByTokenHash.get(launch.tokenHash) ?? -1];
  if (led?.launch?.tokenHash !== launch.tokenHash) look.ofJob(index, "its token leads nowhere");
}

/** Trees of jobs are linked both ways. */
function jobTreesAreLinked(look: Inspection, index: number): void {
  const { jobs } = look.state;
  const { launch } = jobs[index];
  if (launch === null) return;
  const above = launch.parent < 0 ? null : jobs[launch.parent].launch;
  if (above !== null && !above.children.has(index))
    look.ofJob(index, "its parent does not list it");
  for (const child of launch.children) {
    if (jobs[child].launch?.parent !== index)
      look.ofJob(index, `lists ${jobs[child].id}, which has another parent`);
  }
}

/** A replaced job and the one that waits for it know each other. */
function successionsAreLinked(look: Inspection, index: number): void {
  const { jobs } = look.state;
  const { launch } = jobs[index];
  if (launch === null || launch.predecessor < 0) return;
  const before = jobs[launch.predecessor].launch;
  if (before === null || before.successor !== index || before.liveAttempts === 0)
    look.ofJob(index, "waits for a job that does not hold it up");
}

/** Those that compare with sums over all rows. */
export const jobSumRules: readonly RecordRule[] = [jobCountsCoverTheirTasks, launchesOwnTheirRows];

export const jobRules: readonly RecordRule[] = [
  ...jobSumRules,
  jobsEndWithTheirTasks,
  chargesAddUp,
  gangsAreWhole,
  tokensLeadToTheirJobs,
  jobTreesAreLinked,
  successionsAreLinked,
];
