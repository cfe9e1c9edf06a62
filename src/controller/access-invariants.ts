/**
 * What must be true of tokens, budgets and endpoints after every event: a part of the list in
 * `invariants.ts`.
 *
 * @module
 */

import type { AttemptId } from "../model/ids.ts";
import { budgetsMax, endpointsMax, endpointsPerAttemptMax, tokensMax } from "./access-limits.ts";
import type { Inspection, WholeRule } from "./invariants/inspection.ts";

/** S-1: a token is found by its hash, and by nothing else. */
function everyTokenIsFoundByItsHash(look: Inspection): void {
  const { access } = look.state;
  const { tokens, tokensByHash } = access;
  for (const [id, token] of tokens) {
    if (token.tokenId !== id) look.report([id], `is listed as ${token.tokenId}`);
    if (tokensByHash.get(token.hash) !== id) look.report([id], "is not found by its hash");
  }
  if (tokensByHash.size === tokens.size) return;
  look.report([], `${tokensByHash.size} hashes of ${tokens.size} tokens`);
}

/** S-1: the indexes of endpoints equal their recount. */
function endpointIndexesEqualTheirRecount(look: Inspection): void {
  const { access } = look.state;
  if (access.endpoints.size + access.endpointsByName.size === 0) return;
  const byName = new Map<string, number>();
  const byAttempt = new Map<AttemptId, number>();
  for (const [id, { endpointId, name, attempt }] of access.endpoints) {
    byName.set(name, (byName.get(name) ?? 0) + 1);
    byAttempt.set(attempt, (byAttempt.get(attempt) ?? 0) + 1);
    if (endpointId !== id) look.report([id], `is listed as ${endpointId}`);
    if (access.endpointsByName.get(name)?.has(id) !== true) look.report([id], "its name misses it");
    const ofAttempt = access.endpointsByAttempt.get(attempt);
    if (ofAttempt?.has(id) !== true) look.report([id], "its attempt misses it");
  }
  compareCounts(look, access.endpointsByName, byName);
  compareCounts(look, access.endpointsByAttempt, byAttempt);
}

function compareCounts<K>(
  look: Inspection,
  index: ReadonlyMap<K, ReadonlySet<string>>,
  counts: ReadonlyMap<K, number>,
): void {
  for (const [key, ids] of index) {
    const found = counts.get(key) ?? 0;
    if (found !== ids.size) look.report([...ids], `${ids.size} under ${key}, ${found} found`);
  }
}

/** An endpoint goes with its attempt: none of an ended attempt or a forgotten task is left. */
function noEndpointOutlivesItsAttempt(look: Inspection): void {
  const { access, attempts, tasks } = look.state;
  if (access.endpoints.size === 0) return;
  const rows = new Map<AttemptId, number>();
  for (let row = 0; row < attempts.length; row++) rows.set(attempts.id[row], row);
  for (const { endpointId, taskId, task, attempt } of access.endpoints.values()) {
    const row = rows.get(attempt);
    if (row === undefined) look.report([endpointId, taskId], "is of an attempt that has ended");
    else if (attempts.task[row] !== tasks.find(task)) {
      look.report([endpointId, taskId], "is of an attempt of another task");
    }
  }
}

/** A look at the leases is due at the first end of one, or before. */
function everyLeaseIsLookedAtInTime(look: Inspection): void {
  const { access } = look.state;
  const { endpoints, sweepEndpointsAt } = access;
  if (endpoints.size === 0 && sweepEndpointsAt !== 0) look.report([], "leases of no endpoint");
  for (const { endpointId, expiresAt } of endpoints.values()) {
    if (sweepEndpointsAt > 0 && sweepEndpointsAt <= expiresAt) continue;
    look.report(
      [endpointId],
      `its lease ends at ${expiresAt}, the look is due at ${sweepEndpointsAt}`,
    );
  }
}

/** What administration remembers is bounded. */
function administrationStaysWithinItsLimits(look: Inspection): void {
  const { access } = look.state;
  checkBound(look, "tokens", access.tokens.size, tokensMax);
  checkBound(look, "budgets", access.budgets.size, budgetsMax);
  checkBound(look, "endpoints", access.endpoints.size, endpointsMax);
  for (const ids of access.endpointsByAttempt.values()) {
    if (ids.size > endpointsPerAttemptMax) look.report([...ids], "are too many for one attempt");
  }
}

function checkBound(look: Inspection, name: string, count: number, most: number): void {
  if (count > most) look.report([], `${count} ${name}, at most ${most}`);
}

export const accessInvariants: readonly WholeRule[] = [
  everyTokenIsFoundByItsHash,
  endpointIndexesEqualTheirRecount,
  noEndpointOutlivesItsAttempt,
  everyLeaseIsLookedAtInTime,
  administrationStaysWithinItsLimits,
];
