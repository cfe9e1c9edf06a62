/**
 * Messages between a client and the controller about what clients share: published values, values
 * that they bring, locks; and about the end of all that one has submitted. All are cold.
 *
 * @module
 */

import type { TaskRef, WorkerIndex } from "../model/ids.ts";

/** The value of a task gets a name among those of its user: a want that outlives its client. */
export interface Publish {
  readonly type: "publish";
  readonly sequence: number;
  readonly name: string;
  /** The client's number of the task. */
  readonly task: number;
}

/** From now on the client's number `task`, which is new, is what is published under the name. */
export interface FetchPublished {
  readonly type: "fetch-published";
  readonly sequence: number;
  readonly name: string;
  readonly task: number;
}

/** These tasks go on to their end when the session has ended; what they need does too. */
export interface Detach {
  readonly type: "detach";
  readonly sequence: number;
  readonly tasks: readonly number[];
}

/** The values of these tasks are to be on so many workers from now on, or on all that there are. */
export interface Replicate {
  readonly type: "replicate";
  readonly sequence: number;
  readonly tasks: readonly number[];
  /** At least 1, at most `copiesMax`. */
  readonly copies: number;
}

/**
 * What the client submitted before it has ended or ends now, and its locks are gone. What others
 * need of it goes on for them.
 */
export interface RestartSession {
  readonly type: "restart-session";
  readonly sequence: number;
  /** For people; "" for none. */
  readonly reason: string;
}

/** Asks for the lock of that name; granted in the order of asking. */
export interface AskForLock {
  readonly type: "lock";
  readonly sequence: number;
  /** Chosen by the client, new for each request of the session. */
  readonly lock: number;
  readonly name: string;
  readonly leaseMs: number;
}

/** Gives a lock back, or the place in its line. */
export interface LeaveLock {
  readonly type: "unlock";
  readonly sequence: number;
  readonly lock: number;
}

/** The leases of these begin again. Answered by `locks-renewed`, and `lock-lost` for others. */
export interface RenewLocks {
  readonly type: "renew-locks";
  readonly locks: readonly number[];
}

/**
 * Bring the value of this task to these workers (see `peer`), which are to keep it under `ref`:
 * to one, from which others have it. Said again when they have changed, and when the client wants
 * the task.
 */
export interface Upload {
  readonly type: "upload";
  readonly task: number;
  readonly ref: TaskRef;
  readonly workers: readonly WorkerIndex[];
}

/** The client holds the lock. Said again after a reconnect. */
export interface LockGranted {
  readonly type: "lock-granted";
  readonly lock: number;
  /** Rises with each grant of any lock: who was granted later has the higher one. */
  readonly token: number;
}

/** Others are before it, when it asked. */
export interface LockQueued {
  readonly type: "lock-queued";
  readonly lock: number;
  readonly ahead: number;
  /** Who holds it, for people. */
  readonly holder: string;
}

export interface LocksRenewed {
  readonly type: "locks-renewed";
  readonly locks: readonly number[];
}

/** The lease ran out, or no such request is known: the client does not hold the lock. */
export interface LockLost {
  readonly type: "lock-lost";
  readonly lock: number;
  readonly reason: string;
}

/** What a client says. */
export type SharedRequest =
  | Publish
  | FetchPublished
  | Detach
  | Replicate
  | RestartSession
  | AskForLock
  | LeaveLock
  | RenewLocks;

/** What the controller says. */
export type SharedAnswer = Upload | LockGranted | LockQueued | LocksRenewed | LockLost;
