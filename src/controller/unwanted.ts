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

/** Kills those `among` a job's tasks that nobody wants or needs; what has ended may go. */
export function killUnwanted(
  state: ControllerState,
  out: Outbox,
  killing: {
    readonly job: number;
    /** Tasks of any job. */
    readonly among: Iterable<number>;
    readonly why: string;
    readonly at: Micros;
  },
): void {
  const { job, among, why, at } = killing;
  const { tasks } = state;
  const unwanted = new Set<number>();
  for (const task of among) {
    if (tasks.job[task] !== job) continue;
    if (isTerminalCode(tasks.state[task])) out.releaseCandidates.push(task);
    else if (tasks.wants[task] === 0 && !state.shared.detached.has(task)) unwanted.add(task);
  }
  const needed = neededFromOutside(state, unwanted);
  const orphans = [...unwanted].filter((task) => !needed.has(task));
  killTasks(state, out, { tasks: orphans, code: "TASK_CANCELLED", message: why, at });
  for (const task of orphans) out.releaseCandidates.push(task);
}
