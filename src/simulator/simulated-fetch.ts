/**
 * What a fetch brings from a peer's store.
 *
 * @module
 */

import type { TaskRef } from "../model/ids.ts";
import type { WorkerEvent, WorkerSend } from "../worker/events.ts";
import type { SimulatedValue } from "./behaviour.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Mishaps } from "./mishaps.ts";
import type { Observer } from "./observer.ts";

/** A value on its way. */
interface Taken {
  readonly task: TaskRef;
  readonly value: SimulatedValue;
}

/** What of these tasks a peer has, what it has not, and what comes with bad bytes. */
function takeFrom(
  values: { get(task: TaskRef): SimulatedValue | undefined },
  tasks: readonly TaskRef[],
  { isCorrupted, onCorrupted }: { isCorrupted(): boolean; onCorrupted(): void },
): {
  readonly got: readonly Taken[];
  readonly absent: readonly TaskRef[];
  readonly corrupt: readonly TaskRef[];
} {
  const got: Taken[] = [];
  const absent: TaskRef[] = [];
  const corrupt: TaskRef[] = [];
  for (const task of tasks) {
    const value = values.get(task);
    if (value === undefined) absent.push(task);
    else if (isCorrupted()) {
      onCorrupted();
      corrupt.push(task);
    } else got.push({ task, value });
  }
  return { got, absent, corrupt };
}

/** As the kernel hears of it. */
function sizeOf({ task, value }: Taken): {
  readonly task: TaskRef;
  readonly sizeBytes: number;
} {
  return { task, sizeBytes: value.sizeBytes };
}

/** Another worker, as who fetches from it knows it. */
export interface FetchPeer {
  readonly mishaps: Mishaps;
  readonly values: { get(task: TaskRef): SimulatedValue | undefined };
  tell(event: WorkerEvent): void;
}

/** What large values take more than small ones, microseconds: a hundred megabytes a second. */
export function travelUs(
  peer: Pick<FetchPeer, "values"> | null,
  tasks: readonly TaskRef[],
): number {
  let bytes = 0;
  for (const task of tasks) bytes += peer?.values.get(task)?.sizeBytes ?? 0;
  return bytes < largeBytesMin ? 0 : Math.ceil(bytes / bytesPerUs);
}

const largeBytesMin = 1_048_576;
const bytesPerUs = 100;

/** How a fetch ends; what it brought is in `kept` then. */
export function fetchFrom(
  peer: FetchPeer | null,
  { transfer, tasks }: Pick<Extract<WorkerSend, { type: "start-fetch" }>, "transfer" | "tasks">,
  around: {
    readonly draws: Draws;
    readonly faults: Faults;
    readonly observer: Required<Observer>;
    readonly workerId: string;
    readonly kept: Map<TaskRef, SimulatedValue>;
  },
): WorkerEvent {
  const { draws, faults, observer, workerId, kept } = around;
  const at = 0;
  const fails = draws.chance(faults.fetchFailure);
  if (fails) observer.onFault("fetch failed", workerId);
  if (fails || peer === null) return { type: "fetch-failed", at, transfer };
  if (draws.chance(faults.fetchFailure)) {
    observer.onFault("peer busy", workerId);
    return { type: "fetch-busy", at, transfer };
  }
  const { got, absent, corrupt } = takeFrom(peer.values, tasks, {
    isCorrupted: () => draws.chance(faults.corruption),
    onCorrupted: () => observer.onFault("value corrupted", workerId),
  });
  for (const { task, value } of got) kept.set(task, value);
  if (faults.memoryTargetBytes > 0) peer.tell({ type: "values-sent", at, tasks });
  return { type: "fetch-finished", at, transfer, got: got.map(sizeOf), absent, corrupt };
}
