/**
 * The aggregation of one set: all values to one task, or the tree of a reduction, which begins while
 * the set is still simulated.
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
  using future = await withValues(host, places, (values) =>
    host.session.submit(task, [values, set.recorded.parameters], host.options),
  );
  return await future.result();
}

async function reduceSet(host: AggregationHost, task: AnyTask, set: SetProgress): Promise<unknown> {
  const held: Future<unknown>[] = [];
  const step = (name: ReductionStep, ...args: unknown[]): Future<unknown> => {
    const future = host.session.submit(task, [name, ...args], host.options);
    held.push(future);
    return future;
  };
  try {
    let states: Future<unknown>[] = [];
    for (let part = 0; part * foldReplicates < host.replicates; part++) {
      await set.partSettled(part);
      for (const places of piecesOf(set, part)) {
        states.push(await withValues(host, places, (values) => step("fold", values)));
      }
    }
    checkQuorum(host, set);
    while (states.length > 1) {
      states = groupsOf(states).map((group) =>
        group.length > 1 ? step("merge", group) : group[0],
      );
    }
    return await step("finish", states[0], set.recorded.parameters).result();
  } finally {
    for (const future of held) future.release();
  }
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
  // Until it has ended its arguments may have to be sent again, and lie in the controller.
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
