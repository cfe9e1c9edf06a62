/**
 * A task's module that starts or joins a cluster when it is imported would do so on every worker.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";

/** True on `globalThis` while a worker imports a bundle. */
const importingSymbol = Symbol.for("capstan.importing");

/** Throws TASK_MODULE_RUNS_PROGRAM if a worker is importing a task's module right now. */
export function refuseWhileImporting(call: string): void {
  if ((globalThis as { [importingSymbol]?: boolean })[importingSymbol] !== true) return;
  throw new CapstanError(
    "TASK_MODULE_RUNS_PROGRAM",
    `A task's module calls ${call}() while it is imported on a worker. ` +
      "Move the tasks into a module of their own, and import them where the program runs.",
  );
}
