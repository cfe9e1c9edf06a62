/**
 * What the sessions of peers need of the process around them: the loop, lookups in the kernel's
 * tables, who we are, and what may be refused.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { ControllerEvent } from "../../controller/events.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import type { ControllerHello, WorkerHello } from "../../protocol/messages.ts";
import type { CallOrder } from "../api/http-api.ts";
import type { Logger } from "../logging/logger.ts";
import type { MessageStream } from "../transport/message-stream.ts";
import type { AnswerCall } from "./api-calls.ts";
import type { Caller } from "./authentication.ts";
import type { ClientSession } from "./kernel.ts";

export interface PeerContext {
  readonly clusterId: string;
  readonly epoch: number;
  /** What all workers demand of whoever fetches values from them; never logged. */
  readonly dataToken: string;
  /** What they demand for logs; never logged, and told to workers only. */
  readonly logToken: string;
  readonly logger: Logger;
  at(): Micros;
  /** Steps the kernel, unless the event is one that is known to stop it: then false. */
  handle(event: ControllerEvent): boolean;
  /** Runs `act` in order with the kernel's sends, when what was decided before is durable. */
  hold(act: () => void): void;
  sessionOf(clientId: string): ClientSession | null;
  workerIndexOf(workerId: string): number | null;
  nextWorkerIndex(): number;
  /** Why this worker may not register now, or null. */
  admitWorker(hello: WorkerHello): CapstanError | null;
  /** Carries out a call of the API; what it returns drops the answer. */
  call(order: CallOrder, answer: AnswerCall): () => void;
  /** The caller as it may act now; null once its token has ended. */
  renew(caller: Caller): Principal | null;
  /** Why no new work is taken at present, or null. */
  overload(): CapstanError | null;
  /** More waits for the disk than should: stop reading new work. */
  congested(): boolean;
}

/** The two answers to a hello; exactly one of them is given. */
export interface HelloAnswer {
  readonly accept: (hello: ControllerHello) => MessageStream;
  readonly refuse: (error: CapstanError) => void;
}
