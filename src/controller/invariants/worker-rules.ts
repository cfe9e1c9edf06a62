/**
 * What must be true of every worker: the ledger.
 *
 * @module
 */

import { digestWith } from "../../base/digest.ts";
import { dimension } from "../../scheduler/dimensions.ts";
import type { ControllerState, Worker } from "../state.ts";
import { type AttemptTable, attemptFlag } from "../tables/attempt-table.ts";
import type { Inspection, RecordRule } from "./inspection.ts";

/** S-7: usage is the sum of grants of attempts that have not ended. */
function usageIsTheSumOfGrants(look: Inspection, index: number): void {
  const { used } = look.state.workers[index];
  const owed = look.tally.workers[index].used;
  for (let i = 0; i < used.length; i++) {
    const sum = i < owed.length ? owed[i] : 0;
    if (used[i] === sum) continue;
    look.ofWorker(index, `${look.state.dimensions.names[i]}: charged ${used[i]}, owed ${sum}`);
  }
}

/** A2, A11: nothing is used that is not there, and nothing less than nothing. */
function usageStaysWithinCapacity(look: Inspection, index: number): void {
  const worker = look.state.workers[index];
  const { used, capacity } = worker;
  for (let i = 0; i < used.length; i++) {
    // What was adopted by an agent that declares less than the last one pays all the same.
    const isWithin = used[i] <= capacity[i] + rejoined(look.state, worker, i);
    if (used[i] >= 0 && (isWithin || hasAdopted(look.state, worker))) continue;
    const name = look.state.dimensions.names[i];
    look.ofWorker(index, `${name}: ${used[i]} used of ${capacity[i]}`);
  }
}

/**
 * Slots and CPU of what yielded them once and has them again: others may have got them meanwhile,
 * so they may be charged beyond what there is, and nothing else may.
 */
function rejoined({ attempts }: ControllerState, worker: Worker, index: number): number {
  if (index !== dimension.cpu && index !== dimension.slots) return 0;
  let sum = 0;
  for (let row = 0; row < attempts.length; row++) {
    const isOurs = attempts.id[row] !== 0 && attempts.worker[row] === worker.index;
    if (isOurs && attempts.hasFlag(row, attemptFlag.hasYielded))
      sum += attempts.grantOf(row)[index];
  }
  return sum;
}

function hasAdopted({ attempts }: ControllerState, worker: Worker): boolean {
  for (let row = 0; row < attempts.length; row++) {
    const isOurs = attempts.id[row] !== 0 && attempts.worker[row] === worker.index;
    if (isOurs && attempts.assignedAt[row] < worker.registeredAt) return true;
  }
  return false;
}

/** S-7: what is counted of the attempts on a worker equals its recount. */
function workerIndexesEqualTheirRecount(look: Inspection, index: number): void {
  const worker = look.state.workers[index];
  const tally = look.tally.workers[index];
  if (tally.attempts !== worker.liveAttempts)
    look.ofWorker(index, `${worker.liveAttempts} attempts counted, ${tally.attempts} found`);
  if (tally.attemptsDigest !== worker.attemptsDigest)
    look.ofWorker(index, "the digest of its attempts is off");
  let granted = 0;
  let prefetched = 0;
  for (const [shape, entry] of worker.shapes) {
    granted += entry.granted;
    prefetched += entry.prefetched;
    const isKnown = shape < tally.grantedOf.length;
    const counts = [isKnown ? tally.grantedOf[shape] : 0, isKnown ? tally.prefetchedOf[shape] : 0];
    const started = isKnown ? tally.startedOf[shape] : 0;
    if (entry.started !== started)
      look.ofWorker(index, `shape ${shape}: ${entry.started} started, ${started} found`);
    if (entry.granted === counts[0] && entry.prefetched === counts[1]) continue;
    const said = `${entry.granted} granted and ${entry.prefetched} prefetched`;
    look.ofWorker(index, `shape ${shape}: ${said}, ${counts.join(" and ")} found`);
  }
  if (prefetched !== worker.prefetched)
    look.ofWorker(index, `${worker.prefetched} prefetched counted, ${prefetched} found`);
  if (granted + prefetched !== tally.attempts)
    look.ofWorker(index, `${granted + prefetched} attempts by shape, ${tally.attempts} found`);
}

/** What waits on a worker for a grant is at hand: its line begins with it, and ends with it. */
function linesBeginWithWhatWaits(look: Inspection, index: number): void {
  const { attempts, workers } = look.state;
  for (const [shape, { prefetched, waiting }] of workers[index].shapes) {
    const isSound =
      waiting.length === 0
        ? prefetched === 0
        : prefetched > 0 && isPrefetchedOn(attempts, waiting.at(0), { index, shape });
    if (!isSound) look.ofWorker(index, `shape ${shape}: ${prefetched} wait, and another is first`);
  }
}

function isPrefetchedOn(
  attempts: AttemptTable,
  row: number,
  { index, shape }: { readonly index: number; readonly shape: number },
): boolean {
  const isThere = attempts.id[row] !== 0 && attempts.worker[row] === index;
  return isThere && attempts.shape[row] === shape && !attempts.isGranted(row);
}

/** The digest of the values that a worker is believed to hold equals its recount. */
function believedValuesEqualTheirRecount(look: Inspection, index: number): void {
  const worker = look.state.workers[index];
  const tally = look.tally.workers[index];
  let digest = tally.valuesDigest;
  for (const task of worker.keptValues) digest = digestWith(digest, task);
  if (digest !== worker.valuesDigest) look.ofWorker(index, "the digest of its values is off");
  if (tally.valueCount !== worker.heldValues)
    look.ofWorker(index, `${worker.heldValues} values counted, ${tally.valueCount} found`);
  if (tally.valueBytes !== worker.heldValueBytes)
    look.ofWorker(index, `${worker.heldValueBytes} bytes held, ${tally.valueBytes} found`);
}

/** A3: no device is given away twice, and each index is charged what its attempts hold. */
function devicesAreGrantedOnce(look: Inspection, index: number): void {
  const { state } = look;
  const found = look.tally.workers[index].devices;
  for (const [dimension, use] of state.workers[index].deviceUse) {
    const sums = found.get(dimension);
    for (let device = 0; device < use.length; device++) {
      const milli = use[device];
      const sum = sums?.[device] ?? 0;
      const name = `${state.dimensions.names[dimension]} ${device}`;
      if (sum !== milli) look.ofWorker(index, `${name}: ${milli} charged, ${sum} found`);
      if (milli < 0 || milli > 1000) look.ofWorker(index, `${name}: ${milli} of 1000 used`);
    }
  }
}

/** A5: what a worker says is kept on it is a reservation that names it. */
function reservationsOfAWorkerAreThere(look: Inspection, index: number): void {
  for (const { id } of look.state.workers[index].reservations) {
    if (look.state.reservations.get(id)?.workers.includes(index) === true) continue;
    look.ofWorker(index, `lists reservation ${id}, which is not there`);
  }
}

export const workerRules: readonly RecordRule[] = [
  usageIsTheSumOfGrants,
  usageStaysWithinCapacity,
  workerIndexesEqualTheirRecount,
  linesBeginWithWhatWaits,
  believedValuesEqualTheirRecount,
  devicesAreGrantedOnce,
  reservationsOfAWorkerAreThere,
];
