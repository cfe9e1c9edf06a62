/**
 * Whose turn it is: the order in which queues get capacity.
 *
 * Bands never mix. Within a band the user with the smallest weighted dominant share is next, one
 * quantum at a time, so that a user with a long queue does not keep another one waiting. Within a
 * user: priority, then depth-first by tree, so that what has been started gets finished.
 *
 * It orders and asks; what fits where is for `place` to find out. A queue that does not fit is
 * skipped, and changes nothing for any other.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { Heap } from "../base/heap.ts";

/** What the place of a queue in the order depends on. All are integers. */
export interface QueueKey {
  /** 0 production, 1 interactive, 2 batch: the effective band, after what a budget made of it. */
  readonly band: number;
  /** Any number that stands for the user; of equal shares the smaller one begins. */
  readonly user: number;
  /** The lower the earlier; 0 where the policy has no order of its own. */
  readonly rank: number;
  /** Higher goes first among the queues of one user. */
  readonly priority: number;
  /** Levels below the root of its tree of jobs: deeper goes first, so that started trees finish. */
  readonly depth: number;
  /** When the root of its tree was submitted. */
  readonly treeOrder: number;
  /** When its oldest task was submitted. */
  readonly headOrder: number;
  /** Settles what is left; distinct. */
  readonly index: number;
}

/**
 * The order of two queues of one user in one band: higher priority, then rank, then deeper, then the older
 * tree, then the older head, then the index.
 */
export function compareWithinUser(a: QueueKey, b: QueueKey): number {
  return (
    b.priority - a.priority ||
    a.rank - b.rank ||
    b.depth - a.depth ||
    a.treeOrder - b.treeOrder ||
    a.headOrder - b.headOrder ||
    a.index - b.index
  );
}

/**
 * The weighted dominant share: the largest part of any dimension's total that is in use, divided by
 * the weight. Dimensions of which there is nothing are skipped.
 *
 * @param used By dimension; may be shorter or longer than `total`.
 * @param weight Above 0; 1 by default of the caller. With 2 a user gets twice as much.
 */
export function dominantShare(used: Float64Array, total: Float64Array, weight: number): number {
  assert(weight > 0, "a user's weight is above zero");
  const count = Math.min(used.length, total.length);
  let share = 0;
  for (let index = 0; index < count; index++) {
    if (total[index] > 0) share = Math.max(share, used[index] / total[index]);
  }
  return share / weight;
}

/**
 * Walks the queues band by band; within a band, users by share. Among users of the same share it
 * begins with the smallest `user` and then goes round, so that placements which do not move a
 * dominant share cannot starve anybody.
 *
 * Costs a sort of the queues, and log(users) for each call of `place`.
 *
 * @param shareOf The user's share now. Asked once per band, and only where users compete.
 * @param place Tries to place a quantum of the queue: a few tasks, or one gang. It returns the new
 *   share of its user if it placed something; "blocked" if nothing of the queue fits, "empty" if
 *   nothing is left of it. Neither is asked again in this walk.
 */
export function walkFairly<Q extends QueueKey>(
  queues: readonly Q[],
  shareOf: (user: number) => number,
  place: (queue: Q) => "blocked" | "empty" | number,
): void {
  const ordered = [...queues].sort((a, b) => a.band - b.band || compareWithinUser(a, b));
  let start = 0;
  while (start < ordered.length) {
    let end = start + 1;
    while (end < ordered.length && ordered[end].band === ordered[start].band) end++;
    walkBand(linesOf(ordered.slice(start, end)), shareOf, place);
    start = end;
  }
}

/**
 * Walks the queues in one order over all users: the first task of the first queue, then whichever
 * is first after that.
 *
 * @param place Tries to place one task or gang of the queue. It returns the queue with its new place
 *   in the order; null if nothing of it fits, or nothing is left; "stop" ends the walk.
 */
export function walkInOrder<Q extends QueueKey>(
  queues: readonly Q[],
  place: (queue: Q) => Q | "stop" | null,
): void {
  const compare = (a: Q, b: Q) => a.band - b.band || compareWithinUser(a, b);
  const ordered = [...queues].sort(compare);
  for (let next = 0; next < ordered.length; next++) {
    const moved = place(ordered[next]);
    if (moved === "stop") return;
    if (moved === null) continue;
    let at = next--; // It may be first again.
    for (; at + 1 < ordered.length && compare(moved, ordered[at + 1]) > 0; at++) {
      ordered[at] = ordered[at + 1];
    }
    ordered[at] = moved;
  }
}

/** The queues of one user in one band, in their order, and how far the walk has come. */
interface Line<Q> {
  readonly user: number;
  readonly queues: Q[];
  next: number;
}

function linesOf<Q extends QueueKey>(queues: readonly Q[]): readonly Line<Q>[] {
  const lines = new Map<number, Line<Q>>();
  for (const queue of queues) {
    const line = lines.get(queue.user);
    if (line !== undefined) line.queues.push(queue);
    else lines.set(queue.user, { user: queue.user, queues: [queue], next: 0 });
  }
  return [...lines.values()].sort((a, b) => a.user - b.user);
}

function walkBand<Q>(
  lines: readonly Line<Q>[],
  shareOf: (user: number) => number,
  place: (queue: Q) => "blocked" | "empty" | number,
): void {
  if (lines.length === 1) {
    while (takeTurn(lines[0], place) !== null); // Nobody to be fair to.
    return;
  }
  const turns = new Heap();
  for (const [position, { user }] of lines.entries()) {
    turns.push(checkedShare(shareOf(user)), position);
  }
  while (turns.length > 0) {
    const position = turns.pop();
    const share = takeTurn(lines[position], place);
    if (share !== null) turns.push(share, position);
  }
}

/** Places a quantum of the first queue that takes one; null if none does: the user is done. */
function takeTurn<Q>(
  line: Line<Q>,
  place: (queue: Q) => "blocked" | "empty" | number,
): number | null {
  while (line.next < line.queues.length) {
    const outcome = place(line.queues[line.next]);
    if (typeof outcome === "number") return checkedShare(outcome);
    line.next++;
  }
  return null;
}

function checkedShare(share: number): number {
  assert(share >= 0, "a share is a number from zero up");
  return share;
}
