/**
 * What goes into the controller kernel: everything that may change its mind.
 *
 * A peer's message comes in validated (`protocol/validate.ts`): its columns fit each other. What it
 * *says* may still be late, repeated or wrong, and the kernel answers for that.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type {
  ClientMessage,
  HotMessageOf,
  ToClientMessage,
  ToWorkerMessage,
  WorkerHello,
  WorkerMessage,
} from "../protocol/messages.ts";

/** A client's place in the controller's table. */
export type ClientIndex = number;

export type ControllerEvent =
  /** A controller process serves from now on. `epoch` is new and durable. */
  | { readonly type: "controller-started"; readonly at: Micros; readonly epoch: number }
  /** The moment that `nextDeadline` named, or any other. */
  | { readonly type: "tick"; readonly at: Micros }
  /** The loop stood still for `pausedUs`: silence in that time proves nothing. */
  | { readonly type: "controller-paused"; readonly at: Micros; readonly pausedUs: number }
  | {
      readonly type: "client-connected";
      readonly at: Micros;
      readonly clientId: string;
      readonly user: string;
    }
  | { readonly type: "client-disconnected"; readonly at: Micros; readonly client: ClientIndex }
  | {
      readonly type: "client-messaged";
      readonly at: Micros;
      readonly client: ClientIndex;
      readonly message: Exclude<ClientMessage, { type: "call" }>;
    }
  | {
      readonly type: "worker-connected";
      readonly at: Micros;
      readonly hello: WorkerHello;
      readonly inventory: HotMessageOf<"inventory">;
    }
  | { readonly type: "worker-disconnected"; readonly at: Micros; readonly worker: WorkerIndex }
  | {
      readonly type: "worker-messaged";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly message: WorkerMessage;
    }
  /** Whoever started the worker saw its process end: proof, not silence. */
  | {
      readonly type: "worker-exited";
      readonly at: Micros;
      readonly workerId: string;
      readonly incarnation: string;
      readonly exitCode: number | null;
      readonly signal: string | null;
    };

/** Orders of the kernel to its shell; they leave only when the facts before them are durable. */
export type ControllerSend =
  | {
      readonly type: "send-to-client";
      readonly client: ClientIndex;
      readonly message: ToClientMessage;
    }
  | {
      readonly type: "send-to-worker";
      readonly worker: WorkerIndex;
      readonly message: ToWorkerMessage;
    }
  /** Close the worker's connection (a duplicate id, a stale session). */
  | { readonly type: "disconnect-worker"; readonly worker: WorkerIndex; readonly reason: string }
  | { readonly type: "disconnect-client"; readonly client: ClientIndex; readonly reason: string };
