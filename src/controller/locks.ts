/**
 * Locks with a lease, by name, of one user's clients.
 *
 *     asked ─▶ in line ─▶ held(token) ─▶ left (given back | lease over | session over)
 *                            ▲ │
 *                            └─┘ renewed
 *
 * Whoever holds one is told a token that is above all granted before it: what a lock guards can
 * refuse a lower one, and so a holder that sleeps through the end of its lease. Requests, holders
 * and tokens are durable; leases are not, and begin anew when a controller begins to serve. So a
 * restart neither takes a lock from its holder nor leaves it with a dead one.
 *
 * @module
 */

import { type Micros, microsPerMs } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { AskForLock, LeaveLock, RenewLocks } from "../protocol/shared-messages.ts";
import { lockOf } from "./apply-shared.ts";
import type { ClientIndex } from "./events.ts";
import { lockLeaseMaxMs, lockLeaseMinMs, locksPerClientMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { refuse } from "./refuse.ts";
import { type Lock, type LockHolder, type LockRequest, nameKey } from "./shared-state.ts";
import { type Client, type ControllerState, openClient } from "./state.ts";
import { formatTime } from "./views.ts";
import { takeSequence } from "./wants.ts";

/** A client asks for a lock. */
export function onLock(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: AskForLock; at: Micros },
): void {
  const client = openClient(state, index);
  const { sequence, lock: id, name, leaseMs } = message;
  const refusal = sequence > client.lastSequence ? refusalOf(state, client, message) : null;
  if (refusal !== null) return refuse(state, out, client, { sequence, refusal });
  if (!takeSequence(state, out, client, sequence)) return;
  const ahead = state.shared.locks.get(nameKey(client.user, name));
  const count = ahead === undefined ? 0 : ahead.waiting.length + 1;
  const holder = ahead === undefined ? "" : describeHolder(state, ahead);
  out.record(state, { type: "lock-asked", at, client: index, lock: id, name, leaseMs });
  if (count === 0) return tellGranted(state, out, lockOf(state.shared, index, id).holder);
  out.toClient(state, index, { type: "lock-queued", lock: id, ahead: count, holder });
}

function refusalOf(
  { shared }: ControllerState,
  client: Client,
  { lock, leaseMs }: AskForLock,
): CapstanError | null {
  const requests = shared.locksOfClients.get(client.index);
  if (leaseMs < lockLeaseMinMs || leaseMs > lockLeaseMaxMs) {
    const message = `lease: ${leaseMs} ms is not from ${lockLeaseMinMs} to ${lockLeaseMaxMs} ms`;
    return new CapstanError("INVALID_ARGUMENT", message);
  }
  if (requests?.has(lock) === true) {
    return new CapstanError("INVALID_ARGUMENT", `lock: ${lock} is used for another request`);
  }
  if ((requests?.size ?? 0) < locksPerClientMax) return null;
  return new CapstanError(
    "QUOTA_EXCEEDED",
    `lock: a client holds or waits for ${locksPerClientMax} locks at most; release some`,
  );
}

/** Who holds a lock, for people: the session, and since when. */
export function describeHolder(state: ControllerState, { holder }: Lock): string {
  const { job } = openClient(state, holder.client);
  return `${state.jobs[job].id} since ${formatTime(holder.grantedAt)}`;
}

function tellGranted(state: ControllerState, out: Outbox, holder: LockHolder): void {
  const { client, id: lock, token } = holder;
  out.toClient(state, client, { type: "lock-granted", lock, token });
}

/** A client that is back is told again what it holds. */
export function tellHeldLocks(state: ControllerState, out: Outbox, client: ClientIndex): void {
  for (const [id] of state.shared.locksOfClients.get(client) ?? []) {
    const { holder } = lockOf(state.shared, client, id);
    if (holder.client === client && holder.id === id) tellGranted(state, out, holder);
  }
}

export function onUnlock(
  state: ControllerState,
  out: Outbox,
  { client: index, message, at }: { client: ClientIndex; message: LeaveLock; at: Micros },
): void {
  if (!takeSequence(state, out, openClient(state, index), message.sequence)) return;
  // What is not known any more was lost before.
  if (state.shared.locksOfClients.get(index)?.has(message.lock) !== true) return;
  leaveLock(state, out, { client: index, lock: message.lock, at });
}

/** Whoever is next in line has the lock, and is told. */
function leaveLock(
  state: ControllerState,
  out: Outbox,
  leaving: { readonly client: ClientIndex; readonly lock: number; readonly at: Micros },
): void {
  const lock = lockOf(state.shared, leaving.client, leaving.lock);
  const before = lock.holder;
  out.record(state, { type: "lock-left", ...leaving });
  if (lock.holder !== before) tellGranted(state, out, lock.holder);
}

export function onRenewLocks(
  state: ControllerState,
  out: Outbox,
  { client, message, at }: { client: ClientIndex; message: RenewLocks; at: Micros },
): void {
  const { shared } = state;
  const renewed: number[] = [];
  for (const id of new Set(message.locks)) {
    const isKnown = shared.locksOfClients.get(client)?.has(id) === true;
    const holder = isKnown ? lockOf(shared, client, id).holder : null;
    if (holder !== null && holder.client === client && holder.id === id) renewed.push(id);
    else if (!isKnown) tellLost(state, out, { client, id });
  }
  if (renewed.length === 0) return;
  out.record(state, { type: "leases-renewed", at, client, locks: renewed });
  out.toClient(state, client, { type: "locks-renewed", locks: renewed });
}

function tellLost(
  state: ControllerState,
  out: Outbox,
  { client, id: lock }: { readonly client: ClientIndex; readonly id: number },
  why?: string,
): void {
  const reason = why ?? `its lease ran out before it was renewed${orRestart(state)}`;
  out.toClient(state, client, { type: "lock-lost", lock, reason });
}

/** Nobody remembers for whom was not there why its lock has gone. */
function orRestart({ shared }: ControllerState): string {
  return shared.restarts === 0 ? "" : ", or the cluster was restarted meanwhile";
}

/** A session ends, and with it what it holds and where it stands in line. */
export function leaveAllLocks(
  state: ControllerState,
  out: Outbox,
  { client, at }: { client: ClientIndex; at: Micros },
): void {
  const ids = [...(state.shared.locksOfClients.get(client)?.keys() ?? [])];
  for (const lock of ids) leaveLock(state, out, { client, lock, at });
}

/**
 * Takes all that these sessions hold, and their places in line, and tells them. Who stands in line
 * goes first, so that nobody is granted what is taken at once. How many.
 */
export function breakLocks(
  state: ControllerState,
  out: Outbox,
  { clients, why, at }: { clients: readonly ClientIndex[]; why: string; at: Micros },
): number {
  const { shared } = state;
  const waiting: LockRequest[] = [];
  const holders: LockRequest[] = [];
  const among = new Set(clients);
  for (const lock of shared.locks.values()) {
    if (among.has(lock.holder.client)) holders.push(lock.holder);
    waiting.push(...lock.waiting.filter(({ client }) => among.has(client)));
  }
  for (const request of [...waiting, ...holders]) {
    const { client, id: lock } = request;
    leaveLock(state, out, { client, lock, at });
    tellLost(state, out, request, why);
  }
  return waiting.length + holders.length;
}

/** Takes locks from those that did not renew their lease. */
export function endLeases(state: ControllerState, out: Outbox, at: Micros): void {
  const { shared } = state;
  if (shared.sweepLocksAt === 0 || at < shared.sweepLocksAt) return;
  for (const { holder } of [...shared.locks.values()]) {
    if (holder.expiresAt > at) continue;
    const { client, id: lock } = holder;
    leaveLock(state, out, { client, lock, at });
    tellLost(state, out, { client, id: lock });
  }
  if (shared.locks.size > 0) out.record(state, { type: "leases-swept" });
}

/** When a lease may end, infinite while no lock is held: for `nextDeadline`. */
export function nextLeaseEnd({ shared }: ControllerState): Micros {
  return shared.sweepLocksAt === 0 ? Number.POSITIVE_INFINITY : shared.sweepLocksAt;
}

/** Every lock that is held, by user and name. */
export function locksView(state: ControllerState, at: Micros) {
  const locks = [...state.shared.locks.values()];
  locks.sort((a, b) => (nameKey(a.user, a.name) < nameKey(b.user, b.name) ? -1 : 1));
  return locks.map(({ user, name, holder, waiting }) => ({
    user,
    name,
    token: holder.token,
    holderJobId: jobIdOf(state, holder.client),
    grantedAt: formatTime(holder.grantedAt),
    leaseLeftMs: Math.max(0, Math.round((holder.expiresAt - at) / microsPerMs)),
    waitingJobIds: waiting.map(({ client }) => jobIdOf(state, client)),
  }));
}

function jobIdOf(state: ControllerState, client: ClientIndex): string {
  return state.jobs[openClient(state, client).job].id;
}
