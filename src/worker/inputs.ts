/**
 * Tasks as inputs: what is needed, where it may come from, and what follows when it is lost.
 *
 * Two closing rules hold here. A record that comes to rest while it is needed is fetched again or
 * asked for at once. A run that waits for an input which failed or was handed back is handed back
 * itself, naming the input: the controller, which sees everything, decides whom to blame.
 *
 * @module
 */

import { assertNever } from "../base/assert.ts";
import type { TaskRef, WorkerIndex } from "../model/ids.ts";
import { handBackReason, needsSourcesReason, reportKind } from "../protocol/messages.ts";
import { answerHandedBack, leaveToOrphan } from "./answers.ts";
import { recordOf } from "./apply-tasks.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report, reportNeedsSources } from "./reports.ts";
import { isNeeded, type Run, type TaskRecord, unstartedRun, type WorkerState } from "./state.ts";

/** The sources of `candidates` that can be used: live peers, never oneself. */
export function usableSources(
  state: WorkerState,
  candidates: Iterable<WorkerIndex>,
): readonly WorkerIndex[] {
  const usable: WorkerIndex[] = [];
  for (const index of candidates) {
    if (index !== state.connection.index && state.peers.has(index)) usable.push(index);
  }
  return usable;
}

/** T8, T9, T12–T14: a needed task is to be fetched from these, or there is nobody to ask. */
export function seekInput(
  state: WorkerState,
  out: Outbox,
  task: TaskRef,
  sources: readonly WorkerIndex[],
  reason: number = needsSourcesReason.absent,
): void {
  if (sources.length > 0) return record(state, out, { type: "fetch-wanted", task, sources });
  const input = recordOf(state, task);
  giveCopyUp(state, out, input);
  if (!isNeeded(input)) {
    record(state, out, { type: "task-released", task });
    out.closing.push(task);
    return;
  }
  record(state, out, { type: "sources-missing", task, at: out.at });
  reportNeedsSources(state, task, attemptThatNeeds(state, task), reason);
}

/** A copy that was ordered does not come: whoever ordered it decides what follows. */
export function giveCopyUp(state: WorkerState, out: Outbox, { task, copyOrdered }: TaskRecord) {
  if (!copyOrdered) return;
  record(state, out, { type: "copy-closed", task });
  report(state, plainReport(reportKind.notCopied, 0, task));
}

/** The first attempt here that needs a task, or 0. */
export function attemptThatNeeds(state: WorkerState, task: TaskRef): number {
  for (const dependent of recordOf(state, task).neededBy ?? []) {
    const run = unstartedRun(recordOf(state, dependent).state);
    if (run !== null) return run.attempt;
  }
  return 0;
}

/** One more source for a needed input, which may be in any state. */
export function offerSources(
  state: WorkerState,
  out: Outbox,
  input: TaskRecord,
  sources: readonly WorkerIndex[],
): void {
  const { task } = input;
  switch (input.state.type) {
    case "released":
      return seekInput(state, out, task, sources);
    case "failed":
    case "rescheduled":
      record(state, out, { type: "task-released", task });
      return seekInput(state, out, task, sources);
    case "missing":
      if (sources.length > 0) record(state, out, { type: "fetch-wanted", task, sources });
      return;
    case "to-fetch":
    case "in-flight": {
      const all = [...new Set([...input.state.sources, ...sources])];
      if (all.length === input.state.sources.size) return;
      const type = input.state.type === "to-fetch" ? "fetch-wanted" : "sources-changed";
      return record(state, out, { type, task, sources: all });
    }
    case "waiting":
    case "ready":
    case "blocked":
    case "executing":
    case "memory":
      return; // It is here, or is being made here.
    default:
      return assertNever(input.state);
  }
}

/** After a run has left the unstarted states: inputs that nobody needs any more let go. */
export function releaseInputs(state: WorkerState, out: Outbox, run: Run): void {
  for (const dependency of run.dependencies) {
    const input = state.tasks.get(dependency);
    if (input !== undefined) letGo(state, out, input);
  }
}

/** What nothing here needs, and nobody ordered a copy of, is not looked for. */
export function letGo(state: WorkerState, out: Outbox, input: TaskRecord): void {
  if (isNeeded(input) || input.copyOrdered) return;
  const { type } = input.state;
  if (type === "to-fetch" || type === "missing" || type === "in-flight") {
    record(state, out, { type: "task-released", task: input.task });
  }
  forgetIdle(state, out, input);
}

/** T26 for what was never ordered here: at rest, without a value, and not needed. */
export function forgetIdle(state: WorkerState, out: Outbox, input: TaskRecord): void {
  if (input.hadRun || isNeeded(input)) return;
  const { type } = input.state;
  if (type === "released" || type === "failed" || type === "rescheduled") {
    record(state, out, { type: "task-forgotten", task: input.task });
  }
}

/** T19 of an unstarted run. */
export function handBackUnstarted(
  state: WorkerState,
  out: Outbox,
  run: Run,
  reason: number,
  other: TaskRef,
): void {
  const told = { type: "handed-back", reason, other } as const;
  if (leaveToOrphan(state, out, run, told)) releaseInputs(state, out, run);
  else {
    record(state, out, { type: "task-rescheduled", task: run.task, reason });
    releaseInputs(state, out, run);
    answerHandedBack(state, out, run, null, told);
  }
  out.closing.push(run.task);
}

/** Hands back everything that has not started. */
export function handBackAllUnstarted(state: WorkerState, out: Outbox, reason: number): void {
  for (const { state: taskState } of [...state.tasks.values()]) {
    const run = unstartedRun(taskState);
    if (run !== null) handBackUnstarted(state, out, run, reason, 0);
  }
}

/** Rule (b) for one input that will not come: whatever waits for it is handed back. */
export function handBackDependents(
  state: WorkerState,
  out: Outbox,
  input: TaskRecord,
  reason: number,
): void {
  for (const dependent of [...(input.neededBy ?? [])]) {
    const { state: waiting } = recordOf(state, dependent);
    if (waiting.type === "waiting") {
      handBackUnstarted(state, out, waiting.run, reason, input.task);
    }
  }
}

/** T27: what was ready and reads `input` waits for it again. */
export function unreadyDependents(state: WorkerState, out: Outbox, input: TaskRecord): void {
  for (const dependent of [...(input.neededBy ?? [])]) {
    const { type } = recordOf(state, dependent).state;
    if (type !== "ready" && type !== "blocked") continue;
    record(state, out, { type: "task-unreadied", task: dependent });
  }
}

function closeTask(state: WorkerState, out: Outbox, input: TaskRecord): void {
  if (input.state.type === "released" && isNeeded(input)) {
    unreadyDependents(state, out, input);
    seekInput(state, out, input.task, []);
  } else if (input.state.type === "failed") {
    handBackDependents(state, out, input, handBackReason.dependencyFailed);
  } else if (input.state.type === "rescheduled") {
    handBackDependents(state, out, input, handBackReason.dependencyLost);
  }
  if (state.tasks.get(input.task) === input) forgetIdle(state, out, input);
}

/** Applies the closing rules until nothing is due. Iterative: a chain of any length. */
export function settleClosings(state: WorkerState, out: Outbox): void {
  for (let i = 0; i < out.closing.length; i++) {
    const input = state.tasks.get(out.closing[i]);
    if (input !== undefined) closeTask(state, out, input);
  }
  out.closing.length = 0;
}

/** T2, T3: after a value came, runs that waited for nothing else are ready. */
export function readyDependents(state: WorkerState, out: Outbox, input: TaskRecord): void {
  if (!isNeeded(input)) return;
  for (const dependent of input.neededBy ?? []) {
    const { state: waiting } = recordOf(state, dependent);
    if (waiting.type !== "waiting" || waiting.missing.size > 0) continue;
    record(state, out, { type: "task-readied", task: dependent });
  }
}

/** T24: the value is gone from the store, by order or by force. */
export function loseValue(state: WorkerState, out: Outbox, task: TaskRef): void {
  record(state, out, { type: "value-dropped", task });
  out.closing.push(task);
}
