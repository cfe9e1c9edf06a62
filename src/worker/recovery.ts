/**
 * Taking over the commands of an earlier agent: what still runs is run here from now on, pays for
 * itself, and is named in the first inventory.
 *
 * What they hold was granted when they began. If the worker has less now they hold more than there
 * is, and nothing that needs the same starts until they end.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { AttemptId } from "../model/ids.ts";
import type { ExecutionId, Survivor, WorkerEvent } from "./events.ts";
import { type Outbox, record } from "./outbox.ts";
import type { WorkerState } from "./state.ts";

const noBytes = new Uint8Array(0);

export function onRecovered(
  state: WorkerState,
  out: Outbox,
  { firstExecution, survivors }: Extract<WorkerEvent, { type: "recovered" }>,
): void {
  assert(state.tasks.size === 0, "commands are recovered before anything is ordered");
  assert(firstExecution >= state.nextExecution, "a recovered execution has a number of its own");
  const attempts = new Set<AttemptId>();
  for (const [lane, survivor] of survivors.entries()) {
    const execution = firstExecution + lane;
    if (isUsable(state, survivor) && !attempts.has(survivor.attempt)) {
      attempts.add(survivor.attempt);
      adopt(state, out, survivor, { execution, lane });
    } else {
      const { graceMs } = survivor.definition;
      out.sends.push({ type: "abort-execution", execution, reason: "stopped", graceMs });
    }
  }
  const below = firstExecution + survivors.length;
  record(state, out, { type: "executions-recovered", below });
}

/** One command of each task, and one meaning of each spec: what contradicts them is ended. */
function isUsable(state: WorkerState, { task, spec, definition }: Survivor): boolean {
  if (definition.run.kind !== "command" || state.tasks.has(task)) return false;
  const known = state.specs.get(spec)?.definition;
  return known === undefined || JSON.stringify(known) === JSON.stringify(definition);
}

function adopt(
  state: WorkerState,
  out: Outbox,
  survivor: Survivor,
  { execution, lane }: { readonly execution: ExecutionId; readonly lane: number },
): void {
  const { attempt, task, spec, definition, shape, context, member } = survivor;
  if (!state.specs.has(spec)) record(state, out, { type: "spec-defined", spec, definition });
  record(state, out, {
    type: "run-accepted",
    ...{ attempt, task, spec, shape, granted: true },
    ...{ args: noBytes, context, inputs: [], dependencies: [], dependencyBytes: [], adopts: 0 },
  });
  const at = Math.max(0, Math.min(survivor.startedAt, out.at));
  record(state, out, { type: "execution-placed", task, execution, lane, at });
  record(state, out, { type: "execution-taken-up", execution, at });
  if (member === null) return;
  record(state, out, { type: "execution-prepared", execution, member });
  record(state, out, { type: "execution-released", execution });
}
