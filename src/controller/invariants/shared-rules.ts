/**
 * What must be true of what clients share: published values, brought values, locks.
 *
 * @module
 */

import { isTerminalCode } from "../../model/states.ts";
import { costOf } from "../job-results-state.ts";
import { resultsBytesMax } from "../limits.ts";
import { everySession } from "../restarts-state.ts";
import { nameKey } from "../shared-state.ts";
import { jobOf, specOf } from "../state.ts";
import { stage } from "../tables/task-table.ts";
import type { Inspection, WholeRule } from "./inspection.ts";

/** A name keeps what it names, and is counted there. */
function publishedValuesAreRemembered(look: Inspection): void {
  const { shared, tasks } = look.state;
  const found = new Map<number, number>();
  for (const [key, { user, name, task }] of shared.published) {
    found.set(task, (found.get(task) ?? 0) + 1);
    if (key !== nameKey(user, name)) look.report([name], "is listed under another name");
    else if (!tasks.isLive(task)) look.report([name], "names a forgotten task");
    else if (tasks.wants[task] === 0) look.ofTask(task, `is published as ${name} and not wanted`);
  }
  for (const [task, count] of shared.publishedCounts) {
    if (found.get(task) !== count) look.ofTask(task, `${count} names counted, ${found.get(task)}`);
  }
  if (found.size !== shared.publishedCounts.size)
    look.report([], "a published task is not counted");
}

/** What is to be brought has no recipe, and each client that brings it has a handle on it. */
function offeredValuesAreBrought(look: Inspection): void {
  const { state } = look;
  const { tasks } = state;
  for (const [task, offers] of state.shared.offers) {
    if (!tasks.isLive(task) || tasks.stage[task] !== stage.offered) {
      look.report([], `offers: row ${task} of no task whose value is to be brought`);
      continue;
    }
    if (specOf(state, task).run.kind !== "value")
      look.ofTask(task, "is to be brought and has a recipe");
    for (const { client, number } of offers) {
      if (state.clients[client]?.handles.get(number) !== task)
        look.ofTask(task, "is to be brought by a client that has let go of it");
    }
  }
}

/** Only what is offered is on its way, and each worker counts what is on its way to it. */
function uploadsAreOfWhatIsOffered(look: Inspection): void {
  const { offers, uploads, uploadCounts } = look.state.shared;
  const found = new Map<number, number>();
  for (const [task, worker] of uploads) {
    if (!offers.has(task))
      look.report([], `uploads: row ${task} of no task whose value is offered`);
    found.set(worker, (found.get(worker) ?? 0) + 1);
  }
  for (const [worker, count] of uploadCounts) {
    const counted = found.get(worker) ?? 0;
    if (counted !== count) look.ofWorker(worker, `${count} uploads counted, ${counted} found`);
  }
  if (found.size !== uploadCounts.size) look.report([], "a worker's uploads are not counted");
}

/** What goes on without its session has not ended. */
function detachedTasksAreOpen(look: Inspection): void {
  const { tasks, shared } = look.state;
  for (const task of shared.detached) {
    if (!tasks.isLive(task)) look.report([], `detached: row ${task} of no task`);
    else if (isTerminalCode(tasks.state[task])) look.ofTask(task, "is detached and has ended");
  }
}

/** A lock has one holder, with the highest token so far of that lock; all requests are listed. */
function locksHaveOneHolder(look: Inspection): void {
  const { shared, clients } = look.state;
  let requests = 0;
  for (const [key, lock] of shared.locks) {
    const { user, name, holder, waiting } = lock;
    requests += 1 + waiting.length;
    if (key !== nameKey(user, name)) look.report([name], "is listed under another name");
    if (holder.token > shared.lockCounter) look.report([name], "has a token that was not given");
    for (const { client, id } of [holder, ...waiting]) {
      if (clients[client] == null) look.report([name], "a session that is over holds it or waits");
      else if (shared.locksOfClients.get(client)?.get(id) !== key)
        look.report([name], `request ${id} of ${clients[client]?.clientId} is not listed`);
    }
  }
  let listed = 0;
  for (const ids of shared.locksOfClients.values()) listed += ids.size;
  if (listed !== requests)
    look.report([], `${listed} requests for locks listed, ${requests} found`);
}

/** A lease that ends is looked at: nobody holds a lock for ever. */
function leasesAreLookedAt(look: Inspection): void {
  const { shared } = look.state;
  for (const { name, holder } of shared.locks.values()) {
    if (shared.sweepLocksAt === 0 || shared.sweepLocksAt > holder.expiresAt)
      look.report([name], "its lease may end without being looked at");
  }
}

/** What is restarted is there, has asked for it, and goes on. */
function restartsAreOfOpenSessions(look: Inspection): void {
  const { shared, clients, closing, orderCounter } = look.state;
  for (const [index, { client: named, before }] of shared.restarting) {
    const client = clients[index];
    const who = [client?.clientId ?? String(index)];
    const isThere = index === everySession || (client != null && !closing.sessions.has(index));
    if (!isThere || named !== index) look.report(who, "is restarted and is not open");
    else if (before > orderCounter) look.report(who, "its restart ends what is to come");
    else if (client?.lastSequence === 0) look.report(who, "is restarted and has not asked for it");
    if (!shared.restartWalks.has(index)) look.report(who, "its restart does not go on");
  }
  if (shared.restartWalks.size > shared.restarting.size)
    look.report([], "a restart that is over goes on");
}

/** What is kept of jobs is of their functions, is counted, and stays in its bound. */
function resultsAddUp(look: Inspection): void {
  const { state } = look;
  const { results } = state.shared;
  let totalBytes = 0;
  for (const [task, result] of results.byTask) {
    totalBytes += costOf(result);
    if (!state.tasks.isLive(task)) look.report([], `results: row ${task} of no task`);
    else if (jobOf(state, task).launch === null)
      look.ofTask(task, "has a result and is of no launched job");
  }
  if (totalBytes !== results.totalBytes)
    look.report([], `results count ${results.totalBytes} bytes, and have ${totalBytes}`);
  if (totalBytes > resultsBytesMax) look.report([], `results have ${totalBytes} bytes`);
}

export const sharedRules: readonly WholeRule[] = [
  publishedValuesAreRemembered,
  offeredValuesAreBrought,
  uploadsAreOfWhatIsOffered,
  detachedTasksAreOpen,
  locksHaveOneHolder,
  leasesAreLookedAt,
  restartsAreOfOpenSessions,
  resultsAddUp,
];
