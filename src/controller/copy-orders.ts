/**
 * Taking back what workers were told to copy.
 *
 * @module
 */

import type { WorkerIndex } from "../model/ids.ts";
import type { Outbox } from "./outbox.ts";
import type { ControllerState } from "./state.ts";

/** Takes orders back: the worker keeps what has come already, and nothing is on its way. */
export function withdraw(
  state: ControllerState,
  out: Outbox,
  worker: WorkerIndex,
  rows: readonly number[],
): void {
  const tasks = Uint32Array.from(rows);
  out.record(state, { type: "copies-closed", worker, tasks, failed: false });
  const refs = Float64Array.from(rows, (row) => state.tasks.ref(row));
  out.toWorker(state, worker, { type: "uncopy", tasks: refs });
}

/** Nobody is to fetch what is about to be let go of. */
export function withdrawAll(state: ControllerState, out: Outbox, task: number): void {
  const need = state.copies.needs.get(task);
  if (need === undefined) return;
  for (const worker of need.ordered) withdraw(state, out, worker, [task]);
  out.record(state, { type: "copies-let-go", tasks: Uint32Array.of(task) });
}
