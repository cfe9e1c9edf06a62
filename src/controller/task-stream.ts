/**
 * What ran on which lane of which worker within a window of time: those that ended, those that run;
 * and how values travelled meanwhile.
 * Where there are too many, the short ones of a lane are told together, by steps of time that do
 * not move with the window.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { formatAttemptId, type WorkerIndex } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import { attemptCauseCode, attemptCauses } from "../model/states.ts";
import { trafficKind } from "../protocol/traffic-kind.ts";
import { lanesFor } from "./apply-attempts.ts";
import { streamWorkersMax, trafficShownMax } from "./limits.ts";
import { seesOwnOnly } from "./own-reads.ts";
import { freeLane, type LanedRun } from "./run-log.ts";
import { type ControllerState, jobOf, specOf, taskIdOf, type Worker } from "./state.ts";
import { attemptFlag } from "./tables/attempt-table.ts";
import type { Travel } from "./traffic.ts";
import { formatTime } from "./views.ts";

/** A request of GetTaskStream as it was parsed. */
export interface StreamRequest {
  /** Milliseconds until now. */
  readonly last?: number;
  readonly fromAt?: Micros;
  readonly toAt?: Micros;
  readonly workerIds?: readonly string[];
  readonly runsMax?: number;
}

/** A run in the window; `endedAt` is 0 while it runs. */
type Shown = LanedRun;

interface Window {
  readonly from: Micros;
  readonly to: Micros;
}

const runsDefault = 4_000;
const lastDefaultMs = 60_000;

/** The GetTaskStream response. */
export function taskStream(state: ControllerState, request: StreamRequest, principal: Principal) {
  const window = windowOf(state, request);
  const workers = workersShown(state, request.workerIds ?? []);
  const shown = new Map(workers.map((worker) => [worker.index, [] as Shown[]]));
  let omitted = 0;
  for (const run of runsWithin(state, window)) {
    const runs = shown.get(run.worker);
    if (runs === undefined) omitted++;
    else runs.push(run);
  }
  const most = request.runsMax ?? runsDefault;
  const bucketMs = bucketFor(shown, window, most);
  const isOwn = (run: Shown) =>
    !seesOwnOnly(principal) || run.jobId.startsWith(`/${principal.user}/`);
  return {
    fromAt: formatTime(window.from) ?? "",
    toAt: formatTime(window.to) ?? "",
    oldestAt: formatTime(state.runs.oldestAt ?? 0),
    bucketMs,
    workers: workers.map((worker) => ({
      workerId: worker.workerId,
      lanes: lanesOf(shown.get(worker.index) ?? []),
      slots: worker.slots + worker.commandSlots,
    })),
    runs: workers.flatMap((worker) => {
      const runs = shown.get(worker.index) ?? [];
      return gathered(runs, bucketMs).map((group) => runView(worker, group, bucketMs, isOwn));
    }),
    omitted,
    ...trafficOf(state, { window, isShown: (worker) => shown.has(worker), principal }),
  };
}

interface TrafficQuestion {
  readonly window: Window;
  readonly isShown: (worker: WorkerIndex) => boolean;
  readonly principal: Principal;
}

/** How values travelled in the window, the latest; further ones are counted. */
function trafficOf(state: ControllerState, { window, isShown, principal }: TrafficQuestion) {
  const shown: Travel[] = [];
  let trafficOmitted = 0;
  for (const travel of state.traffic.within(window.from, window.to)) {
    if (shown.length < trafficShownMax && isShown(travel.worker)) shown.push(travel);
    else trafficOmitted++;
  }
  return { traffic: shown.map((travel) => travelView(state, travel, principal)), trafficOmitted };
}

const kindNames: readonly ("FETCH" | "SPILL" | "LOAD")[] = [];
Object.assign(kindNames, {
  [trafficKind.fetch]: "FETCH",
  [trafficKind.spill]: "SPILL",
  [trafficKind.load]: "LOAD",
});

function travelView(state: ControllerState, travel: Travel, principal: Principal) {
  const { worker, kind, task: ref, count, sizeBytes, peer, startedAt, endedAt } = travel;
  const row = state.tasks.find(ref);
  const isHidden = row >= 0 && seesOwnOnly(principal) && jobOf(state, row).user !== principal.user;
  return {
    workerId: state.workers[worker].workerId,
    kind: kindNames[kind],
    taskId: row < 0 || isHidden ? null : taskIdOf(state, row),
    count,
    bytes: sizeBytes,
    peerId: kind === trafficKind.fetch ? (state.workers[peer]?.workerId ?? null) : null,
    startMs: startedAt / 1000,
    endMs: endedAt / 1000,
  };
}

function windowOf(state: ControllerState, request: StreamRequest): Window {
  const to = request.toAt ?? state.at;
  const lastUs = (request.last ?? lastDefaultMs) * 1000;
  const from = request.fromAt ?? to - lastUs;
  if (from < to) return { from, to };
  throw new CapstanError("INVALID_ARGUMENT", "fromAt: expected a time before toAt");
}

/** Those asked for; else those that are there, by id. */
function workersShown(state: ControllerState, workerIds: readonly string[]): Worker[] {
  if (workerIds.length > 0) {
    const known = workerIds.map((id) => state.workers[state.workersById.get(id) ?? -1]);
    return known.filter((worker) => worker !== undefined);
  }
  const present = state.workers.filter((worker) => !worker.lost);
  present.sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  return present.slice(0, streamWorkersMax);
}

function* runsWithin(state: ControllerState, { from, to }: Window): Generator<Shown> {
  for (const run of state.runs.since(from)) if (run.startedAt <= to) yield run;
  const lanes = new Map<WorkerIndex, number[]>();
  for (const row of rowsByStart(state)) {
    const run = liveRun(state, row, lanes);
    if (run.startedAt <= to) yield run;
  }
}

/** Lanes go by the order of starts. */
function rowsByStart(state: ControllerState): number[] {
  const { attempts } = state;
  const started = [...attempts.rows()].filter((row) => attempts.hasFlag(row, attemptFlag.started));
  return started.sort((a, b) => attempts.startedAt[a] - attempts.startedAt[b]);
}

function liveRun(
  state: ControllerState,
  row: number,
  lanesOfWorkers: Map<WorkerIndex, number[]>,
): Shown {
  const { attempts, tasks } = state;
  const worker = attempts.worker[row];
  const task = attempts.task[row];
  const lanes = lanesOfWorkers.get(worker) ?? state.runs.lanesOf(worker);
  lanesOfWorkers.set(worker, lanes);
  const lane = freeLane(lanes, attempts.startedAt[row], lanesFor(state, row));
  lanes[lane] = Infinity;
  const job = jobOf(state, task);
  return {
    ...{ attempt: attempts.id[row], worker, lane, jobId: job.id },
    ...{ index: tasks.index[task], name: specOf(state, task).name },
    assignedAt: attempts.assignedAt[row],
    startedAt: attempts.startedAt[row],
    endedAt: 0,
    cause: 0,
  };
}

function lanesOf(runs: readonly Shown[]): number {
  return runs.reduce((most, { lane }) => Math.max(most, lane + 1), 0);
}

const steps = [1, 2, 5];

/** The shortest step, in ms, at which there are few enough entries; 0 for every run by itself. */
function bucketFor(
  shown: ReadonlyMap<WorkerIndex, readonly Shown[]>,
  { from, to }: Window,
  most: number,
): number {
  const all = [...shown.values()];
  if (all.reduce((sum, runs) => sum + runs.length, 0) <= most) return 0;
  const lanes = all.reduce((sum, runs) => sum + lanesOf(runs), 0);
  // Of a lane, at most two entries to a step: one that is long, and what is short in it.
  const stepsMax = Math.max(1, Math.floor(most / (2 * lanes)) - 2);
  const leastMs = (to - from) / 1000 / stepsMax;
  for (let unit = 1; ; unit *= 10) {
    const step = steps.find((one) => one * unit >= leastMs);
    if (step !== undefined) return step * unit;
  }
}

/** Runs that are told together: the short ones of a lane that start in the same step. */
function gathered(runs: readonly Shown[], bucketMs: number): readonly Shown[][] {
  if (bucketMs === 0) return runs.map((run) => [run]);
  const groups = new Map<string, Shown[]>();
  for (const run of runs) {
    const isLong = run.endedAt === 0 || run.endedAt - run.startedAt >= bucketMs * 1000;
    const key = isLong ? formatAttemptId(run.attempt) : bucketKey(run, bucketMs);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [run]);
    else group.push(run);
  }
  return [...groups.values()];
}

function bucketKey({ lane, startedAt }: Shown, bucketMs: number): string {
  return `${lane}@${Math.floor(startedAt / 1000 / bucketMs) * bucketMs}`;
}

function runView(
  { workerId }: Worker,
  group: readonly Shown[],
  bucketMs: number,
  isOwn: (run: Shown) => boolean,
) {
  const [first] = group;
  const isOne = group.length === 1;
  const longest = group.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
  const isRunning = first.endedAt === 0;
  const endedAt = group.reduce((latest, run) => Math.max(latest, run.endedAt), 0);
  return {
    runId: isOne ? formatAttemptId(first.attempt) : `${workerId}/${bucketKey(first, bucketMs)}`,
    workerId,
    lane: first.lane,
    name: isOwn(longest) ? longest.name : "",
    taskId: isOne ? `${first.jobId}/${first.index}` : null,
    count: group.length,
    failed: group.filter(isFailed).length,
    cause: isOne && !isRunning ? attemptCauses[first.cause] : null,
    assignedMs: Math.round((isOne ? first.assignedAt : first.startedAt) / 1000),
    startMs: first.startedAt / 1000,
    endMs: isRunning ? null : endedAt / 1000,
    busyMs: group.reduce((sum, run) => sum + lengthOf(run), 0) / 1000,
  };
}

function lengthOf({ startedAt, endedAt }: Shown): number {
  return Math.max(0, endedAt - startedAt);
}

const finished = attemptCauseCode("finished");

function isFailed({ endedAt, cause }: Shown): boolean {
  return endedAt > 0 && cause !== finished;
}
