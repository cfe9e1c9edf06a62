/**
 * How a worker leaves on purpose: it may ask that others copy what only it holds, and says when it
 * goes.
 *
 * @module
 */

/** It runs nothing any more, and goes when others hold what only it holds, or after `limitMs`. */
export interface WorkerEmptying {
  readonly type: "emptying";
  readonly limitMs: number;
}

/** Nobody copies anything from it any more; so many values that somebody wants are only there. */
export interface WorkerEmptied {
  readonly type: "emptied";
  readonly leftCount: number;
}

/** The worker leaves on purpose and has stopped or handed back what it ran. */
export interface WorkerLeaving {
  readonly type: "leaving";
}
