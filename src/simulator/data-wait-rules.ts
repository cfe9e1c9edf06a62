/**
 * Rules about attempts that stand in line where their inputs are: what they wait for is worth it,
 * and at their bound they are free to go. They count bytes and room by hand.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import type { Fact, FactOf } from "../controller/facts.ts";
import { takes } from "../controller/fitting.ts";
import { dataWaitUsMin } from "../controller/limits.ts";
import { type ControllerState, isHealthy, taskIdOf } from "../controller/state.ts";
import { attemptFlag } from "../controller/tables/attempt-table.ts";
import { noSlot } from "../controller/tables/task-table.ts";

export class DataWaitRules {
  /** Up to then waits had ended before this step. */
  #endedUntil: Micros = 0;

  /** Throws InvariantError if a step has somebody wait in vain. */
  check(state: ControllerState, facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.type === "data-waits-begun") checkWorth(state, fact);
      if (fact.type !== "data-waits-ended") continue;
      checkFree(state, this.#endedUntil, fact.until);
      this.#endedUntil = fact.until;
    }
  }
}

/** Nobody waits for the sake of inputs that are soon moved, nor for longer than that takes. */
function checkWorth(state: ControllerState, { waits }: FactOf<"data-waits-begun">): void {
  const { tasks, dataWaits } = state;
  for (const { task, wait } of waits) {
    if (!tasks.isLive(task)) continue;
    let total = 0;
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      total += tasks.valueBytes[tasks.dependency(task, position)];
    }
    const movedInUs = (total / dataWaits.bytesPerSecond) * 1e6;
    if (movedInUs < dataWaitUsMin) fail("a small input keeps nobody", state, task);
    if (wait.until > state.at + movedInUs + 1) {
      fail("nobody waits longer than to move its inputs takes", state, task);
    }
  }
}

/** What has waited for as long as it may does not stay where another worker has room. */
function checkFree(state: ControllerState, after: Micros, until: Micros): void {
  const { attempts, tasks, workers } = state;
  for (const [task, wait] of state.dataWaits.waits) {
    if (wait.until <= after || wait.until > until || !tasks.isLive(task)) continue;
    const row = tasks.attempt[task];
    if (row === noSlot || attempts.isGranted(row)) continue;
    const { started, stopping, retracting } = attemptFlag;
    if (attempts.hasFlag(row, started | stopping | retracting)) continue;
    const own = attempts.worker[row];
    const shape = state.shapes[attempts.shape[row]];
    const isIdle = workers.some((one) => one.index !== own && takes(state, one, shape));
    if (isIdle && isHealthy(workers[own])) fail("a wait for inputs has an end", state, task);
  }
}

function fail(rule: string, state: ControllerState, task: number): never {
  throw new InvariantError(rule, [taskIdOf(state, task)]);
}
