/**
 * Forgetting everything at once, but for what really runs.
 *
 * @module
 */

import { emptyResidence } from "./residence.ts";
import type { WorkerState } from "./state.ts";

/** Erases every record and index that does not speak of a live execution. */
export function emptyRecords(state: WorkerState): void {
  for (const execution of state.executions.values()) {
    for (const value of execution.values) value.gone = true;
  }
  emptyResidence(state.residence);
  state.tasks.clear();
  state.specs.clear();
  state.shapes.clear();
  state.commandShapes.clear();
  state.callShapes.clear();
  state.peers.clear();
  state.transfers.clear();
  state.startable.clear();
  state.startableCommands.clear();
  state.startableCalls.clear();
  state.returnedCalls.clear();
  state.fetchable.clear();
  state.missing.clear();
  state.orphans.clear();
  state.unsentStops.clear();
  state.keptAnswers = [];
  state.prefetchedReady = 0;
  state.openRuns = 0;
  state.attemptsDigest = 0;
  state.valuesDigest = 0;
  state.valueBytes = 0;
}
