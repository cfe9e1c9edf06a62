/**
 * Which tasks a restart ends, a part at a time: what reads a value comes before its task.
 *
 * So what is to stay is known before its inputs are looked at, and nothing that is ended takes more
 * along than the tasks that were submitted since. Every task is expanded once and decided once.
 *
 * @module
 */

import type { RestartWalk } from "./restarts-state.ts";
import type { ControllerState } from "./state.ts";
import { capacityFor } from "./tables/columns.ts";
import { noEdge } from "./tables/edges.ts";

/** What a restart is about. */
export interface Reach {
  /** Whether the task was there before, and is one of those that are to end. */
  has(task: number): boolean;
  /** Whether somebody wants the task itself to stay. */
  keeps(task: number): boolean;
  /** Whether what keeps this reader of a value keeps the value too. */
  counts(reader: number): boolean;
}

/** A part of a walk. */
export interface Part {
  /** To be ended; what reads a value comes before its task. */
  readonly ended: number[];
  /** To stay. */
  readonly kept: number[];
  readonly isLast: boolean;
}

const verdict = { expanded: 1, decided: 2, needed: 4 } as const;
const verdictBits = 3;

/** To look at a row, or at a reader, takes so much less than to end a task. */
const looksPerEnd = 16;

/** Goes on with a walk, until `endsMax` tasks are to be ended or so many were looked at. */
export function walkOn(
  state: ControllerState,
  walk: RestartWalk,
  { reach, endsMax }: { readonly reach: Reach; readonly endsMax: number },
): Part {
  const { tasks } = state;
  const ended: number[] = [];
  const kept: number[] = [];
  makeRoom(state, walk);
  for (let looks = endsMax * looksPerEnd; looks > 0 && ended.length < endsMax; looks--) {
    const task = walk.stack.pop();
    if (task === undefined) {
      if (walk.cursor >= tasks.length) return { ended, kept, isLast: true };
      const row = walk.cursor++;
      if (tasks.isLive(row) && reach.has(row)) walk.stack.push(row);
      continue;
    }
    if (!tasks.isLive(task)) continue; // Forgotten since it was put there.
    const known = verdictOf(state, walk, task);
    if ((known & verdict.decided) > 0) continue;
    if ((known & verdict.expanded) === 0) {
      mark(state, walk, task, verdict.expanded);
      walk.stack.push(task);
      looks -= pushReaders(state, walk, task, reach);
      continue;
    }
    mark(state, walk, task, verdict.decided);
    if ((known & verdict.needed) > 0 || reach.keeps(task)) {
      markInputs(state, walk, task);
      if (reach.has(task)) kept.push(task);
    } else if (reach.has(task)) ended.push(task);
  }
  return { ended, kept, isLast: false };
}

/** Whether something that stays is known to need the task. */
export function isKnownToStay(state: ControllerState, walk: RestartWalk, task: number): boolean {
  return (verdictOf(state, walk, task) & verdict.needed) > 0;
}

/** How many it has. */
function pushReaders(
  state: ControllerState,
  walk: RestartWalk,
  task: number,
  reach: Reach,
): number {
  const { tasks } = state;
  let count = 0;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = tasks.edges.next[edge]) {
    count++;
    const reader = tasks.edges.owner[edge];
    if (!reach.counts(reader)) continue;
    if ((verdictOf(state, walk, reader) & verdict.expanded) === 0) walk.stack.push(reader);
  }
  return count;
}

function markInputs(state: ControllerState, walk: RestartWalk, task: number): void {
  for (let position = 0; position < state.tasks.dependencyCount[task]; position++) {
    mark(state, walk, state.tasks.dependency(task, position), verdict.needed);
  }
}

function makeRoom({ tasks }: ControllerState, walk: RestartWalk): void {
  if (walk.verdicts.length >= tasks.length) return;
  const wider = new Uint32Array(capacityFor(tasks.length));
  wider.set(walk.verdicts);
  walk.verdicts = wider;
}

/** 0 too where the row was that of another task then. */
function verdictOf({ tasks }: ControllerState, { verdicts }: RestartWalk, task: number): number {
  const known = task < verdicts.length ? verdicts[task] : 0;
  return known >>> verdictBits === tasks.generation[task] ? known & ((1 << verdictBits) - 1) : 0;
}

function mark(state: ControllerState, walk: RestartWalk, task: number, bit: number): void {
  const before = verdictOf(state, walk, task);
  walk.verdicts[task] = (state.tasks.generation[task] << verdictBits) | before | bit;
}
