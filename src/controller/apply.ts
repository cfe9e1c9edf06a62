/**
 * The only writer of the controller's state: one small function per fact. The state is the fold of
 * the durable facts; the volatile ones are learned anew after a restart.
 *
 * Invariant: applying a durable fact reads durable state only.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { digestWith, digestWithout } from "../base/digest.ts";
import { requestVector } from "../scheduler/dimensions.ts";
import { type AccessFact, accessEventOf, applyAccess, beginLeasesAnew } from "./apply-access.ts";
import {
  applyAttemptSuperseded,
  applyAttemptsAssigned,
  applyAttemptsBuilding,
  applyAttemptsEnded,
  applyAttemptsGranted,
  applyAttemptsHung,
  applyAttemptsStopping,
  applyAttemptsYielded,
  applyStart,
  setRetracting,
} from "./apply-attempts.ts";
import { beginCopiesAnew, copyAppliers } from "./apply-copies.ts";
import { applyTasksForgotten } from "./apply-forgetting.ts";
import {
  applyGangReturned,
  applyGangsRested,
  applyJobEnded,
  applyJobLaunched,
  applyJobsPruned,
  applyMemberPrepared,
  applyResultsReturned,
} from "./apply-jobs.ts";
import { applyAttemptReinstated } from "./apply-reinstated.ts";
import {
  applyClientClosed,
  applyClientOpened,
  applyDrainGaveUp,
  applyOutcomesAwaited,
  applySpecDefined,
  applyWantsDropped,
  applyWorkerAdopted,
  applyWorkerClosedToWork,
  applyWorkerHealth,
  applyWorkerLost,
  applyWorkerPresent,
  applyWorkerRegistered,
  applyWorkerSuspected,
} from "./apply-sessions.ts";
import {
  beginLockLeasesAnew,
  directUpload,
  dropRestartOf,
  excuseLeases,
  sharedAppliers,
} from "./apply-shared.ts";
import {
  addExtraHolder,
  applyTasksFailed,
  applyTasksRequeued,
  applyTasksResumed,
  applyTasksRevived,
  applyTasksSubmitted,
  applyTasksSucceeded,
  applyValuesGone,
  applyValuesMoved,
  removeExtraHolder,
} from "./apply-tasks.ts";
import { touchActors } from "./call-lines.ts";
import { touchCopies, touchCopiesOf } from "./copies-state.ts";
import { beginDataWait, measureTransfers, newDataWaitState } from "./data-wait-state.ts";
import { type Fact, type FactOf, isDurable } from "./facts.ts";
import { keepInlineValue } from "./inline-values.ts";
import { inlineCacheBytesMax, unreachableMaxUs } from "./limits.ts";
import { applySetupFailed } from "./plugins.ts";
import { applyCapacityReserved, applyReservationEnded } from "./reservations.ts";
import { type ControllerState, openClient, touchWorker } from "./state.ts";
import { volatileFlags } from "./tables/task-table.ts";
import { tellEvent } from "./tell-event.ts";
import { countTraffic } from "./traffic.ts";

type Appliers = {
  readonly [T in Fact["type"]]: (state: ControllerState, fact: FactOf<T>) => void;
};

const appliers: Appliers = {
  "controller-started": (state, fact) => {
    state.epoch = fact.epoch;
    state.policy = fact.policy ?? "fair";
    tellEvent(state, {
      type: "controller-started",
      id: String(fact.epoch),
      message: `epoch ${fact.epoch}`,
    });
    state.attemptCounter = 0;
    // Nobody could be heard while no controller served: every bound starts now.
    for (const client of state.clients) if (client !== null) client.absentSince = fact.at;
    for (const worker of state.workers) {
      worker.lastHeardAt = fact.at;
      touchWorker(state, worker.index);
    }
    for (const shape of state.shapes) if (shape.queued > 0) state.untriedShapes.add(shape.index);
    // What each step settles before it ends, a replay only collects.
    state.touchedJobs.clear();
    state.brokenGangs.clear();
    state.calls.touched.clear();
    touchActors(state);
    beginLeasesAnew(state.access, fact.at);
    beginLockLeasesAnew(state.shared, fact.at);
    const { flags } = state.tasks;
    for (let task = 0; task < state.tasks.length; task++) flags[task] &= ~volatileFlags;
    beginCopiesAnew(state);
    Object.assign(state.dataWaits, newDataWaitState());
  },
  "client-opened": applyClientOpened,
  "client-closing": (state, { client: index, why, below }) => {
    const { sessions } = state.closing;
    dropRestartOf(state.shared, index);
    // Under its id there may be another session when it is said again.
    if (!sessions.has(index)) state.clientsById.delete(openClient(state, index).clientId);
    sessions.set(index, { why, below });
  },
  "client-closed": applyClientClosed,
  "spec-defined": applySpecDefined,
  "tasks-submitted": applyTasksSubmitted,
  "sequence-taken": (state, fact) => {
    const client = present(state.clients[fact.client], "only an open client is answered");
    client.lastSequence = fact.sequence;
  },
  "wants-dropped": applyWantsDropped,
  "attempts-assigned": applyAttemptsAssigned,
  "attempts-granted": applyAttemptsGranted,
  "attempts-started": (state, fact) => {
    for (const row of fact.attempts) applyStart(state, row, fact.at);
  },
  "attempts-hung": applyAttemptsHung,
  "attempts-building": applyAttemptsBuilding,
  "attempt-measured": (state, fact) => {
    state.usages.set(fact.attempt, fact.usage);
  },
  "attempts-yielded": applyAttemptsYielded,
  "attempts-stopping": applyAttemptsStopping,
  "attempts-ended": applyAttemptsEnded,
  "attempt-superseded": applyAttemptSuperseded,
  "attempt-reinstated": applyAttemptReinstated,
  "tasks-succeeded": applyTasksSucceeded,
  "results-returned": applyResultsReturned,
  "tasks-failed": applyTasksFailed,
  "tasks-requeued": applyTasksRequeued,
  "tasks-resumed": applyTasksResumed,
  "tasks-revived": applyTasksRevived,
  "values-gone": applyValuesGone,
  "values-moved": applyValuesMoved,
  "tasks-forgotten": applyTasksForgotten,
  "worker-registered": applyWorkerRegistered,
  "worker-lost": applyWorkerLost,
  "worker-adopted": applyWorkerAdopted,
  "worker-closed-to-work": applyWorkerClosedToWork,
  "drain-gave-up": applyDrainGaveUp,
  "worker-health": applyWorkerHealth,
  "worker-setup-failed": applySetupFailed,
  "job-launched": applyJobLaunched,
  "job-ended": applyJobEnded,
  "jobs-pruned": applyJobsPruned,
  "gang-returned": applyGangReturned,
  "gangs-rested": applyGangsRested,
  "member-prepared": applyMemberPrepared,
  "capacity-reserved": (state, fact) => applyCapacityReserved(state, fact.reservation),
  "reservation-ended": applyReservationEnded,
  "token-created": changeAccess,
  "token-revoked": changeAccess,
  "tokens-forgotten": changeAccess,
  "budget-set": applyBudgetSet,
  "endpoint-registered": changeAccess,
  "endpoints-dropped": changeAccess,
  ...sharedAppliers,
  "time-passed": () => {
    // `apply` itself takes the time of every fact that has one.
  },
  "client-present": (state, fact) => {
    const client = present(state.clients[fact.client], "only an open client connects");
    client.connected = true;
    client.knownPeers.clear();
  },
  "client-absent": (state, fact) => {
    const client = state.clients[fact.client];
    if (client === null) return; // Closed before its connection was.
    client.connected = false;
    client.absentSince = fact.at;
  },
  "outcomes-awaited": applyOutcomesAwaited,
  "worker-present": applyWorkerPresent,
  "worker-absent": (state, fact) => {
    const worker = state.workers[fact.worker];
    worker.connected = false;
    state.fleet.changes.mark(fact.worker);
    touchCopiesOf(state, worker);
    tellEvent(state, { type: "worker-disconnected", id: worker.workerId, message: "" });
  },
  "worker-heard": (state, fact) => {
    const worker = state.workers[fact.worker];
    worker.lastHeardAt = fact.at;
    countTraffic(state.trafficCounts, worker.memory, fact.memory);
    worker.memory = fact.memory;
  },
  "traffic-told": (state, { worker, message, at }) => {
    state.traffic.add(worker, message, at);
    measureTransfers(state, message);
  },
  "progress-told": (state, { attempts, progress, at }) => {
    for (const [i, row] of attempts.entries()) state.progress.set(row, { ...progress[i], at });
  },
  "worker-suspected": applyWorkerSuspected,
  "silence-excused": (state, fact) => {
    for (const worker of state.workers) worker.lastHeardAt += fact.pausedUs;
    for (const client of state.clients) if (client !== null) client.absentSince += fact.pausedUs;
    excuseLeases(state.shared, fact.pausedUs);
  },
  "deadlines-passed": (state, { until }) => {
    for (const heap of [state.delays, state.schedulingDeadlines, state.startDeadlines]) {
      while (heap.length > 0 && heap.peekKey() <= until) heap.pop();
    }
  },
  "silence-checked": (state, fact) => {
    state.nextSilenceCheckAt = fact.nextAt;
  },
  "hangs-looked-for": (state, { next }) => {
    state.hangLookRow = next;
  },
  "copies-added": (state, fact) => {
    for (const task of fact.tasks) addExtraHolder(state, task, fact.worker);
  },
  "copies-removed": (state, fact) => {
    for (const task of fact.tasks) removeExtraHolder(state, task, fact.worker);
  },
  ...copyAppliers,
  "data-waits-begun": (state, { waits }) => {
    for (const { task, wait } of waits) beginDataWait(state, task, wait);
  },
  "data-waits-ended": ({ dataWaits: { deadlines } }, { until }) => {
    while (deadlines.length > 0 && deadlines.peekKey() <= until) deadlines.pop();
  },
  "durations-sampled": (state, fact) => {
    state.shapes[fact.shape].meanUs = fact.meanUs;
  },
  "input-failed": (state, { task }) => {
    state.inputFailures.set(task, (state.inputFailures.get(task) ?? 0) + 1);
  },
  "input-unreachable": (state, { task, at }) => {
    const known = state.unreachable.get(task);
    const isNew = known === undefined || at - known.last > unreachableMaxUs;
    state.unreachable.set(task, { since: isNew ? at : known.since, last: at });
  },
  "value-kept": (state, { worker: index, task, kept }) => {
    const worker = state.workers[index];
    if (worker.keptValues.has(task) === kept) return; // Told to forget it twice, it says so twice.
    const change = kept ? digestWith : digestWithout;
    worker.valuesDigest = change(worker.valuesDigest, task);
    if (kept) worker.keptValues.add(task);
    else worker.keptValues.delete(task);
    const row = state.tasks.find(task);
    if (row >= 0) touchCopies(state, row);
  },
  "value-cached": (state, { task, bytes }) => {
    keepInlineValue(state, task, bytes, inlineCacheBytesMax);
  },
  "upload-directed": (state, { task, worker }) => directUpload(state.shared, task, worker),
  "placement-passed": (state) => {
    state.touchedWorkers.clear();
    state.untriedShapes.clear();
    state.fleet.passedAt = state.at;
  },
  "placement-paused": (state, { workers, shapes }) => {
    for (const worker of workers) state.touchedWorkers.add(worker);
    for (const shape of shapes) state.untriedShapes.add(shape);
  },
  "actors-tended": (state) => state.calls.touched.clear(),
  "retracts-ordered": (state, fact) => {
    for (const row of fact.attempts) {
      setRetracting(state, row, fact.on);
    }
  },
};

function changeAccess(state: ControllerState, fact: AccessFact): void {
  applyAccess(state.access, fact);
  const event = accessEventOf(fact);
  if (event !== null) tellEvent(state, event);
}

/** Another limit may let what waits start at once. */
function applyBudgetSet(state: ControllerState, fact: FactOf<"budget-set">): void {
  changeAccess(state, fact);
  // Dimensions that only a cap names get their place here, in every fold the same one.
  if (fact.budget.cap !== null) requestVector(state.dimensions, fact.budget.cap);
  for (const shape of state.shapes) if (shape.queued > 0) state.untriedShapes.add(shape.index);
  for (const worker of state.workers) if (worker.prefetched > 0) touchWorker(state, worker.index);
}

/** Changes the state by one fact. */
export function apply(state: ControllerState, fact: Fact): void {
  if ("at" in fact && fact.at > state.at) {
    state.at = fact.at;
    state.story.now = fact.at;
  }
  if (isDurable(fact)) state.journaled++;
  (appliers[fact.type] as (state: ControllerState, fact: Fact) => void)(state, fact);
}
