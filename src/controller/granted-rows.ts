/**
 * Which attempts hold a grant on a worker, without a look at all attempts each time.
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { ControllerState } from "./state.ts";

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

/** Those of one worker, rising: found anew when something was granted, began or ended there. */
export function grantedRowsOn(state: ControllerState, worker: WorkerIndex): readonly number[] {
  const { attempts, fleet } = state;
  const ledger = fleet.ledgerOf(worker);
  const known = fleet.grantedOn.get(worker);
  if (known?.ledger === ledger) return known.rows;
  const rows: number[] = [];
  for (let row = 0; row < attempts.length; row++) {
    if (attempts.worker[row] === worker && isGranted(state, row)) rows.push(row);
  }
  if (fleet.grantedOn.size >= grantedOnMax) fleet.grantedOn.clear();
  fleet.grantedOn.set(worker, { ledger, rows });
  return rows;
}

/** Workers for which that is kept: those with reservations are few. */
const grantedOnMax = 256;

/** Something was granted, began, is told to stop, or ended on a worker. */
export function noteLedger({ fleet }: ControllerState, worker: WorkerIndex): void {
  fleet.ledger++;
  fleet.ledgers[worker] = fleet.ledgerOf(worker) + 1;
}
