/**
 * What the scheduler looks at now: queues in their order, users with their shares, reservations.
 *
 * @module
 */

import { bands } from "../model/states.ts";
import { compareWithinUser } from "../scheduler/fair-order.ts";
import { openTasks } from "./job-state.ts";
import { headTask } from "./place-solo.ts";
import { queueKeyOf } from "./placement.ts";
import { type ControllerState, type Shape, taskIdOf } from "./state.ts";
import { budgetOf, clusterTotal, shareOf } from "./users.ts";
import { formatTime } from "./views.ts";

/** The GetSchedulerState response. */
export function schedulerState(state: ControllerState) {
  const total = clusterTotal(state);
  const queues = state.shapes
    .filter((shape) => shape.queued > 0)
    .map((shape) => ({ shape, key: queueKeyOf(state, shape) }))
    .sort((a, b) => a.key.band - b.key.band || compareWithinUser(a.key, b.key));
  return {
    queues: queues.map(({ shape, key }) => ({
      queue: shape.index,
      user: state.users[shape.user].name,
      band: shape.band.toUpperCase(),
      effectiveBand: bands[key.band].toUpperCase(),
      priority: shape.priority,
      resources: shape.resources,
      queued: shape.queued,
      headTaskId: taskIdOf(state, headTask(shape)),
      isGang: shape.gang >= 0,
    })),
    users: state.users.map((user) => ({
      user: user.name,
      dominantShare: shareOf(state, user, total),
      spend: user.spend,
      budget: budgetOf(state, user.name).budget,
    })),
    reservations: [...state.reservations.values()].map((one) => ({
      reason: one.reason.toUpperCase(),
      forTaskId: ownerOf(state, state.shapes[one.shape]),
      workerIds: one.workers.map((index) => state.workers[index].workerId),
      expiresAt: formatTime(one.expiresAt),
    })),
  };
}

export function ownerOf(state: ControllerState, shape: Shape): string {
  if (shape.gang >= 0) return state.jobs[shape.gang].id;
  return shape.queued > 0 ? taskIdOf(state, headTask(shape)) : "";
}

/** What a user has running and waiting now. */
export function userUsage(state: ControllerState, name: string) {
  const index = state.usersByName.get(name);
  const spend = index === undefined ? 0 : state.users[index].spend;
  let open = 0;
  let pending = 0;
  for (const job of state.jobs) {
    if (job.pruned || job.user !== name) continue;
    open += openTasks(job);
    pending += job.stateCounts[0];
  }
  return { spend, running: open - pending, pending };
}
