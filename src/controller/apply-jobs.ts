/**
 * How facts about launched jobs change the state: their rows, their trees, their end.
 *
 * @module
 */

import { blobsOf } from "../base/blobs.ts";
import { taskStateCode } from "../model/states.ts";
import { addJob, addSpec, dropSpec, tellEvent } from "./apply-sessions.ts";
import {
  boundFirstStart,
  countOpenTasks,
  forgetTask,
  openArgsBatch,
  placeInLine,
  tell,
} from "./apply-tasks.ts";
import { countDemand } from "./demand.ts";
import type { FactOf } from "./facts.ts";
import { parentPath } from "./job-tree.ts";
import { type ControllerState, type Job, type Launch, specRecord } from "./state.ts";
import { storyKind } from "./story.ts";

export function applyJobLaunched(state: ControllerState, fact: FactOf<"job-launched">): void {
  const { spec, at, user } = fact;
  const replaced = state.jobsById.get(spec.jobId) ?? -1;
  const index = state.freeJobs.at(-1) ?? state.jobs.length;
  const rows = new Uint32Array(spec.replicas);
  for (let i = 0; i < rows.length; i++) rows[i] = state.tasks.allocate();
  const launch = newLaunch(state, fact, { index, rows, replaced });
  const job = addJob(state, { id: spec.jobId, user, client: -1, launch, submittedAt: at });
  if (launch.parent >= 0) state.jobs[launch.parent].launch?.children.add(job.index);
  if (launch.predecessor >= 0) waitForPredecessor(state, job, { launch, replaced });
  fillRows(state, job, launch);
  tellEvent(state, { type: "job-launched", id: job.id, message: `by ${user}` });
}

function newLaunch(
  state: ControllerState,
  { spec, token, tokenHash, user }: FactOf<"job-launched">,
  place: { readonly index: number; readonly rows: Uint32Array; readonly replaced: number },
): Launch {
  const parent = state.jobsById.get(parentPath(spec.jobId) ?? "") ?? -1;
  const above = parent < 0 ? null : state.jobs[parent].launch;
  const treeOrder = above === null ? state.orderCounter : above.treeOrder;
  const depth = (above?.depth ?? 0) + 1;
  const isGang = spec.task.groupBy !== "";
  const isChild = depth > 1;
  const specIndex = addSpec(state, spec.task, {
    user,
    depth: isChild ? depth : 0,
    treeOrder: isChild ? treeOrder : 0,
    gang: isGang ? place.index : -1,
  });
  const old = place.replaced < 0 ? null : state.jobs[place.replaced].launch;
  return {
    ...{ spec, specIndex, parent, treeOrder, depth, rows: place.rows, token, tokenHash },
    children: new Set(),
    predecessor: old === null ? -1 : old.liveAttempts > 0 ? place.replaced : old.predecessor,
    successor: -1,
    ended: null,
    error: null,
    liveAttempts: 0,
    failureCount: 0,
    preemptionCount: 0,
    gang: isGang ? { returns: 0, holdExpiries: 0, holdAgainAt: 0, members: new Map() } : null,
  };
}

/** A job that is replaced before it began hands on whom it waited for. */
function waitForPredecessor(
  state: ControllerState,
  job: Job,
  { launch, replaced }: { readonly launch: Launch; readonly replaced: number },
): void {
  const old = state.jobs[launch.predecessor].launch;
  if (old !== null) old.successor = job.index;
  const between = state.jobs[replaced].launch;
  if (between !== null && between !== old) between.predecessor = -1;
}

function fillRows(state: ControllerState, job: Job, launch: Launch): void {
  const { tasks } = state;
  const { spec, rows, specIndex } = launch;
  const batch = openArgsBatch(state, blobsOf([spec.args]));
  for (const [index, task] of rows.entries()) {
    tasks.state[task] = taskStateCode.PENDING;
    tasks.spec[task] = specIndex;
    tasks.job[task] = job.index;
    tasks.index[task] = index;
    tasks.order[task] = state.orderCounter++;
    tasks.submittedAtS[task] = Math.floor(job.submittedAt / 1e6);
    tasks.argsBatch[task] = batch;
    tasks.argsIndex[task] = 0;
    tell(state, storyKind.submitted, task);
    countDemand(state, task);
    boundFirstStart(state, task, job.submittedAt);
  }
  const opened = state.argsBatches[batch];
  if (opened !== null) opened.live += rows.length;
  job.liveTasks = rows.length;
  job.stateCounts[taskStateCode.PENDING] = rows.length;
  countOpenTasks(state, job, rows.length);
  for (const task of rows) placeInLine(state, task);
}

export function applyJobEnded(state: ControllerState, fact: FactOf<"job-ended">): void {
  const job = state.jobs[fact.job];
  if (job.launch === null) return;
  job.launch.ended = fact.state;
  job.launch.error = fact.error;
  job.finishedAt = fact.at;
  tellEvent(state, {
    type: "job-ended",
    id: job.id,
    message: fact.error === null ? fact.state : `${fact.state}: ${fact.error.message}`,
  });
}

export function applyGangReturned(state: ControllerState, fact: FactOf<"gang-returned">): void {
  const gang = state.jobs[fact.job].launch?.gang;
  if (gang) gang.returns++;
}

export function applyGangsRested(state: ControllerState, fact: FactOf<"gangs-rested">): void {
  for (const index of fact.jobs) {
    const { launch } = state.jobs[index];
    if (!launch?.gang) continue;
    launch.gang.holdAgainAt = 0;
    state.untriedShapes.add(specRecord(state, launch.specIndex).shape);
  }
}

export function applyMemberPrepared(state: ControllerState, fact: FactOf<"member-prepared">): void {
  state.jobs[fact.job].launch?.gang?.members.set(fact.index, fact.member);
}

/** Forgets ended jobs whose attempts have all ended, with their tasks. */
export function applyJobsPruned(state: ControllerState, fact: FactOf<"jobs-pruned">): void {
  for (const index of fact.jobs) {
    const job = state.jobs[index];
    if (job.launch !== null) forgetLaunch(state, job.launch, index, fact.at);
    job.pruned = true;
    if (state.jobsById.get(job.id) === index) state.jobsById.delete(job.id);
    state.freeJobs.push(index);
  }
}

function forgetLaunch(state: ControllerState, launch: Launch, index: number, at: number): void {
  for (const task of launch.rows) {
    state.histories.delete(task);
    forgetTask(state, task, at);
  }
  dropSpec(state, launch.specIndex);
  const { tokenHash } = launch;
  if (state.jobsByTokenHash.get(tokenHash) === index) state.jobsByTokenHash.delete(tokenHash);
  if (launch.parent >= 0) state.jobs[launch.parent].launch?.children.delete(index);
  for (const child of launch.children) {
    // A child that was kept outlives its parent's record.
    const orphan = state.jobs[child].launch;
    if (orphan !== null) orphan.parent = -1;
  }
  if (launch.successor >= 0) {
    const next = state.jobs[launch.successor].launch;
    if (next !== null) next.predecessor = -1;
  }
}
