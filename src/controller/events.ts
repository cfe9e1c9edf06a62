/**
 * What goes into the controller kernel: everything that may change its mind.
 *
 * A peer's message comes in validated (`protocol/validate.ts`): its columns fit each other. What it
 * *says* may still be late, repeated or wrong, and the kernel answers for that.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { CapstanError } from "../model/errors.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { JobSpec, Principal, Role, UserBudget } from "../model/job.ts";
import type {
  ClientMessage,
  HotMessageOf,
  ToClientMessage,
  ToWorkerMessage,
  WorkerHello,
  WorkerMessage,
} from "../protocol/messages.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";

/** A client's place in the controller's table. */
export type ClientIndex = number;

export type ControllerEvent =
  /** A controller process serves from now on. `epoch` is new and durable. */
  | {
      readonly type: "controller-started";
      readonly at: Micros;
      readonly epoch: number;
      /** Default `fair`. */
      readonly policy?: QueuePolicy;
    }
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
      /** Its launcher lives on, and with it whatever commands it runs: they may be adopted. */
      readonly launcherLives: boolean;
    }
  /** Somebody asks for a change through the API; answered by `reply-to-call`. */
  | {
      readonly type: "api-called";
      readonly at: Micros;
      /** Names the call in the reply. */
      readonly call: number;
      readonly principal: Principal;
      readonly request: ApiRequest;
    };

/** A change that the API can make, parsed and authorised by role. */
export type ApiRequest =
  | {
      readonly type: "launch-job";
      readonly spec: JobSpec;
      /** Drawn by the shell: what the job's tasks present as their token. */
      readonly token: string;
      /** SHA-256 of that, hex. */
      readonly tokenHash: string;
    }
  | { readonly type: "terminate-job"; readonly jobId: string; readonly reason: string }
  | { readonly type: "retry-task"; readonly taskId: string }
  | {
      readonly type: "retry-job";
      readonly jobId: string;
      /** As for `launch-job`: if it has ended, it is launched again. */
      readonly token: string;
      readonly tokenHash: string;
    }
  | {
      readonly type: "drain-worker";
      readonly workerId: string;
      /** After this long what still runs is moved elsewhere, uncharged; 0 waits for ever. */
      readonly deadlineMs: number;
      /** False: the worker takes work again. */
      readonly drain: boolean;
    }
  | { readonly type: "cordon-worker"; readonly workerId: string; readonly cordon: boolean }
  | { readonly type: "set-user-budget"; readonly budget: UserBudget }
  | {
      readonly type: "create-token";
      readonly tokenId: string;
      /** SHA-256 of the secret, hex: the secret itself never comes here. */
      readonly hash: string;
      readonly user: string;
      readonly role: Role;
      readonly note: string;
      /** Microseconds; 0 for never. */
      readonly expiresAt: Micros;
    }
  | { readonly type: "revoke-token"; readonly tokenId: string }
  | {
      readonly type: "register-endpoint";
      /** Chosen by the caller: the same id renews. */
      readonly endpointId: string;
      /** Relative to the job tree of the task. */
      readonly name: string;
      readonly address: string;
      readonly taskId: string;
      readonly attemptId: string;
      readonly leaseMs: number;
      readonly metadata: { readonly [key: string]: string };
    }
  | { readonly type: "unregister-endpoint"; readonly endpointId: string }
  | {
      readonly type: "report-progress";
      readonly taskId: string;
      readonly attemptId: string;
      /** From 0 to 1. */
      readonly fraction: number;
      readonly note: string;
    }
  /** `user` "" is whoever asks. */
  | { readonly type: "unpublish-value"; readonly user: string; readonly name: string }
  /** `copies` is at least 1. */
  | { readonly type: "replicate-value"; readonly taskId: string; readonly copies: number }
  /** Ends what all sessions have submitted. */
  | { readonly type: "rebalance-values" }
  | { readonly type: "restart-cluster"; readonly reason: string }
  | { readonly type: "repair"; readonly dryRun: boolean };

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
  | { readonly type: "disconnect-client"; readonly client: ClientIndex; readonly reason: string }
  | {
      readonly type: "reply-to-call";
      readonly call: number;
      /** The API's response; `error` is null then. */
      readonly result: unknown;
      readonly error: CapstanError | null;
    };
