/**
 * What is remembered of attempts that stand in line where their inputs are. All of it is volatile:
 * a controller that begins to serve knows of no such attempt, and so keeps nobody from taking it
 * back; how fast transfers are it measures anew.
 *
 * @module
 */

import { Heap } from "../base/heap.ts";
import { deleteRare } from "../base/rare.ts";
import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import { transferBytesMin, transferRateDefault } from "../scheduler/limits.ts";
import { smoothedRate } from "../scheduler/transfer-cost.ts";
import type { ControllerState } from "./state.ts";

/** Why an attempt stands in line on a worker although another one may have room. */
export interface DataWait {
  /** Where the inputs are. */
  readonly worker: WorkerIndex;
  /** Bytes of its inputs that are there. */
  readonly bytes: number;
  /** When it is expected to begin there, microseconds. */
  readonly expectedAt: Micros;
  /** Until then nobody takes it back to have it run elsewhere, microseconds. */
  readonly until: Micros;
}

export interface DataWaitState {
  /** By task row, until it runs or has ended: it waits once. */
  readonly waits: Map<number, DataWait>;
  /** (time, TaskRef): then somebody asks whether another worker has room. */
  deadlines: Heap;
  /** Of a transfer between two workers, as measured. */
  bytesPerSecond: number;
}

export function newDataWaitState(): DataWaitState {
  return { waits: new Map(), deadlines: new Heap(), bytesPerSecond: transferRateDefault };
}

/** Deadlines are on multiples of this, microseconds: many waits are one wake-up. */
const deadlineStepUs = 10_000;

export function beginDataWait(state: ControllerState, task: number, wait: DataWait): void {
  const { waits, deadlines } = state.dataWaits;
  const due = Math.ceil(wait.until / deadlineStepUs) * deadlineStepUs;
  waits.set(task, { ...wait, until: due });
  deadlines.push(due, state.tasks.ref(task));
}

/** It runs, has ended, or is forgotten: whatever comes of it later may wait anew. */
export function endDataWait({ dataWaits }: ControllerState, task: number): void {
  if (dataWaits.waits.size === 0) return;
  deleteRare(dataWaits.waits, task);
  if (dataWaits.waits.size === 0) dataWaits.deadlines = new Heap();
}

/** Takes the rate of large values that came from a peer. */
export function measureTransfers(
  { dataWaits }: ControllerState,
  { kinds, sizes, durations }: HotMessageOf<"traffic">,
): void {
  for (let i = 0; i < kinds.length; i++) {
    if (kinds[i] !== trafficKind.fetch || !(sizes[i] >= transferBytesMin)) continue;
    const transfer = { sizeBytes: sizes[i], durationUs: durations[i] };
    dataWaits.bytesPerSecond = smoothedRate(dataWaits.bytesPerSecond, transfer);
  }
}
