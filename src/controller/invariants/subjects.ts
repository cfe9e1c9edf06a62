/**
 * Which records a look is about: all of them, or those that some facts touched.
 *
 * @module
 */

import type { ControllerState } from "../state.ts";
import { noSlot } from "../tables/task-table.ts";
import { RowSet } from "./row-set.ts";

export class Subjects {
  readonly tasks = new RowSet();
  readonly attempts = new RowSet();
  readonly workers = new RowSet();
  readonly shapes = new RowSet();
  readonly jobs = new RowSet();
  readonly users = new RowSet();
  readonly clients = new RowSet();

  clear(): void {
    this.tasks.clear();
    this.attempts.clear();
    this.workers.clear();
    this.shapes.clear();
    this.jobs.clear();
    this.users.clear();
    this.clients.clear();
  }

  addAll(state: ControllerState): void {
    const { tasks, attempts } = state;
    for (let task = 0; task < tasks.length; task++) {
      if (tasks.job[task] !== noSlot) this.tasks.add(task);
    }
    for (let row = 0; row < attempts.length; row++) {
      if (attempts.id[row] !== 0) this.attempts.add(row);
    }
    this.workers.addBelow(state.workers.length);
    this.shapes.addBelow(state.shapes.length);
    for (const { index, pruned } of state.jobs) if (!pruned) this.jobs.add(index);
    this.users.addBelow(state.users.length);
    this.clients.addBelow(state.clients.length);
  }

  /** Leaves out what is there no more: no rule speaks of it. */
  keepLive(state: ControllerState): void {
    this.tasks.keep((task) => state.tasks.isLive(task));
    this.attempts.keep((row) => state.attempts.id[row] !== 0);
    this.jobs.keep((job) => !state.jobs[job].pruned);
  }
}
