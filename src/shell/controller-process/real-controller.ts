/**
 * The controller with the real kernel: what the entry and embedding programs start.
 *
 * @module
 */

import { DashboardFiles } from "../api/dashboard-files.ts";
import { foldModule } from "./controller-fold.ts";
import { controllerKernel } from "./controller-kernel.ts";
import type { ControllerOptions } from "./options.ts";
import { type ControllerProcess, type FatalEnd, startController } from "./run-controller.ts";

export type { ControllerOptions } from "./options.ts";
export type { ControllerProcess, FatalEnd } from "./run-controller.ts";

/**
 * Runs a controller until it is closed. `onFatal` is called when it cannot go on (a broken promise:
 * 70, a failed disk: 74): the caller ends the process with that exit code. Throws as
 * `startController`.
 */
export function runController(
  options: ControllerOptions,
  onFatal: (end: FatalEnd) => void,
): Promise<ControllerProcess> {
  const dashboard = new DashboardFiles();
  return startController(options, { kernel: controllerKernel, foldModule, onFatal, dashboard });
}
