/**
 * How a task is forgotten: its row is free, and nothing knows it any more.
 *
 * @module
 */

import { deleteRare, getRare } from "../base/rare.ts";
import { removeExtraHolder, setHolder, settleSubmission, tell } from "./apply-tasks.ts";
import { forgetCopies } from "./copies-state.ts";
import { endDataWait } from "./data-wait-state.ts";
import type { FactOf } from "./facts.ts";
import { dropInlineValue } from "./inline-values.ts";
import { dropResult } from "./job-results-state.ts";
import { unlistKey } from "./keys.ts";
import { type ControllerState, submissionOf } from "./state.ts";
import { storyKind } from "./story.ts";
import { noSlot } from "./tables/task-table.ts";

export function applyTasksForgotten(state: ControllerState, fact: FactOf<"tasks-forgotten">): void {
  for (const task of fact.tasks) forgetTask(state, task, fact.at);
}

export function forgetTask(state: ControllerState, task: number, at: number): void {
  const { tasks } = state;
  forgetRareOf(state, task);
  setHolder(state, task, noSlot);
  unlinkDependencies(state, task);
  unlistKey(state, task);
  submissionOf(state, task).live--;
  settleSubmission(state, tasks.submission[task]);
  const job = state.jobs[tasks.job[task]];
  job.liveTasks--;
  if (job.sessionEnded && job.liveTasks === 0) job.finishedAt = at;
  tell(state, storyKind.forgotten, task);
  tasks.release(task);
}

/** What few tasks have. */
function forgetRareOf(state: ControllerState, task: number): void {
  for (const extra of getRare(state.extraHolders, task) ?? []) {
    removeExtraHolder(state, task, extra);
  }
  deleteRare(state.failures, task);
  deleteRare(state.reschedules, task);
  deleteRare(state.inputFailures, task);
  deleteRare(state.unreachable, task);
  dropInlineValue(state, task);
  dropResult(state.shared.results, task);
  forgetCopies(state, task);
  endDataWait(state, task);
}

function unlinkDependencies(state: ControllerState, task: number): void {
  const { tasks } = state;
  const start = tasks.dependenciesStart[task];
  const count = tasks.dependencyCount[task];
  if (count === 0) return;
  for (let edge = start; edge < start + count; edge++) {
    const target = tasks.edges.target[edge];
    tasks.dependentsHead[target] = tasks.edges.unlink(edge, tasks.dependentsHead[target]);
    tasks.dependentCount[target]--;
  }
  tasks.edges.release(start, count);
}
