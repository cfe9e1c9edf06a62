/**
 * The only writer of the worker's state: one small function per kind of fact.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import { microsPerMs } from "../base/time.ts";
import type { AttemptId } from "../model/ids.ts";
import { partOf } from "../model/spec.ts";
import { executionAppliers, orphanExecution } from "./apply-executions.ts";
import { memoryAppliers } from "./apply-memory.ts";
import { moveTask, recordOf, takeReturned, taskAppliers } from "./apply-tasks.ts";
import type { ConnectionFact, TransferFact, WorkerFact } from "./facts.ts";
import { unacknowledgedAnswers } from "./kept-answers.ts";
import { amountsOf, amountsYielded, asksBeyondCpu, couldHold } from "./ledger.ts";
import { leaveBoundMs } from "./limits.ts";
import { emptyRecords } from "./reset.ts";
import type { Transfer, WorkerState } from "./state.ts";

type FactOf<T extends WorkerFact["type"]> = Extract<WorkerFact, { type: T }>;
type AppliersOf<F extends WorkerFact> = {
  readonly [T in F["type"]]: (state: WorkerState, fact: FactOf<T>) => void;
};

function startTransfer(state: WorkerState, fact: FactOf<"transfer-started">): void {
  const { transfer: id, peer, tasks, at: startedAt } = fact;
  const sizeBytes = tasks.reduce((sum, task) => sum + recordOf(state, task).toldBytes, 0);
  const transfer: Transfer = { id, peer, tasks, sizeBytes, startedAt, wanted: new Set(tasks) };
  state.residence.arrivingBytes += sizeBytes;
  state.nextTransfer = fact.transfer + 1;
  state.transfers.set(transfer.id, transfer);
  present(state.peers.get(fact.peer), "a transfer is from a live peer").transfers++;
  for (const task of fact.tasks) {
    const record = recordOf(state, task);
    assert(record.state.type === "to-fetch", "only what is to be fetched goes in flight");
    const { sources } = record.state;
    moveTask(state, record, { type: "in-flight", transfer, sources });
  }
}

const transferAppliers: AppliersOf<TransferFact> = {
  "transfer-started": startTransfer,
  "transfer-ended": (state, { transfer: id }) => {
    const transfer = present(state.transfers.get(id), `transfer ${id} is live`);
    state.transfers.delete(id);
    state.residence.arrivingBytes -= transfer.sizeBytes;
    const peer = state.peers.get(transfer.peer);
    if (peer !== undefined) peer.transfers--;
  },
  "peer-joined": (state, { index, incarnation }) => {
    state.peers.set(index, {
      index,
      incarnation,
      queue: new Set(),
      transfers: 0,
      busyUntil: 0,
      refusals: 0,
    });
  },
  "peer-left": (state, { index }) => {
    state.peers.delete(index);
  },
  "peer-answered": (state, { index }) => {
    const peer = present(state.peers.get(index), `peer ${index} is live`);
    peer.refusals = 0;
    peer.busyUntil = 0;
  },
  "peer-refused": (state, { index, until }) => {
    const peer = present(state.peers.get(index), `peer ${index} is live`);
    peer.refusals++;
    peer.busyUntil = until;
  },
};

function defineSpec(state: WorkerState, { spec: id, definition }: FactOf<"spec-defined">): void {
  const { resources, run } = definition;
  const part = partOf(run);
  const isCommand = run.kind === "command" || part === "actor";
  const hasLanes = !isCommand || state.commandSlots > 0;
  state.specs.set(id, {
    id,
    definition,
    kind: isCommand ? "command" : "function",
    isCall: part === "call",
    amounts: amountsOf(state.capacity, resources),
    amountsYielded: amountsYielded(state.capacity, resources),
    couldRun: hasLanes && couldHold(state.capacity, resources),
    asksBeyondCpu: asksBeyondCpu(resources),
  });
}

function openConnection(state: WorkerState, fact: FactOf<"connection-opened">): void {
  const { connection } = state;
  connection.up = true;
  connection.epoch = fact.epoch;
  connection.index = fact.index;
  connection.applied = 0;
  connection.sent = 0;
  connection.heartbeatAt = fact.at + state.heartbeatUs;
  for (const execution of state.executions.values()) {
    if (execution.progress !== null) state.progressed.add(execution); // It may be a new controller.
  }
  state.keptAnswers = []; // What was kept is sent again, and kept again as it is sent.
  for (const { state: held } of state.tasks.values()) {
    if (held.type === "memory") held.value.toldIn = 0; // The inventory names it.
  }
}

function acknowledgeAnswers(state: WorkerState, sequence: number): void {
  const kept = state.keptAnswers;
  let covered = 0;
  while (covered < kept.length && isCovered(kept[covered].sequence, sequence)) covered++;
  kept.splice(0, covered);
  if (state.returnedCalls.size > 0) forgetReturned(state);
}

/** The controller knows of the calls whose hand-back was said, and which it has acknowledged. */
function forgetReturned(state: WorkerState): void {
  const open = new Set<AttemptId>();
  for (const { attempt } of unacknowledgedAnswers(state)) open.add(attempt);
  for (const [actor, returned] of [...state.returnedCalls]) {
    for (const [call, { attempt }] of [...returned]) {
      if (!open.has(attempt) && !state.reports.tellsOf(attempt)) takeReturned(state, actor, call);
    }
  }
}

function isCovered(sent: number, acknowledged: number): boolean {
  return sent !== 0 && sent <= acknowledged;
}

const connectionAppliers: AppliersOf<ConnectionFact> = {
  "connection-opened": openConnection,
  "connection-closed": (state) => {
    state.connection.up = false;
  },
  "order-applied": (state) => {
    state.connection.applied++;
  },
  "message-sent": (state, { answers }) => {
    const sequence = ++state.connection.sent;
    if (answers !== null) state.keptAnswers.push({ sequence, message: answers });
  },
  "answers-kept": (state, { answers }) => {
    state.keptAnswers.push({ sequence: 0, message: answers });
  },
  "answers-acknowledged": (state, { sequence }) => acknowledgeAnswers(state, sequence),
  "heartbeat-sent": (state, { at }) => {
    state.connection.heartbeatAt = at + state.heartbeatUs;
  },
  "spec-defined": defineSpec,
  "spec-dropped": (state, { spec }) => {
    state.specs.delete(spec); // A run that lives keeps what it was ordered with.
  },
  "health-changed": (state, { trouble }) => {
    state.trouble = trouble;
  },
  "executors-renewed": (state, { restart }) => {
    state.renewedFor = restart;
    state.renewedFrom = state.nextExecution;
  },
  "leave-began": (state, { by, emptyUs }) => {
    state.leaveBy = by;
    state.emptyUs = emptyUs;
  },
  "emptying-began": (state, { by }) => {
    state.emptyBy = by;
    // What is owed after that has its time too.
    state.leaveBy = Math.max(state.leaveBy, by + leaveBoundMs * microsPerMs);
  },
  "emptying-ended": (state) => {
    state.emptied = true;
  },
  "leaving-said": (state) => {
    state.saidLeaving = true;
  },
  "worker-left": (state) => {
    state.left = true;
  },
  "worker-reset": (state, { at }) => {
    emptyRecords(state);
    for (const execution of state.executions.values()) {
      execution.silent = true;
      orphanExecution(state, execution, at);
    }
  },
};

const appliers: AppliersOf<WorkerFact> = {
  ...taskAppliers,
  ...executionAppliers,
  ...transferAppliers,
  ...memoryAppliers,
  ...connectionAppliers,
};

/** Applies one fact. A fact that contradicts the state throws InvariantError: a bug. */
export function apply(state: WorkerState, fact: WorkerFact): void {
  appliers[fact.type](state, fact as never);
}
