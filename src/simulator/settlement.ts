/**
 * What a cluster owes, and what must be true of it once nothing is owed any more.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { type ControllerState, taskIdOf } from "../controller/state.ts";
import { taskStates } from "../model/states.ts";
import { runOfState } from "../worker/state.ts";
import type { SimulatedCluster } from "./cluster.ts";
import { owedCopy } from "./copy-rules.ts";
import { diagnose, taskNode, waitGraphOf } from "./liveness.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

const terminalFrom = 4;

/** Who still waits for what, as a sentence; null when nothing is owed. */
export function owedBy({ everyClient, state, workers }: SimulatedCluster): string | null {
  for (const client of everyClient) {
    if (client.gone) continue;
    if (!client.connected) return `${client.clientId} is not connected`;
    if (client.openCount > 0) return `${client.clientId} waits for ${client.openCount} outcomes`;
    const { clientId, unansweredCount } = client;
    if (unansweredCount > 0) return `${clientId} waits for ${unansweredCount} acknowledgements`;
  }
  if (state.attempts.live > 0) return `${state.attempts.live} attempts`;
  const task = firstOpenTask(state);
  if (task < 0) return owedCopy(state, workers) ?? owedRenewal(state, workers);
  return `${taskIdOf(state, task)} is ${taskStates[state.tasks.state[task]]}`;
}

/** A worker that does not know of the latest restart, though it was there before it; or null. */
function owedRenewal(
  { shared, workers, workersById }: ControllerState,
  agents: readonly SimulatedWorker[],
): string | null {
  for (const { workerId, incarnation, state, alive } of agents) {
    const known = workers[workersById.get(workerId) ?? -1];
    if (!alive || known?.incarnation !== incarnation) continue;
    if (Math.max(known.restartsBefore, state.renewedFor) >= shared.restarts) continue;
    return `${workerId} is to make its executors anew`;
  }
  return null;
}

function firstOpenTask({ tasks }: ControllerState): number {
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.isLive(task) && tasks.state[task] < terminalFrom) return task;
  }
  return -1;
}

/** Why what is owed does not come, as a sentence. */
export function standstillOf(cluster: SimulatedCluster, owed: string, repeats: boolean): string {
  const { state, timeline, workers } = cluster;
  const anythingPending = timeline.length > 0;
  const standsStill = anythingPending ? "" : "the cluster stands still with work owed: ";
  const task = firstOpenTask(state);
  if (task < 0) return `${standsStill}owed for ever: ${owed}`;
  const hasAttempt = (workerId: string, attempt: number) =>
    workers.some((one) => one.alive && one.workerId === workerId && hasRun(one, attempt));
  const graph = waitGraphOf(state, { anythingPending, hasAttempt });
  const { sentence } = diagnose(graph, taskNode(state, task), repeats);
  return `${standsStill}owed for ever: ${owed}: ${sentence}`;
}

function hasRun({ state }: SimulatedWorker, attempt: number): boolean {
  for (const record of state.tasks.values()) {
    if (runOfState(record.state)?.attempt === attempt) return true;
  }
  return [...state.executions.values()].some(({ run }) => run.attempt === attempt);
}

/** Where everything open is, without times and counters: equal states do the same again. */
export function abstractOf({ tasks }: ControllerState): string {
  const places: number[] = [];
  for (let task = 0; task < tasks.length; task++) {
    const isOpen = tasks.isLive(task) && tasks.state[task] < terminalFrom;
    if (isOpen) places.push(task, tasks.state[task], tasks.stage[task]);
  }
  return places.join();
}

/** The story of each open task, and what each worker holds. */
export function openTasks(state: ControllerState): string[] {
  const { tasks } = state;
  const lines: string[] = [];
  for (let task = 0; task < tasks.length && lines.length < 20; task++) {
    if (!tasks.isLive(task) || tasks.state[task] >= terminalFrom) continue;
    const story = state.story
      .ofTask(tasks.ref(task))
      .slice(-8)
      .map((entry) => `${entry.kind}@${entry.worker}`);
    const name = taskStates[tasks.state[task]];
    lines.push(`${taskIdOf(state, task)} ${name} stage ${tasks.stage[task]}: ${story.join(" ")}`);
  }
  for (const worker of state.workers) {
    lines.push(`${worker.workerId} connected ${worker.connected} used ${[...worker.used].join()}`);
  }
  return lines;
}

/** Tasks that are remembered though no launched job has them. */
export function forgottenTasks({ state }: SimulatedCluster): number {
  let remembered = 0;
  for (const job of state.jobs) {
    if (!job.pruned && job.launch !== null) remembered += job.launch.rows.length;
  }
  return state.tasks.live - remembered;
}

/** Whether anything is held anywhere: tasks, processes, values. */
export function isEmpty(cluster: SimulatedCluster): boolean {
  if (forgottenTasks(cluster) > 0) return false;
  for (const host of cluster.hosts.values()) if (host.processCount > 0) return false;
  return cluster.workers.every(
    ({ alive, values, state }) => !alive || (values.size === 0 && state.executions.size === 0),
  );
}

/** With every session closed, nothing is held anywhere. */
export function assertEmpty(cluster: SimulatedCluster): void {
  const { state } = cluster;
  const forgotten = forgottenTasks(cluster);
  assert(forgotten === 0, `${forgotten} tasks are remembered for nobody`);
  for (const host of cluster.hosts.values()) {
    assert(host.processCount === 0, `${host.workerId} runs ${host.processCount} processes`);
  }
  for (const jobId of cluster.jobs.acknowledged) {
    const job = state.jobs[state.jobsById.get(jobId) ?? -1];
    const isEnded = job?.launch?.ended !== undefined && job.launch.ended !== null;
    assert(isEnded, `${jobId} was acknowledged and is not known as ended`);
  }
  const { copies, shared } = state;
  assert(copies.needs.size + shared.copies.size === 0, "copies are wanted of what nobody wants");
  for (const worker of state.workers) {
    const isFree = worker.used.every((amount) => amount === 0);
    assert(isFree, `${worker.workerId} is still charged`);
  }
  for (const { workerId, values, alive } of cluster.workers) {
    assert(!alive || values.size === 0, `${workerId} still holds ${values.size} values`);
  }
}
