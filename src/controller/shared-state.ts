/**
 * What clients share: published values, values that they bring, locks. Written by `applyShared` and
 * by the appliers of tasks and sessions, which keep it in step with their own.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import type { ClientIndex, ControllerEvent } from "./events.ts";
import { type JobResults, newJobResults } from "./job-results-state.ts";
import { restartedPerStepMax } from "./limits.ts";
import type { Restarting, RestartWalk } from "./restarts-state.ts";

type ClientMessaged = Extract<ControllerEvent, { type: "client-messaged" }>;

/** A value that has a name among those of its user. The name wants it, whoever comes and goes. */
export interface Publication {
  readonly user: string;
  readonly name: string;
  /** Row of the task. */
  readonly task: number;
  readonly at: Micros;
}

/** A client that has a value, and its number for the task. */
export interface Offer {
  readonly client: ClientIndex;
  readonly number: number;
}

/** A client that holds a lock, or stands in line for it. */
export interface LockRequest {
  readonly client: ClientIndex;
  /** The client's number for it. */
  readonly id: number;
  readonly leaseMs: number;
}

/** Who holds a lock, until when. */
export interface LockHolder extends LockRequest {
  /** Rises with each grant of any lock. */
  readonly token: number;
  readonly grantedAt: Micros;
  /** Volatile: renewed, and begun anew by a controller that begins to serve. */
  expiresAt: Micros;
}

/** There while somebody holds it. */
export interface Lock {
  readonly user: string;
  readonly name: string;
  holder: LockHolder;
  /** Those in line, the first to be served first. */
  readonly waiting: LockRequest[];
}

export interface SharedState {
  /** By `nameKey`. */
  readonly published: Map<string, Publication>;
  /** Row of a published task → under how many names. */
  readonly publishedCounts: Map<number, number>;
  /** A value was fetched by name once: tasks of several clients may depend on each other. */
  everFetched: boolean;
  /** Rows of tasks that have not ended, and go on when their session has. */
  readonly detached: Set<number>;
  /** Row of a task whose value is to be brought → who has it. */
  readonly offers: Map<number, Offer[]>;
  /** Volatile. Row of an offered task → the worker that its value is to be brought to. */
  readonly uploads: Map<number, WorkerIndex>;
  /** Volatile. How many of `uploads` each worker is to get; those that are to get none are not. */
  readonly uploadCounts: Map<WorkerIndex, number>;
  /** What functions of launched jobs have returned. */
  readonly results: JobResults;
  /** Row of a task → on how many workers its value is wanted; 0 for all. 1 is not listed. */
  readonly copies: Map<number, number>;
  /** By `nameKey`. */
  readonly locks: Map<string, Lock>;
  /** The client's number of each of its requests → the lock's key. */
  readonly locksOfClients: Map<ClientIndex, Map<number, string>>;
  lockCounter: number;
  /** Restarts of the cluster so far. */
  restarts: number;
  /** By session, or `everySession`: restarts that were accepted and are not over. */
  readonly restarting: Map<ClientIndex, Restarting>;
  /** Volatile. How far each has come, the next to go on first. */
  readonly restartWalks: Map<ClientIndex, RestartWalk>;
  /** Volatile. What sessions that are restarted have said since. */
  readonly heardLater: Map<ClientIndex, ClientMessaged["message"][]>;
  /** Volatile. Tasks that one step of a restart ends. */
  endsPerStep: number;
  /** Volatile. No lease ends before; 0 while no lock is held. */
  sweepLocksAt: Micros;
}

export function newSharedState(): SharedState {
  return {
    published: new Map(),
    publishedCounts: new Map(),
    everFetched: false,
    detached: new Set(),
    offers: new Map(),
    uploads: new Map(),
    uploadCounts: new Map(),
    results: newJobResults(),
    copies: new Map(),
    locks: new Map(),
    locksOfClients: new Map(),
    ...{ lockCounter: 0, restarts: 0 },
    restarting: new Map(),
    restartWalks: new Map(),
    heardLater: new Map(),
    endsPerStep: restartedPerStepMax,
    sweepLocksAt: 0,
  };
}

/** What a user calls something. */
export function nameKey(user: string, name: string): string {
  return `${user}\n${name}`;
}
