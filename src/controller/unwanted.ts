/**
 * Tasks of a session that is over, or is being closed, and that nobody wants any more.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { isTerminalCode } from "../model/states.ts";
import type { Outbox } from "./outbox.ts";
import { neededFromOutside } from "./shared-needs.ts";
import type { ControllerState } from "./state.ts";
import { killTasks } from "./wants.ts";

/** Kills the open tasks of a job that nobody wants or needs; what has ended may be forgotten. */
export function killUnwanted(
  state: ControllerState,
  out: Outbox,
  { job, why, at }: { job: number; why: string; at: Micros },
): void {
  const { tasks } = state;
  const unwanted = new Set<number>();
  for (const task of tasks.rows()) {
    if (tasks.job[task] !== job) continue;
    if (isTerminalCode(tasks.state[task])) out.releaseCandidates.push(task);
    else if (tasks.wants[task] === 0 && !state.shared.detached.has(task)) unwanted.add(task);
  }
  const needed = neededFromOutside(state, unwanted);
  const orphans = [...unwanted].filter((task) => !needed.has(task));
  killTasks(state, out, { tasks: orphans, code: "TASK_CANCELLED", message: why, at });
  for (const task of orphans) out.releaseCandidates.push(task);
}
