/**
 * How facts about published values, brought values and locks change the state.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import { type Micros, microsPerMs } from "../base/time.ts";
import { noWorker, type WorkerIndex } from "../model/ids.ts";
import { listForLook } from "./copies-state.ts";
import type { ClientIndex } from "./events.ts";
import { giveKeyUp } from "./keys.ts";
import { everySession, newRestartWalk, type Restarting } from "./restarts-state.ts";
import {
  type Lock,
  type LockHolder,
  type LockRequest,
  nameKey,
  type Offer,
  type SharedState,
} from "./shared-state.ts";
import { type ControllerState, openClient, specOf } from "./state.ts";
import { tellEvent } from "./tell-event.ts";

/** Durable facts about what clients share. */
export type SharedFact =
  | {
      readonly type: "value-published";
      readonly at: Micros;
      readonly user: string;
      readonly name: string;
      readonly task: number;
    }
  | {
      readonly type: "value-unpublished";
      readonly at: Micros;
      readonly user: string;
      readonly name: string;
    }
  /** A client has one more handle, on a task that was published. Takes the request's sequence. */
  | {
      readonly type: "value-fetched";
      readonly at: Micros;
      readonly client: ClientIndex;
      readonly sequence: number;
      readonly number: number;
      readonly task: number;
    }
  /** They go on to their end, whoever goes. */
  | { readonly type: "tasks-detached"; readonly tasks: Uint32Array }
  /** So many workers are to hold their values from now on. */
  | {
      readonly type: "copies-wanted";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      /** 1 for what is usual. */
      readonly copies: number;
    }
  /** A client has the values of these tasks of its own, and will bring them. */
  | {
      readonly type: "values-offered";
      readonly client: ClientIndex;
      readonly numbers: Uint32Array;
    }
  /** The client stands in line; it holds the lock at once if nobody does. */
  | {
      readonly type: "lock-asked";
      readonly at: Micros;
      readonly client: ClientIndex;
      readonly lock: number;
      readonly name: string;
      readonly leaseMs: number;
    }
  /** The client has left the line, or the lock: the next one in line holds it. */
  | {
      readonly type: "lock-left";
      readonly at: Micros;
      readonly client: ClientIndex;
      readonly lock: number;
    };

/** Durable facts about restarts. */
export type RestartFact =
  /** It ends what was there before; one that goes on already ends what came since too. */
  | (Restarting & { readonly type: "restart-begun"; readonly at: Micros })
  /** It is over. */
  | { readonly type: "session-restarted"; readonly client: ClientIndex }
  /** It is over: from now on executors are others. */
  | {
      readonly type: "cluster-restarted";
      readonly at: Micros;
      readonly by: string;
      /** "" for none. */
      readonly reason: string;
    }
  /** These have ended with a restart: their keys are free for other tasks. */
  | { readonly type: "keys-given-up"; readonly tasks: Uint32Array };

/** Volatile: leases go on. */
export type LeaseFact =
  | {
      readonly type: "leases-renewed";
      readonly at: Micros;
      readonly client: ClientIndex;
      readonly locks: readonly number[];
    }
  /** Every lease was looked at. */
  | { readonly type: "leases-swept" };

type AnyFact = SharedFact | RestartFact | LeaseFact;
type FactOf<T extends AnyFact["type"]> = Extract<AnyFact, { type: T }>;

export const sharedAppliers: {
  readonly [T in AnyFact["type"]]: (state: ControllerState, fact: FactOf<T>) => void;
} = {
  "value-published": applyPublished,
  "value-unpublished": applyUnpublished,
  "value-fetched": applyFetched,
  "tasks-detached": ({ shared }, { tasks }) => {
    for (const task of tasks) shared.detached.add(task);
  },
  "copies-wanted": (state, { tasks, copies }) => {
    for (const task of tasks) wantCopies(state, task, copies);
  },
  "values-offered": (state, { client, numbers }) => {
    const { handles } = openClient(state, client);
    for (const number of numbers) addOffer(state.shared, handles.get(number), { client, number });
  },
  "restart-begun": ({ shared }, { type: _, at: __, ...restarting }) => {
    const { client } = restarting;
    const before = shared.restartWalks.get(client);
    const { calls, counts } = before ?? newRestartWalk();
    shared.restarting.set(client, restarting);
    shared.restartWalks.set(client, { ...newRestartWalk(), calls, counts });
  },
  "session-restarted": ({ shared }, { client }) => {
    dropRestart(shared, client);
  },
  "cluster-restarted": (state, { by, reason }) => {
    dropRestart(state.shared, everySession);
    state.shared.restarts++;
    const message = reason === "" ? `by ${by}` : `by ${by}: ${reason}`;
    tellEvent(state, { type: "cluster-restarted", id: String(state.shared.restarts), message });
  },
  "keys-given-up": (state, { tasks }) => {
    for (const task of tasks) giveKeyUp(state, task);
  },
  "lock-asked": applyLockAsked,
  "lock-left": applyLockLeft,
  "leases-renewed": ({ shared }, { at, client, locks }) => {
    for (const id of locks) {
      const { holder } = lockOf(shared, client, id);
      assert(holder.client === client && holder.id === id, "only who holds a lock renews it");
      holder.expiresAt = at + holder.leaseMs * microsPerMs;
    }
  },
  "leases-swept": ({ shared }) => {
    shared.sweepLocksAt = earliestLeaseEnd(shared);
  },
};

/** It is over. */
function dropRestart(shared: SharedState, client: ClientIndex): void {
  shared.restarting.delete(client);
  shared.restartWalks.delete(client);
}

/** Its session is over, and hears and says nothing more. */
export function dropRestartOf(shared: SharedState, client: ClientIndex): void {
  dropRestart(shared, client);
  shared.heardLater.delete(client);
}

/** The value is to be on so many workers; 0 for all. */
export function wantCopies(state: ControllerState, task: number, count: number): void {
  if (count === 1) state.shared.copies.delete(task);
  else state.shared.copies.set(task, count);
  state.copies.touched.add(task);
  if (state.extraHolders.has(task)) listForLook(state, task);
}

/** What is brought is wanted on as many workers as its client said. */
export function wantBroadcast(state: ControllerState, task: number): void {
  const { run } = specOf(state, task);
  if (run.kind === "value" && run.copies !== 1) wantCopies(state, task, run.copies);
}

function applyPublished(
  { shared, tasks }: ControllerState,
  { at, user, name, task }: FactOf<"value-published">,
): void {
  shared.published.set(nameKey(user, name), { user, name, task, at });
  shared.publishedCounts.set(task, (shared.publishedCounts.get(task) ?? 0) + 1);
  tasks.wants[task]++;
}

function applyUnpublished(
  { shared, tasks }: ControllerState,
  { user, name }: FactOf<"value-unpublished">,
): void {
  const key = nameKey(user, name);
  const { task } = present(shared.published.get(key), "only what is published is unpublished");
  shared.published.delete(key);
  const left = (shared.publishedCounts.get(task) ?? 0) - 1;
  if (left > 0) shared.publishedCounts.set(task, left);
  else shared.publishedCounts.delete(task);
  tasks.wants[task]--;
}

function applyFetched(state: ControllerState, fact: FactOf<"value-fetched">): void {
  const { sequence, number, task } = fact;
  const client = openClient(state, fact.client);
  addAlias(state, task, { client: client.index, number });
  client.handles.set(number, task);
  client.nextNumber = number + 1;
  client.lastSequence = sequence;
  state.shared.everFetched = true;
}

/** One more handle on a task than that of its own job. */
export function addAlias(
  state: ControllerState,
  task: number,
  alias: { readonly client: number; readonly number: number },
): void {
  state.aliases.set(task, [...(state.aliases.get(task) ?? []), alias]);
  state.tasks.wants[task]++;
}

/** A client has the value of the task, and will bring it. */
export function addOffer({ offers }: SharedState, task: number, offer: Offer): void {
  const known = offers.get(task) ?? [];
  if (!known.some((one) => isSameOffer(one, offer))) offers.set(task, [...known, offer]);
}

/** A client that has let go of a task does not bring its value any more. */
export function dropOffer({ offers }: SharedState, task: number, offer: Offer): void {
  if (offers.size === 0) return;
  const known = offers.get(task);
  if (known === undefined) return;
  const left = known.filter((one) => !isSameOffer(one, offer));
  offers.set(task, left);
}

/** A task whose value was to be brought waits for that no more. */
export function dropOffers(shared: SharedState, task: number): void {
  shared.offers.delete(task);
  directUpload(shared, task, noWorker);
}

/** The value is to be brought to this worker, and to no other; `noWorker`: to nobody. */
export function directUpload(shared: SharedState, task: number, worker: WorkerIndex): void {
  const { uploads, uploadCounts } = shared;
  const before = uploads.get(task);
  if (before !== undefined) {
    uploads.delete(task);
    const left = (uploadCounts.get(before) ?? 0) - 1;
    if (left > 0) uploadCounts.set(before, left);
    else uploadCounts.delete(before);
  }
  if (worker === noWorker) return;
  uploads.set(task, worker);
  uploadCounts.set(worker, (uploadCounts.get(worker) ?? 0) + 1);
}

export function isSameOffer(one: Offer, other: Offer): boolean {
  return one.client === other.client && one.number === other.number;
}

/** The lock that a client's request is for. */
export function lockOf(shared: SharedState, client: ClientIndex, id: number): Lock {
  const key = shared.locksOfClients.get(client)?.get(id);
  return present(key === undefined ? undefined : shared.locks.get(key), "a request is for a lock");
}

function applyLockAsked(state: ControllerState, fact: FactOf<"lock-asked">): void {
  const { shared } = state;
  const { client, lock: id, name, leaseMs, at } = fact;
  const { user } = openClient(state, client);
  const key = nameKey(user, name);
  const request: LockRequest = { client, id, leaseMs };
  const lock = shared.locks.get(key);
  if (lock === undefined) {
    shared.locks.set(key, { user, name, holder: grant(shared, request, at), waiting: [] });
  } else lock.waiting.push(request);
  listRequest(shared, client, id, key);
}

/** The request that is served next has the lock, and a token above all before it. */
function grant(shared: SharedState, request: LockRequest, at: Micros): LockHolder {
  const expiresAt = at + request.leaseMs * microsPerMs;
  const { sweepLocksAt } = shared;
  if (sweepLocksAt === 0 || expiresAt < sweepLocksAt) shared.sweepLocksAt = expiresAt;
  return { ...request, token: ++shared.lockCounter, grantedAt: at, expiresAt };
}

function applyLockLeft({ shared }: ControllerState, fact: FactOf<"lock-left">): void {
  const { client, lock: id, at } = fact;
  const lock = lockOf(shared, client, id);
  const requests = shared.locksOfClients.get(client);
  requests?.delete(id);
  if (requests?.size === 0) shared.locksOfClients.delete(client);
  if (lock.holder.client !== client || lock.holder.id !== id) {
    const at = lock.waiting.findIndex((one) => one.client === client && one.id === id);
    lock.waiting.splice(at, 1);
    return;
  }
  const next = lock.waiting.shift();
  if (next !== undefined) lock.holder = grant(shared, next, at);
  else shared.locks.delete(nameKey(lock.user, lock.name));
  if (shared.locks.size === 0) shared.sweepLocksAt = 0;
}

/** Names a request among those of its client. */
export function listRequest(
  { locksOfClients }: SharedState,
  client: ClientIndex,
  id: number,
  key: string,
): void {
  const requests = locksOfClients.get(client);
  if (requests === undefined) locksOfClients.set(client, new Map([[id, key]]));
  else requests.set(id, key);
}

/** A controller begins to serve: nobody could renew before, so each lease starts again. */
export function beginLockLeasesAnew(shared: SharedState, at: Micros): void {
  for (const { holder } of shared.locks.values()) {
    holder.expiresAt = at + holder.leaseMs * microsPerMs;
  }
  shared.sweepLocksAt = earliestLeaseEnd(shared);
}

/** The controller stood still: nobody could renew while it did. */
export function excuseLeases(shared: SharedState, pausedUs: number): void {
  for (const { holder } of shared.locks.values()) holder.expiresAt += pausedUs;
  if (shared.sweepLocksAt > 0) shared.sweepLocksAt += pausedUs;
}

/** 0 while no lock is held. */
function earliestLeaseEnd({ locks }: SharedState): Micros {
  let earliest = 0;
  for (const { holder } of locks.values()) {
    if (earliest === 0 || holder.expiresAt < earliest) earliest = holder.expiresAt;
  }
  return earliest;
}
