/**
 * What must come must come in time: how long a calm cluster may take to settle, and, when it does
 * not, who waits for whom, as one sentence.
 *
 * Edges come from the ledger and the tables, not from what the controller says of itself:
 *
 *     task ─▶ input │ attempt │ queue ─▶ worker ─▶ the attempts that hold it │ timer
 *
 * A cycle is a deadlock; a chain that ends where nothing is pending is a lost wake-up; a state that
 * comes again with events in between is a livelock; whoever waits for what moves all the time is
 * starved.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { workerOfActor } from "../controller/actors.ts";
import { actorOf, isCall } from "../controller/call-lines.ts";
import { nextDeadline } from "../controller/deadlines.ts";
import { canEverRun } from "../controller/eligibility.ts";
import { lostAfterUs } from "../controller/limits.ts";
import { type ControllerState, isOpen, shapeOf, specOf, taskIdOf } from "../controller/state.ts";
import { attemptFlag } from "../controller/tables/attempt-table.ts";
import { noSlot, stage } from "../controller/tables/task-table.ts";
import { formatAttemptId } from "../model/ids.ts";
import { isTerminalCode, taskStates } from "../model/states.ts";

/** Who waits for whom; a node in `pending` will move by itself. */
export interface WaitGraph {
  readonly edges: ReadonlyMap<string, readonly string[]>;
  readonly pending: ReadonlySet<string>;
}

export type StandstillKind = "deadlock" | "lost wake-up" | "livelock" | "starvation";

/** Why something that is owed does not come. */
export interface Standstill {
  readonly kind: StandstillKind;
  readonly sentence: string;
}

/**
 * What keeps `from` waiting. `repeats` says that the state has come again with events in between.
 */
export function diagnose(graph: WaitGraph, from: string, repeats: boolean): Standstill {
  const end = followWaits(graph, from);
  const chain = end.path.join(", which waits for ");
  if (end.type === "cycle") return { kind: "deadlock", sentence: `deadlock: ${chain}` };
  if (end.type === "dead-end") {
    const last = end.path.at(-1);
    return { kind: "lost wake-up", sentence: `lost wake-up: ${chain}; nothing will move ${last}` };
  }
  if (repeats) {
    const sentence = `livelock: ${chain}, which moves, and the same states come again`;
    return { kind: "livelock", sentence };
  }
  const sentence = `starvation: ${chain}, which moves, and others go first`;
  return { kind: "starvation", sentence };
}

interface WaitEnd {
  readonly type: "cycle" | "dead-end" | "moving";
  readonly path: readonly string[];
}

/**
 * Where the waits lead, depth first. What moves by itself excuses whoever waits for it; so a dead
 * end counts only where no other way leads to something that moves.
 */
function followWaits({ edges, pending }: WaitGraph, from: string): WaitEnd {
  const known = new Map<string, WaitEnd | null>();
  const follow = (node: string, path: readonly string[]): WaitEnd => {
    const here = [...path, node];
    const at = path.indexOf(node);
    if (at >= 0) return { type: "cycle", path: here.slice(at) };
    if (pending.has(node)) return { type: "moving", path: here };
    const before = known.get(node);
    if (before) return before;
    known.set(node, null);
    const ends = (edges.get(node) ?? []).map((next) => follow(next, here));
    const end = ends.find(({ type }) => type === "moving") ??
      ends.find(({ type }) => type === "cycle") ??
      ends[0] ?? { type: "dead-end", path: here };
    known.set(node, end);
    return end;
  };
  return follow(from, []);
}

/** What is known of the world besides the controller's state. */
export interface Surroundings {
  /** Whether anything is scheduled at all: a message, a timer, the end of an execution. */
  readonly anythingPending: boolean;
  /** Attempts that a living worker has, or that are on their way to it. */
  readonly hasAttempt: (workerId: string, attempt: number) => boolean;
}

/** The graph of all that has not ended. */
export function waitGraphOf(state: ControllerState, around: Surroundings): WaitGraph {
  const edges = new Map<string, string[]>();
  const pending = new Set<string>();
  const { tasks, attempts, workers } = state;
  for (let row = 0; row < attempts.length; row++) {
    if (attempts.id[row] === 0) continue;
    const { workerId } = workers[attempts.worker[row]];
    const isThere = around.hasAttempt(workerId, attempts.id[row]);
    if (!isThere) continue;
    const waits = waitsOfAttempt(state, row);
    if (waits.length > 0) edges.set(attemptNode(state, row), waits);
    else if (around.anythingPending) pending.add(attemptNode(state, row));
  }
  for (let task = 0; task < tasks.length; task++) {
    if (!tasks.isLive(task) || isTerminalCode(tasks.state[task])) continue;
    edges.set(taskNode(state, task), waitsOf(state, task));
  }
  for (const { index, workerId } of workers) {
    const holders: string[] = [];
    for (let row = 0; row < attempts.length; row++) {
      const isHere = attempts.id[row] !== 0 && attempts.worker[row] === index;
      if (isHere && attempts.isGranted(row)) holders.push(attemptNode(state, row));
    }
    edges.set(`the room of ${workerId}`, holders);
  }
  if (around.anythingPending && nextDeadline(state) !== null) pending.add("a timer");
  return { edges, pending };
}

export function taskNode(state: ControllerState, task: number): string {
  return `task ${taskIdOf(state, task)} (${taskStates[state.tasks.state[task]]})`;
}

function attemptNode(state: ControllerState, row: number): string {
  const { workerId } = state.workers[state.attempts.worker[row]];
  return `attempt ${formatAttemptId(state.attempts.id[row])} on ${workerId}`;
}

/** What an attempt waits for on its worker: room, or an input that must be computed again. */
function waitsOfAttempt(state: ControllerState, row: number): string[] {
  const { attempts, workers } = state;
  if (attempts.hasFlag(row, attemptFlag.stopping | attemptFlag.started)) return [];
  if (!attempts.isGranted(row)) return [`the room of ${workers[attempts.worker[row]].workerId}`];
  return missingInputs(state, attempts.task[row]);
}

function waitsOf(state: ControllerState, task: number): string[] {
  const { tasks } = state;
  if (tasks.attempt[task] !== noSlot) return [attemptNode(state, tasks.attempt[task])];
  switch (tasks.stage[task]) {
    case stage.waiting:
      return missingInputs(state, task);
    case stage.called:
      return turnOf(state, task);
    case stage.queued:
      return placesOf(state, task);
    case stage.delayed:
      return state.notBefore.has(task) && state.delays.length > 0 ? ["a timer"] : [];
    case stage.held:
      return heldBy(state, task);
    default:
      return [];
  }
}

/** A call waits for its actor, for what is first in its line, or for what is underway. */
function turnOf(state: ControllerState, call: number): string[] {
  const { attempts } = state;
  const actor = actorOf(state, call);
  const calls = state.calls.byActor.get(actor);
  const first = calls === undefined ? call : calls.rows[calls.head];
  if (first !== call) return [taskNode(state, first)];
  const waits = workerOfActor(state, actor) === null ? [taskNode(state, actor)] : [];
  for (let row = 0; row < attempts.length; row++) {
    if (attempts.id[row] === 0 || !isCall(state, attempts.task[row])) continue;
    if (actorOf(state, attempts.task[row]) === actor) waits.push(attemptNode(state, row));
  }
  return waits;
}

function missingInputs(state: ControllerState, task: number): string[] {
  const { tasks } = state;
  const missing: string[] = [];
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    if (!isTerminalCode(tasks.state[input])) missing.push(taskNode(state, input));
  }
  return missing;
}

/** Open workers that could run it when they are empty; else its timeout, if it has one. */
function placesOf(state: ControllerState, task: number): string[] {
  const shape = shapeOf(state, task);
  const able = state.workers.filter((one) => isOpen(one) && canEverRun(state, shape, one));
  if (able.length > 0) return able.map(({ workerId }) => `the room of ${workerId}`);
  return state.startBy.has(task) ? ["a timer"] : [];
}

function heldBy(state: ControllerState, task: number): string[] {
  const stray = state.strayOfTask.get(task);
  if (stray !== undefined) return [attemptNode(state, stray)];
  const before = state.jobs[state.tasks.job[task]].launch?.predecessor ?? -1;
  const rows = before < 0 ? [] : (state.jobs[before].launch?.rows ?? []);
  return [...rows].flatMap((row) => {
    const attempt = state.tasks.attempt[row];
    const other = attempt === noSlot ? state.strayOfTask.get(row) : attempt;
    return other === undefined ? [] : [attemptNode(state, other)];
  });
}

/**
 * How long a calm cluster may take until all has ended, microseconds: four times the work that is
 * left and the longest path of it, the back-offs and timeouts that may have to be sat out, six
 * leases, and ten seconds.
 *
 * @param taskUsMax The longest that one task may take, microseconds.
 * @param lateUsMax The longest that a timer may be late: a restart may end one task at each.
 */
export function settleBoundUs(
  state: ControllerState,
  taskUsMax: Micros,
  lateUsMax: Micros = 0,
): Micros {
  const { tasks } = state;
  const restart = tasks.live * lateUsMax;
  const slots = state.workers.reduce((sum, one) => sum + (one.lost ? 0 : one.slots), 0);
  const depths = new Map<number, number>();
  let open = 0;
  let longest = 0;
  let waits = 0;
  let timeout = 0;
  for (let task = 0; task < tasks.length; task++) {
    if (!tasks.isLive(task) || isTerminalCode(tasks.state[task])) continue;
    const { maxRetriesFailure, retryBackoff, schedulingTimeoutMs } = specOf(state, task);
    open++;
    longest = Math.max(longest, depthOf(state, task, depths));
    waits = Math.max(waits, (maxRetriesFailure + 1) * retryBackoff.maxMs * 1000);
    timeout = Math.max(timeout, schedulingTimeoutMs * 1000);
  }
  const work = (open / Math.max(1, slots) + longest) * taskUsMax;
  return 4 * work + waits * longest + timeout + restart + 6 * lostAfterUs + 10_000_000;
}

/** How many executions must follow each other until this one has ended. */
function depthOf(state: ControllerState, task: number, known: Map<number, number>): number {
  const { tasks } = state;
  const stack = [task];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    let deepest = 0;
    let isReady = true;
    for (let position = 0; position < tasks.dependencyCount[top]; position++) {
      const input = tasks.dependency(top, position);
      if (isTerminalCode(tasks.state[input])) continue;
      const depth = known.get(input);
      if (depth === undefined) {
        stack.push(input);
        isReady = false;
      } else deepest = Math.max(deepest, depth);
    }
    if (!isReady) continue;
    known.set(top, deepest + 1);
    stack.pop();
  }
  return known.get(task) ?? 1;
}
