/**
 * Rules about where the bytes of values are.
 *
 * @module
 */

import { spillsMax } from "../limits.ts";
import { isPressed, isRelieved } from "../pausing.ts";
import { isSpillable, noFile } from "../residence.ts";
import { hasExcess } from "../spilling.ts";
import type { Value, WorkerState } from "../state.ts";
import { broken, type WorkerRules } from "./rule.ts";

function* heldValues(state: WorkerState): Generator<Value> {
  for (const { state: held } of state.tasks.values()) if (held.type === "memory") yield held.value;
}

function everyValueCountsOnce(state: WorkerState): void {
  const { residence } = state;
  let [resident, writing, writingCount, files] = [0, 0, 0, 0];
  for (const value of heldValues(state)) {
    const { task, place, file, sizeBytes } = value;
    if (place !== "disk") resident += sizeBytes;
    if (place === "writing") {
      writing += sizeBytes;
      writingCount++;
    }
    if ((place === "memory") !== (file === noFile)) broken(`the value of ${task} is in one place`);
    if (file === noFile) continue;
    files++;
    if (residence.files.get(file) !== value) broken(`file ${file} has the value of ${task}`);
  }
  if (files !== residence.files.size) broken("every file has a value");
  if (resident !== residence.residentBytes) broken(`${resident} bytes are in memory`);
  if (writing !== residence.writingBytes) broken(`${writing} bytes are on their way to the disk`);
  if (writingCount !== residence.writingCount) broken(`${writingCount} values are being written`);
}

function whatMayGoToTheDiskIsKnown(state: WorkerState): void {
  let spillable = 0;
  for (const value of heldValues(state)) {
    if (!isSpillable(value)) continue;
    spillable++;
    if (!state.residence.spillable.has(value)) broken(`the value of ${value.task} may be spilled`);
  }
  if (spillable !== state.residence.spillable.size) broken("nothing else may be spilled");
}

function whatIsReadIsInMemoryOrComesBack(state: WorkerState): void {
  for (const { id, values } of state.executions.values()) {
    for (const { task, place, gone } of values) {
      const isThere = place === "memory" || place === "reading";
      if (!gone && !isThere)
        broken(`execution ${id} reads the value of ${task}, which is ${place}`);
    }
  }
}

function whatExceedsTheTargetIsOnItsWayOut({ residence }: WorkerState): void {
  if (residence.restUntil > 0 || residence.writingCount >= spillsMax) return;
  if (hasExcess(residence) && residence.spillable.size > 0)
    broken("more is in memory than should be, and nobody writes it to the disk");
}

function aWorkerIsPausedExactlyWhileItIsShortOfMemory({ residence, pause }: WorkerState): void {
  if (pause === null && isPressed(residence)) broken("it is short of memory and not paused");
  if (pause !== null && isRelieved(residence)) broken("it is paused and not short of memory");
}

export const memoryRules: WorkerRules = {
  "W36 every value is in one place and counts once": everyValueCountsOnce,
  "W37 what may go to the disk is known": whatMayGoToTheDiskIsKnown,
  "W38 what is read is in memory or comes back": whatIsReadIsInMemoryOrComesBack,
  "W39 what exceeds the target is on its way out": whatExceedsTheTargetIsOnItsWayOut,
  "W40 a worker is paused exactly while it is short of memory":
    aWorkerIsPausedExactlyWhileItIsShortOfMemory,
};
