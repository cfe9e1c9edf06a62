/**
 * What waits for a place: every queue in the order of placement, with the reason, who holds what it
 * needs, and what would start it.
 *
 * @module
 */

import type { Principal } from "../model/job.ts";
import { bands } from "../model/states.ts";
import { compareWithinUser } from "../scheduler/fair-order.ts";
import { holdersOfCapacity, pendingReason } from "./explain.ts";
import { changeFor, reasonsOf } from "./explain-reasons.ts";
import { couldEverPlace } from "./gang-placement.ts";
import { seesOwnOnly } from "./own-reads.ts";
import { type ListRequest, paged } from "./pages.ts";
import { headTask, queueKeyOf } from "./queue-order.ts";
import { eachInSteps, type Scan } from "./scan.ts";
import {
  type ControllerState,
  jobOf,
  type Shape,
  specOf,
  submissionOf,
  taskIdOf,
} from "./state.ts";
import { formatTime } from "./views.ts";

/** Queues that are not empty, in the order in which placement looks at them. */
export function queuesInOrder(state: ControllerState) {
  return [...state.queuedShapes]
    .map((index) => ({ shape: state.shapes[index], key: queueKeyOf(state, state.shapes[index]) }))
    .sort((a, b) => a.key.band - b.key.band || compareWithinUser(a.key, b.key));
}

/** The GetQueue response. */
export function* queueView(
  state: ControllerState,
  request: ListRequest,
  principal: Principal,
): Scan<QueueView> {
  const queues = queuesInOrder(state);
  const { page, nextPageToken } = paged(queues, request);
  const queuedTasks = queues.reduce((sum, { shape }) => sum + shape.queued, 0);
  yield;
  const views = yield* eachInSteps(page, ({ shape, key }) => {
    if (shape.queued === 0) return null; // It was placed meanwhile.
    const effectiveBand = bands[key.band].toUpperCase();
    return { queue: shape.index, effectiveBand, ...waitingQueue(state, shape, principal) };
  });
  const shown = views.filter((view) => view !== null);
  return { queues: shown, totalCount: queues.length, queuedTasks, nextPageToken };
}

/** The GetQueue response. */
export interface QueueView {
  readonly queues: readonly (ReturnType<typeof waitingQueue> & {
    readonly queue: number;
    readonly effectiveBand: string;
  })[];
  readonly totalCount: number;
  readonly queuedTasks: number;
  readonly nextPageToken: string;
}

function waitingQueue(state: ControllerState, shape: Shape, principal: Principal) {
  const head = headTask(shape);
  const user = state.users[shape.user].name;
  const canEverRun = couldEverPlace(state, shape);
  const isOwn = !seesOwnOnly(principal) || principal.user === user;
  const holders = canEverRun ? holdersOfCapacity(state, shape) : [];
  return {
    user,
    band: shape.band.toUpperCase(),
    priority: shape.priority,
    resources: shape.resources,
    constraints: shape.constraints,
    isGang: shape.gang >= 0,
    jobId: jobOf(state, head).id,
    name: isOwn ? specOf(state, head).name : "",
    queued: shape.queued,
    headTaskId: taskIdOf(state, head),
    oldestSince: formatTime(submissionOf(state, head).at),
    canEverRun,
    summary: pendingReason(state, head) ?? "",
    reasons: reasonsOf(state, shape).map(({ code, message, workers, workersTotal }) => {
      return { code, message, workers, workersTotal };
    }),
    holders: holders.map(({ workerId, taskId, user: holder }) => {
      return { workerId, taskId, user: holder };
    }),
    change: changeFor(state, shape, canEverRun),
  };
}
