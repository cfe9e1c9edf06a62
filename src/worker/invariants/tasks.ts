/**
 * Rules about what is counted and queued over all task records.
 *
 * @module
 */

import { digestWith } from "../../base/digest.ts";
import type { TaskRef } from "../../model/ids.ts";
import { partOf, type TaskSpec } from "../../model/spec.ts";
import { type Amounts, amountsOf, asksBeyondCpu } from "../ledger.ts";
import { goesBefore, type RunQueue } from "../run-queue.ts";
import {
  type Run,
  type RunKind,
  type Shape,
  type Spec,
  startableOf,
  unstartedRun,
  type WorkerState,
} from "../state.ts";
import { isAtRest } from "./records.ts";
import { broken, type WorkerRules } from "./rule.ts";

function heldValuesAddUp(state: WorkerState): void {
  let bytes = 0;
  let digest = 0;
  for (const { task, state: held } of state.tasks.values()) {
    if (held.type !== "memory") continue;
    bytes += held.value.sizeBytes;
    digest = digestWith(digest, task);
  }
  if (bytes !== state.valueBytes) broken(`held bytes are ${bytes}, not ${state.valueBytes}`);
  if (digest !== state.valuesDigest) broken("the digest of values is that of the values held");
}

function checkIdle(state: WorkerState, task: TaskRef): void {
  const record = state.tasks.get(task);
  if (record !== undefined && isAtRest(record)) broken(`task ${task} is at rest and in no queue`);
}

function atRestNothingIsHeld(state: WorkerState): void {
  for (const task of state.missing) checkIdle(state, task);
  for (const { queue } of state.peers.values()) for (const task of queue) checkIdle(state, task);
  for (const { wanted } of state.transfers.values()) {
    for (const task of wanted) checkIdle(state, task);
  }
}

/** A definition as it was when it was first seen, and what it asked for then. */
interface FirstSight {
  readonly definition: TaskSpec;
  readonly text: string;
  readonly amounts: Amounts;
  readonly beyond: boolean;
  readonly kind: RunKind;
}

const firstSights = new WeakMap<object, FirstSight>();

function sightOf(state: WorkerState, { definition }: Spec): FirstSight {
  const { resources, run } = definition;
  const isCommand = run.kind === "command" || partOf(run) === "actor";
  return {
    ...{ definition, text: JSON.stringify(definition), beyond: asksBeyondCpu(resources) },
    ...{ amounts: amountsOf(state.capacity, resources), kind: isCommand ? "command" : "function" },
  };
}

function specsNeverChange(state: WorkerState): void {
  for (const [id, spec] of state.specs) {
    if (spec.id !== id) broken(`spec ${id} is filed under its own number`);
    const first = firstSights.get(spec) ?? sightOf(state, spec);
    firstSights.set(spec, first);
    const { definition, text } = first;
    if (spec.definition !== definition || JSON.stringify(definition) !== text)
      broken(`spec ${id} is defined as it was`);
    if (!sameAmounts(first.amounts, spec.amounts)) broken(`spec ${id} asks for what it asked for`);
    if (spec.kind !== first.kind) broken(`spec ${id} is of the kind that it was`);
    if (spec.asksBeyondCpu !== first.beyond) broken(`spec ${id} asks for the same kinds`);
  }
}

function sameAmounts(one: Amounts, other: Amounts): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

function checkQueue(queue: RunQueue): void {
  if (queue.size === 0 && queue.first() === null) return;
  let before: Run | null = null;
  let size = 0;
  for (const run of queue) {
    if (run.queue !== queue) broken(`attempt ${run.attempt} knows its queue`);
    if (before !== null && !goesBefore(before, run)) broken("a queue is in the comparator's order");
    before = run;
    size++;
  }
  if (size !== queue.size) broken("a queue knows its size");
}

function queuesAreInStrictOrder(state: WorkerState): void {
  for (const shapes of [state.shapes, state.commandShapes, state.callShapes]) {
    for (const { granted, prefetched } of shapes.values()) {
      checkQueue(granted);
      checkQueue(prefetched);
    }
  }
}

const startable = new Set<Shape>();

function checkStartable(state: WorkerState, known: ReadonlySet<Shape>): void {
  let expected = 0;
  for (const shape of startable) {
    if (startableOf(state, shape) !== known) continue;
    expected++;
    if (!known.has(shape)) broken(`startable shape ${shape.id} is known`);
  }
  if (expected !== known.size) broken("no other shape is startable");
}

function whatMayStartIsKnown(state: WorkerState): void {
  startable.clear();
  let prefetched = 0;
  for (const { task, state: taskState } of state.tasks.values()) {
    const run = unstartedRun(taskState);
    if (run === null || taskState.type === "waiting" || state.orphans.has(task)) continue;
    if (run.granted) startable.add(run.shape);
    else if (run.shape.kind === "function") prefetched++;
  }
  if (prefetched !== state.prefetchedReady) broken("functions without a grant are counted");
  checkStartable(state, state.startable);
  checkStartable(state, state.startableCommands);
  checkStartable(state, state.startableCalls);
}

export const taskRules: WorkerRules = {
  "W12 held values add up": heldValuesAddUp,
  "W14 what may start is known": whatMayStartIsKnown,
  "W18 at rest nothing is held": atRestNothingIsHeld,
  "W21 specs never change": specsNeverChange,
  "W23 queues are in strict order": queuesAreInStrictOrder,
};
