/**
 * Who watches a run: the trace, the coverage of rare states, and whoever else asks. They see every
 * step of every kernel and every fault, and must change nothing.
 *
 * @module
 */

import type { ControllerEvent } from "../controller/events.ts";
import type { Output } from "../controller/outbox.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { WorkerStep } from "../worker/step.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

export interface Observer {
  /** The controller took an event up; its sends have not left. */
  onControllerStep?(controller: SimulatedController, event: ControllerEvent, output: Output): void;
  /** A worker took an event up; its sends have not been carried out. */
  onWorkerStep?(worker: SimulatedWorker, event: WorkerEvent, output: WorkerStep): void;
  /** Something went wrong on purpose; `what` names who or what was hit. */
  onFault?(kind: FaultKind, what: string): void;
}

/** One observer that tells several, in their order. */
export function combineObservers(observers: readonly Observer[]): Required<Observer> {
  return {
    onControllerStep(controller, event, output) {
      for (const one of observers) one.onControllerStep?.(controller, event, output);
    },
    onWorkerStep(worker, event, output) {
      for (const one of observers) one.onWorkerStep?.(worker, event, output);
    },
    onFault(kind, what) {
      for (const one of observers) one.onFault?.(kind, what);
    },
  };
}
