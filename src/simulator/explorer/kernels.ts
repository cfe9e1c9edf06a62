/**
 * The two kernels as the explorer calls them. Tests give it broken ones, to see that it notices.
 *
 * @module
 */

import type { ControllerEvent } from "../../controller/events.ts";
import { checkInvariants } from "../../controller/invariants.ts";
import type { ControllerState } from "../../controller/state.ts";
import { type Output, step } from "../../controller/step.ts";
import type { WorkerEvent } from "../../worker/events.ts";
import { checkWorkerInvariants } from "../../worker/invariants.ts";
import type { WorkerState } from "../../worker/state.ts";
import { stepAll, type WorkerStep } from "../../worker/step.ts";

export interface Kernels {
  stepController(state: ControllerState, event: ControllerEvent): Output;
  stepWorker(state: WorkerState, events: readonly WorkerEvent[]): WorkerStep;
  checkController(state: ControllerState): void;
  checkWorker(state: WorkerState): void;
}

/** Those that are shipped. */
export const realKernels: Kernels = {
  stepController: step,
  stepWorker: stepAll,
  checkController: checkInvariants,
  checkWorker: checkWorkerInvariants,
};
