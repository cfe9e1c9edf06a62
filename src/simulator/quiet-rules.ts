/**
 * What a connection on which nothing is under way must show: the controller has heard all that the
 * worker said, and the worker has done all that it was told; so each attempt that the controller
 * counts on is one whose answer the worker still owes. Nobody waits for what nobody will say.
 *
 * It counts attempts one by one, where the two sides compare digests of their own.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { ControllerEvent } from "../controller/events.ts";
import type { ControllerState } from "../controller/state.ts";
import { type AttemptId, formatAttemptId } from "../model/ids.ts";
import { unstartedRun, type WorkerState } from "../worker/state.ts";
import type { LiveWorker } from "./agreement-rules.ts";

/** Throws InvariantError if the worker that spoke last owes no answer of an attempt there. */
export function checkQuiet(
  state: ControllerState,
  event: ControllerEvent,
  workers: Iterable<LiveWorker>,
): void {
  if (event.type !== "worker-messaged") return;
  const record = state.workers[event.worker];
  for (const worker of workers) {
    if (worker.incarnation !== record.incarnation) continue;
    if (record.connected && isQuiet(state, event.worker, worker.state))
      checkOwed(state, event.worker, worker);
  }
}

function isQuiet(state: ControllerState, index: number, { connection }: WorkerState): boolean {
  const { sentCount, receivedCount } = state.workers[index];
  const isSame = connection.up && connection.epoch === state.epoch && connection.index === index;
  return isSame && connection.applied === sentCount && connection.sent === receivedCount;
}

function checkOwed({ attempts }: ControllerState, index: number, worker: LiveWorker): void {
  const owed = new Set<AttemptId>();
  for (const { state } of worker.state.tasks.values()) {
    const run = unstartedRun(state);
    if (run !== null) owed.add(run.attempt);
  }
  for (const { run, silent } of worker.state.executions.values()) {
    if (!silent) owed.add(run.attempt);
  }
  for (let row = 0; row < attempts.length; row++) {
    const id = attempts.id[row];
    if (id === 0 || attempts.worker[row] !== index || owed.has(id)) continue;
    const story = [worker.workerId, formatAttemptId(id)];
    throw new InvariantError("of what has not ended somebody owes an answer", [story.join(" ")]);
  }
}
