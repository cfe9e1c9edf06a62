/**
 * Where a gang goes, and what is kept for one that has to wait.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { attributeOf } from "../model/constraints.ts";
import { preferenceCount } from "../scheduler/fit.ts";
import { chooseGang, chooseGangToWaitFor, type GangCandidate } from "../scheduler/gang.ts";
import type { GroupCount } from "../scheduler/group-tally.ts";
import { canEverRun, mayUse } from "./eligibility.ts";
import { fits } from "./fitting.ts";
import { groupsOf } from "./fleet.ts";
import { chooseSpecialGrant } from "./grants.ts";
import type { Outbox } from "./outbox.ts";
import { assignAndSend, useReservations } from "./place-solo.ts";
import type { AssignmentRecorder } from "./recorders.ts";
import { gangHoldUs, reservationsOf, reserve, roomFor } from "./reservations.ts";
import {
  type ControllerState,
  isHealthy,
  isOpen,
  type Launch,
  type Shape,
  type Worker,
} from "./state.ts";
import { capCount } from "./users.ts";

/** The attribute by which the hosts of a slice are counted: what ranks follow. */
export const hostIndexAttribute = "tpu-worker-id";

/** The launch of a gang's shape. */
export function launchOfGang(state: ControllerState, shape: Shape): Launch | null {
  return shape.gang < 0 ? null : state.jobs[shape.gang].launch;
}

/** Workers that placement may use, as places for a member; all of them unless some are named. */
export function gangCandidates(
  state: ControllerState,
  shape: Shape,
  workers: readonly Worker[] = state.workers,
): GangCandidate[] {
  const groupBy = launchOfGang(state, shape)?.spec.task.groupBy ?? "";
  return workers
    .filter((worker) => isOpen(worker) && mayUse(worker, shape))
    .map((worker) => candidateOf(state, worker, { shape, groupBy }));
}

function candidateOf(
  state: ControllerState,
  worker: Worker,
  { shape, groupBy }: { shape: Shape; groupBy: string },
): GangCandidate {
  const host = Number(attributeOf(worker.attributes, hostIndexAttribute) ?? 0);
  return {
    worker: worker.index,
    group: attributeOf(worker.attributes, groupBy),
    hostIndex: Number.isFinite(host) ? host : 0,
    workerId: worker.workerId,
    fits: fits(state, worker, shape),
    couldFit: canEverRun(state, shape, worker),
    preference: preferenceCount(worker.attributes, shape.constraints),
  };
}

/** Whether the workers that are heard could run the shape if they were empty: a gang whole. */
export function couldEverPlace(state: ControllerState, shape: Shape): boolean {
  const isAble = (one: Worker) => isHealthy(one) && canEverRun(state, shape, one);
  const launch = launchOfGang(state, shape);
  if (launch === null) return state.workers.some(isAble);
  const counts = new Map<string, number>();
  for (const worker of state.workers) {
    if (!isAble(worker)) continue;
    const { attributes } = worker;
    const group = attributeOf(attributes, launch.spec.task.groupBy) ?? "";
    if (group !== "") counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts.values()].some((count) => count >= launch.rows.length);
}

/** Whether all of a gang waits to be placed: a member that is still stopping keeps the others. */
export function isWhole(shape: Shape, launch: Launch): boolean {
  return shape.queued === launch.rows.length;
}

/** Places all members or none. */
export function placeGang(
  state: ControllerState,
  out: Outbox,
  pass: {
    readonly shape: Shape;
    readonly assignments: AssignmentRecorder;
    readonly at: Micros;
  },
): boolean {
  const { shape, assignments, at } = pass;
  const launch = launchOfGang(state, shape);
  if (launch === null || !isWhole(shape, launch)) return false;
  const size = launch.rows.length;
  if (capCount(state, shape, size) < size) return false;
  const roomy = membersOf(state, shape, launch, ({ free }) => free >= size);
  const choice = chooseGang(gangCandidates(state, shape, roomy), size);
  if (choice === null) {
    holdForGang(state, out, { shape, launch, at });
    return false;
  }
  for (const [index, task] of launch.rows.entries()) {
    const worker = state.workers[choice.workers[index]];
    const room = roomFor(state, worker, shape);
    const asks = shape.resources.devices.length > 0;
    const grant = asks ? chooseSpecialGrant(state, worker, room, shape) : null;
    const order = { task, worker, prefetched: false, grant, wait: null };
    assignAndSend(state, out, assignments, order);
  }
  return true;
}

/** The workers of the groups that are worth a look. */
function membersOf(
  state: ControllerState,
  shape: Shape,
  launch: Launch,
  isWanted: (count: GroupCount, group: string) => boolean,
): Worker[] {
  const workers: Worker[] = [];
  for (const [group, count] of groupsOf(state, shape, launch.spec.task.groupBy).groups) {
    if (!isWanted(count, group)) continue;
    for (const worker of count.able) workers.push(state.workers[worker]);
  }
  return workers;
}

/** The first gang that waits for a group of workers keeps what is free there, for a while. */
function holdForGang(
  state: ControllerState,
  out: Outbox,
  waiting: {
    readonly shape: Shape;
    readonly launch: Launch;
    readonly at: Micros;
  },
): void {
  const { shape, launch, at } = waiting;
  const { gang, rows } = launch;
  if (gang === null || gang.holdAgainAt > at) return;
  if (reservationsOf(state, shape.index).length > 0) return;
  const taken = takenGroups(state, launch.spec.task.groupBy);
  const able = membersOf(
    state,
    shape,
    launch,
    (count, group) => count.able.size >= rows.length && !taken.has(group),
  );
  const choice = chooseGangToWaitFor(gangCandidates(state, shape, able), rows.length, taken);
  if (choice === null) return;
  const expiresAt = at + gangHoldUs(gang.holdExpiries);
  reserve(state, out, { shape, reason: "gang", workers: choice.workers, expiresAt });
}

/** Values of an attribute on whose workers another gang's reservation lies. */
function takenGroups(state: ControllerState, groupBy: string): ReadonlySet<string> {
  const known = state.fleet.takenGroups.get(groupBy);
  if (known !== undefined) return known;
  const taken = new Set<string>();
  state.fleet.takenGroups.set(groupBy, taken);
  for (const { reason, workers } of state.reservations.values()) {
    if (reason !== "gang") continue;
    for (const index of workers) {
      const group = attributeOf(state.workers[index].attributes, groupBy);
      if (group !== undefined) taken.add(group);
    }
  }
  return taken;
}

/** Ends what was kept for a gang that has just been placed. */
export function useGangHold(state: ControllerState, out: Outbox, shape: Shape): void {
  useReservations(state, out, shape, []);
}
