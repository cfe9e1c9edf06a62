/**
 * How facts about launched jobs change the state: their rows, their trees, their end.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { blobAt, blobLength, blobsOf, emptyBlobs } from "../base/blobs.ts";
import { taskStateCode } from "../model/states.ts";
import { forgetTask } from "./apply-forgetting.ts";
import { addJob, addSpec, dropSpec } from "./apply-sessions.ts";
import { boundFirstStart, openSubmission, placeInLine, tell } from "./apply-tasks.ts";
import { countDemand } from "./demand.ts";
import type { FactOf } from "./facts.ts";
import { keepResult } from "./job-results-state.ts";
import { parentPath } from "./job-tree.ts";
import {
  type ControllerState,
  gangAt,
  type Job,
  jobNamed,
  type Launch,
  launchAt,
  specRecord,
} from "./state.ts";
import { storyKind } from "./story.ts";
import { tellEvent } from "./tell-event.ts";
import { countOpenTasks } from "./users.ts";

export function applyJobLaunched(state: ControllerState, fact: FactOf<"job-launched">): void {
  const { spec, at, user, by } = fact;
  const replaced = jobNamed(state, spec.jobId);
  const index = state.freeJobs.at(-1) ?? state.jobs.length;
  const rows = new Uint32Array(spec.replicas);
  for (let i = 0; i < rows.length; i++) rows[i] = state.tasks.allocate();
  const launch = newLaunch(state, fact, { index, rows });
  const job = addJob(state, { id: spec.jobId, user, client: -1, launch, submittedAt: at });
  if (launch.parent >= 0) launchAt(state, launch.parent).children.add(job.index);
  if (replaced !== undefined && replaced.launch !== null) {
    waitForReplaced(state, job.index, launch, { index: replaced.index, old: replaced.launch });
  }
  fillRows(state, job, launch);
  const message = by === undefined ? `by ${user}` : `by ${by}, for ${user}`;
  tellEvent(state, { type: "job-launched", id: job.id, message });
}

function newLaunch(
  state: ControllerState,
  { spec, token, tokenHash, user }: FactOf<"job-launched">,
  { index, rows }: { readonly index: number; readonly rows: Uint32Array },
): Launch {
  const parent = parentOf(state, spec.jobId);
  const above = parent < 0 ? null : launchAt(state, parent);
  const treeOrder = above === null ? state.orderCounter : above.treeOrder;
  const depth = above === null ? 1 : above.depth + 1;
  const isGang = spec.task.groupBy !== "";
  const specIndex = addSpec(state, spec.task, {
    user,
    depth: above === null ? 0 : depth,
    treeOrder: above === null ? 0 : treeOrder,
    gang: isGang ? index : -1,
  });
  return {
    ...{ spec, specIndex, parent, treeOrder, depth, rows, token, tokenHash },
    children: new Set(),
    predecessor: -1,
    successor: -1,
    ended: null,
    error: null,
    liveAttempts: 0,
    failureCount: 0,
    preemptionCount: 0,
    gang: isGang ? { returns: 0, holdExpiries: 0, holdAgainAt: 0, members: new Map() } : null,
  };
}

/** Below the name of a session a job is the root of its own tree: a session ends no jobs. */
function parentOf(state: ControllerState, jobId: string): number {
  const parent = jobNamed(state, parentPath(jobId) ?? "");
  return parent === undefined || parent.launch === null ? -1 : parent.index;
}

/** Its attempts must end first; a job that is replaced before it began hands on whom it awaited. */
function waitForReplaced(
  state: ControllerState,
  job: number,
  launch: Launch,
  { index, old }: { readonly index: number; readonly old: Launch },
): void {
  launch.predecessor = old.liveAttempts > 0 ? index : old.predecessor;
  if (launch.predecessor < 0) return;
  old.predecessor = -1;
  launchAt(state, launch.predecessor).successor = job;
}

function fillRows(state: ControllerState, job: Job, launch: Launch): void {
  const { tasks } = state;
  const { spec, rows, specIndex } = launch;
  const args = blobsOf([spec.args]);
  const count = rows.length;
  const at = job.submittedAt;
  const shared = { args, keys: emptyBlobs, first: 0, sharesArgs: true, at, count };
  const submission = openSubmission(state, shared);
  for (const [index, task] of rows.entries()) {
    tasks.state[task] = taskStateCode.PENDING;
    tasks.spec[task] = specIndex;
    tasks.job[task] = job.index;
    tasks.index[task] = index;
    tasks.submission[task] = submission;
    tell(state, storyKind.submitted, task);
    countDemand(state, task);
    boundFirstStart(state, task, job.submittedAt);
  }
  present(state.submissions[submission], "it was just opened").live = rows.length;
  job.liveTasks = rows.length;
  job.stateCounts[taskStateCode.PENDING] = rows.length;
  countOpenTasks(state, job, rows.length);
  for (const task of rows) placeInLine(state, task);
}

export function applyJobEnded(state: ControllerState, fact: FactOf<"job-ended">): void {
  const job = state.jobs[fact.job];
  const launch = launchAt(state, fact.job);
  launch.ended = fact.state;
  launch.error = fact.error;
  job.finishedAt = fact.at;
  tellEvent(state, {
    type: "job-ended",
    id: job.id,
    message: fact.error === null ? fact.state : `${fact.state}: ${fact.error.message}`,
  });
}

export function applyGangReturned(state: ControllerState, fact: FactOf<"gang-returned">): void {
  gangAt(state, fact.job).returns++;
}

export function applyGangsRested(state: ControllerState, fact: FactOf<"gangs-rested">): void {
  for (const index of fact.jobs) {
    gangAt(state, index).holdAgainAt = 0;
    state.untriedShapes.add(specRecord(state, launchAt(state, index).specIndex).shape);
  }
}

export function applyMemberPrepared(state: ControllerState, fact: FactOf<"member-prepared">): void {
  gangAt(state, fact.job).members.set(fact.index, fact.member);
}

export function applyResultsReturned(
  { shared }: ControllerState,
  { tasks, sizes, values }: FactOf<"results-returned">,
): void {
  for (const [i, task] of tasks.entries()) {
    const bytes = blobLength(values, i) === 0 ? null : blobAt(values, i).slice();
    keepResult(shared.results, task, { sizeBytes: sizes[i], bytes });
  }
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
  if (launch.parent >= 0) launchAt(state, launch.parent).children.delete(index);
  for (const child of launch.children) {
    // A child that was kept outlives its parent's record.
    launchAt(state, child).parent = -1;
  }
  if (launch.successor >= 0) launchAt(state, launch.successor).predecessor = -1;
}
