/**
 * The index of the workers against a look at all of them: for every queue, also where nothing waits
 * in it, the same workers in the same order; for every gang the same groups.
 *
 * @module
 */

import assert from "node:assert/strict";
import { canEverRun } from "../../src/controller/eligibility.ts";
import { fits, takes } from "../../src/controller/fitting.ts";
import { groupsOf, lineUpOf, lookAtKept } from "../../src/controller/fleet.ts";
import { launchOfGang } from "../../src/controller/gang-placement.ts";
import { leastHarm, offersFor } from "../../src/controller/preemption-bounds.ts";
import { isSwayed } from "../../src/controller/reservations.ts";
import { type ControllerState, isOpen, type Shape } from "../../src/controller/state.ts";
import { effectiveBand } from "../../src/controller/users.ts";
import { attributeOf } from "../../src/model/constraints.ts";
import { scoreOf } from "../../src/scheduler/score.ts";

/** How many workers and groups were compared. */
export function checkFleet(state: ControllerState): number {
  let compared = 0;
  for (const shape of state.shapes) {
    if (shape.specCount === 0) continue; // Its place is free.
    if (shape.part === "call") continue; // It has no queue, and goes where its actor is.
    if (isSwayed(state, shape)) lookAtKept(state, shape); // As a pass does.
    compared += shape.gang < 0 ? checkLine(state, shape) : checkGroups(state, shape);
    checkOffers(state, shape);
  }
  return compared;
}

/** What evictions cost at least, as it is remembered, and as it is. */
function checkOffers(state: ControllerState, shape: Shape): void {
  const band = effectiveBand(state, shape);
  const scanned = state.workers
    .map((worker) => ({ worker: worker.index, atLeast: leastHarm(state, worker, { shape, band }) }))
    .filter(({ atLeast }) => atLeast !== null);
  const kept = offersFor(state, shape, state.workers);
  assert.deepEqual(kept, scanned, `the evictions for shape ${shape.index}`);
}

/** By score, then by index: a scan of all workers. */
function checkLine(state: ControllerState, shape: Shape): number {
  const taking = state.workers.filter((worker) => takes(state, worker, shape));
  const scanned = taking
    .map((worker) => ({ index: worker.index, score: scoreOf(worker, shape, state.demand.demand) }))
    .sort((a, b) => b.score - a.score || a.index - b.index);
  assert.deepEqual(drained(state, shape), scanned, `the line of shape ${shape.index}`);
  return scanned.length;
}

/** The line as placement would take it up, first to last; it is filled again with the same. */
function drained(state: ControllerState, shape: Shape): { index: number; score: number }[] {
  const lineUp = lineUpOf(state, shape);
  const all: { index: number; score: number }[] = [];
  for (let index = lineUp.first(); index >= 0; index = lineUp.first()) {
    all.push({ index, score: lineUp.scoreOf(index) });
    lineUp.remove(index);
  }
  for (const { index, score } of all) lineUp.set(index, score);
  // What takes nothing at this moment is passed over, and never placed on.
  return all.filter(({ index }) => takes(state, state.workers[index], shape));
}

function checkGroups(state: ControllerState, shape: Shape): number {
  const groupBy = launchOfGang(state, shape)?.spec.task.groupBy ?? "";
  const scanned = new Map<string, { able: number[]; free: number }>();
  for (const worker of state.workers) {
    const group = attributeOf(worker.attributes, groupBy) ?? "";
    if (group === "" || !isOpen(worker) || !canEverRun(state, shape, worker)) continue;
    const known = scanned.get(group) ?? { able: [], free: 0 };
    scanned.set(group, known);
    known.able.push(worker.index);
    if (fits(state, worker, shape)) known.free++;
  }
  const kept = [...groupsOf(state, shape, groupBy).groups].map(([group, { able, free }]) => {
    return [group, { able: [...able].sort((a, b) => a - b), free }] as const;
  });
  assert.deepEqual(new Map(kept), scanned, `the groups of shape ${shape.index}`);
  return scanned.size;
}
