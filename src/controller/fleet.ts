/**
 * The index of the workers, brought up to date: for each queue the line of the workers that it
 * could use now, for each gang its groups.
 *
 * Invariant: once its readers have caught up, a line has exactly the workers that `takes` accepts.
 * So whatever can make a worker take more marks it in the change log. What makes it take less may
 * be unmarked: nobody is placed without asking `takes` again.
 *
 * @module
 */

import { anyVariant } from "../model/canonical-resources.ts";
import { attributeOf } from "../model/constraints.ts";
import { type DeviceRoom, deviceRoom, noDevices, roomColumn } from "../scheduler/device-rooms.ts";
import { deviceDimension } from "../scheduler/dimensions.ts";
import { freeAmount } from "../scheduler/fit.ts";
import type { GroupMember, GroupTally } from "../scheduler/group-tally.ts";
import { LineUp } from "../scheduler/line-up.ts";
import type { Need, RoomTree } from "../scheduler/room-tree.ts";
import { isBlindToAttributes, scoreOf } from "../scheduler/score.ts";
import { canEverRun, mayUse } from "./eligibility.ts";
import { fits, takes } from "./fitting.ts";
import { stanceOf } from "./reservations.ts";
import { type ControllerState, isOpen, type Shape, type Worker } from "./state.ts";

/** The workers that take the shape now, the best first. */
export function lineUpOf(state: ControllerState, shape: Shape): LineUp {
  const { changes } = state.fleet;
  const lineUp = state.fleet.lineUp(shape.index, shape);
  const { seen } = lineUp;
  const { version } = state.demand;
  const isScored = lineUp.version === version;
  if (seen === changes.end && isScored) return lineUp;
  lineUp.seen = changes.read();
  lineUp.version = version;
  if (isWorthCatchingUp(state, seen, lineUp.length)) {
    const judge = judgeFor(state, shape);
    state.fleet.spentUnits += changes.end - seen;
    changes.forEachSince(seen, (worker) => enter(lineUp, worker, judge));
    if (!isScored) lineUp.rescore(sharedByAlikes(state, shape, scorerFor(state, shape)));
  } else {
    lineUp.clear();
    const judge = sharedJudgeFor(state, shape);
    forEachPossible(state, shape, (worker) => enter(lineUp, worker, judge));
    state.fleet.spentUnits += Math.ceil(lineUp.length / looksPerUnit);
  }
  return lineUp;
}

/** Workers that are put into a line made anew, for a unit of what a turn may spend. */
const looksPerUnit = 4;

/**
 * Whether to look at what changed, rather than at all that may fit: a line that was long is long
 * again, and of one that was short the tree of rooms knows who comes in.
 */
function isWorthCatchingUp(
  { fleet, workers }: ControllerState,
  seen: number,
  length: number,
): boolean {
  const { start, end } = fleet.changes;
  return seen >= start && end - seen <= Math.max(length, workers.length / 4) + 16;
}

/** The score of a worker; NaN of one that does not take the shape. */
type Judge = (worker: number) => number;

function enter(lineUp: LineUp, worker: number, judge: Judge): void {
  const score = judge(worker);
  if (Number.isNaN(score)) lineUp.remove(worker);
  else lineUp.set(worker, score);
}

function judgeFor(state: ControllerState, shape: Shape): Judge {
  const scoreOf = scorerFor(state, shape);
  return (worker) => (takes(state, state.workers[worker], shape) ? scoreOf(worker) : Number.NaN);
}

function scorerFor({ workers, demand: { demand } }: ControllerState, shape: Shape): Judge {
  return (worker) => scoreOf(workers[worker], shape, demand);
}

/** The same for many workers at once: of those that are alike, whether it fits is asked once. */
function sharedJudgeFor(state: ControllerState, shape: Shape): Judge {
  const scoreOf = scorerFor(state, shape);
  const judge = judgeFor(state, shape);
  const shared = sharedByAlikes(state, shape, (worker) => {
    return fits(state, state.workers[worker], shape) ? scoreOf(worker) : Number.NaN;
  });
  return (index) => {
    const worker = state.workers[index];
    // What is kept there, or used by what nobody knows, is no part of its state.
    if (worker.reservations.length > 0 || worker.foundlings.size > 0) return judge(index);
    return isOpen(worker) && mayUse(worker, shape) ? shared(index) : Number.NaN;
  };
}

/** Asks once for all workers in the same state, where no attribute makes a difference. */
function sharedByAlikes(state: ControllerState, shape: Shape, ask: Judge): Judge {
  if (!isBlindToAttributes(shape, state.demand.demand)) return ask;
  catchUp(state);
  const { alikes } = state.fleet;
  const known = new Map<number, number>();
  return (worker) => {
    const number = alikes.stateOf(worker, state.workers[worker]);
    let answer = known.get(number);
    if (answer === undefined) {
      answer = ask(worker);
      known.set(number, answer);
    }
    return answer;
  };
}

/** The groups that could take the gang of this shape, with what is free in each. */
export function groupsOf(state: ControllerState, shape: Shape, groupBy: string): GroupTally {
  const { changes } = state.fleet;
  const tally = state.fleet.tally(shape.index, shape);
  const { seen } = tally;
  tally.seen = changes.read();
  if (isWorthCatchingUp(state, seen, state.workers.length)) {
    changes.forEachSince(seen, (index) => {
      tally.set(index, memberOf(state, shape, state.workers[index], groupBy));
    });
    return tally;
  }
  tally.clear();
  for (const worker of state.workers) {
    tally.set(worker.index, memberOf(state, shape, worker, groupBy));
  }
  return tally;
}

function memberOf(
  state: ControllerState,
  shape: Shape,
  worker: Worker,
  groupBy: string,
): GroupMember {
  const couldFit = isOpen(worker) && canEverRun(state, shape, worker);
  const group = attributeOf(worker.attributes, groupBy);
  return { group, couldFit, fits: couldFit && fits(state, worker, shape) };
}

/**
 * What is kept for others depends on more than its worker: on bands, on time, on who else runs.
 * Where that has changed for a queue, the workers of the reservation are looked at again for it.
 */
export function lookAtKept(state: ControllerState, shape: Shape): void {
  const launch = shape.gang < 0 ? null : state.jobs[shape.gang].launch;
  const groupBy = launch?.spec.task.groupBy ?? "";
  const line = launch === null ? lineUpOf(state, shape) : groupsOf(state, shape, groupBy);
  for (const reservation of state.reservations.values()) {
    const stance = stanceOf(state, reservation, shape);
    if (line.stances.get(reservation.id) === stance) continue;
    line.stances.set(reservation.id, stance);
    for (const index of reservation.workers) {
      const worker = state.workers[index];
      if (line instanceof LineUp) enter(line, index, judgeFor(state, shape));
      else line.set(index, memberOf(state, shape, worker, groupBy));
    }
  }
  if (line.stances.size <= 2 * state.reservations.size) return;
  for (const id of line.stances.keys()) if (!state.reservations.has(id)) line.stances.delete(id);
}

/** Visits workers among which are all that the shape fits, in the order of their indices. */
function forEachPossible(
  state: ControllerState,
  shape: Shape,
  visit: (worker: number) => void,
): void {
  catchUp(state);
  const { attributes, rooms } = state.fleet;
  const named = attributes.fewestFor(shape.constraints, state.workers.length / namedShare);
  if (named === null) rooms.forEachFit(needsOf(state, shape), visit);
  else for (const worker of named) visit(worker);
}

/** Where a constraint names fewer than one of so many workers, they are looked at one by one. */
const namedShare = 16;

/** Rooms and attributes as they are now. */
function catchUp(state: ControllerState): void {
  const { fleet } = state;
  const { changes, seen } = fleet;
  fleet.seen = changes.read();
  fleet.bound(state.workers.length);
  if (seen >= changes.start) {
    changes.forEachSince(seen, (worker) => takeUp(state, state.workers[worker]));
  } else for (const worker of state.workers) takeUp(state, worker);
}

function takeUp(state: ControllerState, worker: Worker): void {
  const { alikes, attributes, rooms } = state.fleet;
  attributes.set(worker.index, worker.attributes);
  alikes.forget(worker.index);
  const isTaking = isOpen(worker);
  const { count: dimensionCount } = state.dimensions;
  for (let index = 0; index < dimensionCount; index++) {
    rooms.set(worker.index, roomColumn.free(index), isTaking ? freeAmount(worker, index) : 0);
  }
  takeUpDevices(state, worker, isTaking);
}

/** For `auto` a kind of device is a place of its own: the most that any of its variants has. */
function takeUpDevices(state: ControllerState, worker: Worker, isTaking: boolean): void {
  const { devices, rooms } = state.fleet;
  for (const { place, dimensions } of devices.kindsIn(state.dimensions)) {
    let { unusedMilli, largestMilli } = noDevices;
    for (const dimension of dimensions) {
      const use = isTaking ? worker.deviceUse.get(dimension) : undefined;
      const room = use === undefined ? noDevices : deviceRoom(use, worker.capacity[dimension]);
      setDevices(rooms, worker.index, dimension, room);
      unusedMilli = Math.max(unusedMilli, room.unusedMilli);
      largestMilli = Math.max(largestMilli, room.largestMilli);
    }
    setDevices(rooms, worker.index, place, { unusedMilli, largestMilli });
  }
}

function setDevices(rooms: RoomTree, worker: number, place: number, room: DeviceRoom): void {
  rooms.set(worker, roomColumn.unused(place), room.unusedMilli);
  rooms.set(worker, roomColumn.largest(place), room.largestMilli);
}

/** What a worker must have at least to be worth a look. */
function needsOf(state: ControllerState, shape: Shape): Need[] {
  const { amounts, used } = shape.request;
  const needs = used.map((index) => ({ column: roomColumn.free(index), amount: amounts[index] }));
  for (const { kind, variant, countMilli } of shape.resources.devices) {
    const place =
      variant === anyVariant
        ? state.fleet.devices.placeOfKind(kind)
        : state.dimensions.intern(deviceDimension(kind, variant));
    const fraction = countMilli % 1000;
    const whole = countMilli - fraction;
    if (whole > 0) needs.push({ column: roomColumn.unused(place), amount: whole });
    if (fraction > 0) needs.push({ column: roomColumn.largest(place), amount: fraction });
  }
  return needs;
}
