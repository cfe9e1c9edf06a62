/**
 * The turn: under a policy that keeps turns, what is kept for the first queue that does not fit.
 *
 * There is one at most. It lies on the worker where the queue's next task can certainly start
 * first, by the limits of what runs there; where no limits prove anything, on the one that lacks
 * the least. Others may use that worker if they are over by then, or leave enough beside.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { certainStart } from "../scheduler/backfill.ts";
import { freeAmount } from "../scheduler/fit.ts";
import { turnHoldUs } from "../scheduler/limits.ts";
import { canEverRun } from "./eligibility.ts";
import type { Outbox } from "./outbox.ts";
import { endReservation, reserve, runningOn } from "./reservations.ts";
import {
  type ControllerState,
  isOpen,
  type Reservation,
  type Shape,
  type Worker,
} from "./state.ts";

/**
 * This queue is the first that does not fit: its turn is kept, and no other; whether it is new.
 *
 * @param workersMax Only so many workers are asked when it could start there: those that lack the
 *   least.
 */
export function keepTurn(
  state: ControllerState,
  out: Outbox,
  { shape, at, workersMax }: { shape: Shape; at: Micros; workersMax: number },
): boolean {
  if (turnsOf(state).some((one) => one.shape === shape.index)) return false;
  endTurns(state, out);
  const worker = chooseWorker(state, shape, workersMax);
  if (worker === null) return true;
  const expiresAt = at + turnHoldUs;
  reserve(state, out, { shape, reason: "turn", workers: [worker.index], expiresAt });
  return true;
}

/** Everything fits, or the policy is another one. */
export function endTurns(state: ControllerState, out: Outbox): void {
  for (const turn of turnsOf(state)) endReservation(state, out, turn, false);
}

function turnsOf({ reservations }: ControllerState): Reservation[] {
  return [...reservations.values()].filter(({ reason }) => reason === "turn");
}

function chooseWorker(state: ControllerState, shape: Shape, workersMax: number): Worker | null {
  const able = nearest(
    state.workers.filter((one) => isOpen(one) && canEverRun(state, shape, one)),
    shape,
    workersMax,
  );
  const running = runningOn(
    state,
    able.map(({ index }) => index),
  );
  const { amounts, used } = shape.request;
  let best: Worker | null = null;
  let bestStart = Number.POSITIVE_INFINITY;
  for (const worker of able) {
    const free = worker.capacity.map((_amount, index) => freeAmount(worker, index));
    const startsAt = certainStart(state.at, free, running.get(worker.index) ?? [], amounts, used);
    const isBetter =
      best === null || startsAt < bestStart || (startsAt === bestStart && lacksLess(worker, best));
    if (!isBetter) continue;
    best = worker;
    bestStart = startsAt;
  }
  return best;

  function lacksLess(one: Worker, other: Worker): boolean {
    return lackOf(one, shape) < lackOf(other, shape);
  }
}

/** Those that lack the least, in the order of their indices. */
function nearest(workers: readonly Worker[], shape: Shape, max: number): readonly Worker[] {
  if (workers.length <= max) return workers;
  const lacks = workers.map((worker) => ({ worker, lack: lackOf(worker, shape) }));
  lacks.sort((a, b) => a.lack - b.lack || a.worker.index - b.worker.index);
  const kept = lacks.slice(0, max).map(({ worker }) => worker);
  return kept.sort((a, b) => a.index - b.index);
}

/** What is missing as a part of what is asked for, all dimensions together. */
function lackOf(worker: Worker, { request: { amounts, used } }: Shape): number {
  return used.reduce((sum, index) => {
    return sum + Math.max(0, amounts[index] - freeAmount(worker, index)) / amounts[index];
  }, 0);
}
