/**
 * Starting what is ready and holds a grant: which run goes first, and on which lane.
 *
 * Functions and commands have lanes of their own. Neither kind holds up the other, and of one kind
 * a run that does not fit holds up no other shape.
 *
 * @module
 */

import { handBackReason } from "../protocol/messages.ts";
import { mayStart } from "./answers.ts";
import { recordOf } from "./apply-tasks.ts";
import { handBackUnstarted } from "./inputs.ts";
import { amountsFit } from "./ledger.ts";
import { type Outbox, record } from "./outbox.ts";
import { goesBefore } from "./run-queue.ts";
import { bringBack } from "./spilling.ts";
import {
  actorOf,
  besideLanes,
  hasIdleCommandLane,
  isGang,
  type Lane,
  type Run,
  type Shape,
  type WorkerState,
} from "./state.ts";

/** T4, T5: gives a ready run to a lane. The head of a lane must hold a grant. */
export function placeRun(state: WorkerState, out: Outbox, run: Run, lane: Lane): void {
  const execution = state.nextExecution;
  const { task } = run;
  for (const dependency of run.dependencies) {
    const input = recordOf(state, dependency).state;
    if (input.type === "memory") bringBack(state, out, input.value);
  }
  record(state, out, { type: "execution-placed", task, execution, lane: lane.index, at: out.at });
  out.sends.push({
    type: isGang(run.spec) ? "prepare-execution" : "start-execution",
    execution,
    lane: lane.index,
    attempt: run.attempt,
    task,
    spec: run.spec.id,
    shape: run.shape.id,
    context: run.context,
    args: run.args,
    inputs: run.inputs,
  });
}

/** The granted ready run that goes first of those that fit. An unfit one blocks no other shape. */
function chooseRun(state: WorkerState, startable: ReadonlySet<Shape>): Run | null {
  let best: Run | null = null;
  for (const shape of startable) {
    const run = shape.granted.first();
    if (run === null || (best !== null && goesBefore(best, run))) continue;
    if (amountsFit(state.capacity, state.used, run.spec.amounts)) best = run;
  }
  return best;
}

function startFunctions(state: WorkerState, out: Outbox): void {
  for (const lane of state.lanes) {
    if (state.idleLanes === 0) return;
    if (lane.entries.length > 0) continue;
    const run = chooseRun(state, state.startable);
    if (run === null) return;
    placeRun(state, out, run, lane);
  }
}

function startCommands(state: WorkerState, out: Outbox): void {
  for (const lane of state.commandLanes) {
    if (!hasIdleCommandLane(state)) return;
    if (lane.entries.length > 0) continue;
    const run = chooseRun(state, state.startableCommands);
    if (run === null) return;
    placeRun(state, out, run, lane);
  }
}

/**
 * Calls go to the executor of their actor as soon as they are ready, in the order of the orders:
 * there they run one by one. Where the actor has ended they go back: it is certain that they have
 * not run.
 */
function startCalls(state: WorkerState, out: Outbox): void {
  for (let run = nextCall(state); run !== null; run = nextCall(state)) {
    if (actorOf(state, run) !== null)
      placeRun(state, out, run, { index: besideLanes, entries: [] });
    else handBackUnstarted(state, out, run, handBackReason.refused, 0);
  }
}

function nextCall({ startableCalls }: WorkerState): Run | null {
  let next: Run | null = null;
  for (const shape of startableCalls) {
    const run = shape.granted.first();
    if (run !== null && (next === null || run.arrival < next.arrival)) next = run;
  }
  return next;
}

/** Starts every granted ready run that fits, best first of its kind. */
export function startGranted(state: WorkerState, out: Outbox): void {
  if (state.startableCalls.size > 0 && mayStart(state)) startCalls(state, out);
  if (state.startable.size > 0 && mayStart(state)) startFunctions(state, out);
  if (state.startableCommands.size > 0 && mayStart(state)) startCommands(state, out);
}
