/**
 * The aggregation of one set: all values to one task, or the tree of a reduction, which begins
 * while the set is still simulated.
 *
 * The values come from the record. They travel as arguments, so what is finished holds nothing on
 * the cluster, and a study that is taken up again aggregates as one that was never interrupted.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { Future } from "../future.ts";
import type { Session } from "../session.ts";
import type { MapOptions } from "../submit-options.ts";
import type { AnyTask } from "../task.ts";
import type { Gate } from "./gate.ts";
import { aggregateBytesMax, foldBytesMax, foldReplicates, mergeStates } from "./limits.ts";
import type { RecordPlace } from "./record-file.ts";
import { isReduction, type ReductionStep } from "./reduction.ts";
import type { SetProgress } from "./set-progress.ts";
import type { StudyRecord } from "./study-record.ts";

/** What an aggregation needs of its run. */
export interface AggregationHost {
  readonly session: Session;
  readonly record: StudyRecord;
  readonly options: MapOptions;
  readonly replicates: number;
  readonly quorum: number;
  /** Bounds the values that are in this process on their way to a task. */
  readonly values: Gate;
}

/** The aggregate of the values of a set. Rejects with the task's error. */
export function aggregateSet(
  host: AggregationHost,
  task: AnyTask,
  set: SetProgress,
): Promise<unknown> {
  return isReduction(task) ? reduceSet(host, task, set) : aggregateAtOnce(host, task, set);
}

async function aggregateAtOnce(
  host: AggregationHost,
  task: AnyTask,
  set: SetProgress,
): Promise<unknown> {
  for (let part = 0; part * foldReplicates < host.replicates; part++) await set.partSettled(part);
  checkQuorum(host, set);
  const places = set.placesBetween(0, host.replicates);
  const bytes = sizeOf(places);
  if (bytes > aggregateBytesMax) throw tooLarge(bytes);
  const future = await withValues(host, places, (values) =>
    host.session.submit(task, [values, set.recorded.parameters], host.options),
  );
  return await futureValue(future);
}

/**
 * The states come back here and are sent on: a future that is held, or depended on, would keep the
 * values that went into it on the controller until the whole set is done.
 */
async function reduceSet(host: AggregationHost, task: AnyTask, set: SetProgress): Promise<unknown> {
  const { session, options, replicates } = host;
  const step = (name: ReductionStep, ...args: unknown[]) =>
    session.submit(task, [name, ...args], options);
  let states: Promise<unknown>[] = [];
  for (let part = 0; part * foldReplicates < replicates; part++) {
    await set.partSettled(part);
    for (const places of piecesOf(set, part)) {
      const future = await withValues(host, places, (values) => step("fold", values));
      states.push(quietly(futureValue(future)));
    }
  }
  checkQuorum(host, set);
  while (states.length > 1) {
    states = groupsOf(states).map((group) => quietly(mergeGroup(step, group)));
  }
  return await futureValue(step("finish", await states[0], set.recorded.parameters));
}

async function mergeGroup(
  step: (name: ReductionStep, states: unknown) => Future<unknown>,
  group: readonly Promise<unknown>[],
): Promise<unknown> {
  const states = await Promise.all(group);
  return states.length === 1 ? states[0] : await futureValue(step("merge", states));
}

/** Its value, of which the cluster then keeps nothing. */
async function futureValue(future: Future<unknown>): Promise<unknown> {
  try {
    return await future.result();
  } finally {
    future.release();
  }
}

/** A promise that may fail before anybody waits for it; whoever does is told. */
function quietly(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(() => undefined);
  return promise;
}

/** Reads values and submits a task with them. They are gone from here when the task has ended. */
async function withValues(
  { values, record }: AggregationHost,
  places: readonly RecordPlace[],
  submit: (values: readonly unknown[]) => Future<unknown>,
): Promise<Future<unknown>> {
  const bytes = sizeOf(places);
  await values.enter(bytes);
  let future: Future<unknown>;
  try {
    future = submit(places.map((place) => record.read(place)));
  } catch (error) {
    values.leave(bytes);
    throw error;
  }
  // Until it has ended its arguments lie in the controller, and may have to be sent again.
  void future.exception().then(
    () => values.leave(bytes),
    () => values.leave(bytes),
  );
  return future;
}

/** The values of one part; several pieces where they are large. */
function* piecesOf(set: SetProgress, part: number): Generator<readonly RecordPlace[]> {
  let piece: RecordPlace[] = [];
  let bytes = 0;
  for (const place of set.placesBetween(part * foldReplicates, (part + 1) * foldReplicates)) {
    if (piece.length > 0 && bytes + place.length > foldBytesMax) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(place);
    bytes += place.length;
  }
  if (piece.length > 0) yield piece;
}

/** Throws QuorumMissed. */
function checkQuorum({ quorum, replicates }: AggregationHost, { succeeded }: SetProgress): void {
  if (succeeded < quorum) throw new QuorumMissed(succeeded, replicates, quorum);
}

/** Too few replicates of a set have succeeded. */
export class QuorumMissed extends Error {
  constructor(succeeded: number, replicates: number, quorum: number) {
    super(`${succeeded} of ${replicates} replicates succeeded, and the quorum is ${quorum}`);
    this.name = "QuorumMissed";
  }
}

function groupsOf<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < items.length; at += mergeStates)
    groups.push(items.slice(at, at + mergeStates));
  return groups;
}

function sizeOf(places: readonly RecordPlace[]): number {
  return places.reduce((sum, { length }) => sum + length, 0);
}

function tooLarge(bytes: number): CapstanError {
  return new CapstanError(
    "INVALID_ARGUMENT",
    `the values of one set have ${bytes} bytes, and one task takes at most ${aggregateBytesMax}: ` +
      "aggregate with defineReduction, which takes them in parts",
  );
}
