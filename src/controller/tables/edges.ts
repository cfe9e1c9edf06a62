/**
 * Dependencies between tasks: a pool of edges. A task's own edges lie next to each other, in
 * argument order; the edges *to* a task form a doubly linked list from its `dependentsHead`.
 *
 * @module
 */

import { growAhead } from "./columns.ts";

export const noEdge = 0xffffffff;

export const edgeColumns = ["owner", "target", "next", "previous"] as const;

/** Edge `e`: task `owner[e]` needs the value of task `target[e]`. */
export class EdgePool {
  owner = new Uint32Array(64);
  target = new Uint32Array(64);
  next = new Uint32Array(64);
  previous = new Uint32Array(64);
  /** The length at which the next column grows. */
  growAt = 0;
  length = 0;
  /** Freed runs of edges, by their length. */
  readonly free = new Map<number, number[]>();

  /** The first of `count` edges next to each other. */
  allocate(count: number): number {
    const start = this.free.get(count)?.pop();
    if (start !== undefined) return start;
    const first = this.length;
    this.length += count;
    if (this.length > this.growAt) this.growAt = growAhead(this, edgeColumns, this.length);
    return first;
  }

  /** Writes edge `edge` and puts it at the head of its target's list, whose old head is `head`. */
  link(edge: number, ends: { owner: number; target: number; head: number }): void {
    this.owner[edge] = ends.owner;
    this.target[edge] = ends.target;
    this.next[edge] = ends.head;
    this.previous[edge] = noEdge;
    if (ends.head !== noEdge) this.previous[ends.head] = edge;
  }

  /** Takes `edge` out of its target's list and returns the list's head, which was `head`. */
  unlink(edge: number, head: number): number {
    const next = this.next[edge];
    const previous = this.previous[edge];
    if (next !== noEdge) this.previous[next] = previous;
    if (previous === noEdge) return next;
    this.next[previous] = next;
    return head;
  }

  release(start: number, count: number): void {
    const runs = this.free.get(count);
    if (runs === undefined) this.free.set(count, [start]);
    else runs.push(start);
  }

  /** The freed runs by rising length: equal for equal pools, whatever they went through. */
  freeRuns(): readonly (readonly [number, readonly number[]])[] {
    return [...this.free].filter(([, runs]) => runs.length > 0).sort(([a], [b]) => a - b);
  }

  restoreFreeRuns(runs: readonly (readonly [number, readonly number[]])[]): void {
    this.free.clear();
    for (const [count, starts] of runs) this.free.set(count, [...starts]);
  }
}
