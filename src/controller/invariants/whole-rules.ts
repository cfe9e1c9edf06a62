/**
 * What must be true of users and clients, and of the indexes that belong to no record.
 *
 * @module
 */

import { bands } from "../../model/states.ts";
import { keyOfTask, taskWithKey } from "../keys.ts";
import { jobOf } from "../state.ts";
import { attemptFlag } from "../tables/attempt-table.ts";
import type { Inspection, RecordRule, WholeRule } from "./inspection.ts";

/** A12: a user's usage, spend and open tasks are the sums over the user's attempts and tasks. */
function usersPayForTheirAttempts(look: Inspection, index: number): void {
  const user = look.state.users[index];
  const tally = look.tally.users[index];
  if (user.openTasks !== tally.openTasks)
    look.report([user.name], `${user.openTasks} open tasks counted, ${tally.openTasks} found`);
  if (user.spend !== tally.spend)
    look.report([user.name], `spends ${user.spend}, found ${tally.spend}`);
  for (let i = 0; i < user.used.length; i++) {
    const sum = i < tally.used.length ? tally.used[i] : 0;
    if (user.used[i] === sum) continue;
    const name = look.state.dimensions.names[i];
    look.report([user.name], `uses ${user.used[i]} of ${name}, found ${sum}`);
  }
}

/** S-12: what a handle names is remembered, and knows the handle. */
function everyHandleNamesATask(look: Inspection, index: number): void {
  const { tasks, jobs, aliases, clients } = look.state;
  const client = clients[index];
  client?.handles.forEach((number, task) => {
    if (!tasks.isLive(task)) {
      look.report([client.clientId], `handle ${number} names a forgotten task`);
      return;
    }
    const isOwn = jobs[tasks.job[task]].client === index && tasks.index[task] === number;
    const isKnown =
      isOwn ||
      aliases.get(task)?.some((one) => one.client === index && one.number === number) === true;
    if (!isKnown) look.ofTask(task, `does not know handle ${number} of ${client.clientId}`);
  });
}

/** S-1: the totals of both tables, and what is granted in each band. */
function everyTotalEqualsItsRecount(look: Inspection): void {
  const { tasks, attempts, grantedByBand } = look.state;
  const { tally } = look;
  if (tally.tasks !== tasks.live)
    look.report([], `${tasks.live} live tasks counted, ${tally.tasks} found`);
  if (tally.attempts !== attempts.live)
    look.report([], `${attempts.live} attempts counted, ${tally.attempts} found`);
  for (let band = 0; band < bands.length; band++) {
    const found = tally.grantedByBand[band];
    if (grantedByBand[band] !== found)
      look.report([], `band ${band}: ${grantedByBand[band]} granted, ${found} found`);
  }
}

/** S-13: strays are live, stopping, let go of by their task, and one per task. */
function straysAreStoppingAttempts(look: Inspection): void {
  const { attempts, tasks, strays, strayOfTask } = look.state;
  if (strays.size !== strayOfTask.size) look.report([], "a task has two stray attempts");
  for (const [id, row] of strays) {
    const task = attempts.task[row];
    const isSound =
      attempts.id[row] === id &&
      attempts.hasFlag(row, attemptFlag.stopping) &&
      tasks.attempt[task] !== row &&
      strayOfTask.get(task) === row;
    if (!isSound) look.report([String(id)], "a stray attempt is not what it is listed as");
  }
}

/** S-21: keys name live tasks, both ways. */
function keysNameLiveTasks(look: Inspection): void {
  const { state } = look;
  const { keys, tasks } = state;
  let count = 0;
  for (const task of tasks.rows()) {
    const key = keyOfTask(state, task);
    if (key === "") continue;
    count++;
    if (taskWithKey(state, jobOf(state, task).user, key) !== task)
      look.report([key], "names another task, or none");
  }
  if (keys.size !== count) look.report([], `${keys.size} keys of ${count} tasks with a key`);
}

/** A token that leads to a job is the token of that job. */
function tokensBelongToTheirJobs(look: Inspection): void {
  for (const [hash, index] of look.state.jobsByTokenHash) {
    const { id, launch, pruned } = look.state.jobs[index];
    if (pruned || launch?.tokenHash !== hash)
      look.report([id], "a token that it has not leads to it");
  }
}

/** A5, B7: reservations are known to the workers that they name; a gang has one at most. */
function reservationsAreListed(look: Inspection): void {
  const gangs = new Set<number>();
  for (const { id, reason, shape, workers } of look.state.reservations.values()) {
    if (reason === "gang" && gangs.has(shape))
      look.report([String(id)], "its gang has another one");
    gangs.add(shape);
    for (const index of workers) {
      if (look.state.workers[index].reservations.some((one) => one.id === id)) continue;
      look.report([String(id)], "a reservation that its workers do not know");
    }
  }
}

/** Between steps nothing is left in what one step hands to its own later parts. */
function scratchIsEmptyBetweenSteps(look: Inspection): void {
  const { touchedJobs, brokenGangs, copies } = look.state;
  if (touchedJobs.size + brokenGangs.size > 0)
    look.report([], "jobs or gangs that changed were not settled");
  if (copies.touched.size > 0) look.report([], "values whose copies changed were not looked at");
}

/** All of them compare with sums over all rows. */
export const userRules: readonly RecordRule[] = [usersPayForTheirAttempts];
export const clientRules: readonly RecordRule[] = [everyHandleNamesATask];
/** Those that compare with sums over all rows. */
export const wholeSumRules: readonly WholeRule[] = [everyTotalEqualsItsRecount];

export const wholeRules: readonly WholeRule[] = [
  ...wholeSumRules,
  straysAreStoppingAttempts,
  keysNameLiveTasks,
  tokensBelongToTheirJobs,
  reservationsAreListed,
  scratchIsEmptyBetweenSteps,
];
