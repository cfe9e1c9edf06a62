/**
 * What administrators order of workers: cordon, drain, and back.
 *
 *     open ─▶ cordoned: no new work, what runs goes on
 *     open ─▶ draining: no new work; at its deadline what still runs is moved, uncharged
 *
 * A worker is drained when nothing runs there and others hold what it holds. With a deadline that
 * is waited for a minute longer, and what could not be copied is given up.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { Principal } from "../model/job.ts";
import type { ApiAnswer } from "./access.ts";
import { settleCopies, soleValuesOf } from "./copies.ts";
import type { ApiRequest } from "./events.ts";
import { drainCopyUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { lossOf, stopCurrentAttempt } from "./reports.ts";
import { retractPrefetched } from "./reservations.ts";
import type { ControllerState, Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { judgeLosses, type Loss } from "./verdicts.ts";
import { workerView } from "./views.ts";
import { rowsOn, touchHeld } from "./workers.ts";

/** What was asked of a worker, and by whom. */
interface Order<T extends ApiRequest["type"]> {
  readonly principal: Principal;
  readonly request: Extract<ApiRequest, { type: T }>;
  readonly at: Micros;
}

export function onDrainWorker(
  state: ControllerState,
  out: Outbox,
  { principal, request, at }: Order<"drain-worker">,
): ApiAnswer {
  const { workerId, drain, deadlineMs } = request;
  const drainBy = drain && deadlineMs > 0 ? at + deadlineMs * 1000 : 0;
  return close(state, out, workerId, (worker) => ({
    at,
    cordoned: worker.cordoned,
    draining: drain,
    drainBy,
    by: principal.user,
  }));
}

export function onCordonWorker(
  state: ControllerState,
  out: Outbox,
  { principal, request, at }: Order<"cordon-worker">,
): ApiAnswer {
  const { workerId, cordon } = request;
  return close(state, out, workerId, ({ draining, drainBy }) => ({
    at,
    cordoned: cordon,
    draining,
    drainBy,
    by: principal.user,
  }));
}

function close(
  state: ControllerState,
  out: Outbox,
  workerId: string,
  change: (worker: Worker) => {
    readonly at: Micros;
    readonly cordoned: boolean;
    readonly draining: boolean;
    readonly drainBy: Micros;
    readonly by: string;
  },
): ApiAnswer {
  const index = state.workersById.get(workerId);
  if (index === undefined) {
    const message = `workerId: no worker ${JSON.stringify(workerId)}; see \`capstan worker list\``;
    return { error: new CapstanError("NOT_FOUND", message) };
  }
  const worker = state.workers[index];
  out.record(state, { type: "worker-closed-to-work", worker: index, ...change(worker) });
  if (worker.cordoned || worker.draining) retractPrefetched(state, out, worker);
  touchHeld(state, out, worker);
  settleCopies(state, out); // What only it holds is part of the answer.
  return { result: { worker: workerView(state, worker) } };
}

/** Moves what still runs on workers whose drain has come to its deadline. */
export function endDrains(state: ControllerState, out: Outbox, at: Micros): void {
  for (const worker of state.workers) {
    if (worker.lost || !worker.draining || worker.drainBy === 0 || worker.drainBy > at) continue;
    const losses: Loss[] = [];
    for (const row of rowsOn(state, worker.index)) {
      if (state.attempts.hasFlag(row, attemptFlag.stopping)) continue;
      losses.push({ ...lossOf(state, row, "drained"), reason: `${worker.workerId} is drained` });
      stopCurrentAttempt(state, out, state.attempts.task[row], "drained");
    }
    judgeLosses(state, out, { losses, at });
    if (isPastCopying(worker, at)) giveUp(state, out, worker, at);
  }
}

/** Whether a drain has waited for its values as long as it may. */
function isPastCopying({ drainBy, givenUp, heldValues }: Worker, at: Micros): boolean {
  return givenUp === null && heldValues > 0 && drainBy + drainCopyUs <= at;
}

function giveUp(state: ControllerState, out: Outbox, worker: Worker, at: Micros): void {
  const { count: values, bytes } = soleValuesOf(state, worker);
  out.record(state, { type: "drain-gave-up", at, worker: worker.index, values, bytes });
}

/** When the next drain comes to its deadline; Infinity for never. */
export function nextDrainDeadline(state: ControllerState): Micros {
  let next = Number.POSITIVE_INFINITY;
  for (const worker of state.workers) {
    const isBounded = worker.draining && worker.drainBy > 0;
    if (!isBounded || worker.lost) continue;
    if (hasMovable(state, worker)) next = Math.min(next, worker.drainBy);
    if (worker.givenUp === null && worker.heldValues > 0)
      next = Math.min(next, worker.drainBy + drainCopyUs);
  }
  return next;
}

/** Whether something runs there that nobody has told to stop: what has been needs no deadline. */
function hasMovable(state: ControllerState, { index }: Worker): boolean {
  return rowsOn(state, index).some((row) => !state.attempts.hasFlag(row, attemptFlag.stopping));
}
