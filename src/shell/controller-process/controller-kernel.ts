/**
 * The real kernel behind the interface that the shell drives. Nothing is decided here: each
 * function names the kernel's own.
 *
 * @module
 */

import { present } from "../../base/assert.ts";
import { acceptedSequence } from "../../controller/acknowledge.ts";
import { authorise, principalOf } from "../../controller/authorise.ts";
import { nextDeadline } from "../../controller/deadlines.ts";
import { type Fact, isDurable } from "../../controller/facts.ts";
import { logSources } from "../../controller/log-sources.ts";
import {
  countTasks,
  countWorkers,
  queuedTasks,
  resourcesInUse,
} from "../../controller/overview.ts";
import { answerCall, answerInSteps } from "../../controller/queries.ts";
import type { ControllerState, Worker } from "../../controller/state.ts";
import { step } from "../../controller/step.ts";
import { budgetOf } from "../../controller/users.ts";
import { admitWorker } from "../../controller/workers.ts";
import { taskStateCode } from "../../model/states.ts";
import { foldKernel } from "./controller-fold.ts";
import type { ClusterSummary, Kernel } from "./kernel.ts";
import type { EndedTasks } from "./throughput.ts";

export const controllerKernel: Kernel<ControllerState, Fact> = {
  ...foldKernel,
  step,
  isDurable,
  nextDeadline,
  answerCall,
  answerInSteps,
  endedTasks,
  authorise,
  principalOf,
  budgetOf,
  logSources,
  admitWorker,
  summaryOf,
  sessionOf: (state, clientId) => {
    const client = state.clients[state.clientsById.get(clientId) ?? -1] ?? null;
    if (client === null) return null;
    const { index, job } = client;
    return { index, jobId: state.jobs[job].id, sequence: acceptedSequence(state, client) };
  },
  clientIdOf: (state, index) => state.clients[index]?.clientId ?? `closed client ${index}`,
  workerIdOf: (state, index) => present(state.workers[index], "a worker keeps its place").workerId,
  workerIndexOf: (state, workerId) => state.workersById.get(workerId) ?? null,
  nextWorkerIndex: (state) => state.workers.length,
};

function endedTasks({ runs }: ControllerState): EndedTasks {
  const succeeded = runs.endedCounts[taskStateCode.SUCCEEDED];
  return { succeeded, failed: runs.endedCounts.reduce((sum, one) => sum + one, 0) - succeeded };
}

function summaryOf(state: ControllerState): ClusterSummary {
  const workerCount = state.workers.filter((worker) => !worker.lost).length;
  const { attemptCounter: attemptCount, recomputedCount, trafficCounts } = state;
  const sumOf = (bytesOf: (worker: Worker) => number) =>
    state.workers.reduce((sum, worker) => sum + (worker.lost ? 0 : bytesOf(worker)), 0);
  return {
    taskStateCounts: countTasks(state),
    workerStateCounts: countWorkers(state),
    queuedTaskCount: queuedTasks(state),
    queueCount: state.queuedShapes.size,
    resources: resourcesInUse(state),
    workerCount,
    attemptCount,
    recomputedCount,
    valueBytes: sumOf(({ heldValueBytes }) => heldValueBytes),
    spilledBytes: sumOf(({ memory }) => memory.spilledBytes),
    processCount: sumOf(({ memory }) => memory.processCount),
    processBytes: sumOf(({ memory }) => memory.processBytes),
    trafficCounts,
  };
}
