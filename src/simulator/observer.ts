/**
 * Who watches a run: the trace, the coverage of rare states, and whoever else asks. They see every
 * step of every kernel and every fault, and must change nothing.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { ControllerEvent } from "../controller/events.ts";
import type { Output } from "../controller/outbox.ts";
import type { AttemptId } from "../model/ids.ts";
import type {
  ClientMessage,
  HotMessageOf,
  ToClientMessage,
  ToWorkerMessage,
  WorkerHello,
  WorkerMessage,
} from "../protocol/messages.ts";
import type { WorkerEvent } from "../worker/events.ts";
import type { WorkerStep } from "../worker/step.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

/** Somebody asks for a job or for its end; and is told that the end has been taken up. */
export interface JobCall {
  readonly type: "launch-asked" | "stop-asked" | "stop-acknowledged";
  readonly jobId: string;
  /** Names the call. */
  readonly call: number;
}

/** What can be seen from outside: what is said, and what begins and ends on machines. */
export type Traffic =
  /** The controller hears who a worker is and what it has. */
  | {
      readonly type: "registered";
      readonly at: Micros;
      readonly hello: WorkerHello;
      readonly inventory: HotMessageOf<"inventory">;
    }
  /** An order leaves the controller. */
  | {
      readonly type: "ordered";
      readonly at: Micros;
      readonly workerId: string;
      readonly message: ToWorkerMessage;
    }
  /** A worker speaks; and, if it arrives, is heard. */
  | {
      readonly type: "said" | "heard";
      readonly at: Micros;
      readonly workerId: string;
      readonly message: WorkerMessage;
    }
  /** A client asks for something; and, if it arrives, is heard. */
  | {
      readonly type: "asked" | "asked-heard";
      readonly clientId: string;
      readonly message: ClientMessage;
    }
  | JobCall
  /** The controller hears somebody ask for another try of a task or a job. */
  | { readonly type: "retry-heard" }
  | { readonly type: "told"; readonly clientId: string; readonly message: ToClientMessage }
  /** An execution really begins or ends. */
  | {
      readonly type: "started" | "ended";
      readonly at: Micros;
      readonly workerId: string;
      readonly attempt: AttemptId;
    }
  /** An execution waits for tasks of its own: its thread goes on with others. */
  | { readonly type: "yielded"; readonly workerId: string; readonly attempt: AttemptId }
  /** What ended as an execution had not come to its function. */
  | { readonly type: "never-ran"; readonly attempt: AttemptId }
  /** What runs dies without a word: what the agent ran itself, or all on the machine. */
  | { readonly type: "died"; readonly workerId: string; readonly which: "functions" | "all" }
  /** The controller is told that the machine is gone with all that ran on it. */
  | { readonly type: "gone"; readonly workerId: string }
  /** The controller is told that a process has ended whose launcher, and commands, live on. */
  | { readonly type: "agent-gone"; readonly workerId: string; readonly incarnation: string };

export interface Observer {
  /** The controller took an event up; its sends have not left. */
  onControllerStep?(controller: SimulatedController, event: ControllerEvent, output: Output): void;
  /** A worker took up what had come by the end of its turn; its sends have not been carried out. */
  onWorkerStep?(worker: SimulatedWorker, events: readonly WorkerEvent[], output: WorkerStep): void;
  /** Something went wrong on purpose; `what` names who or what was hit. */
  onFault?(kind: FaultKind, what: string): void;
  /** Something was said, or began or ended on a machine. */
  onTraffic?(traffic: Traffic): void;
}

/** One observer that tells several, in their order. */
export function combineObservers(observers: readonly Observer[]): Required<Observer> {
  return {
    onControllerStep(controller, event, output) {
      for (const one of observers) one.onControllerStep?.(controller, event, output);
    },
    onWorkerStep(worker, events, output) {
      for (const one of observers) one.onWorkerStep?.(worker, events, output);
    },
    onFault(kind, what) {
      for (const one of observers) one.onFault?.(kind, what);
    },
    onTraffic(traffic) {
      for (const one of observers) one.onTraffic?.(traffic);
    },
  };
}
