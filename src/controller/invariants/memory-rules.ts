/**
 * What must be true of what is remembered beside the tables: nothing outlives its cause.
 *
 * @module
 */

import { isTerminalCode, taskStateCode } from "../../model/states.ts";
import { isAvailable } from "../apply-tasks.ts";
import type { ControllerState } from "../state.ts";
import { taskFlag } from "../tables/task-table.ts";
import type { Inspection, WholeRule } from "./inspection.ts";

/** Everything that is listed by the row of a task. */
const listsByTask = [
  "aliases",
  "extraHolders",
  "failures",
  "histories",
  "inputFailures",
  "notBefore",
  "reschedules",
  "startBy",
  "strayOfTask",
  "unreachable",
] as const satisfies readonly (keyof ControllerState)[];

/** Everything that is listed by the row of an attempt. */
const listsByAttempt = [
  "deviceGrants",
  "hung",
  "progress",
  "usages",
] as const satisfies readonly (keyof ControllerState)[];

/** S-5, S-17: what is listed of a task or an attempt goes with it. */
function listsAreOfWhatIsRemembered(look: Inspection): void {
  const { state } = look;
  for (const name of listsByTask) {
    for (const task of state[name].keys()) {
      if (!state.tasks.isLive(task)) look.report([], `${name}: row ${task} of no task`);
    }
  }
  for (const name of listsByAttempt) {
    for (const row of state[name].keys()) {
      if (state.attempts.id[row] === 0) look.report([], `${name}: row ${row} of no attempt`);
    }
  }
}

/** S-26: a back-off is of a task that waits, a scheduling timeout of one that never started. */
function timersAreOfWhatWaits(look: Inspection): void {
  const { tasks, notBefore, startBy } = look.state;
  for (const task of notBefore.keys()) {
    if (tasks.state[task] !== taskStateCode.PENDING) look.ofTask(task, "sits out a back-off");
  }
  for (const task of startBy.keys()) {
    if (isTerminalCode(tasks.state[task]) || tasks.hasFlag(task, taskFlag.everStarted))
      look.ofTask(task, "has a scheduling timeout that bounds nothing");
  }
}

/** Each small value that is kept here is one that its task has, and their bytes add up. */
function smallValuesAddUp(look: Inspection): void {
  const { inline } = look.state;
  let sum = 0;
  for (const [task, bytes] of inline.bytes) {
    sum += bytes.length;
    if (!isAvailable(look.state, task)) look.ofTask(task, "a value that it has not is kept here");
  }
  if (sum !== inline.totalBytes)
    look.report([], `${inline.totalBytes} bytes of small values counted, ${sum} found`);
}

/** The arguments of a submission are kept as long as one of its tasks. */
function argumentsGoWithTheLastTask(look: Inspection): void {
  const { tasks, submissions, freeSubmissions } = look.state;
  const found = new Map<number, number>();
  for (let task = 0; task < tasks.length; task++) {
    if (!tasks.isLive(task)) continue;
    found.set(tasks.submission[task], (found.get(tasks.submission[task]) ?? 0) + 1);
  }
  for (const [index, submission] of submissions.entries()) {
    const live = found.get(index) ?? 0;
    if ((submission?.live ?? 0) !== live || freeSubmissions.includes(index) !== (live === 0))
      look.report([], `arguments ${index}: ${submission?.live} tasks counted, ${live} found`);
  }
}

/** Events that are looked at one by one: those that came since the last look, and more. */
const eventsLookedAt = 64;

/**
 * K1: whoever reads the events of the cluster knows by their numbers that none was left out. Of
 * many the oldest are looked at in sum.
 */
function eventsAreNumberedWithoutGaps(look: Inspection): void {
  const { events } = look.state.story;
  if (events.length === 0) return;
  const last = events.length - 1;
  const from = Math.max(0, last - eventsLookedAt);
  const numbersSpanned = events[from].sequence - events[0].sequence;
  if (numbersSpanned !== from) look.report([], `${from} events have ${numbersSpanned} numbers`);
  for (let i = from; i < last; i++) {
    const [one, next] = [events[i].sequence, events[i + 1].sequence];
    if (next !== one + 1) look.report([], `event ${one} is followed by ${next}`);
  }
}

export const memoryRules: readonly WholeRule[] = [
  listsAreOfWhatIsRemembered,
  timersAreOfWhatWaits,
  smallValuesAddUp,
  argumentsGoWithTheLastTask,
  eventsAreNumberedWithoutGaps,
];
