/**
 * What the scheduler looks at now: queues in their order, users with their shares, reservations.
 *
 * @module
 */

import { bands, taskStateCode } from "../model/states.ts";
import { openTasks } from "./job-state.ts";
import { headTask } from "./queue-order.ts";
import { queuesInOrder } from "./queue-view.ts";
import { type ControllerState, type Shape, taskIdOf } from "./state.ts";
import { budgetOf, clusterTotal, shareOf } from "./users.ts";
import type { UserUsage } from "./users-view.ts";
import { formatTime } from "./views.ts";

/** The GetSchedulerState response. */
export function schedulerState(state: ControllerState) {
  const total = clusterTotal(state);
  const queues = queuesInOrder(state);
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

/** What every user who has submitted something has running and waiting now. */
export function usageByUser(state: ControllerState): ReadonlyMap<string, UserUsage> {
  const total = clusterTotal(state);
  const pending = new Float64Array(state.users.length);
  const open = new Float64Array(state.users.length);
  for (const job of state.jobs) {
    if (job.pruned) continue;
    open[job.userIndex] += openTasks(job);
    pending[job.userIndex] += job.stateCounts[taskStateCode.PENDING];
  }
  return new Map(
    state.users.map((user) => [
      user.name,
      {
        spend: user.spend,
        dominantShare: shareOf(state, user, total),
        running: open[user.index] - pending[user.index],
        pending: pending[user.index],
      },
    ]),
  );
}
