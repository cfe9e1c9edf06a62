/**
 * The whole at a glance: how much there is of everything, in which state, and what is wrong now.
 *
 * @module
 */

import { counted } from "../model/format-quantities.ts";
import { type JobState, taskStateCode, taskStates } from "../model/states.ts";
import { dimension } from "../scheduler/dimensions.ts";
import { couldEverPlace } from "./gang-placement.ts";
import { hungAttempts, hungCount } from "./hangs.ts";
import { jobState } from "./job-state.ts";
import { overviewFailedUs, overviewQueuesMax } from "./limits.ts";
import { headTask } from "./queue-order.ts";
import { heldVector } from "./reservations.ts";
import { endsItemStep, type Scan } from "./scan.ts";
import { type ControllerState, isHealthy, isOpen, type Job, taskIdOf } from "./state.ts";
import { clusterTotal } from "./users.ts";
import { stateReason, workerState } from "./views.ts";
import { leftReason } from "./workers.ts";

/** What is wrong, and one of those that it is wrong with. */
export interface Problem {
  readonly code: string;
  readonly severity: "ERROR" | "WARNING";
  readonly message: string;
  readonly subject: {
    readonly kind: "CONTROLLER" | "WORKER" | "JOB" | "TASK";
    readonly id: string;
  };
  readonly count: number;
}

type Counts = { [name: string]: number };

/** The kernel's part of GetOverview: what its shell measures is added there. */
export function* overview(state: ControllerState): Scan<Overview> {
  const taskStateCounts = countTasks(state);
  yield;
  const { jobStateCounts, problems } = yield* lookAtJobs(state);
  const queuedCount = queuedTasks(state);
  const granted = state.grantedByBand.reduce((sum, one) => sum + one, 0);
  return {
    taskStateCounts,
    jobStateCounts,
    workerStateCounts: countWorkers(state),
    queued: {
      tasks: queuedCount,
      queues: state.queuedShapes.size,
      waiting: (taskStateCounts.PENDING ?? 0) - queuedCount,
    },
    running: { attempts: granted, prefetched: state.attempts.live - granted },
    resources: resourcesInUse(state),
    reservations: state.reservations.size,
    problems: worstFirst([
      ...workerProblems(state),
      ...queueProblems(state),
      ...hangProblems(state),
      ...problems,
    ]),
  };
}

export interface Overview {
  readonly taskStateCounts: Counts;
  readonly jobStateCounts: Counts;
  readonly workerStateCounts: Counts;
  readonly queued: { readonly tasks: number; readonly queues: number; readonly waiting: number };
  readonly running: { readonly attempts: number; readonly prefetched: number };
  readonly resources: readonly ResourceUse[];
  readonly reservations: number;
  readonly problems: readonly Problem[];
}

/** Of the tasks that are remembered or counted by a job that is, by state. */
export function countTasks(state: ControllerState): Counts {
  const totals = new Float64Array(taskStates.length);
  for (const { stateCounts } of state.jobs) {
    for (let code = 0; code < totals.length; code++) totals[code] += stateCounts[code];
  }
  const counts: Counts = {};
  for (const [code, name] of taskStates.entries()) counts[name] = totals[code];
  return counts;
}

export function countWorkers(state: ControllerState): Counts {
  const counts: Counts = {};
  for (const worker of state.workers) {
    const name = workerState(worker);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Tasks that are ready to run and not placed. */
export function queuedTasks(state: ControllerState): number {
  return [...state.queuedShapes].reduce((sum, shape) => sum + state.shapes[shape].queued, 0);
}

/** What there is of a resource, in its unit. */
export interface ResourceUse {
  readonly name: string;
  readonly unit: "MILLI" | "BYTES" | "COUNT";
  readonly total: number;
  readonly committed: number;
  readonly held: number;
}

/** By dimension, over the workers that are not lost. */
export function resourcesInUse(state: ControllerState): ResourceUse[] {
  const total = clusterTotal(state);
  const committed = new Float64Array(total.length);
  const held = new Float64Array(total.length);
  for (const worker of state.workers) {
    if (worker.lost) continue;
    addTo(committed, worker.used);
    if (worker.reservations.length > 0) addTo(held, heldVector(state, worker));
  }
  return state.dimensions.names.flatMap((name, index) => {
    if (!(total[index] > 0)) return [];
    const amounts = { total: total[index], committed: committed[index], held: held[index] };
    return [{ name, unit: unitOf(index), ...amounts }];
  });
}

function addTo(sum: Float64Array, vector: Float64Array): void {
  for (let i = 0; i < sum.length && i < vector.length; i++) sum[i] += vector[i];
}

function unitOf(index: number): ResourceUse["unit"] {
  if (index === dimension.memory || index === dimension.disk) return "BYTES";
  return index === dimension.slots || index === dimension.commandSlots ? "COUNT" : "MILLI";
}

/** Errors before warnings; otherwise as they were. */
export function worstFirst<P extends { readonly severity: Problem["severity"] }>(
  problems: readonly P[],
): P[] {
  const rank = ({ severity }: P) => (severity === "ERROR" ? 0 : 1);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

/** Workers that should be there, or should be well. */
function workerProblems(state: ControllerState): Problem[] {
  const found = new Map<string, Problem>();
  for (const worker of state.workers) {
    const name = workerState(worker);
    if (name !== "SUSPECT" && name !== "UNUSABLE" && name !== "LOST") continue;
    // One that went long ago is history: what is not lost was heard a short time ago.
    if (state.at - worker.lastHeardAt > overviewFailedUs) continue;
    if (worker.lost && worker.lostReason === leftReason) continue; // As it should.
    const { workerId } = worker;
    addProblem(found, {
      code: `WORKER_${name}`,
      severity: name === "UNUSABLE" ? "ERROR" : "WARNING",
      message: `${workerId} is ${name.toLowerCase()}: ${stateReason(worker)}`,
      subject: { kind: "WORKER", id: workerId },
      count: 1,
    });
  }
  return [...found.values()];
}

/** What may hang: the one that runs longest, and how many there are. */
function hangProblems(state: ControllerState): Problem[] {
  const count = hungCount(state);
  if (count === 0) return [];
  const [{ taskId, message }] = hungAttempts(state);
  const subject = { kind: "TASK", id: taskId } as const;
  return [{ code: "TASK_HUNG", severity: "WARNING", message, subject, count }];
}

/** The first of each code is told; the others are counted. */
function addProblem(found: Map<string, Problem>, problem: Problem): void {
  const known = found.get(problem.code);
  const count = (known?.count ?? 0) + problem.count;
  found.set(problem.code, { ...(known ?? problem), count });
}

/** Work that nobody can take, now or ever. */
function queueProblems(state: ControllerState): Problem[] {
  const [first] = state.queuedShapes;
  if (first === undefined) return [];
  const head = taskIdOf(state, headTask(state.shapes[first]));
  if (!state.workers.some(isOpen)) {
    const queued = queuedTasks(state);
    const why = state.workers.some(isHealthy) ? "all workers are closed" : "no worker is connected";
    const subject = { kind: "TASK", id: head } as const;
    const message = `${counted(queued, "task")} ${queued === 1 ? "waits" : "wait"}: ${why}`;
    return [{ code: "NO_WORKERS", severity: "ERROR", message, subject, count: queued }];
  }
  return unplaceable(state);
}

function unplaceable(state: ControllerState): Problem[] {
  const found = new Map<string, Problem>();
  let looked = 0;
  for (const index of state.queuedShapes) {
    if (looked++ >= overviewQueuesMax) break;
    const shape = state.shapes[index];
    if (couldEverPlace(state, shape)) continue;
    const id = taskIdOf(state, headTask(shape));
    addProblem(found, {
      code: "UNPLACEABLE",
      severity: "ERROR",
      message: `no present worker could ever run ${id}`,
      subject: { kind: "TASK", id },
      count: shape.queued,
    });
  }
  return [...found.values()];
}

const failedStates: ReadonlySet<JobState> = new Set(["FAILED", "WORKER_FAILED", "UNSCHEDULABLE"]);

interface JobsSeen {
  readonly jobStateCounts: Counts;
  /** Jobs that failed a short time ago, and those that go on although tasks of theirs failed. */
  readonly problems: readonly Problem[];
}

/** The latest of each code is the one that is told. */
function* lookAtJobs(state: ControllerState): Scan<JobsSeen> {
  const jobStateCounts: Counts = {};
  const found = new Map<string, { readonly sequence: number; readonly problem: Problem }>();
  for (const [place, job] of state.jobs.entries()) {
    if (endsItemStep(place)) yield;
    if (job.pruned) continue;
    const name = jobState(job);
    jobStateCounts[name] = (jobStateCounts[name] ?? 0) + 1;
    const problem = problemOfJob(state, job);
    if (problem === null) continue;
    const known = found.get(problem.code);
    const count = (known?.problem.count ?? 0) + 1;
    const latest = known !== undefined && known.sequence > job.sequence ? known : null;
    const told = latest ?? { sequence: job.sequence, problem };
    found.set(problem.code, { ...told, problem: { ...told.problem, count } });
  }
  return { jobStateCounts, problems: [...found.values()].map(({ problem }) => problem) };
}

function problemOfJob(state: ControllerState, job: Job): Problem | null {
  const subject = { kind: "JOB", id: job.id } as const;
  const failed = job.stateCounts[taskStateCode.FAILED];
  if (job.finishedAt === 0) {
    if (failed === 0) return null;
    const message = `${counted(failed, "task")} of ${job.id} failed; it goes on`;
    return { code: "TASKS_FAILED", severity: "WARNING", message, subject, count: 1 };
  }
  if (state.at - job.finishedAt > overviewFailedUs || !failedStates.has(jobState(job))) return null;
  const message = `${job.id} is ${jobState(job)}`;
  return { code: "JOB_FAILED", severity: "WARNING", message, subject, count: 1 };
}
