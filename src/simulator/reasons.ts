/**
 * Is the reason true that a waiting task is given? It is made false, on a copy of the state: a new
 * worker has room, the back-off ends, the cap is lifted, the closed worker is opened. Then the task
 * must move, or at least wait for something else.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { ApiRequest, ControllerEvent } from "../controller/events.ts";
import { explainTask } from "../controller/explain.ts";
import type { Reason } from "../controller/explain-reasons.ts";
import { isPlacementPaused } from "../controller/placement-budget.ts";
import {
  type ControllerState,
  isHealthy,
  jobOf,
  type Shape,
  shapeOf,
  taskIdOf,
} from "../controller/state.ts";
import { step } from "../controller/step.ts";
import { StoryLog } from "../controller/story.ts";
import { stage } from "../controller/tables/task-table.ts";
import { budgetOf } from "../controller/users.ts";
import { taskStateCode } from "../model/states.ts";
import type { Draws } from "./draws.ts";
import { Copier } from "./explorer/copy.ts";
import type { Observer } from "./observer.ts";
import { roomyWorkers } from "./roomy-workers.ts";

/** What says why a task waits: the kernel's, or one that is itself on trial. */
export type Explainer = (
  state: ControllerState,
  task: number,
) => { readonly reasons: readonly Reason[] };

/** Reasons that a new worker with room for everything makes false. */
const roomCodes = new Set([
  ...["INSUFFICIENT", "SLOTS", "DEVICE_KIND", "DEVICE_VARIANT", "CONSTRAINT", "TAINT"],
  ...["WORKER_STATE", "HELD_FOR_OTHER", "GANG_NO_ATTRIBUTE", "GANG_TOO_SMALL", "GANG_BUSY"],
]);

/** Inputs, and attempts that still stop: only others can end these. Order alone keeps nobody. */
const leftOut = new Set(["DEPENDENCY", "PREDECESSOR_STOPPING", "QUEUED_BEHIND"]);

const administrator = { user: "operator", role: "admin", jobId: "" } as const;

/** How a reason is made false, and which reasons may not be given after that. */
interface Negation {
  readonly tried: string;
  readonly events: readonly ControllerEvent[];
  readonly denies: (reason: Reason) => boolean;
}

/** Looks at one waiting task every so many events, and always in a back-off: those are short. */
export class ReasonChecker implements Observer {
  /** What was tried → how often. */
  readonly counts = new Map<string, number>();
  readonly #draws: Draws;
  readonly #every: number;
  readonly #explain: Explainer;
  #steps = 0;

  /** `every`: events of the controller between two looks, default 12. */
  constructor(draws: Draws, options: { every?: number; explain?: Explainer } = {}) {
    this.#draws = draws;
    this.#every = options.every ?? 12;
    this.#explain = options.explain ?? explainTask;
  }

  onControllerStep({ state }: { readonly state: ControllerState }): void {
    if (++this.#steps % this.#every !== 0 && state.notBefore.size === 0) return;
    // A pass that is paused keeps what is left for the next turn of the loop, and for no reason.
    if (isPlacementPaused(state)) return;
    const waiting = waitingTasks(state);
    if (waiting.length === 0) return;
    for (const tried of checkReasons(state, this.#draws.pick(waiting), this.#explain)) {
      this.counts.set(tried, (this.counts.get(tried) ?? 0) + 1);
    }
  }
}

/**
 * Tasks that wait for a time, and one of each queue: all of a queue wait for the same. What waits
 * for others is left out.
 */
function waitingTasks(state: ControllerState): number[] {
  const { tasks } = state;
  const delayed: number[] = [];
  const ofQueue = new Map<Shape, number>();
  for (let task = 0; task < tasks.length; task++) {
    if (!tasks.isLive(task) || tasks.state[task] !== taskStateCode.PENDING) continue;
    if (tasks.stage[task] === stage.delayed) delayed.push(task);
    if (tasks.stage[task] === stage.queued) ofQueue.set(shapeOf(state, task), task);
  }
  return [...delayed, ...ofQueue.values()];
}

/**
 * Makes every reason false that a waiting task is given, each on a copy of its own; what was tried.
 * Throws InvariantError if the task goes on to wait for the same reason, or for none at all.
 */
export function checkReasons(
  state: ControllerState,
  task: number,
  explain: Explainer = explainTask,
): string[] {
  const { reasons } = explain(state, task);
  const id = taskIdOf(state, task);
  if (!reasons.some(isReason)) throw wrong(id, "nothing keeps it", reasons);
  for (const { code } of reasons) assertKnown(code);
  const negations = negationsOf(state, task, reasons);
  for (const { tried, events, denies } of negations) {
    const after = afterAll(state, events);
    if (!stillWaits(after, task, state.tasks.ref(task))) continue;
    const left = explain(after, task).reasons;
    const same = left.filter(denies);
    if (same.length > 0) throw wrong(id, tried, left);
    if (!left.some(isReason)) throw wrong(id, `${tried}; nothing keeps it`, reasons);
  }
  return negations.map(({ tried }) => tried);
}

/** Whether it keeps a task by itself: those ahead of it do not. */
function isReason({ code }: Reason): boolean {
  return code !== "QUEUED_BEHIND";
}

function assertKnown(code: string): void {
  if (roomCodes.has(code) || leftOut.has(code) || ["BACKOFF", "USER_CAP"].includes(code)) return;
  throw new InvariantError(`nobody knows how to make the reason ${code} false`);
}

/** Names a task by its id; the story is what it is told. */
function wrong(taskId: string, tried: string, reasons: readonly Reason[]): InvariantError {
  const story = reasons.map(({ code, message }) => `${code}: ${message}`);
  return new InvariantError(`${taskId} waits for a reason that is not true (${tried})`, story);
}

function negationsOf(
  state: ControllerState,
  task: number,
  reasons: readonly Reason[],
): readonly Negation[] {
  const codes = new Set(reasons.map(({ code }) => code));
  const negations: (Negation | null)[] = [];
  if (codes.has("BACKOFF")) negations.push(endBackOff(state, task));
  if (codes.has("USER_CAP")) negations.push(liftCap(state, task));
  if (reasons.some(isClosedByOrder)) negations.push(openWorkers(state));
  if (reasons.some(({ code }) => roomCodes.has(code))) negations.push(addRoom(state, task));
  return negations.filter((one) => one !== null);
}

function endBackOff(state: ControllerState, task: number): Negation {
  const at = Math.max(state.at, state.notBefore.get(task) ?? 0);
  const denies = ({ code }: Reason) => code === "BACKOFF";
  return { tried: "its back-off ends", events: [{ type: "tick", at }], denies };
}

function liftCap(state: ControllerState, task: number): Negation {
  const budget = { ...budgetOf(state, jobOf(state, task).user), cap: null };
  const events = [callOf(state, { type: "set-user-budget", budget })];
  return { tried: "the cap is lifted", events, denies: ({ code }) => code === "USER_CAP" };
}

function isClosedByOrder({ code, clause }: Reason): boolean {
  return code === "WORKER_STATE" && /^worker is (DRAINING|CORDONED)/.test(clause ?? "");
}

function openWorkers(state: ControllerState): Negation {
  const closed = state.workers.filter((one) => isHealthy(one) && (one.cordoned || one.draining));
  const events = closed.flatMap(({ workerId }) => [
    callOf(state, { type: "cordon-worker", workerId, cordon: false }),
    callOf(state, { type: "drain-worker", workerId, drain: false, deadlineMs: 0 }),
  ]);
  return { tried: "closed workers are opened", events, denies: isClosedByOrder };
}

/** As many new workers as it needs; null if no new worker can have what its constraints ask. */
function addRoom(state: ControllerState, task: number): Negation | null {
  const events = roomyWorkers(state, shapeOf(state, task));
  if (events === null) return null;
  return { tried: "new workers have room", events, denies: ({ code }) => roomCodes.has(code) };
}

function callOf({ at }: ControllerState, request: ApiRequest): ControllerEvent {
  return { type: "api-called", at, call: 0, principal: administrator, request };
}

/** A copy of the state that took these up; what it tells of itself is not told by the original. */
function afterAll(state: ControllerState, events: readonly ControllerEvent[]): ControllerState {
  const copy = { ...new Copier().copy(state), story: new StoryLog() };
  for (const event of events) step(copy, event);
  return copy;
}

function stillWaits({ tasks }: ControllerState, task: number, ref: number): boolean {
  const isSame = tasks.isLive(task) && tasks.ref(task) === ref;
  return isSame && tasks.state[task] === taskStateCode.PENDING;
}
