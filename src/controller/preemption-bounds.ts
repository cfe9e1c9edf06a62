/**
 * How little harm an eviction on a worker could do at best, from a look at the attempts there and
 * at nothing else: so that most workers need not be planned for.
 *
 * @module
 */

import { freeAmount } from "../scheduler/fit.ts";
import { type Harm, noHarm } from "../scheduler/preemption.ts";
import type { ControllerState, Shape, Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";

/** Rows of granted attempts by worker: those of worker w from `starts[w]` to `starts[w + 1]`. */
export interface GrantedRows {
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** The granted attempts of every worker; made once for as long as nothing is granted or ends. */
export function grantedRows(state: ControllerState): GrantedRows {
  const { attempts, fleet, workers } = state;
  const known = fleet.granted;
  if (known !== null && known.ledger === fleet.ledger) return known;
  const starts = new Uint32Array(workers.length + 1);
  for (let row = 0; row < attempts.length; row++) {
    if (isGranted(state, row)) starts[attempts.worker[row] + 1]++;
  }
  for (let worker = 0; worker < workers.length; worker++) starts[worker + 1] += starts[worker];
  const next = starts.slice();
  const rows = new Uint32Array(starts[workers.length]);
  for (let row = 0; row < attempts.length; row++) {
    if (isGranted(state, row)) rows[next[attempts.worker[row]]++] = row;
  }
  fleet.granted = { ledger: fleet.ledger, starts, rows };
  return fleet.granted;
}

function isGranted({ attempts }: ControllerState, row: number): boolean {
  return attempts.id[row] !== 0 && attempts.isGranted(row);
}

/** Rows of the attempts on a worker that may be evicted for a band. */
export function victimRows(state: ControllerState, worker: number, band: number): number[] {
  const { starts, rows } = grantedRows(state);
  const found: number[] = [];
  for (let i = starts[worker]; i < starts[worker + 1]; i++) {
    if (isVictim(state, rows[i], band)) found.push(rows[i]);
  }
  return found;
}

function isVictim({ attempts }: ControllerState, row: number, band: number): boolean {
  return attempts.band[row] > band && !attempts.hasFlag(row, attemptFlag.stopping);
}

/**
 * The least that an eviction on this worker for the shape could cost, or null if all victims there
 * together would not make room. Each dimension that is short needs so many of the largest victims.
 */
export function leastHarm(
  state: ControllerState,
  worker: Worker,
  { shape, band }: { readonly shape: Shape; readonly band: number },
): Harm | null {
  const { attempts, shapes } = state;
  const { amounts, used } = shape.request;
  const { starts, rows } = grantedRows(state);
  let lowest = -1;
  let value = Number.POSITIVE_INFINITY;
  const end = starts[worker.index + 1];
  for (let i = starts[worker.index]; i < end; i++) {
    if (!isVictim(state, rows[i], band)) continue;
    lowest = Math.max(lowest, attempts.band[rows[i]]);
    value = Math.min(value, shapes[attempts.shape[rows[i]]].value);
  }
  if (lowest < 0) return null;
  let victims = 0;
  for (const index of used) {
    const missing = amounts[index] - freeAmount(worker, index);
    if (missing <= 0) continue;
    let [most, sum] = [0, 0];
    for (let i = starts[worker.index]; i < end; i++) {
      if (!isVictim(state, rows[i], band)) continue;
      const amount = attempts.grants[rows[i]]?.[index] ?? 0;
      most = Math.max(most, amount);
      sum += amount;
    }
    if (sum < missing) return null;
    victims = Math.max(victims, Math.ceil(missing / most));
  }
  if (victims === 0) return noHarm; // What is missing is no amount: devices, or what is kept.
  return { band: lowest, gangs: 0, victims, value: victims * value };
}
