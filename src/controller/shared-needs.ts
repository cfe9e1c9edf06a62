/**
 * Tasks that one client lets go of while another still needs what they compute, directly or at the
 * end of a chain. Tasks of different clients meet only through explicit keys and published names.
 *
 * @module
 */

import { isTerminalCode } from "../model/states.ts";
import type { Client, ControllerState } from "./state.ts";
import { noEdge } from "./tables/edges.ts";

/** Those of `tasks`, and of their open inputs among them, that another client still needs. */
export function neededByOthers(
  state: ControllerState,
  client: Client,
  tasks: readonly number[],
): ReadonlySet<number> {
  const { everFetched, published } = state.shared;
  if (state.keys.size === 0 && !everFetched && published.size === 0) return new Set();
  const cone = withOpenDependents(state, tasks);
  const wanted = [...cone].filter((task) => isWantedByOthers(state, client, task));
  return withInputs(state, wanted, cone);
}

/** Those of `tasks` whose value a task that is not one of them waits for, at the end of a chain. */
export function neededFromOutside(
  state: ControllerState,
  tasks: ReadonlySet<number>,
): ReadonlySet<number> {
  const needed: number[] = [];
  for (const task of tasks) {
    for (const dependent of openDependents(state, task)) {
      if (tasks.has(dependent)) continue;
      needed.push(task);
      break;
    }
  }
  return withInputs(state, needed, tasks);
}

function* openDependents(state: ControllerState, task: number): Generator<number> {
  const { tasks } = state;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = tasks.edges.next[edge]) {
    const owner = tasks.edges.owner[edge];
    if (!isTerminalCode(tasks.state[owner])) yield owner;
  }
}

/** The tasks and whatever waits for them, at any depth. Iterative: a set grows while it is read. */
function withOpenDependents(state: ControllerState, tasks: readonly number[]): Set<number> {
  const found = new Set(tasks);
  for (const task of found) {
    for (const dependent of openDependents(state, task)) found.add(dependent);
  }
  return found;
}

/** The tasks and whatever they wait for, at any depth, as far as it lies `within`. */
function withInputs(
  state: ControllerState,
  tasks: readonly number[],
  within: ReadonlySet<number>,
): Set<number> {
  const found = new Set(tasks);
  for (const task of found) {
    for (let position = 0; position < state.tasks.dependencyCount[task]; position++) {
      const input = state.tasks.dependency(task, position);
      if (within.has(input)) found.add(input);
    }
  }
  return found;
}

/** Whether a name wants the task, or another client has a handle on it. */
export function isWantedByOthers(state: ControllerState, client: Client, task: number): boolean {
  if (state.tasks.wants[task] === 0) return false;
  if (state.shared.publishedCounts.has(task)) return true;
  const aliases = state.aliases.get(task) ?? [];
  if (aliases.some((alias) => alias.client !== client.index)) return true;
  const owner = state.jobs[state.tasks.job[task]].client;
  if (owner === client.index) return false;
  return state.clients[owner]?.handles.get(state.tasks.index[task]) === task;
}
