/**
 * Why a queue does not move: every clause that keeps it from every worker, with counts. The same
 * code that places is asked, so the answer is what placement sees.
 *
 * @module
 */

import { formatNeed } from "../model/format-quantities.ts";
import { describeAmount, titleOf } from "../scheduler/describe-amount.ts";
import { explainGang } from "../scheduler/gang.ts";
import { canEverRun, clauseOfLack, type LackOnWorker, lacksOn } from "./eligibility.ts";
import { fits, takes } from "./fitting.ts";
import { gangCandidates, isWhole, launchOfGang } from "./gang-placement.ts";
import { explainEntriesMax } from "./limits.ts";
import { setupFailureOn } from "./plugins.ts";
import { roomFor } from "./reservations.ts";
import { ownerOf } from "./scheduler-view.ts";
import {
  type ControllerState,
  isHealthy,
  isOpen,
  type Launch,
  type Shape,
  type Worker,
} from "./state.ts";
import { nearestWorker } from "./unplaceable.ts";
import { budgetOf, capCount } from "./users.ts";
import { stateReason, workerState } from "./views.ts";

/** One clause and how many workers fail it. */
export interface Reason {
  readonly code: string;
  readonly dimension: string | null;
  readonly clause: string | null;
  readonly workers: number;
  readonly workersTotal: number;
  readonly need: number | null;
  readonly best: number | null;
  readonly bestWorkerId: string | null;
  readonly message: string;
}

const noNumbers = {
  dimension: null,
  clause: null,
  need: null,
  best: null,
  bestWorkerId: null,
} as const;

/** A reason that is not about single workers. */
export function plainReason(code: string, message: string, workersTotal = 0): Reason {
  return { ...noNumbers, code, workers: 0, workersTotal, message };
}

/** Everything that keeps a queue from being placed now; empty if nothing does. */
export function reasonsOf(state: ControllerState, shape: Shape): Reason[] {
  const present = state.workers.filter((worker) => !worker.lost);
  if (present.length === 0) return [plainReason("WORKER_STATE", "no worker is registered")];
  const launch = launchOfGang(state, shape);
  if (launch !== null) return reasonsOfGang(state, shape, launch, present);
  const reasons = capReasons(state, shape, 1);
  // What is full elsewhere keeps nobody.
  if (present.some((one) => takes(state, one, shape))) return reasons;
  return [...reasons, ...talliesOf(state, shape, present)];
}

/** The user's cap, if that keeps `size` attempts of the shape from running. */
export function capReasons(state: ControllerState, shape: Shape, size: number): Reason[] {
  if (capCount(state, shape, size) >= size) return [];
  const { name } = state.users[shape.user];
  const { cap } = budgetOf(state, name);
  const limit = cap === null ? "" : `: ${formatNeed(cap)}`;
  return [plainReason("USER_CAP", `the running work of ${name} is at its cap${limit}`)];
}

/** Every clause that some worker fails now, most workers first. */
function talliesOf(state: ControllerState, shape: Shape, present: readonly Worker[]): Reason[] {
  const tallies = new Tallies();
  for (const worker of present) {
    for (const obstacle of obstaclesNow(state, shape, worker)) tallies.add(obstacle, worker);
  }
  return [...tallies.all]
    .sort((a, b) => b.workers - a.workers)
    .slice(0, explainEntriesMax)
    .map((entry) => reasonOf(entry, present.length));
}

/** Those on which the plugins of the shape could not be set up: their constraint in words. */
function obstacleOfPlugins(shape: Shape, worker: Worker): NowObstacle | null {
  const reason = setupFailureOn(worker, shape);
  if (reason === "") return null;
  const clause = `a plugin could not be set up: ${reason}`;
  return { code: "CONSTRAINT", dimension: "plugins", clause, ...nothingShort };
}

interface Tally {
  readonly obstacle: NowObstacle;
  workers: number;
  best: number;
  bestWorkerId: string;
}

/** What a worker lacks, or what else keeps it: that has a clause of its own. */
type NowObstacle = Omit<LackOnWorker, "code"> & { readonly code: string; readonly clause?: string };

function obstaclesNow(state: ControllerState, shape: Shape, worker: Worker): NowObstacle[] {
  if (!isOpen(worker)) {
    const clause = clauseOfClosed(worker);
    return [{ code: "WORKER_STATE", dimension: "state", clause, ...nothingShort }];
  }
  const ofPlugins = obstacleOfPlugins(shape, worker);
  if (ofPlugins !== null) return [ofPlugins];
  const obstacles = lacksOn(state, shape, worker, worker.used);
  if (obstacles.length > 0 || fits(state, worker, shape)) return obstacles;
  const kept = roomFor(state, worker, shape);
  const held = lacksOn(state, shape, worker, kept.used);
  if (held.length > 0) {
    const clause = `what is free is kept for ${keepersOf(state, worker, shape)}`;
    return held.map((one) => ({ ...one, code: "HELD_FOR_OTHER", clause }));
  }
  const clause = "enough devices are free in parts, but not whole";
  return [{ code: "INSUFFICIENT", dimension: "devices", clause, ...nothingShort }];
}

const nothingShort = { need: 0, best: 0, about: null } as const;

/** For whom a worker keeps what is free: tasks, and gangs by their job. */
function keepersOf(state: ControllerState, worker: Worker, shape: Shape): string {
  const others = worker.reservations.filter((one) => one.shape !== shape.index);
  return others.map((one) => ownerOf(state, state.shapes[one.shape]) || "another").join(", ");
}

/** Why a worker takes nothing; those that are closed for one reason are counted together. */
function clauseOfClosed(worker: Worker): string {
  if (!worker.connected) return "worker is not connected";
  if (worker.suspect) return "worker is silent";
  return `worker is ${workerState(worker)}: ${stateReason(worker)}`;
}

/** Counts by code, dimension and clause, or by what is needed where that is a number. */
class Tallies {
  readonly all: Tally[] = [];
  readonly #byDimension = new Map<string, Map<string | number, Tally>>();

  add(obstacle: NowObstacle, worker: Worker): void {
    const known = this.#byDimension.get(obstacle.dimension);
    const entries = known ?? new Map<string | number, Tally>();
    if (known === undefined) this.#byDimension.set(obstacle.dimension, entries);
    const about = keyOf(obstacle);
    const entry = entries.get(about);
    if (entry === undefined) {
      const added = { obstacle, workers: 1, best: obstacle.best, bestWorkerId: worker.workerId };
      entries.set(about, added);
      this.all.push(added);
      return;
    }
    entry.workers++;
    if (obstacle.best <= entry.best) return;
    entry.best = obstacle.best;
    entry.bestWorkerId = worker.workerId;
  }
}

/** Of one dimension: which obstacles are counted together. */
function keyOf({ code, clause, need }: NowObstacle): string | number {
  if (code === "INSUFFICIENT") return need;
  return `${code} ${clause ?? need}`;
}

function reasonOf(entry: Tally, total: number): Reason {
  const { code, dimension, need } = entry.obstacle;
  const clause = clauseOfNow(entry.obstacle);
  const counted = `${entry.workers} of ${total} workers`;
  return {
    code,
    dimension,
    clause,
    workers: entry.workers,
    workersTotal: total,
    need: need > 0 ? need : null,
    best: need > 0 ? entry.best : null,
    bestWorkerId: entry.bestWorkerId,
    message: `${counted}: ${describeTally(entry)}`,
  };
}

function clauseOfNow(obstacle: NowObstacle): string {
  return obstacle.clause ?? clauseOfLack(obstacle as LackOnWorker);
}

/** What these workers lack, and which of them comes nearest. */
function describeTally({ obstacle, best, bestWorkerId }: Tally): string {
  const { code, dimension, need } = obstacle;
  const clause = clauseOfNow(obstacle);
  const title = titleOf(dimension);
  if (code === "DEVICE_KIND") return `no ${title.split(" ")[0]}`;
  if (code === "DEVICE_VARIANT") return `no ${title}, but another variant`;
  if (dimension === "plugins") return clause;
  if (code === "CONSTRAINT") return `constraint ${clause} fails`;
  if (need === 0 || code === "HELD_FOR_OTHER") return clause;
  const amount = (value: number) => describeAmount(dimension, value);
  return `${title}, ${amount(need)} > ${amount(best)} at the best (${bestWorkerId})`;
}

function reasonsOfGang(
  state: ControllerState,
  shape: Shape,
  launch: Launch,
  present: readonly Worker[],
): Reason[] {
  const size = launch.rows.length;
  if (!isWhole(shape, launch)) {
    const missing = size - shape.queued;
    const message = `${missing} of its ${size} members are not in line: still stopping or delayed`;
    return [plainReason("PREDECESSOR_STOPPING", message)];
  }
  const capped = capReasons(state, shape, size);
  const { groupBy } = launch.spec.task;
  const { verdict, withAttribute, groups } = explainGang(gangCandidates(state, shape), size);
  if (verdict === "FITS") return capped;
  const counts = { workers: present.length - withAttribute, workersTotal: present.length };
  const about = { ...noNumbers, ...counts, dimension: groupBy };
  const groupTexts = groups
    .slice(0, explainEntriesMax)
    .map(({ group, members, able, free }) => `${group}: ${free} free, ${able} able of ${members}`);
  const need = `need ${formatNeed(launch.spec.task.resources)} on each of ${size} workers`;
  const largest = groups.reduce((most, group) => Math.max(most, group.able), 0);
  const messages: { readonly [verdict: string]: readonly [string, string] } = {
    NO_ATTRIBUTE: ["GANG_NO_ATTRIBUTE", `no worker that may run it has the attribute ${groupBy}`],
    TOO_SMALL: ["GANG_TOO_SMALL", `no ${groupBy} has ${size} able workers, at most ${largest}`],
    BUSY: ["GANG_BUSY", `no ${groupBy} has ${size} free workers at once`],
  };
  const [code, message] = messages[verdict];
  const shown = groupTexts.length === 0 ? "" : ` (${groupTexts.join("; ")})`;
  const gang = { ...about, code, message: `${message}: ${need}${shown}` };
  return [...capped, gang, ...talliesOf(state, shape, present)];
}

/** The workers that could run it, if none of them takes work now: each is drained, cordoned, … */
export function closedWorkers(state: ControllerState, shape: Shape): readonly Worker[] {
  const isAble = (one: Worker) => isHealthy(one) && canEverRun(state, shape, one);
  if (state.workers.some((one) => isOpen(one) && isAble(one))) return [];
  return state.workers.filter(isAble);
}

/** The smallest change that would start what waits in this queue. */
export function changeFor(state: ControllerState, shape: Shape, able: boolean) {
  const launch = launchOfGang(state, shape);
  const size = launch?.rows.length ?? 1;
  if (capReasons(state, shape, size).length > 0) {
    return { kind: "RAISE_CAP", message: `raise the cap of ${state.users[shape.user].name}` };
  }
  const gangChange = launch === null ? null : changeForGang(state, shape, launch);
  if (gangChange !== null) return gangChange;
  const closed = able ? closedWorkers(state, shape) : [];
  if (closed.length > 0) {
    const [{ workerId }] = closed;
    return { kind: "OPEN_WORKER", message: `let ${workerId} take work again` };
  }
  if (able) return { kind: "WAIT_FOR_ATTEMPT", message: "wait until running work ends" };
  return changeForNobody(state, shape);
}

function changeForGang(state: ControllerState, shape: Shape, { rows, spec }: Launch) {
  const { verdict, groups } = explainGang(gangCandidates(state, shape), rows.length);
  const { groupBy } = spec.task;
  if (verdict === "NO_ATTRIBUTE") {
    const message = `give ${rows.length} workers the attribute ${groupBy}, with one value`;
    return { kind: "ADD_WORKER", message };
  }
  if (verdict !== "TOO_SMALL") return null;
  const largest = groups.reduce((most, group) => (group.able > most.able ? group : most));
  if (largest.able === 0) return null;
  const missing = rows.length - largest.able;
  const lower = `lower replicas to ${largest.able}`;
  const added = `add ${missing} ${missing === 1 ? "worker" : "workers"}`;
  const message = `${added} to ${groupBy} ${largest.group}, or ${lower}`;
  return { kind: "LOWER_REQUEST", message };
}

function changeForNobody(state: ControllerState, shape: Shape) {
  const add = {
    kind: "ADD_WORKER",
    message: `add a worker with at least ${formatNeed(shape.resources)}`,
  };
  const present = state.workers.filter(isHealthy);
  if (present.length === 0) return add;
  const failed = present.find((worker) => setupFailureOn(worker, shape) !== "");
  if (failed !== undefined) {
    const message = `mend what the plugin needs, then start ${failed.workerId} again`;
    return { kind: "OPEN_WORKER", message };
  }
  const { misfits } = nearestWorker(state, shape, present);
  if (misfits.length !== 1) return add;
  const [only] = misfits;
  if (only.code === "CONSTRAINT") {
    return { kind: "DROP_CLAUSE", message: `drop the constraint ${only.clause}` };
  }
  if (only.code === "TAINT") {
    const message = `tolerate it with the constraint ${only.clause} exists`;
    return { kind: "DROP_CLAUSE", message };
  }
  if (only.best === 0) return add; // Less of it would be none of it.
  const { dimension } = only;
  const [need, best] = [only.need, only.best].map((amount) => describeAmount(dimension, amount));
  return { kind: "LOWER_REQUEST", message: `lower ${titleOf(dimension)} from ${need} to ${best}` };
}
