/**
 * The stream to the controller: opening it, what is told first, and letting go of everything.
 *
 * A connection begins with the inventory (the full truth, not counted), then every answer that was
 * not acknowledged, then who is prepared for a gang and what ails the worker, then news. Every
 * message after the inventory counts, heartbeats too.
 *
 * @module
 */

import { F64Column, U8Column } from "../base/column.ts";
import { partOf } from "../model/spec.ts";
import {
  type HotMessageOf,
  needsSourcesReason,
  noProcesses,
  reportKind,
} from "../protocol/messages.ts";
import type { WorkerEvent } from "./events.ts";
import { sendStop } from "./executions.ts";
import { repeatPrepared } from "./gangs.ts";
import { repeatTrouble } from "./health.ts";
import { attemptThatNeeds } from "./inputs.ts";
import { unacknowledgedAnswers } from "./kept-answers.ts";
import { repeatEmptying } from "./leave.ts";
import { type Outbox, record } from "./outbox.ts";
import { tellProgress } from "./progress.ts";
import {
  flushReports,
  plainReport,
  repeatAnswers,
  report,
  reportNeedsSources,
  say,
} from "./reports.ts";
import type { AnswerMessage, Execution, WorkerState } from "./state.ts";
import { unstartedRun } from "./state.ts";

type EventOf<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;

/** What `inventory.phases` holds. */
const phase = { unstarted: 0, running: 1, stopping: 2, yielded: 3 } as const;

function phaseOf({ orphan, paying, yielded }: Execution): number {
  if (orphan) return phase.stopping;
  if (!paying) return phase.unstarted;
  return yielded ? phase.yielded : phase.running;
}

class InventoryColumns {
  readonly #attempts = new F64Column();
  readonly #attemptTasks = new F64Column();
  readonly #phases = new U8Column();
  readonly #values = new F64Column();
  readonly #valueSizes = new F64Column();

  addAttempt(attempt: number, task: number, code: number): void {
    this.#attempts.push(attempt);
    this.#attemptTasks.push(task);
    this.#phases.push(code);
  }

  addValue(task: number, sizeBytes: number): void {
    this.#values.push(task);
    this.#valueSizes.push(sizeBytes);
  }

  take(): HotMessageOf<"inventory"> {
    return {
      type: "inventory",
      attempts: this.#attempts.take(),
      attemptTasks: this.#attemptTasks.take(),
      phases: this.#phases.take(),
      values: this.#values.take(),
      valueSizes: this.#valueSizes.take(),
    };
  }
}

/**
 * Every attempt that the controller may believe to be here, and every value. An attempt whose
 * answer was not acknowledged is named as running: its answer follows at once.
 */
export function inventoryOf(state: WorkerState): HotMessageOf<"inventory"> {
  const columns = new InventoryColumns();
  for (const { task, state: taskState } of state.tasks.values()) {
    const run = unstartedRun(taskState);
    if (run !== null) columns.addAttempt(run.attempt, task, phase.unstarted);
    if (taskState.type === "memory") columns.addValue(task, taskState.value.sizeBytes);
  }
  for (const execution of state.executions.values()) {
    const { run, silent } = execution;
    if (!silent) columns.addAttempt(run.attempt, run.task, phaseOf(execution));
  }
  for (const { attempt, task } of unacknowledgedAnswers(state)) {
    columns.addAttempt(attempt, task, phase.running);
  }
  return columns.take();
}

export function onConnected(state: WorkerState, out: Outbox, event: EventOf<"connected">): void {
  if (event.epoch < state.connection.epoch) return; // A controller that has been replaced.
  onDisconnected(state, out);
  flushReports(state, out); // What ended in the same turn is kept, and so it is in the inventory.
  const inventory = inventoryOf(state);
  const kept: readonly AnswerMessage[] = state.keptAnswers.map((answer) => answer.message);
  const { at, epoch, index } = event;
  record(state, out, { type: "connection-opened", at, epoch, index });
  out.sends.push({ type: "send-message", message: inventory });
  repeatAnswers(state, out, kept);
  repeatPrepared(state, out);
  repeatActors(state);
  repeatTrouble(state, out);
  repeatEmptying(state, out);
  askAgain(state, out, Number.POSITIVE_INFINITY);
}

/** Calls are sent to an actor that is said to run: nobody else waits for that word. */
function repeatActors(state: WorkerState): void {
  for (const { run, orphan, startedAt } of state.commands) {
    if (orphan || startedAt < 0 || partOf(run.spec.definition.run) !== "actor") continue;
    report(state, plainReport(reportKind.started, run.attempt, run.task));
  }
}

export function onDisconnected(state: WorkerState, out: Outbox): void {
  if (!state.connection.up) return;
  flushReports(state, out);
  record(state, out, { type: "connection-closed" });
}

/** Asks again for sources that were asked for before `before` and did not come. */
export function askAgain(state: WorkerState, out: Outbox, before: number): void {
  for (const task of [...state.missing]) {
    const input = state.tasks.get(task);
    if (input?.state.type !== "missing" || input.state.askedAt > before) continue;
    record(state, out, { type: "sources-missing", task, at: out.at });
    const attempt = attemptThatNeeds(state, task);
    reportNeedsSources(state, task, attempt, needsSourcesReason.again);
  }
}

/** Says how values travelled, if any did. */
function tellTraffic(state: WorkerState, out: Outbox): void {
  if (state.traffic.count === 0) return;
  const message = state.traffic.messageAt(out.at);
  record(state, out, { type: "traffic-told" });
  say(state, out, message);
}

/** Says that the worker is alive, with digests that the controller can compare at this point. */
export function sendHeartbeat(state: WorkerState, out: Outbox): void {
  flushReports(state, out);
  tellTraffic(state, out);
  tellProgress(state, out);
  const { connection, residence, valueBytes } = state;
  const { applied, sent } = connection;
  record(state, out, { type: "heartbeat-sent", at: out.at });
  record(state, out, { type: "message-sent", answers: null });
  out.sends.push({
    type: "send-message",
    message: {
      type: "heartbeat",
      applied,
      sent,
      attemptsDigest: state.attemptsDigest,
      valuesDigest: state.valuesDigest,
      ...{ rssBytes: 0, ...noProcesses }, // The kernel cannot see them: the shell fills them in.
      valueBytes,
      spilledBytes: valueBytes - residence.residentBytes,
      ...residence.counts,
    },
  });
}

/** Drops every value and record and ends everything that runs, without a word to anybody. */
export function onReset(state: WorkerState, out: Outbox): void {
  flushReports(state, out);
  for (const { task, state: taskState } of state.tasks.values()) {
    if (taskState.type === "memory") out.sends.push({ type: "drop-value", task });
  }
  for (const transfer of state.transfers.keys()) {
    out.sends.push({ type: "abort-fetch", transfer });
  }
  record(state, out, { type: "worker-reset", at: out.at });
  for (const execution of [...state.unsentStops.keys()]) {
    sendStop(state, out, execution);
  }
}
