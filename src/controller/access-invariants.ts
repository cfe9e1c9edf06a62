/**
 * What must be true of tokens, budgets and endpoints after every event: a part of the list in
 * `invariants.ts`.
 *
 * @module
 */

import type { AttemptId } from "../model/ids.ts";
import { budgetsMax, endpointsMax, endpointsPerAttemptMax, tokensMax } from "./access-limits.ts";
import type { AccessState } from "./access-state.ts";
import type { ControllerState } from "./state.ts";

type Report = (ids: readonly string[], message: string) => void;
type AccessInvariant = (state: ControllerState, report: Report) => void;

/** S-1: a token is found by its hash, and by nothing else. */
function everyTokenIsFoundByItsHash({ access }: ControllerState, report: Report): void {
  const { tokens, tokensByHash } = access;
  for (const [id, token] of tokens) {
    if (token.tokenId !== id) report([id], `is listed as ${token.tokenId}`);
    if (tokensByHash.get(token.hash) !== id) report([id], "is not found by its hash");
  }
  if (tokensByHash.size === tokens.size) return;
  report([], `${tokensByHash.size} hashes of ${tokens.size} tokens`);
}

/** S-1: the indexes of endpoints equal their recount. */
function endpointIndexesEqualTheirRecount({ access }: ControllerState, report: Report): void {
  const byName = new Map<string, number>();
  const byAttempt = new Map<AttemptId, number>();
  for (const [id, { endpointId, name, attempt }] of access.endpoints) {
    byName.set(name, (byName.get(name) ?? 0) + 1);
    byAttempt.set(attempt, (byAttempt.get(attempt) ?? 0) + 1);
    if (endpointId !== id) report([id], `is listed as ${endpointId}`);
    if (access.endpointsByName.get(name)?.has(id) !== true) report([id], "its name misses it");
    const ofAttempt = access.endpointsByAttempt.get(attempt);
    if (ofAttempt?.has(id) !== true) report([id], "its attempt misses it");
  }
  compareCounts(access.endpointsByName, byName, report);
  compareCounts(access.endpointsByAttempt, byAttempt, report);
}

function compareCounts<K>(
  index: ReadonlyMap<K, ReadonlySet<string>>,
  counts: ReadonlyMap<K, number>,
  report: Report,
): void {
  for (const [key, ids] of index) {
    const found = counts.get(key) ?? 0;
    if (found !== ids.size) report([...ids], `${ids.size} under ${key}, ${found} found`);
  }
}

/** An endpoint goes with its attempt: none of an ended attempt or a forgotten task is left. */
function noEndpointOutlivesItsAttempt(state: ControllerState, report: Report): void {
  const { access, attempts, tasks } = state;
  if (access.endpoints.size === 0) return;
  const rows = new Map<AttemptId, number>();
  for (let row = 0; row < attempts.length; row++) rows.set(attempts.id[row], row);
  for (const { endpointId, taskId, task, attempt } of access.endpoints.values()) {
    const row = rows.get(attempt);
    if (row === undefined) report([endpointId, taskId], "is of an attempt that has ended");
    else if (attempts.task[row] !== tasks.find(task)) {
      report([endpointId, taskId], "is of an attempt of another task");
    }
  }
}

/** A look at the leases is due at the first end of one, or before. */
function everyLeaseIsLookedAtInTime({ access }: ControllerState, report: Report): void {
  const { endpoints, sweepEndpointsAt } = access;
  if (endpoints.size === 0 && sweepEndpointsAt !== 0) report([], "leases of no endpoint");
  for (const { endpointId, expiresAt } of endpoints.values()) {
    if (sweepEndpointsAt > 0 && sweepEndpointsAt <= expiresAt) continue;
    report([endpointId], `its lease ends at ${expiresAt}, the look is due at ${sweepEndpointsAt}`);
  }
}

/** What administration remembers is bounded. */
function administrationStaysWithinItsLimits({ access }: ControllerState, report: Report): void {
  for (const [name, count, most] of boundsOf(access)) {
    if (count > most) report([], `${count} ${name}, at most ${most}`);
  }
  for (const ids of access.endpointsByAttempt.values()) {
    if (ids.size > endpointsPerAttemptMax) report([...ids], "are too many for one attempt");
  }
}

function boundsOf(access: AccessState): readonly (readonly [string, number, number])[] {
  return [
    ["tokens", access.tokens.size, tokensMax],
    ["budgets", access.budgets.size, budgetsMax],
    ["endpoints", access.endpoints.size, endpointsMax],
  ];
}

export const accessInvariants: readonly AccessInvariant[] = [
  everyTokenIsFoundByItsHash,
  endpointIndexesEqualTheirRecount,
  noEndpointOutlivesItsAttempt,
  everyLeaseIsLookedAtInTime,
  administrationStaysWithinItsLimits,
];
