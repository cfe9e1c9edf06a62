/**
 * The durable part of what clients share, as a snapshot has it.
 *
 * @module
 */

import { listRequest } from "./apply-shared.ts";
import { type JobResult, keepResult } from "./job-results-state.ts";
import { newRestartWalk, type Restarting } from "./restarts-state.ts";
import {
  type Lock,
  type LockHolder,
  type LockRequest,
  nameKey,
  newSharedState,
  type Offer,
  type Publication,
  type SharedState,
} from "./shared-state.ts";

type LockImage = Omit<Lock, "holder" | "waiting"> & {
  readonly holder: Omit<LockHolder, "expiresAt">;
  readonly waiting: readonly LockRequest[];
};

export interface SharedImage {
  readonly published: readonly Publication[];
  readonly everFetched: boolean;
  readonly detached: readonly number[];
  readonly offers: readonly (readonly [number, readonly Offer[]])[];
  /** Absent in what older versions wrote. */
  readonly copies?: readonly (readonly [number, number])[];
  readonly locks: readonly LockImage[];
  readonly lockCounter: number;
  /** Absent in what older versions wrote. */
  readonly restarts?: number;
  /** Absent in what older versions wrote. */
  readonly results?: readonly (readonly [number, JobResult])[];
  /** Absent in what older versions wrote. */
  readonly restarting?: readonly Restarting[];
}

export function imageOfShared(shared: SharedState): SharedImage {
  return {
    published: [...shared.published.values()],
    everFetched: shared.everFetched,
    detached: [...shared.detached],
    offers: [...shared.offers].map(([task, offers]) => [task, [...offers]] as const),
    copies: [...shared.copies],
    locks: [...shared.locks.values()].map(imageOfLock),
    lockCounter: shared.lockCounter,
    restarts: shared.restarts,
    results: [...shared.results.byTask],
    restarting: [...shared.restarting.values()],
  };
}

function imageOfLock({ user, name, holder, waiting }: Lock): LockImage {
  const { expiresAt: _, ...held } = holder;
  return { user, name, holder: held, waiting: [...waiting] };
}

/** What an image stands for; older snapshots have none. */
export function restoreShared(image: SharedImage | undefined): SharedState {
  const shared = newSharedState();
  if (image === undefined) return shared;
  shared.everFetched = image.everFetched;
  shared.lockCounter = image.lockCounter;
  shared.restarts = image.restarts ?? 0;
  for (const task of image.detached) shared.detached.add(task);
  for (const publication of image.published) {
    const { user, name, task } = publication;
    shared.published.set(nameKey(user, name), publication);
    shared.publishedCounts.set(task, (shared.publishedCounts.get(task) ?? 0) + 1);
  }
  for (const [task, offers] of image.offers) shared.offers.set(task, [...offers]);
  for (const [task, count] of image.copies ?? []) shared.copies.set(task, count);
  for (const lock of image.locks) restoreLock(shared, lock);
  for (const [task, result] of image.results ?? []) keepResult(shared.results, task, result);
  for (const restarting of image.restarting ?? []) {
    shared.restarting.set(restarting.client, restarting);
    shared.restartWalks.set(restarting.client, newRestartWalk());
  }
  return shared;
}

/** Its lease begins when a controller serves. */
function restoreLock(shared: SharedState, { user, name, holder, waiting }: LockImage): void {
  const key = nameKey(user, name);
  shared.locks.set(key, { user, name, holder: { ...holder, expiresAt: 0 }, waiting: [...waiting] });
  for (const { client, id } of [holder, ...waiting]) listRequest(shared, client, id, key);
}
