/**
 * Which values go to the disk, and when they come back.
 *
 * Above the target the least recently used are written, and leave memory when they are there. What
 * is about to be read is brought back when it is placed. A disk that refuses is left alone for a
 * while: then values stay, and the pause bound holds. A file that cannot be read is a lost value.
 *
 * @module
 */

import { microsPerMs } from "../base/time.ts";
import { reportKind } from "../protocol/messages.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import type { WorkerEvent } from "./events.ts";
import { loseValue } from "./inputs.ts";
import { spillRestMs, spillsMax } from "./limits.ts";
import { type Outbox, record } from "./outbox.ts";
import { plainReport, report } from "./reports.ts";
import type { Residence } from "./residence.ts";
import type { Value, WorkerState } from "./state.ts";
import { isTold } from "./traffic-columns.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** Whether more is in memory, or about to be, than should be, beside what is on its way out. */
export function hasExcess(residence: Residence): boolean {
  const { residentBytes, arrivingBytes, writingBytes, targetBytes } = residence;
  return residentBytes + arrivingBytes - writingBytes > targetBytes;
}

/** Sends what was used least recently to the disk, some at a time. */
export function spillExcess(state: WorkerState, out: Outbox): void {
  const { residence } = state;
  while (hasExcess(residence) && residence.writingCount < spillsMax) {
    if (residence.restUntil > out.at || residence.spillable.size === 0) return;
    const [{ task }] = residence.spillable;
    const file = residence.nextFile;
    record(state, out, { type: "spill-began", at: out.at, task, file });
    out.sends.push({ type: "spill-value", file, task });
  }
}

/** When the disk is tried again, or null. */
export function spillDeadline({ residence }: WorkerState): number | null {
  const { restUntil, spillable, writingCount } = residence;
  const isWaited = restUntil > 0 && writingCount < spillsMax && spillable.size > 0;
  return isWaited && hasExcess(residence) ? restUntil : null;
}

/** What is about to be read comes back, or stays. */
export function bringBack(state: WorkerState, out: Outbox, { task, place, file }: Value): void {
  if (place === "writing") {
    record(state, out, { type: "spill-abandoned", file });
    out.sends.push({ type: "abandon-spill", file });
  } else if (place === "disk") {
    record(state, out, { type: "load-began", at: out.at, file });
    out.sends.push({ type: "load-value", file, task });
  }
}

/** The value is on the disk: its bytes may leave memory, unless that is not wanted any more. */
export function onValueWritten(
  state: WorkerState,
  out: Outbox,
  { file }: EventOf<"value-written">,
): void {
  const value = state.residence.files.get(file);
  if (value === undefined) return;
  tellTravel(state, out, trafficKind.spill, value);
  record(state, out, { type: "spill-ended", file });
  out.sends.push({ type: "unload-value", file, task: value.task });
}

export function onWriteFailed(
  state: WorkerState,
  out: Outbox,
  { file }: EventOf<"write-failed">,
): void {
  if (!state.residence.files.has(file)) return;
  const until = out.at + spillRestMs * microsPerMs;
  record(state, out, { type: "spill-failed", file, until });
}

export function onValueRead(
  state: WorkerState,
  out: Outbox,
  { file }: EventOf<"value-read">,
): void {
  const value = state.residence.files.get(file);
  if (value === undefined) return;
  tellTravel(state, out, trafficKind.load, value);
  record(state, out, { type: "load-ended", file });
}

function tellTravel(state: WorkerState, out: Outbox, kind: number, value: Value): void {
  const { task, sizeBytes, sentAt: startedAt } = value;
  const travel = { kind, task, count: 1, sizeBytes, peer: 0, startedAt, endedAt: out.at };
  if (isTold(travel)) record(state, out, { type: "value-travelled", travel });
}

/** The value is gone with its file: the controller has it computed again. */
export function onFileLost(state: WorkerState, out: Outbox, { file }: EventOf<"file-lost">): void {
  const value = state.residence.files.get(file);
  if (value === undefined) return;
  const { task } = value;
  record(state, out, { type: "file-lost", file });
  loseValue(state, out, task);
  out.sends.push({ type: "drop-value", task });
  report(state, plainReport(reportKind.lost, 0, task));
}

/** Peers or clients read these: they are not the least recently used. */
export function onValuesSent(
  state: WorkerState,
  out: Outbox,
  { tasks }: EventOf<"values-sent">,
): void {
  if (state.residence.spillable.size > 0) record(state, out, { type: "values-used", tasks });
}
