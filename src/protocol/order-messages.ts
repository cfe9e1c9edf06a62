/**
 * Cold orders of the controller to a worker that are about no attempt.
 *
 * @module
 */

/** No task of this spec will be sent any more. */
export interface DropSpec {
  readonly type: "drop-spec";
  readonly spec: number;
}

/**
 * What runs functions is made anew: what is ordered from now on runs in no thread and in no process
 * that ran anything before. Said again on each connection to who may not have heard it.
 */
export interface RenewExecutors {
  readonly type: "renew-executors";
  /** Which restart of the cluster it is; one that was carried out, or a lower one, is no news. */
  readonly restart: number;
}

/** The worker forgets everything: the controller does not know this cluster's past. */
export interface ResetWorker {
  readonly type: "reset";
}

export type PlainOrder = DropSpec | RenewExecutors | ResetWorker;
