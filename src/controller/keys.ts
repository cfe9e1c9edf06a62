/**
 * Explicit keys: unique per user, and of tasks that are not forgotten.
 *
 * The text of a key lies with what else its submission brought; the index has only rows. A million
 * keys are no million strings.
 *
 * @module
 */

import { blobLength } from "../base/blobs.ts";
import { hashOfText, isTextAt, textAt } from "../base/texts.ts";
import { type ControllerState, jobOf, submissionOf } from "./state.ts";
import { taskFlag } from "./tables/task-table.ts";

/** The row of the user's task with this key, or -1. */
export function taskWithKey(state: ControllerState, user: string, key: string): number {
  if (state.keys.size === 0) return -1;
  return state.keys.find(hashOfKey(user, key), (task) => {
    const { keys, first } = submissionOf(state, task);
    return jobOf(state, task).user === user && isTextAt(keys, state.tasks.index[task] - first, key);
  });
}

/** The explicit key of a task, or "" where it has none, or gave it up. */
export function keyOfTask(state: ControllerState, task: number): string {
  if (state.tasks.hasFlag(task, taskFlag.keyless)) return "";
  const { keys, first } = submissionOf(state, task);
  const entry = state.tasks.index[task] - first;
  return keys.offsets.length === 1 || blobLength(keys, entry) === 0 ? "" : textAt(keys, entry);
}

/** Lists a task under its key. */
export function listKey(state: ControllerState, task: number, key: string): void {
  state.keys.add(hashOfKey(jobOf(state, task).user, key), task);
}

/** Takes a task out of the list, before its row is free. */
export function unlistKey(state: ControllerState, task: number): void {
  if (state.keys.size === 0) return;
  const key = keyOfTask(state, task);
  if (key !== "") state.keys.remove(hashOfKey(jobOf(state, task).user, key), task);
}

/** From now on its key is free, and may be that of another task. */
export function giveKeyUp(state: ControllerState, task: number): void {
  unlistKey(state, task);
  state.tasks.flags[task] |= taskFlag.keyless;
}

function hashOfKey(user: string, key: string): number {
  return hashOfText(hashOfText(0, user), key);
}
