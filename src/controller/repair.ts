/**
 * `doctor --repair`: makes every worker say the whole truth again, and ends what no worker has.
 *
 * The complete exchange is the repair: each stream is cut, and the hello that follows brings the
 * inventory, which is reconciled like any other. What is done is done by the same facts and doors
 * as always, so the journal shows it.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { counted } from "../model/format-quantities.ts";
import { formatAttemptId } from "../model/ids.ts";
import type { ApiAnswer } from "./access.ts";
import { idleMatches } from "./invariants/queue-rules.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, taskIdOf } from "./state.ts";
import { endAttemptsOfLostWorkers } from "./workers.ts";

/** What a repair did, or would do. */
interface RepairAction {
  readonly type: "reconcile-worker" | "end-attempt" | "place-again";
  readonly id: string;
  readonly message: string;
}

export function onRepair(
  state: ControllerState,
  out: Outbox,
  { dryRun, at }: { readonly dryRun: boolean; readonly at: Micros },
): ApiAnswer {
  const actions = [...lostAttempts(state), ...placements(state), ...reconciliations(state)];
  if (!dryRun) carryOut(state, out, at);
  return { result: { dryRun, actions } };
}

function carryOut(state: ControllerState, out: Outbox, at: Micros): void {
  endAttemptsOfLostWorkers(state, out, at);
  for (const worker of state.workers) {
    if (!worker.connected) continue;
    const reason = "a repair was asked for; reconciling";
    out.sends.push({ type: "disconnect-worker", worker: worker.index, reason });
    out.record(state, { type: "worker-absent", worker: worker.index });
  }
}

function reconciliations(state: ControllerState): RepairAction[] {
  return state.workers
    .filter((worker) => worker.connected)
    .map(({ workerId, liveAttempts }) => ({
      type: "reconcile-worker",
      id: workerId,
      message:
        `compare its ${counted(liveAttempts, "attempt")} and its values with ` +
        "what it really has",
    }));
}

function lostAttempts(state: ControllerState): RepairAction[] {
  const { attempts } = state;
  const actions: RepairAction[] = [];
  for (const row of attempts.rows()) {
    if (!state.workers[attempts.worker[row]].lost) continue;
    const taskId = taskIdOf(state, attempts.task[row]);
    const { workerId } = state.workers[attempts.worker[row]];
    const message = `of ${taskId}: ${workerId}, which had it, is lost`;
    actions.push({ type: "end-attempt", id: formatAttemptId(attempts.id[row]), message });
  }
  return actions;
}

function placements(state: ControllerState): RepairAction[] {
  return idleMatches(state).map(({ shape, workerId }) => ({
    type: "place-again",
    id: workerId,
    message: `queue ${shape} fits there and waits`,
  }));
}
