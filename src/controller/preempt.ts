/**
 * Preemption: more important work takes the place of less important work, and of nothing else.
 *
 * Victims are of a strictly lower band than the work that waits, by the band that they were stamped
 * with when they were placed; so what was evicted can never evict in turn. What they free is kept
 * for whom they were evicted for, and their capacity is theirs until they have really ended.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { anyVariant } from "../model/canonical-resources.ts";
import { chooseDeviceIndices } from "../scheduler/devices.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import {
  type PreemptionHost,
  type Preemptor,
  planAmong,
  planGangPreemption,
  type Victim,
} from "../scheduler/preemption.ts";
import { canEverRun } from "./eligibility.ts";
import { fits } from "./fitting.ts";
import { groupsOf } from "./fleet.ts";
import { isWhole, launchOfGang } from "./gang-placement.ts";
import { preemptionHoldUs } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { hasOffer, offersFor, victimRows } from "./preemption-bounds.ts";
import { headTask } from "./queue-order.ts";
import { lossOf, stopCurrentAttempt } from "./reports.ts";
import { owedBefore, reservationsOf, reserve, roomFor } from "./reservations.ts";
import {
  type ControllerState,
  jobOf,
  type Launch,
  launchAt,
  type Shape,
  specOf,
  taskIdOf,
  type Worker,
} from "./state.ts";
import { noSlot } from "./tables/task-table.ts";
import { capCount, effectiveBand } from "./users.ts";
import { judgeLosses, type Loss } from "./verdicts.ts";

/** Evicts what keeps a shape from running, if that helps; whether it did. */
export function preemptFor(
  state: ControllerState,
  out: Outbox,
  wanted: {
    readonly shape: Shape;
    /** Workers on which something has changed for it. */
    readonly candidates: () => readonly Worker[];
    readonly at: Micros;
  },
): boolean {
  const { shape, at } = wanted;
  if (!hasLowerBand(state, effectiveBand(state, shape))) return false;
  const launch = launchOfGang(state, shape);
  // Of a gang that is still stopping the own capacity is about to come free.
  if (launch !== null && !isWhole(shape, launch)) return false;
  const size = launch?.rows.length ?? 1;
  if (capCount(state, shape, size) < size || isServed(state, shape)) return false;
  const plan =
    launch === null ? planSolo(state, shape, wanted.candidates()) : planGang(state, shape, launch);
  if (plan === null || plan.victims.length === 0) return false;
  const beneficiary = taskIdOf(state, headTask(shape));
  const expiresAt = at + longestGraceUs(state, plan.victims) + preemptionHoldUs;
  const reason = launch === null ? "preemption" : "gang";
  reserve(state, out, { shape, reason, workers: plan.workers, expiresAt });
  evict(state, out, { rows: plan.victims, beneficiary, at });
  return true;
}

/** How long the slowest of these may take to stop, microseconds. */
function longestGraceUs(state: ControllerState, rows: readonly number[]): number {
  const graces = rows.map((row) => specOf(state, state.attempts.task[row]).graceMs * 1000);
  return Math.max(0, ...graces);
}

/** Whether anything runs that might give way. */
function hasLowerBand({ grantedByBand }: ControllerState, band: number): boolean {
  return grantedByBand.some((count, lower) => lower > band && count > 0);
}

/** Whether what was evicted for the shape already is as much as waits. */
function isServed(state: ControllerState, shape: Shape): boolean {
  const served = reservationsOf(state, shape.index).filter((one) => isStopping(state, one.workers));
  return served.length >= Math.min(shape.queued, shape.gang < 0 ? shape.queued : 1);
}

function isStopping(state: ControllerState, workers: readonly number[]): boolean {
  for (const row of state.strays.values()) {
    if (workers.includes(state.attempts.worker[row])) return true;
  }
  return false;
}

/** The worker as a plan sees it; null if the shape could not run there in any case. */
export function hostFor(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
): PreemptionHost | null {
  if (!canEverRun(state, shape, worker)) return null;
  const room = roomFor(state, worker, shape);
  const owed = owedBefore(state, worker, shape);
  // Placed in a worse band while its user was over budget, one of the queue is not worse than it.
  const isOther = (row: number) => state.attempts.shape[row] !== shape.index;
  const rows = victimRows(state, worker.index, effectiveBand(state, shape)).filter(isOther);
  return {
    worker: worker.index,
    free: room.capacity.map((amount, index) => amount - room.used[index] - owed[index]),
    victims: rows.map((row) => victimOf(state, row)),
    admits: (ended) => admitsDevices(state, worker, shape, ended),
  };
}

function victimOf(state: ControllerState, row: number): Victim {
  const { attempts, tasks } = state;
  const task = attempts.task[row];
  const shape = state.shapes[attempts.shape[row]];
  return {
    id: row,
    band: attempts.band[row],
    value: shape.value,
    startedOrder: attempts.id[row],
    amounts: attempts.grantOf(row),
    unit: shape.gang,
    evictions: tasks.lossCount[task],
  };
}

function victimsOfUnit(state: ControllerState, unit: number): Victim[] {
  const victims: Victim[] = [];
  for (const task of launchAt(state, unit).rows) {
    const row = state.tasks.attempt[task];
    if (row !== noSlot) victims.push(victimOf(state, row));
  }
  return victims;
}

/** Whether whole devices are free for the shape when these attempts have ended. */
function admitsDevices(
  state: ControllerState,
  worker: Worker,
  shape: Shape,
  rows: readonly number[],
): boolean {
  return shape.resources.devices.every((asked) => {
    const variants = variantsOn(state, worker, asked);
    return variants.some((index) => {
      const use = worker.deviceUse.get(index)?.slice();
      if (use === undefined) return false;
      for (const row of rows) freeIndices(state, row, { index, use });
      return chooseDeviceIndices(use, worker.capacity[index], asked.countMilli) !== null;
    });
  });
}

function variantsOn(
  state: ControllerState,
  worker: Worker,
  { kind, variant }: { readonly kind: string; readonly variant: string },
): number[] {
  if (variant !== anyVariant) return [state.dimensions.intern(deviceDimension(kind, variant))];
  const prefix = deviceDimension(kind, "");
  return [...worker.deviceUse.keys()].filter((index) =>
    state.dimensions.names[index].startsWith(prefix),
  );
}

function freeIndices(
  state: ControllerState,
  row: number,
  { index, use }: { readonly index: number; readonly use: number[] },
): void {
  for (const { kind, variant, countMilli, indices } of state.deviceGrants.get(row) ?? []) {
    if (state.dimensions.intern(deviceDimension(kind, variant)) !== index) continue;
    for (const [position, device] of indices.entries()) {
      if (device < use.length) use[device] -= Math.min(1000, countMilli - position * 1000);
    }
  }
}

interface Plan {
  readonly workers: readonly number[];
  readonly victims: readonly number[];
}

function planSolo(
  state: ControllerState,
  shape: Shape,
  candidates: readonly Worker[],
): Plan | null {
  const look = (worker: number) => hostFor(state, state.workers[worker], shape);
  const plan = planAmong(offersFor(state, shape, candidates), look, preemptorOf(state, shape));
  return plan === null ? null : { workers: [plan.worker], victims: plan.victims };
}

function preemptorOf(state: ControllerState, shape: Shape): Preemptor {
  const { amounts, used } = shape.request;
  const unitVictims = (unit: number) => victimsOfUnit(state, unit);
  return { amounts, used, band: effectiveBand(state, shape), unitVictims };
}

/** Whether a member fits there now, or may after evictions. */
function mayTake(state: ControllerState, worker: Worker, shape: Shape): boolean {
  return hasOffer(state, worker, shape) || fits(state, worker, shape);
}

/** A gang needs all of its hosts, also those on which nothing has changed. */
function planGang(state: ControllerState, shape: Shape, { spec, rows }: Launch): Plan | null {
  const size = rows.length;
  const groups: { group: string; hosts: PreemptionHost[] }[] = [];
  for (const [group, { able }] of groupsOf(state, shape, spec.task.groupBy).groups) {
    if (able.size < size) continue;
    const members = [...able].map((index) => state.workers[index]);
    const hosts = members
      .filter((worker) => mayTake(state, worker, shape))
      .map((worker) => hostFor(state, worker, shape))
      .filter((host) => host !== null);
    if (hosts.length >= size) groups.push({ group, hosts });
  }
  const { amounts, used, band, unitVictims } = preemptorOf(state, shape);
  return planGangPreemption(groups, size, amounts, used, band, unitVictims);
}

/** Orders the victims to stop. Of a gang one is enough: the others follow it. */
function evict(
  state: ControllerState,
  out: Outbox,
  { rows, beneficiary, at }: { rows: readonly number[]; beneficiary: string; at: Micros },
): void {
  const losses: Loss[] = [];
  const gangs = new Set<number>();
  for (const row of rows) {
    const task = state.attempts.task[row];
    const job = jobOf(state, task);
    if (job.launch?.gang) {
      if (gangs.has(job.index)) continue;
      gangs.add(job.index);
    }
    losses.push({ ...lossOf(state, row, "preempted"), reason: `for ${beneficiary}` });
    stopCurrentAttempt(state, out, task, "preempted");
  }
  judgeLosses(state, out, { losses, at });
}
