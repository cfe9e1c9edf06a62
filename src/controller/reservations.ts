/**
 * Reservations: capacity that is kept for one queue, so that a stream of small tasks cannot starve
 * a gang, and nobody steals what a preemption frees.
 *
 * A reservation names workers; what it keeps on each is whatever is free there, up to one request
 * of its shape. So it grows by itself as running work ends, and nothing is booked twice. It is
 * respected by its own band and lower ones, and by whatever cannot prove that it ends in time.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { anyVariant } from "../model/canonical-resources.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import {
  certainStart,
  holdDuration,
  mayBackfill,
  type Running,
  releasedBy,
} from "../scheduler/backfill.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import type { Room } from "../scheduler/fit.ts";
import type { CertainStart } from "../scheduler/fleet-index.ts";
import { grantedRows, grantedRowsOn } from "./granted-rows.ts";
import { holdRestUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { orderRetracts } from "./retracts.ts";
import {
  type ControllerState,
  gangAt,
  launchAt,
  type Reservation,
  type Shape,
  touchWorker,
  type Worker,
} from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import { effectiveBand } from "./users.ts";
import { rowsOn } from "./workers.ts";

/** Keeps capacity on these workers for a shape; one that it had is replaced. */
export function reserve(
  state: ControllerState,
  out: Outbox,
  wanted: {
    readonly shape: Shape;
    readonly reason: Reservation["reason"];
    readonly workers: readonly WorkerIndex[];
    readonly expiresAt: Micros;
  },
): void {
  const { shape, reason, workers, expiresAt } = wanted;
  if (reason === "gang") {
    for (const old of reservationsOf(state, shape.index)) endReservation(state, out, old, false);
  }
  const id = state.reservationCounter + 1;
  const reservation = { id, shape: shape.index, reason, workers, expiresAt };
  out.record(state, { type: "capacity-reserved", reservation });
  for (const worker of workers) retractPrefetched(state, out, state.workers[worker]);
}

/** What waits there without a grant would take over the grants that are to come free. */
export function retractPrefetched(state: ControllerState, out: Outbox, worker: Worker): void {
  if (worker.prefetched === 0 || !worker.connected) return;
  const { attempts } = state;
  const isAsked = (row: number) => attempts.hasFlag(row, attemptFlag.retracting);
  const waiting = rowsOn(state, worker.index).filter((row) => !attempts.isGranted(row));
  const rows = waiting.filter((row) => !isAsked(row)); // Who was asked is not asked again.
  orderRetracts(state, out, worker.index, rows);
}

export function reservationsOf(state: ControllerState, shape: number): Reservation[] {
  return [...state.reservations.values()].filter((one) => one.shape === shape);
}

/** How long a gang that waits may hold now, by how often it did in vain, microseconds. */
export function gangHoldUs(expiries: number): number {
  return holdDuration(expiries);
}

export function endReservation(
  state: ControllerState,
  out: Outbox,
  { id }: Reservation,
  expired: boolean,
): void {
  out.record(state, { type: "reservation-ended", at: state.at, id, expired });
}

/** Ends what ran out, and what nobody in that queue waits for any more. */
export function settleReservations(state: ControllerState, out: Outbox, at: Micros): void {
  if (state.reservations.size === 0) return;
  for (const reservation of [...state.reservations.values()]) {
    const isOver = reservation.expiresAt <= at;
    if (isOver || !isWanted(state, reservation)) endReservation(state, out, reservation, isOver);
  }
}

/** A gang that was bounced waits in pieces until its last attempt has ended. */
function isWanted(state: ControllerState, { shape: index }: Reservation): boolean {
  const shape = state.shapes[index];
  if (shape.queued > 0) return true;
  if (shape.gang < 0) return false;
  const { rows } = launchAt(state, shape.gang);
  return rows.some((row) => state.tasks.state[row] === taskStateCode.PENDING);
}

/** One request of a reservation on a worker. Of any model it is the one of which most is free. */
function wantedOn(state: ControllerState, worker: Worker, { shape }: Reservation): Float64Array {
  const { request, resources } = state.shapes[shape];
  const anyModel = resources.devices.filter(({ variant }) => variant === anyVariant);
  if (anyModel.length === 0) return request.amounts;
  const wanted = new Float64Array(worker.capacity.length);
  wanted.set(request.amounts.subarray(0, wanted.length));
  for (const { kind, countMilli } of anyModel) {
    const index = freestModel(state, worker, { kind, countMilli, wanted });
    if (index >= 0) wanted[index] += countMilli;
  }
  return wanted;
}

function freestModel(
  { dimensions }: ControllerState,
  { deviceUse, capacity, used }: Worker,
  {
    kind,
    countMilli,
    wanted,
  }: { readonly kind: string; readonly countMilli: number; readonly wanted: Float64Array },
): number {
  const prefix = deviceDimension(kind, "");
  let best = -1;
  for (const index of deviceUse.keys()) {
    const isOfKind = dimensions.names[index].startsWith(prefix);
    if (!isOfKind || capacity[index] - wanted[index] < countMilli) continue;
    const isFreer = best < 0 || capacity[index] - used[index] > capacity[best] - used[best];
    if (isFreer) best = index;
  }
  return best;
}

/** Free capacity of a worker that is kept for somebody now. */
export function heldVector(state: ControllerState, worker: Worker): Float64Array {
  const held = new Float64Array(worker.capacity.length);
  for (const reservation of worker.reservations) {
    const amounts = wantedOn(state, worker, reservation);
    const isTurn = reservation.reason === "turn";
    const { released } = isTurn ? certainStartOf(state, reservation) : noStart;
    for (let i = 0; i < held.length && i < amounts.length; i++) {
      const free = worker.capacity[i] - worker.used[i] - held[i];
      held[i] += keptAmount(amounts[i], released[i], free);
    }
  }
  return held;
}

/**
 * What a shape may use of a worker: its room less what is kept there for others. What comes free is
 * for the better band first, then for who has waited longer; of that a shape has its own part.
 */
export function roomFor(state: ControllerState, worker: Worker, shape: Shape): Room {
  if (worker.reservations.length === 0) return worker;
  const isOwn = (one: Reservation) => one.shape === shape.index;
  const keepers = worker.reservations.filter((one) => isOwn(one) || binds(state, one, shape));
  if (keepers.every(isOwn)) return worker;
  const used = worker.used.slice();
  const free = worker.capacity.map((amount, index) => amount - used[index]);
  for (const keeper of byBand(state, keepers)) {
    const amounts = wantedOn(state, worker, keeper);
    const { released } = keeper.reason === "turn" ? certainStartOf(state, keeper) : noStart;
    for (let i = 0; i < used.length && i < amounts.length; i++) {
      const kept = keptAmount(amounts[i], released[i], free[i]);
      free[i] -= kept;
      if (!isOwn(keeper)) used[i] += kept;
    }
  }
  return { capacity: worker.capacity, used };
}

/**
 * What is lacking of what is kept on a worker for those before this shape, beyond what is told to
 * stop there: they have it first when more comes free.
 */
export function owedBefore(state: ControllerState, worker: Worker, shape: Shape): Float64Array {
  const owed = new Float64Array(worker.capacity.length);
  const isBefore = (one: Reservation) =>
    one.shape === shape.index ? one.reason === "preemption" : binds(state, one, shape);
  const keepers = worker.reservations.filter(isBefore);
  if (keepers.length === 0) return owed;
  const free = worker.capacity.map((amount, index) => amount - worker.used[index]);
  for (const keeper of keepers) {
    const amounts = wantedOn(state, worker, keeper);
    const { released } = keeper.reason === "turn" ? certainStartOf(state, keeper) : noStart;
    for (let i = 0; i < owed.length && i < amounts.length; i++) {
      const wanted = Math.max(0, amounts[i] - (released[i] ?? 0));
      const kept = keptAmount(wanted, 0, free[i]);
      free[i] -= kept;
      owed[i] += wanted - kept;
    }
  }
  for (const row of grantedRowsOn(state, worker.index)) {
    if (!state.attempts.hasFlag(row, attemptFlag.stopping)) continue;
    const grant = state.attempts.grantOf(row);
    for (let i = 0; i < owed.length && i < grant.length; i++) owed[i] -= grant[i];
  }
  return owed.map((amount) => Math.max(0, amount));
}

const noStart = { released: new Float64Array(0) };

/** Better bands first; within a band they stay oldest first. */
function byBand(state: ControllerState, reservations: readonly Reservation[]): Reservation[] {
  const bandOf = ({ shape }: Reservation) => effectiveBand(state, state.shapes[shape]);
  return [...reservations].sort((a, b) => bandOf(a) - bandOf(b));
}

/** Whether a reservation keeps a shape away from its capacity. */
export function binds(state: ControllerState, reservation: Reservation, shape: Shape): boolean {
  if (reservation.shape === shape.index) return false;
  const keeper = state.shapes[reservation.shape];
  if (effectiveBand(state, shape) < effectiveBand(state, keeper)) return false;
  if (!shape.isCommand || shape.timeoutUs === 0) return true;
  const startsAt = certainlyUsedAt(state, reservation);
  return !mayBackfill(state.at, shape.timeoutUs, backfillGraceUs, startsAt);
}

/** Whether what is kept from the shape changes with time, with what others run and users hold. */
export function isSwayed(state: ControllerState, shape: Shape): boolean {
  if (state.reservations.size === 0) return false;
  const isTimed = shape.isCommand && shape.timeoutUs > 0;
  return isTimed || state.access.budgets.size > 0 || hasTurn(state);
}

function hasTurn({ reservations }: ControllerState): boolean {
  for (const { reason } of reservations.values()) if (reason === "turn") return true;
  return false;
}

/** How a reservation stands to a shape, as a number: while it is the same, so is what is kept. */
export function stanceOf(state: ControllerState, reservation: Reservation, shape: Shape): number {
  const band = effectiveBand(state, state.shapes[reservation.shape]);
  const stance = 2 * band + (binds(state, reservation, shape) ? 1 : 0);
  if (reservation.reason !== "turn") return stance;
  // What will have come free changes with time alone, where an attempt has not started yet.
  const { released } = certainStartOf(state, reservation);
  return released.reduce((sum, amount, index) => sum + amount * (index + 1) * 8, stance);
}

/** What a stop at its limit may take besides, microseconds. */
const backfillGraceUs = 15_000_000;

/**
 * When what is kept will be used at the latest, by the limits of what runs: when the keeper's
 * request is free on the last of the workers, not on the first.
 */
function certainlyUsedAt(state: ControllerState, reservation: Reservation): Micros {
  return certainStartOf(state, reservation).startsAt;
}

function certainStartOf(state: ControllerState, reservation: Reservation): CertainStart {
  const { certainStarts, ledger } = state.fleet;
  const known = certainStarts.get(reservation.id);
  if (known?.ledger === ledger && known.at === state.at) return known;
  const startsAt = lastStart(state, reservation);
  const released = releasedFor(state, reservation, startsAt);
  const start = { ledger, at: state.at, startsAt, released };
  certainStarts.set(reservation.id, start);
  return start;
}

/**
 * For a turn, what will have come free when it is used: of its request only the rest must be kept
 * now. So what outlasts that moment may still run beside it. Of other reservations nothing counts.
 */
function releasedFor(state: ControllerState, reservation: Reservation, at: Micros): Float64Array {
  const [index] = reservation.workers;
  if (reservation.reason !== "turn" || at === Number.POSITIVE_INFINITY) return nothing;
  const running = runningOn(state, [index]).get(index) ?? [];
  return releasedBy(at, running, state.workers[index].capacity.length);
}

const nothing = new Float64Array(0);

/** How much of its request a reservation keeps free on a worker with this much free. */
function keptAmount(wanted: number, released: number | undefined, free: number): number {
  return Math.max(0, Math.min(wanted - (released ?? 0), free));
}

function lastStart(state: ControllerState, reservation: Reservation): Micros {
  const { amounts, used } = state.shapes[reservation.shape].request;
  const running = runningOn(state, reservation.workers);
  let latest = state.at;
  for (const [index, attempts] of running) {
    const worker = state.workers[index];
    const free = worker.capacity.map((amount, at) => amount - worker.used[at]);
    latest = Math.max(latest, certainStart(state.at, free, attempts, amounts, used));
  }
  return latest;
}

/** What holds a grant on each of these workers. */
export function runningOn(
  state: ControllerState,
  workers: readonly WorkerIndex[],
): Map<WorkerIndex, Running[]> {
  const running = new Map<WorkerIndex, Running[]>();
  const runningRow = (row: number): Running => {
    return { endsBy: endsBy(state, row), amounts: state.attempts.grantOf(row) };
  };
  if (workers.length <= fewWorkers) {
    for (const worker of workers) {
      running.set(worker, grantedRowsOn(state, worker).map(runningRow));
    }
    return running;
  }
  const { starts, rows } = grantedRows(state);
  for (const worker of workers) {
    const own = rows.subarray(starts[worker], starts[worker + 1]);
    running.set(worker, Array.from(own, runningRow));
  }
  return running;
}

/** For more, all attempts are looked at once. */
const fewWorkers = 16;

/** When an attempt has ended at the latest; what was told to stop may do so at any moment. */
function endsBy(state: ControllerState, row: number): number {
  const { attempts } = state;
  if (attempts.hasFlag(row, attemptFlag.stopping)) return state.at;
  const { timeoutUs } = state.shapes[attempts.shape[row]];
  if (timeoutUs === 0) return Number.POSITIVE_INFINITY;
  return (attempts.startedAt[row] || state.at) + timeoutUs + backfillGraceUs;
}

export function applyCapacityReserved(state: ControllerState, reservation: Reservation): void {
  state.reservationCounter = reservation.id;
  state.reservations.set(reservation.id, reservation);
  state.fleet.takenGroups.clear();
  for (const index of reservation.workers) {
    const worker = state.workers[index];
    worker.reservations = [...worker.reservations, reservation];
    state.fleet.changes.mark(index);
  }
}

export function applyReservationEnded(
  state: ControllerState,
  { id, expired, at }: { readonly id: number; readonly expired: boolean; readonly at: Micros },
): void {
  const reservation = state.reservations.get(id);
  if (reservation === undefined) return;
  state.reservations.delete(id);
  state.fleet.takenGroups.clear();
  state.fleet.certainStarts.delete(id);
  for (const index of reservation.workers) {
    const worker = state.workers[index];
    worker.reservations = worker.reservations.filter((one) => one.id !== id);
    touchWorker(state, index);
  }
  // Its group is free for the next gang, also where its own hosts are away.
  for (const queued of reservation.reason === "gang" ? state.queuedShapes : []) {
    if (state.shapes[queued].gang >= 0) state.untriedShapes.add(queued);
  }
  const { gang } = state.shapes[reservation.shape];
  if (!expired || gang < 0) return;
  const waiting = gangAt(state, gang);
  waiting.holdExpiries++;
  waiting.holdAgainAt = at + holdRestUs;
}
