/**
 * The controller kernel as the shell drives it: one interface, so that the loop can be tested with
 * a small kernel and run with the real one (`controller-kernel.ts`).
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import type { LogQuestion, LogSelection } from "../../controller/log-sources.ts";
import type { ResourceUse } from "../../controller/overview.ts";
import type { TrafficCounts } from "../../controller/traffic.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { WorkerIndex } from "../../model/ids.ts";
import type { Principal, UserBudget } from "../../model/job.ts";
import type { WorkerHello } from "../../protocol/messages.ts";
import type { FoldKernel } from "../journal/journal.ts";
import type { EndedTasks } from "./throughput.ts";

/** What a client is told in the controller's hello. */
export interface ClientSession {
  readonly index: number;
  readonly jobId: string;
  /** The highest sequence of its submits that was taken up. */
  readonly sequence: number;
}

/** Counts for `GetClusterInfo` and the status page. */
export interface ClusterSummary {
  /** Tasks that are not forgotten, by state. */
  readonly taskStateCounts: { readonly [state: string]: number };
  /** Workers that are remembered, by state. */
  readonly workerStateCounts: { readonly [state: string]: number };
  /** Those that are not lost. */
  readonly workerCount: number;
  /** Attempts since this controller began to serve, repeats among them. */
  readonly attemptCount: number;
  /** Tasks that are ready to run and not placed, and the different requests among these. */
  readonly queuedTaskCount: number;
  readonly queueCount: number;
  readonly resources: readonly ResourceUse[];
  /** Executions that were done again because a worker died with them or with their value. */
  readonly recomputedCount: number;
  /** Bytes of values that workers hold, copies too, and those of them that are on a disk. */
  readonly valueBytes: number;
  readonly spilledBytes: number;
  /** Processes in which workers run functions, and the memory that these have for themselves. */
  readonly processCount: number;
  readonly processBytes: number;
  /** What worker processes that this controller has heard did with values, and with processes. */
  readonly trafficCounts: TrafficCounts;
}

export interface Kernel<State, Fact> extends FoldKernel<State, Fact> {
  step(
    state: State,
    event: ControllerEvent,
  ): { readonly facts: readonly Fact[]; readonly sends: readonly ControllerSend[] };
  isDurable(fact: Fact): boolean;
  /** When the kernel wants a `tick`; null for never. */
  nextDeadline(state: State): Micros | null;
  /** Answers an API method that changes nothing. Throws CapstanError. */
  answerCall(state: State, method: string, request: unknown, principal: Principal): unknown;
  /** The same in steps, between which the loop may do other things. */
  answerInSteps(
    state: State,
    method: string,
    request: unknown,
    principal: Principal,
  ): Generator<void, unknown, void>;
  /** How many tasks have ended since the state was begun. */
  endedTasks(state: State): EndedTasks;
  /** Why the principal may not make this call, or null. The request was parsed. */
  authorise(
    state: State,
    principal: Principal,
    method: string,
    request: { readonly [field: string]: unknown },
  ): CapstanError | null;
  /** Whose secret has this hash (SHA-256, hex); null for one that works no more, or never did. */
  principalOf(state: State, hash: string, at: Micros): Principal | null;
  /** What a user may use: as it was set, or the defaults. */
  budgetOf(state: State, user: string): UserBudget;
  /** Where logs are, for whoever asks. Throws CapstanError. */
  logSources(state: State, question: LogQuestion, principal: Principal): LogSelection;
  summaryOf(state: State): ClusterSummary;
  /** The session of a client that has connected; null for a stranger. */
  sessionOf(state: State, clientId: string): ClientSession | null;
  clientIdOf(state: State, client: number): string;
  /** The place of a worker that has registered before; null for a stranger. */
  workerIndexOf(state: State, workerId: string): WorkerIndex | null;
  workerIdOf(state: State, worker: WorkerIndex): string;
  /** Why this worker may not register now, or null. */
  admitWorker(state: State, hello: WorkerHello): CapstanError | null;
  /** The place that the next stranger gets. */
  nextWorkerIndex(state: State): WorkerIndex;
}
